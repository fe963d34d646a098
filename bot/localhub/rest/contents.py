"""Files and commits: the contents endpoints, commits, comparison."""

import base64
import binascii

from bot.localhub.git.bare import EMPTY_TREE
from bot.localhub.git.files import TreeEntry, diff_files, entry_at, tree_entries
from bot.localhub.model.actor import Role, require
from bot.localhub.model.errors import Conflict, NotFound, Validation
from bot.localhub.model.refs import WORKFLOWS, may_change_workflows, protected, workflow_refusal
from bot.localhub.model.repository import Repository
from bot.localhub.render.commits import commit_json, git_commit_json
from bot.localhub.render.json import JsonObject
from bot.localhub.render.pulls import file_json
from bot.localhub.render.repositories import page_url, repository_url
from bot.localhub.rest.call import Answer, Body, Call, Endpoint


class FileBody(Body):
    message: str
    content: str | None = None
    sha: str | None = None
    branch: str | None = None


def entry_json(repository: Repository, entry: TreeEntry, ref: str) -> JsonObject:
    """What every form of contents has."""
    url = f"{repository_url(repository)}/contents/{entry.path}?ref={ref}"
    kind = {"blob": "file", "tree": "dir", "commit": "submodule"}[entry.kind]
    git_url = f"{repository_url(repository)}/git/{'trees' if kind == 'dir' else 'blobs'}/{entry.sha}"
    page = f"{page_url(repository)}/{'tree' if kind == 'dir' else 'blob'}/{ref}/{entry.path}"
    return {
        "type": "symlink" if entry.mode == "120000" else kind,
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size or 0,
        "url": url,
        "html_url": page,
        "git_url": git_url,
        "download_url": f"{page_url(repository)}/raw/{ref}/{entry.path}" if kind == "file" else None,
        "_links": {"self": url, "git": git_url, "html": page},
    }


async def _commit(call: Call, name: str) -> tuple[Repository, str]:
    repository = call.readable("contents")
    sha = await repository.git.resolve(name or repository.default_branch)
    if sha is None:
        words = f"No commit found for the ref {name}" if name else "This repository is empty."
        raise NotFound(words)
    return repository, sha


async def get_contents(call: Call) -> Answer:
    path, ref = call.request.path_params.get("path", ""), call.query("ref")
    repository, commit = await _commit(call, ref)
    entry = await entry_at(repository.git, commit, path)
    ref = ref or repository.default_branch
    if entry is None or entry.sha is None:
        raise NotFound
    if entry.kind == "tree":
        below = await tree_entries(repository.git, entry.sha)
        prefix = f"{entry.path}/" if entry.path else ""
        entries = [TreeEntry(one.mode, one.kind, one.sha, prefix + one.path, one.size) for one in below]
        return Answer([entry_json(repository, one, ref) for one in entries])
    content = await repository.git.blob(entry.sha)
    if "raw" in call.request.headers.get("accept", ""):
        return Answer(text=content, headers={"content-type": "application/vnd.github.raw; charset=utf-8"})
    encoded = base64.encodebytes(content).decode()
    return Answer({**entry_json(repository, entry, ref), "content": encoded, "encoding": "base64"})


async def put_contents(call: Call) -> Answer:
    asked = call.body(FileBody)
    try:
        content = base64.b64decode(asked.content or "", validate=False)
    except binascii.Error as error:
        raise Validation(message="content is not valid Base64") from error
    return await _change_file(call, asked, content)


async def delete_contents(call: Call) -> Answer:
    return await _change_file(call, call.body(FileBody), None)


async def _change_file(call: Call, asked: FileBody, content: bytes | None) -> Answer:
    repository, path, actor = call.repository, call.part("path").strip("/"), call.actor
    require(actor, repository, role=Role.WRITE, permissions=("contents",))
    if path.startswith(WORKFLOWS + "/") and not may_change_workflows(actor, repository):
        raise Conflict(workflow_refusal(path))
    branch = asked.branch or repository.default_branch
    head = await repository.git.branch(branch)
    if head is None and branch != repository.default_branch:
        raise NotFound(f"Branch {branch} not found")
    if protected(repository, branch):
        raise Conflict("Repository rule violations found\n\nChanges must be made through a pull request.\n\n")
    known = await entry_at(repository.git, head, path) if head is not None else None
    if known is not None and asked.sha is None:
        raise Validation(message='Invalid request.\n\n"sha" wasn\'t supplied.')
    if known is None and (content is None or asked.sha is not None):
        raise NotFound
    if known is not None and asked.sha != known.sha:
        raise Conflict(f"{path} does not match {asked.sha}")
    sha = await call.hub.push_files(repository, actor, branch, {path: content}, asked.message)
    commit = git_commit_json(repository, await repository.git.commit(sha))
    now = await entry_at(repository.git, sha, path)
    shown = entry_json(repository, now, branch) if now is not None else None
    return Answer({"content": shown, "commit": commit}, 200 if known is not None else 201)


async def list_commits(call: Call) -> Answer:
    repository, sha = await _commit(call, call.query("sha"))
    paths = [call.query("path")] if call.query("path") else []
    found = await repository.git.commits(sha, limit=1000, paths=paths)
    return call.page(found, lambda one: commit_json(repository, one))


async def get_commit(call: Call) -> Answer:
    name = call.part("ref")
    repository, sha = await _commit(call, name)
    if "sha" in call.request.headers.get("accept", ""):
        return Answer(text=sha.encode(), headers={"content-type": "application/vnd.github.sha; charset=utf-8"})
    commit = await repository.git.commit(sha)
    old = commit.parents[0] if commit.parents else EMPTY_TREE
    return Answer(commit_json(repository, commit, await diff_files(repository.git, old, sha)))


async def compare(call: Call) -> Answer:
    base_name, dots, head_name = call.part("basehead").partition("...")
    if not dots:
        raise NotFound
    repository, base = await _commit(call, base_name)
    _, head = await _commit(call, head_name)
    git = repository.git
    merge_base = await git.merge_base(base, head)
    if merge_base is None:
        raise NotFound(f"No common ancestor between {base_name} and {head_name}.")
    ahead = await git.commits(head, f"^{base}", limit=250)
    behind = int(await git.text("rev-list", "--count", f"{head}..{base}"))
    status = "identical" if base == head else "diverged" if ahead and behind else "ahead" if ahead else "behind"
    url, page = repository_url(repository), f"{page_url(repository)}/compare/{base_name}...{head_name}"
    files = await diff_files(git, merge_base, head)
    return Answer(
        {
            "url": f"{url}/compare/{base_name}...{head_name}",
            "html_url": page,
            "permalink_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "base_commit": commit_json(repository, await git.commit(base)),
            "merge_base_commit": commit_json(repository, await git.commit(merge_base)),
            "status": status,
            "ahead_by": len(ahead),
            "behind_by": behind,
            "total_commits": len(ahead),
            "commits": [commit_json(repository, one) for one in reversed(ahead)],
            "files": [file_json(repository, head, one) for one in files],
        }
    )


_REPO = "/repos/{owner}/{repo}"
ENDPOINTS = [
    Endpoint("GET", _REPO + "/contents", get_contents),
    Endpoint("GET", _REPO + "/contents/{path:path}", get_contents),
    Endpoint("PUT", _REPO + "/contents/{path:path}", put_contents),
    Endpoint("DELETE", _REPO + "/contents/{path:path}", delete_contents),
    Endpoint("GET", _REPO + "/commits", list_commits),
    Endpoint("GET", _REPO + "/commits/{ref:path}", get_commit),
    Endpoint("GET", _REPO + "/compare/{basehead:path}", compare),
]
