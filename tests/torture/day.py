"""A day in the life: many objectives under one installation, with GitHub's real limits enforced, in virtual time.

    python -m tests.torture.day                 the whole day: 200 objectives of 10 tasks in 20 repositories
    python -m tests.torture.day --objectives 10 --repositories 2

All objectives are handed off within the first minutes, by one person each, and every agent needs its minutes. What
then takes the time is what GitHub allows. The bound is what any bot would need that makes the same content:

* content: all requests that create content, of which 500 an hour and 80 a minute are allowed, as fast as that goes:
  ``floor((n - 1) / 500)`` whole hours, and what is left at 80 a minute;
* writes: one a second;
* points: 5,000 an hour for REST, and as many for GraphQL;
* pushes: six a minute in one repository, the busiest;
* the sessions themselves: their seconds, divided by the slots.

The greatest of these is the bound; `ratio` is the time that was needed over it.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp

from bot.localhub.limits import Usage
from bot.localhub.model.events import Event
from bot.localhub.model.issue import Issue
from bot.localhub.model.repository import Repository
from bot.model.plan import Plan, PlannedTask
from tests.torture.playbook import Play, Playbook, plan, planned
from tests.torture.theatre import CONFIG, Scenery, Theatre, perform

TITLE = "Objective"
SLOTS = 60
HAND_OFFS = 600.0
"""Seconds within which all objectives are handed off."""
LONGEST = 5 * 24 * 3600.0
PER_MINUTE, POINTS, PUSHES_PER_MINUTE = 80, 5_000, 6


@dataclass(frozen=True, slots=True)
class Day:
    """How much there is to do."""

    objectives: int = 200
    tasks: int = 10
    repositories: int = 20
    seed: int = 1
    per_hour: int = 500
    """Content that GitHub allows."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Hours that each limit alone asks for."""

    content: float
    writes: float
    rest_points: float
    graphql_points: float
    pushes: float
    sessions: float

    @property
    def greatest(self) -> float:
        return max(self.content, self.writes, self.rest_points, self.graphql_points, self.pushes, self.sessions)


@dataclass(frozen=True, slots=True)
class Report:
    """What is printed. Times are hours of virtual time since the first hand-off."""

    objectives: int
    tasks: int
    repositories: int
    seed: int
    per_hour: int
    hours: float
    bounds: Bounds
    bound: float
    ratio: float
    limits_hit: int
    finished: dict[str, float]
    """When the first, the median and the last objective were done."""
    content: int
    content_per_task: float
    requests: dict[str, int]
    git: dict[str, int]
    graphql_points: int
    problems: tuple[str, ...]
    peak_megabytes: float
    real_seconds: float


