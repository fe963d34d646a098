"""Writing small git objects without a process.

A ledger's revision is a blob, a tree and a commit; a session's commits are rewritten one by one. Through git that
would be three processes a revision. The format of a loose object (zlib over ``kind size NUL payload``, named by
the SHA-1 of the same) is git's oldest promise: gitrepository-layout(5), gitformat-loose(5).
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex

from bot.git.process import Identity
from bot.model.identity import CommitSha


def write_object(repository: Path, kind: str, payload: bytes) -> str:
    """Store an object of `kind` (blob, tree, commit) and return its name. Storing it again changes nothing."""
    data = f"{kind} {len(payload)}\0".encode() + payload
    name = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    folder = repository / "objects" / name[:2]
    target = folder / name[2:]
    if target.exists():
        return name
    folder.mkdir(exist_ok=True)
    half = folder / f"tmp_obj_{token_hex(8)}"
    try:
        half.write_bytes(zlib.compress(data, 1))
        half.chmod(0o444)
        half.replace(target)
    except OSError:  # a full disk, for one
        half.unlink(missing_ok=True)
        raise
    return name


def write_one_file_tree(repository: Path, path: str, content: bytes) -> str:
    """A tree that holds nothing but `content` at `path`. Raises ValueError for a path that is not a plain one."""
    parts = path.split("/")
    if any(part in {"", ".", "..", ".git"} or "\0" in part for part in parts):
        raise ValueError(f"{path!r} is not a path in a tree")
    name, mode = write_object(repository, "blob", content), b"100644"
    for part in reversed(parts):
        name = write_object(repository, "tree", mode + b" " + part.encode() + b"\0" + bytes.fromhex(name))
        mode = b"40000"
    return name


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit to be written. Both times have a time zone."""

    tree: str
    parents: Sequence[CommitSha]
    author: Identity
    authored_at: datetime
    committer: Identity
    committed_at: datetime
    message: str


def write_commit(repository: Path, commit: NewCommit) -> CommitSha:
    lines = [f"tree {commit.tree}"]
    lines += [f"parent {parent}" for parent in commit.parents]
    lines += [f"author {_person(commit.author)} {_time(commit.authored_at)}"]
    lines += [f"committer {_person(commit.committer)} {_time(commit.committed_at)}"]
    message = commit.message.replace("\0", "").strip("\n")
    payload = "\n".join(lines) + "\n\n" + message + "\n"
    return CommitSha(write_object(repository, "commit", payload.encode(errors="replace")))


def _person(identity: Identity) -> str:
    """Git forbids line ends and angle brackets in names."""
    name, email = (
        "".join(letter for letter in text if letter not in "<>\n\r\0").strip()
        for text in (identity.name, identity.email)
    )
    return f"{name or 'crewline'} <{email}>"


def _time(moment: datetime) -> str:
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("a commit's time needs a time zone")
    minutes = int(offset.total_seconds()) // 60
    return f"{int(moment.timestamp())} {'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
