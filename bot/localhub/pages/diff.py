"""Patches as rows of a table, with the review comments below the lines they are about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.localhub.git.files import FileDiff
from bot.localhub.model.review import ReviewComment

MOST_ROWS = 2_000
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True)
class Row:
    """One line of a diff; a side's number is None where the line is not on that side."""

    kind: Literal["added", "removed", "same", "hunk", "note"]
    old: int | None
    new: int | None
    text: str
    comments: tuple[ReviewComment, ...] = ()


@dataclass(frozen=True)
class FileView:
    """One file of a diff."""

    file: FileDiff
    rows: tuple[Row, ...]
    outdated: tuple[ReviewComment, ...] = ()
    """Comments on lines that are no longer there."""
    cut: bool = False
    """The patch has more rows than are shown."""


def file_views(files: Iterable[FileDiff], comments: Sequence[ReviewComment] = ()) -> list[FileView]:
    """The files, each with the comments on it."""
    return [file_view(file, [one for one in comments if one.path == file.path]) for file in files]


def file_view(file: FileDiff, comments: Sequence[ReviewComment]) -> FileView:
    rows = rows_of(file.patch or "")
    placed: list[Row] = []
    left = list(comments)
    for row in rows[:MOST_ROWS]:
        here = tuple(one for one in left if one.line is not None and one.line == line_on(row, one.side))
        left = [one for one in left if one not in here]
        placed.append(Row(row.kind, row.old, row.new, row.text, here) if here else row)
    return FileView(file, tuple(placed), tuple(left), len(rows) > MOST_ROWS)


def line_on(row: Row, side: str) -> int | None:
    return row.old if side == "LEFT" else row.new


def rows_of(patch: str) -> list[Row]:
    """The rows of a patch without header lines, as GitHub's `patch` is."""
    rows: list[Row] = []
    old = new = 0
    for line in patch.split("\n") if patch else ():
        found = _HUNK.match(line)
        if found is not None:
            old, new = int(found[1]), int(found[2])
            rows.append(Row("hunk", None, None, line))
        elif line.startswith("+"):
            rows.append(Row("added", None, new, line[1:]))
            new += 1
        elif line.startswith("-"):
            rows.append(Row("removed", old, None, line[1:]))
            old += 1
        elif line.startswith("\\"):
            rows.append(Row("note", None, None, line))
        else:
            rows.append(Row("same", old, new, line[1:]))
            old, new = old + 1, new + 1
    return rows
