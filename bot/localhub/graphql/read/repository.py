"""A repository: what it is, and the way to its refs, objects, issues and pull requests."""

from typing import Literal

from bot.localhub.graphql.ask import Ask, readable
from bot.localhub.graphql.connection import Connection, Page
from bot.localhub.graphql.read import git_objects as git
from bot.localhub.graphql.registry import Arguments, Fields
from bot.localhub.model.actor import Actor, Level, Role
from bot.localhub.model.errors import Gone, Moved, NotFound
from bot.localhub.model.issue import Issue
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.repository import Repository

Direction = Literal["ASC", "DESC"]


class Order(Arguments):
    """How a list is sorted."""

    field: str
    direction: Direction = "ASC"


def permission_of(actor: Actor, repository: Repository) -> str | None:
    """`viewerPermission`; an App's is what its contents permission amounts to."""
    if actor.app is not None:
        level = actor.level_in(repository, "contents")
        return {Level.NONE: "READ", Level.READ: "READ"}.get(level, "WRITE") if actor.sees(repository) else None
    role = actor.role_in(repository)
    return None if role is Role.NONE else role.name


REPOSITORY = Fields("Repository", Repository)
REPOSITORY.reads(
    id=lambda one: one.node_id,
    databaseId=lambda one: one.id,
    name=lambda one: one.name,
    nameWithOwner=lambda one: one.full_name,
    owner=lambda one: one.owner,
    description=lambda one: one.description,
    resourcePath=lambda one: f"/{one.full_name}",
    createdAt=lambda one: one.created_at,
    updatedAt=lambda one: one.updated_at,
    pushedAt=lambda one: one.pushed_at,
    isArchived=lambda one: one.archived,
    isPrivate=lambda one: one.private,
    isFork=lambda _: False,
    isDisabled=lambda _: False,
    isLocked=lambda _: False,
    visibility=lambda one: "PRIVATE" if one.private else "PUBLIC",
    parent=lambda _: None,
    homepageUrl=lambda _: None,
    hasIssuesEnabled=lambda _: True,
    hasWikiEnabled=lambda _: False,
    hasProjectsEnabled=lambda _: False,
    hasDiscussionsEnabled=lambda _: False,
    mergeCommitAllowed=lambda one: one.allow_merge_commit,
    squashMergeAllowed=lambda one: one.allow_squash_merge,
    rebaseMergeAllowed=lambda one: one.allow_rebase_merge,
    autoMergeAllowed=lambda _: False,
    allowUpdateBranch=lambda _: True,
    deleteBranchOnMerge=lambda one: one.delete_branch_on_merge,
    viewerDefaultMergeMethod=lambda one: (
        "MERGE" if one.allow_merge_commit else "SQUASH" if one.allow_squash_merge else "REBASE"
    ),
    defaultBranchRef=lambda one: git.ref_of(one, f"refs/heads/{one.default_branch}"),
    issueTemplates=lambda _: [],
    pullRequestTemplates=lambda _: [],
)
REPOSITORY.asks(
    url=lambda one, ask: ask.url(f"/{one.full_name}"),
    sshUrl=lambda one, _: f"git@localhub.invalid:{one.full_name}.git",
    viewerPermission=lambda one, ask: permission_of(ask.actor, one),
    viewerCanAdminister=lambda one, ask: ask.actor.role_in(one) >= Role.ADMIN,
)


async def _is_empty(one: Repository) -> bool:
    return not await one.git.refs("refs/heads")


REPOSITORY.reads(isEmpty=_is_empty)


class RefName(Arguments):
    qualified_name: str


@REPOSITORY.takes("ref", RefName)
async def _ref(one: Repository, _ask: Ask, given: RefName) -> git.GitRef | None:
    name = given.qualified_name
    for candidate in (name, f"refs/heads/{name}", f"refs/tags/{name}"):
        if candidate.startswith("refs/") and (found := await git.ref_of(one, candidate)) is not None:
            return found
    return None


class RefsPage(Page):
    ref_prefix: str
    query: str | None = None
    direction: Direction | None = None
    order_by: Order | None = None


@REPOSITORY.takes("refs", RefsPage)
async def _refs(one: Repository, _ask: Ask, given: RefsPage) -> Connection:
    found = await git.refs_below(one, given.ref_prefix)
    if given.query:
        found = [ref for ref in found if given.query.casefold() in ref.name.removeprefix(given.ref_prefix).casefold()]
    direction = given.order_by.direction if given.order_by is not None else given.direction
    return Connection(found[::-1] if direction == "DESC" else found, given)


class ObjectName(Arguments):
    expression: str | None = None
    oid: str | None = None


@REPOSITORY.takes("object", ObjectName)
async def _object(one: Repository, _ask: Ask, given: ObjectName) -> object:
    if given.expression is not None:
        return await git.expression(one, given.expression)
    return await git.git_object(one, given.oid or "")


class Number(Arguments):
    number: int


def _numbered(one: Repository, number: int, kind: str) -> Issue:
    try:
        found = one.issue(number)
    except (NotFound, Gone):
        raise NotFound(f"Could not resolve to {kind} with the number of {number}.") from None
    except Moved:
        return one.moved[number]
    return found


@REPOSITORY.takes("issue", Number)
def _issue(one: Repository, ask: Ask, given: Number) -> Issue:
    readable(ask, one, "issues")
    found = _numbered(one, given.number, "an Issue")
    if found.pull_request is not None:
        raise NotFound(f"Could not resolve to an Issue with the number of {given.number}.")
    return found


@REPOSITORY.takes("pullRequest", Number)
def _pull(one: Repository, ask: Ask, given: Number) -> PullRequest:
    readable(ask, one, "pull_requests")
    found = _numbered(one, given.number, "a PullRequest").pull_request
    if found is None:
        raise NotFound(f"Could not resolve to a PullRequest with the number of {given.number}.")
    return found


@REPOSITORY.takes("issueOrPullRequest", Number)
def _either(one: Repository, ask: Ask, given: Number) -> Issue | PullRequest:
    readable(ask, one, "issues", "pull_requests")
    found = _numbered(one, given.number, "an issue or pull request")
    return found.pull_request or found
