"""Accounts: people, organizations, and the bot users of Apps."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from bot.localhub.model.actor import Actor, Level, Role
from bot.localhub.model.node_ids import node_id

if TYPE_CHECKING:
    from bot.localhub.model.app import App
    from bot.localhub.model.repository import Repository


@dataclass(eq=False, kw_only=True)
class User(Actor):
    """An account. A person can act directly: wherever an actor is asked for, pass the user."""

    id: int
    login: str
    type: Literal["User", "Bot", "Organization"] = "User"
    name: str | None = None
    email: str | None = None
    site_admin: bool = False
    created_at: datetime
    bot_of: "App | None" = None
    tokens: list[str] = field(default_factory=list)

    @property
    def node_id(self) -> str:
        return node_id(self.type, self.id)

    @property
    def noreply_email(self) -> str:
        """The address that commits made for this account carry."""
        return f"{self.id}+{self.login}@users.noreply.github.com"

    @property
    def account(self) -> "User":
        return self

    @property
    def app(self) -> "App | None":
        return None

    @property
    def actor_id(self) -> str:
        return f"user:{self.login}"

    def role_in(self, repository: "Repository") -> Role:
        if repository.owner is self or self.site_admin:
            return Role.ADMIN
        least = Role.NONE if repository.private else Role.READ
        return max(least, repository.collaborators.get(self.login, Role.NONE))

    def level_in(self, repository: "Repository", permission: str) -> Level:
        return Level.NONE

    def sees(self, repository: "Repository") -> bool:
        return self.role_in(repository) >= Role.READ

    def __repr__(self) -> str:
        return f"@{self.login}"
