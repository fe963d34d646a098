"""Two bots on one repository, both started by mistake, while everything happens to them.

    python -m tests.torture.two_bots                 fifty seeds
    python -m tests.torture.two_bots --seed 7        one seed, with its story

Both start at the same instant, and again and again one of them is killed and comes back with an empty disk, ends in
order and is replaced, is frozen for minutes with whatever it has in hand, or is cut off from GitHub. One seed is one
sequence of such mishaps. The end must be that of the run with one bot that nothing disturbs: the same issues,
dependencies, comments, pull requests, reviews, checks and merges, the same tree. And on the way:

* whatever is written is written by the bot that holds the lease: none has taken it over since the writer's own last
  successful push of it;
* no session is started by two bots.

A bot that was frozen takes its own sleep for time in which GitHub worked for it, and its pace then holds writes back.
What would be said of a head that is replaced meanwhile is not said any more: checks and reviews that are missing are
forgiven in a run in which that happened, and nowhere else.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import difflib
import json
import random
import re
import shutil
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

from tests.stories.ending import twice
from tests.torture.normal_form import ledgers_of, normal_form
from tests.torture.runs import CALM, QUIET, fast_folder, out_of_order
from tests.torture.shapes import Shape, shape
from tests.torture.spread import spread
from tests.torture.story import Story
from tests.torture.theatre import Scenery, Theatre, TheatreBot, perform
from tests.torture.virtual_loop import Life

T = TypeVar("T")
SHAPE = "review"
MISHAPS = ("kill", "retire", "freeze", "freeze with more to write", "cut off")
BETWEEN = (5.0, 150.0)
"""Seconds from one mishap to the next, least and most."""
LASTS = (1.0, 240.0)
"""Seconds for which a bot is frozen, cut off or gone: sometimes shorter than the lease's time, sometimes longer."""
MOST = 7
"""Mishaps in one run: each may cost a session, and after eight of one task that were lost a person is asked."""
SEEDS = 50

_BEGUN = re.compile(r"^(?P<bot>\S+): begins to push (?:.* )?refs/crewline/lease(?: .*)?$")
_PUSHED = re.compile(r"^(?P<bot>\S+): ends to push (?:.* )?refs/crewline/lease(?: .*)?: 0$")
_WRITE = re.compile(r"^(?P<bot>\S+): asks (?:mutation \w+|(?:POST|PUT|PATCH|DELETE) /repos/\S+)$")
_ANSWERED = re.compile(r"^is answered 2\d\d to (?:mutation|(?:POST|PUT|PATCH|DELETE) /repos/)")
_HELD_BACK = "waits limit=90 seconds of its work a minute"
_OF_A_HEAD = re.compile(r"^-(?:commit of .* has check|pull request of .* is reviewed) ")
_SESSION = re.compile(r"^(?P<bot>\S+): session (?P<session>\S+) starts$")


@dataclass(frozen=True, slots=True)
class Run:
    """`mishaps` by kind; `takeovers`: how often the lease changed hands."""

    seed: int
    problems: tuple[str, ...]
    end: tuple[str, ...]
    mishaps: Counter[str]
    takeovers: int
    seconds: float
    story: str


def undisturbed(seed: int, name: str = SHAPE) -> tuple[str, ...]:
    """The end with one bot to which nothing happens."""

    of = shape(name)

    async def story(theatre: Theatre) -> tuple[str, ...]:
        theatre.start_bot()
        await of.people(theatre)
        await theatre.pass_time(CALM)
        return await normal_form(theatre.shop, theatre.crewline)

    return _performed(story, Scenery(of.playbook, seed, config=of.config))


def run(seed: int, name: str = SHAPE, mishaps: Sequence[str] = MISHAPS) -> Run:
    """One seed. What went wrong is among its problems, whatever it is."""
    told: list[Story] = []
    of = shape(name)

    async def story(theatre: Theatre) -> Run:
        told.append(theatre.story)
        return await _Pair(theatre, of, seed, mishaps).play()

    try:
        return _performed(story, Scenery(of.playbook, seed, config=of.config))
    except Exception as error:
        text = told[0].text() if told else ""
        return Run(seed, (f"it broke: {type(error).__name__}: {error}",), (), Counter(), 0, 0.0, text)


