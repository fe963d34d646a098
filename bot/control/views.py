"""What the dashboard shows of an objective, made of the same sentences as the status comment."""

from __future__ import annotations

from datetime import datetime

from bot.config import RepositoryConfig
from bot.decide.budget import spend_text
from bot.decide.hand_off import refusal
from bot.decide.situation import Situation
from bot.decide.status import finished
from bot.decide.task import Task, tasks_of
from bot.decide.waiting import paused, waits_for_github, why_objective, why_task
from bot.model.snapshot import Snapshot
from bot.model.view import ObjectiveView, TaskView


def view_of(snapshot: Snapshot, config: RepositoryConfig, now: datetime) -> ObjectiveView:
    issue = snapshot.observed.objective
    ledger = snapshot.ledger
    if ledger is None:
        return ObjectiveView(
            repository=str(snapshot.repository),
            number=issue.number,
            title=issue.title,
            url=issue.url,
            state="not started",
            why=refusal(snapshot, config),
            looked_at=now,
        )
    situation = Situation(snapshot, config, now, ledger)
    tasks = tasks_of(situation)
    dollars = [money for session in ledger.sessions if (money := session.spend.money) is not None]
    return ObjectiveView(
        repository=str(snapshot.repository),
        number=issue.number,
        title=ledger.hand_off.title,
        url=issue.url,
        state=_state(situation, tasks),
        why=" ".join(filter(None, (why_objective(situation, tasks), waits_for_github(situation)))),
        tasks=tuple(_task_view(task, situation, tasks) for task in tasks),
        sessions=len(ledger.sessions),
        seconds=sum(session.spend.seconds for session in ledger.sessions),
        usd=sum(dollars) if dollars else None,
        spent=spend_text(situation),
        session=next((claim.id for claim in ledger.open_claims() if claim.task is None), None),
        looked_at=now,
    )


def _state(situation: Situation, tasks: tuple[Task, ...]) -> str:
    if finished(situation, tasks):
        return "done"
    if situation.ledger.planning.escalation is not None:
        return "needs you"
    if paused(situation):
        return "paused"
    return "building" if situation.ledger.plan else "planning"


def _task_view(task: Task, situation: Situation, tasks: tuple[Task, ...]) -> TaskView:
    pull = task.pull_request
    return TaskView(
        key=task.key,
        title=task.planned.title,
        state=task.stage.value,
        why=why_task(task, situation, tasks),
        number=task.issue.number if task.issue else None,
        url=task.issue.url if task.issue else None,
        pull_request=pull.number if pull else None,
        pull_request_url=pull.url if pull else None,
        attempt=task.attempt,
        depends_on=task.planned.depends_on,
        running_since=task.claim.claimed_at if task.claim else None,
        session=task.claim.id if task.claim else None,
    )
