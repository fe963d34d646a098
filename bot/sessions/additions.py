"""What a tree holds besides the files of its repository, where the settings ask for it: submodules and large files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bot.git.large_files import NoLargeFiles, fetch_large_files
from bot.git.mirror import Mirror
from bot.model.identity import CommitSha, RepositoryName
from bot.model.worktree import Shape
from bot.sessions.checkout import NotReady
from bot.sessions.submodules import Submodules


@dataclass(frozen=True, slots=True)
class Additions:
    """Of the trees of one repository that have this `shape`. Both methods raise NotReady and GitFailed."""

    shape: Shape
    mirror: Mirror
    repository: RepositoryName
    submodules: Submodules

    @property
    def lent(self) -> tuple[Path, ...]:
        """The folders of objects that repositories made by `fill` borrow from."""
        return tuple(sorted(self.submodules.lent))

    async def fetch(self, *commits: CommitSha) -> None:
        """What has to be here before one of `commits` is checked out."""
        if not self.shape.lfs:
            return
        try:
            for commit in dict.fromkeys(commits):
                await fetch_large_files(self.mirror, commit)
        except NoLargeFiles as error:
            raise NotReady(str(error)) from None

    async def fill(self, repository: Path, tree: Path, commit: CommitSha) -> None:
        """What is put into `tree` after `commit` was checked out."""
        if self.shape.submodules:
            await self.submodules.fill(self.mirror, self.repository, repository, tree, commit)


def additions_of(
    shape: Shape, mirror: Mirror, repository: RepositoryName, mirrors: Callable[[RepositoryName], Awaitable[Mirror]]
) -> Additions | None:
    """None where there are none."""
    if not (shape.submodules or shape.lfs):
        return None
    return Additions(shape, mirror, repository, Submodules(mirrors))
