"""The disk below the server: whether it takes what is written, what lies there, and what of it may go."""
