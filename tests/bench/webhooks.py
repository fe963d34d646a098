"""How fast a delivery is acknowledged at 200 a second."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import httpx

from tests.bench.objectives import CHAIN, sessions_for, theatre
from tests.installed import SECRET

PER_SECOND = 200
SECONDS = 5


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Milliseconds from the planned moment of a delivery to its answer."""

    p50: float
    p99: float
    deliveries: int


async def acknowledge(folder: Path) -> Acknowledgement:
    async with theatre(folder, sessions_for(CHAIN)) as here, here.bot() as bot:
        url = f"http://127.0.0.1:{bot.port}/webhook"
        body = json.dumps(
            {
                "action": "edited",
                "issue": {"number": 4711},
                "repository": {"full_name": here.shop.full_name},
                "installation": {"id": 1},
                "sender": {"login": "alice", "type": "User"},
            }
        ).encode()
        limits = httpx.Limits(max_connections=20, max_keepalive_connections=20)
        async with httpx.AsyncClient(limits=limits) as client:
            return await _fire(client, url, body)


async def _fire(client: httpx.AsyncClient, url: str, body: bytes) -> Acknowledgement:
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "x-github-event": "issues",
        "x-hub-signature-256": signature,
        "content-type": "application/json",
    }
    times: list[float] = []

    async def deliver(planned: float, number: int) -> None:
        answer = await client.post(url, content=body, headers={**headers, "x-github-delivery": str(number)})
        assert answer.status_code == 202, answer.text
        times.append((monotonic() - planned) * 1000)

    began = monotonic() + 0.1
    async with asyncio.TaskGroup() as group:
        for number in range(PER_SECOND * SECONDS):
            planned = began + number / PER_SECOND
            await asyncio.sleep(max(0.0, planned - monotonic()))
            group.create_task(deliver(planned, number))
    return Acknowledgement(_percentile(times, 50), _percentile(times, 99), len(times))


def _percentile(times: Sequence[float], percent: int) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * percent // 100)]
