"""What a claimed session is told: the assignment, made of the ledger and nothing that an agent could have changed."""

from __future__ import annotations

from bot.decide import amend
from bot.decide.players import Player, player
from bot.decide.situation import Situation
from bot.decide.task import Task, decision_of, tasks_of
from bot.model.amendment import Amendment
from bot.model.assignment import (
    AnsweredQuestions,
    Assignment,
    Briefing,
    DependencyResult,
    Need,
    PlannerBriefing,
    PlannersWord,
    ReviewerBriefing,
    SalvagedWork,
    Setback,
    TaskOutline,
    WorkerBriefing,
)
from bot.model.identity import CommitSha, SessionId, salvage_branch
from bot.model.ledger import Exchange
from bot.model.session import (
    Blocked,
    Cause,
    Failed,
    FailureKind,
    Finding,
    Judged,
    Published,
    Role,
    SessionRecord,
    Void,
    last_counting,
    salvage_of,
)

MOST_TEXT = 12_000
MOST_PATHS = 50


def assignment(situation: Situation, session: SessionRecord) -> Assignment:
    """The assignment of a session that is claimed in the ledger."""
    config = situation.config
    role = config.role(session.role)
    tasks = tasks_of(situation)
    task = next((task for task in tasks if task.key == session.task), None)
    who = Player(session.agent) if session.agent else player(situation, session.role, task)
    return Assignment(
        id=session.id,
        repository=str(situation.snapshot.repository),
        objective=situation.objective.number,
        role=session.role,
        task=session.task,
        agent=who.name,
        model=who.model or role.model,
        effort=role.effort,
        turns=min(filter(None, (role.turns, session.granted.turns)), default=None),
        usd=session.granted.usd,
        tokens=session.granted.tokens,
        commits=session.granted.commits,
        stall_seconds=config.limits.stall_minutes * 60,
        follow_ups=config.limits.follow_ups,
        seconds=min(role.minutes * 60, session.granted.seconds or role.minutes * 60),
        base_branch=situation.base_branch,
        default_branch=situation.snapshot.observed.default_branch,
        must_contain=_merges(task, session, tasks),
        starts_from=session.starts_from,
        continues=session.continues,
        judges=session.judges,
        scope=task.planned.scope if task else (),
        protected=config.protected_globs(),
        verify_command=config.verify.command,
        verify_seconds=config.verify.minutes * 60,
        network=role.network,
        verify_network=config.verify.network,
        most_tasks=config.limits.tasks,
        largest_file=config.limits.largest_file_kilobytes * 1000,
        gate=config.gate,
        hooks=config.hooks,
        worktree=config.worktree,
        briefing=_briefing(situation, session, task, tasks),
    )


def _briefing(situation: Situation, session: SessionRecord, task: Task | None, tasks: tuple[Task, ...]) -> Briefing:
    if task is None:
        planner = _planner_briefing(situation)
        return planner if session.amends is None else _amending(planner, situation, session)
    if session.role is Role.REVIEWER:
        return _reviewer_briefing(situation, session, task)
    return _worker_briefing(situation, session, task, tasks)


def _planner_briefing(situation: Situation) -> PlannerBriefing:
    ledger = situation.ledger
    return PlannerBriefing(
        title=ledger.hand_off.title,
        body=ledger.hand_off.body,
        most_tasks=situation.config.limits.tasks,
        verify_command=situation.config.verify.command,
        answered=tuple(_answered(exchange) for exchange in ledger.exchanges if exchange.answer is not None),
        setback=_failure(last_counting(ledger.sessions_of(None))),
        hint=ledger.planning.hint,
    )


def _amending(planner: PlannerBriefing, situation: Situation, session: SessionRecord) -> PlannerBriefing:
    """What the planner is told who is to amend a plan. A session that is not needed any more is never started."""
    found = amend.needed(situation, session)
    if found is None:
        return planner
    task, lack = found
    outcome = lack.session.outcome
    salvage = salvage_of(outcome)
    need = Need(
        task=task.key,
        attempt=task.attempt,
        paths=lack.paths[:MOST_PATHS],
        more=max(0, len(lack.paths) - MOST_PATHS),
        said=outcome.detail[:MOST_TEXT] if isinstance(outcome, Failed) else "",
        head=salvage.head if salvage else None,
        standing=amend.standing(situation),
    )
    told = {
        "answered": tuple(_answered(exchange) for exchange in amend.answered(situation, task)),
        "setback": _failure(amend.last_try(task)),
        "hint": None,
        "need": need,
    }
    return planner.model_copy(update=told)


def _answered(exchange: Exchange) -> AnsweredQuestions:
    return AnsweredQuestions(questions=exchange.questions, answer=exchange.answer or "")


def _worker_briefing(
    situation: Situation, session: SessionRecord, task: Task, tasks: tuple[Task, ...]
) -> WorkerBriefing:
    hand_off = situation.ledger.hand_off
    before = task.sessions[: task.sessions.index(session)]
    return WorkerBriefing(
        objective_title=hand_off.title,
        objective_body=hand_off.body,
        plan=tuple(
            TaskOutline(
                key=other.key,
                title=other.planned.title,
                state=other.stage.value,
                depends_on=other.planned.depends_on,
            )
            for other in tasks
        ),
        task=task.planned,
        results=tuple(_result(other) for other in tasks if other.key in task.planned.depends_on),
        verify_command=situation.config.verify.command,
        attempt=1 + sum(earlier.role is Role.WORKER and not isinstance(earlier.outcome, Void) for earlier in before),
        setback=_setback(session, task, before),
        salvage=_salvage(situation, session, before),
        findings=_findings(before, session.starts_from) if session.cause is Cause.REVIEW else (),
        planner=_planners_word(task, before),
        hint=task.record.hint,
        answers=_answers(task, before),
    )