def live(day: Day) -> Report:
    """Play the whole day."""
    folder = Path(mkdtemp(prefix="day-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    plays = {title(number): Play(plan_of(day, number)) for number in range(day.objectives)}
    overrides = {"slots": SLOTS, "write_interval": 1.0}
    scenery = Scenery(Playbook(plays), day.seed, config=CONFIG, read_lag=0.0, overrides=overrides)
    try:
        return perform(_Course(day).play, folder, scenery)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def title(number: int) -> str:
    return f"{TITLE} {number}"


def plan_of(day: Day, number: int) -> Plan:
    """Every task is blocked by up to two of those before it; nobody else writes its file."""
    chance = random.Random(f"{day.seed} {number}")
    keys = [f"o{number}-t{index}" for index in range(day.tasks)]
    tasks: list[PlannedTask] = []
    for index, key in enumerate(keys):
        before = keys[max(0, index - 4) : index]
        tasks.append(planned(key, *chance.sample(before, min(len(before), chance.randint(0, 2)))))
    return plan(*tasks)


class _Course:
    def __init__(self, day: Day) -> None:
        self._day = day
        self._done: dict[str, float] = {}
        self._told = 0

    async def play(self, theatre: Theatre) -> Report:
        began = time.monotonic()
        theatre.hub.settings.limits.content_per_hour = self._day.per_hour
        repositories = [theatre.shop]
        repositories += [await theatre.add_repository(f"shop-{n}") for n in range(1, self._day.repositories)]
        theatre.start_bot()
        await theatre.pass_time(30)
        start = theatre.loop.time()
        theatre.hub.events.listen(lambda event: self._note(theatre, event, start))
        objectives: list[Issue] = []
        for number in range(self._day.objectives):
            objectives.append(theatre.hand_off(title(number), repository=repositories[number % len(repositories)]))
            await theatre.pass_time(HAND_OFFS / self._day.objectives)
        await theatre.until(lambda: len(self._done) == len(objectives), LONGEST)
        seconds, slowest = theatre.loop.time() - start, time.monotonic() - began
        return self._report(theatre, repositories, seconds, slowest, await _session_hours(theatre, objectives))

    def _note(self, theatre: Theatre, event: Event, start: float) -> None:
        theatre.story.lines.clear()  # a day of them would not fit
        theatre.boundaries.reached.clear()
        theatre.hub.events.log.clear()
        issue, hours = event.subject, (theatre.loop.time() - start) / 3600
        if isinstance(issue, Issue) and issue.state == "closed" and issue.title.startswith(TITLE):
            self._done[issue.title] = hours
        if int(hours * 4) > self._told:
            self._told = int(hours * 4)
            usage = theatre.hub.usage
            said = (
                f"{len(self._done)} done",
                f"{usage.content_requests} pieces of content",
                f"{usage.graphql_points} points",
                f"{usage.git['push']} pushes",
                f"{_megabytes():.0f} MB at most",
                f"{time.process_time():.0f} s of the processor",
            )
            print(f"{hours:.2f} h: {', '.join(said)}", file=sys.stderr, flush=True)

    def _report(
        self,
        theatre: Theatre,
        repositories: Sequence[Repository],
        seconds: float,
        real_seconds: float,
        session_hours: float,
    ) -> Report:
        usage = theatre.hub.usage
        bounds = self._bounds(usage, session_hours)
        times = sorted(self._done.values())
        tasks = self._day.objectives * self._day.tasks
        merged = sum(pull.merged for repository in repositories for pull in repository.pull_requests)
        problems = list(theatre.errors)
        if merged != tasks:
            problems.append(f"{merged} pull requests were merged for {tasks} tasks")
        return Report(
            **asdict(self._day),
            hours=round(seconds / 3600, 3),
            bounds=bounds,
            bound=round(bounds.greatest, 3),
            ratio=round(seconds / 3600 / bounds.greatest, 3),
            limits_hit=usage.refused,
            finished={
                name: round(at, 3)
                for name, at in (("first", times[0]), ("median", times[len(times) // 2]), ("last", times[-1]))
            },
            content=usage.content_requests,
            content_per_task=round(usage.content_requests / tasks, 3),
            requests=dict(sorted((usage.rest + Counter(usage.graphql)).items())),
            git=dict(sorted(usage.git.items())),
            graphql_points=usage.graphql_points,
            problems=tuple(problems),
            peak_megabytes=round(_megabytes(), 1),
            real_seconds=round(real_seconds, 1),
        )

    def _bounds(self, usage: Usage, session_hours: float) -> Bounds:
        content, per_hour = usage.content_requests, self._day.per_hour
        writes = usage.rest_writes + sum(count for name, count in usage.graphql.items() if name in MUTATIONS)
        return Bounds(
            content=round((content - 1) // per_hour + ((content - 1) % per_hour) / PER_MINUTE / 60, 3),
            writes=round(writes / 3600, 3),
            rest_points=round(usage.rest_requests / POINTS, 3),
            graphql_points=round(usage.graphql_points / POINTS, 3),
            pushes=round(usage.git["push"] / self._day.repositories / PUSHES_PER_MINUTE / 60, 3),
            sessions=round(session_hours / SLOTS, 3),
        )


def _megabytes() -> float:
    """The most that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _session_hours(theatre: Theatre, objectives: Sequence[Issue]) -> float:
    """What all agents worked, together."""
    ledgers = [await theatre.ledger(objective) for objective in objectives]
    sessions = [session for ledger in ledgers if ledger is not None for session in ledger.sessions]
    return sum(session.spend.seconds for session in sessions) / 3600


MUTATIONS = ("CreateTasks", "LinkDependencies")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A day in the life of one installation, in virtual time.")
    for name, value in asdict(Day()).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    report = live(Day(**vars(parser.parse_args(arguments))))
    print(json.dumps(asdict(report), indent=2))
    return 1 if report.problems or report.limits_hit else 0


if __name__ == "__main__":
    sys.exit(main())
