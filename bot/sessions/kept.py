"""Trees of attempts that are over, kept for the next attempt of the same task, for what was built in them.

What git ignores, ``node_modules``, ``.venv`` or ``target``, may have taken minutes to make, and the next attempt of a
task needs it again. So where a worker leaves such a folder behind, its tree stays where it lies: programs are installed
with their full path in them, so nothing may be moved. The next attempt works in the folder of the last one.

What must hold: of the former agent nothing takes part but files in the tree. Repository, settings, hooks, home and
temporary files are new; the index is our copy of the time before the agent. Nothing of it runs any more. Before git
reads anything there, what would tell it how to read is removed, unless it is the repository's: then every file of the
repository is as the commit has it, and what is neither that nor ignored is gone. Git follows no link there. Where
anything of it fails, the tree is made anew. Only the same task's worker gets it, so it learns nothing that its own
branch does not say; the verify command never runs there. A tree whose attempt was refused at the gate for more than
paths outside of its scope is not kept, nor one whose repository cleans up by a hook of its own (`before_remove`).

One home is not new: that of an agent that asked people something (`Blocked`) and can go on with its conversation.
Its tree is kept whatever it left there, with its home, so that the answer is the next turn of the same agent in the
same place; the conversation lies in that home. Nobody but this agent gets it: where the next attempt brings no answer
to that question, has another agent, model or task, or the tree is not what it was, the home is thrown away before
anything runs. We read it no more than in any later turn: bounded, and along no links (`shared_files`, `notebook`).

They are kept in memory only, bounded in number and time; a restart makes trees anew. An answer is waited for longer,
but not on a disk that is in trouble.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from bot.git.errors import GitFailed
from bot.git.mirror import Mirror
from bot.git.process import git
from bot.git.trees import entries
from bot.model.assignment import Assignment
from bot.model.hooks import Moment
from bot.model.identity import CommitSha, RepositoryName
from bot.model.session import FailureKind, Outcome, Published, Role, salvage_of
from bot.model.worktree import Shape
from bot.sessions.checkout import checkout, make_task_repository
from bot.sessions.conversation import Conversation
from bot.sessions.trash import Trash

IDLE = 1800.0
"""Seconds for which a tree is kept."""
ANSWERED_WITHIN = 86_400.0
"""Seconds for which one is kept whose agent waits for an answer."""
_PATIENCE = 60.0
"""Seconds for each run of git in a kept tree."""
_TELL_GIT = (":(glob)**/.gitignore", ":(glob)**/.gitattributes")


class _Key(NamedTuple):
    repository: RepositoryName
    objective: int
    task: str | None


@dataclass(frozen=True, slots=True)
class KeptTree:
    """``folder/tree`` and, beside it, the index that it began with; with `conversation`, its agent's home too."""

    folder: Path
    shape: Shape
    trash: Trash
    going: asyncio.Task[None]
    conversation: Conversation | None = None

    def renew_home(self) -> None:
        """The home is a new one: nothing that was said there goes on."""
        self.trash.throw(self.folder / "home")
        (self.folder / "home").mkdir()


class KeptTrees:
    """At most `most` of each repository. `trouble` says what is wrong with the disk, or None."""

    def __init__(self, trash: Trash, most: int, trouble: Callable[[], Awaitable[str | None]]) -> None:
        self._trash = trash
        self._most = most
        self._trouble = trouble
        self._kept: dict[_Key, KeptTree] = {}

    async def begin(self, assignment: Assignment, folder: Path) -> None:
        """A workplace in `folder` was made for `assignment`, and no agent was in it yet."""
        if self._suits(assignment):
            with suppress(OSError):  # then it is not kept
                await asyncio.to_thread(shutil.copy2, folder / "repository" / "index", folder / "index")

    async def keep(
        self,
        assignment: Assignment,
        folder: Path,
        outcome: Outcome,
        mirror: Mirror,
        start: CommitSha,
        conversation: Conversation | None = None,
    ) -> bool:
        """Whether the tree in `folder`, which began at `start`, is kept, for what lies in it or for the `conversation`
        that waits for an answer. Nothing runs in it any more. If it is, all else in `folder` is gone."""
        if not self._suits(assignment) or _is_suspect(outcome):
            return False
        stays = ("tree", "index", "home") if conversation else ("tree", "index")
        try:
            wanted = conversation or await _left_something(folder / "tree", mirror, (start, _made(outcome)))
            if not wanted or await self._trouble() is not None:
                return False
            for name in os.listdir(folder):  # noqa: PTH208
                if name not in stays:
                    self._trash.throw(folder / name)
        except (OSError, ValueError, GitFailed):
            return False
        key = _key(assignment)
        self._drop(key)
        of_repository = [other for other in self._kept if other.repository == key.repository]
        for oldest in of_repository[: len(of_repository) + 1 - self._most]:
            self._drop(oldest)
        going = asyncio.create_task(self._let_go(key, ANSWERED_WITHIN if conversation else IDLE), name="lets a tree go")
        self._kept[key] = KeptTree(folder, assignment.worktree, self._trash, going, conversation)
        return True

    def take(self, assignment: Assignment) -> KeptTree | None:
        """That of the attempt before; it is the caller's from now on. It has a conversation only where `assignment`
        brings the answer to it."""
        found = self._kept.pop(_key(assignment), None) if assignment.role is Role.WORKER else None
        if found is None:
            return None
        found.going.cancel()
        if found.shape != assignment.worktree:
            self._trash.throw(found.folder)
            return None
        if found.conversation is not None and not found.conversation.is_answered_by(assignment):
            self._trash.throw(found.folder / "home")
            return replace(found, conversation=None)
        return found

    async def close(self) -> None:
        """None is kept any more, and nothing of this waits."""
        going = [kept.going for kept in self._kept.values()]
        for key in tuple(self._kept):
            self._drop(key)
        await asyncio.gather(*going, return_exceptions=True)

    def _drop(self, key: _Key) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            found.going.cancel()
            self._trash.throw(found.folder)

    async def _let_go(self, key: _Key, seconds: float) -> None:
        """After so many seconds, or where the disk is in trouble. It is cancelled before the tree is anybody else's."""
        while seconds > 0:
            await asyncio.sleep(min(IDLE, seconds))
            seconds -= IDLE
            if await self._trouble() is not None:
                break
        self._trash.throw(self._kept.pop(key).folder)

    def _suits(self, assignment: Assignment) -> bool:
        shape = assignment.worktree
        plain = not (shape.lfs or shape.submodules) and assignment.hooks.command(Moment.BEFORE_REMOVE) is None
        return self._most > 0 and plain and assignment.role is Role.WORKER


