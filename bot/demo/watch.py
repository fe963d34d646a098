"""What a demo shows, worked out from the hub's side alone: its issues, pull requests and reviews, and the ledger
that the bot pushed there. The bot is not asked and does not know that it is watched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.localhub.model.issue import Issue
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.repository import Repository
from bot.model.identity import LEDGER_FILE, ledger_ref
from bot.model.ledger import Ledger
from bot.model.marker import tagged, without_tags
from bot.model.session import Blocked, Failed, Judged, Role, SessionRecord

NAMESPACE = "refs/crewline"


class TaskState(StrEnum):
    """In the words of the terminal."""

    WAITING = "waiting"
    READY = "ready"
    WORKING = "working"
    REVIEWING = "in review"
    CHANGES_REQUESTED = "changes requested"
    APPROVED = "approved"
    PUBLISHED = "to review"
    FAILED = "failed"
    ASKING = "needs you"
    MERGED = "merged"
    DROPPED = "dropped"


@dataclass(frozen=True)
class TaskLine:
    """One task. `seconds` is the wall time since its first session began, until it was merged."""

    key: str
    title: str
    state: TaskState
    number: int | None = None
    attempt: int = 0
    pull_request: int | None = None
    seconds: float | None = None
    waits_for: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Progress:
    """The objective at one moment. `state` is one or two words."""

    number: int
    title: str
    state: str = "handed off"
    tasks: tuple[TaskLine, ...] = ()
    sessions: tuple[SessionRecord, ...] = ()
    closed: bool = False
    completed: bool = False
    asks: bool = False
    """A person is asked, and has not answered yet."""
    questions: tuple[str, ...] = ()
    """What the planner wants to know, while it waits for the answer."""
    status_comment: str = ""


@dataclass
class Watcher:
    """Looks at one objective. The ledger is parsed again only when its ref moved."""

    repository: Repository
    objective: Issue
    needs_human_label: str
    _revision: str | None = field(default=None, init=False)
    _ledger: Ledger | None = field(default=None, init=False)

    async def look(self) -> Progress:
        ledger = await self._read_ledger()
        now = self.repository.hub.now()
        issue = self.objective
        questions = _questions(issue, ledger) if ledger and issue.state == "open" else ()
        asks = bool(questions) or (issue.has_label(self.needs_human_label) and issue.state == "open")
        return Progress(
            number=issue.number,
            title=issue.title,
            state=_state(issue, ledger, asks),
            tasks=_tasks(issue, self.repository, ledger, now) if ledger and ledger.plan else (),
            sessions=ledger.sessions if ledger else (),
            closed=issue.state == "closed",
            completed=issue.state_reason == "completed",
            asks=asks,
            questions=questions,
            status_comment=_status_comment(issue),
        )

    async def _read_ledger(self) -> Ledger | None:
        git = self.repository.git
        revision = await git.ref(ledger_ref(NAMESPACE, self.objective.number))
        if revision is not None and revision != self._revision:
            self._ledger = Ledger.model_validate_json(await git.text("show", f"{revision}:{LEDGER_FILE}"))
            self._revision = revision
        return self._ledger


def _state(issue: Issue, ledger: Ledger | None, asks: bool) -> str:
    if issue.state == "closed":
        return "done" if issue.state_reason == "completed" else "closed, not completed"
    if asks:
        return "needs you"
    if ledger is None:
        return "handed off"
    if ledger.plan is None:
        return "planning"
    return "building"


def _questions(issue: Issue, ledger: Ledger) -> tuple[str, ...]:
    """Those of the last exchange, once they stand in a comment: what is said before counts for no answer. Where a
    command let a task go on meanwhile, nobody needs to know any more what was asked about it."""
    if not ledger.exchanges or ledger.exchanges[-1].answer is not None:
        return ()
    exchange, ids = ledger.exchanges[-1], [session.id for session in ledger.sessions]
    wanted = f"{issue.number}.{len(ledger.exchanges)}"
    if all(tagged(comment.body, "questions") != wanted for comment in issue.comments if comment.via_app is not None):
        return ()
    asking = ledger.session(exchange.session)
    about = ledger.task_of(asking.amends) if asking is not None and asking.amends is not None else None
    since = ledger.sessions[ids.index(exchange.session) + 1 :] if asking is not None else ()
    moot = about is not None and any(session.task == about for session in since)
    return () if moot else exchange.questions


def _status_comment(issue: Issue) -> str:
    for comment in issue.comments:
        if comment.via_app is not None and tagged(comment.body, "status") is not None:
            return without_tags(comment.body).strip()
    return ""


def _tasks(objective: Issue, repository: Repository, ledger: Ledger, now: datetime) -> tuple[TaskLine, ...]:
    assert ledger.plan is not None
    issues = {}
    for issue in objective.sub_issues:
        if name := tagged(issue.body or "", "task"):
            issues[name.partition(".")[2]] = issue
    pulls = {pull.head_ref: pull for pull in repository.pull_requests}
    merged = {key for key, issue in issues.items() if issue.state == "closed" and issue.state_reason == "completed"}
    lines = []
    for planned in ledger.plan.tasks:
        issue_of = issues.get(planned.key)
        pull = pulls.get(f"crewline/{ledger.objective}/{planned.key}")
        sessions = ledger.sessions_of(planned.key)
        escalation = ledger.record(planned.key).escalation
        waits_for = tuple(key for key in planned.depends_on if key not in merged)
        state = _task_state(issue_of, pull, sessions, asked=escalation is not None, waits=bool(waits_for))
        lines.append(
            TaskLine(
                key=planned.key,
                title=planned.title,
                state=state,
                number=issue_of.number if issue_of else None,
                attempt=len(ledger.sessions_of(planned.key, Role.WORKER)),
                pull_request=pull.number if pull else None,
                seconds=_seconds(issue_of, sessions, now),
                waits_for=waits_for if state is TaskState.WAITING else (),
                note=_note(sessions, state) or (escalation.reason if escalation and state is TaskState.ASKING else ""),
            )
        )
    return tuple(lines)


def _task_state(
    issue: Issue | None, pull: PullRequest | None, sessions: Sequence[SessionRecord], *, asked: bool, waits: bool
) -> TaskState:
    if issue is not None and issue.state == "closed":
        return TaskState.MERGED if issue.state_reason == "completed" else TaskState.DROPPED
    if pull is not None and pull.merged:
        return TaskState.MERGED
    if asked:
        return TaskState.ASKING
    last = sessions[-1] if sessions else None
    if last is None:
        return TaskState.WAITING if waits else TaskState.READY
    if last.outcome is None:
        return TaskState.REVIEWING if last.role is Role.REVIEWER else TaskState.WORKING
    if isinstance(last.outcome, Judged):
        approved = last.outcome.verdict.decision == "approve"
        return TaskState.APPROVED if approved else TaskState.CHANGES_REQUESTED
    if isinstance(last.outcome, Failed | Blocked):
        return TaskState.FAILED
    return TaskState.PUBLISHED


def _note(sessions: Sequence[SessionRecord], state: TaskState) -> str:
    """What the last session said that a person wants to know now."""
    outcome = sessions[-1].outcome if sessions else None
    if isinstance(outcome, Judged) and state is TaskState.CHANGES_REQUESTED:
        return " · ".join(finding.message for finding in outcome.verdict.findings)
    if isinstance(outcome, Failed):
        lines = [line for line in outcome.detail.strip().splitlines() if line.strip()]
        return f"{outcome.reason.value}: {lines[0] if lines else ''}"
    if isinstance(outcome, Blocked):
        return outcome.question
    return ""


def _seconds(issue: Issue | None, sessions: Sequence[SessionRecord], now: datetime) -> float | None:
    if not sessions:
        return None
    end = issue.closed_at if issue is not None and issue.closed_at is not None else now
    return max(0.0, (end - sessions[0].claimed_at).total_seconds())
