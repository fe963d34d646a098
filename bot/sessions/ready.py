"""Trees that stand ready before a session asks for one.

To check out a large repository takes seconds, and a session would wait for all of them. So trees are made ahead: in
the background, one after another, for repositories in which sessions begin and whose checkout was found to be slow.
They follow the base: those at another commit than the last session began with are moved on, so that a session waits
for what was merged since then and no more. To take one is to rename it; what has changed is then written, and nothing
else of it is looked at.

What must hold: no agent has ever run in a tree that stands ready, and none is handed out twice. It lies where no agent
can write. The task repository of a session is a new one; only the tree and its index are taken. An index knows files
by inode and times, and a rename of the folder above changes neither.

Nobody depends on them. There are as many as there were sessions of late, up to a limit; where nothing begins for
`IDLE` seconds, they go; where the disk is in trouble, none is made. A restart makes them anew.

An overlay over one checkout would need neither time nor space for this. It was not taken: to mount one takes root, or
a user namespace in which git of ours would have to run too, beside the agent; and bubblewrap mounts none before 0.11.
A tree that stands ready where it shall is taken as fast as an overlay is mounted.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Self

from bot.git.errors import GitFailed
from bot.git.mirror import Mirror
from bot.model.identity import CommitSha, RepositoryName
from bot.model.worktree import Shape
from bot.sessions.checkout import checkout, make_task_repository, move_on
from bot.sessions.trash import Trash

SLOW = 0.3
"""Seconds of a checkout from which it is worth a tree that stands ready."""
IDLE = 1800.0
"""Seconds without a session after which the trees of a repository go."""


@dataclass(frozen=True, slots=True)
class ReadyTree:
    """A folder with ``tree`` at `commit`, and the index of it in ``repository``. `made_at` is the time of the newest
    file in it, at least."""

    folder: Path
    commit: CommitSha
    shape: Shape
    made_at: float

    def move_tree(self, to: Path) -> None:
        """It is at `to` then, where nothing was."""
        (self.folder / "tree").rename(to)

    def move_index(self, repository: Path) -> None:
        """It is that of `repository` then.

        Git reads again what was written in the second in which its index was written (racy-git(7)), here half of the
        tree. Nobody has written since; where that second is over, the index may say so.
        """
        index = self.folder / "repository" / "index"
        if self.made_at + 2 < time.time():
            os.utime(index, (self.made_at + 1, self.made_at + 1))
        index.rename(repository / "index")


@dataclass(slots=True)
class _Shelf:
    """Of one repository. `taken` are the times at which trees were asked for, `commit` and `shape` what they shall
    have. While one is moved on it is not among those that are `ready`, and `moving` is not done."""

    mirror: Mirror
    commit: CommitSha
    shape: Shape
    ready: list[ReadyTree] = field(default_factory=list)
    taken: deque[float] = field(default_factory=deque)
    making: asyncio.Task[None] | None = None
    moving: asyncio.Future[None] | None = None
    going: asyncio.TimerHandle | None = None

    def astray(self) -> ReadyTree | None:
        """One that is not as it shall be."""
        wanted = (self.commit, self.shape)
        return next((tree for tree in self.ready if (tree.commit, tree.shape) != wanted), None)


async def sound() -> None:
    """No trouble with the disk."""


class ReadyTrees:
    """At most `most` of each repository, below `folder`, which is on the file system of what is moved. `trouble` says
    what is wrong with the disk, or None. To be used as an async context manager."""

    def __init__(
        self, folder: Path, trash: Trash, most: int, trouble: Callable[[], Awaitable[str | None]] = sound
    ) -> None:
        self._folder = folder
        self._trash = trash
        self._most = most
        self._trouble = trouble
        self._shelves: dict[RepositoryName, _Shelf] = {}
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._trash.throw(self._folder)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [shelf.making for shelf in self._shelves.values() if shelf.making is not None]
        for shelf in self._shelves.values():
            if shelf.going is not None:
                shelf.going.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._shelves.clear()
        self._trash.throw(self._folder)

    async def take(self, repository: RepositoryName, shape: Shape, commit: CommitSha) -> ReadyTree | None:
        """One that is the caller's from now on: to be moved away, and what remains of its folder `discard`ed. It is at
        `commit` where there is such a one; where the last one is just being moved on, that is waited for."""
        shelf = self._shelves.get(repository)
        if shelf is None:
            return None
        if not shelf.ready and shelf.moving is not None:
            await asyncio.wait({shelf.moving})
        fitting = [tree for tree in shelf.ready if tree.shape == shape]
        if not fitting:
            return None
        tree = next((tree for tree in fitting if tree.commit == commit), fitting[0])
        shelf.ready.remove(tree)
        return tree

    def discard(self, tree: ReadyTree) -> None:
        self._trash.throw(tree.folder)

    def began(
        self, mirror: Mirror, repository: RepositoryName, commit: CommitSha, shape: Shape, seconds: float
    ) -> None:
        """A session got its tree: at `commit`, and in so many `seconds` where none stood ready. More will come."""
        shelf = self._shelves.get(repository)
        if self._most == 0 or (shelf is None and seconds < SLOW):
            return
        if shelf is None:
            shelf = self._shelves[repository] = _Shelf(mirror, commit, shape)
        shelf.commit, shelf.shape = commit, shape
        loop = asyncio.get_running_loop()
        shelf.taken.append(loop.time())
        while len(shelf.taken) > self._most:
            shelf.taken.popleft()
        if shelf.going is not None:
            shelf.going.cancel()
        shelf.going = loop.call_later(IDLE, self._forget, repository)
        if shelf.making is None or shelf.making.done():
            shelf.making = asyncio.create_task(self._keep_up(shelf, repository), name="makes trees ready")

    def standing(self, repository: RepositoryName) -> int:
        """How many stand ready."""
        shelf = self._shelves.get(repository)
        return len(shelf.ready) if shelf is not None else 0

    async def settled(self) -> None:
        """Until nothing is being made."""
        making = [shelf.making for shelf in self._shelves.values() if shelf.making is not None]
        await asyncio.gather(*making, return_exceptions=True)

    def _forget(self, repository: RepositoryName) -> None:
        shelf = self._shelves.pop(repository, None)
        if shelf is not None:
            if shelf.making is not None:
                shelf.making.cancel()
            for tree in shelf.ready:
                self.discard(tree)

    async def _keep_up(self, shelf: _Shelf, repository: RepositoryName) -> None:
        """Until there are enough, and all are as they shall be."""
        while shelf.astray() is not None or len(shelf.ready) < len(shelf.taken):
            async with self._one_at_a_time:
                if await self._trouble() is not None:
                    return
                astray = shelf.astray()
                if astray is not None:
                    shelf.ready.remove(astray)
                if astray is not None and astray.shape != shelf.shape:
                    self.discard(astray)
                    continue
                folder = self._folder / repository.owner / repository.name / token_hex(6)
                made = await (self._make(shelf, folder) if astray is None else self._move_on(shelf, astray))
            if made is None:
                return
            shelf.ready.append(made)

    async def _make(self, shelf: _Shelf, folder: Path) -> ReadyTree | None:
        commit, shape = shelf.commit, shelf.shape
        try:
            (folder / "tree").mkdir(parents=True)
            make_task_repository(folder / "repository", folder / "tree", shelf.mirror, "ready", {}, shape)
            await checkout(folder / "repository", folder / "tree", commit)
        except (GitFailed, OSError):  # only sooner would it have been: the session makes its own, and tells
            self._trash.throw(folder)
            return None
        except asyncio.CancelledError:
            self._trash.throw(folder)
            raise
        return ReadyTree(folder, commit, shape, time.time())

    async def _move_on(self, shelf: _Shelf, tree: ReadyTree) -> ReadyTree | None:
        commit = shelf.commit
        shelf.moving = asyncio.get_running_loop().create_future()
        try:
            await move_on(tree.folder / "repository", tree.folder / "tree", tree.commit, commit)
        except (GitFailed, OSError):  # as in `_make`
            self.discard(tree)
            return None
        except asyncio.CancelledError:
            self.discard(tree)
            raise
        finally:
            shelf.moving.set_result(None)
            shelf.moving = None
        return replace(tree, commit=commit, made_at=time.time())
