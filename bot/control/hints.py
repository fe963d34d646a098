"""Hints that wait to be followed: gathered by repository, so that a flood of them costs no more than a few.

A delivery is answered before anything is done about it, and anybody who may push to a repository can cause as many
as they like. So whatever waits is bounded, and what does not fit is not lost but made coarser:

* Hints that name the same are one. A hundred checks that end at once are followed once.
* More than `MOST_OF_ONE` different ones of one repository become "look at all that is open there".
* Hints of more than `MOST_REPOSITORIES` repositories become a sweep.

One task follows the hints of a repository, `SIDE_BY_SIDE` repositories at a time: the first hint opens a repository,
which asks GitHub, and a slow answer about one must not keep the others waiting.

What following costs is bounded too, by an `Allowance`: a look that a hint asks for is one request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.github.webhook import Hint
from bot.journal import begin
from bot.model.identity import RepositoryName

MOST_OF_ONE = 1000
MOST_REPOSITORIES = 1000
SIDE_BY_SIDE = 8
SHOWN = 3
"""How many GUIDs of webhooks one log line names."""
BEGINNING = frozenset({"labeled", "reopened"})
"""The actions after which an issue that nobody knows may be an objective."""


@dataclass(slots=True)
class Allowance:
    """`burst` at once, and one more every `seconds`: far more than an objective in its normal life needs, and little
    enough that no flood uses up what GitHub allows in an hour."""

    burst: float = 20.0
    seconds: float = 4.0
    left: float = 20.0
    at: float = 0.0

    def wait(self, now: float) -> float:
        """Take one where there is one: 0. Else the seconds until there is; whoever waits so long takes none, so that
        all who wait together cost one."""
        self._refill(now)
        if self.left >= 1:
            self.left -= 1
            return 0.0
        return (1 - self.left) * self.seconds

    def reserve(self, now: float) -> float:
        """Take one that may not be there yet: the seconds until it is. Each that is reserved comes after the last."""
        self._refill(now)
        self.left -= 1
        return max(0.0, -self.left * self.seconds)

    def _refill(self, now: float) -> None:
        self.left = min(self.burst, self.left + (now - self.at) / self.seconds)
        self.at = now


@dataclass(slots=True)
class Cause:
    """The GUIDs of some webhooks, and how many there were."""

    first: list[str] = field(default_factory=list)
    more: int = 0

    def add(self, guid: str) -> None:
        if len(self.first) < SHOWN and guid not in self.first:
            self.first.append(guid)
        elif guid not in self.first:
            self.more += 1

    def followed_by(self, later: Cause | None) -> Cause:
        """Both together."""
        both = Cause([*self.first], self.more + (later.more if later else 0))
        for guid in later.first if later else ():
            both.add(guid)
        return both

    def guids(self) -> str | None:
        """In one field of a log line."""
        return ", ".join(self.first) + (f" and {self.more} more" if self.more else "") or None


@dataclass(slots=True)
class Gathered:
    """The hints of one repository. `everything`: there were too many to keep."""

    hints: dict[Clue, Hint] = field(default_factory=dict)
    everything: bool = False

    def add(self, hint: Hint) -> None:
        self.hints[_clue(hint)] = hint
        if len(self.hints) > MOST_OF_ONE:
            self.hints.clear()
            self.everything = True

    def cause(self) -> Cause:
        cause = Cause()
        for hint in self.hints.values():
            cause.add(hint.delivery)
        return cause


Clue = tuple[str, str, str | None, frozenset[int], frozenset[str]]


def _clue(hint: Hint) -> Clue:
    """What following a hint depends on."""
    action = hint.action if hint.action in BEGINNING else ""
    return (hint.event, action, hint.label if action else None, hint.numbers, hint.branches)


class Hints:
    """Runs in `group`. `follow` handles what was gathered for one repository and raises nothing; `too_many` is called
    where hints were dropped."""

    def __init__(
        self,
        group: asyncio.TaskGroup,
        follow: Callable[[RepositoryName, Gathered], Awaitable[None]],
        too_many: Callable[[], None],
    ) -> None:
        self._group = group
        self._follow = follow
        self._too_many = too_many
        self._waiting: dict[RepositoryName, Gathered] = {}
        self._following: set[RepositoryName] = set()
        self._turns = asyncio.Semaphore(SIDE_BY_SIDE)

    def add(self, hint: Hint) -> None:
        """Returns at once."""
        name = hint.repository
        if name not in self._waiting and len(self._waiting) >= MOST_REPOSITORIES:
            self._too_many()
            return
        self._waiting.setdefault(name, Gathered()).add(hint)
        if name not in self._following:
            self._following.add(name)
            self._group.create_task(self._work(name), name=f"follows hints of {name}")

    def __len__(self) -> int:
        """How many wait."""
        return sum(len(gathered.hints) for gathered in self._waiting.values())

    async def _work(self, name: RepositoryName) -> None:
        begin()
        try:
            while name in self._waiting:
                async with self._turns:
                    await self._follow(name, self._waiting.pop(name))
        finally:
            self._following.discard(name)
