"""What happened on an issue or pull request, in order: comments, reviews, events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.localhub.model.comment import Comment
from bot.localhub.model.issue import Issue
from bot.localhub.model.review import Review
from bot.localhub.model.timeline import TimelineEvent


@dataclass(frozen=True)
class Entry:
    """One thing of the conversation; of `comment`, `review` and `event` the one that `kind` names is set."""

    kind: Literal["comment", "review", "event"]
    at: datetime
    comment: Comment | None = None
    review: Review | None = None
    event: TimelineEvent | None = None


# Said by other entries, or of no use to a reader.
SILENT = frozenset({"commented", "reviewed", "committed", "subscribed", "mentioned"})


def conversation(issue: Issue) -> list[Entry]:
    """Everything after the first text, oldest first. Things of the same moment stay in their own order."""
    entries = [Entry("event", event.created_at, event=event) for event in issue.timeline if event.event not in SILENT]
    entries += [Entry("comment", comment.created_at, comment=comment) for comment in issue.comments]
    pull = issue.pull_request
    if pull is not None:
        entries += [
            Entry("review", review.submitted_at, review=review)
            for review in pull.reviews
            if review.submitted_at is not None
        ]
    return sorted(entries, key=lambda entry: entry.at)
