"""An issue becomes an objective: the label was set by a person with write access, and the text is pinned.

GitHub lets people with triage access set labels and lets an author edit the issue at any time. So the person is
read from the timeline and asked of GitHub, and a text that changed after the label, by anyone who could not have
handed it off, is not taken: the person who set the label never saw it.
"""

from __future__ import annotations

from bot.config import RepositoryConfig
from bot.model.identity import Login
from bot.model.ledger import HandOff, Ledger
from bot.model.marker import without_tags
from bot.model.observed import Permission
from bot.model.snapshot import Snapshot


def hand_off(snapshot: Snapshot, config: RepositoryConfig) -> Ledger | None:
    """The first ledger of an objective, or the present one, with the text pinned anew where a person handed it off
    again before there was a plan. None where nobody may be followed; `refusal` says why."""
    ledger = snapshot.ledger
    issue = snapshot.observed.objective
    if ledger is None:
        if not issue.open or refusal(snapshot, config) is not None:
            return None
        return Ledger(objective=issue.number, hand_off=_pinned(snapshot))
    labelling = issue.labelling
    again = labelling is not None and labelling.at > ledger.hand_off.at and config.label in issue.labels
    if again and ledger.plan is None and refusal(snapshot, config) is None:
        return ledger.model_copy(update={"hand_off": _pinned(snapshot)})
    return ledger


def refusal(snapshot: Snapshot, config: RepositoryConfig) -> str | None:
    """Why the hand-off is not followed, in one sentence with the next step; None where it is."""
    issue = snapshot.observed.objective
    labelling = issue.labelling
    if config.label not in issue.labels or labelling is None:
        return f"The label `{config.label}` is not set."
    if not _may_command(snapshot, labelling.by):
        return (
            f"@{labelling.by} set the label but has no write access to this repository; "
            f"somebody who has may set `{config.label}` again."
        )
    edited = issue.edited_at is not None and issue.edited_at >= labelling.at  # GitHub tells whole seconds
    if edited and (issue.edited_by is None or not _may_command(snapshot, issue.edited_by)):
        return (
            f"The text was edited after @{labelling.by} set the label, by somebody without write access; "
            f"read it once more, then remove the label `{config.label}` and set it again."
        )
    if snapshot.observed.empty:
        return "The repository has no commit yet: push one, then set the label again."
    return None


def _pinned(snapshot: Snapshot) -> HandOff:
    issue = snapshot.observed.objective
    assert issue.labelling is not None
    return HandOff(
        title=issue.title,
        body=without_tags(issue.body),
        by=issue.labelling.by,
        at=issue.labelling.at,
    )


def _may_command(snapshot: Snapshot, login: Login) -> bool:
    return snapshot.permissions.get(login, Permission.NONE).may_command
