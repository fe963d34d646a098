"""Where a session works: a folder of its own with a repository, a tree and a home.

Three layers keep sessions from hurting each other, and us:

* the **mirror** is ours alone; a session's repository borrows its objects and can change nothing in it;
* a **task repository** for each session, so that branches, settings and hooks that an agent makes are its own;
* in it one **tree**, on a branch of its own.

The task repository is written by hand (it is a handful of small files, see gitrepository-layout(5)), so the only
process that making a workplace costs is the checkout. Linked worktrees (``git worktree add``) in one shared
repository would save nothing and share refs, settings and hooks.

Our git runs in a tree only before the agent has ever run there; once more in one that is `kept` for the next attempt,
where nothing of the agent's tells it what to do. Paths are made of ids alone.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from bot.git.errors import NoSuchRef
from bot.git.loose import NewCommit, write_commit
from bot.git.mirror import Mirror, branch_refspecs
from bot.git.process import git
from bot.model.assignment import Assignment
from bot.model.identity import CommitSha, RepositoryName, SessionId, task_branch
from bot.model.session import Role
from bot.sessions.additions import Additions
from bot.sessions.checkout import NotReady, checkout, make_task_repository, move_on
from bot.sessions.kept import KeptTree, take_over
from bot.sessions.ready import ReadyTrees

_LOOKS = 4
_SAFE = re.compile(r"^(?!\.\.?$)[A-Za-z0-9._-]{1,120}$")


@dataclass(frozen=True, slots=True)
class Workplace:
    """`start` is the commit that the tree began with and `base` the newest commit of the base branch. `branch` is
    the branch in the task repository that the tree is on. `conflicts` are the paths of a merge left open. `lent` are
    folders of objects that are borrowed besides the mirror's. `resumed`: the tree is that of the attempt before."""

    folder: Path
    base: CommitSha
    start: CommitSha
    branch: str
    conflicts: tuple[str, ...] = ()
    merged_base: bool = False
    lent: tuple[Path, ...] = ()
    resumed: bool = False

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"


def session_folder(top: Path, repository: RepositoryName, session: SessionId) -> Path:
    """``top/owner/name/session``. Raises ValueError for a part that could leave `top`."""
    parts = (repository.owner, repository.name, session)
    for part in parts:
        if not _SAFE.match(part):
            raise ValueError(f"{part!r} cannot name a folder")
    return top.joinpath(*parts).absolute()


async def find_base(mirror: Mirror, assignment: Assignment) -> CommitSha:
    """The newest commit of the base branch, which contains all that the session builds on. A reviewer's base only
    has to be known: it is asked for anew only where something is missing.

    Raises NotReady, and the errors of `Mirror.fetch`.
    """
    problem = ""
    for look in range(_LOOKS):
        base = await mirror.branch(assignment.base_branch)
        if look or base is None or assignment.role is not Role.REVIEWER:
            await asyncio.sleep(0.25 * max(0, look - 1))  # a replica of the server may lag behind
            try:
                if look == 0:
                    await mirror.freshen(assignment.branches)
                else:
                    await mirror.fetch(branch_refspecs(assignment.branches) if look < 2 else ())
            except NoSuchRef:
                raise NotReady(f"the branch {assignment.base_branch!r} does not exist") from None
            base = await mirror.branch(assignment.base_branch)
        if base is None:
            raise NotReady(f"the branch {assignment.base_branch!r} does not exist")
        needed = [commit for commit in (assignment.judges, assignment.starts_from) if commit]
        unknown = [commit for commit in needed if await mirror.resolve(commit) is None]
        lacking = await mirror.missing_from(base, assignment.must_contain)
        if not unknown and not lacking:
            return base
        problem = f"commit {unknown[0]} is on no branch any more" if unknown else ""
        problem = problem or f"{assignment.base_branch} ({base[:12]}) does not contain {lacking[0]} yet"
    raise NotReady(problem)


