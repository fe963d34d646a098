"""One run of a shape, undisturbed or with crashes, and what is wrong with its end."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

from bot.localhub.model.issue import Issue
from bot.model.marker import tagged
from bot.model.session import Void
from tests.stories.ending import twice
from tests.torture.normal_form import ledgers_of, normal_form
from tests.torture.shapes import Shape
from tests.torture.story import Story
from tests.torture.theatre import Scenery, Theatre, perform

CALM = 300.0
"""Seconds after the end in which the bot may still put things in order."""
QUIET = 2400.0
"""Seconds after that in which it must not write anything; several sweeps lie in it."""
LOST = "the server that ran it stopped"


@dataclass(frozen=True, slots=True)
class Run:
    """`end` is the normal form of the hub; `boundaries` those reached until calm; `problems` what is wrong with it
    whatever it is compared with."""

    shape: str
    seed: int
    deadly: tuple[int, ...]
    end: tuple[str, ...]
    boundaries: tuple[str, ...]
    crashes: int
    seconds: float
    problems: tuple[str, ...]
    story: str
    lost: tuple[str, ...] = ()
    """The sessions that crashes cost."""


def run(shape: Shape, seed: int = 0, deadly: Sequence[int] = ()) -> Run:
    """Play it to its end, and beyond."""
    folder = Path(mkdtemp(prefix="torture-", dir=fast_folder()))
    scenery = Scenery(shape.playbook, seed, tuple(deadly), config=shape.config)
    stage = _Stage(shape, scenery)
    try:
        return perform(stage.play, folder, scenery)
    except Exception as error:
        return stage.broken(error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def difference(run: Run, undisturbed: Run) -> tuple[str, ...]:
    """What is wrong with `run`: nothing, where it ended as the undisturbed one."""
    lines = difflib.unified_diff(undisturbed.end, run.end, "undisturbed", "with crashes", lineterm="", n=0)
    changes = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return (*run.problems, *changes) if not run.problems else run.problems


class _Stage:
    def __init__(self, shape: Shape, scenery: Scenery) -> None:
        self._shape = shape
        self._scenery = scenery
        self._story = Story()
        self._theatre: Theatre | None = None

    async def play(self, theatre: Theatre) -> Run:
        self._theatre = theatre
        theatre.start_bot()
        await self._shape.people(theatre)
        seconds = theatre.loop.time()
        await theatre.pass_time(CALM)
        reached, writes = len(theatre.boundaries.reached), await _written(theatre)
        await theatre.pass_time(QUIET)
        problems = [*theatre.errors, *twice(theatre.shop, theatre.crewline), *out_of_order(theatre)]
        problems += await dishonest(theatre)
        if await _written(theatre) != writes:
            problems.append("it wrote something long after the end")
        return Run(
            shape=self._shape.name,
            seed=self._scenery.seed,
            deadly=self._scenery.deadly,
            end=await normal_form(theatre.shop, theatre.crewline),
            boundaries=tuple(theatre.boundaries.reached[:reached]),
            crashes=theatre.crashes,
            seconds=seconds,
            problems=tuple(problems),
            story=theatre.story.text(),
            lost=tuple(await lost(theatre)),
        )

    def broken(self, error: Exception) -> Run:
        """A run that never came to its end."""
        theatre = self._theatre
        return Run(
            shape=self._shape.name,
            seed=self._scenery.seed,
            deadly=self._scenery.deadly,
            end=(),
            boundaries=tuple(theatre.boundaries.reached) if theatre else (),
            crashes=theatre.crashes if theatre else 0,
            seconds=theatre.loop.time() if theatre else 0.0,
            problems=(f"it did not end: {type(error).__name__}: {error}", *(theatre.errors if theatre else ())),
            story=theatre.story.text() if theatre else "",
        )


async def _written(theatre: Theatre) -> tuple[int, tuple[tuple[str, str], ...]]:
    """How often the bot changed something, and all refs."""
    mine = sum(e.actor is not None and e.actor.account is theatre.crewline for e in theatre.hub.events.log)
    return mine, tuple(sorted((await theatre.shop.git.refs()).items()))


async def lost(theatre: Theatre) -> list[str]:
    ledgers = await ledgers_of(theatre.shop)
    sessions = [session for ledger in ledgers.values() for session in ledger.sessions]
    return [s.id for s in sessions if isinstance(s.outcome, Void) and s.outcome.reason == LOST]


async def dishonest(theatre: Theatre) -> list[str]:
    """Sessions that a crash is said to have cost, and cannot have."""
    dead = {bot.name for bot in theatre.bots if bot.life.dead}
    problems = []
    for ledger in (await ledgers_of(theatre.shop)).values():
        for session in ledger.sessions:
            if isinstance(session.outcome, Void) and session.outcome.reason == LOST:
                if session.holder not in dead:
                    problems.append(f"{session.id} is said to be lost, but {session.holder} lives")
                if session.spend.seconds:
                    problems.append(f"{session.id} was lost and still cost {session.spend.seconds} s")
            elif session.outcome is None:
                problems.append(f"{session.id} is still claimed")
    return problems


def out_of_order(theatre: Theatre) -> list[str]:
    """Tasks that were merged before what blocks them."""
    problems = []
    for issue in theatre.shop.issues.values():
        mine = _merged_at(theatre, issue)
        for blocker in issue.blocked_by:
            theirs = _merged_at(theatre, blocker)
            if mine is not None and (theirs is None or theirs > mine):
                problems.append(f"#{issue.number} was merged before #{blocker.number}")
    return problems


def _merged_at(theatre: Theatre, issue: Issue) -> datetime | None:
    number, _, key = (tagged(issue.body or "", "task") or ".").partition(".")
    pulls = (pull for pull in theatre.shop.pull_requests if pull.head_ref == f"crewline/{number}/{key}")
    return next((pull.merged_at for pull in pulls if pull.merged), None)


def fast_folder() -> str | None:
    """Memory, where the machine has it as a folder: a run writes some hundred small files."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() else None
