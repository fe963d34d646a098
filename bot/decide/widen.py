"""Recovery's second layer: a task that needs paths beyond its plan gets them, where nobody else has them.

The gate said which paths it refused only because they lie outside of the task's scope, or the agent named them as
needed. They are granted where the repository's settings allow it (``scope.may_widen``), nothing protects them, and no
task that is under way may change them; the next attempt may then change them, and the attempt that showed the need
counts as no failure. What cannot be granted like that is the planner's to decide (`bot.decide.amend`).
"""

from __future__ import annotations

from bot.decide.situation import Situation
from bot.decide.task import Stage, Task, tasks_of
from bot.model.scope import allows, covers, overlap

MOST_WIDENED = 20
"""Paths beyond the plan that one task is granted in all without asking the planner."""


def widen(situation: Situation) -> Situation:
    for task in tasks_of(situation):
        asking = any(session.outcome is None for session in task.amending)
        if task.stage is not Stage.AMENDING or task.lack is None or asking:
            continue
        paths = task.lack.paths
        few = len(task.record.widened) + len(paths) <= MOST_WIDENED
        if few and all(_grantable(situation, task, path) for path in paths):
            situation = situation.recording(
                situation.ledger.widen(task.key, paths), f"{task.key}: widened by {', '.join(paths)}"
            )
    return situation


def _grantable(situation: Situation, task: Task, path: str) -> bool:
    protected = situation.config.protected_globs()
    if not covers(situation.config.scope.may_widen, path) or allows(protected, path):
        return False
    others = [other.planned.scope for other in tasks_of(situation) if other.key != task.key and other.holds_scope]
    others += [neighbour.scope for neighbour in situation.snapshot.neighbours]
    return not any(overlap(scope, (path,)) for scope in others)
