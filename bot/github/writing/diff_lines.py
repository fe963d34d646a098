"""Which lines a pull request's diff shows: only on those GitHub takes a line comment."""

from __future__ import annotations

import re

from pydantic import BaseModel

from bot.github.writing.target import Target

PER_PAGE = 100
MOST_PAGES = 30
"""GitHub lists 3,000 files of a pull request (REST, "List pull requests files")."""
_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class _File(BaseModel):
    filename: str
    patch: str | None = None
    """Absent for binary files, and for those whose diff is too large."""


async def shown_lines(target: Target, pull_request: int, paths: frozenset[str]) -> frozenset[tuple[str, int]]:
    """Of `paths`, the lines of the new side that the diff shows. Raises GitHubError."""
    found: dict[str, frozenset[int]] = {}
    for page in range(1, MOST_PAGES + 1):
        params = {"per_page": str(PER_PAGE), "page": str(page)}
        files = await target.client.read_list("post review", target.path(f"pulls/{pull_request}/files"), _File, params)
        found |= {file.filename: lines_of(file.patch or "") for file in files if file.filename in paths}
        if len(files) < PER_PAGE or found.keys() == paths:
            break
    return frozenset((path, line) for path, lines in found.items() for line in lines)


def lines_of(patch: str) -> frozenset[int]:
    """The lines of the new side in a patch without file headers, context included."""
    shown: set[int] = set()
    line = 0
    for text in patch.split("\n"):
        if hunk := _HUNK.match(text):
            line = int(hunk[1])
        elif text.startswith(("+", " ")):
            shown.add(line)
            line += 1
    return frozenset(shown)
