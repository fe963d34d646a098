"""The server's disk is full, or takes nothing: the objective says so, nothing is counted, and it goes on by itself."""

from __future__ import annotations

import errno
import os
import resource
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

import bot.server
from bot.disk.watch import DataDisk, DiskWatch
from bot.model.session import Void
from tests.stories.bots import BotProcess
from tests.stories.plays import APPROVE, WRITE, Part, playbook, task, told, waits_for
from tests.stories.stage import stage

CHAIN = (task("one"), task("two", "one"))
FULL = "The server's disk is full"
SLOW = "The server's disk is too slow"


class Disk:
    """Instead of the disk of the machine."""

    def __init__(self) -> None:
        self.space = 10**12
        self.error: int | None = None
        self.answers = threading.Event()
        self.answers.set()

    def free(self, disk: DataDisk) -> int:
        return self.space

    def probe(self, disk: DataDisk) -> None:
        self.answers.wait(60)
        if self.error is not None:
            raise OSError(self.error, "as told")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """The disk of every bot in this process."""
    disk = Disk()
    monkeypatch.setattr(DataDisk, "free", lambda self: disk.free(self))
    monkeypatch.setattr(DataDisk, "probe", lambda self: disk.probe(self))
    return disk


async def test_on_a_full_disk_nothing_starts_until_there_is_space(tmp_path: Path, disk: Disk) -> None:
    disk.space = 12_000_000
    async with stage(tmp_path, playbook(*CHAIN), disk_seconds=0.05) as story:
        objective = story.hand_off()
        await story.status_says(objective, f"{FULL} (12 MB free, 500 MB are wanted)", "`crewline gc`")
        assert (await story.ledger(objective)).sessions == ()
        disk.space = 10**12
        await story.closed(objective)
        assert FULL not in story.status(objective)
        assert all(not isinstance(session.outcome, Void) for session in (await story.ledger(objective)).sessions)


async def test_a_disk_that_fills_up_lets_what_runs_come_to_its_end(tmp_path: Path, disk: Disk) -> None:
    held = playbook(*CHAIN, one__reviewer=[waits_for("go", APPROVE)])
    async with stage(tmp_path, held, disk_seconds=0.05) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.reviewer.1")
        disk.space = 0
        await story.status_says(objective, FULL)
        story.sign("go")
        await story.until(lambda: story.pull(objective, "one").merged)
        disk.space = 10**12
        await story.closed(objective)


async def test_on_a_disk_that_takes_nothing_what_ended_is_recorded_later(tmp_path: Path, disk: Disk) -> None:
    held = playbook(*CHAIN, one__worker=[waits_for("go", WRITE)])
    async with stage(tmp_path, held, disk_seconds=0.05) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        disk.error = errno.EROFS
        await story.status_says(objective, "The server cannot write to its disk")
        story.sign("go")
        other = story.hand_off("Another")
        await story.status_says(other, "The server cannot write to its disk")
        disk.error = None
        await story.closed(objective, other)
        assert [session.id for session in (await story.ledger(objective)).sessions if session.task == "one"] == [
            f"{objective.number}.one.worker.1",
            f"{objective.number}.one.reviewer.1",
        ]


async def test_on_a_disk_that_is_too_slow_nothing_starts_until_it_answers_in_time(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs comes to its end meanwhile, and is recorded then or when the disk answers again."""
    monkeypatch.setattr("bot.server.DiskWatch", partial(DiskWatch, slow=0.2))
    held = playbook(*CHAIN, one__worker=[waits_for("go", WRITE)])
    async with stage(tmp_path, held, disk_seconds=0.05) as story:
        objective = story.hand_off()
        await story.waits(f"{objective.number}.one.worker.1")
        disk.answers.clear()
        await story.status_says(objective, SLOW)
        story.sign("go")
        other = story.hand_off("Another")
        await story.status_says(other, SLOW)
        recorded = await story.shop.git.ref(f"refs/crewline/objectives/{other.number}")
        assert recorded is None or (await story.ledger(other)).sessions == ()
        started = [session.id for session in (await story.ledger(objective)).sessions]
        assert started == [f"{objective.number}.planner.1", f"{objective.number}.one.worker.1"]
        disk.answers.set()
        await story.closed(objective, other)
        assert SLOW not in story.status(objective)
        assert SLOW not in story.status(other)
        sessions = (await story.ledger(objective)).sessions
        assert len([session for session in sessions if session.task == "one"]) == 2, "the first attempt counted"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sets the limits of another process")
async def test_a_tree_for_which_there_is_no_room_waits_for_room(tmp_path: Path) -> None:
    """The kernel refuses files above a size, to the bot and to git: what a full disk does, but for the free space."""
    large = {"large.bin": "".join(f"{number:x}" for number in range(400_000))}
    async with stage(tmp_path, playbook(*CHAIN), files=large, killable=True, disk_seconds=1) as story:
        assert isinstance(story.bot, BotProcess)
        await story.at_rest()
        limit_files(story.bot, 400_000)
        objective = story.hand_off()
        await story.status_says(objective, FULL)
        limit_files(story.bot, resource.RLIM_INFINITY)
        await story.closed(objective)
        assert await story.merged_titles() == ["Do one", "Do two"]
        outcomes = [session.outcome for session in (await story.ledger(objective)).sessions]
        voids = [outcome.reason for outcome in outcomes if isinstance(outcome, Void)]
        assert voids
        assert all(reason.startswith(FULL) for reason in voids)


async def test_the_server_deletes_what_is_old_by_itself(tmp_path: Path) -> None:
    async with stage(tmp_path, playbook(*CHAIN), gc_seconds=1) as story:
        old = old_transcript(tmp_path)
        await story.log.says("deleted")
        assert not old.exists()
        objective = story.hand_off()
        await story.closed(objective)
        assert story.prompt(f"{objective.number}.one.worker.1")


async def test_mirrors_go_by_themselves_and_are_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also that of a repository where an objective waits for a person, and between any two steps of the work."""
    monkeypatch.setattr(bot.server, "AT_REST", 0.0)
    blocked: Part = {"status": "blocked", "summary": "Cannot go on.", "follow_up_notes": "Which colour?"}
    parts = playbook(*CHAIN, two__worker=[told("Take red", WRITE), blocked])
    async with stage(tmp_path, parts, gc_seconds=1, mirrors_days=0, settle_seconds=0.2) as story:
        objective = story.hand_off()
        await story.bot_says(objective, "the agent is blocked and asks:", "Which colour?")
        while mirrors_below(tmp_path):
            await story.log.says("deleted")
        await story.carried_out(story.say("/retry Take red.", on=objective))
        await story.closed(objective)
        await story.at_rest()
        assert await story.file("two.txt")


def mirrors_below(folder: Path) -> list[Path]:
    return list(folder.glob("data-*/mirrors/*/*.git"))


def old_transcript(folder: Path) -> Path:
    """Of a session long ago, in the data folder of the bot that runs."""
    [data] = folder.glob("data-*")
    path = data / "transcripts/alice/shop/7.one.worker.1.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (0, 0))
    return path


def limit_files(bot: BotProcess, size: int) -> None:
    resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
