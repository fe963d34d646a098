"""GitHub down as a whole: every request is answered 502 or not at all, or nobody listens on the port.

A host name that does not resolve is not the hub's to play: it never hears of it.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.localhub.model.hub import Hub
from bot.localhub.model.settings import Outage

_BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"


class Gate:
    """An ASGI app around a hub's: while `faults.outage` is set, nobody gets through.

    Whoever waits for an answer in a silence waits until they give up, however soon the outage ends.
    """

    def __init__(self, hub: Hub, app: ASGIApp) -> None:
        self._hub = hub
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        outage = self._hub.faults.outage
        if outage is None or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if outage is Outage.SILENCE:
            await self._silence(receive)
        await Response(_BAD_GATEWAY, 502, {"content-type": "text/html"})(scope, receive, send)

    async def _silence(self, receive: Receive) -> None:
        """Until whoever asks has gone."""
        while (await receive())["type"] != "http.disconnect":
            pass


class Listening(Protocol):
    """What holds the listening sockets: the HTTP server."""

    async def listen(self, sockets: list[socket.socket]) -> None: ...

    async def stop_listening(self) -> None: ...


class Door:
    """Where a hub listens. Shut, connections are refused; those that stand are cut."""

    def __init__(self, server: Listening, bind: Callable[[], socket.socket]) -> None:
        self._server = server
        self._bind = bind
        self._turning = asyncio.Lock()

    async def shut(self) -> None:
        """Refuse connections from now on."""
        async with self._turning:
            await self._server.stop_listening()

    async def open(self) -> None:
        """Listen again, on the same port."""
        async with self._turning:
            await self._server.listen([self._bind()])
