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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from tests.torture import day, faults, network, people, two_bots
from tests.torture.endpoint import Json, endpoint
from tests.torture.runs import Case, difference, run
from tests.torture.shapes import SHAPES
from tests.torture.sweep import Tally, crashes, losses, pairs, shuffled, sweep, undisturbed

PAIRS_OF_A_SEED = 20
NAMES = tuple(one.name for one in SHAPES)


def main(arguments: Sequence[str] | None = None) -> int:
    given = _arguments(arguments)
    if given.part is not None:
        return people.main(["--seed", str(given.seed)])
    if given.shape is not None:
        return _tell_one(Case(given.shape, given.seed, tuple(given.crash), tuple(given.lose), given.lease))
    parts: dict[str, Callable[[], dict[str, Json]]] = {
        "crashes": lambda: _crashes(given),
        "planted faults": _planted,
        "network": lambda: _told(network.sweep(range(network.SEEDS), _note)),
        "people": lambda: _told(people.sweep(range(people.SEEDS), _note)),
        "two bots": lambda: _told(two_bots.sweep(range(two_bots.SEEDS), _note)),
        "day": lambda: asdict(day.live(day.Day())),
        "endpoint": _endpoint,
    }
    report: dict[str, Json] = {}
    for name in given.parts or parts:
        began = time.monotonic()
        _note(f"{name} …")
        report[name] = parts[name]() | {"real seconds": round(time.monotonic() - began)}
    print(json.dumps(report, indent=2, ensure_ascii=False))
    return 0


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
    many.add_argument("--parts", nargs="*", help="only these: crashes, 'planted faults', network, 'two bots', …")
    many.add_argument("--shapes", nargs="*", choices=NAMES, default=list(NAMES))
    many.add_argument("--every", type=int, default=1, help="of the boundaries, each n-th")
    many.add_argument("--pairs", type=int, default=2000, help="how many pairs of crashes")
    many.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    return parser.parse_args(arguments)


def _tell_one(case: Case) -> int:
    done = run(case)
    wrong = difference(done, undisturbed(case.undisturbed))
    print(done.story, "", *(wrong or ("It ended as it should.",)), sep="\n")
    return 1 if wrong else 0


def _crashes(given: argparse.Namespace) -> dict[str, Json]:
    calm = [Case(name) for name in given.shapes]
    held = [Case(name, lease=True) for name in given.shapes]
    seeds = range(1, 1 + -(-given.pairs // (PAIRS_OF_A_SEED * len(calm))))
    two = [Case(name, seed, lease=seed % 3 == 0) for seed in seeds for name in given.shapes]
    sweeps = {
        "a crash at every boundary": chain.from_iterable(crashes(one, given.every) for one in calm),
        "the same with a lease": chain.from_iterable(crashes(one, given.every) for one in held),
        "every answer lost": chain.from_iterable(losses(one, given.every) for one in calm),
        "pairs": chain.from_iterable(pairs(one, PAIRS_OF_A_SEED) for one in two),
    }
    counts: dict[str, Json] = {one.shape: len(undisturbed(one).boundaries) for one in calm}
    report: dict[str, Json] = {"boundaries": counts, "seeds of pairs": [seeds.start, seeds.stop - 1]}
    for name, cases in sweeps.items():
        report[name] = _swept(name, shuffled(cases, 0), given.processes)
    return report


def _swept(name: str, cases: Sequence[Case], processes: int) -> dict[str, Json]:
    tally = Tally()
    for verdict in sweep(cases, processes):
        tally.add(verdict)
        if verdict.wrong:
            _note("\n    ".join((verdict.case.command, *verdict.at, *verdict.wrong[:10])))
        if tally.runs % 100 == 0:
            _note(f"{name}: {tally.runs} of {len(cases)}")
    failed: list[Json] = [verdict.case.command for verdict in tally.failed]
    return {
        "runs": tally.runs,
        "crashes": tally.crashes,
        "losses": tally.losses,
        "runs by crashes": {str(number): count for number, count in sorted(tally.by_crashes.items())},
        "sessions that crashes cost": tally.sessions_lost,
        "failed": failed,
    }


def _planted() -> dict[str, Json]:
    verdicts = {fault.name: faults.found(fault) for fault in faults.FAULTS}
    return {name: verdict.case.command if verdict else "not found" for name, verdict in verdicts.items()}


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
