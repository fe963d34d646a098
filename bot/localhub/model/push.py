"""What follows when refs have moved, by whatever way: git push, REST, a merge.

The git repository is the truth: a push event is the difference of its refs before and after. Refs outside
`refs/heads` and `refs/tags` send no events (other tools keep their own data there).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.localhub.git.bare import ZERO, Commit, RefUpdate
from bot.localhub.model.actor import Actor
from bot.localhub.model.check import suite_for
from bot.localhub.model.closing_keywords import closing_references
from bot.localhub.model.pull_request import PullRequest, measure

if TYPE_CHECKING:
    from bot.localhub.model.repository import Repository


@dataclass(frozen=True, slots=True)
class RefMove:
    """A ref that moved. `ZERO` stands for "was not there" and "is gone"."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Push:
    """A branch or tag that moved, as the `push` event tells it."""

    repository: "Repository"
    ref: str
    before: str
    after: str
    forced: bool
    commits: tuple[Commit, ...]
    """New ones, oldest first."""

    @property
    def created(self) -> bool:
        return self.before == ZERO

    @property
    def deleted(self) -> bool:
        return self.after == ZERO

    @property
    def branch(self) -> str | None:
        """The branch's name, or None for a tag."""
        return self.ref.removeprefix("refs/heads/") if self.ref.startswith("refs/heads/") else None


def moves_between(before: dict[str, str], after: dict[str, str]) -> list[RefMove]:
    """The difference of two states of the refs."""
    return [
        RefMove(name, before.get(name, ZERO), after.get(name, ZERO))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


async def refs_moved(
    repository: "Repository", actor: Actor, moves: Sequence[RefMove], *, merging: PullRequest | None = None
) -> None:
    """Tell the world, and bring the pull requests up to date. `merging` is told by its own merge."""
    hub = repository.hub
    if hub.faults.read_lag > 0:
        repository.ref_moves += [(hub.now(), move.name, move.before) for move in moves]
    for move in moves:
        if not move.name.startswith(("refs/heads/", "refs/tags/")):
            continue
        push = await _push(repository, move)
        repository.pushed_at = hub.now()
        if push.created:
            hub.emit("ref.created", push, actor, repository)
        elif push.deleted:
            hub.emit("ref.deleted", push, actor, repository)
        hub.emit("push", push, actor, repository)
        branch = push.branch
        if branch is None:
            continue
        if not push.deleted:
            _request_suites(repository, actor, push)
        for pull in repository.pull_requests:
            if pull.state == "open" and pull.head_ref == branch:
                await _head_moved(pull, actor, push)
        if not push.deleted:
            await _base_moved(repository, actor, push, merging)
        if branch == repository.default_branch and not push.created:
            _close_by_commits(repository, actor, push)


async def _push(repository: "Repository", move: RefMove) -> Push:
    git = repository.git
    commits: list[Commit] = []
    forced = False
    if move.name.startswith("refs/heads/") and move.after != ZERO:
        if move.before != ZERO:
            commits = await git.new_commits(move.before, move.after, limit=2048)
            forced = not await git.is_ancestor(move.before, move.after)
        else:
            default = f"refs/heads/{repository.default_branch}"
            base = await git.ref(default) if move.name != default else None
            new = git.new_commits(base, move.after, limit=2048) if base else git.commits(move.after, limit=2048)
            commits = await new
    return Push(
        repository=repository, ref=move.name, before=move.before, after=move.after, forced=forced,
        commits=tuple(reversed(commits)),
    )  # fmt: skip


def _request_suites(repository: "Repository", actor: Actor, push: Push) -> None:
    """Every installed App that can write checks gets a suite for the pushed commit."""
    for installation in repository.hub.installations_on(repository):
        if installation.permissions.get("checks") == "write":
            known = {one.id for one in repository.check_suites}
            suite = suite_for(repository, installation.target_app, push.after, branch=push.branch, before=push.before)
            if suite.id not in known:
                repository.hub.emit("check_suite.requested", suite, actor, repository)


async def _head_moved(pull: PullRequest, actor: Actor, push: Push) -> None:
    if push.deleted:
        pull.head_deleted = True
        pull.issue.record("head_ref_deleted", actor)
        if not pull.merged:
            pull.issue.close_unasked(actor, None)
        return
    pull.head_deleted = False
    base = await pull.repository.git.branch(pull.base_ref)
    if base is not None and await pull.repository.git.merge_base(base, push.after) is not None:
        pull.diff = await measure(pull.repository, base, push.after)
        pull.base_sha = base
    pull.head_sha = push.after
    await pull.repository.git.update_refs([RefUpdate(pull.ref, push.after)])
    if push.forced:
        pull.issue.record("head_ref_force_pushed", actor, commit_id=push.after)
    await _outdate_comments(pull)
    rules = pull.repository.rules_for(pull.base_ref)
    if rules is not None and rules.dismiss_stale_reviews:
        for review in pull.reviews:
            if review.state == "APPROVED":
                review.state = "DISMISSED"
                pull.hub.emit("review.dismissed", review, actor, pull.repository)
    pull.issue.touch()
    before = {"before": push.before, "after": push.after}
    pull.hub.emit("pull_request.synchronize", pull, actor, pull.repository, changes=before)


async def _outdate_comments(pull: PullRequest) -> None:
    """A line comment whose file no longer differs, or whose line was changed, loses its place."""
    if not pull.review_comments:
        return
    from bot.localhub.model.review import lines_of

    patches = {one.path: one.patch or "" for one in await pull.files()}
    for comment in pull.review_comments:
        if comment.line is None:
            continue
        here = lines_of(patches.get(comment.path, "")).get((comment.side, comment.line))
        same = here is not None and here[1].rpartition("\n")[2] == comment.diff_hunk.rpartition("\n")[2]
        if here is not None and same:
            comment.position, comment.commit_id = here[0], pull.head_sha
        else:
            comment.position, comment.line = None, None


async def _base_moved(repository: "Repository", actor: Actor, push: Push, merging: PullRequest | None) -> None:
    """A pull request whose head is now in its base was merged by that push."""
    for pull in repository.pull_requests:
        if pull.state != "open" or pull.base_ref != push.branch or pull is merging:
            continue
        if await repository.git.is_ancestor(pull.head_sha, push.after):
            from bot.localhub.model.merge import mark_merged

            mark_merged(pull, actor, push.after)


def _close_by_commits(repository: "Repository", actor: Actor, push: Push) -> None:
    for commit in push.commits:
        for name, number in closing_references(commit.message):
            target = repository if name is None else repository.hub.find_repository(name)
            issue = target.issues.get(number) if target is not None else None
            if issue is not None and issue.pull_request is None and issue.state == "open":
                issue.close_unasked(actor, "completed", commit_id=commit.sha)
