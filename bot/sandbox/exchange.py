"""One connection of a program in the sandbox: its requests, one after the other, to where they may go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import h11
import httpx

from bot.sandbox.reach import WEB, Reach, split_target

_PIECE = 65_536
_CONNECTING = 30.0
_NOT_PASSED_ON = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding"
    b" upgrade host expect".split()
)
"""Headers of one hop (RFC 9110, 7.6.1), and those that we make anew."""

Headers = list[tuple[bytes, bytes]]


class Exchange:
    """Speaks HTTP with one program. `run` returns when the connection is over."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        reach: Reach,
        client: httpx.AsyncClient,
        refused: Callable[[str], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._reach = reach
        self._client = client
        self._refused = refused
        self._http = h11.Connection(h11.SERVER)

    async def run(self) -> None:
        try:
            while True:
                request = await self._next()
                if not isinstance(request, h11.Request):
                    return
                if request.method == b"CONNECT":
                    await self._tunnel(request.target.decode("ascii"))
                    return
                await self._forward(request)
                if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                    return
                self._http.start_next_cycle()
        except h11.RemoteProtocolError as error:
            with suppress(h11.LocalProtocolError):
                await self._say(error.error_status_hint, "this is not HTTP as it should be")

    async def _next(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                assert event is h11.PAUSED or isinstance(event, h11.Event)
                return event
            if self._http.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._reader.read(_PIECE))

    async def _send(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            self._writer.write(data)
            await self._writer.drain()

    async def _say(self, status: int, text: str) -> None:
        """An answer of our own, the last one on this connection."""
        body = f"crewline: {text}\n".encode()
        headers = [("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(body)))]
        await self._send(h11.Response(status_code=status, headers=[*headers, ("connection", "close")]))
        await self._send(h11.Data(data=body))
        await self._send(h11.EndOfMessage())

    async def _refuse(self, what: str) -> None:
        self._refused(what)
        await self._say(403, f"{what} may not be reached from this session (its network is model-only)")

    async def _tunnel(self, target: str) -> None:
        where = split_target(target)
        if where is None or not self._reach.allows(*where):
            await self._refuse(target[:300])
            return
        try:
            async with asyncio.timeout(_CONNECTING):
                reader, writer = await asyncio.open_connection(*where)
        except OSError as error:
            await self._say(502, f"{target} cannot be reached: {error}")
            return
        try:
            self._writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            early, _ = self._http.trailing_data
            writer.write(early)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(self._reader, writer))
                both.create_task(_pump(reader, self._writer))
        except* OSError:
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _forward(self, request: h11.Request) -> None:
        headers: Headers = [(name, value) for name, value in request.headers if name not in _NOT_PASSED_ON]
        url = request.target.decode("ascii")
        if url.startswith("/"):
            if self._reach.upstream is None:
                await self._refuse(f"a model at {url[:100]}")
                return
            url = self._reach.upstream.rstrip("/") + url
            headers = [(name, self._reach.with_keys(value)) for name, value in headers]
        elif (problem := _forbidden(url, self._reach)) is not None:
            await self._refuse(problem)
            return
        has_body = {b"content-length", b"transfer-encoding"} & {name for name, _ in request.headers}
        content = self._body() if has_body else None
        try:
            asked = httpx.Request(request.method.decode("ascii"), url, headers=headers, content=content)
            response = await self._client.send(asked, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            await self._say(502, f"no answer: {type(error).__name__}")
            return
        try:
            await self._pass_on(response, request.method)
        finally:
            await response.aclose()

    async def _pass_on(self, response: httpx.Response, method: bytes) -> None:
        async for _ in self._body():  # what was not asked for; the end of the request at least
            pass
        kept = [(name, value) for name, value in response.headers.raw if name.lower() not in _NOT_PASSED_ON]
        await self._send(h11.Response(status_code=response.status_code, headers=kept))
        if method != b"HEAD":
            async for piece in response.aiter_raw():
                await self._send(h11.Data(data=piece))
        await self._send(h11.EndOfMessage())

    async def _body(self) -> AsyncIterator[bytes]:
        """What is left of the request."""
        while self._http.their_state is h11.SEND_BODY and isinstance(event := await self._next(), h11.Data):
            yield bytes(event.data)


def _forbidden(url: str, reach: Reach) -> str | None:
    """What of an address in whole may not be reached: only plain HTTP comes so."""
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        return url[:300]
    port = parts.port or WEB[1]
    named = f"{parts.host}:{port}"
    return None if parts.scheme == "http" and reach.allows(parts.host, port) else named


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_PIECE):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
