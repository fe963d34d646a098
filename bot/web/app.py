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
from bot.web.session_events import Events, SessionEvents, no_events

__all__ = ["Accepted", "create_app"]


def create_app(
    *,
    webhook_secret: bytes,
    accept: Callable[[Accepted], None],
    views: Callable[[], tuple[ObjectiveView, ...]],
    clock: Callable[[], datetime],
    bodies: BodyReader | None = None,
    standing_by: Callable[[], tuple[StandbyView, ...]] = tuple,
    notices: Callable[[], tuple[str, ...]] = tuple,
    events: Events = no_events,
    draining: Callable[[], bool] = lambda: False,
) -> Starlette:
    """`accept` is called for each genuine webhook and must return at once; `views` says what the dashboard
    shows, `standing_by` which repositories another server serves, `notices` what troubles the whole server, `events`
    what a session says, and `clock` the time in UTC for it. While `draining` the server is about to stop: ``/readyz``
    says so with 503, and webhooks are taken all the same.

    Raises ValueError where the secret is empty.
    """
    hook = WebhookEndpoint(webhook_secret, accept, bodies or BodyReader())
    dashboard = Dashboard(views, clock, standing_by, notices)
    following = SessionEvents(events)

    async def healthy(_: Request) -> PlainTextResponse:
        """It lives, whatever troubles it: nothing is gained by a restart."""
        return PlainTextResponse("".join(f"{line}\n" for line in (word(), *notices())))

    async def ready(_: Request) -> PlainTextResponse:
        """Whether it takes new work."""
        return PlainTextResponse(f"{word()}\n", 503 if draining() else 200)

    def word() -> str:
        return "draining" if draining() else "ok"

    return Starlette(
        routes=[
            Route("/webhook", hook.receive, methods=["POST"]),
            Route("/healthz", healthy, methods=["GET"]),
            Route("/readyz", ready, methods=["GET"]),
            Route("/", local_only(dashboard.page), methods=["GET"]),
            Route("/dashboard.css", local_only(dashboard.style), methods=["GET"]),
            Route("/metrics", local_only(dashboard.metrics), methods=["GET"]),
            Route("/api/objectives", local_only(dashboard.objectives), methods=["GET"]),
            Route("/api/standing-by", local_only(dashboard.standing_by), methods=["GET"]),
            Route("/api/sessions/{owner}/{name}/{session}/events", local_only(following.batch), methods=["GET"]),
        ]
    )
