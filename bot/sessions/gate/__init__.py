"""The gate: what may leave the machine. `change` reads the net difference, `rules` decides over it, and
`history` looks for secrets on the way there."""
