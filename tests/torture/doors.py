"""The ways between bots and the hub, without a network: HTTP there, webhooks back.

Each way takes a little virtual time, drawn by the seed, so that what runs side by side meets in many orders. What
the hub does for a request is done in the hub's own task: a bot that dies meanwhile has asked all the same.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar
from urllib.parse import unquote

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.types import ASGIApp, Message, Scope

from bot.localhub.model.app import App
from bot.localhub.model.hub import Hub
from bot.localhub.model.settings import Outage
from bot.localhub.outage import Gate
from bot.localhub.server import HubApp
from tests.torture.boundaries import Boundaries, Lost
from tests.torture.virtual_loop import LIFE, Life, VirtualLoop

T = TypeVar("T")
WAY = (0.01, 0.06)
"""Seconds that one way takes, least and most."""
_OPERATION = re.compile(r"\b(?:query|mutation)\s+(\w+)")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class HubSide:
    """Does things as the hub: in a task and a context that no bot's death touches."""

    def __init__(self, loop: VirtualLoop, context: Context, seed: int) -> None:
        self.loop = loop
        self.shut = False
        """Whether nobody listens: connections are refused."""
        self._context = context
        self._chance = random.Random(f"ways {seed}")

    async def way(self) -> None:
        await asyncio.sleep(self._chance.uniform(*WAY))

    async def do(self, work: Coroutine[None, None, T]) -> T:
        return await asyncio.shield(self.loop.create_task(work, context=self._context.copy()))

    def soon(self, group: asyncio.TaskGroup, work: Coroutine[None, None, None]) -> None:
        group.create_task(work, context=self._context.copy())


class DoorToHub(httpx.AsyncBaseTransport):
    """What carries a bot's requests to GitHub. `app` is whose JWTs are signed anew: githubkit asks the machine for
    the time, which is not the hub's."""

    def __init__(self, side: HubSide, hub: Hub, app: App, boundaries: Boundaries) -> None:
        self._side = side
        self._faults = hub.faults
        self._hub = Gate(hub, HubApp(hub))
        self._app = app
        self._boundaries = boundaries
        self._jwt: tuple[float, str] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        life = LIFE.get()
        if life is None or life.dead:
            raise httpx.ConnectError("the bot is dead", request=request)
        await request.aread()
        what = _named(request)
        try:
            await self._boundaries.reach(f"asks {what}", on_its_way=True)
        except Lost:
            raise httpx.ConnectError("connection refused", request=request) from None
        if life.cut_off or self._side.shut:
            raise httpx.ConnectError("no way to the hub", request=request)
        answer = await self._side.do(self._arrive(request))
        if answer is None:
            await asyncio.sleep(request.extensions["timeout"]["read"])
            raise httpx.ReadTimeout("no answer", request=request)
        await self._side.way()
        if life.cut_off:
            raise httpx.ReadError("the answer was lost", request=request)
        try:
            await self._boundaries.reach(f"is answered {answer.status} to {what}", on_its_way=True)
        except Lost:
            raise httpx.ReadError("the connection broke", request=request) from None
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body, request=request)

    async def _arrive(self, request: httpx.Request) -> Answer | None:
        """None where it is answered by silence: then it is the bot's patience that ends."""
        await self._side.way()
        if self._faults.outage is Outage.SILENCE:
            return None
        return await ask(self._hub, request, self._headers(request))

    def _headers(self, request: httpx.Request) -> list[tuple[bytes, bytes]]:
        token = request.headers.get("authorization", "").partition(" ")[2]
        headers = [(name.lower(), value) for name, value in request.headers.raw]
        if token.count(".") != 2:
            return headers
        kept = [(name, value) for name, value in headers if name != b"authorization"]
        return [*kept, (b"authorization", f"Bearer {self._signed()}".encode())]

    def _signed(self) -> str:
        now = self._side.loop.now()
        if self._jwt is None or self._side.loop.time() - self._jwt[0] > 300:
            claims: dict[str, str | datetime] = {
                "iss": str(self._app.id),
                "iat": now,
                "exp": now + timedelta(minutes=9),
            }
            token = jwt.encode(claims, _loaded(self._app.private_key_pem), algorithm="RS256")
            self._jwt = (self._side.loop.time(), token)
        return self._jwt[1]


@dataclass(frozen=True, slots=True)
class Listening:
    """A bot that takes webhooks."""

    life: Life
    app: ASGIApp


class DoorToBots(httpx.AsyncBaseTransport):
    """What carries webhooks: to the bot that `listening` names for a host, if there is one alive."""

    def __init__(self, side: HubSide, listening: Callable[[str], Listening | None]) -> None:
        self._side = side
        self._listening = listening

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        await self._side.way()
        receiver = self._listening(request.url.host)
        if receiver is None or receiver.life.dead or receiver.life.cut_off:
            raise httpx.ConnectError("nobody listens", request=request)
        answered: asyncio.Future[Answer] = self._side.loop.create_future()
        headers = [(name.lower(), value) for name, value in request.headers.raw]

        async def take() -> None:
            answer = await ask(receiver.app, request, headers)
            if not answered.done():  # the sender has no patience with one that was frozen
                answered.set_result(answer)

        receiver.life.begin(take(), "takes a webhook")
        answer = await answered  # of a bot that dies now, the sender hears nothing until its patience ends
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body, request=request)


@cache
def _loaded(pem: str) -> rsa.RSAPrivateKey:
    """Reading a key takes a hundred times as long as signing with it."""
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


async def ask(app: ASGIApp, request: httpx.Request, headers: list[tuple[bytes, bytes]]) -> Answer:
    """Have an ASGI application answer. What it raises is an answer too: 500."""
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": unquote(request.url.path),
        "raw_path": request.url.raw_path.partition(b"?")[0],
        "query_string": request.url.query,
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 4711),
        "server": (request.url.host, request.url.port or 80),
    }
    asked = False
    status, answered, body = 500, [], bytearray()

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await asyncio.get_running_loop().create_future()
        asked = True
        return {"type": "http.request", "body": request.content, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, answered
        if message["type"] == "http.response.start":
            status, answered = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))

    try:
        await app(scope, receive, send)
    except Exception as error:  # a server answers 500 and keeps the reason to itself
        return Answer(500, (), repr(error).encode())
    return Answer(status, tuple(answered), bytes(body))


def _named(request: httpx.Request) -> str:
    """The request in a few words: GraphQL by the name of its operation."""
    path = request.url.path
    if path.endswith("/graphql"):
        found = _OPERATION.search(json.loads(request.content).get("query", ""))
        return f"{found[0] if found else 'graphql'}"
    return f"{request.method} {path}"
