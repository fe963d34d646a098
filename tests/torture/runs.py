"""One run of a shape, undisturbed or with crashes, and what is wrong with its end."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

from bot.localhub.model.issue import Issue
from bot.model.marker import tagged
from bot.model.session import Void
from tests.stories.ending import twice
from tests.torture.normal_form import ledgers_of, normal_form
from tests.torture.shapes import shape
from tests.torture.theatre import Scenery, Theatre, perform

CALM = 300.0
"""Seconds after the end in which the bot may still put things in order."""
QUIET = 900.0
"""Seconds after that in which it must not write anything; a sweep lies in it."""
LOST = "the server that ran it stopped"


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """All that is needed to play a run again: the shape, the order of events, at which boundaries the bot dies, at
    which something is lost, and whether instances ask for a lease. Without one a restart works at once, on reads that
    do not show yet what the dead one wrote."""

    shape: str
    seed: int = 0
    deadly: tuple[int, ...] = ()
    lossy: tuple[int, ...] = ()
    lease: bool = False

    @property
    def undisturbed(self) -> Case:
        return Case(self.shape, self.seed, lease=self.lease)

    @property
    def command(self) -> str:
        crashes = [f"--crash {number}" for number in self.deadly]
        losses = [f"--lose {number}" for number in self.lossy]
        flags = [*crashes, *losses, *(["--lease"] if self.lease else [])]
        return " ".join(["python -m tests.torture --shape", self.shape, f"--seed {self.seed}", *flags])


@dataclass(frozen=True, slots=True)
class Run:
    """`end` is the normal form of the hub; `boundaries` those reached until calm; `problems` what is wrong with it
    whatever it is compared with; `lost` the sessions that crashes cost. `seconds` are virtual."""

    case: Case
    boundaries: tuple[str, ...] = ()
    crashes: int = 0
    losses: int = 0
    seconds: float = 0.0
    story: str = ""
    problems: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def run(case: Case) -> Run:
    """Play it to its end, and beyond."""
    folder = Path(mkdtemp(prefix="torture-", dir=fast_folder()))
    of = shape(case.shape)
    scenery = Scenery(
        of.playbook,
        case.seed,
        case.deadly,
        case.lossy,
        config=of.config,
        overrides={} if case.lease else {"lease_seconds": 0},
    )
    stage = _Stage(case, of.people)
    try:
        return perform(stage.play, folder, scenery)
    except Exception as error:
        return stage.broken(error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def difference(run: Run, undisturbed: Run) -> tuple[str, ...]:
    """What is wrong with `run`: nothing, where it ended as the undisturbed one."""
    if run.problems:
        return run.problems
    lines = difflib.unified_diff(undisturbed.end, run.end, lineterm="", n=0)
    return tuple(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))


class _Stage:
    def __init__(self, case: Case, people: Callable[[Theatre], Awaitable[None]]) -> None:
        self._case = case
        self._people = people
        self._theatre: Theatre | None = None

    async def play(self, theatre: Theatre) -> Run:
        self._theatre = theatre
        theatre.start_bot()
        await self._people(theatre)
        seconds = theatre.loop.time()
        await theatre.pass_time(CALM)
        reached, writes = len(theatre.boundaries.reached), await _written(theatre)
        await theatre.pass_time(QUIET)
        problems = [*theatre.errors, *twice(theatre.shop, theatre.crewline), *out_of_order(theatre)]
        problems += await dishonest(theatre)
        if await _written(theatre) != writes:
            problems.append("it wrote something long after the end")
        return replace(
            self._so_far(theatre),
            boundaries=tuple(theatre.boundaries.reached[:reached]),
            seconds=seconds,
            problems=tuple(problems),
            end=await normal_form(theatre.shop, theatre.crewline),
            lost=tuple(await lost(theatre)),
        )

    def broken(self, error: Exception) -> Run:
        """A run that never came to its end."""
        what = f"it did not end: {type(error).__name__}: {error}"
        if self._theatre is None:
            return Run(self._case, problems=(what,))
        return replace(self._so_far(self._theatre), problems=(what, *self._theatre.errors))

    def _so_far(self, theatre: Theatre) -> Run:
        return Run(
            case=self._case,
            boundaries=tuple(theatre.boundaries.reached),
            crashes=theatre.crashes,
            losses=theatre.boundaries.losses,
            seconds=theatre.loop.time(),
            story=theatre.story.text(),
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
