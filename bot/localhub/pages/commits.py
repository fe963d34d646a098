"""Lists of commits, and one with its checks and its diff."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bot.localhub.git.bare import EMPTY_TREE
from bot.localhub.git.files import diff_files
from bot.localhub.pages.diff import file_views
from bot.localhub.pages.site import Site, resolved


def routes(site: Site) -> list[BaseRoute]:
    """Addresses as GitHub's."""

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

    base = "/{owner}/{repo}"
    return [
        site.route(f"{base}/commits", commits),
        site.route(f"{base}/commits/{{revision:path}}", commits),
        site.route(f"{base}/commit/{{sha}}", commit),
    ]
