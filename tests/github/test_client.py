"""The paced client: what it waits for, what it repeats, and what it never sends twice."""

import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx
import pytest
import respx
from githubkit import UnauthAuthStrategy
from pydantic import BaseModel

from bot.github.client import PacedClient, Request
from bot.github.errors import NotThere, OutcomeUnknown, Refused, Unavailable
from bot.github.shares import Urgency
from bot.github.wire import Wire, trust_for
from bot.model.identity import ObjectiveKey, RepositoryName
from tests.github.clock import NOON, TurnedClock

API = "https://api.example.test"
COMMENT = Request("write comment", "POST", "comments", body={"body": "hi"}, writes=True, creates=1)
LABEL = Request("add label", "POST", "labels", body={"labels": ["a"]}, writes=True, harmless=True)
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


class Thing(BaseModel):
    name: str


class Tokens:
    """Hands out one token after another."""

    def __init__(self) -> None:
        self.generation = 1

    async def token(self) -> str:
        return f"ghs_{self.generation}"

    def forget(self, token: str) -> None:
        assert token == f"ghs_{self.generation}"
        self.generation += 1


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def client(clock: TurnedClock) -> AsyncIterator[PacedClient]:
    async with Wire(UnauthAuthStrategy(), API) as wire:
        yield PacedClient(wire, Tokens(), write_interval=1.0, clock=clock)


@pytest.fixture
def github() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=API, assert_all_called=True) as router:
        yield router


def answers(*answered: httpx.Response | Exception) -> list[httpx.Response | Exception]:
    return list(answered)


async def test_a_read_is_parsed(client: PacedClient, github: respx.MockRouter) -> None:
    route = github.get("/thing").respond(json={"name": "a", "more": 1})
    assert (await client.read("thing", "thing", Thing)).name == "a"
    assert route.calls.last.request.headers["authorization"] == "Bearer ghs_1"
    assert route.calls.last.request.headers["user-agent"] == "crewline"


async def test_a_write_is_never_repeated_after_a_bad_gateway(client: PacedClient, github: respx.MockRouter) -> None:
    route = github.post("/comments").respond(502)
    with pytest.raises(OutcomeUnknown):
        await client.send(COMMENT)
    assert route.call_count == 1


async def test_a_write_is_never_repeated_after_a_timeout(client: PacedClient, github: respx.MockRouter) -> None:
    route = github.post("/comments").mock(side_effect=httpx.ReadTimeout("too slow"))
    with pytest.raises(OutcomeUnknown):
        await client.send(COMMENT)
    assert route.call_count == 1


async def test_a_mutation_is_never_repeated_after_a_bad_gateway(client: PacedClient, github: respx.MockRouter) -> None:
    route = github.post("/graphql").respond(502)
    with pytest.raises(OutcomeUnknown):
        await client.mutate("create", "mutation { x }", {}, creates=1, urgency=Urgency.WORK)
    assert route.call_count == 1


async def test_a_write_that_never_left_is_sent_again(client: PacedClient, github: respx.MockRouter) -> None:
    route = github.post("/comments").mock(
        side_effect=answers(httpx.ConnectError("refused"), httpx.Response(201, json={}))
    )
    assert (await client.send(COMMENT)).status == 201
    assert route.call_count == 2


async def test_a_harmless_write_is_repeated_after_a_bad_gateway(client: PacedClient, github: respx.MockRouter) -> None:
    route = github.post("/labels").mock(side_effect=answers(httpx.Response(502), httpx.Response(200, json=[])))
    assert (await client.send(LABEL)).status == 200
    assert route.call_count == 2


async def test_a_read_gives_up_after_some_tries(
    client: PacedClient, github: respx.MockRouter, clock: TurnedClock
) -> None:
    route = github.get("/thing").respond(503)
    with pytest.raises(Unavailable):
        await client.read("thing", "thing", Thing)
    assert route.call_count == 4
    assert clock.slept == [1.0, 2.0, 4.0]


async def test_retry_after_is_kept_to_the_second(
    client: PacedClient, github: respx.MockRouter, clock: TurnedClock
) -> None:
    limited = httpx.Response(403, headers={"retry-after": "37"}, json={"message": SECONDARY})
    github.post("/comments").mock(side_effect=answers(limited, httpx.Response(201, json={})))
    assert (await client.send(COMMENT)).status == 201
    assert clock.slept == [37.0]


