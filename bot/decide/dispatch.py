"""Who works next: claims for the sessions that may start, within slots, limits and scopes.

A claim is a record in the ledger; the session starts only after the push of that record won. Reviews come first,
since they set others free, then the tasks with the longest chain of work behind them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from bot.decide.amend import lacking, tries, waits_for_answer
from bot.decide.budget import grant
from bot.decide.players import player
from bot.decide.situation import Situation
from bot.decide.task import Stage, Task, backed_off_until, tasks_of
from bot.model.plan import merge_order
from bot.model.scope import overlap
from bot.model.session import Cause, Failed, Role, Void, last_counting
from bot.model.snapshot import Neighbour

PLENTY = 1000


def dispatch(situation: Situation) -> Situation:
    if not situation.active or situation.held or situation.unruled:
        return situation
    if situation.ledger.plan is None:
        return _claim_planner(situation)
    situation = _claim_amending(situation)
    tasks = tasks_of(situation)
    for task in _in_order(tasks):
        if _free_slots(situation, _role(task)) <= 0:
            continue
        claimed = _claim(situation, task, tasks)
        if claimed is not None:
            situation = claimed
            tasks = tasks_of(situation)
    return situation


def wanted(situation: Situation) -> Mapping[Role, int]:
    """How many sessions of each role would start at once if there were any number of slots."""
    known = len(situation.ledger.sessions)
    plenty = replace(situation.snapshot, free_slots=PLENTY, free_by_role={})
    return Counter(session.role for session in dispatch(replace(situation, snapshot=plenty)).ledger.sessions[known:])


def obstacle(situation: Situation, task: Task, tasks: tuple[Task, ...]) -> str | None:
    """Which running work keeps a task from starting because their scopes overlap, in words for people."""
    for other in working(tasks):
        busy = other.claim is not None if task.started else other.holds_scope
        if other.key == task.key or not busy or not overlap(task.planned.scope, other.planned.scope):
            continue
        if other.claim is not None or not _waits_for(other, task, tasks):
            return f"{other.reference} may change the same files"
    for neighbour in situation.snapshot.neighbours:
        if overlap(task.planned.scope, neighbour.scope) and not _goes_first(situation, task, neighbour):
            return f"`{neighbour.key}` of #{neighbour.objective} may change the same files"
    return None


def _waits_for(other: Task, task: Task, tasks: tuple[Task, ...]) -> bool:
    """Whether `other` goes on only after `task`: then it holds its files against everybody but that one."""
    by_name = {name: one for one in tasks for name in (one.key, one.issue.number if one.issue else one.key)}
    seen: set[str] = set()
    rest = [other]
    while rest:
        one = rest.pop()
        if one.key == task.key:
            return True
        if one.key not in seen:
            seen.add(one.key)
            rest += [by_name[name] for name in one.open_blockers if name in by_name]
    return False


def _goes_first(situation: Situation, task: Task, neighbour: Neighbour) -> bool:
    """Two tasks that hold the same files already, which no order of looks should lead to: the older objective goes on,
    else both would wait for each other for ever."""
    return task.holds_scope and not neighbour.running and situation.objective.number < neighbour.objective


@lru_cache(maxsize=8)
def working(tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """Those that were started and are not done: nobody else can be in anybody's way."""
    return tuple(task for task in tasks if task.started and task.stage not in (Stage.DONE, Stage.DROPPED))


def cause_of(task: Task) -> Cause:
    """Why the next worker session of a task is needed."""
    if task.conflicting:
        return Cause.CONFLICT
    if task.failed_checks:
        return Cause.CHECKS
    if task.verdict is not None and task.verdict.decision == "request_changes":
        return Cause.REVIEW
    lost = task.counted[-1] if task.counted and isinstance(task.counted[-1].outcome, Void) else None
    if lost is not None and lost.role is Role.WORKER and lost.starts_from == task.head:
        return lost.cause  # nothing has changed since; whether it conflicts, GitHub may still be working out
    last = last_counting(task.counted)
    return Cause.FAILURE if last is not None and isinstance(last.outcome, Failed) else Cause.FIRST


def _role(task: Task) -> Role:
    return Role.REVIEWER if task.stage is Stage.NEEDS_REVIEW else Role.WORKER


def _free_slots(situation: Situation, role: Role) -> int:
    """Claims that this look made, or that wait to be started, already use a slot."""
    claims, snapshot = situation.ledger.open_claims(), situation.snapshot
    unstarted = sum(claim.id not in snapshot.running for claim in claims)
    free = min(snapshot.free_slots, snapshot.free_by_role.get(role, snapshot.free_slots))
    return min(situation.config.limits.parallel - len(claims), free - unstarted)


