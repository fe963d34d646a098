"""One GraphQL request: who asks what hub, and what the request has been found to cost."""

from dataclasses import dataclass, field

from bot.localhub.limits import Budget
from bot.localhub.model.actor import Actor, Level, Role, require, require_sight
from bot.localhub.model.errors import HubError, NotFound
from bot.localhub.model.hub import Hub
from bot.localhub.model.repository import Repository


@dataclass(frozen=True, slots=True)
class Cost:
    """What GitHub would count: points, the nodes asked for at most, and the requests behind the points."""

    points: int
    nodes: int


@dataclass(eq=False)
class Ask:
    """What every resolver gets besides its object."""

    hub: Hub
    actor: Actor
    cost: Cost
    budget: Budget
    unserved: list[str] = field(default_factory=list)

    def url(self, path: str) -> str:
        """The address of a page."""
        return f"{self.hub.base_url}{path}"


class Refused(HubError):
    """A refusal that only GraphQL knows, with GraphQL's name for its kind."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def unresolved_node(node_id: str) -> NotFound:
    """What GitHub says to a global id that names nothing the asker may see."""
    return NotFound(f"Could not resolve to a node with the global id of '{node_id}'")


def visible(ask: Ask, repository: Repository) -> bool:
    """Whether the repository exists for the asker."""
    try:
        require_sight(ask.actor, repository)
    except NotFound:
        return False
    return True


def readable(ask: Ask, repository: Repository, *permissions: str) -> None:
    """Refuse an App that may read none of these kinds of things: Forbidden, as for a write."""
    require(ask.actor, repository, role=Role.READ, permissions=permissions, level=Level.READ)
