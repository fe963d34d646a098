"""Sub-issues and dependencies between issues, and the moves that break them: transfer and deletion.

Limits and words as in "Adding sub-issues" and "Creating issue dependencies" of GitHub's documentation:
one parent, 100 sub-issues, 8 levels; 50 dependencies of a kind.
"""

from typing import TYPE_CHECKING

from bot.localhub.model.actor import Actor, Role, require
from bot.localhub.model.errors import Forbidden, NotFound, Validation
from bot.localhub.model.issue import Issue

if TYPE_CHECKING:
    from bot.localhub.model.repository import Repository

_ADDING = "An error occurred while adding the sub-issue to the parent issue. "


def _descends_from(issue: Issue, ancestor: Issue) -> bool:
    walker: Issue | None = issue
    while walker is not None:
        if walker is ancestor:
            return True
        walker = walker.parent
    return False


def _depth(issue: Issue) -> int:
    """Levels above and including this one."""
    return 1 + (_depth(issue.parent) if issue.parent is not None else 0)


def _height(issue: Issue) -> int:
    """Levels below and including this one."""
    return 1 + max((_height(one) for one in issue.sub_issues), default=0)


def add_sub_issue(parent: Issue, actor: Actor, child: Issue, *, replace_parent: bool = False) -> None:
    """Put `child` at the end of the sub-issues of `parent`."""
    parent.require_triage(actor)
    limits = parent.hub.settings
    if parent.pull_request is not None or child.pull_request is not None:
        raise NotFound
    if child in parent.sub_issues:
        raise Validation(
            message=_ADDING + "Issue may not contain duplicate sub-issues and Sub issue may only have one parent"
        )
    if child.parent is not None and not replace_parent:
        raise Validation(message=_ADDING + "Sub issue may only have one parent")
    if _descends_from(parent, child):
        raise Validation(message=_ADDING + "Sub issue may not create a circular dependency")
    if len(parent.sub_issues) >= limits.max_sub_issues:
        raise Validation(message=_ADDING + f"Parent cannot have more than {limits.max_sub_issues} sub-issues")
    if _depth(parent) + _height(child) > limits.max_sub_issue_depth:
        raise Validation(message=_ADDING + f"Sub-issue may not be nested more than {limits.max_sub_issue_depth} levels")
    if child.parent is not None:
        _unlink(child.parent, actor, child)
    parent.sub_issues = (*parent.sub_issues, child)
    child.parent = parent
    parent.record("sub_issue_added", actor, source=child)
    child.record("parent_issue_added", actor, source=parent)
    parent.touch()
    child.touch()
    parent.hub.emit("sub_issue.added", parent, actor, parent.repository, related=child)


def remove_sub_issue(parent: Issue, actor: Actor, child: Issue) -> None:
    """Make `child` stand alone. 404 when it is not a sub-issue of `parent`."""
    parent.require_triage(actor)
    if child not in parent.sub_issues:
        raise NotFound
    _unlink(parent, actor, child)


def _unlink(parent: Issue, actor: Actor, child: Issue) -> None:
    parent.sub_issues = tuple(one for one in parent.sub_issues if one is not child)
    child.parent = None
    parent.record("sub_issue_removed", actor, source=child)
    child.record("parent_issue_removed", actor, source=parent)
    parent.touch()
    child.touch()
    parent.hub.emit("sub_issue.removed", parent, actor, parent.repository, related=child)


def move_sub_issue(
    parent: Issue, actor: Actor, child: Issue, *, after: Issue | None = None, before: Issue | None = None
) -> None:
    """Put a sub-issue right after or right before another one of the same parent."""
    parent.require_triage(actor)
    neighbour = after or before
    if child not in parent.sub_issues or neighbour is None or neighbour is child or neighbour not in parent.sub_issues:
        raise Validation(message="Sub issue may not be moved: it or its neighbour is not a sub-issue of this issue")
    rest = [one for one in parent.sub_issues if one is not child]
    rest.insert(rest.index(neighbour) + (1 if after is not None else 0), child)
    parent.sub_issues = tuple(rest)
    parent.touch()


def block(issue: Issue, actor: Actor, blocker: Issue) -> None:
    """Say that `issue` is blocked by `blocker`."""
    issue.require_triage(actor)
    limit = issue.hub.settings.max_dependencies
    if issue.pull_request is not None or blocker.pull_request is not None:
        raise NotFound
    if blocker is issue:
        raise Validation(message="Validation failed: Target issue An issue cannot be blocked by itself")
    if blocker in issue.blocked_by:
        raise Validation(message="Validation failed: Target issue has already been taken")
    if _reaches(blocker, issue):
        raise Validation(message="Validation failed: This dependency would create a circular dependency")
    if len(issue.blocked_by) >= limit or len(blocker.blocking) >= limit:
        raise Validation(message=f"Validation failed: Issues cannot have more than {limit} dependencies of each type")
    issue.blocked_by = (*issue.blocked_by, blocker)
    blocker.blocking = (*blocker.blocking, issue)
    issue.record("blocked_by_added", actor, source=blocker)
    blocker.record("blocking_added", actor, source=issue)
    issue.touch()
    blocker.touch()
    issue.hub.emit("issue_dependency.added", issue, actor, issue.repository, related=blocker)


