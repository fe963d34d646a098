"""The root of every query, and the lookup by global id."""

from bot.localhub.graphql.ask import Ask, unresolved_node, visible
from bot.localhub.graphql.connection import Connection, Page
from bot.localhub.graphql.read.git_objects import git_object, ref_of
from bot.localhub.graphql.read.search import find
from bot.localhub.graphql.registry import Arguments, Fields, Unserved
from bot.localhub.model.app import App
from bot.localhub.model.errors import Forbidden, NotFound
from bot.localhub.model.issue import Issue
from bot.localhub.model.node_ids import parse_named_node_id
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User


class Root:
    """What a query starts from."""


QUERY = Fields("Query", Root)
QUERY.reads(id=lambda _: "Query")
QUERY.asks(viewer=lambda _, ask: ask.actor.account)


class RepositoryName(Arguments):
    owner: str
    name: str
    follow_renames: bool = True


@QUERY.takes("repository", RepositoryName)
def _repository(_root: Root, ask: Ask, given: RepositoryName) -> Repository:
    full_name = f"{given.owner}/{given.name}"
    found = ask.hub.find_repository(full_name)
    if found is None and given.follow_renames:
        found = ask.hub.renamed_repository(full_name)
    if found is None or not visible(ask, found):
        raise NotFound(f"Could not resolve to a Repository with the name '{full_name}'.")
    return found


class Login(Arguments):
    login: str


def _account(ask: Ask, login: str, kind: str) -> User:
    try:
        return ask.hub.user(login)
    except NotFound:
        raise NotFound(f"Could not resolve to a {kind} with the login of '{login}'.") from None


@QUERY.takes("user", Login)
def _user(_root: Root, ask: Ask, given: Login) -> User:
    found = _account(ask, given.login, "User")
    if found.type != "User":
        raise NotFound(f"Could not resolve to a User with the login of '{given.login}'.")
    return found


@QUERY.takes("repositoryOwner", Login)
def _owner(_root: Root, ask: Ask, given: Login) -> User:
    return _account(ask, given.login, "RepositoryOwner")


class DryRun(Arguments):
    dry_run: bool = False


@QUERY.takes("rateLimit", DryRun)
def _limit(_root: Root, ask: Ask, _given: DryRun) -> Ask:
    return ask


LIMIT = Fields("RateLimit", Ask)
LIMIT.reads(
    cost=lambda ask: ask.cost.points,
    nodeCount=lambda ask: ask.cost.nodes,
    limit=lambda ask: ask.budget.limit,
    remaining=lambda ask: ask.budget.remaining,
    used=lambda ask: ask.budget.used,
    resetAt=lambda ask: ask.budget.reset_at,
)


class SearchPage(Page):
    query: str
    type: str


@QUERY.takes("search", SearchPage)
def _search(_root: Root, ask: Ask, given: SearchPage) -> Connection:
    if not given.type.startswith("ISSUE"):
        raise Unserved(f"the localhub does not search for {given.type}")
    return Connection(find(ask, given.query), given)


class NodeId(Arguments):
    id: str


class NodeIds(Arguments):
    ids: list[str]


async def node(ask: Ask, global_id: str) -> object:
    """The thing with this global id. Raises NotFound in GitHub's words, also for what the asker may not see."""
    named = parse_named_node_id(global_id)
    found: object = ask.hub.node(global_id)
    if found is None and named is not None:
        kind, number, name = named
        repository = ask.hub.repositories.get(number)
        if repository is not None:
            found = await ref_of(repository, name) if kind == "Ref" else await git_object(repository, name)
    if isinstance(found, Issue) and found.pull_request is not None:
        found = found.pull_request
    if found is None or not sees(ask, found):
        raise unresolved_node(global_id)
    return found


def sees(ask: Ask, thing: object) -> bool:
    """Whether the asker may see the repository that the thing is in."""
    if isinstance(thing, User | App):
        return True
    repository = thing if isinstance(thing, Repository) else getattr(thing, "repository", None)
    if not isinstance(repository, Repository):
        raise Forbidden
    return visible(ask, repository)


@QUERY.takes("node", NodeId)
async def _node(_root: Root, ask: Ask, given: NodeId) -> object:
    return await node(ask, given.id)


@QUERY.takes("nodes", NodeIds)
async def _nodes(_root: Root, ask: Ask, given: NodeIds) -> list[object]:
    """Those that cannot be resolved are null, each with an error of its own."""
    found: list[object] = []
    for one in given.ids:
        try:
            found.append(await node(ask, one))
        except NotFound as error:
            found.append(error)
    return found
