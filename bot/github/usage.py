"""What was asked of GitHub, counted by kind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class KindUsage:
    """`points` are those of the primary limit: 1 for a REST request, what GitHub says for a GraphQL query."""

    kind: str
    requests: int = 0
    points: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """All requests that were sent, repetitions included."""

    kinds: tuple[KindUsage, ...] = ()

    @property
    def requests(self) -> int:
        return sum(kind.requests for kind in self.kinds)

    @property
    def points(self) -> int:
        return sum(kind.points for kind in self.kinds)

    def __add__(self, other: Usage) -> Usage:
        counter = UsageCounter()
        for kind in (*self.kinds, *other.kinds):
            counter.count(kind.kind, kind.requests, kind.points)
        return counter.usage()


class UsageCounter:
    """Adds up."""

    def __init__(self) -> None:
        self._kinds: dict[str, KindUsage] = {}

    def count(self, kind: str, requests: int = 0, points: int = 0) -> None:
        before = self._kinds.get(kind, KindUsage(kind))
        self._kinds[kind] = KindUsage(kind, before.requests + requests, before.points + points)

    def usage(self) -> Usage:
        return Usage(tuple(sorted(self._kinds.values())))