class _Pair:
    """The two bots of a run, and what happens to them."""

    def __init__(self, theatre: Theatre, of: Shape, seed: int, kinds: Sequence[str]) -> None:
        self._theatre = theatre
        self._shape = of
        self._chance = random.Random(f"mishaps {seed}")
        self._bots: list[TheatreBot] = []
        self._seed = seed
        self._kinds = kinds
        self._mishaps: Counter[str] = Counter()
        self._to_freeze: dict[str, float] = {}
        """Bots by name that freeze once a write of theirs is answered, and for how long."""
        self._context = contextvars.copy_context()
        """In which timers are ours: one of a bot's own does not ring while that is frozen."""
        theatre.boundaries.on_reach = self._reached

    async def play(self) -> Run:
        theatre = self._theatre
        self._bots = [theatre.start_bot(), theatre.start_bot()]
        async with asyncio.TaskGroup() as group:
            people = group.create_task(self._act())
            while not people.done() and self._mishaps.total() < MOST:
                await theatre.pass_time(self._chance.uniform(*BETWEEN))
                if not people.done():
                    await self._something_happens()
        seconds = theatre.loop.time()
        await theatre.pass_time(CALM)
        written = self._written()
        await theatre.pass_time(QUIET)
        problems = [*theatre.errors, *twice(theatre.shop, theatre.crewline), *out_of_order(theatre)]
        problems += [*_written_by_others(theatre.boundaries.reached), *_started_twice(theatre.boundaries.reached)]
        problems += await self._still_claimed()
        if self._written() != written:
            problems.append("something was written long after the end")
        return Run(
            self._seed,
            tuple(problems),
            await normal_form(theatre.shop, theatre.crewline),
            self._mishaps,
            await self._takeovers(),
            seconds,
            theatre.story.text(),
        )

    async def _act(self) -> None:
        await self._shape.people(self._theatre)

    async def _something_happens(self) -> None:
        index, kind = self._chance.randrange(2), self._chance.choice(self._kinds)
        bot, lasts = self._bots[index], self._chance.uniform(*LASTS)
        other = self._bots[1 - index]
        if bot.life.dead or bot.life.frozen or bot.life.cut_off:
            return
        self._mishaps[kind] += 1
        theatre = self._theatre
        theatre.tell("theatre", f"{bot.name}: {kind} for {lasts:.0f} s")
        theatre.app.webhook_url = f"http://{self._chance.choice((bot, other)).name}/webhook"
        match kind:
            case "freeze":
                self._freeze(bot.life, lasts)
            case "freeze with more to write":
                self._to_freeze[bot.name] = lasts
            case "cut off":
                bot.life.cut_off = True
                theatre.loop.call_later(lasts, self._connect, bot)
            case "kill":
                theatre.kill(bot)
                theatre.loop.call_later(lasts, self._replace, index)
            case _:
                for task in bot.life.tasks:
                    if task.get_name() == bot.name:
                        task.cancel()
                await bot.ended.wait()
                theatre.kill(bot)
                theatre.loop.call_later(lasts, self._replace, index)

    def _reached(self, life: Life, what: str) -> None:
        if life.name in self._to_freeze and _ANSWERED.match(what):
            self._theatre.tell("theatre", f"{life.name} is frozen")
            self._freeze(life, self._to_freeze.pop(life.name))

    def _freeze(self, life: Life, lasts: float) -> None:
        life.freeze()
        self._theatre.loop.call_later(lasts, life.thaw, context=self._context)

    def _connect(self, bot: TheatreBot) -> None:
        bot.life.cut_off = False

    def _replace(self, index: int) -> None:
        self._bots[index] = self._theatre.start_bot()

    def _written(self) -> int:
        events = self._theatre.hub.events.log
        return sum(event.actor is not None and event.actor.account is self._theatre.crewline for event in events)

    async def _still_claimed(self) -> list[str]:
        ledgers = await ledgers_of(self._theatre.shop)
        return [f"{one.id} is still claimed" for ledger in ledgers.values() for one in ledger.open_claims()]

    async def _takeovers(self) -> int:
        git = self._theatre.shop.git
        lease = json.loads(await git.git("show", "refs/crewline/lease:lease.json"))
        return int(lease["epoch"]) - 1


def _written_by_others(reached: Sequence[str]) -> list[str]:
    """Writes of a bot after another one had taken the lease. Who was frozen may hear late of a push that it began
    before the other one did."""
    begun: dict[str, int] = {}
    holder, held_from, found = "", -1, []
    for number, line in enumerate(reached):
        if match := _BEGUN.match(line):
            begun[match["bot"]] = number
        elif (match := _PUSHED.match(line)) and begun[match["bot"]] > held_from:
            holder, held_from = match["bot"], begun[match["bot"]]
        elif (match := _WRITE.match(line)) and match["bot"] != holder:
            found.append(f"{line}, while {holder or 'nobody'} held the lease")
    return found


def _started_twice(reached: Sequence[str]) -> list[str]:
    starts = Counter(match["session"] for line in reached if (match := _SESSION.match(line)))
    return [f"session {session} was started {times} times" for session, times in starts.items() if times > 1]


def differences(run: Run, expected: Sequence[str]) -> tuple[str, ...]:
    """What is wrong with a run."""
    if run.problems:
        return run.problems
    lines = difflib.unified_diff(expected, run.end, "one bot", "two bots", lineterm="", n=0)
    changes = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    held_back = _HELD_BACK in run.story
    return tuple(line for line in changes if not (held_back and _OF_A_HEAD.match(line)))


def _performed(story: Callable[[Theatre], Awaitable[T]], scenery: Scenery) -> T:
    folder = Path(mkdtemp(prefix="two-bots-", dir=fast_folder()))
    try:
        return perform(story, folder, scenery)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def judged(seed: int) -> tuple[Run, tuple[str, ...]]:
    """A run without its story, and what is wrong with it."""
    result = run(seed)
    return replace(result, story=""), differences(result, undisturbed(seed))


def sweep(
    seeds: Sequence[int], report: Callable[[str], None] = print, processes: int = 1
) -> dict[str, int | list[int]]:
    """Play all of them, `processes` at a time; what is wrong is reported, and the counts are returned."""
    counts: Counter[str] = Counter()
    failed: list[int] = []
    for result, wrong in spread(judged, seeds, processes):
        counts += result.mishaps
        counts["takeovers"] += result.takeovers
        if wrong:
            failed.append(result.seed)
            for line in wrong[:20]:
                report(f"seed {result.seed}: {line}")
            report(f"  python -m tests.torture.two_bots --seed {result.seed}")
    return {"seeds": len(seeds), "failed": failed, **dict(sorted(counts.items()))}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Two bots on one repository, in virtual time.")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many, from 0")
    parser.add_argument("--seed", type=int, help="only this one, with its story")
    given = parser.parse_args(arguments)
    if given.seed is not None:
        result = run(given.seed)
        wrong = differences(result, undisturbed(given.seed))
        print(result.story, *wrong, sep="\n")
        return 1 if wrong else 0
    outcome = sweep(range(given.seeds), lambda line: print(line, file=sys.stderr))
    print(json.dumps(outcome, indent=2))
    return 1 if outcome["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
