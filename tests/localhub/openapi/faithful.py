"""Every answer and every webhook of the localhub, held against GitHub's own description.

Serve `FaithfulHub(hub, record)` instead of the hub's own app, and call `record.verdict()` when the test is over: it
raises with the operation, the JSON path and the reason of everything that GitHub would not have said.
`faithful_localhub.py` does both for every test that serves a hub.

    record = Record()
    async with serve(hub, app=FaithfulHub(hub, record)) as address:
        ...
    record.verdict()

What is held: every answer below the REST root has a described operation and status, its body is what the
description says and nothing more, its content type is JSON; a request that was accepted was well-formed, and
its query parameters exist; every webhook body is what its event and action say and nothing more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from pydantic import JsonValue
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.localhub.model.hub import Hub
from bot.localhub.server import HubApp
from tests.localhub.openapi.description import Flaw, Operation, description
from tests.localhub.openapi.tolerated import is_tolerated, is_undescribed

FIRST_WORDS = frozenset(
    {
        "app",
        "app-manifests",
        "installation",
        "meta",
        "orgs",
        "rate_limit",
        "repos",
        "repositories",
        "search",
        "user",
        "users",
    }
)


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. `path` is below the REST root, still percent-encoded; `query` as sent."""

    method: str
    path: str
    status: int
    query: str = ""
    request: bytes = b""
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    version: str = "2022-11-28"


@dataclass(frozen=True)
class Violation:
    """Something GitHub would not have said; `operation` as `GET /repos/{owner}/{repo}` or `webhook issues.opened`."""

    operation: str
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.path}: {self.reason}"


