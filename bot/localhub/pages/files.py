"""Directories and files of a repository."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bot.localhub.git.bare import BareRepository
from bot.localhub.git.files import entry_at, tree_entries
from bot.localhub.model.repository import Repository
from bot.localhub.pages.site import Site, resolved

LARGEST_FILE = 512 * 1024


def routes(site: Site) -> list[BaseRoute]:
    """Addresses as GitHub's; either leads to a directory or a file, whichever is there."""

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
    return [site.route(f"{base}/tree/{{rest:path}}", tree), site.route(f"{base}/blob/{{rest:path}}", tree)]


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
