"""A hub that ends leaves nothing open."""

import asyncio
import contextlib
import gc
import socket
from pathlib import Path

import pytest

from bot.localhub.model.hub import Hub
from bot.localhub.model.issue import open_issue
from bot.localhub.server import serve
from tests.installed import install_app
from tests.localhub.inbox import open_inbox


@pytest.mark.parametrize("turns", range(5))
async def test_who_comes_in_the_moment_of_the_end_is_hung_up_on(tmp_path: Path, turns: int) -> None:
    """A socket that is lost instead fails this too: Python says so when it collects it."""
    async with serve(Hub(tmp_path)) as address:
        visitor = socket.create_connection((address.host, address.port), timeout=20)
        for _ in range(turns):
            await asyncio.sleep(0)
    with visitor, contextlib.suppress(ConnectionError):
        gc.collect()
        assert visitor.recv(1) == b""


@pytest.mark.parametrize("turns", range(6))
async def test_connections_to_an_app_that_went_away_are_closed(tmp_path: Path, turns: int) -> None:
    """The App's server dies with several connections at rest, and the hub ends just when one more delivery finds them
    dead. What is lost here says so when it is collected."""
    hub = Hub(tmp_path)
    alice = hub.add_user("alice")
    shop = await hub.create_repository(alice, "shop")
    app = install_app(hub, alice)
    async with serve(hub):
        async with open_inbox() as inbox:
            app.webhook_url = inbox.url
            for number in range(4):
                open_issue(shop, alice, f"{number}", None)
            await inbox.wait("issues.opened", count=4)
            await hub.events.wait("webhook.delivered", count=4)
        open_issue(shop, alice, "One more", None)
        for _ in range(turns):
            await asyncio.sleep(0)
    gc.collect()
