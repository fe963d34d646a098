"""Where a task needs paths that no setting grants, the planner amends the plan: one session, one answer, one push.

What must hold: the plan stays a DAG, of no more tasks than the settings allow; nothing that a session works on is
changed under its hands; no two tasks that are under way come to share a path unless one waits for the other
(`bot.model.amendment`); the loop is bounded (`limits.amendments` decisions an objective, `limits.questions` rounds of
questions and `limits.attempts` failures for one need), and at a bound the person is asked about that task.

A need is worked out of the ledger at every look (`Task.lack`) and stored nowhere. The session that is to answer it is
claimed like any other, with the session that showed the need in `SessionRecord.amends`; so after a crash the claim is
found, ended as void, and another one is claimed for the same need. What it answered enters the ledger in the push that
records its end: the new tasks, the wider scopes, the dependencies that are still to be made on GitHub (`unlinked`) and
that the attempt is excused. The issues, links and texts follow from that record as they do from the first plan, so
after a crash they are made once.

Races: the answer was thought of for a plan that may have moved on. It is judged again when it is recorded; where it
does not fit any more, the session has failed with that reason and the planner is asked again. Where the need is gone (a
person said `/retry` or `/escalate`, or closed the task), the session is stopped, and its answer changes nothing.

Rejected: to amend on every need at once in one session (an answer that is bad in one part would lose the others), and
to let a task be taken out of the plan (what was announced as an issue is closed by people).
"""

from __future__ import annotations

from bot.decide.situation import Situation
from bot.decide.task import Lack, Stage, Task, decision_of, tasks_of
from bot.model.amendment import Amendment, Condition, Refusal, Standing, StandingTask, problem_of
from bot.model.ledger import Exchange
from bot.model.plan import PlainAnswer, Plan, Questions
from bot.model.scope import covers
from bot.model.session import (
    Failed,
    FailureKind,
    Outcome,
    Planned,
    Published,
    SessionRecord,
    Void,
    last_counting,
)

SETTLED = "what it was asked to amend the plan for is settled"


def lacking(situation: Situation) -> list[tuple[Task, Lack]]:
    """The tasks that wait for an amended plan, with what they lack; who has waited longest first."""
    order = {session.id: number for number, session in enumerate(situation.ledger.sessions)}
    waiting = [(task, task.lack) for task in tasks_of(situation) if task.stage is Stage.AMENDING and task.lack]
    return sorted(waiting, key=lambda one: order[one[1].session.id])


def needed(situation: Situation, session: SessionRecord) -> tuple[Task, Lack] | None:
    """For whom a session amends the plan, while that is still needed."""
    found = (one for one in lacking(situation) if one[1].session.id == session.amends)
    return next(found, None)


def standing(situation: Situation) -> Standing:
    """The plan as it is now."""
    return Standing(
        tasks=tuple(
            StandingTask(
                task=task.planned,
                condition=_condition(task),
                state=task.stage.value,
                summary=_merged(task) if task.stage is Stage.DONE else "",
            )
            for task in tasks_of(situation)
        ),
        most_tasks=situation.config.limits.tasks,
        protected=situation.config.protected_globs(),
    )


def judged(situation: Situation, session: SessionRecord, outcome: Planned) -> Outcome:
    """What a session that amends the plan has come to, now that it is to be recorded."""
    if needed(situation, session) is None:
        return Void(reason=SETTLED)
    if isinstance(outcome.answer, Plan | PlainAnswer):
        return Failed(reason=FailureKind.BAD_ANSWER, detail="There is a plan already; it can only be amended.")
    problem = problem_of(outcome.answer, standing(situation)) if isinstance(outcome.answer, Amendment) else None
    if problem is None:
        return outcome
    return Failed(reason=FailureKind.BAD_ANSWER, detail=f"The answer did not fit the plan any more: {problem}.")


def take(situation: Situation, session: SessionRecord, answer: Amendment | Refusal | Questions) -> Situation:
    """With the answer of a session that was `judged` followed; its end is recorded already."""
    ledger = situation.ledger
    key = ledger.task_of(session.amends) if session.amends is not None else None
    assert key is not None
    match answer:
        case Questions():
            return situation.recording(ledger.ask(session.id, answer))
        case Refusal():
            return situation.recording(ledger.excuse(key), f"{key}: the planner refused what it asks for")
        case Amendment():
            return situation.recording(ledger.amend(answer).excuse(key), f"{key}: the plan was amended")


def waits_for_answer(situation: Situation, task: Task) -> bool:
    """Whether the planner has asked people something before it decides about the task."""
    exchanges = situation.ledger.exchanges
    return bool(exchanges) and exchanges[-1].answer is None and exchanges[-1] in _exchanges(situation, task)


def answered(situation: Situation, task: Task) -> tuple[Exchange, ...]:
    """What people have answered about what the task lacks now."""
    return tuple(exchange for exchange in _exchanges(situation, task) if exchange.answer is not None)


def tries(task: Task) -> tuple[SessionRecord, ...]:
    """The sessions that were to decide about what the task lacks now."""
    return tuple(session for session in task.amending if task.lack and session.amends == task.lack.session.id)


def last_try(task: Task) -> SessionRecord | None:
    return last_counting(tries(task))


def decided(situation: Situation) -> int:
    """How often the planner has decided about a need of a task of this objective."""
    return sum(session.amends is not None and decision_of(session) is not None for session in situation.ledger.sessions)


def protected(situation: Situation, lack: Lack) -> tuple[str, ...]:
    """Those of the paths that only people may change."""
    globs = situation.config.protected_globs()
    return tuple(path for path in lack.paths if covers(globs, path))


def paths_in_words(paths: tuple[str, ...], most: int = 3) -> str:
    shown = ", ".join(f"`{path}`" for path in paths[:most])
    return f"{shown} and {len(paths) - most} more" if len(paths) > most else shown


def _exchanges(situation: Situation, task: Task) -> tuple[Exchange, ...]:
    ids = {session.id for session in tries(task)}
    return tuple(exchange for exchange in situation.ledger.exchanges if exchange.session in ids)


def _condition(task: Task) -> Condition:
    if task.stage is Stage.DONE:
        return Condition.DONE
    if task.stage is Stage.DROPPED:
        return Condition.GIVEN_UP
    if task.claim is not None:
        return Condition.RUNNING
    return Condition.UNDER_WAY if task.started else Condition.OPEN


def _merged(task: Task) -> str:
    published = next((s.outcome for s in reversed(task.sessions) if isinstance(s.outcome, Published)), None)
    return published.summary.summary if published and published.summary else ""
