"""What GitHub shows of an objective, as far as the bot looks: issues, pull requests, checks, reviews, comments."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.model.identity import CommitSha, Login


class Permission(StrEnum):
    """A person's role in the repository, as GitHub answers when asked."""

    NONE = "none"
    READ = "read"
    TRIAGE = "triage"
    WRITE = "write"
    MAINTAIN = "maintain"
    ADMIN = "admin"

    def includes(self, other: Permission) -> bool:
        """Whether whoever has this role may do all that the other one may; the roles stand in their order above."""
        roles = tuple(Permission)
        return roles.index(self) >= roles.index(other)

    @property
    def may_command(self) -> bool:
        """Whether they may hand off and answer; what a command needs is said by its rule."""
        return self.includes(Permission.WRITE)


class Reaction(StrEnum):
    """The reactions that the bot gives, as the REST interface names them."""

    EYES = "eyes"
    ROCKET = "rocket"
    CONFUSED = "confused"


class Mergeable(StrEnum):
    MERGEABLE = "MERGEABLE"
    CONFLICTING = "CONFLICTING"
    UNKNOWN = "UNKNOWN"
    """Not computed yet. GitHub computes it some seconds after somebody asked, and tells nobody."""


class PullRequestState(StrEnum):
    OPEN = "OPEN"
    CLOSED = "CLOSED"
    MERGED = "MERGED"


class CheckState(StrEnum):
    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Comment:
    """`reactions` are the bot's own; `mine` says that the bot wrote it."""

    id: int
    body: str
    author: Login | None
    author_is_bot: bool
    created_at: datetime
    mine: bool
    reactions: frozenset[Reaction] = frozenset()


@dataclass(frozen=True, slots=True)
class Labelling:
    """Who set the hand-off label, and when, by the issue's timeline."""

    by: Login
    at: datetime


@dataclass(frozen=True, slots=True)
class Blocker:
    """An issue that natively blocks another; `number` is 0 where that one lies in another repository, and `elsewhere`
    says where. `completed` is true where it was closed as completed, not otherwise."""

    number: int
    open: bool
    completed: bool = False
    elsewhere: str = ""


@dataclass(frozen=True, slots=True)
class Issue:
    """An objective or a task. `completed` is true where it was closed as completed. `closed_by` is who closed it
    last, also where somebody has opened it again since. `updated_at` is the time of its last change, in whole seconds;
    None where it is not known."""

    number: int
    id: int
    node_id: str
    title: str
    body: str
    open: bool
    completed: bool
    labels: frozenset[str]
    author: Login | None
    mine: bool
    url: str
    updated_at: datetime | None = None
    edited_at: datetime | None = None
    edited_by: Login | None = None
    labelling: Labelling | None = None
    blocked_by: tuple[Blocker, ...] = ()
    comments: tuple[Comment, ...] = ()
    closed_by: Login | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A check run or a commit status on a pull request's head. `session` is the external id of the bot's own."""

    name: str
    state: CheckState
    summary: str
    mine: bool
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Review:
    id: int
    author: Login | None
    body: str
    commit: CommitSha | None
    mine: bool


@dataclass(frozen=True, slots=True)
class PullRequest:
    """Only pull requests whose head branch lies in the repository itself: a fork can copy any branch name."""

    number: int
    node_id: str
    state: PullRequestState
    head_branch: str
    head: CommitSha
    base_branch: str
    mergeable: Mergeable
    merge_state: str
    """GitHub's mergeStateStatus: CLEAN, BLOCKED, BEHIND, DIRTY, UNSTABLE, HAS_HOOKS, DRAFT or UNKNOWN."""
    mine: bool
    url: str
    updated_at: datetime | None = None
    merge_commit: CommitSha | None = None
    closed_by: Login | None = None
    checks: tuple[Check, ...] = ()
    reviews: tuple[Review, ...] = ()
    comments: tuple[Comment, ...] = ()


@dataclass(frozen=True, slots=True)
class RepositoryFile:
    """A file on the default branch. `oid` changes whenever the text does; `text` is None for a binary."""

    path: str
    oid: str
    text: str | None


@dataclass(frozen=True, slots=True)
class Observation:
    """One objective as one look at GitHub showed it.

    `branches` maps the short name of each task branch that exists to its head. `empty` says that the
    repository has no commit yet.
    """

    objective: Issue
    tasks: tuple[Issue, ...]
    pull_requests: tuple[PullRequest, ...]
    default_branch: str
    empty: bool = False
    archived: bool = False
    branches: tuple[tuple[str, CommitSha], ...] = field(default=())
    configuration: RepositoryFile | None = None
    """``.github/crewline.yml``, or the file that is misspelt ``.yaml``."""

    def branch(self, name: str) -> CommitSha | None:
        return dict(self.branches).get(name)
