"""One task as the ledger and GitHub together show it, and the stage of its life that follows from that.

The stage is worked out anew at every look and stored nowhere, so it cannot disagree with what it is made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache

from bot.config import Limits
from bot.decide.situation import Situation
from bot.model.amendment import Amendment, Refusal
from bot.model.identity import CommitSha
from bot.model.ledger import TaskRecord
from bot.model.marker import tagged
from bot.model.observed import Check, CheckState, Issue, Mergeable, PullRequest, PullRequestState
from bot.model.plan import PlannedTask
from bot.model.scope import covers
from bot.model.session import (
    Blocked,
    Evidence,
    Failed,
    FailureKind,
    Judged,
    Planned,
    Published,
    Role,
    SessionRecord,
    Verdict,
    Void,
    salvage_of,
)

VERIFY_CHECK = "crewline/verify"
REVIEW_CHECK = "crewline/review"
LONGEST_BACKOFF = timedelta(minutes=5)


class Stage(StrEnum):
    """Where a task stands, in the words that people read."""

    DONE = "done"
    DROPPED = "dropped"
    ESCALATED = "needs you"
    WORKING = "working"
    REVIEWING = "in review"
    AMENDING = "waiting for the plan"
    BLOCKED = "waiting"
    NEEDS_WORK = "ready"
    NEEDS_REVIEW = "to review"
    APPROVED = "approved"


@dataclass(frozen=True, slots=True)
class Lack:
    """The last attempt of a task needed `paths` beyond its scope, and nobody has decided yet whether it gets them."""

    session: SessionRecord
    paths: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Task:
    """`head` is the commit that the task's branch points to; `issue` is None until its issue was created."""

    planned: PlannedTask
    record: TaskRecord
    sessions: tuple[SessionRecord, ...]
    issue: Issue | None
    pull_request: PullRequest | None
    head: CommitSha | None
    open_blockers: tuple[int | str, ...]
    """What it still waits for: issue numbers, or keys where the issue does not exist yet."""
    dropped_blockers: tuple[str, ...]
    """Issues that block it and that nobody will complete, in words for people: only a person can resolve that."""
    taken_out: bool = False
    """Whether its issue was there and is no sub-issue of the objective any more: a person deleted it, moved it away,
    or took it out. What became of it is theirs to know; put back, it goes on."""
    amending: tuple[SessionRecord, ...] = ()
    """The sessions in which the planner was asked to amend the plan because of it, oldest first."""

    @property
    def key(self) -> str:
        return self.planned.key

    @property
    def reference(self) -> str:
        """``#15``, or the key in backquotes while there is no issue."""
        number = self.issue.number if self.issue else self.record.number
        return f"#{number}" if number else f"`{self.key}`"

    @cached_property
    def claim(self) -> SessionRecord | None:
        return next((session for session in self.sessions if session.outcome is None), None)

    @property
    def counted(self) -> tuple[SessionRecord, ...]:
        """The sessions that no `/retry` has forgiven."""
        return self.sessions[self.record.forgiven :]

    @property
    def merged(self) -> bool:
        return self.pull_request is not None and self.pull_request.state is PullRequestState.MERGED

    @property
    def started(self) -> bool:
        return bool(self.sessions)

    @property
    def holds_scope(self) -> bool:
        """From its first session until it is done or a person was asked, no overlapping task may start."""
        return self.started and self.stage not in (Stage.DONE, Stage.DROPPED, Stage.ESCALATED)

    @property
    def attempt(self) -> int:
        """How many worker sessions were started so far, but for those that ended through nobody's fault."""
        return sum(s.role is Role.WORKER and not isinstance(s.outcome, Void) for s in self.sessions)

    @cached_property
    def stage(self) -> Stage:
        if settled := self._settled():
            return settled
        if claim := self.claim:
            return Stage.REVIEWING if claim.role is Role.REVIEWER else Stage.WORKING
        if self.record.escalation is not None:
            return Stage.ESCALATED
        if self.lack is not None:
            return Stage.AMENDING
        if self.open_blockers or self.dropped_blockers:
            return Stage.BLOCKED
        if self.head is None or self._wants_work():
            return Stage.NEEDS_WORK
        return Stage.APPROVED if self.verdict else Stage.NEEDS_REVIEW

    def _settled(self) -> Stage | None:
        if self.merged or (self.issue is not None and not self.issue.open and self.issue.completed):
            return Stage.DONE
        if self.taken_out or (self.issue is not None and not self.issue.open):
            return Stage.DROPPED
        return None

    def _wants_work(self) -> bool:
        last = self.sessions[-1] if self.sessions else None
        refused = self.verdict is not None and self.verdict.decision == "request_changes"
        failed = last is not None and last.role is Role.WORKER and not isinstance(last.outcome, Published)
        return (
            refused or failed or self.verify_failed or self.conflicting or bool(self.failed_checks) or self.pull_closed
        )

    @cached_property
    def lack(self) -> Lack | None:
        """What its last attempt needed beyond its scope. What the planner has refused once is not asked for again."""
        last = self.counted[-1] if self.counted else None
        outcome = last.outcome if last is not None else None
        if last is None or not isinstance(outcome, Failed) or last.role is not Role.WORKER:
            return None
        decisions = {session.amends: decision_of(session) for session in self.amending}
        if decisions.get(last.id) is not None:
            return None
        refused: set[str] = set()
        for session in self.counted:
            if isinstance(decisions.get(session.id), Refusal) and isinstance(session.outcome, Failed):
                refused |= set(session.outcome.outside)
        outside = (path for path in outcome.outside if not covers(self.planned.scope, path))
        missing = tuple(dict.fromkeys(outside))
        return Lack(last, missing) if set(missing) - refused else None

    @cached_property
    def verdict(self) -> Verdict | None:
        """The newest verdict on the present head, and on no other commit."""
        for session in reversed(self.sessions):
            if isinstance(session.outcome, Judged) and session.outcome.head == self.head:
                return session.outcome.verdict
        return None

    @cached_property
    def evidence(self) -> Evidence | None:
        """The newest evidence for the present head."""
        for session in reversed(self.sessions):
            outcome = session.outcome
            evidence = outcome.evidence if isinstance(outcome, Published | Judged | Failed) else None
            if evidence is not None and evidence.head == self.head:
                return evidence
        return None

    @property
    def verified(self) -> bool:
        """Whether Crewline's own gate and verify command passed on the present head."""
        return any(
            isinstance(session.outcome, Published | Judged) and session.outcome.head == self.head
            for session in self.sessions
        )

    @property
    def verify_failed(self) -> bool:
        return self.evidence is not None and not self.evidence.passed

    @property
    def conflicting(self) -> bool:
        """Whether GitHub says so of the present head; what it said of an earlier one may be solved."""
        pull = self.pull_request
        if pull is None or pull.state is not PullRequestState.OPEN or pull.head != self.head:
            return False
        return pull.mergeable is Mergeable.CONFLICTING

    @property
    def pull_closed(self) -> bool:
        """A person closed the pull request, and a `/retry` asked for another try since."""
        pull = self.pull_request
        last = self.counted[-1].outcome if self.counted else None
        return pull is not None and pull.state is PullRequestState.CLOSED and not isinstance(last, Published)

    @property
    def failed_checks(self) -> tuple[Check, ...]:
        return self._checks(CheckState.FAILED)

    @property
    def pending_checks(self) -> tuple[Check, ...]:
        return self._checks(CheckState.PENDING)

    def _checks(self, state: CheckState) -> tuple[Check, ...]:
        if self.pull_request is None or self.pull_request.head != self.head:
            return ()
        return tuple(check for check in self.pull_request.checks if not check.mine and check.state is state)

    @cached_property
    def salvaged(self) -> SessionRecord | None:
        """The newest worker session that left commits behind instead of publishing them; None once another one has
        published."""
        for session in reversed(self.sessions):
            if isinstance(session.outcome, Published):
                return None
            salvage = salvage_of(session.outcome)
            if salvage is not None and salvage.head is not None:
                return session
        return None

    @cached_property
    def continues(self) -> CommitSha | None:
        """The commits of an earlier session with which the next worker begins: of one that was ended before it had
        come to its end, on top of where the branch still is. What was tried, and was found wrong, is not continued."""
        for session in reversed(self.sessions):
            if session.role is not Role.WORKER or session.starts_from != self.head or not _cut_short(session):
                return None
            salvage = salvage_of(session.outcome)
            if salvage is not None:
                return salvage.head
        return None

    def not_before(self, limits: Limits) -> datetime | None:
        return backed_off_until(self.counted, limits)


