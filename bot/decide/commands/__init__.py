"""What people type: one file per command, with its grammar, its help and its handler together."""
