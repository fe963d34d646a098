"""Bytes on a real connection: a server in a thread of its own, and somebody who sends it whatever they like."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.web.server import Address, serving
from tests.web.deliveries import Desk

STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


class _Kept(logging.Handler):
    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append(self.format(record))


@dataclass
class Target:
    """A server that runs. `complaints` is what it, asyncio and uvicorn logged as a warning or worse, and every
    exception that reached the event loop."""

    desk: Desk
    address: Address
    complaints: list[str] = field(default_factory=list)

    def send(self, sent: bytes) -> bytes:
        """All that is answered to `sent`, after which the sender shuts their side."""
        with socket.create_connection((self.address.host, self.address.port), timeout=20) as connection:
            try:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                return b"".join(iter(lambda: connection.recv(65536), b""))
            except OSError:  # hung up on in the middle
                return b""

    def statuses(self, sent: bytes) -> list[int]:
        return [int(status) for status in STATUS.findall(self.send(sent))]


@contextmanager
def target(desk: Desk) -> Iterator[Target]:
    ready, found = threading.Event(), list[Target]()
    loop, done = asyncio.new_event_loop(), asyncio.Event()

    async def run() -> None:
        async with serving(desk.app, "127.0.0.1", 0) as address:
            here = Target(desk, address)
            loop.set_exception_handler(lambda _, context: here.complaints.append(str(context)))
            found.append(here)
            ready.set()
            await done.wait()

    def main() -> None:
        with loop_closed(loop):
            loop.run_until_complete(run())
        ready.set()

    thread = threading.Thread(target=main)
    thread.start()
    ready.wait()
    handler = _Kept(found[0].complaints)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield found[0]
    finally:
        root.removeHandler(handler)
        loop.call_soon_threadsafe(done.set)
        thread.join()


@contextmanager
def loop_closed(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    try:
        yield
    finally:
        loop.close()
