"""What a program writes down of its work while it works, in files of its home: the cost of each answer of its model.

Some programs tell on their output only at the end what they have cost, so a budget could not end them before. The
files are the program's own, but in a folder that the agent may write to: links are not followed, nothing waits, what
is read is bounded at each look and in each turn, and lines count for the cost alone. Who forges them shortens or
lengthens its own session, as who prints forged lines does; the caps of time and commits hold all the same.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

MOST_OF_TURN = 32_000_000
"""Bytes of whole lines; who writes more is heard no further."""
_MOST_AT_ONCE = 1_000_000
"""Bytes that one look reads, of all files together; a longer line is left out."""
_MOST_LINES = 5_000
"""Of one look."""
_MOST_FILES = 200
_MOST_NAMES = 2_000
"""Of files and folders that one look goes through."""


class Notebook:
    """`pattern` is the path of such files below `home`, ``*`` for any part of a name. What is there already counts
    for nothing. `behind` says that the last look left something for the next one, `full` that nothing is read any
    more in this turn."""

    def __init__(self, home: Path, pattern: str | None) -> None:
        self._home, self._parts = home, pattern.split("/") if pattern else []
        self._names_left = self._bytes_left = self._lines_left = 0
        self._left = MOST_OF_TURN
        self._read = {path: path.lstat().st_size for path in self._files()}
        self._first: Path | None = None
        self.behind = False

    @property
    def full(self) -> bool:
        return self._left <= 0

    def new_lines(self) -> Iterator[bytes]:
        """Whole lines that came since the last look, as many as one look may read; of the files in turn. It never
        raises."""
        self.behind = False
        if self.full:
            return
        self._bytes_left, self._lines_left = _MOST_AT_ONCE, _MOST_LINES
        files = self._files()
        begin = files.index(self._first) if self._first in files else 0
        for path in files[begin:] + files[:begin]:
            if self.behind:
                self._first = path
                return
            with suppress(OSError):  # the next look may read it
                yield from self._new_lines(path)

    def _new_lines(self, path: Path) -> list[bytes]:
        begin = self._read.get(path, 0)
        if path.lstat().st_size <= begin:
            return []
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return []
            file.seek(begin)
            piece = file.read(self._bytes_left)
        cut = len(piece) == self._bytes_left
        whole, end, _ = piece.rpartition(b"\n")
        lines = whole.split(b"\n", self._lines_left) if end else []
        consumed = len(whole) + len(end)
        if len(lines) > self._lines_left:
            cut, consumed = True, consumed - len(lines.pop()) - 1
        if not end and cut and self._bytes_left == _MOST_AT_ONCE:
            consumed = len(piece)
        self._read[path] = begin + consumed
        self._bytes_left -= len(piece)
        self._lines_left -= len(lines)
        self._left -= consumed
        self.behind = cut or self._lines_left == 0
        return lines

    def _files(self) -> list[Path]:
        if not self._parts:
            return []
        found, self._names_left = [self._home], _MOST_NAMES
        for part in self._parts[:-1]:
            found = [below for folder in found for below in self._matching(folder, part, folders=True)][:_MOST_FILES]
        last = self._parts[-1]
        return [file for folder in found for file in self._matching(folder, last, folders=False)][:_MOST_FILES]

    def _matching(self, folder: Path, name: str, *, folders: bool) -> list[Path]:
        """What is in `folder` under such a name; no links."""
        try:
            with os.scandir(folder) as entries:
                names = list(islice(entries, self._names_left))
                self._names_left -= len(names)
                return [
                    Path(entry.path)
                    for entry in names
                    if fnmatchcase(entry.name, name)
                    and (entry.is_dir(follow_symlinks=False) if folders else entry.is_file(follow_symlinks=False))
                ]
        except OSError:
            return []
