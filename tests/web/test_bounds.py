"""Strangers decide what is sent, the server decides how much of it is read and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.web import connection
from bot.web.body import LARGEST_BODY, BodyReader
from bot.web.server import Address, serving
from tests.web.deliveries import BEGUN, LABELLED, Desk, headers


async def test_a_body_of_25_megabytes_is_the_largest() -> None:
    desk = Desk()
    body = LABELLED.ljust(LARGEST_BODY)
    async with desk.client() as client:
        answer = await client.post("/webhook", content=body, headers=headers(body))
        larger = await client.post("/webhook", content=body + b" ", headers=headers(body + b" "))
    assert (answer.status_code, larger.status_code) == (202, 413)
    assert len(desk.accepted) == 1


async def test_a_body_without_a_declared_length_is_bounded_while_it_streams() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1000
            yield b" " * 1000

    desk = Desk(bodies=BodyReader(largest=5000))
    async with desk.client() as client:
        answer = await client.post("/webhook", content=endless(), headers=headers(b""))
    assert answer.status_code == 413
    assert sent <= 7000


async def test_a_length_over_the_bound_is_refused_before_anything_is_read() -> None:
    async with serving(Desk().app, "127.0.0.1", 0) as address:
        answer = await talk(address, BEGUN + b"Content-Length: 999999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_sender_who_stops_in_the_middle_is_hung_up_on() -> None:
    desk = Desk(bodies=BodyReader(seconds=0.05))
    async with serving(desk.app, "127.0.0.1", 0) as address:
        answer = await talk(address, BEGUN + b"Content-Length: 10\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert desk.accepted == []


async def test_a_connection_that_never_asks_anything_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SECONDS_FOR_HEADERS", 0.05)
    async with serving(Desk().app, "127.0.0.1", 0) as address:
        assert await talk(address, b"POST /webhook HTTP/1.1\r\nHost:") == b""


async def test_bodies_that_arrive_at_once_share_one_budget() -> None:
    """The third large body is told to come back, a small one still fits; when the others are through, there is room."""
    reading, gate = asyncio.Semaphore(0), asyncio.Event()
    body, small = LABELLED.ljust(40_000), LABELLED

    async def held() -> AsyncIterator[bytes]:
        yield body[:30_000]
        reading.release()
        await gate.wait()
        yield body[30_000:]

    desk = Desk(bodies=BodyReader(largest=50_000, together=110_000))
    async with desk.client() as client, asyncio.TaskGroup() as group:
        slow = [group.create_task(client.post("/webhook", content=held(), headers=headers(body))) for _ in range(2)]
        for _ in slow:
            await reading.acquire()
        refused = await client.post("/webhook", content=body, headers=headers(body))
        taken = await client.post("/webhook", content=small, headers=headers(small))
        gate.set()
        answers = [await task for task in slow]
        later = await client.post("/webhook", content=body, headers=headers(body))
    assert (refused.status_code, taken.status_code) == (429, 202)
    assert [answer.status_code for answer in (*answers, later)] == [202, 202, 202]


async def talk(address: Address, request: bytes) -> bytes:
    """What the server answers to `request` until it hangs up."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(request)
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_server_lets_a_request_finish_and_frees_its_port() -> None:
    desk = Desk()
    async with serving(desk.app, "127.0.0.1", 0) as address, httpx.AsyncClient(base_url=address.url) as client:
        assert (await client.get("/healthz")).text == "ok\n"
    async with serving(desk.app, "127.0.0.1", address.port) as again:
        assert again == address


async def test_a_taken_port_is_an_error_at_once() -> None:
    app = Desk().app
    async with serving(app, "127.0.0.1", 0) as address:
        with pytest.raises(OSError, match=r"[Aa]ddress"):
            async with serving(app, "127.0.0.1", address.port):
                pass


async def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(LookupError):
        async with serving(Desk().app, "127.0.0.1", 0):
            raise LookupError


async def test_a_cancelled_block_frees_its_port_too() -> None:
    app, ready = Desk().app, asyncio.get_running_loop().create_future()

    async def run() -> None:
        async with serving(app, "127.0.0.1", 0) as address:
            ready.set_result(address.port)
            await asyncio.Event().wait()

    task = asyncio.create_task(run())
    port = await ready
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with serving(app, "127.0.0.1", port) as again:
        assert again.port == port
