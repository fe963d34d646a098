"""A hub served over real HTTP, and a client of its GraphQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import httpx
from pydantic import JsonValue, TypeAdapter

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


async def stock(hub: Hub) -> tuple[User, Repository, Installation]:
    """Alice, her shop with a README, and the App."""
    alice = hub.add_user("alice", name="Alice")
    shop = await hub.create_repository(alice, "shop", files={"README.md": "# Shop\n", "src/till.py": "total = 0\n"})
    permissions = {"issues": "write", "contents": "write", "pull_requests": "write", "checks": "write"}
    app = hub.add_app("crewline", permissions=permissions, private_key_pem=private_key())
    return alice, shop, hub.install(app, alice)
