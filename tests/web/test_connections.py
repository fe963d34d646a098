"""Connections are cheap, few enough, and gone when they do not move on; deliveries come through meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest

from bot.web import connection, descriptors
from bot.web.body import LARGEST_BODY, BodyReader
from bot.web.server import Address, serving
from tests.web.deliveries import BEGUN, LABELLED, Desk, headers

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(address: Address, *first: bytes) -> AsyncIterator[Ends]:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.writelines(first)
        yield reader, writer
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def hung_up(ends: Ends) -> bytes:
    """What comes until the server hangs up."""
    async with asyncio.timeout(20):
        try:
            return await ends[0].read()
        except ConnectionError:
            return b""


async def deliver(address: Address, body: bytes = LABELLED) -> int:
    async with httpx.AsyncClient(base_url=address.url, timeout=30) as client:
        return (await client.post("/webhook", content=body, headers=headers(body))).status_code


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SECONDS_FOR_HEADERS", 0.05)


# Slow ones


@pytest.mark.usefixtures("hurried")
async def test_who_dawdles_over_the_second_request_is_hung_up_on_too() -> None:
    async with serving(Desk().app, "127.0.0.1", 0) as address, connected(address) as ends:
        ends[1].write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea")
        assert (await hung_up(ends)).endswith(b"ok\n")


@pytest.mark.usefixtures("hurried")
async def test_who_drips_a_head_without_end_is_hung_up_on() -> None:
    async with serving(Desk().app, "127.0.0.1", 0) as address, connected(address, BEGUN) as ends:
        reading = asyncio.create_task(hung_up(ends))
        while not reading.done():
            ends[1].write(b"A")
            await asyncio.wait({reading}, timeout=0.005)
        assert await reading == b""


async def test_who_drips_a_body_is_answered_408() -> None:
    desk = Desk(bodies=BodyReader(seconds=0.1))
    async with serving(desk.app, "127.0.0.1", 0) as address, connected(address, BEGUN) as ends:
        ends[1].write(b"Transfer-Encoding: chunked\r\n\r\n")
        reading = asyncio.create_task(hung_up(ends))
        while not reading.done():
            ends[1].write(b"1\r\n \r\n")
            await asyncio.wait({reading}, timeout=0.005)
        assert (await reading).startswith(b"HTTP/1.1 408 ")


@pytest.mark.usefixtures("hurried")
async def test_who_never_reads_the_answers_is_hung_up_on() -> None:
    asked = b"GET /dashboard.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 500
    async with serving(Desk().app, "127.0.0.1", 0) as address, connected(address) as (_, writer):
        with pytest.raises(ConnectionError):
            await ask_forever(writer, asked)


async def ask_forever(writer: asyncio.StreamWriter, asked: bytes) -> None:
    async with asyncio.timeout(20):
        while True:
            writer.write(asked)
            await writer.drain()


# Large ones


async def test_an_answer_before_the_end_of_the_body_is_read_by_its_sender() -> None:
    """Also by one who keeps on sending what nobody reads."""
    body = LABELLED.ljust(LARGEST_BODY + 1)
    async with serving(Desk().app, "127.0.0.1", 0) as address:
        assert await deliver(address, body) == 413
        assert await deliver(address, body[:-1]) == 202


async def test_a_stranger_without_a_signature_is_not_even_listened_to() -> None:
    asked = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    async with serving(Desk().app, "127.0.0.1", 0) as address, connected(address, asked) as ends:
        assert (await hung_up(ends)).startswith(b"HTTP/1.1 401 ")


# Many


async def test_a_thousand_open_connections_do_not_keep_a_delivery_out() -> None:
    desk = Desk()
    many = min(1000, (descriptors.raise_limit() - 200) // 3)
    async with serving(desk.app, "127.0.0.1", 0) as address, AsyncExitStack() as stack:
        for first in (b"", b"POST /webhook HT", BEGUN, BEGUN + b"Content-Length: 100\r\n\r\n{"):
            for _ in range(many // 4):
                await stack.enter_async_context(connected(address, first))
        assert [await deliver(address) for _ in range(20)] == [202] * 20
    assert len(desk.accepted) == 20


async def test_where_there_are_too_many_the_one_that_is_silent_for_longest_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 3)
    async with serving(Desk().app, "127.0.0.1", 0) as address, AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(connected(address)) for _ in range(3)]
        await asyncio.sleep(0)
        assert await deliver(address) == 202
        assert await hung_up(silent[0]) == b""


async def test_where_all_are_busy_the_new_one_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 2)
    asked = BEGUN + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n"
    async with serving(Desk().app, "127.0.0.1", 0) as address, AsyncExitStack() as stack:
        for _ in range(2):
            reader, _ = await stack.enter_async_context(connected(address, asked))
            assert (await reader.readline()).startswith(b"HTTP/1.1 100 ")
        assert await hung_up(await stack.enter_async_context(connected(address))) == b""


# Descriptors


@contextmanager
def none_left() -> Iterator[None]:
    """No file can be opened in this process while the block runs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(file.name) for file in Path("/proc/self/fd").iterdir())
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_where_descriptors_run_out_who_comes_is_hung_up_on_and_later_ones_are_served() -> None:
    loop = asyncio.get_running_loop()
    errors: list[str] = []
    loop.set_exception_handler(lambda _, context: errors.append(str(context)))
    async with serving(Desk().app, "127.0.0.1", 0) as address:
        with socket.socket() as before, socket.socket() as another, none_left():
            for one in (before, another):
                one.setblocking(False)
                await loop.sock_connect(one, (address.host, address.port))
                async with asyncio.timeout(5):
                    assert await loop.sock_recv(one, 10) == b""
        assert await deliver(address) == 202
    assert errors == []


def test_the_limit_of_descriptors_is_raised_as_far_as_it_may_be() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 500), hard))
        assert descriptors.raise_limit() == min(hard, descriptors.WANTED)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 500), hard))
        assert descriptors.for_connections(2048) == 250
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_where_the_limit_cannot_be_raised_it_stays_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, where the kernel takes less than the hard limit says."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def refuses(which: int, limits: tuple[int, int]) -> None:
        raise ValueError("current limit exceeds maximum limit")

    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 500), hard))
        with monkeypatch.context() as patched:
            patched.setattr(resource, "setrlimit", refuses)
            assert descriptors.raise_limit() == min(soft, 500)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# The end


@pytest.mark.parametrize("turns", range(5))
async def test_who_comes_in_the_moment_of_the_end_is_hung_up_on(turns: int) -> None:
    """A socket that is lost instead fails this too: Python says so when it collects it."""
    async with serving(Desk().app, "127.0.0.1", 0) as address:
        visitor = socket.create_connection((address.host, address.port), timeout=20)
        for _ in range(turns):
            await asyncio.sleep(0)
    with visitor, contextlib.suppress(ConnectionError):
        gc.collect()
        assert visitor.recv(1) == b""
