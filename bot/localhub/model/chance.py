"""Chance that can be repeated."""

import random


class Chance:
    """Numbers from 0 to 1. The seed may be set anew at any time, and then they begin anew."""

    def __init__(self) -> None:
        self._seed: int | None = None
        self._numbers = random.Random()

    def drawn(self, seed: int) -> float:
        """The next number of this seed."""
        if seed != self._seed:
            self._seed = seed
            self._numbers.seed(seed)
        return self._numbers.random()
