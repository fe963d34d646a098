"""A served hub for the stories here."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.localhub.graphql import routes
from bot.localhub.model.hub import Hub
from tests.localhub.graphql.served import Served, serving, stock


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    hub = Hub(tmp_path)
    alice, shop, installation = await stock(hub)
    async with asyncio.TaskGroup() as tasks, serving(routes(hub)) as address:
        hub.base_url = address
        hub.start_background(tasks)
        async with httpx.AsyncClient(base_url=address, timeout=20) as client:
            yield Served(hub, alice, shop, installation, client)
        hub.stop_background()
