"""Issues: list, open, read, edit, lock; labels and assignees on them; their events and timeline."""

from datetime import datetime
from typing import Literal

from bot.localhub.model.actor import Role, may
from bot.localhub.model.errors import NotFound, Validation, invalid
from bot.localhub.model.issue import Issue, StateReason, open_issue
from bot.localhub.model.timeline import TimelineEvent
from bot.localhub.render.issues import event_json, issue_json, timeline_comment_json, timeline_json
from bot.localhub.render.json import Json
from bot.localhub.render.pulls import review_json
from bot.localhub.rest.call import NO_CONTENT, Answer, Body, Call, Endpoint
from bot.localhub.rest.labels import shown as label_shown


class LabelName(Body):
    """A label given as an object."""

    name: str


class NewIssue(Body):
    title: str | int
    body: str | None = None
    labels: tuple[str | LabelName, ...] = ()
    assignees: tuple[str, ...] = ()
    milestone: int | None = None


class IssueChange(Body):
    title: str | int | None = None
    body: str | None = None
    state: Literal["open", "closed"] | None = None
    state_reason: StateReason | None = None
    labels: tuple[str | LabelName, ...] | None = None
    assignees: tuple[str, ...] | None = None
    milestone: int | None = None


class Labels(Body):
    labels: tuple[str | LabelName, ...] = ()


class Assignees(Body):
    assignees: tuple[str, ...] = ()


def names(labels: tuple[str | LabelName, ...]) -> list[str]:
    """Label names, however given."""
    return [one if isinstance(one, str) else one.name for one in labels]


async def list_issues(call: Call) -> Answer:
    repository = call.readable("issues", "pull_requests")
    found = [one for one in repository.issues.values() if _wanted(call, one)]
    key = call.query("sort", "created")

    def order(issue: Issue) -> tuple[datetime | int, int]:
        if key == "comments":
            return len(issue.comments), issue.number
        return issue.updated_at if key == "updated" else issue.created_at, issue.number

    found.sort(key=order, reverse=call.query("direction", "desc") == "desc")
    return call.page(found, issue_json)


def _wanted(call: Call, issue: Issue) -> bool:
    state, labels = call.query("state", "open"), [one for one in call.query("labels").split(",") if one]
    since, creator, assignee = call.query("since"), call.query("creator"), call.query("assignee")
    milestone = call.query("milestone")
    return (
        state in ("all", issue.state)
        and all(issue.has_label(one) for one in labels)
        and (not since or issue.updated_at >= datetime.fromisoformat(since))
        and (not creator or issue.user.login.casefold() == creator.casefold())
        and (assignee in ("", "*") or (assignee == "none" and not issue.assignees)
             or any(one.login.casefold() == assignee.casefold() for one in issue.assignees))
        and (milestone in ("", "*") or (milestone == "none" and issue.milestone is None)
             or (issue.milestone is not None and str(issue.milestone.number) == milestone))
    )  # fmt: skip


async def create_issue(call: Call) -> Answer:
    asked, repository = call.body(NewIssue), call.repository
    issue = open_issue(
        repository,
        call.actor,
        str(asked.title),
        asked.body,
        labels=names(asked.labels),
        assignees=call.users(asked.assignees),
        milestone=repository.milestone(asked.milestone) if asked.milestone is not None else None,
    )
    found = issue_json(issue)
    return Answer(found, 201, {"location": str(found["url"])})


async def get_issue(call: Call) -> Answer:
    return Answer(issue_json(call.issue))


async def edit_issue(call: Call) -> Answer:
    issue, asked, actor = call.issue, call.body(IssueChange), call.actor
    if asked.state_reason == "reopened" and asked.state == "closed":
        raise invalid("Issue", "state_reason")
    if not asked.model_fields_set & set(IssueChange.model_fields):
        issue.edit(actor)
    if asked.title is not None or "body" in asked.model_fields_set:
        body = (asked.body or "") if "body" in asked.model_fields_set else None
        issue.edit(actor, title=str(asked.title) if asked.title is not None else None, body=body)
    if asked.labels is not None:
        issue.set_labels(actor, names(asked.labels))
    if asked.assignees is not None:
        issue.set_assignees(actor, call.users(asked.assignees))
    if "milestone" in asked.model_fields_set:
        number = asked.milestone
        issue.set_milestone(actor, issue.repository.milestone(number) if number is not None else None)
    if asked.state == "closed":
        issue.close(actor, asked.state_reason or "completed")
    elif asked.state == "open":
        issue.reopen(actor)
    return Answer(issue_json(issue))


async def lock(call: Call) -> Answer:
    call.issue.set_locked(call.actor, True)
    return NO_CONTENT


async def unlock(call: Call) -> Answer:
    call.issue.set_locked(call.actor, False)
    return NO_CONTENT


async def list_labels(call: Call) -> Answer:
    return call.page(call.issue.labels, label_shown)


def _labels(issue: Issue) -> list[Json]:
    return [label_shown(one) for one in issue.labels]


