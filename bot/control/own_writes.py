"""What this process wrote and reads may not show yet.

GitHub's reads lag behind its writes by seconds, and may come from a different replica each time. A bot that trusts
the read would create a second comment because it does not see its first. So every write leaves a `Fact`, each
observation is corrected by the facts that it does not show yet, and a fact is dropped once an observation shows it.

A replica further behind than the one before could hide again what was seen once. Therefore a fact is kept for as
long as reads may lag behind the write even when it was seen.

A fact that is never shown was undone by somebody before anybody looked, or lags longer than it should. Where writing
again would make a second thing (an issue, a comment, a pull request), it counts for another while, until `KEPT`. Where
it would change nothing (a label, a link, a closed issue, a branch that moves by compare-and-swap), the read is
believed at once: what people undid counts, and the price of an error is one needless request.

All of it is pure: values in, values out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.model.fact import (
    BranchMoved,
    CheckPublished,
    CommentWritten,
    DependencyLinked,
    Fact,
    IssueClosed,
    IssueEdited,
    LabelChanged,
    Merged,
    MergeRefused,
    PullRequestOpened,
    Reacted,
    ReviewPosted,
    TaskCreated,
)
from bot.model.identity import CommitSha, task_branch
from bot.model.ledger import Ledger
from bot.model.marker import tagged
from bot.model.observed import Blocker, Comment, Issue, Mergeable, Observation, PullRequest, PullRequestState
from bot.model.session import Published

LAG = timedelta(seconds=15)
KEPT = timedelta(minutes=10)
REPEATABLE = (BranchMoved, DependencyLinked, IssueClosed, IssueEdited, LabelChanged, Reacted)


@dataclass(frozen=True, slots=True)
class OwnWrite:
    fact: Fact
    at: datetime


def added(writes: Iterable[OwnWrite], fact: Fact, now: datetime) -> tuple[OwnWrite, ...]:
    """`writes` and a new one. What it supersedes goes: of two edits of one comment only the last may ever be
    shown, also when the last is forgotten before the first."""
    subject = _subject(fact)
    kept = (write for write in writes if subject is None or _subject(write.fact) != subject)
    return (*kept, OwnWrite(fact, now))


def correct(observed: Observation, writes: Iterable[OwnWrite]) -> Observation:
    """`observed` as it will read once it shows all of `writes`."""
    for write in writes:
        observed = _apply(observed, write.fact)
    return observed


def unseen(
    observed: Observation, writes: Iterable[OwnWrite], observed_at: datetime, lag: timedelta = LAG
) -> tuple[OwnWrite, ...]:
    """The writes to keep: too young at `observed_at` to be trusted to every replica, or not seen and not given up."""
    kept = []
    for write in writes:
        age = observed_at - write.at
        patience = lag if isinstance(write.fact, REPEATABLE) else KEPT
        if age < lag or (age < patience and not _shows(observed, write)):
            kept.append(write)
    return tuple(kept)


def doubted_until(
    observed: Observation, writes: Iterable[OwnWrite], observed_at: datetime, lag: timedelta = LAG
) -> datetime | None:
    """When a read will be believed that does not show a write which somebody may have undone; None where there is no
    such write. One that would be made a second time is doubted only where the read should have shown it."""
    doubted = [write for write in writes if not _shows(observed, write)]
    soon = [write.at + lag for write in doubted if isinstance(write.fact, REPEATABLE)]
    late = [
        write.at + KEPT for write in doubted if not isinstance(write.fact, REPEATABLE) and observed_at - write.at >= lag
    ]
    return max(soon, default=None) or min(late, default=None)


def without_comment(writes: Iterable[OwnWrite], comment: int, now: datetime, lag: timedelta) -> tuple[OwnWrite, ...]:
    """GitHub says that a comment of ours, which was to be edited, is not there: somebody deleted it. Only one that was
    written a moment ago may be missing for another reason, since writes may come to a replica as reads do."""
    return tuple(
        write
        for write in writes
        if not (isinstance(write.fact, CommentWritten) and write.fact.comment.id == comment and now - write.at >= lag)
    )


def recorded(ledger: Ledger, now: datetime) -> tuple[OwnWrite, ...]:
    """What an earlier process pushed together with `ledger`, which was read just now: where the branches of its tasks
    are. Git does not lag, but the reads that show branches do; without this, work that is pushed would be done again.
    A branch that somebody has moved since is somewhere that no session ever was."""
    heads: dict[str, list[CommitSha | None]] = {}
    for session in ledger.sessions:
        if isinstance(session.outcome, Published) and session.task is not None:
            branch = task_branch(ledger.objective, session.task)
            heads.setdefault(branch, []).extend((session.starts_from, session.outcome.head))
    return tuple(
        OwnWrite(BranchMoved(branch, was, last), now)
        for branch, (*earlier, last) in heads.items()
        for was in dict.fromkeys(earlier)
        if last is not None and was != last
    )


def _shows(observed: Observation, write: OwnWrite) -> bool:
    return _apply(observed, write.fact) == observed


def _subject(fact: Fact) -> tuple[str, int | str] | None:
    """What a fact says the last word about; None where facts of its kind add up."""
    match fact:
        case CommentWritten(comment=comment):
            return "comment", comment.id
        case LabelChanged(issue, label):
            return "label", f"{issue} {label}"
        case IssueEdited(number):
            return "body", number
        case _:
            return None


def _apply(observed: Observation, fact: Fact) -> Observation:
    match fact:
        case TaskCreated(issue):
            known = any(task.number == issue.number for task in observed.tasks)
            return observed if known else replace(observed, tasks=(*observed.tasks, issue))
        case DependencyLinked(number, blocked_by):
            return _issue(observed, number, lambda issue: _blocked(issue, observed, blocked_by))
        case IssueEdited(number, body):
            return _issue(observed, number, lambda issue: replace(issue, body=body))
        case PullRequestOpened(pull_request):
            return _opened(observed, pull_request)
        case BranchMoved(branch, was, head):
            return _moved(observed, branch, was, head)
        case CheckPublished(head, check):
            return _pulls(
                observed,
                lambda pull: (
                    pull.head == head and (check.session, check.name) not in {(c.session, c.name) for c in pull.checks}
                ),
                lambda pull: replace(pull, checks=(*pull.checks, check)),
            )
        case ReviewPosted(number, review):
            return _pulls(
                observed,
                lambda pull: pull.number == number and review.id not in {other.id for other in pull.reviews},
                lambda pull: replace(pull, reviews=(*pull.reviews, review)),
            )
        case Merged(number, merge_commit):
            return _merged(observed, number, merge_commit)
        case IssueClosed(number, completed):
            return _issue(observed, number, lambda issue: replace(issue, open=False, completed=completed))
        case CommentWritten(number, comment):
            return _commented(observed, number, comment)
        case Reacted(number, comment_id, reaction):
            return _comments(
                observed,
                number,
                lambda comment: (
                    replace(comment, reactions=comment.reactions | {reaction}) if comment.id == comment_id else comment
                ),
            )
        case LabelChanged(number, label, present):
            return _issue(observed, number, lambda issue: _labelled(issue, label, present))
        case MergeRefused():
            return observed


def _issue(observed: Observation, number: int, change: Callable[[Issue], Issue]) -> Observation:
    """With issue `number` (the objective or a task) changed, and the blockers that name it brought in line."""
    if observed.objective.number == number:
        return replace(observed, objective=change(observed.objective))
    tasks = tuple(change(task) if task.number == number else task for task in observed.tasks)
    return replace(observed, tasks=_with_blockers(tasks))


def _with_blockers(tasks: tuple[Issue, ...]) -> tuple[Issue, ...]:
    """What blocks a task is closed where the task that it names is closed."""
    closed = {task.number: task.completed for task in tasks if not task.open}

    def settled(blocker: Blocker) -> Blocker:
        if blocker.open and blocker.number in closed:
            return Blocker(blocker.number, open=False, completed=closed[blocker.number])
        return blocker

    def brought_in_line(task: Issue) -> Issue:
        if not any(blocker.open and blocker.number in closed for blocker in task.blocked_by):
            return task
        return replace(task, blocked_by=tuple(settled(blocker) for blocker in task.blocked_by))

    return tuple(brought_in_line(task) for task in tasks)


def _blocked(issue: Issue, observed: Observation, blocked_by: int) -> Issue:
    if blocked_by in {blocker.number for blocker in issue.blocked_by}:
        return issue
    other = next((task for task in observed.tasks if task.number == blocked_by), None)
    blocker = Blocker(blocked_by, open=other is None or other.open, completed=other is not None and other.completed)
    return replace(issue, blocked_by=(*issue.blocked_by, blocker))


def _labelled(issue: Issue, label: str, present: bool) -> Issue:
    labels = issue.labels | {label} if present else issue.labels - {label}
    return replace(issue, labels=labels)


def _pulls(
    observed: Observation, which: Callable[[PullRequest], bool], change: Callable[[PullRequest], PullRequest]
) -> Observation:
    pulls = tuple(change(pull) if which(pull) else pull for pull in observed.pull_requests)
    return replace(observed, pull_requests=pulls)


def _opened(observed: Observation, opened: PullRequest) -> Observation:
    if any(pull.number == opened.number for pull in observed.pull_requests):
        return observed
    return replace(observed, pull_requests=(*observed.pull_requests, opened))


def _moved(observed: Observation, branch: str, was: CommitSha | None, head: CommitSha) -> Observation:
    """A branch that is neither where it was nor where we moved it was moved by somebody else since."""
    present = observed.branch(branch)
    if present == was and present != head:
        branches = (*((name, sha) for name, sha in observed.branches if name != branch), (branch, head))
        observed = replace(observed, branches=branches)
    return _pulls(
        observed,
        lambda pull: pull.head_branch == branch and pull.head == was and pull.state is PullRequestState.OPEN,
        lambda pull: replace(pull, head=head, checks=(), mergeable=Mergeable.UNKNOWN, merge_state="UNKNOWN"),
    )


def _merged(observed: Observation, number: int, merge_commit: CommitSha) -> Observation:
    """GitHub closes the issues that a pull request to the default branch closes; the read that shows the pull
    request merged may still show them open, so both are corrected together."""
    pull = next((pull for pull in observed.pull_requests if pull.number == number), None)
    if pull is None or pull.state is PullRequestState.MERGED:
        return observed
    if pull.base_branch == observed.default_branch:
        name = pull.head_branch.removeprefix("crewline/").replace("/", ".")
        for task in observed.tasks:
            if task.mine and tagged(task.body, "task") == name:
                observed = _issue(observed, task.number, lambda issue: replace(issue, open=False, completed=True))
    return _pulls(
        observed,
        lambda other: other.number == number,
        lambda other: replace(other, state=PullRequestState.MERGED, merge_commit=merge_commit),
    )


def _commented(observed: Observation, number: int, comment: Comment) -> Observation:
    def written(comments: tuple[Comment, ...]) -> tuple[Comment, ...]:
        if any(other.id == comment.id for other in comments):
            return tuple(replace(other, body=comment.body) if other.id == comment.id else other for other in comments)
        return (*comments, comment)

    return _thread(observed, number, written)


def _comments(observed: Observation, number: int, change: Callable[[Comment], Comment]) -> Observation:
    return _thread(observed, number, lambda comments: tuple(change(comment) for comment in comments))


def _thread(
    observed: Observation, number: int, change: Callable[[tuple[Comment, ...]], tuple[Comment, ...]]
) -> Observation:
    """Issues and pull requests share their numbers, so `number` names one thread."""
    observed = _pulls(
        observed, lambda pull: pull.number == number, lambda pull: replace(pull, comments=change(pull.comments))
    )
    return _issue(observed, number, lambda issue: replace(issue, comments=change(issue.comments)))
