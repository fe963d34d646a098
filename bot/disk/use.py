"""What somebody uses right now, by a lock of the kernel's: it ends with the process that holds it, however that ends.

Whoever uses a file or folder holds a shared flock(2) on it; whoever wants to delete it must get an exclusive one, and
renames it away while holding that. A user who comes to the lock too late finds that the name leads elsewhere by then.
Descriptors are not inherited by what we start, so no agent holds anything.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class InUse(Exception):
    """Somebody uses it."""


def hold(path: Path) -> int | None:
    """A descriptor that marks `path` as used until it is closed; None where it is not there any more.

    Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with suppress(OSError):  # a file system without locks: then nobody collects beside a server there
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    if same(descriptor, path):
        return descriptor
    os.close(descriptor)
    return None


@contextmanager
def unused(path: Path) -> Iterator[None]:
    """Nobody uses `path` while the block runs. Raises InUse, and OSError where it cannot be opened."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(path.name) from None
        if not same(descriptor, path):
            raise InUse(path.name)
        yield
    finally:
        os.close(descriptor)


def is_used(path: Path) -> bool:
    """Whether somebody uses `path` now; what cannot be opened counts as used, what is not there does not."""
    try:
        with unused(path):
            return False
    except FileNotFoundError:
        return False
    except (InUse, OSError):
        return True


def same(descriptor: int, path: Path) -> bool:
    """Whether `path` still names what was opened."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return False
    opened = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino)
