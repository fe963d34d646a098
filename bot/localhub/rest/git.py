"""Refs, and the git database: blobs, trees, commits."""

import base64
import binascii
from datetime import datetime

from bot.localhub.git.bare import GitError, Signature
from bot.localhub.git.files import TreeEntry, tree_entries, write_tree
from bot.localhub.model.actor import Role, require
from bot.localhub.model.errors import Conflict, NotFound, Validation
from bot.localhub.model.node_ids import named_node_id
from bot.localhub.model.refs import create_ref, delete_ref, update_ref
from bot.localhub.model.repository import Repository
from bot.localhub.render.commits import git_commit_json, ref_json, tree_json
from bot.localhub.render.json import Json
from bot.localhub.render.repositories import repository_url
from bot.localhub.rest.call import NO_CONTENT, Answer, Body, Call, Endpoint


class NewRef(Body):
    ref: str
    sha: str


class RefChange(Body):
    sha: str
    force: bool = False


class NewBlob(Body):
    content: str
    encoding: str = "utf-8"


class NewTreeEntry(Body):
    path: str
    mode: str = "100644"
    type: str = "blob"
    sha: str | None = None
    content: str | None = None


class NewTree(Body):
    tree: tuple[NewTreeEntry, ...]
    base_tree: str | None = None


class Person(Body):
    name: str
    email: str
    date: datetime | None = None


class NewCommit(Body):
    message: str
    tree: str
    parents: tuple[str, ...] = ()
    author: Person | None = None
    committer: Person | None = None


async def _ref_json(repository: Repository, name: str, sha: str) -> Json:
    return ref_json(repository, name, sha, await repository.git.kind(sha) or "commit")


async def _not_empty(call: Call) -> Repository:
    repository = call.readable("contents")
    if not await repository.git.refs("refs/heads/"):
        raise Conflict("Git Repository is empty.")
    return repository


async def get_ref(call: Call) -> Answer:
    repository = await _not_empty(call)
    name = f"refs/{call.part('ref')}"
    sha = await repository.git.ref(name)
    if sha is None:
        raise NotFound
    return Answer(await _ref_json(repository, name, sha))


async def matching_refs(call: Call) -> Answer:
    repository = await _not_empty(call)
    prefix = f"refs/{call.part('ref')}"
    found = [(name, sha) for name, sha in (await repository.git.refs()).items() if name.startswith(prefix)]
    return call.page([await _ref_json(repository, *one) for one in found], lambda one: one)


async def create(call: Call) -> Answer:
    repository, asked = call.repository, call.body(NewRef)
    await create_ref(repository, call.actor, asked.ref, asked.sha)
    location = f"{repository_url(repository)}/git/{asked.ref}"
    return Answer(await _ref_json(repository, asked.ref, asked.sha), 201, {"location": location})


async def update(call: Call) -> Answer:
    repository, asked, name = call.repository, call.body(RefChange), f"refs/{call.part('ref')}"
    await update_ref(repository, call.actor, name, asked.sha, force=asked.force)
    return Answer(await _ref_json(repository, name, asked.sha))


async def delete(call: Call) -> Answer:
    await delete_ref(call.repository, call.actor, f"refs/{call.part('ref')}")
    return NO_CONTENT


async def get_blob(call: Call) -> Answer:
    repository, sha = call.readable("contents"), call.part("sha")
    if await repository.git.kind(sha) != "blob":
        raise NotFound
    content = await repository.git.blob(sha)
    return Answer(
        {
            "sha": sha,
            "node_id": named_node_id("Ref", repository.id, sha),
            "size": len(content),
            "url": f"{repository_url(repository)}/git/blobs/{sha}",
            "content": base64.encodebytes(content).decode(),
            "encoding": "base64",
        }
    )


