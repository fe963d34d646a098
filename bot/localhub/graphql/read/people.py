"""The people of a repository: who can be assigned, and who has which role."""

from dataclasses import dataclass

from bot.localhub.graphql.ask import Ask
from bot.localhub.graphql.connection import Connection, Edge, Page, never
from bot.localhub.graphql.read.repository import REPOSITORY
from bot.localhub.graphql.registry import Fields
from bot.localhub.model.actor import Role
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User


@dataclass(frozen=True, slots=True)
class Member:
    """A person with a role here."""

    user: User
    role: Role


def members(repository: Repository) -> list[Member]:
    """The owner and those invited."""
    owner = [] if repository.owner.type == "Organization" else [Member(repository.owner, Role.ADMIN)]
    hub = repository.hub
    return owner + [Member(hub.user(login), role) for login, role in repository.collaborators.items()]


class PeoplePage(Page):
    query: str | None = None


def _matching(one: Repository, query: str | None) -> list[User]:
    words = (query or "").casefold()
    return [found.user for found in members(one) if words in found.user.login.casefold()]


@REPOSITORY.takes("assignableUsers", PeoplePage)
def _assignable(one: Repository, _ask: Ask, given: PeoplePage) -> Connection:
    return Connection(_matching(one, given.query), given)


class SuggestedPage(PeoplePage):
    capabilities: list[str] | None = None
    login_names: str | None = None


@REPOSITORY.takes("suggestedActors", SuggestedPage)
def _suggested(one: Repository, _ask: Ask, given: SuggestedPage) -> Connection:
    names = None if given.login_names is None else set(given.login_names.casefold().split(","))
    found = [user for user in _matching(one, given.query) if names is None or user.login.casefold() in names]
    return Connection(found, given)


class CollaboratorsPage(PeoplePage):
    affiliation: str | None = None
    login: str | None = None


@dataclass(frozen=True, slots=True)
class Collaborators(Connection):
    """People with their roles."""

    @property
    def edges(self) -> list[Edge]:
        return [Edge(str(index), one) for index, one in enumerate(self.nodes)]


@REPOSITORY.takes("collaborators", CollaboratorsPage)
def _collaborators(one: Repository, _ask: Ask, given: CollaboratorsPage) -> Collaborators:
    words = (given.query or "").casefold()
    found = [
        member for member in members(one)
        if words in member.user.login.casefold() and given.login in (None, member.user.login)
    ]  # fmt: skip
    return Collaborators(found, given)


COLLABORATORS = Fields("RepositoryCollaboratorConnection", Connection, never)
COLLABORATORS.reads(
    nodes=lambda found: [one.user for one in found.nodes if isinstance(one, Member)],
    edges=lambda found: found.edges,
    pageInfo=lambda found: found.info,
    totalCount=lambda found: len(found.everything),
)


def _member(edge: Edge) -> Member:
    assert isinstance(edge.node, Member)
    return edge.node


COLLABORATOR = Fields("RepositoryCollaboratorEdge", Edge, never)
COLLABORATOR.reads(
    cursor=lambda edge: edge.cursor,
    node=lambda edge: _member(edge).user,
    permission=lambda edge: _member(edge).role.name,
)
