"""The way out of a sandbox: what is allowed, where the key goes, and that bytes go through as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from bot.sandbox.exchange import Exchange
from bot.sandbox.reach import Reach, split_target

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Model:
    """Answers every request with its headers, and then as often as it is told with a piece more."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = [line.split(":")[1] for line in head.lower().splitlines() if line.startswith("content-length:")]
        body = await reader.readexactly(int(length[0])) if length else b""
        self.heads.append(head + body.decode())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        while piece := await self.pieces.get():
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def model() -> AsyncIterator[Model]:
    one = Model()
    async with await asyncio.start_server(one.answer, "127.0.0.1", 0) as server:
        one.port = server.sockets[0].getsockname()[1]
        yield one


@asynccontextmanager
async def door(reach: Reach, refused: list[str]) -> AsyncIterator[Stream]:
    """A connection of a program inside."""
    client = httpx.AsyncClient(trust_env=False)

    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await Exchange(reader, writer, reach, client, refused.append).run()
        finally:
            writer.close()
            await writer.wait_closed()
            served.set()

    async with client, await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        yield reader, writer
        writer.close()
        await writer.wait_closed()
        await served.wait()


async def test_a_streamed_answer_arrives_as_it_is_spoken_with_the_key_put_in() -> None:
    async with model() as spoken:
        reach = Reach(upstream=f"http://127.0.0.1:{spoken.port}/v1", keys={"stand-in": "the-key"})
        async with door(reach, []) as (reader, writer):
            writer.write(
                b"POST /messages?x=stand-in HTTP/1.1\r\nhost: 127.0.0.1:8118\r\nx-api-key: stand-in\r\n"
                b"authorization: Bearer stand-in\r\ncontent-length: 8\r\n\r\nstand-in"
            )
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            for piece in (b"data: one\n", b"data: two\n"):
                spoken.pieces.put_nowait(piece)
                assert piece in await reader.readuntil(piece)
            spoken.pieces.put_nowait(b"")
            await reader.readuntil(b"0\r\n\r\n")
            writer.write(b"GET /models HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            spoken.pieces.put_nowait(b"")
            await reader.readuntil(b"0\r\n\r\n")
    first, second = spoken.heads
    assert first.startswith("POST /v1/messages?x=stand-in ")
    assert "x-api-key: the-key" in first.lower()
    assert "Bearer the-key" in first
    assert first.endswith("\r\n\r\nstand-in"), "nothing but headers is changed"
    assert f"host: 127.0.0.1:{spoken.port}" in first.lower()
    assert second.startswith("GET /v1/models ")


async def test_a_tunnel_goes_to_allowed_hosts_with_nothing_put_in() -> None:
    async with model() as spoken:
        reach = Reach(hosts=(f"127.0.0.1:{spoken.port}",), keys={"stand-in": "the-key"})
        async with door(reach, []) as (reader, writer):
            writer.write(f"CONNECT 127.0.0.1:{spoken.port} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            writer.write(b"GET / HTTP/1.1\r\nx-api-key: stand-in\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            spoken.pieces.put_nowait(b"")
            await reader.readuntil(b"0\r\n\r\n")
    assert "x-api-key: stand-in" in spoken.heads[0]


@pytest.mark.parametrize(
    ("request_line", "named"),
    [
        ("CONNECT evil.example:443", "evil.example:443"),
        ("CONNECT 169.254.169.254:80", "169.254.169.254:80"),
        ("GET http://evil.example/", "evil.example:80"),
        ("GET https://pypi.org/", "pypi.org:80"),
        ("GET /v1/models", "a model at /v1/models"),
    ],
)
async def test_everything_else_is_refused_and_told(request_line: str, named: str) -> None:
    refused: list[str] = []
    async with door(Reach(hosts=("pypi.org",)), refused) as (reader, writer):
        writer.write(f"{request_line} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        answer = (await reader.read()).decode()
    assert answer.startswith("HTTP/1.1 403")
    assert named in answer
    assert refused == [named]


async def test_what_is_no_http_is_answered_and_ends() -> None:
    async with door(Reach(), []) as (reader, writer):
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400")


async def test_a_model_that_is_not_there_is_a_bad_gateway() -> None:
    async with door(Reach(upstream="http://127.0.0.1:1"), []) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 502")


@pytest.mark.parametrize(
    ("entry", "allowed", "refused"),
    [
        ("pypi.org", ("pypi.org:443", "PyPI.org.:80"), ("files.pypi.org:443", "pypi.org:22", "notpypi.org:443")),
        ("*.example.com", ("a.example.com:443", "a.b.example.com:443"), ("example.com:443", "badexample.com:443")),
        ("models.example:8443", ("models.example:8443",), ("models.example:443",)),
    ],
)
def test_hosts(entry: str, allowed: tuple[str, ...], refused: tuple[str, ...]) -> None:
    reach = Reach(hosts=(entry,))
    for target, expected in [*((name, True) for name in allowed), *((name, False) for name in refused)]:
        where = split_target(target)
        assert where is not None
        assert reach.allows(*where) is expected, target


def test_a_target_that_cannot_be_one() -> None:
    assert [split_target(text) for text in ("", ":443", "host:99999", "[::1")] == [None, None, None, None]
