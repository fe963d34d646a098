"""A repository, its people, labels, milestones and branch rules."""

from dataclasses import dataclass
from typing import Literal

from bot.localhub.graphql.ask import Ask, readable
from bot.localhub.graphql.connection import Connection, Edge, Page, never
from bot.localhub.graphql.read import git_objects as git
from bot.localhub.graphql.registry import Arguments, Fields
from bot.localhub.model.actor import Actor, Level, Role
from bot.localhub.model.errors import Gone, Moved, NotFound
from bot.localhub.model.issue import Issue
from bot.localhub.model.label import Label, Milestone
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.repository import DEFAULT_LABELS, Repository
from bot.localhub.model.rules import BranchRules
from bot.localhub.model.user import User

Direction = Literal["ASC", "DESC"]


class Order(Arguments):
    """How a list is sorted."""

    field: str
    direction: Direction = "ASC"


@dataclass(frozen=True, slots=True)
class Queue:
    """The merge queue of a branch."""

    repository: Repository
    branch: str


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Branch rules, shown as the ruleset they would be."""

    rules: BranchRules


@dataclass(frozen=True, slots=True)
class Member:
    """A person with a role here."""

    user: User
    role: Role


def permission_of(actor: Actor, repository: Repository) -> str | None:
    """`viewerPermission`; an App's is what its contents permission amounts to."""
    if actor.app is not None:
        level = actor.level_in(repository, "contents")
        return {Level.NONE: "READ", Level.READ: "READ"}.get(level, "WRITE") if actor.sees(repository) else None
    role = actor.role_in(repository)
    return None if role is Role.NONE else role.name


def members(repository: Repository) -> list[Member]:
    """The owner and those invited."""
    owner = [] if repository.owner.type == "Organization" else [Member(repository.owner, Role.ADMIN)]
    hub = repository.hub
    return owner + [Member(hub.user(login), role) for login, role in repository.collaborators.items()]


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


class LabelName(Arguments):
    name: str


@REPOSITORY.takes("label", LabelName)
def _label(one: Repository, _ask: Ask, given: LabelName) -> Label | None:
    return one.label(given.name)


class LabelsPage(Page):
    query: str | None = None
    order_by: Order | None = None


def sorted_labels(labels: tuple[Label, ...], order: Order | None) -> list[Label]:
    """By age, or by name."""
    if order is not None and order.field == "NAME":
        found = sorted(labels, key=lambda label: label.name.casefold())
    else:
        found = list(labels)
    return found[::-1] if order is not None and order.direction == "DESC" else found


@REPOSITORY.takes("labels", LabelsPage)
def _labels(one: Repository, _ask: Ask, given: LabelsPage) -> Connection:
    words = (given.query or "").casefold()
    found = [
        label for label in sorted_labels(one.labels, given.order_by)
        if words in label.name.casefold() or words in (label.description or "").casefold()
    ]  # fmt: skip
    return Connection(found, given)


@REPOSITORY.takes("milestone", Number)
def _milestone(one: Repository, _ask: Ask, given: Number) -> Milestone | None:
    return next((found for found in one.milestones if found.number == given.number), None)


class MilestonesPage(Page):
    states: list[str] | None = None
    query: str | None = None
    order_by: Order | None = None


@REPOSITORY.takes("milestones", MilestonesPage)
def _milestones(one: Repository, _ask: Ask, given: MilestonesPage) -> Connection:
    states = given.states or ["OPEN", "CLOSED"]
    words = (given.query or "").casefold()
    found = [each for each in one.milestones if each.state.upper() in states and words in each.title.casefold()]
    down = given.order_by is not None and given.order_by.direction == "DESC"
    return Connection(found[::-1] if down else found, given)


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


@REPOSITORY.takes("branchProtectionRules", Page)
def _protections(one: Repository, _ask: Ask, given: Page) -> Connection:
    return Connection(one.rules, given)


class RulesetsPage(Page):
    include_parents: bool = True
    targets: list[str] | None = None


@REPOSITORY.takes("rulesets", RulesetsPage)
def _rulesets(one: Repository, _ask: Ask, given: RulesetsPage) -> Connection:
    wanted = given.targets is None or "BRANCH" in given.targets
    return Connection([Ruleset(rules) for rules in one.rules] if wanted else [], given)


class BranchName(Arguments):
    branch: str | None = None


@REPOSITORY.takes("mergeQueue", BranchName)
def _queue(one: Repository, _ask: Ask, given: BranchName) -> Queue | None:
    branch = given.branch or one.default_branch
    rules = one.rules_for(branch)
    return Queue(one, branch) if rules is not None and rules.merge_queue else None


QUEUE = Fields("MergeQueue", Queue)
QUEUE.reads(id=lambda one: f"MQ_{one.repository.id}_{one.branch}")
QUEUE.asks(url=lambda one, ask: ask.url(f"/{one.repository.full_name}/queue/{one.branch}"))

RULESET = Fields("RepositoryRuleset", Ruleset)
RULESET.reads(
    id=lambda one: f"RRS_{one.rules.id}",
    databaseId=lambda one: one.rules.id,
    name=lambda one: one.rules.pattern,
    enforcement=lambda _: "ACTIVE",
    target=lambda _: "BRANCH",
)

PROTECTION = Fields("BranchProtectionRule", BranchRules)
PROTECTION.reads(
    id=lambda one: one.node_id,
    databaseId=lambda one: one.id,
    pattern=lambda one: one.pattern,
    requiresStatusChecks=lambda one: bool(one.required_checks),
    requiresStrictStatusChecks=lambda one: one.strict,
    requiredStatusCheckContexts=lambda one: list(one.required_checks),
    requiresApprovingReviews=lambda one: one.required_reviews > 0,
    requiredApprovingReviewCount=lambda one: one.required_reviews or None,
    isAdminEnforced=lambda _: True,
    requiresLinearHistory=lambda _: False,
    allowsForcePushes=lambda _: False,
    allowsDeletions=lambda _: False,
)

LABEL = Fields("Label", Label)
LABEL.reads(
    id=lambda one: one.node_id,
    name=lambda one: one.name,
    description=lambda one: one.description,
    color=lambda one: one.color,
    isDefault=lambda one: one.name in DEFAULT_LABELS,
    createdAt=lambda one: one.repository.created_at,
    updatedAt=lambda one: one.repository.created_at,
    repository=lambda one: one.repository,
)
LABEL.asks(url=lambda one, ask: ask.url(f"/{one.repository.full_name}/labels/{one.name}"))


def _progress(one: Milestone) -> float:
    inside = [issue for issue in one.repository.issues.values() if issue.milestone is one]
    return 100.0 * sum(issue.state == "closed" for issue in inside) / len(inside) if inside else 0.0


def _milestone_path(one: Milestone) -> str:
    return f"/{one.repository.full_name}/milestone/{one.number}"


MILESTONE = Fields("Milestone", Milestone)
MILESTONE.reads(
    id=lambda one: one.node_id,
    number=lambda one: one.number,
    title=lambda one: one.title,
    description=lambda one: one.description,
    dueOn=lambda one: one.due_on,
    state=lambda one: one.state.upper(),
    closed=lambda one: one.state == "closed",
    closedAt=lambda one: one.closed_at,
    progressPercentage=_progress,
    resourcePath=_milestone_path,
)
MILESTONE.asks(url=lambda one, ask: ask.url(_milestone_path(one)))
