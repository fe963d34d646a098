"""What goes wrong because of the disk is nobody's failure."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.agents.agent import Message
from bot.disk.watch import DiskWatch
from bot.model.session import Failed, Published, Void
from bot.sessions.run import SessionRunner
from bot.sessions.transcript import Transcript
from tests.disk.test_watch import FLOOR, FakeDisk
from tests.sessions.conftest import World


@pytest.fixture
def disk() -> FakeDisk:
    return FakeDisk()


def runner(world: World, disk: FakeDisk) -> SessionRunner:
    world.data = world.folder / "data-2"
    return SessionRunner(world.data, world._mirror, world.roster, disk=DiskWatch(disk, FLOOR))


async def test_an_agent_that_fails_on_a_full_disk_has_not_failed(world: World, disk: FakeDisk) -> None:
    world.agent("sys.exit(3)")
    async with runner(world, disk) as sessions:
        assert isinstance((await sessions.run(world.worker())).outcome, Failed)
        disk.error = errno.ENOSPC
        outcome = (await sessions.run(world.worker())).outcome
    assert isinstance(outcome, Void)
    assert outcome.reason.startswith("The server's disk is full")


async def test_what_was_achieved_on_a_full_disk_counts(world: World, disk: FakeDisk) -> None:
    world.agent('write("src/a.py", "x = 1"); commit()')
    disk.error = errno.ENOSPC
    async with runner(world, disk) as sessions:
        assert isinstance((await sessions.run(world.worker())).outcome, Published)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_transcript_that_the_disk_does_not_take_stops_nobody() -> None:
    with Transcript(Path("/dev/full"), (), lambda: datetime.now(UTC)) as transcript:
        transcript.note("prompt", "Do it.")
        transcript.events([Message(text="x" * 100_000)])
        transcript.flush()
    assert transcript.trouble is not None
    assert transcript.trouble.errno == errno.ENOSPC
