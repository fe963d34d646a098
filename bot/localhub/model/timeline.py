"""What an issue's timeline shows besides comments and reviews."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bot.localhub.model.node_ids import node_id

if TYPE_CHECKING:
    from bot.localhub.model.app import App
    from bot.localhub.model.issue import Issue
    from bot.localhub.model.label import Label, Milestone
    from bot.localhub.model.user import User


@dataclass(frozen=True, kw_only=True)
class TimelineEvent:
    """One entry. `event` is REST's name: `labeled`, `unlabeled`, `closed`, `reopened`, `assigned`,
    `milestoned`, `renamed`, `merged`, `referenced`, `cross-referenced`, `head_ref_deleted`,
    `head_ref_force_pushed`, `ready_for_review`, `convert_to_draft`, `review_requested`, `sub_issue_added`,
    `parent_issue_added`, `blocked_by_added`, `blocking_added`, and their `…removed`, `connected`, `transferred`.
    """

    id: int
    event: str
    actor: "User"
    created_at: datetime
    via_app: "App | None" = None
    label: "Label | None" = None
    milestone: "Milestone | None" = None
    assignee: "User | None" = None
    reviewer: "User | None" = None
    rename: tuple[str, str] | None = None
    """Old title, new title."""
    commit_id: str | None = None
    state_reason: str | None = None
    source: "Issue | None" = None
    """The other issue: the sub-issue, the parent, the blocker, the one that refers to this, the closing PR."""

    @property
    def node_id(self) -> str:
        return node_id("TimelineEvent", self.id)