def decision_of(session: SessionRecord) -> Amendment | Refusal | None:
    """What the planner decided in this session about a need of a task."""
    answer = session.outcome.answer if isinstance(session.outcome, Planned) else None
    return answer if isinstance(answer, Amendment | Refusal) else None


def refused_by_provider(session: SessionRecord) -> bool:
    return isinstance(session.outcome, Void) and session.outcome.trouble is not None


CUT_SHORT = (
    FailureKind.TIMEOUT,
    FailureKind.BUDGET,
    FailureKind.STALLED,
    FailureKind.AGENT,
    FailureKind.PARTIAL,
)


def _cut_short(session: SessionRecord) -> bool:
    """Whether nothing is known to be wrong with what the session did, but that there is not enough of it."""
    outcome = session.outcome
    return isinstance(outcome, Void | Blocked) or (isinstance(outcome, Failed) and outcome.reason in CUT_SHORT)


def backed_off_until(counted: tuple[SessionRecord, ...], limits: Limits) -> datetime | None:
    """When the next attempt may start: after each failure in a row the wait doubles. What the provider of an agent's
    model refused is another matter (`bot.decide.players`)."""
    failures = 0
    counted = tuple(session for session in counted if not refused_by_provider(session))
    for session in reversed(counted):
        if not isinstance(session.outcome, Failed | Void):
            break
        failures += 1
    if counted and isinstance(counted[-1].outcome, Void):
        failures -= 1  # what ended through nobody's fault starts again at once, unless it keeps happening
    ended = counted[-1].ended_at if failures else None
    if ended is None:
        return None
    wait = timedelta(seconds=limits.backoff_seconds) * (1 << min(failures - 1, 10))
    return ended + min(wait, LONGEST_BACKOFF)


