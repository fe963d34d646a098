"""Labels and milestones of a repository."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from bot.localhub.model.errors import FieldError, Validation, missing_field
from bot.localhub.model.node_ids import node_id
from bot.localhub.model.versioned import Versioned

if TYPE_CHECKING:
    from bot.localhub.model.hub import Hub
    from bot.localhub.model.repository import Repository
    from bot.localhub.model.user import User

_COLOR = re.compile(r"[0-9a-fA-F]{6}")


@dataclass(eq=False, kw_only=True)
class Label(Versioned):
    """A label. Names are compared without case."""

    hub: "Hub"
    repository: "Repository"
    id: int
    name: str
    color: str = "ededed"
    description: str | None = None
    default: bool = False

    @property
    def node_id(self) -> str:
        return node_id("Label", self.id)


@dataclass(eq=False, kw_only=True)
class Milestone(Versioned):
    """A milestone."""

    hub: "Hub"
    repository: "Repository"
    id: int
    number: int
    title: str
    description: str | None
    creator: "User"
    created_at: datetime
    updated_at: datetime
    state: Literal["open", "closed"] = "open"
    due_on: datetime | None = None
    closed_at: datetime | None = None

    @property
    def node_id(self) -> str:
        return node_id("Milestone", self.id)


def check_label(repository: "Repository", name: str, color: str, *, besides: Label | None = None) -> None:
    """422 unless the name is new there (`besides` one label) and the color is six hex digits."""
    if not name.strip():
        raise missing_field("Label", "name")
    if not _COLOR.fullmatch(color):
        raise Validation(FieldError("Label", "invalid", "color"))
    existing = repository.label(name)
    if existing is not None and existing is not besides:
        raise Validation(FieldError("Label", "already_exists", "name"))
