"""How a server says that it is ready. In a file of its own, so that who starts one and waits for it need not import
the whole bot."""

READY = "crewline is ready at "
"""What the line begins with; the address follows."""
