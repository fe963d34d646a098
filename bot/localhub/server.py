"""A hub on a port: REST, GraphQL, pages, git and webhooks, in the running event loop.

    async with serve(hub) as address:
        ...  # address.url, hub.base_url

Everything that runs belongs to the block: leaving it ends the server, the webhooks that are still on
their way, and background work. An error in background work ends the block with that error.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from email.utils import format_datetime
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.localhub import graphql, pages, rest
from bot.localhub.git.http import GitFace
from bot.localhub.model.hub import Hub
from bot.localhub.outage import Door, Gate
from bot.localhub.webhooks.sender import Sender

START_TIMEOUT = 10.0
STOP_TIMEOUT = 2.0
TURNS_TO_CONNECT = 3
"""Turns of the event loop after which what was accepted is a connection that can be told to end. asyncio forgets, and
never closes, what it has accepted where the server is closed before that."""
_BY_ID = re.compile(r"^(/api/v3)?/repositories/(\d+)(/.*)?$")


@dataclass(frozen=True)
class Address:
    """Where a hub is reached."""

    url: str
    host: str
    port: int
    uds: Path | None = None
    door: Door | None = field(default=None, compare=False)
    """To be shut and opened again, where it is a port."""

    @property
    def api(self) -> str:
        """The REST root, as an enterprise host has it."""
        return f"{self.url}/api/v3"


class HubApp:
    """The ASGI application of a hub; `/repositories/{id}/…` leads to the repository's present name."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._app = Starlette(
            routes=[*GitFace(hub).routes(), *graphql.routes(hub), *rest.routes(hub), *pages.routes(hub)]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            match = _BY_ID.match(scope["path"])
            repository = self._hub.repositories.get(int(match[2])) if match is not None else None
            if match is not None and repository is not None:
                path = f"{match[1] or ''}/repos/{repository.full_name}{match[3] or ''}"
                scope = {**scope, "path": path, "raw_path": path.encode()}
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            return  # whoever asked has gone; that is no error of ours
        except Exception as error:
            self._hub.errors.append(error)
            raise


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers (signals are for whoever owns the event loop), saying when it is up.

    Its end is our own. uvicorn's looks ten times a second whether it is to end, and leaves open what it accepted in
    that very moment, and what does not finish in time.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Take no more connections; `serve` returns when all are gone."""
        self._ending.set()

    async def main_loop(self) -> None:
        await self._ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._take_no_more()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if answering := set(self.server_state.tasks):
            _, late = await asyncio.wait(answering, timeout=STOP_TIMEOUT)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._cut()
        await asyncio.sleep(0)  # a transport is gone one turn of the loop after it was told to

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def listen(self, sockets: list[socket.socket]) -> None:
        """Take connections again."""
        await super().startup(sockets)

    async def stop_listening(self) -> None:
        """Refuse connections, and cut those that stand: in the middle of an answer too."""
        await self._take_no_more()
        self._cut()

    async def _take_no_more(self) -> None:
        for server in self.servers:
            for listener in server.sockets:
                asyncio.get_running_loop().remove_reader(listener)
        for _ in range(TURNS_TO_CONNECT):
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()

    def _cut(self) -> None:
        for connection in list(self.server_state.connections):
            transport = connection.transport
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve(
    hub: Hub,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    uds: Path | None = None,
    beside: Path | None = None,
    app: ASGIApp | None = None,
) -> AsyncIterator[Address]:
    """Serve a hub while the block runs. `port` 0 takes a free one; `uds` is a socket in its place, `beside` one
    besides it, since the gh CLI speaks plain HTTP to nothing else; `app` wraps or replaces `HubApp(hub)`."""
    sender = hub.sender if isinstance(hub.sender, Sender) else Sender(hub)
    listener, address = _bind(host, port, uds)
    listeners = [listener] if beside is None else [listener, _bind(host, port, beside)[0]]
    hub.base_url = address.url
    config = uvicorn.Config(
        _dated(hub, Gate(hub, app or HubApp(hub))), log_config=None, access_log=False, lifespan="off", ws="none",
        server_header=False, date_header=False,
    )  # fmt: skip
    server = _Server(config)
    if uds is None:
        address = replace(address, door=Door(server, lambda: _bind(host, address.port, None)[0]))
    failure: Exception | None = None
    await sender.start()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=listeners))
            try:
                async with asyncio.timeout(START_TIMEOUT):
                    await server.up.wait()
                hub.start_background(tasks)
                yield address
            except Exception as error:  # told as it is, not within the group's
                failure = error
            finally:
                hub.stop_background()
                server.end()
        if failure is not None:
            raise failure
    finally:
        for one in listeners:
            one.close()
        for path in filter(None, (uds, beside)):
            await asyncio.to_thread(path.unlink, missing_ok=True)
        await sender.stop()
        hub.discard_background()


def _dated(hub: Hub, app: ASGIApp) -> ASGIApp:
    """`app`, whose answers carry the hub's time in their `date` header, not the machine's (RFC 9110, 6.6.1)."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = format_datetime(hub.now(), usegmt=True).encode()
                message = {**message, "headers": [*message.get("headers", ()), (b"date", now)]}
            await send(message)

        await app(scope, receive, dated)

    return answer


def _bind(host: str, port: int, uds: Path | None) -> tuple[socket.socket, Address]:
    if uds is not None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(uds))
        return listener, Address("http://localhost", "localhost", 80, uds)
    # asyncio switches Nagle's algorithm off only where the protocol is named; it costs 40 ms an answer otherwise
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    bound: int = listener.getsockname()[1]
    return listener, Address(f"http://{host}:{bound}", host, bound)
