"""What is said on an objective whose ledger cannot be read: somebody moved its ref, or another version wrote it.

Nothing can be decided then, not even whether a session runs; so nothing starts, merges or ends, and one comment says
what puts it right. It is written once for each state that cannot be read, however often that is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.model.action import Action, WriteComment
from bot.model.identity import CommitSha, Login
from bot.model.marker import tag, tagged
from bot.model.snapshot import Snapshot

TELLS = "ledger"
"""The kind of the comment's tag."""


@dataclass(frozen=True, slots=True)
class UnreadableLedger:
    """What lies on `ref` at `revision` is no ledger, for `reason`. `good` is what this process read or wrote last."""

    ref: str
    revision: CommitSha
    reason: str
    good: CommitSha | None = None


def explain_unreadable(snapshot: Snapshot, found: UnreadableLedger) -> list[Action]:
    """The comment, where the objective is one that should go on and the comment is not there."""
    issue = snapshot.observed.objective
    there = {tagged(comment.body, TELLS) for comment in issue.comments if comment.mine}
    name = f"{issue.number}.{found.revision[:12]}"
    if not issue.open or issue.labelling is None or name in there or not snapshot.absence_trusted:
        return []
    by = snapshot.ledger.hand_off.by if snapshot.ledger else issue.labelling.by
    return [WriteComment(issue.number, f"{tag(TELLS, name)}\n\n{_text(snapshot, found, by)}")]


def why_unreadable(found: UnreadableLedger) -> str:
    """For the dashboard."""
    return f"Its ledger `{found.ref}` cannot be read: {found.reason}. A comment on the issue says what to do."


def _text(snapshot: Snapshot, found: UnreadableLedger, by: Login) -> str:
    url = f"repos/{snapshot.repository}/git/{found.ref}"
    parts = [
        f"@{by} Crewline cannot go on: what it remembers of this objective, the git ref `{found.ref}`, is at "
        f"`{found.revision[:12]}` and cannot be read: {found.reason}. Nothing starts and nothing merges until it can."
    ]
    if found.good is not None:
        restore = f"gh api --method PATCH {url} -f sha={found.good} -F force=true"
        parts.append(f"To put back what Crewline wrote last:\n\n```\n{restore}\n```")
    begin = f"gh api --method DELETE {url}"
    parts.append(
        "To plan anew, with what is merged kept and what was attempted, spent and said forgotten:\n\n"
        f"```\n{begin}\n```\n\nThen comment `/status` here."
    )
    return "\n\n".join(parts)
