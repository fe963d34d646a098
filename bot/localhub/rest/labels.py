"""Labels and milestones of a repository."""

from datetime import datetime
from typing import Literal

from bot.localhub.model.actor import Role, require
from bot.localhub.model.errors import NotFound
from bot.localhub.model.label import Label, Milestone
from bot.localhub.render.json import JsonObject, old_version
from bot.localhub.render.repositories import archivable_label_json, label_json, milestone_json
from bot.localhub.rest.call import NO_CONTENT, Answer, Body, Call, Endpoint


class NewLabel(Body):
    name: str
    color: str = "ededed"
    description: str | None = None


class LabelChange(Body):
    new_name: str | None = None
    color: str | None = None
    description: str | None = None


class MilestoneBody(Body):
    title: str | None = None
    state: Literal["open", "closed"] | None = None
    description: str | None = None
    due_on: datetime | None = None


def shown(label: Label) -> JsonObject:
    """A label as the version asked for shows it."""
    return label_json(label) if old_version() else archivable_label_json(label)


def _label(call: Call) -> Label:
    label = call.readable("issues", "pull_requests").label(call.part("name"))
    if label is None:
        raise NotFound
    return label


async def list_labels(call: Call) -> Answer:
    return call.page(call.readable("issues", "pull_requests").labels, shown)


async def create_label(call: Call) -> Answer:
    asked = call.body(NewLabel)
    label = call.repository.create_label(call.actor, asked.name, asked.color.removeprefix("#"), asked.description)
    return Answer(shown(label), 201, {"location": str(label_json(label)["url"])})


async def get_label(call: Call) -> Answer:
    return Answer(shown(_label(call)))


async def edit_label(call: Call) -> Answer:
    asked, label = call.body(LabelChange), _label(call)
    label.repository.edit_label(
        call.actor, label, name=asked.new_name, color=asked.color, description=asked.description
    )
    return Answer(shown(label))


async def delete_label(call: Call) -> Answer:
    label = _label(call)
    label.repository.delete_label(call.actor, label)
    return NO_CONTENT


async def list_milestones(call: Call) -> Answer:
    state = call.query("state", "open")
    found = [one for one in call.readable("issues").milestones if state in ("all", one.state)]
    return call.page(found, milestone_json)


async def create_milestone(call: Call) -> Answer:
    asked = call.body(MilestoneBody)
    milestone = call.repository.create_milestone(call.actor, asked.title or "", asked.description, asked.due_on)
    return Answer(milestone_json(milestone), 201, {"location": str(milestone_json(milestone)["url"])})


def _milestone(call: Call) -> Milestone:
    return call.readable("issues").milestone(call.number("milestone_number"))


async def get_milestone(call: Call) -> Answer:
    return Answer(milestone_json(_milestone(call)))


async def edit_milestone(call: Call) -> Answer:
    asked, milestone = call.body(MilestoneBody), _milestone(call)
    require(call.actor, milestone.repository, role=Role.WRITE, permissions=("issues", "pull_requests"))
    now = call.hub.now()
    milestone.title = asked.title or milestone.title
    milestone.description = asked.description if asked.description is not None else milestone.description
    milestone.due_on = asked.due_on or milestone.due_on
    milestone.updated_at = now
    if asked.state is not None and asked.state != milestone.state:
        milestone.state, milestone.closed_at = asked.state, now if asked.state == "closed" else None
        name = "milestone.closed" if asked.state == "closed" else "milestone.opened"
        call.hub.emit(name, milestone, call.actor, milestone.repository)
    return Answer(milestone_json(milestone))


async def delete_milestone(call: Call) -> Answer:
    milestone = _milestone(call)
    repository = milestone.repository
    require(call.actor, repository, role=Role.WRITE, permissions=("issues", "pull_requests"))
    for issue in repository.issues.values():
        if issue.milestone is milestone:
            issue.milestone = None
    repository.milestones = tuple(one for one in repository.milestones if one is not milestone)
    call.hub.forget(milestone)
    call.hub.emit("milestone.deleted", milestone, call.actor, repository)
    return NO_CONTENT


_REPO = "/repos/{owner}/{repo}"
ENDPOINTS = [
    Endpoint("GET", _REPO + "/labels", list_labels),
    Endpoint("POST", _REPO + "/labels", create_label),
    Endpoint("GET", _REPO + "/labels/{name}", get_label),
    Endpoint("PATCH", _REPO + "/labels/{name}", edit_label),
    Endpoint("DELETE", _REPO + "/labels/{name}", delete_label),
    Endpoint("GET", _REPO + "/milestones", list_milestones),
    Endpoint("POST", _REPO + "/milestones", create_milestone),
    Endpoint("GET", _REPO + "/milestones/{milestone_number}", get_milestone),
    Endpoint("PATCH", _REPO + "/milestones/{milestone_number}", edit_milestone),
    Endpoint("DELETE", _REPO + "/milestones/{milestone_number}", delete_milestone),
]
