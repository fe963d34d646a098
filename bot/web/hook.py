"""``POST /webhook``: receive, verify, name what to look at, answer.

Nothing is awaited but the body itself, so that an answer takes milliseconds whatever the bot is busy with (GitHub
waits 10 seconds and never delivers again by itself). The signature is checked over the raw bytes before anything
in them is believed, also before they are parsed.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse

from bot.github.webhook import Hint, Ignored, RepositoriesChanged, Unreadable, could_fit, read, verify
from bot.journal import WEBHOOK_REFUSED, about, tell
from bot.web.body import BodyReader, BodyRefused

Accepted = Hint | RepositoriesChanged

log = structlog.get_logger(__name__)


class WebhookEndpoint:
    """Hands each genuine delivery that concerns the bot to `accept`, which must not block."""

    def __init__(self, secret: bytes, accept: Callable[[Accepted], None], bodies: BodyReader) -> None:
        if not secret:
            raise ValueError("the webhook secret is empty: anybody could sign with it")
        self._secret = secret
        self._accept = accept
        self._bodies = bodies

    async def receive(self, request: Request) -> JSONResponse:
        delivery = request.headers.get("x-github-delivery", "")[:100]
        with about(delivery=delivery or None):
            return await self._receive(request, delivery)

    async def _receive(self, request: Request, delivery: str) -> JSONResponse:
        if not could_fit(request.headers.get("x-hub-signature-256")):
            return self._unsigned()  # before a stranger has us hold 25 MB
        try:
            body = await self._bodies.read(request)
        except BodyRefused as refusal:
            tell(WEBHOOK_REFUSED, status=refusal.status, reason=refusal.reason)
            return _answer(refusal.status, {"error": refusal.reason})
        if not verify(self._secret, body, request.headers.get("x-hub-signature-256")):
            return self._unsigned()
        event = request.headers.get("x-github-event")
        if not event:
            tell(WEBHOOK_REFUSED, status=400, reason="no event is named")
            return _answer(400, {"error": "the X-GitHub-Event header is missing"})
        return self._take(event, body, delivery)

    def _unsigned(self) -> JSONResponse:
        tell(WEBHOOK_REFUSED, status=401, reason="bad or missing signature")
        return _answer(401, {"error": "the signature is missing or does not fit the body"})

    def _take(self, event: str, body: bytes, delivery: str) -> JSONResponse:
        match read(event, body, delivery):
            case Unreadable(reason=reason):
                tell(WEBHOOK_REFUSED, status=400, reason=reason)
                return _answer(400, {"error": reason})
            case Ignored(reason=reason):
                log.debug("webhook ignored", reason=reason)
                return _answer(202, {"status": "ignored", "reason": reason})
            case accepted:
                self._accept(accepted)
                return _answer(202, {"status": "queued"})


def _answer(status: int, content: dict[str, str]) -> JSONResponse:
    return JSONResponse(content, status_code=status)
