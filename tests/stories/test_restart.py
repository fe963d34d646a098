"""The bot ends at any moment and starts again with an empty disk: the end is the same, and nothing is there twice."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from bot.localhub.model.events import Event
from bot.localhub.model.issue import Issue
from tests.stories.plays import WRITE, Part, playbook, runs, task, waits_for
from tests.stories.stage import WITHIN, Stage, stage

CHAIN = (task("one"), task("two", "one"))


@dataclass(frozen=True)
class End:
    """What is there when an objective is done, but for the ids of sessions, which count those that were lost."""

    tasks: Mapping[str, tuple[str, str | None]]
    pulls: tuple[tuple[str, bool, int, tuple[str, ...]], ...]
    comments: Mapping[int, int]
    merged: tuple[str, ...]


async def end_of(story: Stage, objective: Issue) -> End:
    checks = {pull.number: tuple(sorted(story.checks(pull))) for pull in story.pull_requests()}
    return End(
        tasks={key: (issue.title, issue.state_reason) for key, issue in story.tasks_of(objective).items()},
        pulls=tuple((p.title, p.merged, len(p.reviews), checks[p.number]) for p in story.pull_requests()),
        comments={issue.number: len(issue.comments) for issue in story.shop.issues.values()},
        merged=tuple(await story.merged_titles()),
    )


UNDISTURBED = End(
    tasks={"one": ("Do one", "completed"), "two": ("Do two", "completed")},
    pulls=(
        ("Do one", True, 1, ("crewline/review", "crewline/verify")),
        ("Do two", True, 1, ("crewline/review", "crewline/verify")),
    ),
    comments={1: 1, 2: 0, 3: 0, 4: 0, 5: 0},
    merged=("Do one", "Do two"),
)
CONFIG = "limits:\n  backoff_seconds: 0\nverify:\n  command: test -e one.txt\n"
"""Verify commands make every task post all that it ever posts."""


async def test_without_a_restart_this_is_the_end(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(*CHAIN), config=CONFIG) as story:
        objective = story.hand_off()
        await story.closed(objective)
        assert await end_of(story, objective) == UNDISTURBED


@pytest.mark.parametrize("first", range(4))
async def test_ended_again_and_again_it_reaches_the_same_end(tmp_path: Path, first: int) -> None:
    """Ended in the middle of every fourth thing that it did, beginning with the `first`: all four together end it at
    every point there is."""
    async with stage(tmp_path, playbook(*CHAIN), config=CONFIG, settle_seconds=0.2) as story:
        moments = Moments(story, every=4, first=first)
        objective = story.hand_off()
        while objective.state == "open":
            await moments.next(objective)
            await story.restart_bot()
        await story.at_rest()
        fence = max(story.shop.issues)
        end = await end_of(story, objective)
        comments = {number: count for number, count in end.comments.items() if number != fence}
        assert End(end.tasks, end.pulls, comments, end.merged) == UNDISTURBED


class Moments:
    """Counts what the bot did on the hub, and tells when it is time to end it."""

    def __init__(self, story: Stage, every: int, first: int) -> None:
        self._story = story
        self._every = every
        self._left = first + 1
        self._due = asyncio.Event()
        story.hub.events.listen(self._note)

    def _note(self, event: Event) -> None:
        if event.actor is not None and event.actor.account is self._story.crewline:
            self._left -= 1
            if self._left <= 0:
                self._due.set()

    async def next(self, objective: Issue) -> None:
        """Return after so many more things, or at the end."""
        due = asyncio.create_task(self._due.wait())
        done = asyncio.create_task(self._story.closed(objective))
        await asyncio.wait({due, done}, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (due, done):
            waiting.cancel()
        await asyncio.gather(due, done, return_exceptions=True)
        self._left = self._every
        self._due.clear()


def happened(story: Stage, name: str, times: int = 1) -> bool:
    """Whether the bot did this so often."""
    mine = (e for e in story.hub.events.log if e.actor is not None and e.actor.account is story.crewline)
    return sum(event.name == name for event in mine) >= times


POINTS: dict[str, Callable[[Stage, Issue], bool]] = {
    "after the plan is made": lambda story, objective: story.has_status(objective) and planned(story),
    "between two sub-issues": lambda story, objective: len(objective.sub_issues) == 1,
    "between push and pull request": lambda story, objective: happened(story, "ref.created"),
    "after the pull request": lambda story, objective: happened(story, "pull_request.opened"),
    "between review and merge": lambda story, objective: happened(story, "review.submitted"),
    "after the first merge": lambda story, objective: happened(story, "pull_request.merged"),
    "just before the end": lambda story, objective: happened(story, "pull_request.merged", 2),
}


def planned(story: Stage) -> bool:
    return any("tasks done" in comment.body for comment in story.shop.issues[1].comments)


@pytest.mark.parametrize("point", POINTS)
async def test_killed_as_a_process_it_reaches_the_same_end(tmp_path: Path, point: str) -> None:
    """kill -9 in the very moment in which the hub sees it, before the bot gets the answer."""
    async with stage(tmp_path, playbook(*CHAIN), config=CONFIG, killable=True, settle_seconds=0.2) as story:
        objective = story.hand_off()
        story.kill_when(partial(POINTS[point], story, objective))
        await story.until(lambda: story.killed)
        await story.restart_bot()
        await story.closed(objective)
        assert await end_of(story, objective) == UNDISTURBED


async def test_killed_during_a_session_it_leaves_no_agent_behind_and_starts_it_again(tmp_path: Path) -> None:
    tells = "echo $PPID > {shared}/{session}.pid"
    waits = waits_for("go")
    commands = waits["run"]
    assert isinstance(commands, list)
    worker: Part = runs(tells, *commands, part=WRITE)
    parts = playbook(task("one"), one__worker=[worker])
    async with stage(tmp_path, parts, killable=True, settle_seconds=0.2) as story:
        objective = story.hand_off()
        await story.waits("1.one.worker.1")
        agent = int((story.shared / "1.one.worker.1.pid").read_text())
        with Watched(agent) as ended:
            await story.stop_bot()
            async with asyncio.timeout(WITHIN):
                await ended.wait()
        story.sign("go")
        await story.start_bot()
        await story.closed(objective)
        assert await story.file("one.txt") == "by 1.one.worker.2\n"


class Watched:
    """An event that is set when a process, of whomever, has ended."""

    def __init__(self, pid: int) -> None:
        self._process = os.pidfd_open(pid)
        self._ended = asyncio.Event()

    def __enter__(self) -> asyncio.Event:
        asyncio.get_running_loop().add_reader(self._process, self._ended.set)
        return self._ended

    def __exit__(self, *exc: object) -> None:
        asyncio.get_running_loop().remove_reader(self._process)
        os.close(self._process)


async def test_a_bot_that_was_down_for_the_whole_conversation_catches_up(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(task("one"))) as story:
        await story.stop_bot()
        objective = story.hand_off()
        await story.start_bot()
        await story.closed(objective)


async def test_a_claim_of_a_server_that_died_counts_against_nothing(tmp_path: Path) -> None:
    config = "limits:\n  backoff_seconds: 0\n  attempts: 1\n"
    async with stage(tmp_path, playbook(task("one"), one__worker=[waits_for("go")]), config=config) as story:
        objective = story.hand_off()
        for ordinal in (1, 2, 3):
            await story.waits(f"{objective.number}.one.worker.{ordinal}")
            await story.restart_bot()
        story.sign("go")
        await story.closed(objective)
        assert await story.file("one.txt") == f"by {objective.number}.one.worker.4\n"