def _answers(task: Task, before: tuple[SessionRecord, ...]) -> SessionId | None:
    """The session whose question the hint answers: who is blocked goes on only once people have said something."""
    last = last_counting(before)
    asked = last is not None and last.role is Role.WORKER and isinstance(last.outcome, Blocked)
    return last.id if last is not None and asked and task.record.hint else None


def _planners_word(task: Task, before: tuple[SessionRecord, ...]) -> PlannersWord | None:
    """What the planner decided because of the newest attempt that lacked something, until one is published."""
    decisions = {session.amends: decision for session in task.amending if (decision := decision_of(session))}
    for session in reversed(before):
        outcome, decision = session.outcome, decisions.get(session.id)
        if isinstance(outcome, Published):
            return None
        if decision is not None and isinstance(outcome, Failed):
            return PlannersWord(
                granted=isinstance(decision, Amendment),
                asked=outcome.outside[:MOST_PATHS],
                reason=decision.reason,
                hint=decision.hint,
            )
    return None


def _reviewer_briefing(situation: Situation, session: SessionRecord, task: Task) -> ReviewerBriefing:
    hand_off = situation.ledger.hand_off
    assert session.judges is not None
    published = situation.ledger.last_published(task.key)
    before = task.sessions[: task.sessions.index(session)]
    verdicts = [earlier.outcome.verdict for earlier in before if isinstance(earlier.outcome, Judged)]
    own = published is not None and published.head == session.judges
    return ReviewerBriefing(
        objective_title=hand_off.title,
        objective_body=hand_off.body,
        task=task.planned,
        head=session.judges,
        summary=published.summary.summary if published and own and published.summary else "",
        evidence=task.evidence,
        weakened=published.weakened if published and own else (),
        outside=_named_outside(published) if published and own else (),
        round=1 + len(verdicts),
        earlier_findings=verdicts[-1].findings if verdicts else (),
    )


def _named_outside(published: Published) -> tuple[str, ...]:
    return published.summary.out_of_scope_changes_needed[:MOST_PATHS] if published.summary else ()


def _setback(session: SessionRecord, task: Task, before: tuple[SessionRecord, ...]) -> Setback | None:
    if session.cause is Cause.CHECKS:
        failed = "\n".join(f"{check.name}: {check.summary}" for check in task.failed_checks)
        return Setback(reason=FailureKind.CHECKS, detail=failed[:MOST_TEXT])
    if session.cause is Cause.CONFLICT:
        detail = "The branch conflicts with its base; the conflict stands in the tree: solve it and commit."
        return Setback(reason=FailureKind.CONFLICT, detail=detail)
    return _failure(last_counting(before))


def _failure(session: SessionRecord | None) -> Setback | None:
    outcome = session.outcome if session is not None else None
    return Setback(reason=outcome.reason, detail=outcome.detail[:MOST_TEXT]) if isinstance(outcome, Failed) else None


def _salvage(situation: Situation, session: SessionRecord, before: tuple[SessionRecord, ...]) -> SalvagedWork | None:
    """The newest commits that were left behind since the task last published, whether or not the tree begins with
    them."""
    for earlier in reversed(before):
        salvage = salvage_of(earlier.outcome)
        if isinstance(earlier.outcome, Published) or earlier.task is None:
            return None
        if salvage is not None and salvage.head is not None:
            branch = salvage_branch(situation.objective.number, earlier.task, earlier.id)
            continued = salvage.head == session.continues
            return SalvagedWork(session=earlier.id, head=salvage.head, branch=branch, continued=continued)
    return None


def _findings(before: tuple[SessionRecord, ...], head: CommitSha | None) -> tuple[Finding, ...]:
    for session in reversed(before):
        if isinstance(session.outcome, Judged) and session.outcome.head == head:
            return session.outcome.verdict.findings
    return ()


def _result(task: Task) -> DependencyResult:
    published = next((s.outcome for s in reversed(task.sessions) if isinstance(s.outcome, Published)), None)
    return DependencyResult(
        key=task.key,
        title=task.planned.title,
        summary=published.summary.summary if published and published.summary else "",
        commit=task.pull_request.merge_commit if task.pull_request else None,
    )


def _merges(task: Task | None, session: SessionRecord, tasks: tuple[Task, ...]) -> tuple[CommitSha, ...]:
    """The merges that the tree must contain: those of the tasks that this one builds on; where a plan is amended, all
    that there are."""
    if task is None and session.amends is None:
        return ()
    keys = set(task.planned.depends_on) if task is not None else {other.key for other in tasks}
    pulls = [other.pull_request for other in tasks if other.key in keys and other.pull_request is not None]
    return tuple(pull.merge_commit for pull in pulls if pull.merge_commit is not None)
