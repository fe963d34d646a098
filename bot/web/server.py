"""An ASGI app on a TCP port for as long as a block runs.

uvicorn by default takes over the process: it handles SIGINT and SIGTERM, sets up logging, and exits the interpreter
where the port is taken. Here it does none of that; whoever runs the block decides when it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator, Sequence
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from bot.web.connection import Connection
from bot.web.descriptors import Listener

SECONDS_TO_FINISH = 3
TURNS_TO_CONNECT = 3
"""Turns of the event loop after which what was accepted is a connection that can be told to end. asyncio forgets, and
never closes, what it has accepted where the server is closed before that."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens; `port` is the real one also where 0 was asked for."""

    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, host: str, port: int) -> AsyncIterator[Address]:
    """Serves `app` while the block runs; the port answers from the first line of the block on.

    At the end, requests under way get `SECONDS_TO_FINISH` seconds. Raises OSError where the address cannot be had.
    """
    listener = _listen(host, port)
    server = _Server(
        uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=SECONDS_TO_FINISH,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listener]), name=f"serving {host}:{port}")
    task.add_done_callback(lambda _: server.listening.set())
    try:
        await server.listening.wait()
        if task.done():
            await task
        yield Address(host, listener.getsockname()[1])
    finally:
        # A task group would cancel the server where the block fails, instead of letting it finish.
        server.end()
        await task
        listener.close()


def _listen(host: str, port: int) -> Listener:
    listener = Listener(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Take no more connections; `serve` returns when all are gone."""
        self.should_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        """uvicorn wakes up ten times a second to see whether it is to end. Once is enough for the `date` of answers."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._ending.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn leaves open what was accepted in this very moment, and what does not finish in time."""
        for server in self.servers:
            for listener in server.sockets:
                asyncio.get_running_loop().remove_reader(listener)
        for _ in range(TURNS_TO_CONNECT):
            await asyncio.sleep(0)
        await super().shutdown(sockets)
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)  # those left are cancelled
        for connection in list(self.server_state.connections):
            if isinstance(connection.transport, asyncio.WriteTransport):
                connection.transport.abort()
        await asyncio.sleep(0)  # a transport is gone one turn of the loop after it was told to

    async def startup(self, sockets: Sequence[socket.socket] | None = None) -> None:
        await super().startup(sockets=list(sockets) if sockets is not None else None)
        self.listening.set()
