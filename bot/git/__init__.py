"""Git as a subprocess, isolated from the machine's settings, and the bare mirror that is ours alone."""
