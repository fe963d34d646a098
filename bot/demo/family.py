"""No process left behind, also where a server was killed and could not end its own.

On Linux this process becomes the *child subreaper* (prctl(2)): whatever loses its parent below it becomes its
child, so that its descendants are all there is to find. Elsewhere the servers' own cleaning up has to do.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_SUBREAPER = 36
_DEATH_SIGNAL = 1
LINUX = sys.platform.startswith("linux")
_LIBC = ctypes.CDLL(None) if LINUX else None


def adopt_orphans() -> None:
    """From now on orphans below this process become its children."""
    if _LIBC is not None:
        _LIBC.prctl(_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """For a child, before it starts its program: TERM when the parent is gone, even by kill -9."""
    if _LIBC is not None:
        _LIBC.prctl(_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)


def descendants(parent: int) -> tuple[int, ...]:
    """Every process below `parent`, those that ended and were not waited for included."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir() if LINUX else ():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    left = [parent]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return tuple(found)


def end_descendants(within: float = 3.0) -> int:
    """Kill and reap all that is still below this process; how many there were. Blocks up to `within` seconds."""
    deadline = time.monotonic() + within
    ended: set[int] = set()
    while left := descendants(os.getpid()):
        ended |= set(left)
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return len(ended)
