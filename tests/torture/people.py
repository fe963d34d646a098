"""People, GitHub and time against the bot: whatever they do, its invariants hold, and it ends or asks.

    python -m tests.torture.people                 two hundred seeds
    python -m tests.torture.people --seed 7        one seed, with its story
    python -m tests.torture.people --seed 7 --keep 3 --keep 8        only these of its steps
    python -m tests.torture.people --seed 7 --shrink                 the steps without which nothing goes wrong

One seed is one walk: steps of people, GitHub and time (`tests.torture.acts`) around an objective that is at work, with
pauses between them. After each step what must hold is looked at (`tests.torture.watch`). After the last people stop;
what keeps the bot out altogether is taken back: the App is installed with its permissions, the repository awake, GitHub
up, webhooks arrive, bob may write, the label is set, pull requests aim at the default branch. Then every objective must
come to rest: it is closed, or left the repository, or asks one clear question; and after that nothing may be written
any more.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp

from bot.localhub.model.comment import Comment
from bot.localhub.model.issue import Issue
from bot.localhub.model.issue_links import unblock
from bot.model.marker import tagged
from tests.torture.acts import ACTS, LABEL, Town, give_back, perform_act
from tests.torture.playbook import Play, Playbook
from tests.torture.runs import fast_folder
from tests.torture.shapes import CHAIN, DIAMOND, TITLE
from tests.torture.spread import spread
from tests.torture.story import Story
from tests.torture.theatre import Scenery, Theatre, perform
from tests.torture.watch import Watch, ledgers_that_read

SEEDS = 200
STEPS = 14
LONGEST_PAUSE = 120.0
CALM = 700.0
"""Longer than the bot takes a comment of its own that is not shown for one that reads lag behind (`KEPT`)."""
QUIET = 1800.0
TO_REST = 8 * 3600.0
NEEDS_HUMAN = "crewline:needs-human"


@dataclass(frozen=True, slots=True)
class Step:
    """`pause` seconds go by before it; `choice` picks what it is done to."""

    act: str
    choice: int
    pause: float


@dataclass(frozen=True, slots=True)
class Walk:
    """All that is needed to play it again."""

    seed: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """`ends`: how the objectives came to rest. `done`: the acts that something came of."""

    walk: Walk
    problems: tuple[str, ...]
    ends: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    merges: int = 0
    story: str = ""


class _AnyTitle(Playbook):
    """People rename objectives; the agents do the same whatever they are called."""

    def play(self, title: str) -> Play:
        return self.plays.get(title, self.plays[TITLE])


def walk_of(seed: int, steps: int = STEPS) -> Walk:
    chance = random.Random(f"people {seed}")
    names = sorted(ACTS)
    pauses = (0.0, 1.0, 5.0, LONGEST_PAUSE)
    return Walk(
        seed,
        tuple(
            Step(chance.choice(names), chance.randrange(1000), round(chance.uniform(0, chance.choice(pauses)), 3))
            for _ in range(steps)
        ),
    )


def run(walk: Walk) -> Run:
    """Play it, to its end and beyond. What goes wrong is among its problems, whatever it is."""

    async def story(afoot: Afoot) -> Run:
        for step in walk.steps:
            await afoot.take(step)
        return await afoot.end()

    return played(walk.seed, story)


def played(seed: int, story: Callable[[Afoot], Awaitable[Run]]) -> Run:
    """What `story` makes of a walk that begins with a hand-off; where it breaks, that is among the problems."""
    told: list[Story] = []
    play = Play(
        DIAMOND if seed % 2 else CHAIN,
        broken=frozenset({"one", "two"} if seed % 5 == 4 else ()),
        sent_back=frozenset({"one"} if seed % 3 == 0 else ()),
    )
    scenery = Scenery(_AnyTitle({TITLE: play}), seed)

    async def whole(theatre: Theatre) -> Run:
        told.append(theatre.story)
        return await story(await _begun(theatre, seed))

    folder = Path(mkdtemp(prefix="people-", dir=fast_folder()))
    try:
        return perform(whole, folder, scenery)
    except Exception as error:
        text = told[0].text() if told else ""
        return Run(Walk(seed, ()), (f"it broke: {type(error).__name__}: {error}",), story=text)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _begun(theatre: Theatre, seed: int) -> Afoot:
    town = await _founded(theatre)
    watch = Watch(town)
    theatre.start_bot()
    await theatre.pass_time(5)
    town.objectives.append(theatre.hand_off(TITLE))
    return Afoot(town, watch, seed)


@dataclass(slots=True)
class Afoot:
    """A walk under way. `taken` are its steps so far, `done` the acts of those that something came of."""

    town: Town
    watch: Watch
    seed: int
    taken: list[Step] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    async def take(self, step: Step) -> None:
        """One step, and a look at what must hold."""
        theatre = self.town.theatre
        self.taken.append(step)
        await theatre.pass_time(step.pause)
        what = await perform_act(self.town, step.act, step.choice)
        theatre.tell("people", f"{step.act}: {what or 'there is nothing to do it to'}")
        if what is not None and not what.startswith("is refused"):
            self.done.append(step.act)
        await theatre.pass_time(1)
        await self.watch.after_a_step()

    def problems(self) -> tuple[str, ...]:
        """What is wrong so far."""
        return (*self.watch.problems, *_errors(self.town))

    async def end(self) -> Run:
        """People make up; then it must come to rest, and stay there."""
        theatre = self.town.theatre
        await _make_up(self.town)
        ends = await _rested(self.town, self.watch)
        await theatre.pass_time(CALM)
        written = _written(theatre)
        await theatre.pass_time(QUIET)
        await self.watch.after_a_step()
        problems = [*self.problems(), *(end for end in ends if end.startswith("NOT"))]
        if _written(theatre) != written:
            problems.append("something was written long after the end")
        walk = Walk(self.seed, tuple(self.taken))
        return Run(walk, tuple(problems), tuple(ends), tuple(self.done), self.watch.merges, theatre.story.text())


def _errors(town: Town) -> list[str]:
    """What bots logged as errors, but for those that a person who writes over a ledger has to be told of."""
    expected = ("ledger left out", "starts without a claim") if town.ledgers_touched is not None else ()
    return [error for error in town.theatre.errors if not any(words in error for words in expected)]


async def _founded(theatre: Theatre) -> Town:
    theatre.hub.add_user("carol")
    attic = await theatre.add_repository("attic")
    theatre.shop.add_collaborator(theatre.hub.user("carol"), "triage")
    town = Town(theatre, attic, powers=[(theatre.hub.now(), True)])
    town.installation = next(iter(theatre.hub.installations.values()))
    return town


async def _make_up(town: Town) -> None:
    """People take back what keeps the bot out."""
    theatre, hub = town.theatre, town.theatre.hub
    if theatre.down:
        theatre.come_back()
    hub.faults.webhooks = replace(hub.faults.webhooks, lose=0.0)
    if town.shop.archived:
        town.shop.set_archived(town.alice, False)
    if town.installation is None:
        town.installation = hub.install(theatre.app, town.alice)
    elif not town.installation.active:
        hub.unsuspend(town.installation, town.alice)
    give_back(town, town.installation)
    town.shop.add_collaborator(town.bob, "write")
    if not town.powers[-1][1]:
        town.powers.append((hub.now(), True))
    for issue in town.here():
        if issue.state == "open":
            if issue.has_label(LABEL):
                issue.remove_label(town.alice, LABEL)
                await theatre.pass_time(1)
            issue.add_label(town.alice, LABEL)
    for pull in town.pulls():
        if pull.state == "open" and pull.draft:
            pull.set_draft(town.bob, False)
        if pull.state == "open" and pull.base_ref != town.shop.default_branch:
            await pull.set_base(town.bob, town.shop.default_branch)
    parts = [
        task for task in town.tasks() if task.parent in town.here()
    ]  # what people wait for among themselves is not
    for task in town.tasks():
        for blocker in task.blocked_by:
            if blocker not in parts and blocker.state == "open":
                unblock(task, town.bob, blocker)
    theatre.tell("people", "make up")


async def _rested(town: Town, watch: Watch) -> list[str]:
    """Until every objective has come to rest: how."""
    deadline = town.theatre.loop.time() + TO_REST
    while True:
        ends = [await _end_of(town, issue) for issue in town.objectives]
        await watch.after_a_step()
        if town.theatre.loop.time() > deadline or not any(end.startswith("NOT") for end in ends):
            return ends
        await town.theatre.pass_time(120)


async def _end_of(town: Town, issue: Issue) -> str:
    if issue not in town.here():
        return "left"
    if issue.state == "closed":
        return "closed"
    mine = [comment.body for comment in issue.comments if comment.user is town.theatre.crewline]
    status = next((body for body in mine if tagged(body, "status")), "")
    ledger = (await ledgers_that_read(town)).get(issue.number)
    if ledger is None and _told_about_its_ledger(town, issue):
        return "asks: what to do about its ledger"
    if "Done:" in status and issue.state_reason == "reopened":
        return "done, and reopened by a person"
    if ledger is None:
        return "asks: may it be handed off" if status and "set" in status else f"NOT at rest: no ledger; {status!r}"
    if ledger.exchanges and ledger.exchanges[-1].answer is None:
        return "asks: a question"
    records = (ledger.planning, *ledger.tasks)
    asking = [record for record in records if record.escalation is not None]
    bounds = [record.escalation for record in asking if record.escalation is not None and record.escalation.by is None]
    asked = Counter(tagged(body, "escalation") for body in mine)
    if any(asked[f"{issue.number}.{one.ordinal}"] != 1 for one in bounds):
        return f"NOT at rest: asks {[one.reason for one in bounds]}, said {dict(asked)}"
    if asking and not any(ledger.open_claims()):
        if not issue.has_label(NEEDS_HUMAN):
            return f"NOT at rest: it asks without its label; {status!r}"
        return "asks: an escalation"
    if town.ledgers_touched is not None and "may change the same files" in status:
        return "waits for an objective whose ledger a person wrote over"
    return f"NOT at rest: {status!r}"


def _told_about_its_ledger(town: Town, issue: Issue) -> bool:
    """Once, whether or not somebody has deleted that since."""
    said = (event.subject for event in town.theatre.hub.events.log if event.name == "comment.created")
    mine = (one for one in said if isinstance(one, Comment) and one.user is town.theatre.crewline)
    return any(one.issue is issue and tagged(one.body, "ledger") is not None for one in mine)


def _written(theatre: Theatre) -> int:
    events = theatre.hub.events.log
    return sum(event.actor is not None and event.actor.account is theatre.crewline for event in events)


def shrunk(walk: Walk, wrong: Callable[[Walk], bool] | None = None) -> Walk:
    """The same walk without the steps that it goes wrong without, too."""
    goes_wrong = wrong or (lambda one: bool(run(one).problems))
    steps, size = walk.steps, max(1, len(walk.steps) // 2)
    while size:
        start = 0
        while start < len(steps):
            fewer = steps[:start] + steps[start + size :]
            if goes_wrong(replace(walk, steps=fewer)):
                steps = fewer
            else:
                start += size
        size //= 2
    return replace(walk, steps=steps)


def walked(seed: int) -> Run:
    """The walk of a seed, without its story."""
    return replace(run(walk_of(seed)), story="")


def sweep(
    seeds: Sequence[int], report: Callable[[str], None] = print, processes: int = 1
) -> Mapping[str, int | list[int]]:
    """Play all of them, `processes` at a time; what is wrong is reported, and the counts are returned."""
    acts: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    failed: list[int] = []
    merges = 0
    for result in spread(walked, seeds, processes):
        acts.update(result.done)
        ends.update(end[:40] for end in result.ends)
        merges += result.merges
        if result.problems:
            failed.append(result.walk.seed)
            for line in result.problems[:5]:
                report(f"seed {result.walk.seed}: {line[:600]}")
    counts = {
        **{f"act: {name}": acts[name] for name in sorted(ACTS)},
        **{f"end: {name}": count for name, count in sorted(ends.items())},
    }
    return {"seeds": len(seeds), "steps": sum(acts.values()), "merges": merges, "failed": failed, **counts}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="People, GitHub and time, in virtual time.")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--steps", type=int, default=STEPS, help="of each walk")
    parser.add_argument("--seed", type=int, help="only this one, with its story")
    parser.add_argument("--keep", type=int, action="append", help="of its steps, only these")
    parser.add_argument("--shrink", action="store_true", help="find the steps that matter")
    given = parser.parse_args(arguments)
    if given.seed is not None:
        return _tell_one(walk_of(given.seed, given.steps), given.keep, given.shrink)
    outcome = sweep(
        range(given.first, given.first + given.seeds), lambda line: print(line, file=sys.stderr, flush=True)
    )
    print(json.dumps(outcome, indent=2))
    return 1 if outcome["failed"] else 0


def _tell_one(walk: Walk, keep: Sequence[int] | None, shrink: bool) -> int:
    if keep is not None:
        walk = replace(walk, steps=tuple(walk.steps[number] for number in keep))
    if shrink:
        less = shrunk(walk)
        print("\n".join(f"--keep {walk.steps.index(step)}: {step}" for step in less.steps))
        walk = less
    result = run(walk)
    print(result.story, "", *result.problems, *result.ends, sep="\n")
    return 1 if result.problems else 0


if __name__ == "__main__":
    sys.exit(main())
