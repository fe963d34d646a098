"""What an error says about the disk. Most come from the kernel; some went through git, which only has words."""

from __future__ import annotations

import errno
from enum import Enum
from typing import Protocol, runtime_checkable


@runtime_checkable
class Said(Protocol):
    """An error of a program: how it ended, and what it wrote."""

    exit_code: int | None
    stderr: str


class DiskTrouble(Enum):
    """The value goes into a sentence: "The server's disk …"."""

    FULL = "is full"
    READ_ONLY = "cannot be written to"
    FAILING = "fails"
    SLOW = "is too slow"


_NUMBERS = {
    errno.ENOSPC: DiskTrouble.FULL,
    errno.EDQUOT: DiskTrouble.FULL,
    errno.EFBIG: DiskTrouble.FULL,
    errno.EROFS: DiskTrouble.READ_ONLY,
    errno.EACCES: DiskTrouble.READ_ONLY,
    errno.EPERM: DiskTrouble.READ_ONLY,
    errno.EIO: DiskTrouble.FAILING,
}
_WORDS = {
    "No space left on device": DiskTrouble.FULL,
    "Disk quota exceeded": DiskTrouble.FULL,
    "File too large": DiskTrouble.FULL,
    "died of signal 25": DiskTrouble.FULL,
    "Read-only file system": DiskTrouble.READ_ONLY,
    "insufficient permission for adding an object": DiskTrouble.READ_ONLY,
    "Input/output error": DiskTrouble.FAILING,
}
"""As strerror(3) has them in the C locale, which our git runs in, and git itself."""
_FILE_TOO_LARGE = -25
"""How a process ends that writes beyond its limit: SIGXFSZ."""


def trouble_of(error: BaseException) -> DiskTrouble | None:
    """What is wrong with the disk, where that is what `error` tells."""
    if isinstance(error, OSError):
        return _NUMBERS.get(error.errno or 0)
    if isinstance(error, Said):
        if error.exit_code == _FILE_TOO_LARGE:
            return DiskTrouble.FULL
        return next((trouble for words, trouble in _WORDS.items() if words in error.stderr), None)
    return None


def sentence(trouble: DiskTrouble, free: int, floor: int) -> str:
    """For people, on an issue too: it names no path. `free` and `floor` in bytes."""
    match trouble:
        case DiskTrouble.FULL:
            room = (
                f"{free // 1_000_000} MB free, {floor // 1_000_000} MB are wanted" if free < floor else "no room left"
            )
            return f"The server's disk is full ({room}): free some space there, or run `crewline gc`."
        case DiskTrouble.READ_ONLY:
            return "The server cannot write to its disk: it may be mounted read-only, or its folder be another user's."
        case DiskTrouble.FAILING:
            return "The server's disk fails (input/output errors): see to it."
        case DiskTrouble.SLOW:
            return "The server's disk is too slow: a small file took it many seconds."
