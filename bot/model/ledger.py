"""The facts of an objective for which GitHub has no native place.

One `Ledger` is one JSON file in one commit on the objective's ref; each change is the next commit, pushed with
compare-and-swap. It holds what was handed off, the plan, every session with its claim and its end, and which
commands were carried out. What GitHub itself knows (which issues exist, what depends on what, what merged) is
never copied here, with one exception: the number of a task's issue, so that a person who edits the body of the
issue does not make the bot forget it.

The methods return a new ledger; none of them reads a clock or draws a random number.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, Self

from bot.model.amendment import Amendment, amended
from bot.model.budget import UNBOUNDED, Caps
from bot.model.frozen import Frozen
from bot.model.identity import CommitSha, InstanceId, Login, SessionId, TaskKey
from bot.model.plan import PlainAnswer, Plan, PlannedTask, Questions
from bot.model.session import Cause, Published, Role, SessionRecord, SessionReport

KEPT_COMMANDS = 500


class HandOff(Frozen):
    """The text as it stood when a person with write access set the label. Later edits are not followed."""

    title: str
    body: str
    by: Login
    at: datetime


class Exchange(Frozen):
    """Questions of a planner, and what a person with write access answered."""

    session: SessionId
    questions: tuple[str, ...]
    answer: str | None = None
    answered_by: Login | None = None
    comment: int | None = None


class Escalation(Frozen):
    """A person was asked. `ordinal` counts the escalations of the objective, from 1: it names the comment."""

    ordinal: int
    reason: str
    at: datetime
    by: Login | None = None
    """The person who escalated by command, None when a bound was reached."""
    for_budget: bool = False
    """Whether a person is asked only because a budget is spent: nothing new starts, the rest goes on, and it is over
    as soon as more is granted."""


class HandledCommand(Frozen):
    """A command in comment `comment` was carried out or refused; `reply` is what the bot answers, if anything."""

    comment: int
    by: Login
    name: str
    result: Literal["done", "refused"]
    reply: str | None = None


class Change(Frozen):
    """What became of a task's place in the plan after it was planned: paths beyond its scope, tasks that it has to wait
    for. `why` is a sentence of the planner's; empty where paths were granted by a setting."""

    paths: tuple[str, ...] = ()
    depends_on: tuple[TaskKey, ...] = ()
    why: str = ""


class Link(Frozen):
    """`task` depends on `depends_on`."""

    task: TaskKey
    depends_on: TaskKey


class TaskRecord(Frozen):
    """What is remembered of one task besides its sessions."""

    key: TaskKey
    number: int | None = None
    forgiven: int = 0
    """How many of its sessions, from the first, no longer count against a bound (a `/retry` forgives them)."""
    hint: str | None = None
    escalation: Escalation | None = None
    assigned: str | None = None
    """The agent that a person chose with `/assign`."""
    answered: int = 0
    """The comment that last answered a question of its agent."""
    changes: tuple[Change, ...] = ()
    """How its place in the plan was changed, oldest first."""
    excused: int = 0
    """Failed attempts that showed the need of such a change: they count against no bound."""
    budget: Caps = Caps()
    """What a person granted with `/budget` instead of what the settings say; for planning: to the whole objective."""

    @property
    def widened(self) -> tuple[str, ...]:
        """Paths beyond its plan that it was granted."""
        return tuple(path for change in self.changes for path in change.paths)


