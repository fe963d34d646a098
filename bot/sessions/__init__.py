"""One run of one agent process: its tree, its process, its transcript, the gate and the evidence."""
