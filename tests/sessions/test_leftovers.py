"""Only what an earlier run of the bot started is ended, and it is told by more than a pid."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import pytest

from bot.sessions.guards import MARK
from bot.sessions.leftovers import BotRun, DataFolder, Found, boot_id, end_leftovers, leftovers, send

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="leftovers are found in /proc")


@contextmanager
def sleeper(mark: str | None, *argv: str) -> Iterator[Popen[bytes]]:
    """A process that carries `mark`, as an agent does, or nothing."""
    environment = {"PATH": os.environ["PATH"]} | ({MARK: mark} if mark is not None else {})
    process = Popen(argv or ("sleep", "600"), env=environment, stdin=DEVNULL, stdout=PIPE, start_new_session=True)
    assert process.stdout is not None
    try:
        while not Path(f"/proc/{process.pid}/environ").read_bytes():
            pass  # the kernel shows the new program's a moment after Popen has returned
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def alive(process: Popen[bytes]) -> bool:
    return process.poll() is None


async def test_what_a_run_left_is_ended_and_what_only_looks_like_it_is_not(tmp_path: Path) -> None:
    run = DataFolder(tmp_path / "ours")
    other = DataFolder(tmp_path / "of-another-bot")
    with (
        sleeper(f"{run.mark}1") as left,
        sleeper(f"{other.mark}1") as of_another_bot,
        sleeper(None) as same_command,
        sleeper("f00") as forged,
        sleeper(f"not-{run.mark}") as nearly,
    ):
        later = DataFolder(tmp_path / "ours")
        assert [found.pid for found in leftovers(later.earlier)] == [left.pid]
        assert await end_leftovers(later.earlier) == 1
        assert left.wait() == -signal.SIGKILL
        assert all(alive(process) for process in (of_another_bot, same_command, forged, nearly))


async def test_what_it_started_with_an_environment_of_its_own_goes_with_it(tmp_path: Path) -> None:
    run = DataFolder(tmp_path)
    script = "env -i sleep 601 & echo $!; wait"
    with sleeper(f"{run.mark}1", "/bin/sh", "-c", script) as left:
        assert left.stdout is not None
        child = int(left.stdout.readline())
        assert {found.pid for found in leftovers(DataFolder(tmp_path).earlier)} == {left.pid, child}
        descriptor = os.pidfd_open(child)
        await end_leftovers(DataFolder(tmp_path).earlier)
        assert left.wait() == -signal.SIGKILL
        os.close(descriptor)


def test_a_record_from_before_the_machine_was_started_again_names_nobody(tmp_path: Path) -> None:
    run = DataFolder(tmp_path)
    with sleeper(f"{run.mark}1"):
        assert leftovers([BotRun(mark=run.mark, boot="another", since=0)]) == []
        assert leftovers([BotRun(mark=run.mark, boot="", since=0)]) == []
        assert len(leftovers([BotRun(mark=run.mark, boot=boot_id(), since=0)])) == 1


def test_a_process_that_is_older_than_the_run_is_not_its_own(tmp_path: Path) -> None:
    run = DataFolder(tmp_path)
    with sleeper(f"{run.mark}1") as process:
        [found] = leftovers(DataFolder(tmp_path).earlier)
        assert found.pid == process.pid
        assert leftovers([BotRun(mark=run.mark, boot=boot_id(), since=found.started + 1)]) == []


def test_a_pid_that_was_given_to_another_process_is_not_signalled(tmp_path: Path) -> None:
    run = DataFolder(tmp_path)
    with sleeper(f"{run.mark}1") as process:
        [found] = leftovers(DataFolder(tmp_path).earlier)
        assert not send(Found(process.pid, found.started - 1), signal.SIGKILL), "its start shows that it is another"
        assert alive(process)
        assert send(found, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not send(found, signal.SIGKILL), "it is gone"


async def test_runs_are_looked_for_until_all_of_theirs_is_ended(tmp_path: Path) -> None:
    first = DataFolder(tmp_path)
    second = DataFolder(tmp_path)
    assert [run.mark for run in second.earlier] == [first.mark]
    third = DataFolder(tmp_path)
    assert [run.mark for run in third.earlier] == [first.mark, second.mark]
    third.cleared()
    assert [run.mark for run in DataFolder(tmp_path).earlier] == [third.mark]


FORGED = ["", "{", "[1]", '[{"mark": 1}]', f'[{{"mark": "", "boot": "{boot_id()}", "since": 0}}]']


@pytest.mark.parametrize("content", FORGED)
def test_a_record_that_cannot_be_read_names_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "runs.json").write_text(content)
    assert DataFolder(tmp_path).earlier == ()
