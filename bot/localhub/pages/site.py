"""What every page has in common: templates, the look-up of what the address names, and the headers.

The pages run no script but the hub's own files, load nothing from elsewhere, and cannot be framed. Styles in
the page are allowed because Mermaid puts one into each picture; they can load nothing either.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.localhub.model.errors import HubError
from bot.localhub.model.hub import Hub
from bot.localhub.model.issue import Issue
from bot.localhub.model.repository import Repository
from bot.localhub.pages.markdown import References, Target, render_markdown

HERE = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Endpoint = Callable[[Request], Awaitable[Response]]


@cache
def _environment() -> Environment:
    """One for all hubs of a process, so that each template is compiled once."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": moment, "clock": clock, "ink": ink, "hue": hue, "url": issue_url}
    return environment


class Site:
    """The pages of one hub."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def page(self, template: str, *, status: int = 200, **views: object) -> HTMLResponse:
        """The template with these views, and the headers of every page."""
        html = _environment().get_template(template).render(hub=self.hub, **views)
        return HTMLResponse(html, status, HEADERS)

    def route(self, path: str, endpoint: Endpoint, *methods: str) -> Route:
        """A route whose endpoint may raise the model's errors: they become a page."""

        async def answered(request: Request) -> Response:
            try:
                return await endpoint(request)
            except (HubError, HTTPException) as error:
                status = error.status if isinstance(error, HubError) else error.status_code
                said = error.detail if isinstance(error, HTTPException) else error.message
                words = "This is not the page you are looking for." if status == 404 else said
                return self.page("error.html", status=status, words=words)

        return Route(path, answered, methods=list(methods or ("GET",)), name=f"page {path}")

    def repository(self, request: Request) -> Repository:
        """The repository that the address names, 404 where there is none."""
        found = self.hub.find_repository(f"{request.path_params['owner']}/{request.path_params['repo']}")
        if found is None:
            raise HTTPException(404)
        return found

    def issue(self, request: Request) -> Issue:
        """The issue or pull request that the address names."""
        return self.repository(request).issue(int(request.path_params["number"]))

    def markdown(self, repository: Repository) -> Callable[[str | None], Markup]:
        """How texts of this repository are shown."""
        known = self.references(repository)
        return lambda text: render_markdown(text, known)

    def references(self, repository: Repository) -> References:
        def issue(reference: str) -> Target | None:
            name, _, number = reference.partition("#")
            place = self.hub.find_repository(name) if name else repository
            found = place.issues.get(int(number)) if place is not None else None
            return Target(issue_url(found), f"{found.title} ({state_word(found)})") if found is not None else None

        def user(login: str) -> Target | None:
            known = self.hub.users.get(login.casefold())
            return Target(f"/{known.login}", known.name or known.login) if known is not None else None

        return References(issue, user, lambda sha: Target(f"/{repository.full_name}/commit/{sha}"))


def issue_url(issue: Issue) -> str:
    """Where an issue, or a pull request, is shown."""
    kind = "issues" if issue.pull_request is None else "pull"
    return f"/{issue.repository.full_name}/{kind}/{issue.number}"


def state_word(issue: Issue) -> str:
    """`open`, `draft`, `merged`, `closed`, or `not planned`: what the badge says."""
    pull = issue.pull_request
    if pull is not None and pull.merged:
        return "merged"
    if issue.state == "open":
        return "draft" if pull is not None and pull.draft else "open"
    return "not planned" if issue.state_reason in ("not_planned", "duplicate") else "closed"


def moment(at: datetime | None) -> str:
    """A date and time for people."""
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def clock(at: datetime | None) -> str:
    """A time of day for people."""
    return "" if at is None else at.astimezone(UTC).strftime("%H:%M:%S")


def ink(color: str) -> str:
    """Black or white, whichever can be read on this colour (six hexadecimal digits)."""
    red, green, blue = (int(color[place : place + 2], 16) for place in (0, 2, 4))
    return "#000" if red * 299 + green * 587 + blue * 114 > 140_000 else "#fff"


def hue(login: str) -> int:
    """The colour of an account's badge, in degrees."""
    return sum(ord(letter) * 37 for letter in login) % 360


async def resolved(repository: Repository, revision: str) -> str:
    """The sha of a branch, tag or commit; 404 where there is none."""
    sha = await repository.git.resolve(revision)
    if sha is None:
        raise HTTPException(404)
    return sha
