"""Sub-issues and dependencies. Bodies name issues by database id."""

from bot.localhub.model.actor import require_sight
from bot.localhub.model.errors import NotFound, Validation
from bot.localhub.model.issue import Issue
from bot.localhub.model.issue_links import add_sub_issue, block, move_sub_issue, remove_sub_issue, unblock
from bot.localhub.render.issues import issue_json
from bot.localhub.rest.call import Answer, Body, Call, Endpoint


class SubIssue(Body):
    sub_issue_id: int
    replace_parent: bool = False


class Move(Body):
    sub_issue_id: int
    after_id: int | None = None
    before_id: int | None = None


class Dependency(Body):
    issue_id: int


def _by_id(call: Call, database_id: int) -> Issue:
    """An issue the caller may see, anywhere."""
    for repository in call.hub.repositories.values():
        for issue in repository.issues.values():
            if issue.id == database_id:
                require_sight(call.caller.actor, repository)
                return issue
    raise NotFound


async def list_sub_issues(call: Call) -> Answer:
    return call.page(call.issue.sub_issues, issue_json)


async def get_parent(call: Call) -> Answer:
    parent = call.issue.parent
    if parent is None:
        raise NotFound
    return Answer(issue_json(parent))


async def add(call: Call) -> Answer:
    parent, asked = call.issue, call.body(SubIssue)
    add_sub_issue(parent, call.actor, _by_id(call, asked.sub_issue_id), replace_parent=asked.replace_parent)
    return Answer(issue_json(parent), 201, {"location": str(issue_json(parent)["url"])})


async def remove(call: Call) -> Answer:
    parent = call.issue
    remove_sub_issue(parent, call.actor, _by_id(call, call.body(SubIssue).sub_issue_id))
    return Answer(issue_json(parent))


async def reprioritize(call: Call) -> Answer:
    parent, asked = call.issue, call.body(Move)
    if (asked.after_id is None) == (asked.before_id is None):
        raise Validation(message="Exactly one of after_id and before_id must be given")
    after = _by_id(call, asked.after_id) if asked.after_id is not None else None
    before = _by_id(call, asked.before_id) if asked.before_id is not None else None
    move_sub_issue(parent, call.actor, _by_id(call, asked.sub_issue_id), after=after, before=before)
    return Answer(issue_json(parent))


async def list_blocked_by(call: Call) -> Answer:
    return call.page(call.issue.blocked_by, issue_json)


async def list_blocking(call: Call) -> Answer:
    return call.page(call.issue.blocking, issue_json)


async def add_blocked_by(call: Call) -> Answer:
    issue, blocker = call.issue, _by_id(call, call.body(Dependency).issue_id)
    block(issue, call.actor, blocker)
    return Answer(issue_json(blocker), 201, {"location": str(issue_json(blocker)["url"])})


async def remove_blocked_by(call: Call) -> Answer:
    issue, blocker = call.issue, _by_id(call, call.number("issue_id"))
    unblock(issue, call.actor, blocker)
    return Answer(issue_json(blocker))


_ISSUE = "/repos/{owner}/{repo}/issues/{issue_number}"
ENDPOINTS = [
    Endpoint("GET", _ISSUE + "/sub_issues", list_sub_issues),
    Endpoint("POST", _ISSUE + "/sub_issues", add),
    Endpoint("DELETE", _ISSUE + "/sub_issue", remove),
    Endpoint("PATCH", _ISSUE + "/sub_issues/priority", reprioritize),
    Endpoint("GET", _ISSUE + "/parent", get_parent),
    Endpoint("GET", _ISSUE + "/dependencies/blocked_by", list_blocked_by),
    Endpoint("POST", _ISSUE + "/dependencies/blocked_by", add_blocked_by),
    Endpoint("DELETE", _ISSUE + "/dependencies/blocked_by/{issue_id}", remove_blocked_by),
    Endpoint("GET", _ISSUE + "/dependencies/blocking", list_blocking),
]
