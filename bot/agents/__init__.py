"""Coding agents as programs: how each is started and how what it prints is read; one file per program."""
