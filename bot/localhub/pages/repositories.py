"""The index, and a repository at a glance."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bot.localhub.git.bare import Commit
from bot.localhub.model.repository import Repository
from bot.localhub.pages.files import listing, readme
from bot.localhub.pages.site import Site, state_word


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

    base = "/{owner}/{repo}"
    return [
        site.route("/", index),
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
