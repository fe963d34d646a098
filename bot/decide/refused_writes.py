"""What GitHub refused of the last look, in words: what waits for it says so, and nothing that relies on it goes on.

A check that cannot be published, or a review that cannot be posted, is evidence that nobody can see: the merge of its
commit waits until GitHub takes it (`bot.decide.lanes`). The write is tried again by every look, so what a person mends
(a permission of the App, a rule, a lock) is found without being told.
"""

from __future__ import annotations

from bot.decide.texts import one_line
from bot.model.action import (
    Action,
    AddLabel,
    CloseIssue,
    CreateTasks,
    EditComment,
    EditIssue,
    LinkDependencies,
    Merge,
    OpenPullRequest,
    PostReview,
    PublishCheck,
    React,
    RemoveLabel,
    WriteComment,
)
from bot.model.identity import CommitSha
from bot.model.snapshot import Snapshot, WriteRefusal

MOST = 3
NO_PERMISSION = "not accessible by integration"
"""GitHub's words where the App lacks a permission."""


def write_refusal(action: Action, message: str) -> WriteRefusal:
    """`message` is what GitHub said of `action`."""
    match action:
        case PublishCheck():
            return WriteRefusal(f"the check `{action.name}`", message, action.head)
        case OpenPullRequest():
            return WriteRefusal("the pull request", message, action.head)
        case PostReview():
            return WriteRefusal(f"the review of #{action.pull_request}", message, action.head)
        case Merge():
            return WriteRefusal(f"the merge of #{action.pull_request}", message, action.head)
        case CreateTasks():
            return WriteRefusal("the sub-issues", message)
        case LinkDependencies():
            return WriteRefusal("the dependencies of sub-issues", message)
        case EditIssue() | CloseIssue():
            return WriteRefusal(f"a change of #{action.number}", message)
        case WriteComment() | EditComment():
            return WriteRefusal(f"a comment on #{action.issue}", message)
        case React():
            return WriteRefusal(f"a reaction on #{action.issue}", message)
        case AddLabel() | RemoveLabel():
            return WriteRefusal(f"a label of #{action.issue}", message)
        case _:
            return WriteRefusal("what is to be written", message)


def refused_of(snapshot: Snapshot, head: CommitSha | None) -> str | None:
    """What GitHub refuses about this commit, in one sentence without its end."""
    found = next((one for one in snapshot.refused_writes if one.head is not None and one.head == head), None)
    return _sentence(found) if found else None


def what_is_refused(snapshot: Snapshot) -> str | None:
    """All of it, for the status."""
    if not snapshot.refused_writes:
        return None
    sentences = [f"{_sentence(one)}." for one in dict.fromkeys(snapshot.refused_writes[:MOST])]
    more = len(snapshot.refused_writes) - MOST
    if more > 0:
        sentences.append(f"And {more} more.")
    if any(NO_PERMISSION in one.message for one in snapshot.refused_writes):
        sentences.append("A person who owns the App can grant it the permission that it lacks.")
    return " ".join([*sentences, "It is tried again by itself."])


def _sentence(refusal: WriteRefusal) -> str:
    return f"GitHub refuses {refusal.what}: {one_line(refusal.message).rstrip('.')}"
