"""The real agent programs, from their registries, against the scripted model."""
