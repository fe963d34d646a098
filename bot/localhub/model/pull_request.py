"""Pull requests: the branch side of an issue.

`mergeable` is computed lazily, as GitHub does: after the head or the base moved, the first asks (see
`Faults.mergeable_unknown_asks`) get None. Merging is in `merge.py`, following pushes in `push.py`.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from bot.localhub.git.bare import Commit, RefUpdate
from bot.localhub.git.files import FileDiff, diff_files
from bot.localhub.model.actor import Actor, Role, may, require
from bot.localhub.model.closing_keywords import closing_references
from bot.localhub.model.errors import FieldError, Validation, custom, invalid
from bot.localhub.model.issue import Issue, new_issue
from bot.localhub.model.node_ids import node_id
from bot.localhub.model.review import Review, ReviewComment, ReviewThread
from bot.localhub.model.rules import MergeableState, mergeable_state
from bot.localhub.model.user import User
from bot.localhub.model.versioned import Versioned

if TYPE_CHECKING:
    from bot.localhub.model.hub import Hub
    from bot.localhub.model.repository import Repository

MergeMethod = Literal["merge", "squash", "rebase"]
ASKING: ContextVar[object] = ContextVar("localhub_asking")
"""One object per HTTP request, so that a request which reads `mergeable` twice has asked once."""


@dataclass(frozen=True, slots=True)
class DiffStat:
    """The size of a pull request, from the merge base to its head."""

    merge_base: str
    commits: int
    additions: int
    deletions: int
    changed_files: int


@dataclass(eq=False, kw_only=True)
class PullRequest(Versioned):
    """A pull request. What it shares with issues is on `issue`."""

    hub: "Hub"
    issue: Issue
    id: int
    head_ref: str
    """Branch name; the head is always in the same repository."""
    head_sha: str
    base_ref: str
    base_sha: str
    """Head of the base when the pull request was opened or last pushed to."""
    diff: DiffStat
    draft: bool = False
    merged_at: datetime | None = None
    merged_by: User | None = None
    merge_commit_sha: str | None = None
    requested_reviewers: tuple[User, ...] = ()
    reviews: tuple[Review, ...] = ()
    review_comments: tuple[ReviewComment, ...] = ()
    threads: tuple[ReviewThread, ...] = ()
    auto_merge: MergeMethod | None = None
    in_merge_queue: bool = False
    mergeable: bool | None = None
    """What was last computed; stale unless `mergeable_for` is the present. Readers use `ask_mergeable`."""
    mergeable_for: tuple[str, str] | None = None
    """Head and base that `mergeable` and `behind` are about."""
    behind: bool = False
    head_deleted: bool = False

    def __post_init__(self) -> None:
        self._asked_for: tuple[str, str] | None = None
        self._asks: list[object] = []

    @property
    def repository(self) -> "Repository":
        return self.issue.repository

    @property
    def number(self) -> int:
        return self.issue.number

    @property
    def title(self) -> str:
        return self.issue.title

    @property
    def body(self) -> str | None:
        return self.issue.body

    @property
    def user(self) -> User:
        return self.issue.user

    @property
    def node_id(self) -> str:
        return node_id("PullRequest", self.id)

    @property
    def state(self) -> Literal["open", "closed"]:
        return self.issue.state

    @property
    def ref(self) -> str:
        """The ref that git clients fetch it by; nobody can push to it."""
        return f"refs/pull/{self.number}/head"

    @property
    def merged(self) -> bool:
        return self.merged_at is not None

    async def ask_mergeable(self) -> bool | None:
        """Whether it can be merged without conflicts, or None: not known yet, ask again."""
        if self.state == "closed":
            return None
        tips = await self._tips()
        if self._asked_for != tips:
            self._asked_for, self._asks = tips, []
        asking = ASKING.get(None) or object()
        if all(one is not asking for one in self._asks):
            self._asks.append(asking)
        if len(self._asks) <= self.hub.faults.mergeable_unknown_asks:
            return None
        return await self.compute_mergeable()

    async def ask_mergeable_state(self) -> MergeableState:
        """REST's `mergeable_state`; in upper case GraphQL's `mergeStateStatus`."""
        return mergeable_state(self, await self.ask_mergeable())

    async def compute_mergeable(self) -> bool:
        """Find out now, lazily or not; remembers the answer on `mergeable`, and `behind`."""
        tips = await self._tips()
        if self.mergeable_for == tips and self.mergeable is not None:
            return self.mergeable
        head, base = tips
        git = self.repository.git
        value = bool(base) and (await git.merge_tree(base, head)).tree is not None
        self.behind = bool(base) and not await git.is_ancestor(base, head)
        self.mergeable, self.mergeable_for = value, tips
        return value

    async def _tips(self) -> tuple[str, str]:
        return self.head_sha, await self.repository.git.branch(self.base_ref) or ""

    async def commits(self) -> list[Commit]:
        """Its commits, oldest first, at most 250."""
        found = await self.repository.git.new_commits(self.diff.merge_base, self.head_sha)
        return found[::-1]

    async def files(self) -> list[FileDiff]:
        """The files it changes, with patches."""
        return await diff_files(self.repository.git, self.diff.merge_base, self.head_sha)

    def closing_issues(self) -> list[Issue]:
        """The issues that its keywords link; only while its base is the default branch."""
        if self.base_ref != self.repository.default_branch:
            return []
        found: list[Issue] = []
        for text in (self.title, self.body):
            for name, number in closing_references(text):
                repository = self.repository if name is None else self.hub.find_repository(name)
                issue = repository.issues.get(number) if repository is not None else None
                if issue is not None and issue.pull_request is None and issue not in found:
                    found.append(issue)
        return found

    def set_draft(self, actor: Actor, draft: bool) -> None:
        """Mark as draft, or as ready for review."""
        self._require_control(actor)
        if draft != self.draft:
            self.draft = draft
            self.issue.record("convert_to_draft" if draft else "ready_for_review", actor)
            self.issue.touch()
            self.issue.emit("converted_to_draft" if draft else "ready_for_review", actor)

    async def set_base(self, actor: Actor, base: str) -> None:
        """Aim at another branch."""
        self._require_control(actor)
        sha = await self.repository.git.branch(base)
        if sha is None:
            raise invalid("PullRequest", "base")
        if base != self.base_ref:
            old = self.base_ref
            self.diff = await measure(self.repository, sha, self.head_sha)
            self.base_ref, self.base_sha = base, sha
            self.issue.record("base_ref_changed", actor, rename=(old, base))
            self.issue.touch()
            self.issue.emit("edited", actor, changes={"base": old})

    def request_reviewers(self, actor: Actor, users: tuple[User, ...]) -> None:
        """Ask people to review. 422 for its author and for people without access."""
        require(actor, self.repository, role=Role.TRIAGE, permissions=("pull_requests",))
        for user in users:
            if user is self.user:
                raise Validation(message="Review cannot be requested from pull request author.")
            if user.role_in(self.repository) < Role.READ or user.type == "Bot":
                raise Validation(
                    message="Reviews may only be requested from collaborators. One or more of the users or teams you "
                    f"specified is not a collaborator of the {self.repository.full_name} repository."
                )
        for user in users:
            if user not in self.requested_reviewers:
                self.requested_reviewers = (*self.requested_reviewers, user)
                self.issue.record("review_requested", actor, reviewer=user)
                self.issue.emit("review_requested", actor, related=user)

    def remove_reviewers(self, actor: Actor, users: tuple[User, ...]) -> None:
        """Take the requests back."""
        require(actor, self.repository, role=Role.TRIAGE, permissions=("pull_requests",))
        for user in [one for one in self.requested_reviewers if one in users]:
            self.requested_reviewers = tuple(one for one in self.requested_reviewers if one is not user)
            self.issue.record("review_request_removed", actor, reviewer=user)
            self.issue.emit("review_request_removed", actor, related=user)

    def check_reopen(self) -> None:
        """422 when it cannot be opened again."""
        if self.merged:
            raise custom("PullRequest", "The pull request cannot be reopened because it was merged.")
        if self.head_deleted:
            raise custom("PullRequest", f"state cannot be changed. The {self.head_ref} branch has been deleted.")

    def _require_control(self, actor: Actor) -> None:
        own = actor.app is None and actor.account is self.user
        role = Role.READ if own else Role.WRITE
        require(actor, self.repository, role=role, permissions=("pull_requests",))

    def __repr__(self) -> str:
        return repr(self.issue)


async def measure(repository: "Repository", base: str, head: str) -> DiffStat:
    """The size of what `head` adds to `base`."""
    git = repository.git
    merge_base = await git.merge_base(base, head)
    if merge_base is None:
        raise custom("PullRequest", "The branches have entirely different commit histories")
    files = await diff_files(git, merge_base, head, patches=False)
    commits = await git.count_new(merge_base, head)
    added, removed = sum(one.additions for one in files), sum(one.deletions for one in files)
    return DiffStat(merge_base, commits, added, removed, len(files))


async def open_pull_request(
    repository: "Repository",
    actor: Actor,
    *,
    title: str,
    head: str,
    base: str,
    body: str | None = None,
    draft: bool = False,
) -> PullRequest:
    """Open a pull request from branch `head` (or `owner:branch`) to branch `base`.

    422 when a branch is missing, nothing is to be merged, or there is an open one for the same branches.
    """
    require(actor, repository, role=Role.READ, permissions=("pull_requests",))
    owner, _, branch = head.rpartition(":")
    if owner and owner.casefold() != repository.owner.login.casefold():
        raise invalid("PullRequest", "head")
    async with repository.git.writing:
        head_sha = await repository.git.branch(branch)
        if head_sha is None:
            raise invalid("PullRequest", "head")
        base_sha = await repository.git.branch(base)
        if base_sha is None:
            raise invalid("PullRequest", "base")
        for other in repository.pull_requests:
            if other.state == "open" and (other.head_ref, other.base_ref) == (branch, base):
                words = f"A pull request already exists for {repository.owner.login}:{branch}."
                raise Validation(FieldError("PullRequest", "custom", None, words))
        if await repository.git.is_ancestor(head_sha, base_sha):
            raise custom("PullRequest", f"No commits between {base} and {branch}")
        diff = await measure(repository, base_sha, head_sha)
        issue = new_issue(repository, actor, title, body)
        pull = PullRequest(
            hub=repository.hub, issue=issue, id=repository.hub.next_id("pull"), head_ref=branch, head_sha=head_sha,
            base_ref=base, base_sha=base_sha, diff=diff, draft=draft,
        )  # fmt: skip
        issue.pull_request = pull
        await repository.git.update_refs([RefUpdate(pull.ref, head_sha)])
        repository.hub.remember(issue)
        repository.hub.remember(pull)
        repository.issues = {**repository.issues, issue.number: issue}
        issue.emit("opened", actor)
        issue.refer(actor, body)
        for linked in pull.closing_issues():
            linked.record("connected", actor, source=issue)
    return pull


def may_push(actor: Actor, repository: "Repository") -> bool:
    """Whether the actor may write contents."""
    return may(actor, repository, role=Role.WRITE, permissions=("contents",))
