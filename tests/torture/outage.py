"""GitHub is down for an hour in the middle of an objective: every request is answered 502, or none is answered, or
nobody listens any more; git likewise, and no webhook is sent.

    python -m tests.torture.outage                  thirty seeds
    python -m tests.torture.outage --seed 7         one seed, with its story

One seed is one shape of objective, one way to be down and one moment at which that begins, anywhere between the
hand-off and the end. The settings are those that a server has by itself: its lease is long over when GitHub is back.

The end must be that of the undisturbed run, with the same sessions: what ended meanwhile counts, and no session that
was under way is lost or done again. When GitHub is back the bot goes on by itself within `PATIENCE` seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import get_args

from tests.stories.ending import twice
from tests.torture.normal_form import normal_form
from tests.torture.runs import CALM, QUIET, Case, difference, dishonest, fast_folder, lost, out_of_order
from tests.torture.runs import Run as Whole
from tests.torture.shapes import BEFORE, SHAPES, Shape
from tests.torture.spread import spread
from tests.torture.story import Story
from tests.torture.sweep import undisturbed
from tests.torture.theatre import Down, Scenery, Theatre, perform
from tests.torture.verdict import Json

SEEDS = 30
HOUR = 3600.0
PATIENCE = 300.0
"""Seconds after GitHub is back within which the bot must have written something."""
WAYS: tuple[Down, ...] = get_args(Down)
TIMED = ("conflict", "command")
"""Shapes in which people act while a session is under way: what they interrupt would be another one."""


@dataclass(frozen=True, slots=True)
class Run:
    """`after`: how many seconds after GitHub was back the bot first wrote."""

    seed: int
    problems: tuple[str, ...]
    after: float | None = None
    story: str = field(default="", repr=False)


def shape_of(seed: int) -> Shape:
    shapes = [one for one in SHAPES if one.name not in TIMED]
    return shapes[seed // len(WAYS) % len(shapes)]


def run(seed: int) -> Run:
    """One seed. What went wrong is among its problems, whatever it is."""
    told: list[Story] = []
    of = shape_of(seed)
    calm = undisturbed(Case(of.name, seed, lease=True))

    async def story(theatre: Theatre) -> Run:
        told.append(theatre.story)
        return await _play(theatre, of, seed, calm)

    folder = Path(mkdtemp(prefix="outage-", dir=fast_folder()))
    try:
        return perform(story, folder, Scenery(of.playbook, seed, config=of.config))
    except Exception as error:
        return Run(seed, (f"it broke: {type(error).__name__}: {error}",), story=told[0].text() if told else "")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _play(theatre: Theatre, of: Shape, seed: int, calm: Whole) -> Run:
    theatre.start_bot()
    async with asyncio.TaskGroup() as group:
        outage = group.create_task(_an_hour(theatre, seed, calm.seconds))
        await of.people(theatre)
        after = await outage
    await theatre.pass_time(CALM)
    written = len(_written(theatre))
    await theatre.pass_time(QUIET)
    problems = [*theatre.errors, *twice(theatre.shop, theatre.crewline), *out_of_order(theatre)]
    problems += [*await dishonest(theatre), *(f"{session} is lost" for session in await lost(theatre))]
    if len(_written(theatre)) != written:
        problems.append("something was written long after the end")
    if after is None or after > PATIENCE:
        problems.append(f"GitHub was back, and {PATIENCE:.0f} s later nothing had been written")
    end = await normal_form(theatre.shop, theatre.crewline)
    wrong = difference(Whole(calm.case, problems=tuple(problems), end=end), calm)
    return Run(seed, wrong, after, theatre.story.text())


async def _an_hour(theatre: Theatre, seed: int, seconds: float) -> float | None:
    """GitHub goes down at a moment of a run that takes so many seconds: how long after it was back the bot wrote."""
    chance = random.Random(f"outage {seed}")
    await theatre.pass_time(chance.uniform(BEFORE + 1, seconds - 1))
    theatre.go_down(WAYS[seed % len(WAYS)])
    await theatre.pass_time(HOUR)
    theatre.come_back()
    back = theatre.loop.time()
    before = len(_written(theatre))
    try:
        await theatre.until(lambda: len(_written(theatre)) > before, PATIENCE)
    except TimeoutError:
        return None
    return theatre.loop.time() - back


def _written(theatre: Theatre) -> list[str]:
    events = theatre.hub.events.log
    return [event.name for event in events if event.actor is not None and event.actor.account is theatre.crewline]


def judged(seed: int) -> Run:
    """A run without its story."""
    return replace(run(seed), story="")


def sweep(seeds: Sequence[int], report: Callable[[str], None] = print, processes: int = 1) -> dict[str, Json]:
    """Play all of them, `processes` at a time; what is wrong is reported, and the counts are returned."""
    failed: list[Json] = []
    after: list[float] = []
    for result in spread(judged, seeds, processes):
        if result.after is not None:
            after.append(result.after)
        if result.problems:
            failed.append(result.seed)
            for line in result.problems[:20]:
                report(f"seed {result.seed}: {line}")
            report(f"  python -m tests.torture.outage --seed {result.seed}")
    ways = Counter(f"{WAYS[seed % len(WAYS)]}" for seed in seeds)
    times = sorted(after) or [0.0]
    return {
        "seeds": len(seeds),
        "failed": failed,
        "outages": {**ways},
        "seconds down": HOUR,
        "seconds until it went on": {"median": round(times[len(times) // 2], 1), "most": round(times[-1], 1)},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="An hour without GitHub, in virtual time.")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many, from 0")
    parser.add_argument("--seed", type=int, help="only this one, with its story")
    given = parser.parse_args(arguments)
    if given.seed is not None:
        result = run(given.seed)
        print(result.story, *result.problems, f"It went on after {result.after} s.", sep="\n")
        return 1 if result.problems else 0
    outcome = sweep(range(given.seeds), lambda line: print(line, file=sys.stderr))
    print(json.dumps(outcome, indent=2))
    return 1 if outcome["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