async def create_blob(call: Call) -> Answer:
    repository, asked = call.repository, call.body(NewBlob)
    require(call.actor, repository, role=Role.WRITE, permissions=("contents",))
    try:
        content = base64.b64decode(asked.content) if asked.encoding == "base64" else asked.content.encode()
    except binascii.Error as error:
        raise Validation(message="Invalid Base64 content") from error
    sha = await repository.git.write_blob(content)
    url = f"{repository_url(repository)}/git/blobs/{sha}"
    return Answer({"sha": sha, "url": url}, 201, {"location": url})


async def get_tree(call: Call) -> Answer:
    repository, name = await _not_empty(call), call.part("sha")
    commit = await repository.git.resolve(name)
    sha = (await repository.git.commit(commit)).tree if commit is not None else name
    if await repository.git.kind(sha) != "tree":
        raise NotFound
    recursive = call.query("recursive") not in ("", "0", "false")
    return Answer(tree_json(repository, sha, await tree_entries(repository.git, sha, recursive=recursive)))


async def create_tree(call: Call) -> Answer:
    repository, asked = call.repository, call.body(NewTree)
    require(call.actor, repository, role=Role.WRITE, permissions=("contents",))
    entries: list[TreeEntry] = []
    for one in asked.tree:
        sha = one.sha
        if one.content is not None:
            sha = await repository.git.write_blob(one.content.encode())
        entries.append(TreeEntry(one.mode, one.type, sha, one.path))
    try:
        tree = await write_tree(repository.git, asked.base_tree, entries)
    except GitError as error:
        raise Validation(message="tree.sha does not exist or base_tree is not a tree") from error
    found = tree_json(repository, tree, await tree_entries(repository.git, tree))
    return Answer(found, 201, {"location": str(found["url"])})


async def get_commit(call: Call) -> Answer:
    repository, sha = call.readable("contents"), call.part("sha")
    if await repository.git.kind(sha) != "commit":
        raise NotFound
    return Answer(git_commit_json(repository, await repository.git.commit(sha)))


async def create_commit(call: Call) -> Answer:
    repository, asked, account = call.repository, call.body(NewCommit), call.actor.account
    require(call.actor, repository, role=Role.WRITE, permissions=("contents",))
    now = call.hub.now()
    me = Signature(account.name or account.login, account.email or account.noreply_email, now)
    author = _signature(asked.author, me)
    for sha, kind in ((asked.tree, "tree"), *((one, "commit") for one in asked.parents)):
        if await repository.git.kind(sha) != kind:
            raise Validation(message=f"{kind.capitalize()} SHA does not exist or is not a {kind} object")
    sha = await repository.git.commit_tree(
        asked.tree, asked.parents, asked.message, author, _signature(asked.committer, author)
    )
    found = git_commit_json(repository, await repository.git.commit(sha))
    return Answer(found, 201, {"location": str(found["url"])})


def _signature(person: Person | None, otherwise: Signature) -> Signature:
    if person is None:
        return otherwise
    return Signature(person.name, person.email, person.date or otherwise.at)


_GIT = "/repos/{owner}/{repo}/git"
ENDPOINTS = [
    Endpoint("GET", _GIT + "/ref/{ref:path}", get_ref),
    Endpoint("GET", _GIT + "/matching-refs/{ref:path}", matching_refs),
    Endpoint("POST", _GIT + "/refs", create),
    Endpoint("PATCH", _GIT + "/refs/{ref:path}", update),
    Endpoint("DELETE", _GIT + "/refs/{ref:path}", delete),
    Endpoint("GET", _GIT + "/refs/{ref:path}", get_ref),
    Endpoint("POST", _GIT + "/blobs", create_blob),
    Endpoint("GET", _GIT + "/blobs/{sha}", get_blob),
    Endpoint("POST", _GIT + "/trees", create_tree),
    Endpoint("GET", _GIT + "/trees/{sha:path}", get_tree),
    Endpoint("POST", _GIT + "/commits", create_commit),
    Endpoint("GET", _GIT + "/commits/{sha}", get_commit),
]
