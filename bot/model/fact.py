"""What a write of ours changed, for as long as GitHub's reads may not show it yet."""

from __future__ import annotations

from dataclasses import dataclass

from bot.model.identity import CommitSha
from bot.model.observed import Check, Comment, Issue, PullRequest, Reaction, Review


@dataclass(frozen=True, slots=True)
class TaskCreated:
    issue: Issue


@dataclass(frozen=True, slots=True)
class DependencyLinked:
    number: int
    blocked_by: int


@dataclass(frozen=True, slots=True)
class IssueEdited:
    number: int
    body: str


@dataclass(frozen=True, slots=True)
class PullRequestOpened:
    pull_request: PullRequest


@dataclass(frozen=True, slots=True)
class BranchMoved:
    """`branch` (short name) was pushed from `was` (None: it did not exist) to `head`."""

    branch: str
    was: CommitSha | None
    head: CommitSha


@dataclass(frozen=True, slots=True)
class CheckPublished:
    head: CommitSha
    check: Check


@dataclass(frozen=True, slots=True)
class ReviewPosted:
    pull_request: int
    review: Review


@dataclass(frozen=True, slots=True)
class Merged:
    pull_request: int
    merge_commit: CommitSha


@dataclass(frozen=True, slots=True)
class MergeRefused:
    pull_request: int
    head: CommitSha
    message: str


@dataclass(frozen=True, slots=True)
class IssueClosed:
    number: int
    completed: bool


@dataclass(frozen=True, slots=True)
class CommentWritten:
    """Written or edited: `comment` is how it reads now."""

    issue: int
    comment: Comment


@dataclass(frozen=True, slots=True)
class Reacted:
    issue: int
    comment: int
    reaction: Reaction


@dataclass(frozen=True, slots=True)
class LabelChanged:
    issue: int
    label: str
    present: bool


Fact = (
    TaskCreated
    | DependencyLinked
    | IssueEdited
    | PullRequestOpened
    | BranchMoved
    | CheckPublished
    | ReviewPosted
    | Merged
    | MergeRefused
    | IssueClosed
    | CommentWritten
    | Reacted
    | LabelChanged
)
