"""Webhooks that are lost, repeated, late and reordered, and reads that lag, each behind another replica.

    python -m tests.torture.network                 a hundred seeds
    python -m tests.torture.network --seed 7        one seed, with its story

One seed is one network around one shape of objective: a tenth of the webhooks is lost for good, a fifth fails (GitHub's
log has them), a fifth comes twice, nearly all are late, by up to two seconds, twenty, or three minutes, and so in any
order; and each read comes from another replica, up to five seconds behind. Mallory, whom nobody listens to, talks on
every objective that is handed off, so that the bot looks again and again while replicas differ. With half of the seeds
the bot is killed three times on top of that, and starts again, with an empty disk, before all of them agree.

The end must be that of the run with a perfect network: the same issues, dependencies, comments, pull requests, reviews,
checks and merges, the same tree, the same attempts. And nothing may be written long after the end.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import json
import random
import re
import shutil
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

from bot.localhub.model.events import Event
from bot.localhub.model.issue import Issue
from bot.localhub.model.settings import WebhookFaults
from tests.stories.ending import twice
from tests.torture.normal_form import normal_form
from tests.torture.runs import CALM, QUIET, dishonest, fast_folder, out_of_order
from tests.torture.shapes import SHAPES, Shape
from tests.torture.spread import spread
from tests.torture.story import Story
from tests.torture.theatre import Scenery, Theatre, perform

T = TypeVar("T")
READ_LAG = 5.0
LATE = (2.0, 20.0, 180.0)
"""Seconds, by seed. Short delays have the bot look while replicas differ; long ones mix everything up."""
LOSE, FAIL, REPEAT = 0.1, 0.2, 0.2
DEATHS = 3
REMARKS = ("Good luck!", "Me too.", "How is it going?", "I see.")
SEEDS = 100
_FORGIVEN = re.compile(r"forgiven \d+ ")
"""How many sessions had ended when a command came, is a matter of when it came."""


@dataclass(frozen=True, slots=True)
class Run:
    """`webhooks` by what became of them; `deaths` of the bot."""

    seed: int
    problems: tuple[str, ...]
    end: tuple[str, ...]
    webhooks: Counter[str]
    deaths: int
    story: str


def shape_of(seed: int) -> Shape:
    return SHAPES[seed % len(SHAPES)]


def deaths_of(seed: int) -> int:
    """How often the bot is killed. When a conflict is noticed depends on whether a review was lost, so none there."""
    return DEATHS if seed // len(SHAPES) % 2 and shape_of(seed).name != "conflict" else 0


@lru_cache(maxsize=32)
def undisturbed(seed: int) -> tuple[str, ...]:
    """The end with a perfect network. How long sessions take follows from the seed."""
    of = shape_of(seed)

    async def story(theatre: Theatre) -> tuple[str, ...]:
        _talk(theatre)
        theatre.start_bot()
        await of.people(theatre)
        await theatre.pass_time(CALM)
        return await normal_form(theatre.shop, theatre.crewline)

    return _performed(story, Scenery(of.playbook, seed, config=of.config, read_lag=0.0))


def run(seed: int) -> Run:
    """One seed. What went wrong is among its problems, whatever it is."""
    told: list[Story] = []
    of = shape_of(seed)

    async def story(theatre: Theatre) -> Run:
        told.append(theatre.story)
        return await _play(theatre, of, seed)

    try:
        return _performed(story, Scenery(of.playbook, seed, config=of.config, read_lag=READ_LAG))
    except Exception as error:
        text = told[0].text() if told else ""
        return Run(seed, (f"it broke: {type(error).__name__}: {error}",), (), Counter(), 0, text)


def differences(one: Run) -> tuple[str, ...]:
    """What is wrong with a run."""
    if one.problems:
        return one.problems
    expected, end = (tuple(_FORGIVEN.sub("", line) for line in lines) for lines in (undisturbed(one.seed), one.end))
    lines = difflib.unified_diff(expected, end, "perfect", "real", lineterm="", n=0)
    return tuple(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))


async def _play(theatre: Theatre, of: Shape, seed: int) -> Run:
    faults, chance = theatre.hub.faults, random.Random(f"network {seed}")
    faults.seed, faults.read_lag_varies = seed, True
    faults.webhooks = WebhookFaults(
        seed=seed,
        lose=LOSE,
        fail=FAIL,
        repeat=REPEAT,
        delay=0.9,
        delay_seconds=LATE[seed // len(SHAPES) % len(LATE)],
        delay_varies=True,
    )
    _talk(theatre)
    theatre.start_bot()
    async with asyncio.TaskGroup() as group:
        deaths = group.create_task(_die_now_and_then(theatre, chance, deaths_of(seed)))
        await of.people(theatre)
        deaths.cancel()
    if theatre.bot is None:
        theatre.start_bot()
    await theatre.pass_time(CALM)
    written = _written(theatre)
    await theatre.pass_time(QUIET)
    problems = [*theatre.errors, *twice(theatre.shop, theatre.crewline), *out_of_order(theatre)]
    problems += await dishonest(theatre)
    if _written(theatre) != written:
        problems.append("something was written long after the end")
    return Run(
        seed,
        tuple(problems),
        await normal_form(theatre.shop, theatre.crewline),
        Counter(delivery.status.partition(":")[0] for delivery in theatre.hub.deliveries),
        len(theatre.bots) - 1,
        theatre.story.text(),
    )


def _talk(theatre: Theatre) -> None:
    """Mallory comments on whatever is handed off."""

    async def chat(issue: Issue) -> None:
        for remark in REMARKS:
            await theatre.pass_time(0.9)
            issue.comment(theatre.hub.user("mallory"), remark)

    def note(event: Event) -> None:
        if event.name == "issue.labeled" and isinstance(event.subject, Issue) and event.subject.user is theatre.alice:
            theatre.hub.background(chat(event.subject))

    theatre.hub.events.listen(note)


async def _die_now_and_then(theatre: Theatre, chance: random.Random, times: int) -> None:
    for _ in range(times):
        await theatre.pass_time(chance.uniform(1, 300))
        if theatre.bot is not None:
            theatre.kill(theatre.bot)
        await theatre.pass_time(chance.uniform(0.1, 4))
        theatre.start_bot()


def _written(theatre: Theatre) -> int:
    events = theatre.hub.events.log
    return sum(event.actor is not None and event.actor.account is theatre.crewline for event in events)


def _performed(story: Callable[[Theatre], Awaitable[T]], scenery: Scenery) -> T:
    folder = Path(mkdtemp(prefix="network-", dir=fast_folder()))
    try:
        return perform(story, folder, scenery)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def judged(seed: int) -> tuple[Run, tuple[str, ...]]:
    """A run without its story, and what is wrong with it."""
    result = run(seed)
    return replace(result, story=""), differences(result)


def sweep(
    seeds: Sequence[int], report: Callable[[str], None] = print, processes: int = 1
) -> dict[str, int | list[int]]:
    """Play all of them, `processes` at a time; what is wrong is reported, and the counts are returned."""
    webhooks: Counter[str] = Counter()
    failed: list[int] = []
    deaths = 0
    for result, wrong in spread(judged, seeds, processes):
        webhooks += result.webhooks
        deaths += result.deaths
        if wrong:
            failed.append(result.seed)
            for line in wrong[:20]:
                report(f"seed {result.seed}: {line}")
            report(f"  python -m tests.torture.network --seed {result.seed}")
    counts = {f"webhooks: {status}": count for status, count in sorted(webhooks.items())}
    return {"seeds": len(seeds), "failed": failed, "deaths": deaths, **counts}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A bad network, in virtual time.")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="only this one, with its story")
    given = parser.parse_args(arguments)
    if given.seed is not None:
        result = run(given.seed)
        wrong = differences(result)
        print(result.story, *wrong, sep="\n")
        return 1 if wrong else 0
    outcome = sweep(range(given.first, given.first + given.seeds), lambda line: print(line, file=sys.stderr))
    print(json.dumps(outcome, indent=2))
    return 1 if outcome["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
