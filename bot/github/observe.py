"""One look at an objective: everything that decide needs, in one GraphQL request.

The pull request of a task is looked up by its head branch, not by closing keywords (they work for the default
branch only) and not by search (it lags). A fork can open a pull request from a branch of the same name, so the
newest two are asked for and those of forks are dropped; where both are of forks, further pages follow.

The price, counted as GitHub does (each connection of each node is a request, a hundred are a point): for 50 tasks
50 x 4 for the issues, 50 + 100 x 4 for the pull requests, a handful for the rest: 7 points.

Sub-issues come by 50, keys by 50, reviews and checks of a pull request by 100 (`crowded`); more of any cost further
requests. An answer with errors is refused whole, except where the number itself is not found: half an answer looks as
if the other half had vanished.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field, JsonValue

from bot.github import reading
from bot.github.client import PacedClient
from bot.github.conversation import comments_of
from bot.github.crowded import read_whole
from bot.github.errors import NotThere
from bot.github.graphql import document, with_parts
from bot.github.identity import Identity
from bot.github.listing import configuration_file
from bot.github.shapes import (
    CommentNode,
    Commit,
    FileNode,
    IssueNode,
    Named,
    ObjectiveNode,
    Page,
    PageInfo,
    PullRequestInstead,
    PullRequestNode,
    Shape,
)
from bot.model.identity import CommitSha, RepositoryName, task_branch
from bot.model.observed import Comment, Issue, Observation, PullRequest

AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Gone:
    """The number is no objective (any more); `reason` is a sentence for people."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class IsPullRequest(Gone):
    """Somebody labelled a pull request. `comments` are its last fifty, so that it is said once."""

    labels: frozenset[str] = frozenset()
    comments: tuple[Comment, ...] = ()


class _RefNode(Shape):
    target: Commit | None = None


class _Repository(Shape):
    name_with_owner: str
    is_empty: bool
    is_archived: bool
    default_branch_ref: Named | None = None
    configuration: FileNode | None = None
    misspelt: FileNode | None = None
    issue_or_pull_request: Annotated[ObjectiveNode | PullRequestInstead, Field(discriminator="typename")] | None = None


class _Look(Shape):
    repository: _Repository | None = None


class _SubIssues(Shape):
    sub_issues: Page[IssueNode]


class _TasksRepository(Shape):
    issue: _SubIssues | None = None


class _Tasks(Shape):
    repository: _TasksRepository | None = None


class _PullRequestsRepository(Shape):
    pull_requests: Page[PullRequestNode]


class _PullRequests(Shape):
    repository: _PullRequestsRepository | None = None


class _Branch(Shape):
    """One key's share of the answer."""

    name: str
    ref: _RefNode | None
    pulls: Page[PullRequestNode]


async def observe(
    client: PacedClient, name: RepositoryName, identity: Identity, objective: int, keys: Sequence[str], label: str
) -> Observation | Gone:
    """See `GitHubRepository.observe`."""
    branches = [task_branch(objective, key) for key in keys]
    look, found = await _first_look(client, name, objective, branches[:AT_ONCE])
    repository = look.repository
    if repository is None:
        raise NotThere(404, str(name))
    if repository.name_with_owner.casefold() != str(name).casefold():
        raise NotThere(301, f"{name}, which is {repository.name_with_owner} now")
    node = repository.issue_or_pull_request
    if gone := _gone(node, objective, repository.name_with_owner, identity):
        return gone
    assert isinstance(node, ObjectiveNode)
    for start in range(AT_ONCE, len(branches), AT_ONCE):
        found += await _more_branches(client, name, branches[start : start + AT_ONCE])
    tasks = [*node.sub_issues.seen(), *await _more_tasks(client, name, objective, node.sub_issues.page_info)]
    here = repository.name_with_owner.casefold()
    return Observation(
        objective=_objective(node, identity, label, await comments_of(client, name, objective, node)),
        tasks=tuple(reading.issue(t, identity) for t in tasks if t.repository.name_with_owner.casefold() == here),
        pull_requests=await _pull_requests(client, name, identity, found),
        default_branch=repository.default_branch_ref.name if repository.default_branch_ref else "",
        empty=repository.is_empty,
        archived=repository.is_archived,
        branches=tuple((b.name, CommitSha(b.ref.target.oid)) for b in found if b.ref and b.ref.target),
        configuration=configuration_file(repository.configuration, repository.misspelt),
    )


def look_document(branches: int) -> str:
    """The query for one look with so many task branches."""
    opened, closing = document("observe").split("# the aliases of the branches\n")
    return with_parts(_declaring(opened, branches) + _aliases(branches) + closing)


def branches_document(branches: int) -> str:
    """The query for task branches alone."""
    opened, closing = document("branches").split("# the aliases of the branches\n")
    return with_parts(_declaring(opened, branches) + _aliases(branches) + closing)


def _declaring(opened: str, branches: int) -> str:
    declared = "".join(f", $ref{n}: String!, $branch{n}: String!" for n in range(branches))
    return opened.replace("$name: String!", "$name: String!" + declared, 1)


