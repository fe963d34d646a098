"""Mutations of issues, of the links between them, of labels and assignees."""

from collections.abc import Mapping, Sequence

from bot.localhub.graphql.ask import Ask
from bot.localhub.graphql.write.mutation import Input, mutation, the
from bot.localhub.model.errors import HubError, NotFound, Validation
from bot.localhub.model.issue import Issue, StateReason, open_issue
from bot.localhub.model.issue_links import add_sub_issue, block, move_sub_issue, remove_sub_issue, unblock
from bot.localhub.model.label import Label, Milestone
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User

REASONS: dict[str, StateReason] = {"COMPLETED": "completed", "NOT_PLANNED": "not_planned", "DUPLICATE": "duplicate"}


class CreateIssue(Input):
    repository_id: str
    title: str
    body: str | None = None
    assignee_ids: list[str] | None = None
    label_ids: list[str] | None = None
    milestone_id: str | None = None
    parent_issue_id: str | None = None


async def users(ask: Ask, ids: Sequence[str] | None) -> list[User]:
    return [await the(ask, User, one) for one in ids or ()]


async def label_names(ask: Ask, ids: Sequence[str] | None) -> list[str]:
    return [(await the(ask, Label, one)).name for one in ids or ()]


async def labelable(ask: Ask, global_id: str) -> Issue:
    """The issue side of an issue or pull request."""
    found = await the(ask, object, global_id)
    if isinstance(found, PullRequest):
        return found.issue
    return found if isinstance(found, Issue) else await the(ask, Issue, global_id)


@mutation("createIssue", CreateIssue)
async def _create(ask: Ask, given: CreateIssue) -> Mapping[str, object]:
    """Creates and links in one: a parent that refuses the issue leaves no issue behind."""
    repository = await the(ask, Repository, given.repository_id)
    parent = await the(ask, Issue, given.parent_issue_id) if given.parent_issue_id is not None else None
    milestone = await the(ask, Milestone, given.milestone_id) if given.milestone_id is not None else None
    labels, people = await label_names(ask, given.label_ids), await users(ask, given.assignee_ids)
    if parent is not None:
        parent.require_triage(ask.actor)
        if len(parent.sub_issues) >= ask.hub.settings.max_sub_issues:
            raise Validation(message=f"Parent cannot have more than {ask.hub.settings.max_sub_issues} sub-issues")
    issue = open_issue(
        repository, ask.actor, given.title, given.body, labels=labels, assignees=people, milestone=milestone
    )
    if parent is not None:
        add_sub_issue(parent, ask.actor, issue)
    return {"issue": issue}


class UpdateIssue(Input):
    id: str
    title: str | None = None
    body: str | None = None
    state: str | None = None
    assignee_ids: list[str] | None = None
    label_ids: list[str] | None = None
    milestone_id: str | None = None


@mutation("updateIssue", UpdateIssue)
async def _update(ask: Ask, given: UpdateIssue) -> Mapping[str, object]:
    issue = await the(ask, Issue, given.id)
    issue.edit(ask.actor, title=given.title, body=given.body)
    await set_details(ask, issue, given)
    if given.state is not None:
        set_state(ask, issue, given.state)
    return {"issue": issue, "actor": ask.actor.account}


def set_state(ask: Ask, issue: Issue, state: str) -> None:
    """Close or open it."""
    if state == "CLOSED":
        issue.close(ask.actor)
    else:
        issue.reopen(ask.actor)


async def set_details(ask: Ask, issue: Issue, given: Input) -> None:
    """Labels, assignees and milestone of an input that has them; a null milestone takes it away."""
    labels = getattr(given, "label_ids", None)
    if isinstance(labels, list):
        issue.set_labels(ask.actor, await label_names(ask, labels))
    people = getattr(given, "assignee_ids", None)
    if isinstance(people, list):
        issue.set_assignees(ask.actor, await users(ask, people))
    if "milestone_id" in given.model_fields_set:
        wanted = getattr(given, "milestone_id", None)
        issue.set_milestone(ask.actor, await the(ask, Milestone, wanted) if isinstance(wanted, str) else None)


class CloseIssue(Input):
    issue_id: str
    state_reason: str | None = None


@mutation("closeIssue", CloseIssue)
async def _close(ask: Ask, given: CloseIssue) -> Mapping[str, object]:
    issue = await the(ask, Issue, given.issue_id)
    issue.close(ask.actor, REASONS[given.state_reason or "COMPLETED"])
    return {"issue": issue}


class OneIssue(Input):
    issue_id: str


@mutation("reopenIssue", OneIssue)
async def _reopen(ask: Ask, given: OneIssue) -> Mapping[str, object]:
    issue = await the(ask, Issue, given.issue_id)
    issue.reopen(ask.actor)
    return {"issue": issue}


class AddSubIssue(Input):
    issue_id: str
    sub_issue_id: str | None = None
    sub_issue_url: str | None = None
    replace_parent: bool | None = None


