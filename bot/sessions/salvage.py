"""Salvage: what a session had committed when it ended without publishing it.

It is brought back as the work of any session is, out of a tree in which nothing runs any more, and judged by the same
gate. What the gate lets through is worth a branch, and the next attempt may continue it; it was not verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.git.mirror import Mirror
from bot.model.assignment import Assignment
from bot.model.identity import CommitSha
from bot.model.session import Outcome, Salvage
from bot.sessions.gate.change import collect
from bot.sessions.gate.history import judge_history
from bot.sessions.gate.rules import Rules, judge, refusal_text
from bot.sessions.harvest import Unharvestable, harvest
from bot.sessions.mask import Mask
from bot.sessions.workplace import Workplace


async def salvage(
    mirror: Mirror, assignment: Assignment, place: Workplace, agent: str, at: datetime, secrets: Sequence[str] = ()
) -> Salvage | None:
    """What the session made since it began; None where that is nothing. `secrets` are the server's, which may not
    leave. Raises GitFailed where our own side fails."""
    try:
        found = await harvest(mirror, place, assignment.id, agent, at, Mask(secrets))
    except Unharvestable as error:
        return Salvage(refusal=str(error))
    if found is None or not found.commits:
        return None
    return await admit(mirror, assignment, place.base, found.head, secrets)


async def admit(
    mirror: Mirror, assignment: Assignment, base: CommitSha, head: CommitSha, secrets: Sequence[str] = ()
) -> Salvage | None:
    """`head`, which is in the mirror, as far as the gate lets it leave; None where it changes nothing."""
    changes = await collect(mirror, base, head, assignment.largest_file, secrets)
    if changes is None:
        return Salvage(refusal=f"The commits share no history with {assignment.base_branch}.")
    if not changes:
        return None
    rules = rules_of(assignment)
    refusals = (*judge(changes, rules), *await judge_history(mirror, base, head, rules, secrets))
    return Salvage(refusal=Mask(secrets)(refusal_text(refusals))) if refusals else Salvage(head=head)


def rules_of(assignment: Assignment) -> Rules:
    return Rules(assignment.scope, assignment.protected, assignment.largest_file, assignment.gate)


def with_salvage(outcome: Outcome, salvaged: Salvage | None) -> Outcome:
    """`outcome` with what was salvaged; one that publishes, judges or plans leaves nothing behind."""
    if outcome.kind in ("failed", "blocked", "void") and salvaged is not None:
        return outcome.model_copy(update={"salvage": salvaged})
    return outcome
