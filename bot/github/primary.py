"""The primary limit of one resource, as the ``x-ratelimit-*`` headers of the answers tell it.

Answers may come in another order than they were made in: within one hour the smallest number counts. What is on its
way is taken off as well, by what such a request took before. Of what is left, some is kept back for those who are
more urgent: the sweep stops first, work later, and what a person asked for goes out until the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from bot.github.shares import Urgency

LEAST = 5_000
KEPT_BACK = {Urgency.PERSON: 0.004, Urgency.WORK: 0.02, Urgency.HOUSEKEEPING: 0.2}
"""Which part of an hour's points a request of this urgency leaves untouched."""


class Primary:
    """Of ``core`` or ``graphql``."""

    def __init__(self) -> None:
        self._limit = 0
        self._remaining = 0
        self._reset: datetime | None = None
        self._on_the_way = 0

    def learn(self, headers: Mapping[str, str]) -> None:
        """What an answer says; headers in lower case."""
        limit, remaining, reset = (_number(headers, name) for name in ("limit", "remaining", "reset"))
        if remaining is None or reset is None:
            return
        limit = limit or LEAST
        until = reset_at(reset)
        if self._reset is None or until > self._reset:
            self._limit, self._remaining, self._reset = limit, remaining, until
        elif until == self._reset:
            self._remaining = min(remaining, self._remaining)

    def opens(self, now: datetime, points: int, urgency: Urgency) -> datetime:
        """When a request of so many points may go out."""
        if self._reset is None or now >= self._reset:
            return now
        left = self._remaining - self._on_the_way - points
        return now if left >= self._limit * KEPT_BACK[urgency] else self._reset

    @contextmanager
    def on_the_way(self, points: int) -> Iterator[None]:
        """While a request of about so many points is not answered."""
        self._on_the_way += points
        try:
            yield
        finally:
            self._on_the_way -= points


def reset_at(told: int) -> datetime:
    """When the hour of a primary limit is over, of which GitHub tells a whole second: it may end within that one."""
    return datetime.fromtimestamp(told + 1, UTC)


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(f"x-ratelimit-{name}", "")
    return int(text) if text.isascii() and text.isdigit() else None
