"""The dashboard: every open objective, its tasks, and why each one waits; the same as JSON.

Titles and reasons come from strangers. They are text everywhere: Jinja2 escapes them, and should that ever fail,
the content security policy lets a page of ours run no script and load nothing from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.journal import as_prometheus
from bot.model.view import ObjectiveView, StandbyView

_OBJECTIVES: TypeAdapter[tuple[ObjectiveView, ...]] = TypeAdapter(tuple[ObjectiveView, ...])
_STANDING_BY: TypeAdapter[tuple[StandbyView, ...]] = TypeAdapter(tuple[StandbyView, ...])

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
"""Of every answer that may hold text of strangers."""

TONES = {
    "done": "done",
    "dropped": "quiet",
    "needs you": "alarm",
    "working": "active",
    "in review": "active",
    "planning": "active",
    "building": "active",
    "waiting": "quiet",
    "waiting for the plan": "soon",
    "paused": "quiet",
    "not started": "quiet",
    "ready": "soon",
    "to review": "soon",
    "approved": "soon",
}
"""The colour of each state of a task or an objective; a state without one is drawn quietly."""


class Dashboard:
    def __init__(
        self,
        views: Callable[[], tuple[ObjectiveView, ...]],
        clock: Callable[[], datetime],
        standing_by: Callable[[], tuple[StandbyView, ...]],
        notices: Callable[[], tuple[str, ...]],
    ) -> None:
        self._views = views
        self._clock = clock
        self._standing_by = standing_by
        self._notices = notices
        self._style = files("bot.web").joinpath("pages/dashboard.css").read_text()

    async def page(self, _: Request) -> Response:
        page = _page().render(
            objectives=self._views(), standing_by=self._standing_by(), notices=self._notices(), now=self._clock()
        )
        return HTMLResponse(page, headers=HEADERS)

    async def style(self, _: Request) -> Response:
        return Response(self._style, media_type="text/css", headers=HEADERS)

    async def standing_by(self, _: Request) -> Response:
        return Response(_STANDING_BY.dump_json(self._standing_by()), media_type="application/json", headers=HEADERS)

    async def objectives(self, _: Request) -> Response:
        return Response(_OBJECTIVES.dump_json(self._views()), media_type="application/json", headers=HEADERS)

    async def metrics(self, _: Request) -> Response:
        """For Prometheus. Nothing in it names anybody or anything."""
        views = self._views()
        gauges = {
            "open_objectives": sum(view.state != "done" for view in views),
            "running_tasks": sum(task.running_since is not None for view in views for task in view.tasks),
        }
        return Response(as_prometheus(gauges), media_type="text/plain; version=0.0.4", headers=HEADERS)


@cache
def _page() -> Template:
    """Compiled once in a process, at the first use: it takes a few hundredths of a second."""
    environment = Environment(loader=PackageLoader("bot.web", "pages"), autoescape=True, undefined=StrictUndefined)
    environment.filters["tone"] = tone
    environment.filters["duration"] = duration
    environment.filters["web_url"] = web_url
    return environment.get_template("dashboard.html")


def tone(state: str) -> str:
    return TONES.get(state, "quiet")


def duration(seconds: float) -> str:
    """``45 s``, ``3 min``, ``2 h 5 min``; nothing negative, whatever the clocks say."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def web_url(url: str | None) -> str | None:
    """`url` where a link may lead to it; no other scheme than the web's is worth the risk."""
    return url if url is not None and url.startswith(("https://", "http://")) else None
