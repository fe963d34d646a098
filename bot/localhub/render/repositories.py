"""Repositories, labels and milestones."""

from urllib.parse import quote

from bot.localhub.model.actor import Actor, Level, Role
from bot.localhub.model.label import Label, Milestone
from bot.localhub.model.repository import Repository
from bot.localhub.render.accounts import api, user_json
from bot.localhub.render.json import Json, JsonObject, old_version, time, time_or_null

_URLS = {
    "archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
    "downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}", "issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}", "languages_url": "/languages", "merges_url": "/merges",
    "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}", "subscribers_url": "/subscribers", "subscription_url": "/subscription",
    "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}",
}  # fmt: skip


def repository_url(repository: Repository) -> str:
    """Its address in the REST API."""
    return f"{api(repository.hub)}/repos/{repository.full_name}"


def page_url(repository: Repository) -> str:
    """Its page."""
    return f"{repository.hub.base_url}/{repository.full_name}"


def minimal_repository_json(repository: Repository) -> JsonObject:
    """What every form of a repository has (`minimal-repository`)."""
    url, page = repository_url(repository), page_url(repository)
    return {
        "id": repository.id,
        "node_id": repository.node_id,
        "name": repository.name,
        "full_name": repository.full_name,
        "private": repository.private,
        "owner": user_json(repository.hub, repository.owner),
        "html_url": page,
        "description": repository.description,
        "fork": False,
        "url": url,
        **{name: url + path for name, path in _URLS.items()},
    }


def repository_json(repository: Repository, actor: Actor | None = None) -> JsonObject:
    """A `repository`; with the permissions of `actor` where one asks."""
    page = page_url(repository)
    open_issues = sum(one.state == "open" for one in repository.issues.values())
    return {
        **minimal_repository_json(repository),
        "git_url": f"git:{page.partition(':')[2]}.git",
        "ssh_url": f"git@{page.partition('://')[2]}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "forks": 0, "forks_count": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "size": 0,
        "default_branch": repository.default_branch,
        "open_issues": open_issues,
        "open_issues_count": open_issues,
        "is_template": False,
        "topics": [],
        "has_issues": True, "has_projects": False, "has_wiki": False, "has_pages": False, "has_discussions": False,
        **({"has_downloads": False} if old_version() else {}), "has_pull_requests": True,
        "archived": repository.archived,
        "disabled": False,
        "visibility": "private" if repository.private else "public",
        "pushed_at": time(repository.pushed_at),
        "created_at": time(repository.created_at),
        "updated_at": time(repository.updated_at),
        "allow_forking": True,
        "web_commit_signoff_required": False,
        **({"permissions": _permissions(repository, actor)} if actor is not None else {}),
    }  # fmt: skip


def full_repository_json(repository: Repository, actor: Actor | None = None) -> JsonObject:
    """A `full-repository`."""
    owner = repository.owner
    settings: JsonObject = {
        "allow_merge_commit": repository.allow_merge_commit,
        "allow_squash_merge": repository.allow_squash_merge,
        "allow_rebase_merge": repository.allow_rebase_merge,
        "allow_auto_merge": False,
        "delete_branch_on_merge": repository.delete_branch_on_merge,
        "allow_update_branch": False,
        "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
        "squash_merge_commit_message": "COMMIT_MESSAGES",
        "merge_commit_title": "MERGE_MESSAGE",
        "merge_commit_message": "PR_TITLE",
    }
    return {
        **repository_json(repository, actor),
        **settings,
        "network_count": 0,
        "subscribers_count": 0,
        **({"organization": user_json(repository.hub, owner)} if owner.type == "Organization" else {}),
    }


def _permissions(repository: Repository, actor: Actor) -> JsonObject:
    if actor.app is not None:
        write = actor.level_in(repository, "contents") >= Level.WRITE
        return {"admin": False, "maintain": False, "push": write, "triage": write, "pull": actor.sees(repository)}
    role = actor.role_in(repository)
    return {
        "admin": role >= Role.ADMIN, "maintain": role >= Role.MAINTAIN, "push": role >= Role.WRITE,
        "triage": role >= Role.TRIAGE, "pull": role >= Role.READ,
    }  # fmt: skip


def label_json(label: Label) -> JsonObject:
    """A `label`."""
    found: JsonObject = {
        "id": label.id,
        "node_id": label.node_id,
        "url": f"{repository_url(label.repository)}/labels/{quote(label.name)}",
        "name": label.name,
        "color": label.color,
        "default": label.default,
        "description": label.description,
    }
    return found


def archivable_label_json(label: Label) -> JsonObject:
    """The same where the description asks for archiving too (the labels endpoints of 2026-03-10)."""
    return {**label_json(label), "archived_at": None, "archived_by": None}


def milestone_json(milestone: Milestone) -> JsonObject:
    """A `milestone`."""
    repository = milestone.repository
    url = f"{repository_url(repository)}/milestones/{milestone.number}"
    issues = [one for one in repository.issues.values() if one.milestone is milestone]
    return {
        "url": url,
        "html_url": f"{page_url(repository)}/milestone/{milestone.number}",
        "labels_url": f"{url}/labels",
        "id": milestone.id,
        "node_id": milestone.node_id,
        "number": milestone.number,
        "title": milestone.title,
        "description": milestone.description,
        "creator": user_json(repository.hub, milestone.creator),
        "open_issues": sum(one.state == "open" for one in issues),
        "closed_issues": sum(one.state == "closed" for one in issues),
        "state": milestone.state,
        "created_at": time(milestone.created_at),
        "updated_at": time(milestone.updated_at),
        "due_on": time_or_null(milestone.due_on),
        "closed_at": time_or_null(milestone.closed_at),
    }


def labels_json(labels: tuple[Label, ...]) -> list[Json]:
    """A list of labels."""
    return [label_json(one) for one in labels]
