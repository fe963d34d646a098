"""What is pushed, and what git's ``--porcelain`` answer to a push means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.git.errors import PushRefused, PushRejected
from bot.model.identity import CommitSha


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """Move `ref` (full name) to `new` (None deletes it), if it still is at `expected` (None: it does not exist)."""

    ref: str
    new: CommitSha | None
    expected: CommitSha | None


_LINE = re.compile(r"^!\t(?P<source>[^:\t]*):(?P<ref>[^\t]+)\t(?P<words>.*)$", re.MULTILINE)
_MOVED = (
    "stale info",
    "cannot lock ref",
    "failed to lock",
    "reference already exists",
    "failed to update ref",
    "incorrect old value",
    "atomic transaction failed",
    "fetch first",
    "non-fast-forward",
    "already exists",
)
"""How git and GitHub say that somebody else was faster."""
_FOLLOWS = ("atomic push fail",)
"""Said of the refs that were fine themselves."""
_UNKNOWN = ("remote failure", "remote failed to report status")
_FORBIDDEN = (
    "returned error: 403",
    "Permission to ",
    "Write access to repository not granted",
    "repository was archived",
)


def push_arguments(updates: Sequence[RefUpdate], remote: str) -> tuple[str, ...]:
    """One atomic push with a lease for each ref, whether it is made, moved or deleted."""
    leases = (f"--force-with-lease={update.ref}:{update.expected or ''}" for update in updates)
    specs = (f"{update.new or ''}:{update.ref}" for update in updates)
    return ("push", "--porcelain", "--atomic", "--no-verify", *leases, remote, *specs)


def raise_for_refs(stdout: str, stderr: str) -> None:
    """Raises PushRejected or PushRefused where git says for certain that nothing was pushed; returns otherwise."""
    lines = [(match["ref"], match["words"]) for match in _LINE.finditer(stdout)]
    if any(word in words for _, words in lines for word in _UNKNOWN):
        return
    moved = {ref: words for ref, words in lines if any(word in words for word in _MOVED)}
    others = [
        f"{ref}: {words}" for ref, words in lines if ref not in moved and not any(word in words for word in _FOLLOWS)
    ]
    if others:
        raise PushRefused("\n".join([*others, *_remote_lines(stderr)]))
    if moved:
        raise PushRejected(moved)
    if lines or any(word in stderr for word in _FORBIDDEN):
        raise PushRefused("\n".join([*(f"{ref}: {words}" for ref, words in lines), *_remote_lines(stderr)]) or stderr)


def _remote_lines(stderr: str) -> list[str]:
    return [line.strip() for line in stderr.splitlines() if line.startswith(("remote: ", "fatal: "))][:20]
