"""What GitHub refused: merges, and what becomes of reports where it, or somebody else, does not let their branches
be pushed.

A branch that can never be pushed must not keep the ledger from being pushed. First goes what is least worth: the
salvage of sessions that ended anyway. What is refused still is the work of sessions, and these failed then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from bot.model.action import BranchPush
from bot.model.fact import MergeRefused
from bot.model.identity import SessionId, is_salvage
from bot.model.session import Failed, FailureKind, Published, Salvage, SessionReport, Void, salvage_of
from bot.model.snapshot import MergeRefusal


def without_refused(
    reports: Mapping[SessionId, SessionReport], pushes: Iterable[BranchPush], reason: str
) -> dict[SessionId, SessionReport]:
    """The reports that read otherwise now that GitHub will not take `pushes`, by a rule of the repository or a missing
    permission; empty where none of them is to blame."""
    pushes = tuple(pushes)
    salvaged = {push.head for push in pushes if is_salvage(push.branch)}
    heads = {push.head for push in pushes}
    refused = {key: _unsalvaged(report, reason) for key, report in reports.items() if _salvaged(report) in salvaged}
    return refused or {
        key: report.model_copy(update={"outcome": Failed(reason=FailureKind.GATE, detail=reason)})
        for key, report in reports.items()
        if isinstance(report.outcome, Published) and report.outcome.head in heads
    }


def without_taken(
    reports: Mapping[SessionId, SessionReport], pushes: Iterable[BranchPush], refs: Iterable[str]
) -> dict[SessionId, SessionReport]:
    """The reports that read otherwise where somebody has a branch of theirs for salvage, which nobody else should
    have: it would be in the way for ever."""
    taken = {push.head for push in pushes if is_salvage(push.branch) and f"refs/heads/{push.branch}" in set(refs)}
    changed: dict[SessionId, SessionReport] = {}
    for key, report in reports.items():
        if _salvaged(report) in taken:
            changed[key] = _unsalvaged(report, "a branch of its name is there already")
        elif isinstance(report.outcome, Published) and report.outcome.head in taken:
            void = Void(reason="the branch moved while the session worked")
            changed[key] = report.model_copy(update={"outcome": void})
    return changed


def with_refusal(refusals: tuple[MergeRefusal, ...], fact: MergeRefused, now: datetime) -> tuple[MergeRefusal, ...]:
    """One refusal for each pull request; `times` counts those of the same head."""
    before = next((r for r in refusals if r.pull_request == fact.pull_request and r.head == fact.head), None)
    times = before.times + 1 if before else 1
    others = tuple(refusal for refusal in refusals if refusal.pull_request != fact.pull_request)
    return (*others, MergeRefusal(fact.pull_request, fact.head, fact.message, now, times))


def _salvaged(report: SessionReport) -> str | None:
    salvage = salvage_of(report.outcome)
    return salvage.head if salvage else None


def _unsalvaged(report: SessionReport, reason: str) -> SessionReport:
    outcome = report.outcome.model_copy(update={"salvage": Salvage(refusal=reason)})
    return report.model_copy(update={"outcome": outcome})
