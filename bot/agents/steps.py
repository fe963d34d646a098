"""The tokens of a run that is told step by step, and their price, as running sums."""

from __future__ import annotations

_RECENT = 1000
"""Steps of which a later word replaces the earlier one; what an older one has cost stays counted."""
_LONGEST_NAME = 200


class Steps:
    """`read` and `written` by all steps together, and `usd` of those that have a price; None where none has. What is
    kept is bounded, however many there are."""

    def __init__(self) -> None:
        self.read = self.written = 0
        self.usd: float | None = None
        self._recent: dict[str, tuple[int, int, float]] = {}

    def __bool__(self) -> bool:
        return bool(self._recent)

    def add(self, step: str, read: int, written: int, usd: float | None = None) -> None:
        """What `step` has cost so far."""
        name = step[:_LONGEST_NAME]
        read_before, written_before, usd_before = self._recent.pop(name, (0, 0, 0.0))
        self._recent[name] = read, written, usd or 0.0
        self.read += read - read_before
        self.written += written - written_before
        if usd is not None:
            self.usd = (self.usd or 0.0) + usd - usd_before
        if len(self._recent) > _RECENT:
            del self._recent[next(iter(self._recent))]