async def test_a_secondary_limit_without_a_time_waits_a_minute(
    client: PacedClient, github: respx.MockRouter, clock: TurnedClock
) -> None:
    limited = httpx.Response(403, headers={"x-ratelimit-remaining": "4321"}, json={"message": SECONDARY})
    github.get("/thing").mock(side_effect=answers(limited, httpx.Response(200, json={"name": "a"})))
    await client.read("thing", "thing", Thing)
    assert clock.slept == [60.0]


async def test_a_second_such_limit_in_a_row_says_when_to_come_back(
    client: PacedClient, github: respx.MockRouter
) -> None:
    github.get("/thing").respond(429, json={"message": SECONDARY})
    with pytest.raises(Unavailable) as caught:
        await client.read("thing", "thing", Thing)
    assert (caught.value.retry_at - NOON).total_seconds() == 60 + 120


async def test_a_primary_limit_waits_until_the_second_of_its_reset_is_over(
    client: PacedClient, github: respx.MockRouter, clock: TurnedClock
) -> None:
    """GitHub tells whole seconds, so the hour may end at any moment of the one that it tells."""
    reset = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOON.timestamp()) + 25)}
    limited = httpx.Response(403, headers=reset, json={"message": "API rate limit exceeded"})
    github.get("/thing").mock(side_effect=answers(limited, httpx.Response(200, json={"name": "a"})))
    await client.read("thing", "thing", Thing)
    assert clock.slept == [26.0]


async def test_a_graphql_limit_comes_with_200_and_waits_as_well(
    client: PacedClient, github: respx.MockRouter, clock: TurnedClock
) -> None:
    headers = {"x-ratelimit-resource": "graphql", "x-ratelimit-reset": str(int(NOON.timestamp()) + 40)}
    body = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}
    github.post("/graphql").mock(
        side_effect=answers(
            httpx.Response(200, headers=headers, json=body),
            httpx.Response(200, json={"data": {"rateLimit": {"cost": 7}}}),
        )
    )
    reply = await client.query("observe", "query { x }", {})
    assert reply.cost() == 7
    assert clock.slept == [41.0]


async def test_a_query_that_github_broke_down_over_is_repeated(client: PacedClient, github: respx.MockRouter) -> None:
    broken = {"data": None, "errors": [{"message": "Something went wrong while executing your query."}]}
    answered = httpx.Response(200, json={"data": {"x": 1}})
    route = github.post("/graphql").mock(side_effect=answers(httpx.Response(200, json=broken), answered))
    assert (await client.query("observe", "query { x }", {})).data == {"x": 1}
    assert route.call_count == 2


async def test_a_mutation_that_github_broke_down_over_is_not(client: PacedClient, github: respx.MockRouter) -> None:
    broken = {"data": None, "errors": [{"message": "Something went wrong while executing your query."}]}
    route = github.post("/graphql").respond(json=broken)
    with pytest.raises(OutcomeUnknown):
        await client.mutate("create", "mutation { x }", {}, creates=1, urgency=Urgency.WORK)
    assert route.call_count == 1


async def test_a_limit_that_lasts_too_long_is_told(client: PacedClient, github: respx.MockRouter) -> None:
    github.get("/thing").respond(403, headers={"retry-after": "1800"}, json={"message": SECONDARY})
    with pytest.raises(Unavailable) as caught:
        await client.read("thing", "thing", Thing)
    assert (caught.value.retry_at - NOON).total_seconds() == 1800


async def test_the_last_request_of_the_hour_holds_back_the_next(
    client: PacedClient, github: respx.MockRouter, clock: TurnedClock
) -> None:
    used_up = {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-resource": "core",
        "x-ratelimit-reset": str(int(NOON.timestamp()) + 50),
    }
    github.get("/thing").respond(headers=used_up, json={"name": "a"})
    await client.read("thing", "thing", Thing)
    assert clock.slept == []
    await client.read("thing", "thing", Thing)
    assert clock.slept == [51.0]


SHOP = ObjectiveKey(RepositoryName("octo", "shop"), 12)


async def test_an_objective_is_told_when_to_come_again_to_the_second(
    client: PacedClient, github: respx.MockRouter, clock: TurnedClock
) -> None:
    github.post("/comments").respond(403, headers={"retry-after": "37"}, json={"message": SECONDARY})
    with pytest.raises(Unavailable) as caught:
        await client.on_behalf_of(SHOP).send(COMMENT)
    assert caught.value.retry_at == NOON + timedelta(seconds=37)
    assert clock.slept == []


