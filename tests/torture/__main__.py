"""The whole torture as one JSON, or one run of it with its story.

    python -m tests.torture                                        all parts; progress goes to standard error
    python -m tests.torture --parts crashes --every 10             a short cut of one part
    python -m tests.torture --shape review --crash 57              one run: what happened, and what is wrong at its end
    python -m tests.torture --part people --seed 7                 one walk of people against the bot
    python -m tests.torture --shape two --seed 3 --crash 40 --crash 52 --lease

One seed is one order of events on every machine: the interpreter is started anew with a fixed seed for its hashes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain, count, islice
from multiprocessing import get_context
from pathlib import Path

from tests.torture import day, faults, network, outage, people, two_bots
from tests.torture.endpoint import endpoint
from tests.torture.runs import Case, difference, run
from tests.torture.shapes import SHAPES
from tests.torture.sweep import (
    Tally,
    crashes,
    foresee,
    losses,
    losses_and_crashes,
    pairs,
    shuffled,
    sweep,
    undisturbed,
)
from tests.torture.verdict import EXCEPTION, Json, verdict

PAIRS_OF_A_SEED = 20
MOST_ROUNDS = 10
"""Of pairs: by then something keeps runs from being crashed twice."""
NAMES = tuple(one.name for one in SHAPES)
PARTS = ("crashes", "planted faults", "network", "outage", "people", "two bots", "day", "endpoint")


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where everything held, 1 where anything is wrong (`tests.torture.verdict`). The report is printed in any case,
    and the result of each part as it ends, to standard error."""
    given = _arguments(arguments)
    if given.part is not None:
        return people.main(["--seed", str(given.seed)])
    if given.shape is not None:
        return _tell_one(Case(given.shape, given.seed, tuple(given.crash), tuple(given.lose), given.lease))
    names = given.parts or PARTS
    report: dict[str, Json] = {}
    try:
        with _day("day" in names and given.processes > 1) as whole_day:
            parts = _parts(given, whole_day)
            for name in names:
                report[name] = played(name, parts[name])
    finally:
        wrong = verdict(report)
        whole = report | {"wrong": [*wrong]}
        print(json.dumps(whole, indent=2, ensure_ascii=False), flush=True)
    return 1 if wrong else 0


def played(name: str, part: Callable[[], dict[str, Json]]) -> dict[str, Json]:
    """The result of a part; where it breaks, that is its result, and the other parts are played all the same."""
    began = time.monotonic()
    _note(f"{name} …")
    try:
        result = part()
    except Exception as error:
        _note(traceback.format_exc())
        result = {EXCEPTION: f"{type(error).__name__}: {error}"}
    result |= {"real seconds": round(time.monotonic() - began)}
    _note(json.dumps({name: result}, indent=2, ensure_ascii=False))
    return result


@contextmanager
def _day(beside: bool) -> Iterator[Callable[[], day.Report]]:
    """What plays the day. It is one long run, which no second process can shorten: so, where there may be one, it is
    played `beside` all that comes before it."""
    if not beside:
        yield lambda: day.live(day.Day())
        return
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        yield pool.submit(day.live, day.Day()).result


def _parts(given: argparse.Namespace, whole_day: Callable[[], day.Report]) -> dict[str, Callable[[], dict[str, Json]]]:
    """By name, in the order in which they are played."""
    processes = given.processes
    return {
        "crashes": lambda: _crashes(given),
        "planted faults": _planted,
        "network": lambda: _told(network.sweep(range(network.SEEDS), _note, processes)),
        "outage": lambda: outage.sweep(range(outage.SEEDS), _note, processes),
        "people": lambda: _told(people.sweep(range(people.SEEDS), _note, processes)),
        "two bots": lambda: _told(two_bots.sweep(range(two_bots.SEEDS), _note, processes)),
        "day": lambda: asdict(whole_day()),
        "endpoint": _endpoint,
    }


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__.partition("\n")[0])
    one = parser.add_argument_group("one run, with its story")
    one.add_argument("--shape", choices=NAMES)
    one.add_argument("--part", choices=["people"], help="one walk of people, by its seed")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--crash", type=int, action="append", default=[], help="a boundary at which the bot dies")
    one.add_argument("--lose", type=int, action="append", default=[], help="a boundary at which something is lost")
    one.add_argument("--lease", action="store_true", help="instances ask for a lease")
    many = parser.add_argument_group("many")
    many.add_argument("--parts", nargs="*", choices=PARTS, metavar="PART", help=f"only these: {', '.join(PARTS)}")
    many.add_argument("--shapes", nargs="*", choices=NAMES, default=list(NAMES))
    many.add_argument("--every", type=int, default=1, help="of the boundaries, each n-th")
    many.add_argument(
        "--every-with-lease", type=int, default=3, help="the same for runs with a lease; at least --every"
    )
    many.add_argument("--pairs", type=int, default=2000, help="how many runs are crashed twice at least")
    many.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="how many runs at a time")
    return parser.parse_args(arguments)