def unblock(issue: Issue, actor: Actor, blocker: Issue) -> None:
    """Take the dependency back. 404 when there is none."""
    issue.require_triage(actor)
    if blocker not in issue.blocked_by:
        raise NotFound
    issue.blocked_by = tuple(one for one in issue.blocked_by if one is not blocker)
    blocker.blocking = tuple(one for one in blocker.blocking if one is not issue)
    issue.record("blocked_by_removed", actor, source=blocker)
    blocker.record("blocking_removed", actor, source=issue)
    issue.touch()
    blocker.touch()
    issue.hub.emit("issue_dependency.removed", issue, actor, issue.repository, related=blocker)


def _reaches(start: Issue, goal: Issue) -> bool:
    """Whether `start` waits for `goal`, directly or through others."""
    seen: set[int] = set()
    queue = [start]
    while queue:
        issue = queue.pop()
        if issue is goal:
            return True
        if issue.id not in seen:
            seen.add(issue.id)
            queue.extend(issue.blocked_by)
    return False


def transfer(issue: Issue, actor: Actor, target: "Repository") -> Issue:
    """Move an issue to another repository of the same owner; the old address redirects.

    It gets a new number and a new id there; comments and assignees go along, labels by name.
    """
    require(actor, issue.repository, role=Role.WRITE, permissions=("issues",))
    require(actor, target, role=Role.WRITE, permissions=("issues",))
    if target.owner is not issue.repository.owner or issue.pull_request is not None:
        raise Validation(message="Issues can only be transferred between repositories of the same owner")
    source, hub = issue.repository, issue.hub
    new = Issue(
        hub=hub, repository=target, id=hub.next_id("issue"), number=hub.next_id(f"number of {target.id}", first=1),
        title=issue.title, body=issue.body, user=issue.user, created_at=issue.created_at, updated_at=hub.now(),
        via_app=issue.via_app, state=issue.state, state_reason=issue.state_reason, closed_at=issue.closed_at,
        closed_by=issue.closed_by, assignees=issue.assignees, comments=issue.comments, reactions=issue.reactions,
        timeline=issue.timeline, labels=tuple(filter(None, (target.label(one.name) for one in issue.labels))),
    )  # fmt: skip
    for comment in new.comments:
        comment.issue = new
    _take_links(issue, new)
    new.record("transferred", actor)
    hub.remember(new)
    hub.forget(issue)
    source.issues = {number: one for number, one in source.issues.items() if one is not issue}
    source.moved = {**source.moved, issue.number: new}
    target.issues = {**target.issues, new.number: new}
    hub.emit("issue.transferred", issue, actor, source, related=new)
    hub.emit("issue.opened", new, actor, target)
    return new


def _take_links(old: Issue, new: Issue) -> None:
    new.parent, new.sub_issues = old.parent, old.sub_issues
    new.blocked_by, new.blocking = old.blocked_by, old.blocking
    if old.parent is not None:
        old.parent.sub_issues = tuple(new if one is old else one for one in old.parent.sub_issues)
    for child in old.sub_issues:
        child.parent = new
    for other in old.blocked_by:
        other.blocking = tuple(new if one is old else one for one in other.blocking)
    for other in old.blocking:
        other.blocked_by = tuple(new if one is old else one for one in other.blocked_by)


def delete_issue(issue: Issue, actor: Actor) -> None:
    """Remove an issue for good; its number answers 410 from now on. Admins only, and not by REST."""
    if actor.role_in(issue.repository) < Role.ADMIN:
        raise Forbidden("Must have admin rights to Repository.")
    repository = issue.repository
    if issue.parent is not None:
        issue.parent.sub_issues = tuple(one for one in issue.parent.sub_issues if one is not issue)
    for child in issue.sub_issues:
        child.parent = None
    for other in issue.blocked_by:
        other.blocking = tuple(one for one in other.blocking if one is not issue)
    for other in issue.blocking:
        other.blocked_by = tuple(one for one in other.blocked_by if one is not issue)
    repository.issues = {number: one for number, one in repository.issues.items() if one is not issue}
    repository.deleted_numbers |= {issue.number}
    repository.hub.forget(issue)
    repository.hub.emit("issue.deleted", issue, actor, repository)
