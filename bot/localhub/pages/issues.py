"""Lists of issues and pull requests, and one of each."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from bot.localhub.model.check import CheckRun
from bot.localhub.model.issue import Issue
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.pages.conversation import conversation
from bot.localhub.pages.diff import file_views
from bot.localhub.pages.site import HEADERS, Site, issue_url, state_word


def routes(site: Site) -> list[BaseRoute]:
    """Addresses as GitHub's."""

    async def listed(request: Request) -> Response:
        repository = site.repository(request)
        pulls = request.url.path.rstrip("/").endswith("/pulls")
        asked = request.query_params.get("state")
        wanted = asked if asked in ("closed", "all") else "open"
        found = [one for one in reversed([*repository.issues.values()]) if (one.pull_request is not None) is pulls]
        return site.page(
            "issues.html",
            repository=repository,
            pulls=pulls,
            wanted=wanted,
            issues=[one for one in found if wanted in (one.state, "all")],
            count={state: sum(state in (one.state, "all") for one in found) for state in ("open", "closed", "all")},
            state_word=state_word,
        )

    async def one(request: Request) -> Response:
        issue = site.issue(request)
        wanted = issue_url(issue)
        if request.url.path.partition("/files")[0].partition("/commits")[0] != wanted:
            return RedirectResponse(wanted, headers=HEADERS)
        pull = issue.pull_request
        return await pull_page(site, issue, pull) if pull is not None else issue_page(site, issue)

    async def run(request: Request) -> Response:
        repository = site.repository(request)
        wanted = str(request.path_params["run"])
        found = next((one for one in repository.check_runs if str(one.id) == wanted), None)
        if found is None:
            raise HTTPException(404)
        return site.page("check_run.html", repository=repository, run=found, markdown=site.markdown(repository))

    base = "/{owner}/{repo}"
    return [
        site.route(f"{base}/issues", listed),
        site.route(f"{base}/pulls", listed),
        site.route(f"{base}/issues/{{number:int}}", one),
        site.route(f"{base}/pull/{{number:int}}", one),
        site.route(f"{base}/pull/{{number:int}}/files", one),
        site.route(f"{base}/pull/{{number:int}}/commits", one),
        site.route(f"{base}/runs/{{run:int}}", run),
    ]


def issue_page(site: Site, issue: Issue) -> Response:
    return site.page(
        "issue.html",
        repository=issue.repository,
        issue=issue,
        entries=conversation(issue),
        markdown=site.markdown(issue.repository),
        state_word=state_word,
    )


async def pull_page(site: Site, issue: Issue, pull: PullRequest) -> Response:
    return site.page(
        "pull.html",
        repository=issue.repository,
        issue=issue,
        pull=pull,
        entries=conversation(issue),
        runs=latest_runs(pull),
        statuses=[one for one in issue.repository.statuses if one.sha == pull.head_sha],
        commits=await pull.commits(),
        files=file_views(await pull.files(), pull.review_comments),
        markdown=site.markdown(issue.repository),
        state_word=state_word,
    )


def latest_runs(pull: PullRequest) -> list[CheckRun]:
    """The newest check run of each name on the head."""
    found = [run for run in pull.repository.check_runs if run.head_sha == pull.head_sha]
    return [*{(run.app.id, run.name): run for run in found}.values()]
