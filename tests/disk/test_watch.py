"""Whether sessions may start, as far as the disk is concerned."""

from __future__ import annotations

import asyncio
import errno
import threading

import pytest

from bot.disk.trouble import DiskTrouble, trouble_of
from bot.disk.watch import Disk, DiskWatch
from bot.git.errors import GitFailed

FLOOR = 500_000_000


class FakeDisk:
    """A disk with so much space, which fails as it is told."""

    def __init__(self) -> None:
        self.space = 10 * FLOOR
        self.error: int | None = None
        self.hangs = threading.Event()
        self.hangs.set()

    def free(self) -> int:
        return self.space

    def probe(self) -> None:
        self.hangs.wait(20)
        if self.error is not None:
            raise OSError(self.error, "as told")


@pytest.fixture
def disk() -> FakeDisk:
    return FakeDisk()


async def test_a_sound_disk_hinders_nothing(disk: FakeDisk) -> None:
    assert await DiskWatch(disk, FLOOR).check() is None


async def test_below_the_floor_it_is_full_until_there_is_space(disk: FakeDisk) -> None:
    watch = DiskWatch(disk, FLOOR)
    disk.space = 12_000_000
    said = "The server's disk is full (12 MB free, 500 MB are wanted): free some space there, or run `crewline gc`."
    assert await watch.check() == said
    disk.space = 13_000_000
    assert await watch.check() == said, "one and the same sentence, or the comment is edited again and again"
    assert not watch.unwritable()
    disk.space = FLOOR
    assert await watch.check() is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
async def test_a_disk_that_takes_nothing_is_told_as_what_it_is(disk: FakeDisk, number: int) -> None:
    watch = DiskWatch(disk, FLOOR)
    disk.error = number
    assert await watch.check() is not None
    assert watch.unwritable()
    disk.error = None
    assert await watch.check() is None
    assert not watch.unwritable()


async def test_a_disk_that_hangs_holds_nobody_up(disk: FakeDisk) -> None:
    watch = DiskWatch(disk, FLOOR, slow=0.05)
    disk.hangs.clear()
    assert "too slow" in (await watch.check() or "")
    assert "too slow" in (await watch.check() or "")
    disk.hangs.set()
    assert await DiskWatch(disk, FLOOR).check() is None


async def test_nothing_is_recorded_while_one_question_stays_without_an_answer(disk: FakeDisk) -> None:
    watch = DiskWatch(disk, FLOOR, slow=0.05)
    disk.hangs.clear()
    await watch.check()
    assert not watch.unwritable(), "it may merely be slow"
    await watch.check()
    assert watch.unwritable()
    disk.hangs.set()
    watch = DiskWatch(disk, FLOOR)
    assert await watch.check() is None
    assert not watch.unwritable()


async def test_a_disk_that_answers_late_each_time_is_not_sound_in_between(
    disk: FakeDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[asyncio.Future[OSError | int]] = []

    def ask(_: Disk) -> asyncio.Future[OSError | int]:
        asked.append(asyncio.get_running_loop().create_future())
        return asked[-1]

    monkeypatch.setattr("bot.disk.watch._in_a_thread", ask)
    watch = DiskWatch(disk, FLOOR, slow=0.01)
    for _ in range(3):
        assert "too slow" in (await watch.check() or "")
        assert not watch.unwritable()
        asked[-1].set_result(disk.space)


async def test_several_may_ask_at_once(disk: FakeDisk) -> None:
    watch = DiskWatch(disk, FLOOR)
    assert set(await asyncio.gather(watch.check(), watch.check(), watch.check())) == {None}


async def test_what_a_session_met_holds_until_there_is_more_room_than_it_found(disk: FakeDisk) -> None:
    watch = DiskWatch(disk, FLOOR)
    changes: list[str | None] = []
    watch.changed = lambda: changes.append(watch.hindrance())
    told = watch.suspect(OSError(errno.ENOSPC, "No space left on device"))
    assert told == "The server's disk is full (no room left): free some space there, or run `crewline gc`."
    assert await watch.check() == told
    disk.space += FLOOR // 2
    assert await watch.check() == told
    disk.space += FLOOR
    assert await watch.check() is None
    assert changes == [told, None]


async def test_or_until_a_pause_is_over_so_that_nothing_loops(disk: FakeDisk) -> None:
    watch = DiskWatch(disk, FLOOR, every=0.0)
    assert watch.suspect(OSError(errno.ENOSPC, "")) is not None
    assert await watch.check() is None


async def test_a_full_disk_is_relieved_and_asked_again(disk: FakeDisk) -> None:
    watch = DiskWatch(disk, FLOOR, every=60)
    relieved = asyncio.Event()

    async def relieve() -> None:
        disk.space = 2 * FLOOR
        relieved.set()

    watch.relieve = relieve
    disk.space = 0
    sound = asyncio.Event()
    watch.changed = lambda: sound.set() if watch.hindrance() is None else None
    async with asyncio.TaskGroup() as group:
        running = group.create_task(watch.run())
        await relieved.wait()
        await sound.wait()
        running.cancel()


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (OSError(errno.ENOSPC, ""), DiskTrouble.FULL),
        (OSError(errno.EDQUOT, ""), DiskTrouble.FULL),
        (OSError(errno.EROFS, ""), DiskTrouble.READ_ONLY),
        (GitFailed(("fetch",), 128, "fatal: write error: No space left on device"), DiskTrouble.FULL),
        (GitFailed(("read-tree",), -25, ""), DiskTrouble.FULL),
        (GitFailed(("fetch",), 128, "error: cannot create: Read-only file system"), DiskTrouble.READ_ONLY),
        (GitFailed(("fetch",), 128, "fatal: unable to access: Could not resolve host"), None),
        (FileNotFoundError(errno.ENOENT, ""), None),
        (ValueError("No space left on device"), None),
    ],
)
def test_what_an_error_says_about_the_disk(error: Exception, trouble: DiskTrouble | None) -> None:
    assert trouble_of(error) is trouble