@lru_cache(maxsize=8)
def tasks_of(situation: Situation) -> tuple[Task, ...]:
    """Every task of the plan in the planner's order; none while there is no plan."""
    plan = situation.ledger.plan
    if plan is None:
        return ()
    observed = situation.snapshot.observed
    issues = _issues(situation)
    pulls: dict[str, PullRequest] = {}
    for pull in sorted(observed.pull_requests, key=lambda pull: pull.number):
        pulls[pull.head_branch] = pull
    sessions: dict[str | None, list[SessionRecord]] = {}
    amending: dict[str | None, list[SessionRecord]] = {}
    for session in situation.ledger.sessions:
        sessions.setdefault(session.task, []).append(session)
        if session.amends is not None:
            amending.setdefault(situation.ledger.task_of(session.amends), []).append(session)
    heads = dict(observed.branches) | {push.branch: push.head for push in situation.branches}
    records = {record.key: record for record in situation.ledger.tasks}
    settled = {key for key, issue in issues.items() if _is_done(issue, pulls.get(situation.branch_of(key)))}
    merged = {found.number for key in settled if (found := issues[key])}
    out = _taken_out(situation, issues)
    tasks = []
    for planned in plan.tasks:
        branch = situation.branch_of(planned.key)
        issue = issues[planned.key]
        tasks.append(
            Task(
                planned=_widened(planned, records[planned.key]),
                record=records[planned.key],
                sessions=tuple(sessions.get(planned.key, ())),
                issue=issue,
                pull_request=pulls.get(branch),
                head=heads.get(branch),
                open_blockers=_open_blockers(situation, planned, issues, settled, merged),
                dropped_blockers=_dropped_blockers(issue, out - merged),
                amending=tuple(amending.get(planned.key, ())),
                taken_out=issue is None and records[planned.key].number in out,
            )
        )
    return tuple(tasks)


def _widened(planned: PlannedTask, record: TaskRecord) -> PlannedTask:
    """With the paths that it was granted beyond the plan."""
    return planned.model_copy(update={"scope": (*planned.scope, *record.widened)}) if record.widened else planned


def _issues(situation: Situation) -> dict[str, Issue | None]:
    """The issue of each task, by the number in the ledger or by the tag that the bot wrote into its body."""
    by_number = {issue.number: issue for issue in situation.snapshot.observed.tasks}
    by_tag = {tagged(issue.body, "task"): issue for issue in by_number.values() if issue.mine}
    objective = situation.objective.number
    return {
        record.key: by_number.get(record.number or 0) or by_tag.get(f"{objective}.{record.key}")
        for record in situation.ledger.tasks
    }


def _is_done(issue: Issue | None, pull: PullRequest | None) -> bool:
    merged = pull is not None and pull.state is PullRequestState.MERGED
    return merged or (issue is not None and not issue.open and issue.completed)


def _open_blockers(
    situation: Situation,
    planned: PlannedTask,
    issues: dict[str, Issue | None],
    settled: set[str],
    merged: set[int],
) -> tuple[int | str, ...]:
    """Native dependencies decide; the plan's count besides them until all of them are known to be native.

    A blocker whose pull request was merged is settled even while its issue still shows as open.
    """
    issue = issues[planned.key]
    blockers: list[int | str] = [
        blocker.number or blocker.elsewhere
        for blocker in (issue.blocked_by if issue else ())
        if blocker.open and blocker.number not in merged
    ]
    for key in planned.depends_on if issue is None else situation.ledger.wanted_links(planned):
        other = issues[key]
        name: int | str = other.number if other else key
        if key not in settled and name not in blockers:
            blockers.append(name)
    return tuple(blockers)


def _dropped_blockers(issue: Issue | None, out: set[int]) -> tuple[str, ...]:
    found = []
    for blocker in issue.blocked_by if issue else ():
        name = f"#{blocker.number}" if blocker.number else blocker.elsewhere
        if not blocker.open and not blocker.completed:
            found.append(f"{name}, which was closed without being completed")
        elif blocker.open and blocker.number in out:
            found.append(f"{name}, which is no sub-issue of the objective any more")
    return tuple(found)


def _taken_out(situation: Situation, issues: dict[str, Issue | None]) -> set[int]:
    """The numbers of issues that were created and are not sub-issues any more; none while reads may lag behind."""
    if not situation.snapshot.absence_trusted:
        return set()
    records = situation.ledger.tasks
    return {record.number for record in records if record.number is not None and issues[record.key] is None}
