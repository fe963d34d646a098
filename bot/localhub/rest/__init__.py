"""The REST face: one file per subject, served at the root and under `/api/v3`."""

from starlette.routing import BaseRoute

from bot.localhub.model.hub import Hub
from bot.localhub.rest import (
    about,
    apps,
    branches,
    checks,
    comments,
    contents,
    git,
    issue_links,
    issues,
    labels,
    manifest,
    pulls,
    repositories,
    reviews,
)
from bot.localhub.rest.face import RestFace

SUBJECTS = (
    about, apps, branches, checks, comments, contents, git, issue_links, issues, labels, pulls, repositories, reviews,
)  # fmt: skip


def routes(hub: Hub) -> list[BaseRoute]:
    """Every REST route, and the form for manifests."""
    endpoints = [endpoint for subject in SUBJECTS for endpoint in subject.ENDPOINTS]
    return [*manifest.routes(hub), *RestFace(hub).routes(endpoints)]
