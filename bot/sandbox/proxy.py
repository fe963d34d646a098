"""The way out of a sandbox whose network is `model-only`: through here, to the hosts that are allowed, or not at all.

What must hold:

* programs inside have no network of their own; what they connect to is a socket of theirs that we accept on (see
  `hand_over`). Each session has its own, so it needs no password, and one session cannot use the door of another;
* only hosts that are allowed are connected to, by name as they were asked for; everything else gets 403 and is told;
* the model's key is not inside. A request that is made to us, rather than through us, goes to the agent's model, and
  what stands in for the key is replaced on the way, in headers alone. Nothing of ours is put into any other request,
  and through a tunnel (CONNECT) only what cannot be read goes;
* bytes go through as they come, in both directions: an answer that is streamed arrives as it is spoken.

Names are resolved here, with the server's own resolver; a name that is allowed is trusted to lead where its owner
says. The server's proxy settings (HTTPS_PROXY) hold for requests to the model; tunnels are connected directly.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import h11
import httpx

from bot.sandbox.exchange import Exchange
from bot.sandbox.reach import Reach

PORT = 8118
"""Where programs inside find it, on their own loopback."""
ADDRESS = f"http://127.0.0.1:{PORT}"
_MOST_CONNECTIONS = 128
_CONNECTING = 30.0
_ANSWERING = 900.0
"""Seconds in which something of an answer must come; what an agent waits for is its own limit's business."""


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted. Reading them takes longer than all else that a session costs."""
    return httpx.create_ssl_context()


OnRefusal = Callable[[str], None]


class Proxy:
    """The door of one run, to be used as an async context manager. `refused` is told what was not allowed."""

    def __init__(self, reach: Reach, refused: OnRefusal) -> None:
        self._reach = reach
        self._refused = refused
        self._tasks: set[asyncio.Task[None]] = set()
        self._door: socket.socket | None = None
        self._unserved: set[socket.socket] = set()
        """Accepted; a task that is cancelled before its first step would never close its own."""

    async def __aenter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="crewline-"))  # short: a unix socket's path has 107 bytes
        self._line = socket.socket(socket.AF_UNIX)
        self._line.setblocking(False)
        self._line.bind(str(self.path))
        self._line.listen(1)
        timeout = httpx.Timeout(_CONNECTING, read=_ANSWERING, write=_ANSWERING)
        limits = httpx.Limits(max_connections=_MOST_CONNECTIONS)
        trusted = await asyncio.to_thread(_trusted)
        self._client = httpx.AsyncClient(verify=trusted, timeout=timeout, limits=limits, follow_redirects=False)
        self._begin(asyncio.create_task(self._take_over()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in (self._line, self._door, *self._unserved):
            if one is not None:
                one.close()
        await self._client.aclose()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def path(self) -> Path:
        """The unix socket through which the door is handed over."""
        return self._folder / "door"

    def _begin(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_over(self) -> None:
        """Take the first socket that comes, and accept on it; nobody is listened to afterwards."""
        loop = asyncio.get_running_loop()
        line, _ = await loop.sock_accept(self._line)
        with line:
            line.setblocking(False)
            readable = asyncio.Event()
            loop.add_reader(line, readable.set)
            try:
                await readable.wait()
            finally:
                loop.remove_reader(line)
            _, descriptors, _, _ = socket.recv_fds(line, 1, 1)
            self._line.close()
            if not descriptors:
                return
            self._door = socket.socket(fileno=descriptors[0])
            self._door.setblocking(False)
            await loop.sock_sendall(line, b".")
        while True:
            connection, _ = await loop.sock_accept(self._door)
            if len(self._tasks) > _MOST_CONNECTIONS:
                connection.close()
                continue
            self._unserved.add(connection)
            self._begin(asyncio.create_task(self._serve(connection)))

    async def _serve(self, connection: socket.socket) -> None:
        self._unserved.discard(connection)
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            with suppress(OSError, httpx.HTTPError, h11.ProtocolError):  # it hears that by its connection's end
                await Exchange(reader, writer, self._reach, self._client, self._refused).run()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