def _claim_planner(situation: Situation) -> Situation:
    ledger = situation.ledger
    waiting = bool(ledger.exchanges) and ledger.exchanges[-1].answer is None
    busy = bool(ledger.open_claims()) or _free_slots(situation, Role.PLANNER) <= 0
    who = player(situation, Role.PLANNER, None)
    refused = who.not_before is not None and who.not_before > situation.now
    if ledger.answer is not None or waiting or busy or refused or not _backed_off(situation):
        return situation
    last = last_counting(ledger.sessions_of(None))
    cause = Cause.FAILURE if last is not None and isinstance(last.outcome, Failed) else Cause.FIRST
    granted = grant(situation, None, 1)
    if granted is None:
        return situation
    claimed = ledger.claim(
        Role.PLANNER,
        None,
        situation.snapshot.instance,
        situation.now,
        agent=who.agent,
        cause=cause,
        granted=granted,
    )
    return situation.recording(claimed, f"{claimed.sessions[-1].id}: claimed")


def _claim_amending(situation: Situation) -> Situation:
    """The planner is asked about the needs of one task at a time."""
    ledger, now = situation.ledger, situation.now
    who = player(situation, Role.PLANNER, None)
    refused = who.not_before is not None and who.not_before > now
    busy = any(claim.task is None for claim in ledger.open_claims()) or _free_slots(situation, Role.PLANNER) <= 0
    for task, lack in lacking(situation):
        before = tries(task)
        not_before = backed_off_until(before, situation.config.limits)
        waits = waits_for_answer(situation, task) or (not_before is not None and not_before > now)
        if refused or busy or waits:
            continue
        granted = grant(situation, None, _shares(situation, tasks_of(situation)))
        if granted is None:
            return situation
        last = last_counting(before)
        claimed = ledger.claim(
            Role.PLANNER,
            None,
            situation.snapshot.instance,
            now,
            agent=who.agent,
            cause=Cause.FAILURE if last is not None and isinstance(last.outcome, Failed) else Cause.FIRST,
            amends=lack.session.id,
            granted=granted,
        )
        return situation.recording(claimed, f"{claimed.sessions[-1].id}: claimed for {task.key}")
    return situation


def _backed_off(situation: Situation) -> bool:
    ledger = situation.ledger
    counted = ledger.sessions_of(None)[ledger.planning.forgiven :]
    not_before = backed_off_until(counted, situation.config.limits)
    return not_before is None or not_before <= situation.now


def _in_order(tasks: tuple[Task, ...]) -> list[Task]:
    downstream = _downstream(tasks)
    ready = [task for task in tasks if task.stage in (Stage.NEEDS_REVIEW, Stage.NEEDS_WORK)]
    return sorted(ready, key=lambda task: (task.stage is not Stage.NEEDS_REVIEW, -downstream[task.key]))


def _downstream(tasks: tuple[Task, ...]) -> dict[str, int]:
    """How many tasks in a row wait behind each one."""
    dependents: dict[str, list[str]] = {task.key: [] for task in tasks}
    for task in tasks:
        for key in task.planned.depends_on:
            dependents[key].append(task.key)
    length: dict[str, int] = {}
    for key in reversed(merge_order(task.planned for task in tasks)):
        length[key] = 1 + max((length[other] for other in dependents[key]), default=0)
    return length


def _claim(situation: Situation, task: Task, tasks: tuple[Task, ...]) -> Situation | None:
    """With the session claimed that `task` needs, or None where it may not start now."""
    ledger, instance, now = situation.ledger, situation.snapshot.instance, situation.now
    not_before = task.not_before(situation.config.limits)
    reviews = task.stage is Stage.NEEDS_REVIEW
    who = player(situation, _role(task), task)
    if any(moment is not None and moment > now for moment in (not_before, who.not_before)):
        return None
    granted = grant(situation, task.key, _shares(situation, tasks))
    if granted is None:
        return None
    if reviews:
        claimed = ledger.claim(
            Role.REVIEWER, task.key, instance, now, agent=who.agent, judges=task.head, granted=granted
        )
    elif obstacle(situation, task, tasks) is None:
        claimed = ledger.claim(
            Role.WORKER,
            task.key,
            instance,
            now,
            agent=who.agent,
            cause=cause_of(task),
            starts_from=task.head,
            continues=task.continues,
            granted=granted,
        )
    else:
        return None
    return situation.recording(claimed, f"{claimed.sessions[-1].id}: claimed")


def _shares(situation: Situation, tasks: tuple[Task, ...]) -> int:
    """Among how many what is left of the objective's budget is shared: those that could run at once."""
    stages = (Stage.NEEDS_REVIEW, Stage.NEEDS_WORK, Stage.BLOCKED, Stage.AMENDING)
    waiting = sum(task.stage in stages for task in tasks)
    return min(waiting, situation.config.limits.parallel - len(situation.ledger.open_claims()))
