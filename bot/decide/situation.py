"""What the phases hand to each other: the snapshot, and what was decided about the ledger so far.

The phases that change the ledger run first and return a new `Situation`; the phases that follow read the ledger as
it will be and ask for effects. So one push records everything that one look decided, and every effect relies on a
record that was pushed before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bot.config import RepositoryConfig
from bot.model.action import BranchPush
from bot.model.identity import task_branch
from bot.model.ledger import Ledger
from bot.model.observed import Issue
from bot.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """`ledger` is the working copy; `notes` become the message of the commit that records it.

    Compared by identity, so that what is worked out of one can be remembered for it.
    """

    snapshot: Snapshot
    config: RepositoryConfig
    now: datetime
    ledger: Ledger
    branches: tuple[BranchPush, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def objective(self) -> Issue:
        return self.snapshot.observed.objective

    @property
    def base_branch(self) -> str:
        return self.config.base_branch or self.snapshot.observed.default_branch

    @property
    def active(self) -> bool:
        """Whether work may go on: the issue is open and still carries the hand-off label."""
        return self.objective.open and self.labelled and not self.snapshot.observed.archived

    @property
    def labelled(self) -> bool:
        return self.config.label in self.objective.labels

    @property
    def held(self) -> bool:
        """Whether a person was asked about the objective as a whole: then nothing starts and nothing merges. Where it
        is only its budget that is spent, what was paid for goes on."""
        escalation = self.ledger.planning.escalation
        return escalation is not None and not escalation.for_budget

    @property
    def unruled(self) -> bool:
        """Whether nobody knows how the repository wants its work done: its settings are bad, and were never good. Then
        nothing starts and nothing merges; what runs comes to its end."""
        problem = self.snapshot.config_problem
        return problem is not None and problem.never_good

    def branch_of(self, key: str) -> str:
        return task_branch(self.objective.number, key)

    def recording(self, ledger: Ledger, *notes: str) -> Situation:
        return replace(self, ledger=ledger, notes=self.notes + notes)

    def pushing(self, *branches: BranchPush) -> Situation:
        return replace(self, branches=self.branches + branches)
