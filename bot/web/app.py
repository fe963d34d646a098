"""The server's face: ``/webhook`` and ``/healthz`` for everybody, the dashboard for this machine only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bot.model.view import ObjectiveView, StandbyView
from bot.web.body import BodyReader
from bot.web.dashboard import Dashboard
from bot.web.hook import Accepted, WebhookEndpoint
from bot.web.local_only import local_only

__all__ = ["Accepted", "create_app"]


def create_app(
    *,
    webhook_secret: bytes,
    accept: Callable[[Accepted], None],
    views: Callable[[], tuple[ObjectiveView, ...]],
    clock: Callable[[], datetime],
    bodies: BodyReader | None = None,
    standing_by: Callable[[], tuple[StandbyView, ...]] = tuple,
) -> Starlette:
    """`accept` is called for each genuine webhook and must return at once; `views` says what the dashboard
    shows, `standing_by` which repositories another server serves, and `clock` the time in UTC for it.

    Raises ValueError where the secret is empty.
    """
    hook = WebhookEndpoint(webhook_secret, accept, bodies or BodyReader())
    dashboard = Dashboard(views, clock, standing_by)
    return Starlette(
        routes=[
            Route("/webhook", hook.receive, methods=["POST"]),
            Route("/healthz", _healthy, methods=["GET"]),
            Route("/", local_only(dashboard.page), methods=["GET"]),
            Route("/dashboard.css", local_only(dashboard.style), methods=["GET"]),
            Route("/api/objectives", local_only(dashboard.objectives), methods=["GET"]),
            Route("/api/standing-by", local_only(dashboard.standing_by), methods=["GET"]),
        ]
    )


async def _healthy(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok\n")