def _key(assignment: Assignment) -> _Key:
    return _Key(RepositoryName.parse(assignment.repository), assignment.objective, assignment.task)


def _is_suspect(outcome: Outcome) -> bool:
    """Whether the gate refused more than paths outside of the scope."""
    left = salvage_of(outcome)
    refused = outcome.kind == "failed" and outcome.reason is FailureKind.GATE and not outcome.outside
    return refused or (left is not None and left.refusal is not None)


def _made(outcome: Outcome) -> CommitSha | None:
    """What is known here of the work."""
    left = salvage_of(outcome)
    return outcome.head if isinstance(outcome, Published) else left.head if left is not None else None


async def _left_something(tree: Path, mirror: Mirror, commits: tuple[CommitSha | None, ...]) -> bool:
    """Whether there is a folder at the top of `tree` that none of `commits` has. Raises OSError, ValueError and
    GitFailed."""
    tracked: set[str] = set()
    for commit in filter(None, commits):
        found = await mirror.objects.contents(f"{commit}^{{tree}}")
        tracked |= {os.fsdecode(name) for name in entries(found[1])} if found else set()
    with os.scandir(tree) as names:
        return any(
            entry.name not in tracked and entry.name != ".git" and entry.is_dir(follow_symlinks=False)
            for entry in names
        )


async def take_over(kept: KeptTree, fits: bool, mirror: Mirror, branch: str, refs: dict[str, CommitSha]) -> bool:
    """Make the kept tree what the first of `refs` has, with what git ignores left in it, and give it a new repository.
    Where it does not `fit`, or anything fails, both are gone."""
    repository, tree = kept.folder / "repository", kept.folder / "tree"
    try:
        if fits and not tree.is_symlink() and tree.is_dir():
            kept.trash.throw(tree / ".git")  # whatever it is by now
            make_task_repository(repository, tree, mirror, branch, refs, kept.shape)
            await _tidy(kept, repository, tree, next(iter(refs.values())))
            return True
    except (GitFailed, OSError):  # it is made anew
        pass
    for left in (tree, repository):
        kept.trash.throw(left)
    return False


async def _tidy(kept: KeptTree, repository: Path, tree: Path, commit: CommitSha) -> None:
    await asyncio.to_thread(_without_pipes, tree)
    (kept.folder / "index").rename(repository / "index")
    await _clean(repository, tree, "-x", "--", *_TELL_GIT)
    await checkout(repository, tree, commit, _PATIENCE)
    await _clean(repository, tree)


def _without_pipes(tree: Path) -> None:
    """Git waits for whoever writes to a pipe that has the name of its settings, and does not see it as a file."""
    folders = [os.fspath(tree)]
    while folders:
        with os.scandir(folders.pop()) as names:
            for entry in names:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif not entry.is_file(follow_symlinks=False) and not entry.is_symlink():
                    Path(entry.path).unlink()


async def _clean(repository: Path, tree: Path, *what: str) -> None:
    where = {"GIT_WORK_TREE": str(tree)}
    await git("clean", "-ffdq", *what, repository=repository, environment=where, seconds=_PATIENCE)
