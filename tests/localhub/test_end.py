"""A hub that ends leaves nothing open."""

import asyncio
import contextlib
import gc
import socket
from pathlib import Path

import pytest

from bot.localhub.model.hub import Hub
from bot.localhub.server import serve


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
