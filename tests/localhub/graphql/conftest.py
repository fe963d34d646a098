"""A served hub for the stories here. A fault of the hub's own (a field without a resolver) fails the story."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.localhub.model.hub import Hub
from bot.localhub.server import serve
from tests.localhub.graphql.served import Served, stock


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    hub = Hub(tmp_path)
    alice, shop, installation = await stock(hub)
    async with serve(hub) as address, httpx.AsyncClient(base_url=address.url, timeout=20) as client:
        yield Served(hub, alice, shop, installation, client)
    assert hub.errors == []
