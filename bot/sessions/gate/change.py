"""The net difference of a session's work, read from our mirror and never from the tree of the agent.

It is between the merge base with the base branch and the head: what was committed and taken back does not count, and
neither does what a merge of the base brought.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from bot.git.large_files import is_stored, pointed_at
from bot.git.mirror import Mirror
from bot.git.trees import Difference, differences, merge_base
from bot.model.identity import CommitSha
from bot.sessions.gate.leaks import added_text, leaks

GITLINK, SYMLINK, ABSENT = "160000", "120000", "000000"

_CONFLICT = re.compile(rb"^<{7} .*?^={7}\r?$.*?^>{7} ", re.MULTILINE | re.DOTALL)
_BINARY_SIGN = 8_000
"""Bytes in which git looks for a NUL to tell that a file is binary (buffer_is_binary)."""


@dataclass(frozen=True, slots=True)
class Change:
    """One path of the difference. Modes are git's, six digits; `size` is that of the new file in bytes; `link` is
    where a new symbolic link points; `conflict` says that conflict marks came in, `secrets` which kinds of secrets.
    `unstored` says that the file is a pointer of Git LFS whose large file the remote is not known to have.
    The texts are None where a file is absent, binary or too large to be read."""

    path: str
    old_mode: str
    new_mode: str
    size: int = 0
    link: str | None = None
    conflict: bool = False
    binary: bool = False
    secrets: tuple[str, ...] = ()
    unstored: bool = False
    old_text: str | None = None
    new_text: str | None = None

    @property
    def deleted(self) -> bool:
        return self.new_mode == ABSENT


async def collect(
    mirror: Mirror, base: CommitSha, head: CommitSha, largest_file: int, secrets: Sequence[str] = ()
) -> tuple[Change, ...] | None:
    """The net difference of `head` to its merge base with `base`; None where they share no history. Larger files are
    not read. `secrets` are the server's own."""
    start = await merge_base(mirror, base, head)
    if start is None:
        return None
    found = await differences(mirror.objects, start, head)
    changes = [await _change(mirror, one, largest_file, secrets) for one in found]
    kept = {pointed_at((change.old_text or "").encode()) for change in changes}
    return tuple(replace(change, unstored=_unstored(mirror, change, kept)) for change in changes)


def _unstored(mirror: Mirror, change: Change, kept: Collection[str | None]) -> bool:
    """`kept` are the large files that the difference takes away from somewhere: they may have been moved."""
    large = pointed_at((change.new_text or "").encode())
    return large is not None and large not in kept and not is_stored(mirror, large)


async def _change(mirror: Mirror, difference: Difference, largest_file: int, secrets: Sequence[str]) -> Change:
    old_mode, new_mode = difference.old.mode, difference.new.mode
    old, new = difference.old.sha, difference.new.sha
    path = difference.path.decode(errors="replace")
    before = b"" if old_mode in (ABSENT, GITLINK) else await _content(mirror, old)
    if new_mode in (ABSENT, GITLINK):
        return Change(path, old_mode, new_mode, old_text=_text(before))
    info = await mirror.objects.info(new)
    size = info.size if info else 0
    if size > largest_file:
        return Change(path, old_mode, new_mode, size)
    content = await _content(mirror, new)
    # the scanner's patterns take milliseconds for a large file: not on the event loop
    found = await asyncio.to_thread(_leaks, before, content, secrets, path if old_mode == ABSENT else "")
    if new_mode == SYMLINK:
        return Change(path, old_mode, new_mode, size, link=content.decode(errors="replace"), secrets=found)
    return Change(
        path,
        old_mode,
        new_mode,
        size,
        conflict=bool(_CONFLICT.search(content)) and not _CONFLICT.search(before),
        binary=_is_binary(content),
        secrets=found,
        old_text=None if old_mode in (ABSENT, GITLINK) else _text(before),
        new_text=_text(content),
    )


def _leaks(before: bytes, after: bytes, secrets: Sequence[str], name: str) -> tuple[str, ...]:
    """With the new `name`, which is published as well."""
    added = added_text(before.decode(errors="replace"), after.decode(errors="replace"))
    return leaks(f"{name}\n{added}", secrets)


def _is_binary(content: bytes) -> bool:
    return b"\0" in content[:_BINARY_SIGN]


def _text(content: bytes) -> str | None:
    return None if _is_binary(content) else content.decode(errors="replace")


async def _content(mirror: Mirror, name: str) -> bytes:
    try:
        found = await mirror.objects.contents(name)
    except ValueError:  # an old file of great size
        return b""
    return found[1] if found else b""