async def make_workplace(
    mirror: Mirror,
    assignment: Assignment,
    folder: Path,
    base: CommitSha,
    at: datetime,
    trees: ReadyTrees | None = None,
    additions: Additions | None = None,
    kept: KeptTree | None = None,
) -> Workplace:
    """A tree at the commit that `assignment` asks for: the one `kept` of the attempt before, which lies in `folder`;
    else one of `trees` where one stands ready. Without `kept`, `folder` must not exist. The home is new,
    but where `kept` has a conversation to go on with.

    Raises GitFailed and NotReady."""
    branch = task_branch(assignment.objective, assignment.task or assignment.role.value)
    start, conflicting, merged = assignment.judges or assignment.starts_from or base, False, False
    if assignment.role is Role.WORKER and assignment.starts_from:
        start, conflicting = await _merge(mirror, assignment, assignment.starts_from, base, branch, at)
        merged = start not in (assignment.starts_from, base)
    (folder / "tmp").mkdir(parents=True)
    if kept is None or kept.conversation is None:
        (folder / "home").mkdir()
    place = Workplace(folder, base, start, branch, merged_base=merged)
    refs = {f"refs/heads/{branch}": start, f"refs/remotes/origin/{assignment.base_branch}": base}
    if additions is not None:
        await additions.fetch(start, base)
    if kept is not None and await take_over(kept, not conflicting, mirror, place.branch, refs):
        place = replace(place, resumed=True)
    else:
        await _fill(mirror, assignment, place, refs, trees)
    if additions is not None:
        await additions.fill(place.repository, place.tree, start)
        place = replace(place, lent=additions.lent)
    if not conflicting:
        return place
    return replace(place, conflicts=await _leave_conflict(mirror, place, assignment))


async def _fill(
    mirror: Mirror, assignment: Assignment, place: Workplace, refs: dict[str, CommitSha], trees: ReadyTrees | None
) -> None:
    began, shape = time.monotonic(), assignment.worktree
    repository = RepositoryName.parse(assignment.repository)
    ready = await trees.take(repository, shape, place.start) if trees is not None else None
    if ready is None or trees is None:
        place.tree.mkdir()
        make_task_repository(place.repository, place.tree, mirror, place.branch, refs, shape)
        await checkout(place.repository, place.tree, place.start)
    else:
        ready.move_tree(place.tree)
        make_task_repository(place.repository, place.tree, mirror, place.branch, refs, shape)
        ready.move_index(place.repository)
        trees.discard(ready)
        if ready.commit != place.start:
            await move_on(place.repository, place.tree, ready.commit, place.start)
    if trees is not None:
        trees.began(mirror, repository, place.base, shape, time.monotonic() - began)


async def _merge(
    mirror: Mirror, assignment: Assignment, ours: CommitSha, base: CommitSha, branch: str, at: datetime
) -> tuple[CommitSha, bool]:
    """Where the work goes on: `ours` with `base` merged in, and whether that merge conflicts instead."""
    if not await mirror.missing_from(ours, [base]):
        return ours, False
    if not await mirror.missing_from(base, [ours]):
        return base, False
    merged = await mirror.git("merge-tree", "--write-tree", "--no-messages", ours, base, accept=(0, 1))
    if merged.exit_code:
        return ours, True
    message = f"Merge {assignment.base_branch} into {branch}\n\nCrewline-Session: {assignment.id}"
    tree = merged.stdout.split()[0].decode()
    identity = mirror.identity
    return write_commit(mirror.path, NewCommit(tree, (ours, base), identity, at, identity, at, message)), False


async def _leave_conflict(mirror: Mirror, place: Workplace, assignment: Assignment) -> tuple[str, ...]:
    """Begin the merge in the tree, which no agent has seen yet; the paths that conflict."""
    identity = mirror.identity
    who = {
        f"GIT_{part}_{what}": text
        for part in ("AUTHOR", "COMMITTER")
        for what, text in _fields(identity.name, identity.email)
    }
    message = f"Merge {assignment.base_branch} into {place.branch}"
    where = {"GIT_WORK_TREE": str(place.tree)}
    await git(
        *("merge", "--no-ff", "-m", message, place.base),
        repository=place.repository,
        environment=who | where,
        accept=(0, 1),
    )
    output = await git("diff", "--name-only", "--diff-filter=U", "-z", repository=place.repository, environment=where)
    return tuple(path.decode(errors="replace") for path in output.stdout.split(b"\0") if path)


def _fields(name: str, email: str) -> tuple[tuple[str, str], ...]:
    return (("NAME", name), ("EMAIL", email))
