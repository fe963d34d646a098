"""Many runs side by side: every boundary once, pairs of them by seed; what is found is data."""

from __future__ import annotations

import gc
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from multiprocessing import get_context

from tests.torture.runs import Case, Run, difference, run

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

    def add(self, verdict: Verdict) -> None:
        self.runs += 1
        self.crashes += verdict.crashes
        self.losses += verdict.losses
        self.sessions_lost += verdict.sessions_lost
        self.by_shape[verdict.case.shape] += 1
        self.by_crashes[verdict.crashes] += 1
        if verdict.wrong:
            self.failed.append(verdict)


@lru_cache(maxsize=64)
def undisturbed(case: Case) -> Run:
    return run(case.undisturbed)


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
    """Two crashes, drawn by the seed: half of the second ones come while the first is mended. Every fourth pair is a
    lost answer and a crash."""
    chance = random.Random(f"pairs {calm.shape} {calm.seed} {calm.lease}")
    reached = len(undisturbed(calm).boundaries)
    for number in range(count):
        first = chance.randrange(reached)
        second = first + 1 + chance.randrange(SOON if number % 2 else reached)
        if number % 4 == 3:
            yield replace(calm, lossy=(first,), deadly=(second,))
        else:
            yield replace(calm, deadly=(first, second))


def judge(case: Case) -> Verdict:
    done = run(case)
    wrong = difference(done, undisturbed(case.undisturbed))
    where = [number for number in (*case.deadly, *case.lossy) if number < len(done.boundaries)]
    at = tuple(done.boundaries[number] for number in sorted(where))
    return Verdict(case, done.crashes, done.losses, len(done.lost), at, wrong)


def sweep(cases: Sequence[Case], processes: int) -> Iterator[Verdict]:
    """Judge all of them, `processes` at a time. The calm runs are played first, once for all."""
    for calm in dict.fromkeys(case.undisturbed for case in cases):
        undisturbed(calm)
    if processes <= 1:
        yield from map(judge, cases)
        return
    gc.freeze()  # what is loaded stays shared between the processes, and is not searched for garbage
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        yield from pool.map(judge, cases, chunksize=4)


def shuffled(cases: Iterable[Case], seed: int) -> list[Case]:
    """In an order that shows early what goes wrong anywhere."""
    found = list(cases)
    random.Random(seed).shuffle(found)
    return found
