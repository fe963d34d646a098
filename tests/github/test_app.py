"""The App: who it is, where it is installed, and its tokens."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from email.utils import format_datetime

import httpx
import jwt
import pytest
import respx
import structlog
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bot import journal
from bot.github.app import GitHubApp, Reached
from bot.github.errors import NotThere, Refused, Unavailable
from bot.model.identity import RepositoryName
from tests.github.clock import NOON, TurnedClock

API = "https://api.example.test"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
SHOP = RepositoryName("octo", "shop")
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
NAMED = {"x-github-request-id": "ABCD:1"}
LIMITS = {
    "403 with retry-after": (403, {"retry-after": "37"}, SECONDARY, 37),
    "403 without": (403, {"x-ratelimit-remaining": "4321"}, SECONDARY, 60),
    "429 with retry-after": (429, {"retry-after": "41"}, "Too many requests", 41),
    "429 without": (429, {}, "Too many requests", 60),
    "nothing remains": (
        403,
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOON.timestamp() + 900:.0f}"},
        "API rate limit exceeded",
        901,
    ),
    "nothing remains of what else there is": (
        403,
        {
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": f"{NOON.timestamp() + 300:.0f}",
            "x-ratelimit-resource": "something_new",
        },
        "API rate limit exceeded",
        301,
    ),
}
"""How GitHub refuses, and for how many seconds it wants to be left alone. An hour ends within the second it tells."""


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


def of(lines: Sequence[Mapping[str, object]], event: journal.Event) -> list[Mapping[str, object]]:
    return [line for line in lines if line["event"] == event.name]


async def who(app: GitHubApp) -> str:
    return await app.bot_login()


async def where(app: GitHubApp) -> str:
    return str(await app.installations())


async def renewed(app: GitHubApp) -> str:
    return await app.token(7)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize(
    ("method", "path", "ask"),
    [
        ("GET", "/app", who),
        ("GET", "/app/installations", where),
        ("POST", "/app/installations/7/access_tokens", renewed),
    ],
    ids=["who it is", "where it is", "a token"],
)
async def test_a_limit_of_the_app_itself_is_kept_and_told_once(
    app: GitHubApp,
    github: respx.MockRouter,
    clock: TurnedClock,
    limit: str,
    method: str,
    path: str,
    ask: Callable[[GitHubApp], Awaitable[str]],
) -> None:
    status, headers, message, seconds = LIMITS[limit]
    refused = httpx.Response(status, headers={**NAMED, **headers}, json={"message": message})
    good = {
        "/app": httpx.Response(200, json={"id": 5, "slug": "crewline"}),
        "/app/installations": httpx.Response(200, json=[]),
    }
    route = github.request(method, path).mock(side_effect=[refused, good.get(path, token("ghs_a"))])
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            with pytest.raises(Unavailable) as caught:
                await ask(app)
            assert caught.value.retry_at == NOON + timedelta(seconds=seconds)
        assert route.call_count == 1, "it is left alone until then"
        clock.turn(seconds)
        await ask(app)
    [told] = of(lines, journal.LIMIT_REACHED)
    assert (told["request_id"], told["message"]) == ("ABCD:1", message)
    assert told["until"] == (NOON + timedelta(seconds=seconds)).isoformat()
    assert clock.slept == []


async def test_a_limit_of_a_moment_is_waited_for(app: GitHubApp, github: respx.MockRouter, clock: TurnedClock) -> None:
    limited = httpx.Response(429, headers={"retry-after": "2"}, json={"message": "Too many requests"})
    github.post("/app/installations/7/access_tokens").mock(side_effect=[limited, token("ghs_a")])
    assert await app.token(7) == "ghs_a"
    assert clock.slept == [2.0]


async def test_a_refusal_is_told_with_the_name_of_its_request(app: GitHubApp, github: respx.MockRouter) -> None:
    suspended = httpx.Response(403, headers=NAMED, json={"message": "This installation has been suspended"})
    github.post("/app/installations/7/access_tokens").mock(side_effect=[suspended])
    with structlog.testing.capture_logs() as lines, pytest.raises(Refused, match="suspended") as caught:
        await app.token(7)
    assert caught.value.request_id == "ABCD:1"
    [told] = of(lines, journal.REQUEST_REFUSED)
    assert (told["status"], told["request_id"], told["kind"]) == (403, "ABCD:1", "installation token")


async def test_a_second_request_by_githubs_clock_is_told(
    app: GitHubApp, github: respx.MockRouter, clock: TurnedClock
) -> None:
    """The machine is ten minutes behind: GitHub says so with its 401."""
    there = NOON + timedelta(minutes=10)
    headers = {**NAMED, "date": format_datetime(there, usegmt=True)}
    early = httpx.Response(401, headers=headers, json={"message": "'Expiration time' claim ('exp') is in the past"})
    github.get("/app").mock(side_effect=[early, httpx.Response(200, json={"id": 5, "slug": "crewline"})])
    with structlog.testing.capture_logs() as lines:
        assert await app.bot_login() == "crewline[bot]"
    [told] = of(lines, journal.TOKEN_RENEWED)
    assert (told["kind"], told["request_id"]) == ("app", "ABCD:1")
    claims = jwt.decode(
        github.calls.last.request.headers["authorization"].removeprefix("Bearer "),
        options={"verify_signature": False},
    )
    assert claims["iat"] <= there.timestamp() < claims["exp"]


async def test_what_it_asks_as_itself_is_counted(app: GitHubApp, github: respx.MockRouter) -> None:
    github.post("/app/installations/7/access_tokens").mock(return_value=token("ghs_a"))
    await app.repository(SHOP)
    assert {kind.kind: kind.requests for kind in app.usage().kinds} == {
        "app": 1,
        "installation token": 1,
        "installations": 1,
        "repositories": 1,
    }
