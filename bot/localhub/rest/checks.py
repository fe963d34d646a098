"""Check runs, check suites and commit statuses."""

from datetime import datetime
from typing import Literal

from bot.localhub.model.actor import Level, Role, require
from bot.localhub.model.check import (
    Annotation,
    CheckAction,
    CheckChange,
    CheckOutput,
    CheckRun,
    CheckStatus,
    CheckSuite,
    Conclusion,
    StatusState,
    create_check_run,
    create_status,
    require_checks_read,
    suite_for,
)
from bot.localhub.model.errors import Forbidden, NotFound, Validation
from bot.localhub.render.checks import (
    annotation_json,
    check_run_json,
    check_suite_json,
    simple_status_json,
    status_json,
)
from bot.localhub.render.json import Json
from bot.localhub.render.repositories import minimal_repository_json, repository_url
from bot.localhub.rest.call import Answer, Body, Call, Endpoint


class AnnotationBody(Body):
    path: str
    start_line: int
    end_line: int
    annotation_level: Literal["notice", "warning", "failure"]
    message: str
    title: str | None = None
    raw_details: str | None = None
    start_column: int | None = None
    end_column: int | None = None


class OutputBody(Body):
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: tuple[AnnotationBody, ...] = ()


class ActionBody(Body):
    label: str
    description: str
    identifier: str


class CheckRunBody(Body):
    name: str | None = None
    head_sha: str | None = None
    status: CheckStatus | None = None
    conclusion: Conclusion | None = None
    details_url: str | None = None
    external_id: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    output: OutputBody | None = None
    actions: tuple[ActionBody, ...] | None = None

    @property
    def change(self) -> CheckChange:
        """For the model."""
        output = self.output
        return CheckChange(
            name=self.name, status=self.status, conclusion=self.conclusion, details_url=self.details_url,
            external_id=self.external_id, started_at=self.started_at, completed_at=self.completed_at,
            output=CheckOutput(title=output.title, summary=output.summary, text=output.text) if output else None,
            annotations=tuple(Annotation(**one.model_dump()) for one in output.annotations) if output else (),
            actions=tuple(CheckAction(**one.model_dump()) for one in self.actions) if self.actions else None,
        )  # fmt: skip


class StatusBody(Body):
    state: StatusState
    context: str = "default"
    description: str | None = None
    target_url: str | None = None


class SuiteBody(Body):
    head_sha: str


def _run(call: Call) -> CheckRun:
    repository, wanted = call.readable("checks"), call.number("check_run_id")
    for run in repository.check_runs:
        if run.id == wanted:
            return run
    raise NotFound


def _suite(call: Call) -> CheckSuite:
    repository, wanted = call.readable("checks"), call.number("check_suite_id")
    for suite in repository.check_suites:
        if suite.id == wanted:
            return suite
    raise NotFound


async def create_run(call: Call) -> Answer:
    asked, repository = call.body(CheckRunBody), call.repository
    if asked.head_sha is None:
        raise Validation(message='Invalid request.\n\n"head_sha" wasn\'t supplied.')
    run = await create_check_run(repository, call.actor, asked.head_sha, asked.change)
    found = check_run_json(run)
    return Answer(found, 201, {"location": str(found["url"])})


async def update_run(call: Call) -> Answer:
    run = _run(call)
    run.update(call.actor, call.body(CheckRunBody).change)
    return Answer(check_run_json(run))


async def get_run(call: Call) -> Answer:
    return Answer(check_run_json(_run(call)))


async def list_annotations(call: Call) -> Answer:
    run = _run(call)
    return call.page(run.annotations, lambda one: annotation_json(run, one))


async def rerequest_run(call: Call) -> Answer:
    _run(call).rerequest(call.actor)
    return Answer({}, 201)


async def list_suite_runs(call: Call) -> Answer:
    return _runs(call, list(_suite(call).check_runs))


async def list_runs_for_ref(call: Call) -> Answer:
    repository = call.readable("checks")
    if call.caller.actor is not None:
        require_checks_read(call.caller.actor, repository)
    sha = await repository.git.resolve(call.part("ref"))
    if sha is None:
        raise Validation(message=f"No commit found for SHA: {call.part('ref')}")
    return _runs(call, [one for one in repository.check_runs if one.head_sha == sha])


def _runs(call: Call, runs: list[CheckRun]) -> Answer:
    """Newest first; only the newest of a name and App unless `filter=all`."""
    runs = runs[::-1]
    if call.query("filter", "latest") == "latest":
        runs = list({(one.app.id, one.name): one for one in runs[::-1]}.values())[::-1]
    name, status, app = call.query("check_name"), call.query("status"), call.query("app_id")
    runs = [
        one for one in runs if name in ("", one.name) and status in ("", one.status) and app in ("", str(one.app.id))
    ]
    return call.page(runs, check_run_json, wrap="check_runs")


