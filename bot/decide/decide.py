"""The policy: what should be true of an objective, minus what is true already.

`decide` is pure: a snapshot, the repository's settings and the time in; actions out. It does no I/O, reads no clock
and draws no random number. On a settled snapshot it returns nothing, and carrying out what it returned and asking
again returns only what has become possible since, so running it twice changes nothing.

It works in two halves. First the phases that change the ledger, in the order of a task's life: `hand_off`,
`bury`, `commands`, `harvest`, `answers`, `widen`, `bounds`, `dispatch`. What they decide goes out as one push, with the
branches that finished sessions made (invariant 4). Then the phases that ask for effects, reading the ledger as it will
be after that push: sessions to start and stop, merges, what GitHub does not show yet, what the bot says.

The order of the effects is the order of their worth: an agent that starts earlier saves more than a pull request
that opens earlier, and every write to GitHub waits its turn; but checks and review stand on the pull request before
it is merged. The status comment comes last of all. The controller drops the rest of the list when
the push is refused: then somebody else changed the ledger, and everything has to be looked at again.

Races that are tolerated: a person merges, closes or pushes between the look and the action. Every action that could
do harm carries what it was decided on (`head` of a merge, `expected` of a push), GitHub refuses it, and the next
look sees why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from bot.config import RepositoryConfig
from bot.decide.amend import lacking, tries
from bot.decide.answers import answers
from bot.decide.assignments import assignment
from bot.decide.bounds import bounds
from bot.decide.budget import day_ends
from bot.decide.commands.phase import commands
from bot.decide.converse import acknowledge, answer_commands, explain_refusal, show_status, speak
from bot.decide.dispatch import dispatch
from bot.decide.finish import close_objective
from bot.decide.hand_off import hand_off
from bot.decide.harvest import bury, harvest, unwanted
from bot.decide.merge import close_finished, merge, retry_at
from bot.decide.players import refused_players
from bot.decide.publish import publish
from bot.decide.remember import record_numbers, remember
from bot.decide.situation import Situation
from bot.decide.task import backed_off_until, tasks_of
from bot.decide.widen import widen
from bot.model.action import Action, PushLedger, StartSession, StopSession
from bot.model.snapshot import Snapshot


@dataclass(frozen=True)
class Decision:
    """What to do now; what to do `afterwards`, once nothing else is left to do, so that the status comment is
    edited once for all that a look changed (worked out only when asked for: most decisions are followed
    by another); and when to look again although nothing may have happened by then."""

    actions: tuple[Action, ...]
    look_again_at: datetime | None
    last_words: Callable[[], Iterable[Action]] = field(repr=False)

    @cached_property
    def afterwards(self) -> tuple[Action, ...]:
        return tuple(self.last_words())


def decide(snapshot: Snapshot, config: RepositoryConfig, now: datetime) -> Decision:
    ledger = hand_off(snapshot, config)
    if ledger is None:
        return Decision((), None, lambda: explain_refusal(snapshot, config))
    before = Situation(snapshot, config, now, ledger)
    situation = before
    for phase in (bury, commands, harvest, answers, widen, bounds, dispatch):
        situation = phase(situation)
    if snapshot.unwritable:
        situation = before  # what is recorded goes on; what would have to be recorded waits
    changed = situation.ledger != snapshot.ledger or bool(situation.branches)
    situation = remember(situation)
    actions: list[Action] = [*acknowledge(before)]
    if changed and not snapshot.unwritable:
        message = "\n".join(situation.notes) or "handed off"
        actions.append(PushLedger(situation.ledger, message, situation.branches))
    actions += _sessions(situation)
    for effects in (publish, merge, close_finished, answer_commands, speak):
        actions += effects(situation)
    return Decision(tuple(actions), _look_again_at(situation), lambda: _last_words(situation))


def _last_words(situation: Situation) -> list[Action]:
    numbers = () if situation.snapshot.unwritable else record_numbers(situation)
    return [*show_status(situation), *numbers, *close_objective(situation)]


def _sessions(situation: Situation) -> list[Action]:
    """Claims of this instance that do not run are started, sessions that nobody wants any more are stopped."""
    actions: list[Action] = []
    harvested = {report.id for report in situation.snapshot.reports}
    for claim in situation.ledger.open_claims():
        running = claim.id in situation.snapshot.running
        reason = unwanted(situation, claim)
        if reason is not None and running:
            actions.append(StopSession(claim.id, reason))
        if reason is None and not running and claim.id not in harvested and not situation.unruled:
            actions.append(StartSession(assignment(situation, claim)))
    return actions


def _look_again_at(situation: Situation) -> datetime | None:
    limits = situation.config.limits
    planning = situation.ledger.sessions_of(None)[situation.ledger.planning.forgiven :]
    times = [task.not_before(limits) for task in tasks_of(situation) if task.claim is None]
    times += [backed_off_until(tries(task), limits) for task, _ in lacking(situation)]
    times += [*refused_players(situation), day_ends(situation)]
    times += [retry_at(refusal) for refusal in situation.snapshot.refusals]
    if situation.ledger.plan is None:
        times.append(backed_off_until(planning, limits))
    return min((time for time in times if time is not None and time > situation.now), default=None)
