"""Fires signed deliveries at a webhook endpoint at a given pace, over connections that stay open.

Raw bytes, since a comfortable client costs more than the server that it measures; and in a process of its own
(`fire`), so that what else this one does is not taken for the server's slowness.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

CONNECTIONS = 50


@dataclass(frozen=True, slots=True)
class Shot:
    """A delivery without its GUID."""

    event: str
    body: bytes
    signature: str

    def request(self, guid: str) -> bytes:
        return (
            f"POST /webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: GitHub-Hookshot/10ca1b0\r\n"
            f"Content-Type: application/json\r\nX-GitHub-Event: {self.event}\r\nX-GitHub-Delivery: {guid}\r\n"
            f"X-Hub-Signature-256: {self.signature}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        ).encode() + self.body


def loaded(event: str, body: bytes, secret: str) -> Shot:
    return Shot(event, body, "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest())


@dataclass(slots=True)
class Score:
    """`seconds`: from the planned moment of each delivery to its answer, in any order."""

    seconds: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    def milliseconds(self, percent: float) -> float:
        at = min(len(self.seconds) - 1, int(len(self.seconds) * percent / 100))
        return round(sorted(self.seconds)[at] * 1000, 2)


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Gun:
    """Shots that find no free connection wait, and their time counts."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._free: asyncio.Queue[Connection | None] = asyncio.Queue()
        self._guids = itertools.count(1)
        for _ in range(CONNECTIONS):
            self._free.put_nowait(None)

    async def at_pace(self, shots: Iterable[Shot], per_second: float, seconds: float) -> Score:
        """`per_second` of `shots`, again and again from the first, for `seconds`."""
        score, loop = Score(), asyncio.get_running_loop()
        began = loop.time() + 0.1
        many = int(per_second * seconds)
        async with asyncio.TaskGroup() as group:
            for number, shot in zip(range(many), itertools.cycle(shots), strict=False):
                planned = began + number / per_second
                if planned > loop.time():
                    await _until(loop, planned)
                group.create_task(self._fire(shot, planned, score))
        return score

    async def as_fast_as_it_goes(self, shots: Sequence[Shot], many: int) -> Score:
        score, loop = Score(), asyncio.get_running_loop()
        waiting: Iterator[Shot] = itertools.islice(itertools.cycle(shots), many)

        async def fire_on() -> None:
            for shot in waiting:
                await self._fire(shot, loop.time(), score)

        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS // 2):
                group.create_task(fire_on())
        return score

    async def close(self) -> None:
        for _ in range(CONNECTIONS):
            if (connection := await self._free.get()) is not None:
                connection[1].close()
                await asyncio.gather(connection[1].wait_closed(), return_exceptions=True)

    async def _fire(self, shot: Shot, planned: float, score: Score) -> None:
        request = shot.request(f"torture-{next(self._guids)}")
        connection = await self._free.get()
        try:
            try:
                connection, status = await self._ask(connection, request)
            except (OSError, EOFError):  # the server may close what was idle; a client asks again
                connection, status = await self._ask(None, request)
        except (OSError, EOFError) as error:
            connection, status = None, type(error).__name__
        finally:
            self._free.put_nowait(connection)
        score.seconds.append(asyncio.get_running_loop().time() - planned)
        score.answers[status] += 1

    async def _ask(self, connection: Connection | None, request: bytes) -> tuple[Connection, str]:
        reader, writer = connection or await asyncio.open_connection(*self._address)
        writer.write(request)
        async with asyncio.timeout(30):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(length)
        return (reader, writer), head[9:12].decode()


async def _until(loop: asyncio.AbstractEventLoop, moment: float) -> None:
    come = loop.create_future()
    loop.call_at(moment, come.set_result, None)
    await come


@asynccontextmanager
async def gun(host: str, port: int) -> AsyncIterator[Gun]:
    one = Gun(host, port)
    try:
        yield one
    finally:
        await one.close()


async def fire(folder: Path, port: int, shots: Sequence[Shot], per_second: float, seconds: float) -> Score:
    """At a pace, from another process."""
    file = folder / "shots.json"
    lines = [[shot.event, shot.body.decode(), shot.signature] for shot in shots]
    await asyncio.to_thread(file.write_text, json.dumps(lines))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.torture.gun", str(file), str(port), str(per_second), str(seconds)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    told = json.loads(said)
    return Score(told["seconds"], Counter(told["answers"]))


async def main(file: str, port: str, per_second: str, seconds: str) -> None:
    """What `fire` runs."""
    text = await asyncio.to_thread(Path(file).read_text)
    shots = [Shot(event, body.encode(), signature) for event, body, signature in json.loads(text)]
    async with gun("127.0.0.1", int(port)) as one:
        score = await one.at_pace(shots, float(per_second), float(seconds))
    print(json.dumps({"seconds": score.seconds, "answers": score.answers}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