async def test_nothing_is_sent_to_hear_again_that_a_limit_lasts(client: PacedClient, github: respx.MockRouter) -> None:
    route = github.post("/comments").respond(403, headers={"retry-after": "37"}, json={"message": SECONDARY})
    for _ in range(3):
        with pytest.raises(Unavailable):
            await client.on_behalf_of(SHOP).send(COMMENT)
    assert route.call_count == 1


async def test_a_query_that_was_answered_by_half_is_asked_again(client: PacedClient, github: respx.MockRouter) -> None:
    half = {"data": {"x": None}, "errors": [{"message": "Something went wrong while executing your query."}]}
    route = github.post("/graphql").mock(
        side_effect=answers(httpx.Response(200, json=half), httpx.Response(200, json={"data": {"x": 1}}))
    )
    assert (await client.query("observe", "query { x }", {})).data == {"x": 1}
    assert route.call_count == 2


async def test_a_mutation_that_was_answered_by_half_is_not(client: PacedClient, github: respx.MockRouter) -> None:
    half = {"data": {"x": None}, "errors": [{"message": "Something went wrong while executing your query."}]}
    route = github.post("/graphql").respond(json=half)
    reply = await client.mutate("create", "mutation { x }", {}, creates=1, urgency=Urgency.WORK)
    assert reply.errors
    assert route.call_count == 1


async def test_a_plain_403_is_a_refusal(client: PacedClient, github: respx.MockRouter) -> None:
    github.get("/thing").respond(403, json={"message": "Resource not accessible by integration"})
    with pytest.raises(Refused) as caught:
        await client.read("thing", "thing", Thing)
    assert (caught.value.status, caught.value.reason) == (403, "Resource not accessible by integration")


async def test_a_refusal_lists_its_errors(client: PacedClient, github: respx.MockRouter) -> None:
    errors = [{"resource": "PullRequest", "code": "custom", "message": "No commits"}, "plain", {"field": "head"}]
    github.post("/comments").respond(422, json={"message": "Validation Failed", "errors": errors})
    with pytest.raises(Refused) as caught:
        await client.send(COMMENT)
    assert caught.value.errors == ("No commits", "plain", "head")


@pytest.mark.parametrize("status", [404, 410, 301])
async def test_what_is_gone_is_not_there(client: PacedClient, github: respx.MockRouter, status: int) -> None:
    github.get("/thing").respond(status, json={"message": "Not Found"})
    with pytest.raises(NotThere):
        await client.read("thing", "thing", Thing)


async def test_a_token_that_ran_out_is_renewed_once(client: PacedClient, github: respx.MockRouter) -> None:
    bad = httpx.Response(401, json={"message": "Bad credentials"})
    route = github.post("/comments").mock(side_effect=answers(bad, httpx.Response(201, json={})))
    assert (await client.send(COMMENT)).status == 201
    assert [call.request.headers["authorization"] for call in route.calls] == ["Bearer ghs_1", "Bearer ghs_2"]


async def test_a_token_that_is_never_good_is_a_refusal(client: PacedClient, github: respx.MockRouter) -> None:
    route = github.get("/thing").respond(401, json={"message": "Bad credentials"})
    with pytest.raises(Refused):
        await client.read("thing", "thing", Thing)
    assert route.call_count == 2


async def test_an_answer_of_another_form_is_a_refusal(client: PacedClient, github: respx.MockRouter) -> None:
    github.get("/thing").respond(text="<html>")
    with pytest.raises(Refused):
        await client.read("thing", "thing", Thing)


async def test_requests_and_points_are_counted_by_kind(client: PacedClient, github: respx.MockRouter) -> None:
    github.get("/thing").mock(side_effect=answers(httpx.Response(502), httpx.Response(200, json={"name": "a"})))
    github.post("/graphql").respond(json={"data": {"rateLimit": {"cost": 7}}})
    await client.read("thing", "thing", Thing)
    await client.query("observe", "query { x }", {})
    counted = {kind.kind: (kind.requests, kind.points) for kind in client.usage().kinds}
    assert counted == {"observe": (1, 7), "thing": (2, 2)}


def test_without_encryption_nothing_is_trusted_and_with_it_what_the_machine_trusts() -> None:
    open_way, closed_way = trust_for("http://127.0.0.1:8647"), trust_for("https://api.github.com")
    assert (len(open_way.get_ca_certs()), open_way.verify_mode) == (0, ssl.CERT_REQUIRED)
    assert len(closed_way.get_ca_certs()) > 0
    assert closed_way.verify_mode == ssl.CERT_REQUIRED
