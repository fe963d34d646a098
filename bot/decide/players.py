"""Which agent plays a session, and until when none can.

The configuration names one agent for a role, or several in order. While the provider of one's model refuses it (a
limit, no credit, no login) the next takes over; the refused one is tried again after a pause that doubles with each
refusal in a row. A person's choice (`/assign`, or a label ``crewline:agent=NAME`` on the task) names one agent for
the workers of a task, and nobody else takes over from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.decide.situation import Situation
from bot.decide.task import LONGEST_BACKOFF, Stage, Task, tasks_of
from bot.model.session import Role, Void

FIRST_PAUSE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Player:
    """`agent` is ``name`` or ``name:model``; it can be started at `not_before`, None: at once."""

    agent: str
    not_before: datetime | None = None

    @property
    def name(self) -> str:
        return self.agent.partition(":")[0]

    @property
    def model(self) -> str | None:
        return self.agent.partition(":")[2] or None


def player(situation: Situation, role: Role, task: Task | None) -> Player:
    """The first of the candidates that can be had now, or the one that can be had soonest."""
    retried = _just_retried(situation, task)
    names = _candidates(situation, role, task)
    players = [Player(name, None if retried else _refused_until(situation, name)) for name in names]
    now = situation.now
    ready = next((one for one in players if one.not_before is None or one.not_before <= now), None)
    return ready or min(players, key=lambda one: one.not_before or now)


def refused_players(situation: Situation) -> list[datetime | None]:
    """When those can be asked again that something waits for."""
    if situation.ledger.plan is None:
        return [player(situation, Role.PLANNER, None).not_before]
    roles = {Stage.NEEDS_REVIEW: Role.REVIEWER, Stage.NEEDS_WORK: Role.WORKER, Stage.AMENDING: Role.PLANNER}
    waiting = [(roles[task.stage], task) for task in tasks_of(situation) if task.stage in roles]
    return [player(situation, role, task).not_before for role, task in waiting]


def _candidates(situation: Situation, role: Role, task: Task | None) -> tuple[str, ...]:
    if role is Role.WORKER and task is not None and (chosen := _chosen(situation, task)):
        return (chosen,)
    return situation.config.role(role).agent or (situation.snapshot.default_agent,)


def _chosen(situation: Situation, task: Task) -> str | None:
    """What a person chose: for the task before for the objective, by command before by label."""
    prefix = f"{situation.config.label}:agent="
    labels = sorted(task.issue.labels if task.issue else ()) + sorted(situation.objective.labels)
    labelled = next((label.removeprefix(prefix) for label in labels if label.startswith(prefix)), None)
    return task.record.assigned or situation.ledger.planning.assigned or labelled


def _just_retried(situation: Situation, task: Task | None) -> bool:
    """Whether a person asked for another try, and nothing has ended since."""
    key = task.key if task else None
    forgiven, sessions = situation.ledger.record(key).forgiven, situation.ledger.sessions_of(key)
    return forgiven > 0 and all(session.outcome is None for session in sessions[forgiven:])


def _forgiven(situation: Situation) -> int:
    """Up to which of all sessions a `/retry` reaches."""
    ledger = situation.ledger
    keys = (None, *(record.key for record in ledger.tasks))
    ids = {session.id for key in keys for session in ledger.sessions_of(key)[: ledger.record(key).forgiven]}
    return max((place + 1 for place, session in enumerate(ledger.sessions) if session.id in ids), default=0)


def _refused_until(situation: Situation, agent: str) -> datetime | None:
    """After each session in a row that the agent's provider refused, the pause doubles; of those before the last
    `/retry` of anything, none counts."""
    refusals, last = 0, None
    for session in reversed(situation.ledger.sessions[_forgiven(situation) :]):
        if session.agent.partition(":")[0] != agent.partition(":")[0] or session.outcome is None:
            continue
        if not isinstance(session.outcome, Void) or session.outcome.trouble is None:
            break
        refusals, last = refusals + 1, last or session.ended_at
    if last is None:
        return None
    return last + min(FIRST_PAUSE * (1 << min(refusals - 1, 10)), LONGEST_BACKOFF)
