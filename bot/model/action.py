"""What `decide` asks for. Each action is idempotent and carries the precondition that it was decided on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.model.assignment import Assignment
from bot.model.identity import CommitSha, SessionId
from bot.model.ledger import Ledger
from bot.model.observed import Reaction


@dataclass(frozen=True, slots=True)
class BranchPush:
    """Move `branch` (short name) to `head`; `expected` is what it points to now, None where it must not exist."""

    branch: str
    head: CommitSha
    expected: CommitSha | None


@dataclass(frozen=True, slots=True)
class PushLedger:
    """Record `ledger` and move the branches, together or not at all. Everything after it relies on it."""

    ledger: Ledger
    message: str
    branches: tuple[BranchPush, ...] = ()


@dataclass(frozen=True, slots=True)
class NewTask:
    key: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class CreateTasks:
    """Create sub-issues of the objective, in order, in as few requests as GitHub allows."""

    objective_node_id: str
    tasks: tuple[NewTask, ...]


@dataclass(frozen=True, slots=True)
class Dependency:
    """Issue `number` is blocked by issue `blocked_by`; node ids for GraphQL."""

    number: int
    node_id: str
    blocked_by: int
    blocked_by_node_id: str


@dataclass(frozen=True, slots=True)
class LinkDependencies:
    dependencies: tuple[Dependency, ...]


@dataclass(frozen=True, slots=True)
class EditIssue:
    """The body of an issue of the bot's, anew."""

    number: int
    body: str


@dataclass(frozen=True, slots=True)
class OpenPullRequest:
    task: str
    title: str
    body: str
    head_branch: str
    head: CommitSha
    base_branch: str


class Conclusion(StrEnum):
    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class PublishCheck:
    """A completed check run on `head`; `session` becomes its external id."""

    name: str
    head: CommitSha
    conclusion: Conclusion
    title: str
    summary: str
    session: SessionId


@dataclass(frozen=True, slots=True)
class LineComment:
    path: str
    line: int
    body: str


@dataclass(frozen=True, slots=True)
class PostReview:
    """A COMMENT review of commit `head`. A line that the diff does not show is refused by GitHub; the writer
    then puts those comments into the body."""

    pull_request: int
    head: CommitSha
    body: str
    comments: tuple[LineComment, ...]


@dataclass(frozen=True, slots=True)
class Merge:
    """Merge the pull request if its head is still `head`."""

    pull_request: int
    head: CommitSha
    method: str
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class CloseIssue:
    number: int
    completed: bool


@dataclass(frozen=True, slots=True)
class WriteComment:
    """A new comment on an issue or pull request; its first line is a tag of ours."""

    issue: int
    body: str


@dataclass(frozen=True, slots=True)
class EditComment:
    issue: int
    comment: int
    body: str


@dataclass(frozen=True, slots=True)
class React:
    issue: int
    comment: int
    reaction: Reaction


@dataclass(frozen=True, slots=True)
class AddLabel:
    issue: int
    label: str


@dataclass(frozen=True, slots=True)
class RemoveLabel:
    issue: int
    label: str


@dataclass(frozen=True, slots=True)
class StartSession:
    assignment: Assignment


@dataclass(frozen=True, slots=True)
class StopSession:
    session: SessionId
    reason: str


Write = (
    CreateTasks
    | LinkDependencies
    | EditIssue
    | OpenPullRequest
    | PublishCheck
    | PostReview
    | Merge
    | CloseIssue
    | WriteComment
    | EditComment
    | React
    | AddLabel
    | RemoveLabel
)
"""What changes something on GitHub through its API."""

Action = PushLedger | Write | StartSession | StopSession
