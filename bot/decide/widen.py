"""Recovery's second layer: a task that needs paths beyond its plan gets them, where nobody else has them.

The gate said which paths it refused only because they lie outside of the task's scope, or the agent named them as
needed. They are granted where the repository's settings allow it (``scope.may_widen``), nothing protects them, and no
task that is under way may change them; the next attempt may then change them, and the attempt that showed the need
counts as no failure. Everything else stays a failure of the attempt, and comes to a person at its bound.
"""

from __future__ import annotations

from bot.decide.situation import Situation
from bot.decide.task import Task, tasks_of
from bot.model.scope import allows, overlap
from bot.model.session import Failed

MOST_WIDENED = 20
"""Paths beyond the plan that one task is granted in all."""


def widen(situation: Situation) -> Situation:
    for task in tasks_of(situation):
        paths = _needed(task)
        if paths and all(_grantable(situation, task, path) for path in paths):
            situation = situation.recording(
                situation.ledger.widen(task.key, paths), f"{task.key}: widened by {', '.join(paths)}"
            )
    return situation


def _needed(task: Task) -> tuple[str, ...]:
    """What the last attempt lacked and has not been granted."""
    last = task.sessions[-1].outcome if task.sessions else None
    if not isinstance(last, Failed) or task.record.escalation is not None:
        return ()
    missing = tuple(path for path in last.outside if not allows(task.planned.scope, path))
    return missing if len(task.record.widened) + len(missing) <= MOST_WIDENED else ()


def _grantable(situation: Situation, task: Task, path: str) -> bool:
    if not allows(situation.config.scope.may_widen, path) or allows(situation.config.protected_globs(), path):
        return False
    others = [other.planned.scope for other in tasks_of(situation) if other.key != task.key and other.holds_scope]
    others += [neighbour.scope for neighbour in situation.snapshot.neighbours]
    return not any(overlap(scope, (path,)) for scope in others)