def _by_url(ask: Ask, url: str) -> Issue:
    parts = url.rstrip("/").split("/")
    repository = ask.hub.find_repository("/".join(parts[-4:-2]))
    if repository is None or not parts[-1].isdecimal():
        raise NotFound(f"Could not resolve to an issue with the URL '{url}'.")
    return repository.issue(int(parts[-1]))


@mutation("addSubIssue", AddSubIssue)
async def _add_sub_issue(ask: Ask, given: AddSubIssue) -> Mapping[str, object]:
    parent = await the(ask, Issue, given.issue_id)
    child = (
        _by_url(ask, given.sub_issue_url)
        if given.sub_issue_id is None and given.sub_issue_url is not None
        else await the(ask, Issue, given.sub_issue_id or "")
    )
    add_sub_issue(parent, ask.actor, child, replace_parent=bool(given.replace_parent))
    return {"issue": parent, "subIssue": child}


class SubIssue(Input):
    issue_id: str
    sub_issue_id: str


@mutation("removeSubIssue", SubIssue)
async def _remove_sub_issue(ask: Ask, given: SubIssue) -> Mapping[str, object]:
    parent, child = await the(ask, Issue, given.issue_id), await the(ask, Issue, given.sub_issue_id)
    remove_sub_issue(parent, ask.actor, child)
    return {"issue": parent, "subIssue": child}


class Reprioritize(SubIssue):
    after_id: str | None = None
    before_id: str | None = None


@mutation("reprioritizeSubIssue", Reprioritize)
async def _reprioritize(ask: Ask, given: Reprioritize) -> Mapping[str, object]:
    parent, child = await the(ask, Issue, given.issue_id), await the(ask, Issue, given.sub_issue_id)
    after = await the(ask, Issue, given.after_id) if given.after_id is not None else None
    before = await the(ask, Issue, given.before_id) if given.before_id is not None else None
    move_sub_issue(parent, ask.actor, child, after=after, before=before)
    return {"issue": parent}


class Dependency(Input):
    issue_id: str
    blocking_issue_id: str


@mutation("addBlockedBy", Dependency)
async def _block(ask: Ask, given: Dependency) -> Mapping[str, object]:
    issue, blocker = await the(ask, Issue, given.issue_id), await the(ask, Issue, given.blocking_issue_id)
    block(issue, ask.actor, blocker)
    return {"issue": issue, "blockingIssue": blocker}


@mutation("removeBlockedBy", Dependency)
async def _unblock(ask: Ask, given: Dependency) -> Mapping[str, object]:
    issue, blocker = await the(ask, Issue, given.issue_id), await the(ask, Issue, given.blocking_issue_id)
    unblock(issue, ask.actor, blocker)
    return {"issue": issue, "blockingIssue": blocker}


class Labels(Input):
    labelable_id: str
    label_ids: list[str]


@mutation("addLabelsToLabelable", Labels)
async def _add_labels(ask: Ask, given: Labels) -> Mapping[str, object]:
    issue = await labelable(ask, given.labelable_id)
    issue.add_labels(ask.actor, *await label_names(ask, given.label_ids))
    return {"labelable": issue.pull_request or issue}


@mutation("removeLabelsFromLabelable", Labels)
async def _remove_labels(ask: Ask, given: Labels) -> Mapping[str, object]:
    """A label that is not on is no error here, other than in REST."""
    issue = await labelable(ask, given.labelable_id)
    issue.require_triage(ask.actor)
    for name in await label_names(ask, given.label_ids):
        if issue.has_label(name):
            issue.remove_label(ask.actor, name)
    return {"labelable": issue.pull_request or issue}


class CreateLabel(Input):
    repository_id: str
    name: str
    color: str
    description: str | None = None


@mutation("createLabel", CreateLabel)
async def _create_label(ask: Ask, given: CreateLabel) -> Mapping[str, object]:
    repository = await the(ask, Repository, given.repository_id)
    return {"label": repository.create_label(ask.actor, given.name, given.color, given.description)}


class ReplaceActors(Input):
    assignable_id: str
    actor_ids: list[str] | None = None
    actor_logins: list[str] | None = None


@mutation("replaceActorsForAssignable", ReplaceActors)
async def _replace_actors(ask: Ask, given: ReplaceActors) -> Mapping[str, object]:
    issue = await labelable(ask, given.assignable_id)
    people = await users(ask, given.actor_ids)
    for login in given.actor_logins or ():
        people.append(by_login(ask, login))
    issue.set_assignees(ask.actor, people)
    return {"assignable": issue.pull_request or issue}


def by_login(ask: Ask, login: str) -> User:
    """The account; `@me` is the asker."""
    try:
        return ask.actor.account if login == "@me" else ask.hub.user(login)
    except HubError:
        raise NotFound(f"Could not resolve to a User with the login of '{login}'.") from None
