"""Which trees belong to sessions whose end the ledger does not have yet, as their memos say (see `bot.sessions.memo`).

A tree lies under the name of its session, or under that of an earlier attempt from which the session took it over:
then the memo names it. A memo that cannot be read may name any tree of its repository.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError


class _Tree(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")
    lies_with: str | None = None


class _Memo(BaseModel):
    """What is read of a memo here."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    tree: _Tree | None = None


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """Owners, names and sessions; and of trees, the sessions under whose name they lie. `unclear` are the owners and
    names of repositories with a memo that cannot be read."""

    sessions: frozenset[tuple[str, ...]]
    lying_with: frozenset[tuple[str, ...]]
    unclear: frozenset[tuple[str, ...]]

    def needs(self, tree: Path) -> bool:
        """Whether `tree` has, or may have, commits that are nowhere else."""
        place = tree.parts[-3:]
        return place in self.sessions or place in self.lying_with or place[:2] in self.unclear


def unrecorded(data: Path) -> Unrecorded:
    """Reads the disk; never raises OSError. A memo is written before its agent begins, and goes when nothing is left
    to record: so a tree that is looked for after this, and that nobody needs, has nothing that is nowhere else."""
    sessions: set[tuple[str, ...]] = set()
    lying_with: set[tuple[str, ...]] = set()
    unclear: set[tuple[str, ...]] = set()
    for path in data.glob("sessions/*/*/*.json"):
        owner, name, file = path.parts[-3:]
        try:
            memo = _Memo.model_validate_json(path.read_bytes())
        except FileNotFoundError:  # it is recorded by now
            continue
        except (OSError, ValidationError):  # its trees stay, as the docstring above says
            unclear.add((owner, name))
            memo = _Memo()
        sessions.add((owner, name, file.removesuffix(".json")))
        if memo.tree is not None and memo.tree.lies_with is not None:
            lying_with.add((owner, name, memo.tree.lies_with))
    return Unrecorded(frozenset(sessions), frozenset(lying_with), frozenset(unclear))
