"""Transcripts that lie on the disk: plain while their session runs, compressed once it is over.

A transcript is packed into a new file that takes its name in one rename, and only then deleted; so at any moment one of
the two can be read whole. Whoever reads one that is written right now gets what is there, without a half line.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import BinaryIO, NamedTuple

from bot.model.events import NotAnOffset

PACKED = ".gz"
MOST_AT_ONCE = 500_000
"""Bytes of one part; the line that passes it is whole, and its last."""
FURTHEST = 2**40
"""No transcript is as long; far less than what file systems can seek to."""


class Part(NamedTuple):
    """Some lines, and the offset behind them: in bytes of the transcript as it was written."""

    lines: tuple[str, ...]
    next: int


def packed(path: Path) -> Path:
    """Where the compressed form of the transcript `path` lies."""
    return path.with_name(path.name + PACKED)


def pack(path: Path) -> None:
    """Compress the transcript `path`, with what was compressed of it before. Blocks. Raises OSError; what there was
    can be read then."""
    half = path.with_name(f"{path.name}.half")
    try:
        with half.open("wb") as target:
            if packed(path).exists():
                with packed(path).open("rb") as before:
                    shutil.copyfileobj(before, target)  # one stream after another is a stream
            with path.open("rb") as source, gzip.GzipFile(fileobj=target, mode="wb", compresslevel=6) as added:
                shutil.copyfileobj(source, added)
        half.replace(packed(path))
    except OSError:
        half.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)


def read_lines(path: Path) -> Iterator[str]:
    """The lines of the transcript `path`, compressed or not. Raises FileNotFoundError where it is neither."""
    if packed(path).exists():
        with gzip.open(packed(path), "rb") as file:
            yield from _whole_lines(file)
        if not path.exists():
            return
    with path.open("rb") as plain:
        yield from _whole_lines(plain)


def read_on(path: Path, after: int) -> Part:
    """The next lines of the transcript `path`, from offset `after` on: none where there are no more, or no whole one
    yet. An offset stays the same when the transcript is packed, after which nothing is written any more. Blocks.

    Raises FileNotFoundError where there is no transcript, NotAnOffset where `after` lies beyond it or within a line."""
    lines: list[str] = []
    at = after
    with _opened(path) as file:
        if after:
            file.seek(min(after, FURTHEST) - 1)
            if file.read(1) != b"\n":
                raise NotAnOffset(after)
        for line in file:
            if not line.endswith(b"\n") or at - after >= MOST_AT_ONCE:
                break
            lines.append(line[:-1].decode(errors="replace"))
            at += len(line)
    return Part(tuple(lines), at)


def _opened(path: Path) -> BinaryIO | gzip.GzipFile:
    """The plain one first: it goes only once the packed one is there."""
    try:
        return path.open("rb")
    except FileNotFoundError:
        return gzip.open(packed(path), "rb")


def _whole_lines(file: BufferedIOBase | BinaryIO | gzip.GzipFile) -> Iterator[str]:
    for line in file:
        if line.endswith(b"\n"):
            yield line[:-1].decode(errors="replace")
