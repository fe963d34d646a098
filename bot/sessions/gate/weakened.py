"""Tests that were removed or switched off: told to the reviewer, who knows whether the task asked for it.

Names and marks of many languages, counted before and after in each file. It accuses nobody: a renamed test counts
once down and once up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.sessions.gate.change import Change

_TEST_FILE = re.compile(r"(^|/)(tests?|spec|__tests__)/|(^|/)test_[^/]*$|[._-](test|spec)s?\.[A-Za-z]+$", re.IGNORECASE)
_TEST = re.compile(
    r"^\s*(?:async\s+)?def\s+test\w*|^\s*(?:it|test|describe)\s*\(|^\s*@Test\b|^\s*func\s+Test\w+|#\[(?:tokio::)?test\]",
    re.MULTILINE,
)
_SKIP = re.compile(
    r"pytest\.mark\.(?:skip|xfail)|unittest\.skip|pytest\.skip\(|\b(?:it|test|describe)\.skip\(|\bx(?:it|describe)\("
    r"|@Disabled\b|@Ignore\b|t\.Skip\(|#\[ignore",
)
_ASSERTION = re.compile(r"\bassert\w*\b|\bexpect\s*\(|\bt\.(?:Error|Fatal)f?\(|\brequire\.\w+\(", re.IGNORECASE)
MOST_TOLD = 20


def weakened(changes: Iterable[Change]) -> tuple[str, ...]:
    """One sentence for each file of tests that tests less than before, most telling first."""
    told = [flag for change in changes if _TEST_FILE.search(change.path) for flag in _flags(change)]
    return tuple(told[:MOST_TOLD])


def _flags(change: Change) -> Iterable[str]:
    if change.deleted:
        yield f"`{change.path}` was deleted"
        return
    before, after = change.old_text, change.new_text
    if before is None or after is None:
        return
    if (gone := _count(_TEST, before) - _count(_TEST, after)) > 0:
        yield f"`{change.path}` has {gone} {'test' if gone == 1 else 'tests'} fewer"
    elif (fewer := _count(_ASSERTION, before) - _count(_ASSERTION, after)) > 0:
        yield f"`{change.path}` asserts {fewer} {'thing' if fewer == 1 else 'things'} fewer"
    if (skipped := _count(_SKIP, after) - _count(_SKIP, before)) > 0:
        yield f"`{change.path}` skips {skipped} more"


def _count(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))
