"""Who acts, and what they may do.

A user acts with the role that they have in a repository; an App acts through an installation with the
permissions of its token. `require` is the one place that says no, in GitHub's words.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING

from bot.localhub.model.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from bot.localhub.model.app import App
    from bot.localhub.model.repository import Repository
    from bot.localhub.model.user import User


class Role(IntEnum):
    """A user's role in a repository, weakest first ("Repository roles for an organization")."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5


class Level(IntEnum):
    """An App permission's access level."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


class Actor(ABC):
    """Somebody who asks for something: a `User`, or an App through a `TokenActor`."""

    @property
    @abstractmethod
    def account(self) -> "User":
        """The account that is shown as author and sender; an App's is its bot user."""

    @property
    @abstractmethod
    def app(self) -> "App | None":
        """The App that acts, if one does."""

    @property
    @abstractmethod
    def actor_id(self) -> str:
        """Whose limits are charged."""

    @abstractmethod
    def role_in(self, repository: "Repository") -> Role:
        """The role of a user; an App has none and is asked for its levels."""

    @abstractmethod
    def level_in(self, repository: "Repository", permission: str) -> Level:
        """The access level of an App's token to `permission` (`issues`, `contents`, …) there."""

    @abstractmethod
    def sees(self, repository: "Repository") -> bool:
        """Whether the repository exists for this actor."""


def require_sight(actor: Actor | None, repository: "Repository") -> None:
    """NotFound unless the actor may know that the repository exists. None is the public."""
    if repository.private and (actor is None or not actor.sees(repository)):
        raise NotFound


def require(
    actor: Actor,
    repository: "Repository",
    *,
    role: Role,
    permissions: Sequence[str],
    level: Level = Level.WRITE,
) -> None:
    """Raise NotFound or Forbidden unless the actor may.

    A user needs `role`; an App needs `level` on any one of `permissions`. Reads of a public repository
    are allowed to everybody who is signed in.
    """
    require_sight(actor, repository)
    if level is Level.READ and not repository.private and (actor.app is None or actor.sees(repository) is False):
        return
    if level is Level.WRITE and repository.archived:
        raise Forbidden("Repository was archived so is read-only.")
    if actor.app is not None:
        if not any(actor.level_in(repository, name) >= level for name in permissions):
            accepted = "; ".join(f"{name}={level.name.lower()}" for name in permissions)
            raise Forbidden(accepted=accepted)
        return
    if actor.role_in(repository) < role:
        words = "Must have admin rights to Repository." if role >= Role.ADMIN else "Must have push access to repository"
        raise Forbidden(words)


def may(actor: Actor, repository: "Repository", *, role: Role, permissions: Sequence[str]) -> bool:
    """Whether `require` for a write would pass."""
    try:
        require(actor, repository, role=role, permissions=permissions)
    except (NotFound, Forbidden):
        return False
    return True
