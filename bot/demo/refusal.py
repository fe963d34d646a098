"""What a person asked for and cannot have."""

from __future__ import annotations


class Refusal(Exception):
    """The text says what is wrong, where, and what to do next. The command line prints it and exits with 2."""
