"""Check runs, check suites, commit statuses."""

from bot.localhub.git.bare import Commit
from bot.localhub.model.check import Annotation, CheckRun, CheckSuite, CommitStatus, pull_requests_at
from bot.localhub.render.accounts import app_json, user_json
from bot.localhub.render.commits import simple_commit_json
from bot.localhub.render.json import JsonObject, time, time_or_null
from bot.localhub.render.pulls import pulls_at_json
from bot.localhub.render.repositories import minimal_repository_json, page_url, repository_url


def check_run_json(run: CheckRun) -> JsonObject:
    """A `check-run`."""
    url = f"{repository_url(run.repository)}/check-runs/{run.id}"
    return {
        "id": run.id,
        "name": run.name,
        "node_id": run.node_id,
        "head_sha": run.head_sha,
        "external_id": run.external_id,
        "url": url,
        "html_url": f"{page_url(run.repository)}/runs/{run.id}",
        "details_url": run.details_url or run.app.external_url,
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": time_or_null(run.started_at),
        "completed_at": time_or_null(run.completed_at),
        "output": {
            "title": run.output.title,
            "summary": run.output.summary,
            "text": run.output.text,
            "annotations_count": len(run.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": run.suite.id},
        "app": app_json(run.app),
        "pull_requests": pulls_at_json(list(pull_requests_at(run.repository, run.head_sha))),
    }


def check_suite_json(suite: CheckSuite, head: Commit) -> JsonObject:
    """A `check-suite`."""
    url = f"{repository_url(suite.repository)}/check-suites/{suite.id}"
    return {
        "id": suite.id,
        "node_id": suite.node_id,
        "head_branch": suite.head_branch,
        "head_sha": suite.head_sha,
        "status": suite.status,
        "conclusion": suite.conclusion,
        "url": url,
        "before": suite.before,
        "after": suite.head_sha,
        "pull_requests": pulls_at_json(list(pull_requests_at(suite.repository, suite.head_sha))),
        "app": app_json(suite.app),
        "repository": minimal_repository_json(suite.repository),
        "created_at": time(suite.created_at),
        "updated_at": time(suite.updated_at),
        "head_commit": simple_commit_json(head),
        "latest_check_runs_count": len(suite.latest_check_runs),
        "check_runs_url": f"{url}/check-runs",
        "rerequestable": True,
        "runs_rerequestable": True,
    }


def annotation_json(run: CheckRun, annotation: Annotation) -> JsonObject:
    """A `check-annotation`."""
    return {
        "path": annotation.path,
        "start_line": annotation.start_line,
        "end_line": annotation.end_line,
        "start_column": annotation.start_column,
        "end_column": annotation.end_column,
        "annotation_level": annotation.annotation_level,
        "title": annotation.title,
        "message": annotation.message,
        "raw_details": annotation.raw_details,
        "blob_href": f"{page_url(run.repository)}/blob/{run.head_sha}/{annotation.path}",
    }


def status_json(status: CommitStatus) -> JsonObject:
    """A `status`."""
    return {
        "url": f"{repository_url(status.repository)}/statuses/{status.sha}",
        "avatar_url": f"{status.hub.base_url}/avatars/{status.creator.id}",
        "id": status.id,
        "node_id": status.node_id,
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": time(status.created_at),
        "updated_at": time(status.created_at),
        "creator": user_json(status.hub, status.creator),
    }


def simple_status_json(status: CommitStatus) -> JsonObject:
    """A `simple-commit-status`, within a combined one."""
    found = status_json(status)
    del found["creator"]
    return {**found, "required": False}
