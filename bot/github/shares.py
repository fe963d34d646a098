"""Who had how much content lately, and who waits for some: what fairness between objectives is made of.

An objective whose write may not go now is not kept as a write but as a *place*: its name, how urgent it is and how
much content it wants. It looks again when its turn is expected and decides anew what to write, if anything. So what
waits is bounded by the number of objectives, and of ten edits of one comment only the last is ever made.

Before others goes who is more urgent. Of the content of an hour the next piece is, among equals, for the objective
that had the least within the last hour, among those for who came first. The turn to write is for who came first: it
comes every second, and so what was promised holds. A place is kept free for its objective until `GRACE` after it was
told to come: it may have nothing to write any more, and must not hold up the others for good.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import count

from bot.model.identity import ObjectiveKey

HOUR = timedelta(hours=1)
GRACE = timedelta(seconds=60)


class Urgency(IntEnum):
    """Who waits for a request. The smaller goes first."""

    PERSON = 0
    WORK = 1
    HOUSEKEEPING = 2


Rank = tuple[int, int, int]
Turn = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """`creates` pieces of content are waited for (0: a write that makes none); expected at `told`."""

    urgency: Urgency
    creates: int
    ordinal: int
    told: datetime

    @property
    def turn(self) -> Turn:
        return self.urgency, self.ordinal


class Shares:
    """Of one installation."""

    def __init__(self) -> None:
        self._had: deque[tuple[datetime, ObjectiveKey, int]] = deque()
        self._sums: Counter[ObjectiveKey] = Counter()
        self._places: dict[tuple[ObjectiveKey, bool], Place] = {}
        self._ordinals = count()

    def had(self, objective: ObjectiveKey | None, creates: int, at: datetime) -> None:
        """Its write went out."""
        if objective is None:
            return
        self._places.pop((objective, creates > 0), None)
        if creates:
            self._had.append((at, objective, creates))
            self._sums[objective] += creates

    def share(self, objective: ObjectiveKey | None, now: datetime) -> int:
        """The content that it made within the last hour."""
        self._forget(now)
        return self._sums[objective] if objective is not None else 0

    def _forget(self, now: datetime) -> None:
        """What is older than an hour."""
        while self._had and self._had[0][0] + HOUR <= now:
            _, key, creates = self._had.popleft()
            self._sums[key] -= creates
            if not self._sums[key]:
                del self._sums[key]

    def ordinal(self, objective: ObjectiveKey | None, creates: int) -> int:
        """Its place in the order of coming: the one it had, where it waited before."""
        place = self._places.get((objective, creates > 0)) if objective is not None else None
        return next(self._ordinals) if place is None else place.ordinal

    def rank(self, objective: ObjectiveKey | None, urgency: Urgency, ordinal: int, now: datetime) -> Rank:
        return urgency, self.share(objective, now), ordinal

    def wait(self, objective: ObjectiveKey, place: Place) -> None:
        """It was told to come again at `place.told`."""
        self._places[objective, place.creates > 0] = place

    def ahead(self, objective: ObjectiveKey | None, rank: Rank, now: datetime) -> tuple[Place, ...]:
        """The places of others that go before `rank`; those that nobody came for are given up."""
        self._places = {key: place for key, place in self._places.items() if now < place.told + GRACE}
        self._forget(now)
        sums = self._sums  # asked for each place at each write: hundreds of objectives may wait
        return tuple(
            place
            for (key, _), place in self._places.items()
            if key != objective and (place.urgency, sums.get(key, 0), place.ordinal) < rank
        )

    def first_gap(self, turn: Turn, moment: datetime, apart: timedelta) -> datetime:
        """The first time from `moment` on for which nobody was told to come whose turn is before `turn`."""
        for other in sorted(place.told for place in self._places.values() if place.turn < turn):
            if other - moment >= apart:
                break
            moment = max(moment, other + apart)
        return moment

    def waiting(self) -> int:
        """How many objectives wait."""
        return len({key for key, _ in self._places})
