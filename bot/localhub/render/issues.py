"""Issues, comments, reactions and the timeline."""

from bot.localhub.model.comment import Comment
from bot.localhub.model.issue import Issue
from bot.localhub.model.reactions import CONTENTS, Reaction
from bot.localhub.model.timeline import TimelineEvent
from bot.localhub.model.user import User
from bot.localhub.render.accounts import app_json, user_json
from bot.localhub.render.json import Json, JsonObject, old_version, time, time_or_null
from bot.localhub.render.repositories import (
    labels_json,
    milestone_json,
    minimal_repository_json,
    page_url,
    repository_url,
)


def issue_url(issue: Issue) -> str:
    """Its address in the REST API."""
    return f"{repository_url(issue.repository)}/issues/{issue.number}"


def issue_page(issue: Issue) -> str:
    """Its page."""
    kind = "issues" if issue.pull_request is None else "pull"
    return f"{page_url(issue.repository)}/{kind}/{issue.number}"


def users_json(issue: Issue, users: tuple[User, ...]) -> list[Json]:
    """A list of users."""
    return [user_json(issue.hub, one) for one in users]


def issue_json(issue: Issue) -> JsonObject:
    """An `issue`."""
    hub, url = issue.hub, issue_url(issue)
    found: JsonObject = {
        "id": issue.id,
        "node_id": issue.node_id,
        "url": url,
        "repository_url": repository_url(issue.repository),
        "labels_url": url + "/labels{/name}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": issue_page(issue),
        "number": issue.number,
        "state": issue.state,
        "state_reason": issue.state_reason,
        "title": issue.title,
        "body": issue.body,
        "user": user_json(hub, issue.user),
        "labels": labels_json(issue.labels),
        "assignees": users_json(issue, issue.assignees),
        "milestone": milestone_json(issue.milestone) if issue.milestone is not None else None,
        "locked": issue.locked,
        "active_lock_reason": None,
        "comments": len(issue.comments),
        "closed_at": time_or_null(issue.closed_at),
        "created_at": time(issue.created_at),
        "updated_at": time(issue.updated_at),
        "closed_by": user_json(hub, issue.closed_by) if issue.closed_by is not None else None,
        "author_association": issue.repository.association(issue.user),
        "performed_via_github_app": app_json(issue.via_app) if issue.via_app is not None else None,
        "reactions": rollup_json(f"{url}/reactions", issue.reactions),
        **_links_json(issue),
    }
    if old_version():
        found["assignee"] = user_json(hub, issue.assignees[0]) if issue.assignees else None
    if issue.parent is not None:
        found["parent_issue_url"] = issue_url(issue.parent)
    pull = issue.pull_request
    if pull is not None:
        found["draft"] = pull.draft
        found["pull_request"] = {
            "url": f"{repository_url(issue.repository)}/pulls/{issue.number}",
            "html_url": issue_page(issue),
            "diff_url": f"{issue_page(issue)}.diff",
            "patch_url": f"{issue_page(issue)}.patch",
            "merged_at": time_or_null(pull.merged_at),
        }
    return found


def _links_json(issue: Issue) -> JsonObject:
    """The counts of sub-issues and dependencies."""
    done = sum(one.state == "closed" for one in issue.sub_issues)
    total = len(issue.sub_issues)
    return {
        "sub_issues_summary": {
            "total": total,
            "completed": done,
            "percent_completed": done * 100 // total if total else 0,
        },
        "issue_dependencies_summary": {
            "blocked_by": sum(one.state == "open" for one in issue.blocked_by),
            "blocking": sum(one.state == "open" for one in issue.blocking),
            "total_blocked_by": len(issue.blocked_by),
            "total_blocking": len(issue.blocking),
        },
    }


def comment_url(comment: Comment) -> str:
    """Its address in the REST API."""
    return f"{repository_url(comment.repository)}/issues/comments/{comment.id}"


