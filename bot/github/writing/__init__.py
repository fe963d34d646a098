"""What carries out a write: one small function per action."""
