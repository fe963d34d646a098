"""What a program writes down of its work while it works, in files of its home: the cost of each answer of its model.

Some programs tell on their output only at the end what they have cost, so a budget could not end them before. The
files are the program's own, but in a folder that the agent may write to: links are not followed, nothing waits, what
is read is bounded, and lines count for the cost alone. Who forges them shortens or lengthens its own session, as who
prints forged lines does; the caps of time and commits hold all the same.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

_MOST_FILES = 200
_MOST_READ = 4_000_000
"""Bytes of one file at one look; a longer line is left out."""


class Notebook:
    """`pattern` is the path of such files below `home`, ``*`` for any part of a name. What is there already counts
    for nothing."""

    def __init__(self, home: Path, pattern: str | None) -> None:
        self._home, self._parts = home, pattern.split("/") if pattern else []
        self._read = {path: path.lstat().st_size for path in self._files()}

    def new_lines(self) -> Iterator[bytes]:
        """Whole lines that came since the last look. It never raises."""
        for path in self._files():
            with suppress(OSError):  # the next look may read it
                yield from self._new_lines(path)

    def _new_lines(self, path: Path) -> Iterator[bytes]:
        begin = self._read.get(path, 0)
        if path.lstat().st_size <= begin:
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return
            file.seek(begin)
            piece = file.read(_MOST_READ)
        whole, end, _ = piece.rpartition(b"\n")
        if end:
            self._read[path] = begin + len(whole) + 1
            yield from whole.split(b"\n")
        elif len(piece) == _MOST_READ:
            self._read[path] = begin + len(piece)

    def _files(self) -> list[Path]:
        if not self._parts:
            return []
        found = [self._home]
        for part in self._parts[:-1]:
            found = [below for folder in found for below in _matching(folder, part, folders=True)][:_MOST_FILES]
        return [file for folder in found for file in _matching(folder, self._parts[-1], folders=False)][:_MOST_FILES]


def _matching(folder: Path, name: str, *, folders: bool) -> list[Path]:
    """What is in `folder` under such a name; no links."""
    try:
        with os.scandir(folder) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if fnmatchcase(entry.name, name)
                and (entry.is_dir(follow_symlinks=False) if folders else entry.is_file(follow_symlinks=False))
            ]
    except OSError:
        return []
