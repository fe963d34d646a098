"""Whose turn it is: how many sessions an objective may start now, if others that wait shall have their share.

Every look leaves behind what its objective would start if there were slots: a wish. Before an objective claims
anything, the free slots are dealt in thought among all who wish, in the order of `bot.engines.slots`, and it may have
what falls to it. So a slot that becomes free goes to who is next, also where somebody else is looked at first.

What must hold: no slot stays free for somebody who does not take it. A wish is exact, made by the same rules as the
claim; it is forgotten where a look fails, or where nothing may start; and whoever would be dealt a slot after a look
is looked at. Two repositories that are looked at in the same moment may both take the last slot: then the engine has
one of the sessions wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from bot.engines.engine import Engine
from bot.engines.slots import Occupancy, Place, Taken
from bot.model.identity import ObjectiveKey
from bot.model.session import Role


@dataclass(frozen=True, slots=True)
class Wish:
    """How many sessions of each role an objective would start at once. `since` orders those that wait."""

    wants: Mapping[Role, int]
    since: int


def deal(wishes: Mapping[ObjectiveKey, Wish], free: Occupancy) -> list[Place]:
    """Who gets the slots of `free`, which are taken."""
    dealt: list[Place] = []
    if not free.free:
        return dealt
    left: dict[Place, int] = {}
    order: list[tuple[bool, int, int, int, Place]] = []
    for key, wish in wishes.items():
        for role, count in wish.wants.items():
            if count > 0:
                place = Place(key, role)
                left[place] = count
                order.append((*free.precedence(place), wish.since, len(order), place))
    heapify(order)
    while order and free.free:
        _, _, since, ordinal, place = heappop(order)
        if not free.fits(place):
            continue  # and never will: slots are only taken here
        precedence = free.precedence(place)
        entry = (*precedence, since, ordinal, place)
        if order and entry > order[0]:
            heappush(order, entry)  # its objective got another slot meanwhile, so others go before it
            continue
        free.take(place)
        dealt.append(place)
        left[place] -= 1
        if left[place]:
            heappush(order, (*free.precedence(place), since, ordinal, place))
    return dealt


class Turns:
    """The wishes of all objectives of this server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._wishes: dict[ObjectiveKey, Wish] = {}
        self._offered: set[ObjectiveKey] = set()
        self._count = 0
        self._changes = 0
        self._allowed: tuple[tuple[ObjectiveKey, int, Taken], Mapping[Role, int]] | None = None
        """What was worked out last, and from what: a look asks again and again."""

    def allowed(self, key: ObjectiveKey) -> Mapping[Role, int]:
        """How many sessions the objective may start now if they are of this role, those of others it starts as well
        included."""
        state = (key, self._changes, self._engine.occupancy().state)
        if self._allowed is None or self._allowed[0] != state:
            self._allowed = (state, self._dealt_to(key))
        return self._allowed[1]

    def _dealt_to(self, key: ObjectiveKey) -> Mapping[Role, int]:
        since = self._wishes[key].since if key in self._wishes else self._count + 1
        wishes = dict(self._wishes)
        now = self._engine.occupancy()
        allowed: dict[Role, int] = {}
        for role in Role:
            wishes[key] = Wish({role: now.free}, since)
            dealt = deal(wishes, now.copy())
            allowed[role] = sum(place.objective == key for place in dealt)
        return allowed

    @contextmanager
    def looking(self, key: ObjectiveKey) -> Iterator[None]:
        """A look. What its objective wished before and does not wish again is forgotten, and so is what it wishes but
        does not take where it is offered: whatever is wrong there, nobody else shall wait for it."""
        before, offered = self._wishes.get(key), key in self._offered
        self._offered.discard(key)
        try:
            yield
        finally:
            after = self._wishes.get(key)
            if after is before or (offered and after and before and after.since == before.since and self._due(key)):
                self.forget(key)

    def wishes(self, key: ObjectiveKey, wants: Mapping[Role, int]) -> None:
        """What the objective would still start."""
        before = self._wishes.pop(key, None)
        self._changes += 1
        if not any(wants.values()):
            return
        if before is None:
            self._count += 1
        self._wishes[key] = Wish(dict(wants), self._count if before is None else before.since)

    def waits(self, key: ObjectiveKey) -> bool:
        """Whether it is looked at when its turn comes."""
        return key in self._wishes

    def forget(self, key: ObjectiveKey) -> None:
        self._changes += 1
        self._wishes.pop(key, None)

    def next(self) -> list[ObjectiveKey]:
        """Those to whom free slots would be dealt now: they are offered them."""
        due = list(dict.fromkeys(place.objective for place in deal(self._wishes, self._engine.occupancy())))
        self._offered.update(due)
        return due

    def _due(self, key: ObjectiveKey) -> bool:
        return any(place.objective == key for place in deal(self._wishes, self._engine.occupancy()))