class Ledger(Frozen):
    """Everything about one objective that must survive and is not on GitHub already."""

    version: Literal[1] = 1
    objective: int
    hand_off: HandOff
    plan: Plan | None = None
    answer: PlainAnswer | None = None
    exchanges: tuple[Exchange, ...] = ()
    planning: TaskRecord = TaskRecord(key="planner")
    """Planning is bounded, escalated and retried like a task."""
    tasks: tuple[TaskRecord, ...] = ()
    sessions: tuple[SessionRecord, ...] = ()
    commands: tuple[HandledCommand, ...] = ()
    escalations: int = 0
    needs_linking: bool = False
    """The plan was taken but its dependencies are not all known to be on GitHub yet."""
    unlinked: tuple[Link, ...] = ()
    """Dependencies that were added to the plan since, and are not known to be on GitHub yet."""

    def record(self, key: str | None) -> TaskRecord:
        """The record of task `key`, or the one of planning for None. Raises KeyError for an unknown task."""
        if key is None:
            return self.planning
        for record in self.tasks:
            if record.key == key:
                return record
        raise KeyError(key)

    def with_record(self, key: str | None, record: TaskRecord) -> Self:
        if key is None:
            return self.model_copy(update={"planning": record})
        tasks = tuple(record if old.key == key else old for old in self.tasks)
        return self.model_copy(update={"tasks": tasks})

    def sessions_of(self, key: str | None, role: Role | None = None) -> tuple[SessionRecord, ...]:
        """The sessions of one task (or of planning, for None), oldest first."""
        return tuple(s for s in self.sessions if s.task == key and role in (None, s.role))

    def open_claims(self) -> tuple[SessionRecord, ...]:
        """The sessions that were claimed and have not ended."""
        return tuple(session for session in self.sessions if session.outcome is None)

    def session(self, session_id: SessionId) -> SessionRecord | None:
        return next((session for session in self.sessions if session.id == session_id), None)

    def task_of(self, session_id: SessionId) -> TaskKey | None:
        """The task that the session is of; None also where it is not known."""
        found = self.session(session_id)
        return found.task if found is not None else None

    def next_session_id(self, role: Role, key: str | None) -> SessionId:
        ordinal = len(self.sessions_of(key, role)) + 1
        parts = (str(self.objective), *((key,) if key is not None else ()), role.value, str(ordinal))
        return SessionId(".".join(parts))

    def claim(
        self,
        role: Role,
        key: str | None,
        holder: InstanceId,
        at: datetime,
        *,
        agent: str = "",
        cause: Cause = Cause.FIRST,
        judges: CommitSha | None = None,
        starts_from: CommitSha | None = None,
        continues: CommitSha | None = None,
        amends: SessionId | None = None,
        granted: Caps = UNBOUNDED,
    ) -> Self:
        """With one more session, claimed. Raises ValueError where a session of the same task still runs."""
        if any(session.task == key for session in self.open_claims()):
            raise ValueError(f"a session of {key or 'planning'} is still claimed")
        session = SessionRecord(
            id=self.next_session_id(role, key),
            role=role,
            task=key,
            holder=holder,
            claimed_at=at,
            agent=agent,
            cause=cause,
            judges=judges,
            starts_from=starts_from,
            continues=continues,
            amends=amends,
            granted=granted,
        )
        return self.model_copy(update={"sessions": (*self.sessions, session)})

    def end(self, report: SessionReport, at: datetime) -> Self:
        """With the session of `report` ended. A session that ended before, or is unknown, changes nothing."""
        told = {"spend": report.spend, "prompt": report.prompt, "said": report.said}
        ended = {"outcome": report.outcome, "ended_at": at, **told}
        return self._with_sessions(
            session.model_copy(update=ended) if session.id == report.id and session.outcome is None else session
            for session in self.sessions
        )

    def handle(self, command: HandledCommand) -> Self:
        return self.model_copy(update={"commands": (*self.commands, command)[-KEPT_COMMANDS:]})

    def handled(self, comment: int) -> HandledCommand | None:
        return next((command for command in self.commands if command.comment == comment), None)

    def escalate(
        self, key: str | None, reason: str, at: datetime, by: Login | None = None, *, for_budget: bool = False
    ) -> Self:
        """With a person asked about task `key` (or about planning); a second reason changes nothing."""
        record = self.record(key)
        if record.escalation is not None:
            return self
        ordinal = self.escalations + 1
        escalation = Escalation(ordinal=ordinal, reason=reason, at=at, by=by, for_budget=for_budget)
        changed = self.with_record(key, record.model_copy(update={"escalation": escalation}))
        return changed.model_copy(update={"escalations": ordinal})

    def forgive(self, key: str | None, hint: str | None) -> Self:
        """With every session of the task so far forgiven, its escalation lifted and `hint` for the next one."""
        record = self.record(key).model_copy(
            update={"forgiven": len(self.sessions_of(key)), "excused": 0, "hint": hint, "escalation": None}
        )
        return self.with_record(key, record)

    def lift(self, key: str | None) -> Self:
        """With nobody asked any more."""
        return self.with_record(key, self.record(key).model_copy(update={"escalation": None}))

    def allow(self, key: str | None, budget: Caps) -> Self:
        """With `budget` granted to the task, or (None) to the objective."""
        return self.with_record(key, self.record(key).model_copy(update={"budget": budget}))

    def widen(self, key: str, paths: tuple[str, ...]) -> Self:
        """With `paths` granted to the task, and the attempt that needed them excused."""
        return self._changed(key, Change(paths=paths)).excuse(key)

    def excuse(self, key: str) -> Self:
        """With one failed attempt of the task less that counts."""
        record = self.record(key)
        return self.with_record(key, record.model_copy(update={"excused": record.excused + 1}))

    def amend(self, amendment: Amendment) -> Self:
        """With the plan changed. Raises ValueError where the tasks would be no DAG, or there is no plan."""
        if self.plan is None:
            raise ValueError("there is no plan")
        before = {task.key: task for task in self.plan.tasks}
        tasks = amended(self.plan.tasks, amendment)
        plan = Plan(summary=self.plan.summary, tasks=tasks)
        paths: dict[str, tuple[str, ...]] = {}
        for widening in amendment.widen:
            paths[widening.task] = (*paths.get(widening.task, ()), *widening.paths)
        added = tuple(TaskRecord(key=task.key, changes=(Change(why=amendment.reason),)) for task in amendment.add)
        changed, links = self, list(self.unlinked)
        for task in tasks:
            old = before[task.key].depends_on if task.key in before else ()
            new = tuple(key for key in task.depends_on if key not in old)
            links += [Link(task=task.key, depends_on=key) for key in new]
            if task.key in before and (new or task.key in paths):
                change = Change(paths=paths.get(task.key, ()), depends_on=new, why=amendment.reason)
                changed = changed._changed(task.key, change)
        update = {"plan": plan, "tasks": (*changed.tasks, *added), "unlinked": tuple(links)}
        return changed.model_copy(update=update)

    def wanted_links(self, task: PlannedTask) -> tuple[str, ...]:
        """The tasks that `task` depends on and that may not be known to block it on GitHub."""
        if self.needs_linking:
            return task.depends_on
        return tuple(link.depends_on for link in self.unlinked if link.task == task.key)

    def _changed(self, key: str, change: Change) -> Self:
        record = self.record(key)
        return self.with_record(key, record.model_copy(update={"changes": (*record.changes, change)}))

    def assign(self, key: str | None, agent: str | None) -> Self:
        """With every further worker of the task (of every task, for None) played by `agent`; None as configured."""
        return self.with_record(key, self.record(key).model_copy(update={"assigned": agent}))

    def answered(self, key: str, hint: str, comment: int) -> Self:
        """With the question of the task's agent answered by a comment; its work goes on with `hint`."""
        changed = self.forgive(key, hint)
        return changed.with_record(key, changed.record(key).model_copy(update={"answered": comment}))

    def adopt(self, plan: Plan) -> Self:
        tasks = tuple(TaskRecord(key=task.key) for task in plan.tasks)
        return self.model_copy(update={"plan": plan, "tasks": tasks, "needs_linking": True})

    def ask(self, session: SessionId, questions: Questions) -> Self:
        exchange = Exchange(session=session, questions=questions.questions)
        return self.model_copy(update={"exchanges": (*self.exchanges, exchange)})

    def last_published(self, key: str) -> Published | None:
        """The newest commits of the task that were pushed by us."""
        for session in reversed(self.sessions_of(key, Role.WORKER)):
            if isinstance(session.outcome, Published):
                return session.outcome
        return None

    def _with_sessions(self, sessions: Iterable[SessionRecord]) -> Self:
        return self.model_copy(update={"sessions": tuple(sessions)})
