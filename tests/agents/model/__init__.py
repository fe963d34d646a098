"""A scripted model behind the protocols that agent programs speak: the real programs run, no model is asked."""
