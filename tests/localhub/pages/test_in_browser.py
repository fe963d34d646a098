"""The pages in a real browser: Mermaid draws, hostile text does nothing, an open page follows the hub."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from socket import socket

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from bot.localhub.pages import routes
from tests.localhub.pages.browser import browser, page_of
from tests.localhub.pages.sample import Sample, sample


class NewsAtTheThirdLook:
    """The sample's pages; somebody comments between two looks of an open page."""

    def __init__(self, shown: Sample) -> None:
        self.app = Starlette(routes=routes(shown.hub))
        self.shown = shown
        self.looks = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/_changes":
            self.looks += 1
            if self.looks == 3:
                self.shown.objective.comment(self.shown.hub.user("alice"), "Fresh news")
        await self.app(scope, receive, send)


class Elements(HTMLParser):
    """Counts the elements of a page, and keeps the attributes that would run something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.listeners: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.listeners += [name for name, _ in attrs if name.startswith("on")]


class Listening(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup()
        self.ready.set()

    @property
    def address(self) -> str:
        (listening,) = self.servers[0].sockets
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    browser()
    app = NewsAtTheThirdLook(await sample(tmp_path / "hub"))
    config = uvicorn.Config(app, port=0, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = Listening(config)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        await server.ready.wait()
        yield server.address
        server.should_exit = True


async def test_an_objective_shows_its_picture_and_follows(address: str, tmp_path: Path) -> None:
    page = await page_of(f"{address}/alice/timing/issues/1", tmp_path / "profile")
    assert re.search(r'<pre class="mermaid"[^>]*data-drawn="yes"[^>]*><svg', page), page[-3000:]
    assert "Print" in re.sub(r"<style.*?</style>", "", "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL)))
    assert "#2 Parse durations" in page, "entities in labels are read"
    assert "Fresh news" in page
    assert 'class="gone"' not in page


async def test_hostile_text_does_nothing(address: str, tmp_path: Path) -> None:
    page = await page_of(f"{address}/alice/timing/issues/7", tmp_path / "profile")
    elements = Elements()
    elements.feed(page)
    assert "<title>owned</title>" not in page
    assert "<title>Broken &lt;script&gt;" in page
    assert elements.tags["script"] == 2, "the page's own script, and Mermaid"
    assert elements.tags["img"] == 0
    assert elements.listeners == []
