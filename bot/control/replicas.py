"""Whether a read is older than the one before it.

GitHub answers each read from some replica, and replicas lag behind by different times. So the second of two reads
may show less than the first did: an issue that is not there yet, a label that is not set yet. To decide on it would
take back what was decided on the first: a session would be stopped that nobody wanted stopped, and what is known of
the objective be forgotten.

GitHub tells when each issue and pull request was changed last (`updatedAt`), in whole seconds. A read that shows one
of them as of an earlier second is older. So is a read that does not show one at all: it may also have been deleted or
moved away, but that cannot be told apart at once. Within the same second the contents decide, as far as they only
grow: comments, reviews, labels, a state that ended.

An older read is not decided on; what was seen before still holds, until reads must show at least that much. So what
people delete takes effect as much later as reads may lag.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.model.observed import Comment, Issue, Observation, PullRequest, PullRequestState, Review


def is_older(read: Observation, before: Observation) -> bool:
    """Whether `read` does not show all that `before` did, as far as can be told."""
    return (
        _issue_is_older(read.objective, before.objective)
        or _any_issue_is_older(read.tasks, before.tasks)
        or _any_pull_request_is_older(read.pull_requests, before.pull_requests)
    )


def _any_issue_is_older(read: Iterable[Issue], before: Iterable[Issue]) -> bool:
    present = {issue.number: issue for issue in read}
    return any(task.number not in present or _issue_is_older(present[task.number], task) for task in before)


def _any_pull_request_is_older(read: Iterable[PullRequest], before: Iterable[PullRequest]) -> bool:
    present = {pull.number: pull for pull in read}
    branches = {pull.head_branch: pull.number for pull in present.values()}
    return any(
        _pull_request_is_older(present[pull.number], pull)
        if pull.number in present
        else branches.get(pull.head_branch, 0) < pull.number  # only the newest of a branch is looked up
        for pull in before
    )


def _issue_is_older(read: Issue, before: Issue) -> bool:
    if read.updated_at is not None and before.updated_at is not None and read.updated_at != before.updated_at:
        return read.updated_at < before.updated_at
    opened_again = read.open and not before.open
    return opened_again or not before.labels <= read.labels or _lacks(read.comments, before.comments)


def _pull_request_is_older(read: PullRequest, before: PullRequest) -> bool:
    if read.updated_at is not None and before.updated_at is not None and read.updated_at != before.updated_at:
        return read.updated_at < before.updated_at
    ended = before.state is not PullRequestState.OPEN
    opened_again = ended and read.state is PullRequestState.OPEN
    lacks = _lacks(read.comments, before.comments) or _lacks(read.reviews, before.reviews)
    return opened_again or lacks


def _lacks(read: Sequence[Comment | Review], before: Sequence[Comment | Review]) -> bool:
    """Whether something that was said is missing in `read`; not what was said before all that it shows, since only
    the last are asked for, and those move on."""
    shown = {thing.id for thing in read}
    return any(thing.id not in shown and thing.id > min(shown, default=0) for thing in before)