async def add_labels(call: Call) -> Answer:
    issue = call.issue
    issue.add_labels(call.actor, *names(_label_body(call)))
    return Answer(_labels(issue))


async def set_labels(call: Call) -> Answer:
    issue = call.issue
    issue.set_labels(call.actor, names(_label_body(call)))
    return Answer(_labels(issue))


def _label_body(call: Call) -> tuple[str | LabelName, ...]:
    """Either an object with `labels`, or the bare list."""
    if call.raw.lstrip().startswith(b"["):
        call = Call(call.hub, call.caller, call.request, b'{"labels":' + call.raw + b"}", call.path)
    return call.body(Labels).labels


async def remove_label(call: Call) -> Answer:
    issue = call.issue
    issue.remove_label(call.actor, call.part("name"))
    return Answer(_labels(issue))


async def remove_all_labels(call: Call) -> Answer:
    call.issue.set_labels(call.actor, [])
    return NO_CONTENT


async def add_assignees(call: Call) -> Answer:
    issue = call.issue
    more = call.users(call.body(Assignees).assignees)
    wanted = (*issue.assignees, *(one for one in more if one not in issue.assignees))
    if len(wanted) > 10:
        raise Validation(message="Issues cannot have more than 10 assignees")
    issue.set_assignees(call.actor, wanted)
    return Answer(issue_json(issue), 201)


async def remove_assignees(call: Call) -> Answer:
    issue = call.issue
    gone = call.users(call.body(Assignees).assignees)
    issue.set_assignees(call.actor, [one for one in issue.assignees if one not in gone])
    return Answer(issue_json(issue))


async def list_events(call: Call) -> Answer:
    issue = call.issue
    shown = [one for one in issue.timeline if one.event != "cross-referenced"]
    return call.page(shown, lambda event: event_json(issue, event))


async def list_timeline(call: Call) -> Answer:
    """Events, comments and reviews, oldest first."""
    issue = call.issue
    entries: list[tuple[datetime, Json]] = []
    for event in issue.timeline:
        entries.append((event.created_at, timeline_json(issue, event)))
    for comment in issue.comments:
        entries.append((comment.created_at, timeline_comment_json(comment)))
    for review in issue.pull_request.reviews if issue.pull_request is not None else ():
        if review.submitted_at is not None:
            entries.append((review.submitted_at, {**review_json(review), "event": "reviewed"}))
    entries.sort(key=lambda entry: entry[0])
    return call.page(entries, lambda entry: entry[1])


async def get_event(call: Call) -> Answer:
    wanted = call.number("event_id")
    for issue in call.readable("issues").issues.values():
        for event in issue.timeline:
            if event.id == wanted:
                return Answer({**event_json(issue, event), "issue": issue_json(issue)})
    raise NotFound


async def list_repository_events(call: Call) -> Answer:
    """The events of all issues, newest first."""
    found: list[tuple[Issue, TimelineEvent]] = []
    for issue in call.readable("issues").issues.values():
        found += [(issue, event) for event in issue.timeline if event.event != "cross-referenced"]
    found.sort(key=lambda pair: pair[1].id, reverse=True)
    return call.page(found, lambda pair: {**event_json(*pair), "issue": issue_json(pair[0])})


async def check_assignee(call: Call) -> Answer:
    user = call.hub.user(call.part("assignee"))
    if not may(user, call.repository, role=Role.READ, permissions=()):
        raise NotFound
    return NO_CONTENT


_ISSUE = "/repos/{owner}/{repo}/issues/{issue_number}"
ENDPOINTS = [
    Endpoint("GET", "/repos/{owner}/{repo}/issues", list_issues),
    Endpoint("POST", "/repos/{owner}/{repo}/issues", create_issue, content=True),
    Endpoint("GET", "/repos/{owner}/{repo}/issues/events", list_repository_events),
    Endpoint("GET", "/repos/{owner}/{repo}/issues/events/{event_id}", get_event),
    Endpoint("GET", "/repos/{owner}/{repo}/assignees/{assignee}", check_assignee),
    Endpoint("GET", _ISSUE, get_issue),
    Endpoint("PATCH", _ISSUE, edit_issue),
    Endpoint("PUT", _ISSUE + "/lock", lock),
    Endpoint("DELETE", _ISSUE + "/lock", unlock),
    Endpoint("GET", _ISSUE + "/labels", list_labels),
    Endpoint("POST", _ISSUE + "/labels", add_labels),
    Endpoint("PUT", _ISSUE + "/labels", set_labels),
    Endpoint("DELETE", _ISSUE + "/labels", remove_all_labels),
    Endpoint("DELETE", _ISSUE + "/labels/{name}", remove_label),
    Endpoint("POST", _ISSUE + "/assignees", add_assignees),
    Endpoint("DELETE", _ISSUE + "/assignees", remove_assignees),
    Endpoint("GET", _ISSUE + "/events", list_events),
    Endpoint("GET", _ISSUE + "/timeline", list_timeline),
]
