"""How many sessions may run at once: together, of one role, in one repository; and whose turn it is.

A slot goes to a review before anything else, since a review sets others free; then to the objective that has the
fewest sessions, so that a large one cannot keep a small one waiting; then to who has waited longest for its turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.model.assignment import Assignment
from bot.model.identity import ObjectiveKey, RepositoryName
from bot.model.session import Role


@dataclass(frozen=True, slots=True)
class Slots:
    """A role that is not named, and a repository where there is no number, may have them all."""

    total: int
    by_role: Mapping[Role, int] = field(default_factory=dict)
    by_repository: int | None = None


class Place(NamedTuple):
    """What a slot is for."""

    objective: ObjectiveKey
    role: Role

    @classmethod
    def of(cls, assignment: Assignment) -> Place:
        repository = RepositoryName.parse(assignment.repository)
        return cls(ObjectiveKey(repository, assignment.objective), assignment.role)


Taken = tuple[int, frozenset[tuple[Place, int]]]
"""How many slots are free, and how many who has."""


class Occupancy:
    """Who has a slot at one moment; a copy to reckon with."""

    def __init__(self, slots: Slots, taken: Iterable[Place] = (), *, closed: bool = False) -> None:
        self._slots = slots
        self._closed = closed
        self._total = 0
        self._roles: Counter[Role] = Counter()
        self._repositories: Counter[RepositoryName] = Counter()
        self._objectives: Counter[ObjectiveKey] = Counter()
        self._places: Counter[Place] = Counter()
        for place in taken:
            self.take(place)

    def copy(self, *, closed: bool = False) -> Occupancy:
        """The same, to reckon with. `closed`: nobody gets anything more."""
        other = Occupancy(self._slots, closed=self._closed or closed)
        other._total = self._total
        other._roles = self._roles.copy()
        other._repositories = self._repositories.copy()
        other._objectives = self._objectives.copy()
        other._places = self._places.copy()
        return other

    def take(self, place: Place) -> None:
        """Also where it does not fit."""
        self._change(place, 1)

    def give_back(self, place: Place) -> None:
        self._change(place, -1)
        if not self._objectives[place.objective]:
            del self._objectives[place.objective]
        if not self._places[place]:
            del self._places[place]

    def _change(self, place: Place, by: int) -> None:
        self._total += by
        self._roles[place.role] += by
        self._repositories[place.objective.repository] += by
        self._objectives[place.objective] += by
        self._places[place] += by

    @property
    def state(self) -> Taken:
        """Two that are equal in this are alike."""
        return self.free, frozenset(self._places.items())

    def fits(self, place: Place) -> bool:
        repository = self._slots.by_repository
        return (
            self.free > 0
            and self._roles[place.role] < self._slots.by_role.get(place.role, self._slots.total)
            and (repository is None or self._repositories[place.objective.repository] < repository)
        )

    @property
    def free(self) -> int:
        """Slots that nobody has, whatever for; never negative."""
        return 0 if self._closed else max(0, self._slots.total - self._total)

    def precedence(self, place: Place) -> tuple[bool, int]:
        """The smaller one comes first; of equals, who waited longest."""
        return place.role is not Role.REVIEWER, self._objectives[place.objective]