def _aliases(branches: int) -> str:
    newest = "first: 2, orderBy: { field: CREATED_AT, direction: DESC }"
    return "".join(
        f"    ref{n}: ref(qualifiedName: $ref{n}) {{ target {{ oid }} }}\n"
        f"    pulls{n}: pullRequests(headRefName: $branch{n}, {newest}) "
        "{ nodes { ...PullRequestParts } pageInfo { hasNextPage endCursor } }\n"
        for n in range(branches)
    )


def _variables(name: RepositoryName, branches: Sequence[str]) -> dict[str, JsonValue]:
    variables: dict[str, JsonValue] = {"owner": name.owner, "name": name.name}
    for n, branch in enumerate(branches):
        variables[f"ref{n}"] = f"refs/heads/{branch}"
        variables[f"branch{n}"] = branch
    return variables


async def _first_look(
    client: PacedClient, name: RepositoryName, objective: int, branches: Sequence[str]
) -> tuple[_Look, list[_Branch]]:
    variables = {**_variables(name, branches), "number": objective}
    reply = await client.query("observe", look_document(len(branches)), variables)
    look = reply.as_data(_Look, [("repository",), ("repository", "issueOrPullRequest")])
    return look, _branches_in(reply.data or {}, branches)


async def _more_branches(client: PacedClient, name: RepositoryName, branches: Sequence[str]) -> list[_Branch]:
    reply = await client.query("observe", branches_document(len(branches)), _variables(name, branches))
    reply.as_data(Shape)
    return _branches_in(reply.data or {}, branches)


def _branches_in(data: Mapping[str, JsonValue], branches: Sequence[str]) -> list[_Branch]:
    """The aliased parts; nothing where the repository is not there."""
    parts = data.get("repository")
    if not isinstance(parts, dict):
        return []
    return [
        _Branch.model_validate({"name": branch, "ref": parts.get(f"ref{n}"), "pulls": parts.get(f"pulls{n}")})
        for n, branch in enumerate(branches)
    ]


async def _more_tasks(
    client: PacedClient, name: RepositoryName, objective: int, page: PageInfo
) -> tuple[IssueNode, ...]:
    found: list[IssueNode] = []
    while page.has_next_page:
        variables: dict[str, JsonValue] = {
            "owner": name.owner,
            "name": name.name,
            "number": objective,
            "after": page.end_cursor,
        }
        reply = await client.query("observe", with_parts(document("tasks")), variables)
        data = reply.as_data(_Tasks)
        if data.repository is None or data.repository.issue is None:
            raise NotThere(404, f"{name}#{objective}")
        found.extend(data.repository.issue.sub_issues.seen())
        page = data.repository.issue.sub_issues.page_info
    return tuple(found)


async def _pull_requests(
    client: PacedClient, name: RepositoryName, identity: Identity, branches: Sequence[_Branch]
) -> tuple[PullRequest, ...]:
    found: dict[int, PullRequestNode] = {}
    for branch in branches:
        own = [pull for pull in branch.pulls.seen() if not pull.is_cross_repository]
        page = branch.pulls.page_info
        while not own and page.has_next_page:
            further = await _more_pull_requests(client, name, branch.name, page.end_cursor)
            own = [pull for pull in further.seen() if not pull.is_cross_repository]
            page = further.page_info
        found.update((pull.number, pull) for pull in own)
    whole = await read_whole(client, name, [found[number] for number in sorted(found)])
    return tuple(reading.pull_request(pull, identity) for pull in whole)


async def _more_pull_requests(
    client: PacedClient, name: RepositoryName, branch: str, after: str | None
) -> Page[PullRequestNode]:
    variables: dict[str, JsonValue] = {"owner": name.owner, "name": name.name, "branch": branch, "after": after}
    reply = await client.query("observe", with_parts(document("pull_requests")), variables)
    data = reply.as_data(_PullRequests)
    if data.repository is None:
        raise NotThere(404, str(name))
    return data.repository.pull_requests


def _gone(
    node: ObjectiveNode | PullRequestInstead | None, number: int, repository: str, identity: Identity
) -> Gone | None:
    if node is None:
        return Gone(number, f"issue #{number} is not there: it was deleted, or transferred to another repository")
    if isinstance(node, PullRequestInstead):
        return IsPullRequest(
            number,
            f"#{number} is a pull request, and only issues can be handed off",
            frozenset(label.name for label in node.labels.seen()) if node.labels else frozenset(),
            tuple(reading.comment(one, identity) for one in node.comments.seen()),
        )
    if node.repository.name_with_owner.casefold() != repository.casefold() or node.number != number:
        return Gone(number, f"issue #{number} was transferred to {node.repository.name_with_owner}#{node.number}")
    return None


def _objective(node: ObjectiveNode, identity: Identity, label: str, comments: tuple[CommentNode, ...]) -> Issue:
    issue = reading.issue(node, identity, comments)
    return replace(issue, labelling=reading.labelling(node.labellings.seen(), label))
