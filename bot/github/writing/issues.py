"""Writes that make, link and close issues."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue

from bot.github import reading
from bot.github.client import Request, parsed
from bot.github.errors import GitHubError, NotThere, OutcomeUnknown, Refused
from bot.github.graphql import Reply, document, with_parts
from bot.github.shapes import IssueNode, Shape
from bot.github.shares import Urgency
from bot.github.writing.target import LONGEST_TITLE, Target, fitted
from bot.model.action import CloseIssue, CreateTasks, Dependency, EditIssue, LinkDependencies, NewTask
from bot.model.fact import DependencyLinked, Fact, IssueClosed, IssueEdited, TaskCreated
from bot.model.observed import Issue

AT_ONCE = 10
_LINKED_ALREADY = re.compile(r"already|taken|duplicate|exists", re.IGNORECASE)


class _Created(Shape):
    issue: IssueNode | None = None


class _RepositoryId(Shape):
    id: str


class _Whose(Shape):
    repository: _RepositoryId | None = None


class _Edited(Shape):
    body: str | None = None


class _Closed(Shape):
    closed_at: datetime | None = None


async def create_tasks(target: Target, action: CreateTasks) -> tuple[Fact, ...]:
    """In order, ten to a request: `createIssue` makes and links a sub-issue in one mutation, and the mutations of
    a request run one after another. Where one fails, the error carries the facts of those before it."""
    target.client.check_turn("graphql", min(AT_ONCE, len(action.tasks)))
    repository = await _repository_id(target)
    facts: list[Fact] = []
    try:
        for start in range(0, len(action.tasks), AT_ONCE):
            batch = action.tasks[start : start + AT_ONCE]
            variables: dict[str, JsonValue] = {
                f"input{n}": _new_issue(task, repository, action.objective_node_id) for n, task in enumerate(batch)
            }
            reply = await target.mutate(
                "create tasks", creating(len(batch)), variables, creates=len(batch), urgency=Urgency.WORK
            )
            facts.extend(_created(target, reply, len(batch)))
            _raise_for_errors(reply)
    except GitHubError as error:
        error.facts = tuple(facts)
        raise
    return tuple(facts)


def creating(count: int) -> str:
    """The mutation that creates so many issues."""
    declared = ", ".join(f"$input{n}: CreateIssueInput!" for n in range(count))
    parts = "".join(f"  made{n}: createIssue(input: $input{n}) {{ issue {{ ...TaskParts }} }}\n" for n in range(count))
    return with_parts(f"mutation CreateTasks({declared}) {{\n{parts}}}\n")


async def link_dependencies(target: Target, action: LinkDependencies) -> tuple[Fact, ...]:
    """Ten to a request. A link that is there already is as good as made."""
    facts: list[Fact] = []
    try:
        for start in range(0, len(action.dependencies), AT_ONCE):
            batch = action.dependencies[start : start + AT_ONCE]
            variables: dict[str, JsonValue] = {
                f"input{n}": {"issueId": one.node_id, "blockingIssueId": one.blocked_by_node_id}
                for n, one in enumerate(batch)
            }
            reply = await target.mutate("link tasks", linking(len(batch)), variables, creates=0, urgency=Urgency.WORK)
            facts.extend(_linked(reply, batch))
            _raise_for_errors(reply, fine=_LINKED_ALREADY)
    except GitHubError as error:
        error.facts = tuple(facts)
        raise
    return tuple(facts)


def linking(count: int) -> str:
    """The mutation that adds so many dependencies."""
    declared = ", ".join(f"$input{n}: AddBlockedByInput!" for n in range(count))
    parts = "".join(f"  made{n}: addBlockedBy(input: $input{n}) {{ issue {{ number }} }}\n" for n in range(count))
    return f"mutation LinkDependencies({declared}) {{\n{parts}}}\n"


async def edit_issue(target: Target, action: EditIssue) -> tuple[Fact, ...]:
    """The same text twice changes nothing. What reads will show is what GitHub answers."""
    body: JsonValue = {"body": fitted(action.body)}
    path = target.path(f"issues/{action.number}")
    request = Request("edit issue", "PATCH", path, body=body, harmless=True, writes=True, urgency=Urgency.HOUSEKEEPING)
    answer = parsed(_Edited, (await target.send(request)).content)
    return (IssueEdited(action.number, answer.body or ""),)


async def close_issue(target: Target, action: CloseIssue) -> tuple[Fact, ...]:
    """Closing twice changes nothing, so it may be sent twice."""
    body: JsonValue = {"state": "closed", "state_reason": "completed" if action.completed else "not_planned"}
    path = target.path(f"issues/{action.number}")
    answer = await target.send(Request("close issue", "PATCH", path, body=body, harmless=True, writes=True))
    parsed(_Closed, answer.content)
    return (IssueClosed(action.number, action.completed),)


async def _repository_id(target: Target) -> str:
    variables: dict[str, JsonValue] = {"owner": target.repository.owner, "name": target.repository.name}
    found = (await target.client.query("create tasks", document("repository_id"), variables)).as_data(
        _Whose, [("repository",)]
    )
    if found.repository is None:
        raise NotThere(404, str(target.repository))
    return found.repository.id


def _new_issue(task: NewTask, repository: str, parent: str) -> JsonValue:
    return {
        "repositoryId": repository,
        "parentIssueId": parent,
        "title": task.title[:LONGEST_TITLE],
        "body": fitted(task.body),
    }


def _created(target: Target, reply: Reply, count: int) -> list[TaskCreated]:
    parts = [_Created.model_validate((reply.data or {}).get(f"made{n}") or {}) for n in range(count)]
    issues: list[Issue] = [reading.issue(part.issue, target.identity) for part in parts if part.issue is not None]
    return [TaskCreated(issue) for issue in issues]


def _linked(reply: Reply, batch: Sequence[Dependency]) -> list[DependencyLinked]:
    """Those without an error of another kind than that they were linked before."""
    bad = {error.path[:1] for error in reply.errors if not _LINKED_ALREADY.search(error.message)}
    if () in bad or (reply.data is None and not reply.errors):
        return []
    return [DependencyLinked(one.number, one.blocked_by) for n, one in enumerate(batch) if (f"made{n}",) not in bad]


def _raise_for_errors(reply: Reply, fine: re.Pattern[str] | None = None) -> None:
    errors = [error for error in reply.errors if fine is None or not fine.search(error.message)]
    if errors and any(error.type == "INTERNAL" or "something went wrong" in error.message.lower() for error in errors):
        raise OutcomeUnknown("; ".join(error.message for error in errors[:3]))
    if errors:
        raise Refused(200, errors[0].message, tuple(error.message for error in errors[1:5]))
