"""The App: who it is, where it is installed, and its tokens."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx
import jwt
import pytest
import respx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bot.github.app import GitHubApp, Reached
from bot.github.errors import NotThere, Refused, Unavailable
from bot.model.identity import RepositoryName
from tests.github.clock import NOON, TurnedClock

API = "https://api.example.test"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
SHOP = RepositoryName("octo", "shop")


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def app(clock: TurnedClock) -> AsyncIterator[GitHubApp]:
    async with GitHubApp(5, PEM, API, write_interval=0, clock=clock) as app:
        yield app


@pytest.fixture
def github() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=API, assert_all_called=False) as router:
        router.get("/app").respond(json={"id": 5, "slug": "crewline", "name": "Crewline"})
        installations = [{"id": 7, "account": {"login": "octo"}}, {"id": 8, "suspended_at": "2026-01-01T00:00:00Z"}]
        router.get("/app/installations").respond(json=installations)
        router.get("/installation/repositories").respond(json={"repositories": [{"id": 9, "full_name": "octo/shop"}]})
        yield router


def token(text: str, minutes: int = 60) -> httpx.Response:
    expires = NOON + timedelta(minutes=minutes)
    return httpx.Response(201, json={"token": text, "expires_at": f"{expires:%Y-%m-%dT%H:%M:%SZ}"})


async def test_the_bot_is_known_by_its_slug(app: GitHubApp, github: respx.MockRouter) -> None:
    assert await app.bot_login() == "crewline[bot]"


async def test_the_app_signs_with_its_key(app: GitHubApp, github: respx.MockRouter) -> None:
    await app.bot_login()
    header = github.calls.last.request.headers["authorization"]
    claims = jwt.decode(
        header.removeprefix("Bearer "),
        KEY.public_key(),
        algorithms=["RS256"],
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["iss"] == "5"
    assert claims["iat"] <= NOON.timestamp() < claims["exp"] < NOON.timestamp() + 600


async def test_repositories_of_installations_that_are_not_suspended(app: GitHubApp, github: respx.MockRouter) -> None:
    tokens = github.post("/app/installations/7/access_tokens").mock(return_value=token("ghs_a"))
    assert await app.repositories() == {SHOP: Reached(id=9, installation=7)}
    assert tokens.call_count == 1
    assert github.calls.last.request.headers["authorization"] == "Bearer ghs_a"


async def test_a_repository_without_the_app(app: GitHubApp, github: respx.MockRouter) -> None:
    github.post("/app/installations/7/access_tokens").mock(return_value=token("ghs_a"))
    with pytest.raises(NotThere):
        await app.repository(RepositoryName("octo", "other"))


async def test_a_token_is_asked_for_once_and_renewed_before_it_ends(
    app: GitHubApp, github: respx.MockRouter, clock: TurnedClock
) -> None:
    tokens = github.post("/app/installations/7/access_tokens").mock(side_effect=[token("ghs_a"), token("ghs_b", 120)])
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(app.token(7)) for _ in range(5)]
    assert {task.result() for task in asked} == {"ghs_a"}
    clock.turn(54 * 60)
    assert await app.token(7) == "ghs_a"
    clock.turn(2 * 60)
    assert await app.token(7) == "ghs_b"
    assert tokens.call_count == 2


async def test_an_installation_that_was_removed(app: GitHubApp, github: respx.MockRouter) -> None:
    github.post("/app/installations/7/access_tokens").respond(404)
    with pytest.raises(NotThere):
        await app.token(7)


async def test_a_key_that_does_not_fit(app: GitHubApp, github: respx.MockRouter) -> None:
    github.get("/app").respond(401, json={"message": "A JSON web token could not be decoded"})
    with pytest.raises(Refused, match="could not be decoded"):
        await app.bot_login()


async def test_github_is_down(app: GitHubApp, github: respx.MockRouter) -> None:
    github.get("/app").mock(side_effect=httpx.ConnectError("refused"))
    with pytest.raises(Unavailable):
        await app.bot_login()