async def _suite_json(suite: CheckSuite) -> Json:
    return check_suite_json(suite, await suite.repository.git.commit(suite.head_sha))


async def get_suite(call: Call) -> Answer:
    return Answer(await _suite_json(_suite(call)))


async def create_suite(call: Call) -> Answer:
    repository, asked, actor = call.repository, call.body(SuiteBody), call.actor
    require(actor, repository, role=Role.ADMIN, permissions=("checks",))
    if actor.app is None:
        raise Forbidden("You must authenticate via a GitHub App.")
    if await repository.git.kind(asked.head_sha) != "commit":
        raise Validation(message=f"No commit found for SHA: {asked.head_sha}")
    known = {one.id for one in repository.check_suites}
    suite = suite_for(repository, actor.app, asked.head_sha)
    return Answer(await _suite_json(suite), 200 if suite.id in known else 201)


async def list_suites_for_ref(call: Call) -> Answer:
    repository = call.readable("checks")
    sha = await repository.git.resolve(call.part("ref"))
    if sha is None:
        raise Validation(message=f"No commit found for SHA: {call.part('ref')}")
    suites = [await _suite_json(one) for one in repository.check_suites if one.head_sha == sha]
    return call.page(suites, lambda one: one, wrap="check_suites")


async def rerequest_suite(call: Call) -> Answer:
    suite = _suite(call)
    require(call.actor, suite.repository, role=Role.WRITE, permissions=("checks",))
    call.hub.emit("check_suite.rerequested", suite, call.actor, suite.repository)
    return Answer({}, 201)


async def set_status(call: Call) -> Answer:
    asked = call.body(StatusBody)
    status = await create_status(
        call.repository,
        call.actor,
        call.part("sha"),
        asked.state,
        context=asked.context,
        description=asked.description,
        target_url=asked.target_url,
    )
    return Answer(status_json(status), 201, {"location": str(status_json(status)["url"])})


async def list_statuses(call: Call) -> Answer:
    repository = call.readable("statuses")
    sha = await repository.git.resolve(call.part("ref"))
    return call.page([one for one in reversed(repository.statuses) if one.sha == sha], status_json)


async def combined_status(call: Call) -> Answer:
    repository = call.repository
    if call.caller.actor is not None:
        require(call.caller.actor, repository, role=Role.READ, permissions=("statuses", "contents"), level=Level.READ)
    sha = await repository.git.resolve(call.part("ref"))
    if sha is None:
        raise NotFound
    latest = {one.context: one for one in repository.statuses if one.sha == sha}
    states = {one.state for one in latest.values()}
    state = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    url = repository_url(repository)
    return Answer(
        {
            "state": state,
            "statuses": [simple_status_json(one) for one in latest.values()],
            "sha": sha,
            "total_count": len(latest),
            "repository": minimal_repository_json(repository),
            "commit_url": f"{url}/commits/{sha}",
            "url": f"{url}/commits/{sha}/status",
        }
    )


_REPO = "/repos/{owner}/{repo}"
ENDPOINTS = [
    Endpoint("POST", _REPO + "/check-runs", create_run),
    Endpoint("GET", _REPO + "/check-runs/{check_run_id}", get_run),
    Endpoint("PATCH", _REPO + "/check-runs/{check_run_id}", update_run),
    Endpoint("GET", _REPO + "/check-runs/{check_run_id}/annotations", list_annotations),
    Endpoint("POST", _REPO + "/check-runs/{check_run_id}/rerequest", rerequest_run),
    Endpoint("POST", _REPO + "/check-suites", create_suite),
    Endpoint("GET", _REPO + "/check-suites/{check_suite_id}", get_suite),
    Endpoint("GET", _REPO + "/check-suites/{check_suite_id}/check-runs", list_suite_runs),
    Endpoint("POST", _REPO + "/check-suites/{check_suite_id}/rerequest", rerequest_suite),
    Endpoint("GET", _REPO + "/commits/{ref:path}/check-runs", list_runs_for_ref),
    Endpoint("GET", _REPO + "/commits/{ref:path}/check-suites", list_suites_for_ref),
    Endpoint("GET", _REPO + "/commits/{ref:path}/statuses", list_statuses),
    Endpoint("GET", _REPO + "/commits/{ref:path}/status", combined_status),
    Endpoint("POST", _REPO + "/statuses/{sha}", set_status),
]
