"""What went wrong with the work itself, told when it is recorded: attempts, verdicts, escalations, refused commands.

`decide` is pure and tells nothing; but all that it gives up, tries again or refuses stands in the ledger. So the
difference between two ledgers is told, once the push of the second was won: by then it is true, and it is told once,
however often the same look was tried.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.config import RepositoryConfig
from bot.decide.hand_off import refusal
from bot.journal import (
    AMENDMENT_REFUSED,
    ATTEMPT_FAILED,
    CHANGES_REQUESTED,
    COMMAND_REFUSED,
    HAND_OFF_REFUSED,
    PERSON_ASKED,
    PLANNER_ASKS,
    SESSION_BLOCKED,
    SESSION_VOID,
    about,
    tell,
)
from bot.model.amendment import Refusal
from bot.model.ledger import Escalation, Ledger
from bot.model.plan import Questions
from bot.model.session import Blocked, Failed, Judged, Planned, SessionRecord, Void
from bot.model.snapshot import Snapshot


def tell_setbacks(before: Ledger | None, after: Ledger) -> None:
    """Whoever calls has bound the repository and the objective."""
    known = {session.id for session in before.sessions if session.outcome is not None} if before else set()
    for session in after.sessions:
        if session.outcome is not None and session.id not in known:
            with about(task=session.task, session=session.id):
                _tell_end(session)
    handled = {command.comment for command in before.commands} if before else set()
    for command in after.commands:
        if command.result == "refused" and command.comment not in handled:
            tell(COMMAND_REFUSED, command=command.name, by=command.by, comment=command.comment, reason=command.reply)
    asked = {escalation.ordinal for _, escalation in _escalations(before)} if before else set()
    for task, escalation in _escalations(after):
        if escalation.ordinal not in asked:
            tell(PERSON_ASKED, task=task, reason=escalation.reason, by=escalation.by)


def tell_refused_hand_off(snapshot: Snapshot, config: RepositoryConfig) -> None:
    """Something is about to be said on an issue: that nobody may hand it off like this, where that is so."""
    if snapshot.ledger is None and (reason := refusal(snapshot, config)) is not None:
        tell(HAND_OFF_REFUSED, reason=reason)


def _tell_end(session: SessionRecord) -> None:
    match session.outcome:
        case Failed(reason=reason, detail=detail):
            tell(ATTEMPT_FAILED, reason=reason.value, detail=detail)
        case Void(reason=reason):
            tell(SESSION_VOID, reason=reason)
        case Blocked(question=question):
            tell(SESSION_BLOCKED, question=question)
        case Planned(answer=Questions(questions=questions)):
            tell(PLANNER_ASKS, questions=len(questions), first=questions[0])
        case Planned(answer=Refusal(reason=reason, hint=hint)):
            tell(AMENDMENT_REFUSED, reason=reason, hint=hint)
        case Judged(head=head, verdict=verdict) if verdict.decision == "request_changes":
            tell(CHANGES_REQUESTED, head=head, findings=len(verdict.findings))
        case _:
            pass  # it did what it was asked for


def _escalations(ledger: Ledger) -> Iterator[tuple[str | None, Escalation]]:
    for record in (ledger.planning, *ledger.tasks):
        if record.escalation is not None:
            yield (None if record is ledger.planning else record.key), record.escalation
