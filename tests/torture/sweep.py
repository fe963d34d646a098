"""Many runs side by side: every boundary once, pairs of them by seed; what is found is data."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tests.torture.runs import Case, Run, difference, run
from tests.torture.spread import spread
from tests.torture.verdict import Json

SOON = 25
"""Half of all second crashes come within so many boundaries after the first: while it is mended."""
AFTER = ("is answered", "ends to")
"""How boundaries begin at which an answer is about to be read."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a case. `at` are the boundaries where something happened; `wrong` is empty where it ended as it
    should."""

    case: Case
    crashes: int
    losses: int
    sessions_lost: int
    at: tuple[str, ...]
    wrong: tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """What a sweep counted."""

    runs: int = 0
    crashes: int = 0
    losses: int = 0
    sessions_lost: int = 0
    by_shape: Counter[str] = field(default_factory=Counter)
    by_crashes: Counter[int] = field(default_factory=Counter)
    failed: list[Verdict] = field(default_factory=list)

    @property
    def twice(self) -> int:
        """How many runs had two crashes or more."""
        return sum(count for crashes, count in self.by_crashes.items() if crashes >= 2)

    def add(self, verdict: Verdict) -> None:
        self.runs += 1
        self.crashes += verdict.crashes
        self.losses += verdict.losses
        self.sessions_lost += verdict.sessions_lost
        self.by_shape[verdict.case.shape] += 1
        self.by_crashes[verdict.crashes] += 1
        if verdict.wrong:
            self.failed.append(verdict)

    def told(self) -> dict[str, Json]:
        """As it stands in the report; what failed by the command that plays it again."""
        return {
            "runs": self.runs,
            "crashes": self.crashes,
            "losses": self.losses,
            "runs by crashes": {str(number): count for number, count in sorted(self.by_crashes.items())},
            "sessions that crashes cost": self.sessions_lost,
            "failed": [verdict.case.command for verdict in self.failed],
        }


_CALM: dict[Case, Run] = {}


def undisturbed(case: Case) -> Run:
    """Played once."""
    calm = case.undisturbed
    if calm not in _CALM:
        _CALM[calm] = run(calm)
    return _CALM[calm]


def foresee(cases: Iterable[Case], processes: int) -> None:
    """Have the undisturbed runs of these cases played, side by side."""
    missing = [calm for calm in dict.fromkeys(case.undisturbed for case in cases) if calm not in _CALM]
    _CALM.update(zip(missing, spread(run, missing, processes), strict=True))


def crashes(calm: Case, every: int = 1, first: int = 0) -> Iterator[Case]:
    """Each boundary of a run once; every n-th where a short cut is wanted."""
    for number in range(first, len(undisturbed(calm).boundaries), every):
        yield replace(calm, deadly=(number,))


def losses(calm: Case, every: int = 1, first: int = 0) -> Iterator[Case]:
    """Each request, fetch and push that loses its answer, while the bot lives on."""
    names = [name.partition(": ")[2] for name in undisturbed(calm).boundaries]
    answers = [number for number, name in enumerate(names) if name.startswith(AFTER)]
    for number in answers[first::every]:
        yield replace(calm, lossy=(number,))


def pairs(calm: Case, count: int) -> Iterator[Case]:
    """Two crashes, drawn by the seed: half of the second ones come while the first is mended, the others anywhere in
    the rest of the run. A few of those beyond the last boundary are never reached."""
    chance = random.Random(f"pairs {calm.shape} {calm.seed} {calm.lease}")
    for number in range(count):
        yield replace(calm, deadly=_two(calm, chance, soon=number % 2 == 1))


def losses_and_crashes(calm: Case, count: int) -> Iterator[Case]:
    """As pairs, but what comes first is a lost answer, or a request that never arrives."""
    chance = random.Random(f"a loss and a crash {calm.shape} {calm.seed} {calm.lease}")
    for number in range(count):
        lost, deadly = _two(calm, chance, soon=number % 2 == 1)
        yield replace(calm, lossy=(lost,), deadly=(deadly,))


def _two(calm: Case, chance: random.Random, *, soon: bool) -> tuple[int, int]:
    reached = len(undisturbed(calm).boundaries)
    first = chance.randrange(reached)
    return first, first + 1 + chance.randrange(SOON if soon else max(SOON, reached - first))


def judge(case: Case) -> Verdict:
    done = run(case)
    wrong = difference(done, undisturbed(case.undisturbed))
    where = [number for number in (*case.deadly, *case.lossy) if number < len(done.boundaries)]
    at = tuple(done.boundaries[number] for number in sorted(where))
    return Verdict(case, done.crashes, done.losses, len(done.lost), at, wrong)


def sweep(cases: Sequence[Case], processes: int) -> Iterator[Verdict]:
    """Judge all of them, `processes` at a time. The calm runs are played first, once for all."""
    foresee(cases, processes)
    return spread(judge, cases, processes, together=4)


def shuffled(cases: Iterable[Case], seed: int) -> list[Case]:
    """In an order that shows early what goes wrong anywhere."""
    found = list(cases)
    random.Random(seed).shuffle(found)
    return found
