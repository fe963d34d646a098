"""What was spent within the last minute or hour, and when there is room for more."""

from __future__ import annotations

from collections import Counter, deque
from datetime import datetime, timedelta
from math import ceil

MARGIN = timedelta(seconds=1)
"""Added to every span: two machines never measure a minute quite alike."""


class Window:
    """Rolling over `span`, with room for `most`. Spending is told in the order of time."""

    def __init__(self, span: timedelta, most: float) -> None:
        self.most = most
        self._span = span + MARGIN
        self._spent: deque[tuple[datetime, float]] = deque()
        self._total = 0.0

    def spend(self, at: datetime, amount: float) -> None:
        if amount > 0:
            self._spent.append((at, amount))
            self._total += amount

    def recall(self, at: datetime, amount: float) -> None:
        """Spent by somebody else, and told out of order."""
        self._spent = deque(sorted([*self._spent, (at, amount)]))
        self._total += amount

    def by_minute(self, now: datetime) -> dict[int, int]:
        """What was spent in which minute since 1970."""
        self.total(now)
        minutes: Counter[int] = Counter()
        for at, amount in self._spent:
            minutes[int(at.timestamp() // 60)] += int(amount)
        return dict(minutes)

    def total(self, now: datetime) -> float:
        while self._spent and self._spent[0][0] + self._span <= now:
            self._total -= self._spent.popleft()[1]
        return self._total

    def opens(self, now: datetime, amount: float, kept_back: float = 0) -> datetime:
        """When `amount` more fits while `kept_back` of the room stays free. More than ever fits at once waits for
        as many spans as it takes."""
        most = max(1.0, self.most - kept_back)
        excess = self.total(now) + amount - most
        if excess <= 0:
            return now
        opened = now
        for at, spent in self._spent:
            excess -= spent
            opened = at + self._span
            if excess <= 0:
                return opened
        return opened + self._span * ceil(excess / most)
