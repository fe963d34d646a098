"""A receiver of webhooks: what an App's server sees, bytes and headers."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pydantic import JsonValue

JsonObject = dict[str, JsonValue]


@dataclass(frozen=True)
class Received:
    """One delivery as it came over the wire. Header names in lower case."""

    headers: dict[str, str]
    raw: bytes

    @property
    def event(self) -> str:
        return self.headers["x-github-event"]

    @property
    def guid(self) -> str:
        return self.headers["x-github-delivery"]

    @property
    def body(self) -> JsonObject:
        found: JsonValue = json.loads(self.raw)
        assert isinstance(found, dict)
        return found

    @property
    def name(self) -> str:
        """`issues.opened`, `push`."""
        action = self.body.get("action")
        return f"{self.event}.{action}" if isinstance(action, str) else self.event


@dataclass
class Inbox:
    """What arrived so far. `status` is what is answered; None: never answers."""

    status: int | None = 200
    received: list[Received] = field(default_factory=list)
    url: str = ""
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _open: dict[asyncio.StreamWriter, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.received]

    async def wait(self, name: str, *, count: int = 1) -> Received:
        """The n-th delivery of that name (`issues.opened`)."""
        async with asyncio.timeout(10):
            while len(hits := [one for one in self.received if one.name == name]) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return hits[count - 1]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[writer] = task
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                pairs = (line.partition(": ") for line in head[1:] if line)
                headers = {name.lower(): value for name, _, value in pairs}
                raw = await reader.readexactly(int(headers["content-length"]))
                self.received.append(Received(headers, raw))
                self._arrived.set()
                if self.status is None:
                    await reader.read()
                    return
                writer.write(f"HTTP/1.1 {self.status} Answer\r\ncontent-length: 2\r\n\r\nok".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def close(self) -> None:
        """Hang up on everybody."""
        open_now = dict(self._open)
        for writer in open_now:
            writer.close()
        await asyncio.gather(*open_now.values())


@asynccontextmanager
async def open_inbox() -> AsyncIterator[Inbox]:
    """An inbox on a free port."""
    inbox = Inbox()
    server = await asyncio.start_server(inbox._answer, "127.0.0.1", 0)
    inbox.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield inbox
        await inbox.close()
