"""Commits, refs and trees."""

from bot.localhub.git.bare import Commit, Signature
from bot.localhub.git.files import FileDiff, TreeEntry
from bot.localhub.model.node_ids import named_node_id
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User
from bot.localhub.render.accounts import user_json
from bot.localhub.render.json import Json, JsonObject, time
from bot.localhub.render.repositories import page_url, repository_url

_UNSIGNED: JsonObject = {
    "verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None,
}  # fmt: skip


def account_of(repository: Repository, who: Signature) -> User | None:
    """The account that a commit's address belongs to."""
    for user in repository.hub.users.values():
        if who.email in (user.email, user.noreply_email):
            return user
    return None


def signature_json(who: Signature) -> JsonObject:
    """Name, address, date."""
    return {"name": who.name, "email": who.email, "date": time(who.at)}


def commit_json(repository: Repository, commit: Commit, files: list[FileDiff] | None = None) -> JsonObject:
    """A `commit`; with its files where they are given."""
    from bot.localhub.render.pulls import file_json

    url, page = repository_url(repository), page_url(repository)
    author, committer = account_of(repository, commit.author), account_of(repository, commit.committer)
    parents: list[Json] = [
        {"sha": one, "url": f"{url}/commits/{one}", "html_url": f"{page}/commit/{one}"} for one in commit.parents
    ]
    found: JsonObject = {
        "sha": commit.sha,
        "node_id": named_node_id("Commit", repository.id, commit.sha),
        "commit": {
            "author": signature_json(commit.author),
            "committer": signature_json(commit.committer),
            "message": commit.message.rstrip("\n"),
            "tree": {"sha": commit.tree, "url": f"{url}/git/trees/{commit.tree}"},
            "url": f"{url}/git/commits/{commit.sha}",
            "comment_count": 0,
            "verification": _UNSIGNED,
        },
        "url": f"{url}/commits/{commit.sha}",
        "html_url": f"{page}/commit/{commit.sha}",
        "comments_url": f"{url}/commits/{commit.sha}/comments",
        "author": user_json(repository.hub, author) if author is not None else None,
        "committer": user_json(repository.hub, committer) if committer is not None else None,
        "parents": parents,
    }
    if files is not None:
        added, removed = sum(one.additions for one in files), sum(one.deletions for one in files)
        found["stats"] = {"total": added + removed, "additions": added, "deletions": removed}
        found["files"] = [file_json(repository, commit.sha, one) for one in files]
    return found


def git_commit_json(repository: Repository, commit: Commit) -> JsonObject:
    """A `git-commit`."""
    url, page = repository_url(repository), page_url(repository)
    return {
        "sha": commit.sha,
        "node_id": named_node_id("Commit", repository.id, commit.sha),
        "url": f"{url}/git/commits/{commit.sha}",
        "html_url": f"{page}/commit/{commit.sha}",
        "author": signature_json(commit.author),
        "committer": signature_json(commit.committer),
        "message": commit.message.rstrip("\n"),
        "tree": {"sha": commit.tree, "url": f"{url}/git/trees/{commit.tree}"},
        "parents": [
            {"sha": one, "url": f"{url}/git/commits/{one}", "html_url": f"{page}/commit/{one}"}
            for one in commit.parents
        ],
        "verification": _UNSIGNED,
    }


def simple_commit_json(commit: Commit) -> JsonObject:
    """A `simple-commit`."""
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "message": commit.message.rstrip("\n"),
        "timestamp": time(commit.author.at),
        "author": {"name": commit.author.name, "email": commit.author.email},
        "committer": {"name": commit.committer.name, "email": commit.committer.email},
    }


def ref_json(repository: Repository, name: str, sha: str, kind: str) -> JsonObject:
    """A `git-ref`."""
    url = repository_url(repository)
    return {
        "ref": name,
        "node_id": named_node_id("Ref", repository.id, name),
        "url": f"{url}/git/{name}",
        "object": {"sha": sha, "type": kind, "url": f"{url}/git/{kind}s/{sha}"},
    }


def tree_json(repository: Repository, sha: str, entries: list[TreeEntry]) -> JsonObject:
    """A `git-tree`."""
    url = repository_url(repository)
    items: list[Json] = []
    for entry in entries:
        item: JsonObject = {"path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha or ""}
        if entry.kind != "commit":
            item["url"] = f"{url}/git/{entry.kind}s/{entry.sha}"
        if entry.size is not None:
            item["size"] = entry.size
        items.append(item)
    return {"sha": sha, "url": f"{url}/git/trees/{sha}", "tree": items, "truncated": False}
