"""What must hold at the end of every story: nothing exists twice, and nothing was said that nobody expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from bot.localhub.model.comment import Comment
from bot.localhub.model.issue import Issue
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User
from bot.model.marker import tagged

TAGS = ("status", "reply", "escalation", "questions", "ledger")


def comments_of(repository: Repository, user: User) -> list[Comment]:
    return [c for issue in repository.issues.values() for c in issue.comments if c.user is user]


def unexpected(repository: Repository, bot: User, heard: Iterable[int]) -> list[str]:
    """What the bot said beyond its status comments and what the story heard."""
    known = set(heard)
    said = (c for c in comments_of(repository, bot) if c.id not in known and tagged(c.body, "status") is None)
    return [comment.body for comment in said]


def twice(repository: Repository, bot: User) -> list[str]:
    """What of the bot's exists more often than once."""
    pulls = repository.pull_requests
    things = [
        *(f"{kind} {value}" for c in comments_of(repository, bot) for kind in TAGS if (value := tagged(c.body, kind))),
        *(f"task {tagged(i.body or '', 'task')}" for i in _issues_of(repository, bot)),
        *(f"pull request of {pull.head_ref} at {pull.head_sha}" for pull in pulls if pull.user is bot),
        *(f"review {tagged(r.body, 'review')}" for pull in pulls for r in pull.reviews if r.user is bot),
        *(f"check {run.name} of {run.external_id}" for run in repository.check_runs),
    ]  # fmt: skip
    return [thing for thing, times in Counter(things).items() if times > 1]


def _issues_of(repository: Repository, bot: User) -> list[Issue]:
    return [i for i in repository.issues.values() if i.user is bot and i.pull_request is None]
