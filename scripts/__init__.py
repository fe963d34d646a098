"""Programs for whoever works on Crewline; none is part of what is installed."""
