"""What an objective holds against others of its repository, and whether it would start more if it could."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.config import RepositoryConfig
from bot.decide.dispatch import wanted
from bot.decide.situation import Situation
from bot.decide.task import Stage, tasks_of
from bot.model.ledger import Ledger
from bot.model.session import Role
from bot.model.snapshot import Elsewhere, Neighbour, Snapshot


@dataclass(frozen=True, slots=True)
class Holdings:
    """`hungry`: something waits for a slot, or for what another objective holds: a scope, a part of the day's budget.
    `wants`: what would start at once if there were slots."""

    scopes: tuple[Neighbour, ...] = ()
    hungry: bool = False
    wants: Mapping[Role, int] = field(default_factory=dict)


def holdings(snapshot: Snapshot, config: RepositoryConfig, now: datetime) -> Holdings:
    if snapshot.ledger is None or not snapshot.observed.objective.open:
        return Holdings()
    situation = Situation(snapshot, config, now, snapshot.ledger)
    tasks = tasks_of(situation)
    number = snapshot.ledger.objective
    scopes = tuple(
        Neighbour(number, task.key, task.planned.scope, task.claim is not None) for task in tasks if task.holds_scope
    )
    unplanned = snapshot.ledger.plan is None and snapshot.ledger.answer is None
    ready = any(task.stage in (Stage.NEEDS_WORK, Stage.NEEDS_REVIEW, Stage.AMENDING) for task in tasks)
    hungry = situation.active and not situation.held and (ready or unplanned)
    if not hungry or snapshot.hindrance or snapshot.unwritable or snapshot.draining:
        return Holdings(scopes, hungry)
    wants = wanted(situation)
    alone = replace(situation, snapshot=replace(snapshot, neighbours=(), elsewhere=Elsewhere()))
    return Holdings(scopes, bool(wants or wanted(alone)), wants)


def presumed_holdings(ledger: Ledger) -> tuple[Neighbour, ...]:
    """The same from the ledger alone, before the objective was looked at: every task that was started, since what
    was merged meanwhile is not known. The first look sets it right."""
    started = {session.task for session in ledger.sessions}
    tasks = ledger.plan.tasks if ledger.plan else ()
    return tuple(Neighbour(ledger.objective, task.key, task.scope) for task in tasks if task.key in started)
