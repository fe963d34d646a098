"""Many runs side by side: all boundaries once, pairs of crashes by seed. What is found is data, and prints as JSON."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import get_context

from tests.torture.runs import Run, difference, run
from tests.torture.shapes import SHAPES, shape


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """One run with crashes: all that is needed to play it again."""

    shape: str
    seed: int
    deadly: tuple[int, ...]

    @property
    def command(self) -> str:
        crashes = " ".join(f"--crash {number}" for number in self.deadly)
        return f"python -m tests.torture --shape {self.shape} --seed {self.seed} {crashes}".rstrip()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a case. `wrong` is empty where it ended as it should."""

    case: Case
    crashes: int
    lost: int
    at: tuple[str, ...]
    wrong: tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """What a sweep counted."""

    runs: int = 0
    crashes: int = 0
    by_crashes: dict[int, int] = field(default_factory=dict)
    sessions_lost: int = 0
    failed: list[Verdict] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        self.runs += 1
        self.crashes += verdict.crashes
        self.by_crashes[verdict.crashes] = self.by_crashes.get(verdict.crashes, 0) + 1
        self.sessions_lost += verdict.lost
        if verdict.wrong:
            self.failed.append(verdict)


@lru_cache(maxsize=32)
def undisturbed(name: str, seed: int) -> Run:
    return run(shape(name), seed)


def singles(names: Iterable[str], seed: int = 0, every: int = 1) -> Iterator[Case]:
    """Each boundary of each shape once; every n-th where a short cut is wanted."""
    for name in names:
        for number in range(0, len(undisturbed(name, seed).boundaries), every):
            yield Case(name, seed, (number,))


def pairs(names: Sequence[str], seeds: Iterable[int], of_each: int) -> Iterator[Case]:
    """Two crashes, drawn by the seed: the second comes while the first is mended, or any time after."""
    for seed in seeds:
        chance = random.Random(f"pairs {seed}")
        name = names[seed % len(names)]
        count = len(undisturbed(name, seed).boundaries)
        for _ in range(of_each):
            first = chance.randrange(count)
            soon = chance.random() < 0.5
            second = first + 1 + chance.randrange(25 if soon else count)
            yield Case(name, seed, (first, second))


def judge(case: Case) -> Verdict:
    done = run(shape(case.shape), case.seed, case.deadly)
    wrong = difference(done, undisturbed(case.shape, case.seed))
    at = tuple(done.boundaries[number] for number in case.deadly if number < len(done.boundaries))
    return Verdict(case, done.crashes, len(done.lost), at, wrong)


def sweep(cases: Iterable[Case], processes: int, most_failures: int = 1000) -> Iterator[Verdict]:
    """Judge all of them, `processes` at a time, in the order in which they are done."""
    if processes <= 1:
        yield from map(judge, cases)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        yield from pool.map(judge, cases, chunksize=4)


ALL = tuple(one.name for one in SHAPES)
