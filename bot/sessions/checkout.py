"""A task repository and its tree, written by hand or with one run of git.

Both are ours until an agent gets them: git is run here only in trees that no agent has seen.
"""

from __future__ import annotations

import os
from pathlib import Path

from bot.git.large_files import FILTER, stored_in
from bot.git.mirror import Mirror, make_bare_repository
from bot.git.process import git
from bot.model.identity import CommitSha
from bot.model.worktree import WHOLE, Shape, cone


class NotReady(Exception):
    """The workplace cannot be made now, through no fault of an agent: something that it is made of is missing."""


_CORES = os.cpu_count() or 1
_under_way: set[Path] = set()
"""The trees that are being written."""


def make_task_repository(
    repository: Path, tree: Path, mirror: Mirror, branch: str, refs: dict[str, CommitSha], shape: Shape = WHOLE
) -> None:
    """A repository at `repository` with its tree at `tree` (an existing folder), which borrows the mirror's objects
    and has its own refs."""
    identity = mirror.identity
    user = f"[user]\n\tname = {_quoted(identity.name)}\n\temail = {_quoted(identity.email)}\n"
    large = FILTER if shape.lfs else ""
    make_bare_repository(repository, f"[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n{user}{large}")
    config = repository / "config"
    core = f"bare = false\n\tworktree = {_quoted(str(tree))}"
    if shape.sparse:
        core += "\n\tsparseCheckout = true\n\tsparseCheckoutCone = true"
        (repository / "info" / "sparse-checkout").write_text(cone(shape.sparse))
    config.write_text(config.read_text().replace("bare = true", core))
    (repository / "objects" / "info" / "alternates").write_text(f"{mirror.path / 'objects'}\n")
    (repository / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
    for ref, commit in refs.items():
        path = repository / ref
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{commit}\n")
    (tree / ".git").write_text(f"gitdir: {repository}\n")


async def checkout(repository: Path, tree: Path, commit: CommitSha, seconds: float = 600) -> None:
    """Fill a tree of ours with `commit`; where another commit is in it, only the difference is written."""
    await _read_tree(repository, tree, ("--reset", "-u", commit), seconds)


async def move_on(repository: Path, tree: Path, old: CommitSha, new: CommitSha, seconds: float = 600) -> None:
    """From a tree of ours that is at `old`, and was not touched since, to `new`: only what differs is looked at."""
    await _read_tree(repository, tree, ("-m", "-u", old, new), seconds)


def _workers() -> int:
    """Helpers that write cost processor time of their own: they are worth it where there are cores with nothing to do,
    and not where several trees are written side by side."""
    idle = _CORES - int(os.getloadavg()[0])
    return max(1, min(8, idle // max(1, len(_under_way))))


async def _read_tree(repository: Path, tree: Path, how: tuple[str, ...], seconds: float) -> None:
    _under_way.add(tree)
    lender = Path((repository / "objects" / "info" / "alternates").read_text().strip())
    try:
        await git(
            *("read-tree", *how),
            repository=repository,
            environment={"GIT_WORK_TREE": str(tree)},
            config=(
                ("checkout.workers", str(_workers())),
                ("submodule.recurse", "false"),
                *stored_in(lender),
            ),
            seconds=seconds,
        )
    finally:
        _under_way.discard(tree)


def _quoted(text: str) -> str:
    """`text` as a value in a git settings file."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
