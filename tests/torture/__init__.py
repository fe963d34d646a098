"""The bot under torture: crashed at every boundary, in virtual time, one order of events for each seed."""
