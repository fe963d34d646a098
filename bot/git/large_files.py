"""Large files that are stored with Git LFS: fetched into the mirror, where every tree of ours finds them.

The program ``git-lfs`` fetches them in the mirror, with the mirror's token and before any agent begins; when a tree is
filled it reads them from there and asks nobody.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from bot.git.mirror import Mirror
from bot.git.process import Config
from bot.model.identity import CommitSha

PROGRAM = "git-lfs"
FILTER = (
    '[filter "lfs"]\n\tclean = git-lfs clean -- %f\n\tsmudge = git-lfs smudge -- %f\n'
    "\tprocess = git-lfs filter-process\n\trequired = true\n[lfs]\n\tskipdownloaderrors = true\n"
)
"""Settings of a repository whose tree holds the files themselves. What is not there stays a pointer."""

_POINTER = re.compile(
    rb"\Aversion https://git-lfs\.github\.com/spec/v1\n(?:[a-z0-9.-]+ [^\n]*\n)*oid sha256:([0-9a-f]{64})\n"
)
LONGEST_POINTER = 1024
"""Bytes, of the specification of Git LFS."""


class NoLargeFiles(Exception):
    """They cannot be fetched on this machine; the text says what to do."""


def installed() -> bool:
    return shutil.which(PROGRAM) is not None


async def fetch_large_files(mirror: Mirror, commit: CommitSha) -> None:
    """Have the large files of `commit` in the mirror. Raises NoLargeFiles, and Unreachable."""
    if not installed():
        raise NoLargeFiles(
            "`worktree.lfs` is set, and git-lfs is not installed on the server: install it (`apt install git-lfs`,"
            " `brew install git-lfs`), or set `worktree.lfs` to false"
        )
    fetched = mirror.path / "lfs" / "fetched" / commit
    if fetched.exists():
        return
    await mirror.with_remote("lfs", "fetch", "origin", commit, seconds=1800)
    fetched.parent.mkdir(parents=True, exist_ok=True)
    fetched.touch()


def stored_in(objects: Path) -> Config:
    """Where the large files of the mirror are whose folder of objects this is: a run of git reads them there."""
    return (("lfs.storage", str(objects.parent / "lfs")),)


def pointed_at(content: bytes) -> str | None:
    """The SHA-256 of the large file that `content` stands for; None where it is no pointer."""
    match = _POINTER.match(content) if len(content) <= LONGEST_POINTER else None
    return match[1].decode() if match else None


def is_stored(mirror: Mirror, large: str) -> bool:
    """Whether the mirror has the large file of this SHA-256, so that the remote has it too."""
    return (mirror.path / "lfs" / "objects" / large[:2] / large[2:4] / large).is_file()
