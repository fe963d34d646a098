"""Counting what is below a process, and ending it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bot.model.sandbox import Bounds
from bot.sandbox.census import Census, kill_below, shared_fairly, table

MB = 1_000_000


@contextmanager
def running(program: str) -> Iterator[int]:
    """The process id of a program that says when it is ready."""
    with subprocess.Popen([sys.executable, "-I", "-c", f"import os, time\n{program}"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            yield child.pid
        finally:
            kill_below(child.pid)
            child.kill()


FAMILY = """\
hoard = b"x" * 80_000_000
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
print("ready", flush=True)
time.sleep(600)
"""


def test_memory_that_processes_share_counts_once() -> None:
    with running(FAMILY) as pid:
        everybody = table().below(os.getpid())
        processes = [one for one in everybody if pid in (one.pid, one.parent)]
        assert len(processes) == 3
        assert sum(process.memory for process in processes) > 220 * MB
        assert 80 * MB < shared_fairly(processes) < 150 * MB


def test_all_that_is_below_is_killed_with_a_session_of_its_own_too() -> None:
    with running(FAMILY) as pid:
        assert len(table().below(pid)) == 2
        kill_below(pid)
        assert table().below(pid) == []


async def test_the_bound_that_was_passed_is_named() -> None:
    with running(FAMILY) as pid:
        assert await Census().until_over(pid, Bounds(processes=1)) == "processes"
        assert await Census().until_over(pid, Bounds(memory_mb=30)) == "memory"
