"""Whose permission a look must ask GitHub for before anything is decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.decide.commands.grammar import is_command
from bot.model.identity import Login
from bot.model.ledger import Ledger, TaskRecord
from bot.model.observed import Comment, Issue, Observation, PullRequest
from bot.model.session import Blocked

CLOCKS = timedelta(seconds=2)
"""By how much a time of GitHub's, in whole seconds, may be before one of ours that it is not before. What comes after a
question is told by the numbers of comments; this only bounds whom GitHub is asked about."""


def people(observed: Observation, ledger: Ledger | None) -> frozenset[Login]:
    """Who handed off, who edited since, who commands and has not been heard yet, who may be answering a question."""
    issue = observed.objective
    logins: set[Login] = set()
    new_hand_off = ledger is None or (issue.labelling is not None and issue.labelling.at > ledger.hand_off.at)
    if issue.labelling is not None and new_hand_off:
        logins.add(issue.labelling.by)
        if issue.edited_by is not None:
            logins.add(issue.edited_by)
    if ledger is None:
        return frozenset(logins)
    handled = {command.comment for command in ledger.commands}
    threads: tuple[Issue | PullRequest, ...] = (observed.objective, *observed.tasks, *observed.pull_requests)
    for comment in (comment for thread in threads for comment in thread.comments):
        if _speaks(comment, ledger.hand_off.at) and is_command(comment.body) and comment.id not in handled:
            logins.add(Login(comment.author or ""))
    if ledger.exchanges and ledger.exchanges[-1].answer is None:
        logins |= {Login(c.author or "") for c in issue.comments if _speaks(c, ledger.hand_off.at)}
    asked = [record.escalation.at for record in ledger.tasks if record.escalation is not None and _asks(ledger, record)]
    for comment in (comment for thread in threads for comment in thread.comments if asked):
        if _speaks(comment, min(asked) - CLOCKS):
            logins.add(Login(comment.author or ""))
    return frozenset(logins - {Login("")})


def _asks(ledger: Ledger, record: TaskRecord) -> bool:
    """Whether a blocked agent waits for an answer."""
    sessions = ledger.sessions_of(record.key)
    return bool(sessions) and isinstance(sessions[-1].outcome, Blocked)


def without_comments_by(observed: Observation, login: Login) -> Observation:
    """As if `login` had not said anything: who may be heard only later, since GitHub could not be asked about them."""

    def left(comments: tuple[Comment, ...]) -> tuple[Comment, ...]:
        return tuple(comment for comment in comments if (comment.author or "").casefold() != login.casefold())

    return replace(
        observed,
        objective=replace(observed.objective, comments=left(observed.objective.comments)),
        tasks=tuple(replace(task, comments=left(task.comments)) for task in observed.tasks),
        pull_requests=tuple(replace(pull, comments=left(pull.comments)) for pull in observed.pull_requests),
    )


def _speaks(comment: Comment, since: datetime) -> bool:
    return not comment.mine and not comment.author_is_bot and comment.created_at >= since
