"""Which webhook an event of the hub becomes: event name, action, payload. None: none at all."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.localhub.git.bare import ZERO, Commit
from bot.localhub.model.app import Installation
from bot.localhub.model.check import CheckRun, CheckSuite, CommitStatus
from bot.localhub.model.comment import Comment
from bot.localhub.model.events import Event
from bot.localhub.model.issue import Issue
from bot.localhub.model.label import Label, Milestone
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.push import Push
from bot.localhub.model.repository import Repository
from bot.localhub.model.review import Review, ReviewComment, ReviewThread
from bot.localhub.model.user import User
from bot.localhub.render.accounts import app_json, installation_json, user_json
from bot.localhub.render.checks import check_run_json, status_json
from bot.localhub.render.commits import commit_json
from bot.localhub.render.issues import comment_json, issue_json
from bot.localhub.render.json import Json, JsonObject, time
from bot.localhub.render.pulls import pull_json, review_comment_json, review_json, simple_pull_json
from bot.localhub.render.repositories import (
    label_json,
    milestone_json,
    minimal_repository_json,
    page_url,
    repository_json,
    repository_url,
)


@dataclass(frozen=True)
class Payload:
    """A webhook without what all of them have (repository, sender, installation)."""

    event: str
    action: str | None
    body: JsonObject


def render(event: Event) -> list[Payload]:
    """The webhooks of an event: none, one, or (for links between issues) one for each end."""
    renderer = _RENDERERS.get(event.name.partition(".")[0])
    found = renderer(event) if renderer is not None else None
    return found if isinstance(found, list) else [found] if found is not None else []


def _action(event: Event) -> str:
    return event.name.partition(".")[2]


def _edit(event: Event) -> JsonObject:
    changes: JsonObject = {name: {"from": old} for name, old in event.changes.items()}
    return {"changes": changes} if _action(event) == "edited" else {}


def _related(event: Event) -> JsonObject:
    related = event.related
    if isinstance(related, Label):
        return {"label": label_json(related)}
    if isinstance(related, Milestone):
        return {"milestone": milestone_json(related)}
    if isinstance(related, User):
        name = "requested_reviewer" if "review_request" in event.name else "assignee"
        return {name: user_json(related.bot_of.hub, related) if related.bot_of else _user(event, related)}
    return {}


def _user(event: Event, user: User) -> JsonObject:
    assert event.repository is not None
    return user_json(event.repository.hub, user)


def _issue(event: Event) -> Payload | None:
    assert isinstance(event.subject, Issue)
    body: JsonObject = {"issue": issue_json(event.subject), **_edit(event), **_related(event)}
    if _action(event) == "transferred" and isinstance(event.related, Issue):
        body["changes"] = {
            "new_issue": issue_json(event.related),
            "new_repository": repository_json(event.related.repository),
        }
    return Payload("issues", _action(event), body)


def _comment(event: Event) -> Payload:
    assert isinstance(event.subject, Comment)
    body: JsonObject = {"issue": issue_json(event.subject.issue), "comment": comment_json(event.subject)}
    return Payload("issue_comment", _action(event), {**body, **_edit(event)})


def _sub_issue(event: Event) -> list[Payload]:
    parent, child = event.subject, event.related
    assert isinstance(parent, Issue)
    assert isinstance(child, Issue)
    body: JsonObject = {
        "sub_issue_id": child.id,
        "sub_issue": issue_json(child),
        "parent_issue_id": parent.id,
        "parent_issue": issue_json(parent),
    }
    with_child: JsonObject = {**body, "sub_issue_repo": repository_json(child.repository)}
    with_parent: JsonObject = {**body, "parent_issue_repo": repository_json(parent.repository)}
    action = _action(event)
    return [
        Payload("sub_issues", f"sub_issue_{action}", with_child),
        Payload("sub_issues", f"parent_issue_{action}", with_parent),
    ]


def _dependency(event: Event) -> list[Payload]:
    issue, blocker = event.subject, event.related
    assert isinstance(issue, Issue)
    assert isinstance(blocker, Issue)
    body: JsonObject = {
        "blocked_issue_id": issue.id,
        "blocked_issue": issue_json(issue),
        "blocking_issue_id": blocker.id,
        "blocking_issue": issue_json(blocker),
    }
    blocked: JsonObject = {**body, "blocking_issue_repo": repository_json(blocker.repository)}
    blocking: JsonObject = {**body, "blocked_issue_repo": repository_json(issue.repository)}
    action = _action(event)
    return [
        Payload("issue_dependencies", f"blocked_by_{action}", blocked),
        Payload("issue_dependencies", f"blocking_{action}", blocking),
    ]


def _pull_request(event: Event) -> Payload | None:
    pull, action = event.subject, _action(event)
    assert isinstance(pull, PullRequest)
    if action == "merged":
        return None
    body: JsonObject = {"number": pull.number, "pull_request": pull_json(pull, pull.mergeable), **_related(event)}
    if action == "synchronize":
        body.update(event.changes)
    elif action == "edited" and "base" in event.changes:
        body["changes"] = {"base": {"ref": {"from": event.changes["base"]}, "sha": {"from": pull.base_sha}}}
    elif action == "dequeued":
        body["reason"] = "UNKNOWN"
    else:
        body.update(_edit(event))
    return Payload("pull_request", action, body)


def _webhook_pull(pull: PullRequest) -> JsonObject:
    return simple_pull_json(pull)


def _review(event: Event) -> Payload:
    review = event.subject
    assert isinstance(review, Review)
    shown: JsonObject = {**review_json(review), "state": review.state.lower(), "updated_at": time(review.updated_at)}
    shown.setdefault("submitted_at", None)
    body: JsonObject = {"review": shown, "pull_request": _webhook_pull(review.pull_request)}
    return Payload("pull_request_review", _action(event), {**body, **_edit(event)})


def _review_comment(event: Event) -> Payload:
    comment = event.subject
    assert isinstance(comment, ReviewComment)
    body: JsonObject = {
        "comment": review_comment_json(comment),
        "pull_request": _webhook_pull(comment.pull_request),
    }
    return Payload("pull_request_review_comment", _action(event), {**body, **_edit(event)})


def _review_thread(event: Event) -> Payload:
    thread = event.subject
    assert isinstance(thread, ReviewThread)
    shown: JsonObject = {
        "node_id": thread.node_id,
        "comments": [review_comment_json(one) for one in thread.comments],
    }
    body: JsonObject = {"thread": shown, "pull_request": _webhook_pull(thread.pull_request)}
    return Payload("pull_request_review_thread", _action(event), body)


def _check_run(event: Event) -> Payload | None:
    run = event.subject
    assert isinstance(run, CheckRun)
    if _action(event) == "updated":
        return None
    suite = {**_suite_json(run.suite)}
    body: JsonObject = {"check_run": {**check_run_json(run), "check_suite": suite}}
    if _action(event) == "requested_action":
        body["requested_action"] = {"identifier": event.changes["identifier"]}
    return Payload("check_run", _action(event), body)


def _suite_json(suite: CheckSuite) -> JsonObject:
    url = f"{repository_url(suite.repository)}/check-suites/{suite.id}"
    found: JsonObject = {
        "id": suite.id,
        "node_id": suite.node_id,
        "head_branch": suite.head_branch,
        "head_sha": suite.head_sha,
        "status": suite.status,
        "conclusion": suite.conclusion,
        "url": url,
        "before": suite.before or ZERO,
        "after": suite.head_sha,
        "pull_requests": [],
        "app": app_json(suite.app),
        "created_at": time(suite.created_at),
        "updated_at": time(suite.updated_at),
    }
    return found


def _check_suite(event: Event) -> Payload:
    suite = event.subject
    assert isinstance(suite, CheckSuite)
    commit = suite.repository.git.known_commit(suite.head_sha)
    shown = _suite_json(suite)
    shown["latest_check_runs_count"] = len(suite.latest_check_runs)
    shown["check_runs_url"] = f"{shown['url']}/check-runs"
    shown["rerequestable"] = True
    shown["runs_rerequestable"] = True
    if commit is not None:
        shown["head_commit"] = _simple_commit(commit)
    return Payload("check_suite", _action(event), {"check_suite": shown})


def _simple_commit(commit: Commit) -> JsonObject:
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "message": commit.message.rstrip("\n"),
        "timestamp": time(commit.author.at),
        "author": {"name": commit.author.name, "email": commit.author.email},
        "committer": {"name": commit.committer.name, "email": commit.committer.email},
    }


def _status(event: Event) -> Payload:
    status = event.subject
    assert isinstance(status, CommitStatus)
    repository = status.repository
    commit = repository.git.known_commit(status.sha)
    shown = status_json(status)
    return Payload(
        "status",
        None,
        {
            **{name: shown[name] for name in ("id", "state", "description", "target_url", "context", "avatar_url")},
            "sha": status.sha,
            "name": repository.full_name,
            "commit": commit_json(repository, commit) if commit is not None else {},
            "branches": [],
            "created_at": shown["created_at"],
            "updated_at": shown["updated_at"],
        },
    )


def _push(event: Event) -> Payload:
    push = event.subject
    assert isinstance(push, Push)
    repository, account = push.repository, event.actor.account if event.actor is not None else push.repository.owner
    commits: list[Json] = [_push_commit(repository, one) for one in push.commits]
    head = repository.git.known_commit(push.after)
    page = page_url(repository)
    ends = f"{push.after[:12]}" if push.created else f"{push.before[:12]}...{push.after[:12]}"
    return Payload(
        "push",
        None,
        {
            "ref": push.ref,
            "before": push.before,
            "after": push.after,
            "created": push.created,
            "deleted": push.deleted,
            "forced": push.forced,
            "base_ref": None,
            "compare": f"{page}/compare/{ends}",
            "commits": commits,
            "head_commit": _push_commit(repository, head) if head is not None else None,
            "pusher": {"name": account.login, "email": account.noreply_email},
        },
    )


def _push_commit(repository: Repository, commit: Commit) -> JsonObject:
    author, committer = (
        {"name": one.name, "email": one.email, "date": time(one.at)} for one in (commit.author, commit.committer)
    )
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message.rstrip("\n"),
        "timestamp": time(commit.committer.at),
        "url": f"{page_url(repository)}/commit/{commit.sha}",
        "author": author,
        "committer": committer,
        "added": [],
        "removed": [],
        "modified": [],
    }


def _ref(event: Event) -> Payload:
    push = event.subject
    assert isinstance(push, Push)
    name = push.ref.split("/", 2)[2]
    kind = "branch" if push.branch is not None else "tag"
    body: JsonObject = {"ref": name, "ref_type": kind, "pusher_type": "user"}
    if push.created:
        body.update(master_branch=push.repository.default_branch, description=push.repository.description)
        return Payload("create", None, body)
    return Payload("delete", None, body)


def _label(event: Event) -> Payload:
    assert isinstance(event.subject, Label)
    return Payload("label", _action(event), {"label": label_json(event.subject), **_edit(event)})


def _milestone(event: Event) -> Payload:
    assert isinstance(event.subject, Milestone)
    return Payload("milestone", _action(event), {"milestone": milestone_json(event.subject), **_edit(event)})


def _repository(event: Event) -> Payload:
    body: JsonObject = {}
    if _action(event) == "renamed":
        body["changes"] = {"repository": {"name": {"from": event.changes["name"]}}}
    return Payload("repository", _action(event), {**body, **_edit(event)})


def _installation(event: Event) -> Payload:
    installation = event.subject
    assert isinstance(installation, Installation)
    body: JsonObject = {"installation": installation_json(installation)}
    if _action(event) in ("created", "deleted", "suspend", "unsuspend"):
        body["repositories"] = [_installed(one) for one in installation.repositories]
    if _action(event) == "created":
        body["requester"] = None
    return Payload("installation", _action(event), body)


def _installation_repositories(event: Event) -> Payload:
    installation = event.subject
    assert isinstance(installation, Installation)
    ids = {int(one) for one in event.changes["ids"].split(",")}
    named: list[Json] = [_installed(one) for one in installation.hub.repositories.values() if one.id in ids]
    added = _action(event) == "added"
    return Payload(
        "installation_repositories",
        _action(event),
        {
            "installation": installation_json(installation),
            "repository_selection": installation.repository_selection,
            "repositories_added": named if added else [],
            "repositories_removed": [] if added else named,
            "requester": None,
        },
    )


def _installed(repository: Repository) -> JsonObject:
    found = minimal_repository_json(repository)
    return {name: found[name] for name in ("id", "node_id", "name", "full_name", "private")}


_RENDERERS: dict[str, Callable[[Event], Payload | list[Payload] | None]] = {
    "issue": _issue, "comment": _comment, "sub_issue": _sub_issue, "issue_dependency": _dependency,
    "pull_request": _pull_request, "review": _review, "review_comment": _review_comment,
    "review_thread": _review_thread, "check_run": _check_run, "check_suite": _check_suite, "status": _status,
    "push": _push, "ref": _ref, "label": _label, "milestone": _milestone, "repository": _repository,
    "installation": _installation, "installation_repositories": _installation_repositories,
}  # fmt: skip