def comment_json(comment: Comment) -> JsonObject:
    """An `issue-comment`."""
    url = comment_url(comment)
    return {
        "id": comment.id,
        "node_id": comment.node_id,
        "url": url,
        "html_url": f"{issue_page(comment.issue)}#issuecomment-{comment.id}",
        "issue_url": issue_url(comment.issue),
        "body": comment.body,
        "user": user_json(comment.hub, comment.user),
        "created_at": time(comment.created_at),
        "updated_at": time(comment.updated_at),
        "author_association": comment.repository.association(comment.user),
        "performed_via_github_app": app_json(comment.via_app) if comment.via_app is not None else None,
        "reactions": rollup_json(f"{url}/reactions", comment.reactions),
    }


def rollup_json(url: str, reactions: tuple[Reaction, ...]) -> JsonObject:
    """A `reaction-rollup`."""
    counts: JsonObject = {name: sum(one.content == name for one in reactions) for name in CONTENTS}
    return {"url": url, "total_count": len(reactions), **counts}


def reaction_json(issue: Issue, reaction: Reaction) -> JsonObject:
    """A `reaction`; the issue only says which hub it is on."""
    return {
        "id": reaction.id,
        "node_id": reaction.node_id,
        "user": user_json(issue.hub, reaction.user),
        "content": reaction.content,
        "created_at": time(reaction.created_at),
    }


def timeline_json(issue: Issue, event: TimelineEvent) -> JsonObject:
    """One event of the timeline endpoint. A cross-reference is of another kind there: it has no id."""
    if event.event == "cross-referenced" and event.source is not None:
        return {
            "event": event.event,
            "actor": user_json(issue.hub, event.actor),
            "created_at": time(event.created_at),
            "updated_at": time(event.created_at),
            "source": {"type": "issue", "issue": issue_json(event.source)},
        }
    found = {name: value for name, value in event_json(issue, event).items() if name != "assigner"}
    if event.event == "closed":
        found["state_reason"] = event.state_reason
    return found


def event_json(issue: Issue, event: TimelineEvent) -> JsonObject:
    """One event of the issue events endpoints."""
    hub = issue.hub
    repository = repository_url(issue.repository)
    found: JsonObject = {
        "id": event.id,
        "node_id": event.node_id,
        "url": f"{repository}/issues/events/{event.id}",
        "actor": user_json(hub, event.actor),
        "event": event.event,
        "commit_id": event.commit_id,
        "commit_url": f"{repository}/commits/{event.commit_id}" if event.commit_id is not None else None,
        "created_at": time(event.created_at),
        "performed_via_github_app": app_json(event.via_app) if event.via_app is not None else None,
    }
    if event.label is not None:
        found["label"] = {"name": event.label.name, "color": event.label.color}
    if event.milestone is not None:
        found["milestone"] = {"title": event.milestone.title}
    if event.assignee is not None:
        found["assignee"] = user_json(hub, event.assignee)
        found["assigner"] = user_json(hub, event.actor)
    if event.reviewer is not None:
        found["requested_reviewer"] = user_json(hub, event.reviewer)
        found["review_requester"] = user_json(hub, event.actor)
    if event.rename is not None:
        found["rename"] = {"from": event.rename[0], "to": event.rename[1]}
    if event.event in ("locked", "unlocked"):
        found["lock_reason"] = None
    kind = event.event.removesuffix("_added").removesuffix("_removed")
    if kind in ("sub_issue", "parent_issue", "blocked_by", "blocking") and event.source is not None:
        found[kind] = reference_json(event.source)
    return found


def reference_json(issue: Issue) -> JsonObject:
    """An `issue-reference`: the other end of a link."""
    return {
        "number": issue.number,
        "title": issue.title,
        "state": issue.state,
        "state_reason": issue.state_reason,
        "repository": minimal_repository_json(issue.repository),
        "issue_type": None,
    }


def timeline_comment_json(comment: Comment) -> JsonObject:
    """A comment within the timeline."""
    return {**comment_json(comment), "event": "commented", "actor": user_json(comment.hub, comment.user)}