@dataclass
class Record:
    """What one test saw. Violations are worked out as exchanges arrive, each reason kept once."""

    exchanges: list[Exchange] = field(default_factory=list)
    violations: dict[Violation, int] = field(default_factory=dict)
    hubs: list[Hub] = field(default_factory=list)
    """Whose delivery logs are read at the end: also those that no faithful receiver was there for."""

    def exchange(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        self._note(validate_exchange(exchange))

    def _note(self, violations: Sequence[Violation]) -> None:
        for violation in violations:
            self.violations[violation] = self.violations.get(violation, 0) + 1

    def verdict(self) -> None:
        """Raises AssertionError naming every violation, of the answers and of the hubs' webhooks."""
        for hub in self.hubs:
            for delivery in {delivery.guid: delivery for delivery in hub.deliveries}.values():
                self._note(validate_webhook(delivery.event, delivery.payload))
        if self.violations:
            lines = [f"  {violation} ({times} times)" for violation, times in self.violations.items()]
            raise AssertionError(f"{len(lines)} things GitHub would not say:\n" + "\n".join(lines))


def validate_exchange(exchange: Exchange) -> list[Violation]:
    """What GitHub would not have answered, nothing when all is well."""
    operation = description().operation(exchange.method, exchange.path)
    if operation is None:
        if exchange.status in (404, 405) or is_undescribed(exchange.method, exchange.path):
            return []
        name = f"{exchange.method} {exchange.path}"
        return [Violation(name, "$", f"answered {exchange.status}, but GitHub describes no such operation")]
    flaws = [*_answer_flaws(operation, exchange)]
    if exchange.status < 300:
        flaws += _question_flaws(operation, exchange)
    where = f"{operation.name} {exchange.status}"
    return [Violation(where, flaw.path, flaw.reason) for flaw in flaws if not is_tolerated(where, flaw)]


def validate_webhook(event: str, body: bytes) -> list[Violation]:
    """What GitHub would not have sent as `event`; the action is read from the body."""
    try:
        payload: JsonValue = json.loads(body)
    except ValueError as error:
        return [Violation(f"webhook {event}", "$", f"not JSON: {error}")]
    action = payload.get("action") if isinstance(payload, dict) else None
    where = f"webhook {event}.{action}" if isinstance(action, str) else f"webhook {event}"
    flaws = description().webhook_flaws(event, action if isinstance(action, str) else None, payload)
    if flaws is None:
        return [Violation(where, "$", "GitHub sends no such event and action")]
    return [Violation(where, flaw.path, flaw.reason) for flaw in flaws if not is_tolerated(where, flaw)]


def _answer_flaws(operation: Operation, exchange: Exchange) -> list[Flaw]:
    described = operation.cut.responses
    status = str(exchange.status)
    if status not in described and exchange.status < 400 and exchange.status != 304:
        return [Flaw("$", f"status {status} is none of {', '.join(described)}")]
    schema = described.get(status)
    if exchange.status in (204, 304) or (status in described and schema is None and exchange.status < 400):
        return [Flaw("$", f"a body of {len(exchange.body)} bytes where none is described")] if exchange.body else []
    if "vnd.github" in exchange.content_type:
        return []  # asked for by its media type: a diff, a patch, a raw file
    if "json" not in exchange.content_type:
        return [Flaw("$", f"content type {exchange.content_type!r}")] if exchange.status < 400 else []
    try:
        body: JsonValue = json.loads(exchange.body)
    except ValueError as error:
        return [Flaw("$", f"not JSON: {error}")]
    if schema is None:
        return description().error_flaws(body)
    return description().response_flaws(operation, exchange.status, body, exchange.version)


def _question_flaws(operation: Operation, exchange: Exchange) -> list[Flaw]:
    """An accepted request that GitHub would have refused, or whose parameter it would have ignored."""
    flaws = [
        Flaw("?", f"no query parameter {name!r}; there are {', '.join(operation.cut.query) or 'none'}")
        for name, _ in parse_qsl(exchange.query)
        if name not in operation.cut.query
    ]
    if operation.cut.request is not None and (exchange.request or operation.cut.request_required):
        try:
            body: JsonValue = json.loads(exchange.request)
        except ValueError as error:
            return [*flaws, Flaw("request", f"not JSON: {error}")]
        found = description().request_flaws(operation, body)
        flaws += [Flaw(f"request{flaw.path.removeprefix('$')}", flaw.reason) for flaw in found]
    return flaws


def below_the_root(path: str) -> str | None:
    """The path as the description names it; None where it is not the REST API's (git, GraphQL, a page).

    The localhub serves REST at `/api/v3`, as an enterprise host does, and at the root, as api.github.com does,
    where it shares the room with the pages.
    """
    rest = path.removeprefix("/api/v3")
    if rest == path and path.split("/")[1] not in FIRST_WORDS:
        return None
    return re.sub(r"^/repositories/\d+", "/repos/-/-", rest) or "/"


class FaithfulHub:
    """The hub's ASGI app, passing everything through and recording what goes by of the REST API."""

    def __init__(self, hub: Hub, record: Record) -> None:
        self.app: ASGIApp = HubApp(hub)
        self.record = record
        record.hubs.append(hub)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw: bytes = (scope.get("raw_path") or str(scope.get("path", "")).encode()) if scope["type"] == "http" else b""
        path = below_the_root(raw.decode().partition("?")[0])
        if path is None:
            await self.app(scope, receive, send)
            return
        asked = bytearray()
        answered = bytearray()
        status = 0
        headers: dict[bytes, bytes] = {}

        async def hear() -> Message:
            message = await receive()
            asked.extend(message.get("body", b""))
            return message

        async def say(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = {name.lower(): value for name, value in message.get("headers", ())}
            elif message["type"] == "http.response.body":
                answered.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, hear, say)
        if status:
            self.record.exchange(
                Exchange(
                    method=str(scope["method"]),
                    path=path,
                    status=status,
                    query=bytes(scope["query_string"]).decode(),
                    request=bytes(asked),
                    body=bytes(answered),
                    content_type=headers.get(b"content-type", b"").decode(),
                    version=headers.get(b"x-github-api-version-selected", b"").decode(),
                )
            )
