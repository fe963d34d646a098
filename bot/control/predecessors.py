"""Which earlier runs of the server on this data directory have ended for certain.

A run holds a lock on a file in the directory for as long as it lives; the kernel lets go of it when the process
ends, however it ends. Each run writes its name there. So who has the lock knows that all who stand in the file are
gone, and need not wait until their leases have aged. The directory must be on a disk of this machine: over a
network, a lock is no proof.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EWOULDBLOCK
from pathlib import Path
from typing import BinaryIO

from bot.disk.inventory import LOCKED
from bot.journal import RUNS_UNKNOWN, tell
from bot.model.identity import InstanceId

KEPT = 100
TRIES = 20
PAUSE = 0.01
"""Seconds between two tries. `crewline gc` asks by the same lock whether a server runs, and holds it for a moment."""


class DataInUse(OSError):
    """Another server works with this data directory; two would tear up each other's worktrees."""


@contextmanager
def predecessors(data: Path, me: InstanceId) -> Iterator[frozenset[InstanceId]]:
    """The earlier runs, while this one is recorded as alive. Where the disk takes no file none are known.

    Raises DataInUse.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = (data / LOCKED).open("ab+", buffering=0)
    except OSError as error:
        tell(RUNS_UNKNOWN, error=str(error))
        yield frozenset()
        return
    with file:
        if not _locked(file):
            raise DataInUse(EWOULDBLOCK, "another Crewline server works in this data folder", str(data))
        file.seek(0)
        earlier = file.read().decode("ascii", errors="replace").split()
        try:
            if len(earlier) > KEPT:
                earlier = earlier[-KEPT:]
                file.truncate(0)
                file.write("".join(f"{name}\n" for name in earlier).encode())
            file.write(f"{me}\n".encode())
        except OSError as error:
            tell(RUNS_UNKNOWN, error=str(error))
        yield frozenset(InstanceId(name) for name in earlier)


def _locked(file: BinaryIO) -> bool:
    """Whether nobody else has the lock for more than a moment."""
    for tried in range(TRIES):
        if tried:
            time.sleep(PAUSE)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # the caller tells, if it stays so
            continue
        return True
    return False
