"""The objectives of a repository that are over: all that is remembered of them is which numbers belong to them."""

from __future__ import annotations

from collections.abc import Iterable

NOTHING: frozenset[int] = frozenset()


class ClosedObjectives:
    """Asked for every hint, so it is kept by number: some hundred bytes for each issue and pull request."""

    def __init__(self) -> None:
        self._numbers: dict[int, tuple[int, ...]] = {}
        self._of: dict[int, frozenset[int]] = {}

    def __contains__(self, objective: int) -> bool:
        return objective in self._numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, objective: int, numbers: Iterable[int]) -> None:
        """`objective` is over, and `numbers` are its issues and pull requests."""
        self.discard(objective)
        this = frozenset({objective})
        self._numbers[objective] = tuple(numbers)
        for number in {objective, *self._numbers[objective]}:
            before = self._of.get(number)
            self._of[number] = this if before is None else before | this

    def discard(self, objective: int) -> bool:
        """It is open again; whether it was known as over."""
        numbers = self._numbers.pop(objective, None)
        if numbers is None:
            return False
        for number in {objective, *numbers}:
            others = self._of[number] - {objective}
            if others:
                self._of[number] = others
            else:
                del self._of[number]
        return True

    def of(self, number: int) -> frozenset[int]:
        """Those that an issue or pull request belongs to."""
        return self._of.get(number, NOTHING)
