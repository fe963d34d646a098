"""A hub whose GraphQL is served over real HTTP, on a port and on a unix socket, and a client of it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import uvicorn
from pydantic import JsonValue, TypeAdapter
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from bot.localhub.model.actor import Actor
from bot.localhub.model.app import Installation, new_private_key
from bot.localhub.model.hub import Hub
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User

JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


@cache
def private_key() -> str:
    """One key for all tests: making one is slow."""
    return new_private_key()


def at(value: JsonValue, *path: str | int) -> JsonValue:
    """What a JSON value has at a path."""
    for part in path:
        if isinstance(part, int):
            assert isinstance(value, list)
            value = value[part]
        else:
            assert isinstance(value, dict)
            value = value[part]
    return value


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    json: JsonValue
    headers: Mapping[str, str]

    def data(self, *path: str | int) -> JsonValue:
        """A part of the data; fails where there were errors."""
        assert isinstance(self.json, dict)
        assert "errors" not in self.json, self.json["errors"]
        return at(self.json, "data", *path)

    def error(self, *path: str | int) -> JsonValue:
        """A part of the first error."""
        return at(self.json, "errors", 0, *path)

    def text(self, *path: str | int) -> str:
        """A string of the data."""
        value = self.data(*path)
        assert isinstance(value, str)
        return value


@dataclass(frozen=True)
class Served:
    """The hub with Alice's repository `alice/shop`, and Crewline's App installed there."""

    hub: Hub
    alice: User
    shop: Repository
    installation: Installation
    client: httpx.AsyncClient

    @property
    def bot(self) -> Actor:
        """The App, acting."""
        return self.installation.acting()

    async def ask(self, query: str, by: str = "alice", token: str | None = None, **variables: JsonValue) -> Answer:
        """Send a query as a person, as the App (`by="app"`), or with a token."""
        if token is None:
            if by == "app":
                token = self.hub.create_installation_token(self.installation).token
            else:
                token = self.hub.user_token(self.hub.user(by))
        body: JsonValue = {"query": query, "variables": dict(variables)}
        answer = await self.client.post("/graphql", json=body, headers={"authorization": f"bearer {token}"})
        parsed = JSON.validate_json(answer.content) if "json" in answer.headers["content-type"] else answer.text
        return Answer(answer.status_code, parsed, answer.headers)


class _Server(uvicorn.Server):
    """Says when it is up, and leaves the signals of the test run alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@asynccontextmanager
async def serving(mounted: list[BaseRoute], uds: Path | None = None) -> AsyncIterator[str]:
    """Serve these routes on a free port of 127.0.0.1, and on a unix socket too; yields the address."""
    app = Starlette(routes=mounted)
    listener = socket.create_server(("127.0.0.1", 0))
    sockets = [listener]
    if uds is not None:
        local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        local.bind(str(uds))
        sockets.append(local)
    server = _Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(server.serve(sockets=sockets))
        try:
            async with asyncio.timeout(10):
                await server.is_up.wait()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


async def stock(hub: Hub) -> tuple[User, Repository, Installation]:
    """Alice, her shop with a README, and the App."""
    alice = hub.add_user("alice", name="Alice")
    shop = await hub.create_repository(alice, "shop", files={"README.md": "# Shop\n", "src/till.py": "total = 0\n"})
    permissions = {"issues": "write", "contents": "write", "pull_requests": "write", "checks": "write"}
    app = hub.add_app("crewline", permissions=permissions, private_key_pem=private_key())
    return alice, shop, hub.install(app, alice)
