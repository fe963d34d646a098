"""The index, a repository, its files and its commits."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bot.localhub.git.bare import BareRepository, Commit
from bot.localhub.git.files import diff_files, entry_at, tree_entries
from bot.localhub.model.repository import Repository
from bot.localhub.pages.diff import file_views
from bot.localhub.pages.site import Site, state_word

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
LARGEST_FILE = 512 * 1024


@dataclass(frozen=True)
class BranchView:
    """A branch with its newest commit."""

    name: str
    commit: Commit


def routes(site: Site) -> list[BaseRoute]:
    """Addresses as GitHub's."""

    async def index(request: Request) -> Response:
        return site.page("index.html", repositories=[*site.hub.repositories.values()], owner=None)

    async def account(request: Request) -> Response:
        owner = site.hub.user(str(request.path_params["owner"]))
        theirs = [one for one in site.hub.repositories.values() if one.owner is owner]
        return site.page("index.html", repositories=theirs, owner=owner)

    async def overview(request: Request) -> Response:
        repository = site.repository(request)
        head = await repository.git.branch(repository.default_branch)
        return site.page(
            "repository.html",
            repository=repository,
            branches=await branches(repository),
            commits=await repository.git.commits(head, limit=10) if head else [],
            readme=await readme(site, repository, head),
            entries=await listing(repository.git, head, "") if head else [],
            state_word=state_word,
        )

    async def commits(request: Request) -> Response:
        repository = site.repository(request)
        revision = str(request.path_params.get("revision", "")) or repository.default_branch
        head = await resolved(repository, revision)
        found = await repository.git.commits(head, limit=100)
        return site.page("commits.html", repository=repository, revision=revision, commits=found)

    async def commit(request: Request) -> Response:
        repository = site.repository(request)
        found = await repository.git.commit(await resolved(repository, str(request.path_params["sha"])))
        before = found.parents[0] if found.parents else EMPTY_TREE
        files = file_views(await diff_files(repository.git, before, found.sha))
        runs = [run for run in repository.check_runs if run.head_sha == found.sha]
        return site.page(
            "commit.html",
            repository=repository,
            commit=found,
            files=files,
            runs=runs,
            markdown=site.markdown(repository),
        )

    async def tree(request: Request) -> Response:
        repository = site.repository(request)
        revision, path = await split(repository, str(request.path_params["rest"]))
        head = await resolved(repository, revision)
        entry = await entry_at(repository.git, head, path)
        if entry is None or entry.sha is None:
            raise HTTPException(404)
        if entry.kind == "tree":
            found = await listing(repository.git, head, path)
            return site.page("tree.html", repository=repository, revision=revision, path=path, entries=found)
        text = await shown_file(repository.git, entry.sha, entry.size or 0)
        rendered = site.markdown(repository)(text) if text is not None and path.lower().endswith(".md") else None
        return site.page(
            "blob.html", repository=repository, revision=revision, path=path, text=text, rendered=rendered, entry=entry
        )

    base = "/{owner}/{repo}"
    return [
        site.route("/", index),
        site.route(f"{base}/commits", commits),
        site.route(f"{base}/commits/{{revision:path}}", commits),
        site.route(f"{base}/commit/{{sha}}", commit),
        site.route(f"{base}/tree/{{rest:path}}", tree),
        site.route(f"{base}/blob/{{rest:path}}", tree),
        site.route(base, overview),
        site.route("/{owner}", account),
    ]


async def branches(repository: Repository) -> list[BranchView]:
    """Its branches, the default one first, then the newest."""
    prefix = "refs/heads/"
    refs = await repository.git.refs(prefix)
    found = [BranchView(name.removeprefix(prefix), await repository.git.commit(sha)) for name, sha in refs.items()]
    found.sort(key=lambda branch: branch.commit.committer.at, reverse=True)
    return sorted(found, key=lambda branch: branch.name != repository.default_branch)


async def resolved(repository: Repository, revision: str) -> str:
    sha = await repository.git.resolve(revision)
    if sha is None:
        raise HTTPException(404)
    return sha


async def split(repository: Repository, rest: str) -> tuple[str, str]:
    """A branch, which may have slashes, and a path below it."""
    names = [name.removeprefix("refs/heads/") for name in await repository.git.refs("refs/heads/")]
    for name in sorted(names, key=len, reverse=True):
        if rest == name or rest.startswith(f"{name}/"):
            return name, rest[len(name) + 1 :]
    revision, _, path = rest.partition("/")
    return revision, path


@dataclass(frozen=True)
class Listed:
    """An entry of a directory."""

    name: str
    path: str
    is_directory: bool
    size: int | None


async def listing(git: BareRepository, head: str, path: str) -> list[Listed]:
    """A directory: directories first, then by name."""
    path = path.strip("/")
    found = await tree_entries(git, f"{head}:{path}")
    entries = [
        Listed(one.path, f"{path}/{one.path}" if path else one.path, one.kind == "tree", one.size) for one in found
    ]
    return sorted(entries, key=lambda one: (not one.is_directory, one.name.casefold()))


async def shown_file(git: BareRepository, sha: str, size: int) -> str | None:
    """A file's text; None when it is large or not text."""
    content = await git.blob(sha) if size <= LARGEST_FILE else b"\0"
    return None if b"\0" in content else content.decode(errors="replace")


async def readme(site: Site, repository: Repository, head: str | None) -> Markup | None:
    for name in ("README.md", "readme.md", "README"):
        entry = await entry_at(repository.git, head, name) if head else None
        if entry is not None and entry.kind == "blob" and entry.sha is not None:
            text = await shown_file(repository.git, entry.sha, entry.size or 0)
            return site.markdown(repository)(text)
    return None