def _tell_one(case: Case) -> int:
    done = run(case)
    wrong = difference(done, undisturbed(case.undisturbed))
    print(done.story, "", *(wrong or ("It ended as it should.",)), sep="\n")
    return 1 if wrong else 0


def _crashes(given: argparse.Namespace) -> dict[str, Json]:
    calm = [Case(name) for name in given.shapes]
    held = [Case(name, lease=True) for name in given.shapes]
    foresee((*calm, *held), given.processes)
    every_held = max(given.every, given.every_with_lease)
    sweeps = {
        "a crash at every boundary": chain.from_iterable(crashes(one, given.every) for one in calm),
        "the same with a lease": chain.from_iterable(crashes(one, every_held) for one in held),
        "every answer lost": chain.from_iterable(losses(one, given.every) for one in calm),
    }
    counts: dict[str, Json] = {one.shape: len(undisturbed(one).boundaries) for one in calm}
    flawed: list[Json] = [one.command for one in (*calm, *held) if undisturbed(one).problems]
    report: dict[str, Json] = {
        "boundaries": counts,
        "undisturbed": {"runs": len(calm) + len(held), "failed": flawed},
        "each n-th boundary": {"without a lease": given.every, "with one": every_held},
    }
    for name, cases in sweeps.items():
        report[name] = _swept(name, shuffled(cases, 0), given.processes).told()
    return report | _pairs(given)


def _pairs(given: argparse.Namespace) -> dict[str, Json]:
    """Pairs of more and more seeds, until enough runs really were crashed twice; and a tenth as many in which the
    first crash is a lost answer instead."""
    seeds = (Case(name, seed, lease=seed % 3 == 0) for seed in count(1) for name in given.shapes)
    tally, used = Tally(), list[Case]()
    for _ in range(MOST_ROUNDS):
        missing = given.pairs - tally.twice
        if missing <= 0:
            break
        more = list(islice(seeds, -(-missing // PAIRS_OF_A_SEED)))
        foresee(more, given.processes)
        cases = chain.from_iterable(pairs(one, PAIRS_OF_A_SEED) for one in more)
        _swept("pairs", shuffled(cases, 0), given.processes, tally)
        used += more
    cases = chain.from_iterable(losses_and_crashes(one, PAIRS_OF_A_SEED // 10) for one in used)
    mixed = _swept("a lost answer and a crash", shuffled(cases, 0), given.processes)
    flawed: list[Json] = [one.command for one in used if undisturbed(one).problems]
    return {
        "undisturbed, for pairs": {"runs": len(used), "failed": flawed},
        "pairs": tally.told() | {"crashed twice or more": tally.twice, "wanted": given.pairs},
        "a lost answer and a crash": mixed.told(),
    }


def _swept(name: str, cases: Sequence[Case], processes: int, tally: Tally | None = None) -> Tally:
    """What came of them, added to `tally`."""
    tally = tally or Tally()
    wanted = tally.runs + len(cases)
    for one in sweep(cases, processes):
        tally.add(one)
        if one.wrong:
            _note("\n    ".join((one.case.command, *one.at, *one.wrong[:10])))
        if tally.runs % 100 == 0:
            _note(f"{name}: {tally.runs} of {wanted}")
    _note(json.dumps({name: tally.told()}, ensure_ascii=False))
    return tally


def _planted() -> dict[str, Json]:
    verdicts = {fault.name: faults.found(fault) for fault in faults.FAULTS}
    at_crashes: dict[str, Json] = {name: one.case.command if one else "not found" for name, one in verdicts.items()}
    walks = {fault.name: faults.found_by_people(fault) for fault in faults.AMONG_PEOPLE}
    return at_crashes | {name: problems[0] if problems else "not found" for name, problems in walks.items()}


def _told(counts: Mapping[str, int | list[int]]) -> dict[str, Json]:
    return {name: [*count] if isinstance(count, list) else count for name, count in counts.items()}


def _endpoint() -> dict[str, Json]:
    with tempfile.TemporaryDirectory(prefix="crewline-endpoint-") as name:
        return asyncio.run(endpoint(Path(name)))


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        command = [sys.executable, "-m", "tests.torture", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main())
