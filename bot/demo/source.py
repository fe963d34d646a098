"""Somebody's own repository, as a try finds it: it is only ever read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bot.demo.refusal import Refusal
from bot.demo.report import run


@dataclass(frozen=True)
class Source:
    """The person's repository as it was found. `branch` is what is checked out there."""

    top: Path
    branch: str
    head: str
    uncommitted: int

    @property
    def name(self) -> str:
        """That of its folder, as a repository of GitHub may be called."""
        return re.sub(r"[^A-Za-z0-9._-]+", "-", self.top.name).strip("-.") or "project"


async def look_at(path: Path) -> Source:
    """Raises Refusal where `path` is no git repository with a commit. Nothing is written there."""
    code, top = await _git(path, "rev-parse", "--show-toplevel") if _is_folder(path) else (1, "no such folder")
    if "dubious ownership" in top:
        raise Refusal(f"git does not read {path}, which belongs to somebody else. It says:\n{top}")
    if code != 0:
        raise Refusal(
            f"{path} is not a git repository ({top.splitlines()[-1] if top else 'git says no more'}).\n"
            "Name the folder of a clone; for a plain folder run `git init && git add . && git commit` there first."
        )
    folder = Path(top)
    code, head = await _git(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if code != 0:
        raise Refusal(f"{folder} has no commit yet. Commit something there, then try again.")
    _, shallow = await _git(folder, "rev-parse", "--is-shallow-repository")
    if shallow == "true":
        raise Refusal(f"{folder} is a shallow clone. Run `git fetch --unshallow` there, then try again.")
    _, branch = await _git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    _, changes = await _git(folder, "status", "--porcelain")
    return Source(folder, branch or "main", head, len(changes.splitlines()))


def _is_folder(path: Path) -> bool:
    return path.is_dir()


async def _git(folder: Path, *arguments: str) -> tuple[int, str]:
    """Without the locks that even `git status` takes to refresh the index: the repository is not ours."""
    return await run(("git", "--no-optional-locks", "-c", "core.fsmonitor=false", *arguments), folder, 120)
