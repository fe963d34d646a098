"""The hub refuses where GitHub does, with GitHub's numbers and in GitHub's words: up to a limit, and one beyond it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from bot.localhub.limits import SECONDARY, Meter, RateLimited
from bot.localhub.model.clock import StoppedClock
from bot.localhub.model.settings import Limits

ACTOR = "installation:7"
MINUTE, HOUR = 60, 3_600
READ, WRITE = "GET", "PATCH"


def read(meter: Meter) -> None:
    meter.charge_rest(ACTOR, READ, "/repos/{owner}/{repo}")


def write(meter: Meter) -> None:
    meter.charge_rest(ACTOR, WRITE, "/repos/{owner}/{repo}")


def create(meter: Meter) -> None:
    meter.charge_rest(ACTOR, "POST", "/repos/{owner}/{repo}/issues", content=True)


def query(meter: Meter) -> None:
    meter.charge_graphql(ACTOR, "look", 1)


def mutate(meter: Meter) -> None:
    meter.charge_graphql(ACTOR, "edit", 1, mutations=1)


def mutate_ten(meter: Meter) -> None:
    """One request with ten aliased mutations, each of which makes an issue."""
    meter.charge_graphql(ACTOR, "plan", 1, mutations=10, content=("createIssue",) * 10)


@dataclass(frozen=True)
class Bound:
    """`times` requests may be sent, one in each `pace` seconds; then it is refused until `wait` more have passed."""

    name: str
    ask: Callable[[Meter], None]
    times: int
    wait: int
    pace: float = 0


SECONDARY_BOUNDS = (
    Bound("900 points of reads a minute", read, 900, MINUTE),
    Bound("900 points of writes a minute, 5 each", write, 180, MINUTE),
    Bound("2,000 points of queries a minute", query, 2_000, MINUTE),
    Bound("2,000 points of mutations a minute, 5 each", mutate, 400, MINUTE),
    Bound("80 pieces of content a minute", create, 80, MINUTE),
    Bound("80 pieces of content a minute, ten in a request", mutate_ten, 8, MINUTE),
    Bound("500 pieces of content an hour", create, 500, HOUR - 499, pace=1),
)


def refusal(meter: Meter, ask: Callable[[Meter], None]) -> RateLimited:
    with pytest.raises(RateLimited) as refused:
        ask(meter)
    return refused.value


@pytest.mark.parametrize("bound", SECONDARY_BOUNDS, ids=lambda bound: bound.name)
def test_a_secondary_limit_lets_so_much_through_and_says_when_it_goes_on(bound: Bound) -> None:
    clock = StoppedClock()
    meter = Meter(clock, Limits())
    for place in range(bound.times):
        clock.turn(bound.pace if place else 0)
        bound.ask(meter)
    refused = refusal(meter, bound.ask)
    assert (refused.status, refused.message) == (403, SECONDARY)
    retry_after = int(refused.headers["retry-after"])
    assert bound.wait <= retry_after <= bound.wait + 1
    clock.turn(retry_after)
    bound.ask(meter)
    assert meter.usage.refused == 1


@pytest.mark.parametrize(("ask", "resource"), [(read, "core"), (query, "graphql")])
def test_the_primary_limit_is_of_the_hour_and_says_when_it_ends(ask: Callable[[Meter], None], resource: str) -> None:
    clock = StoppedClock()
    meter = Meter(clock, replace(Limits(), rest_points_per_minute=10_000, graphql_points_per_minute=10_000))
    end = int(clock.now().timestamp()) + HOUR
    for _ in range(5_000):
        ask(meter)
    refused = refusal(meter, ask)
    assert (refused.status, refused.message) == (403, "API rate limit exceeded for installation ID 7.")
    assert refused.headers == {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-used": "5000",
        "x-ratelimit-reset": str(end),
        "x-ratelimit-resource": resource,
    }
    clock.turn(HOUR)
    ask(meter)


def test_rest_and_graphql_are_counted_apart_and_so_is_everybody() -> None:
    meter = Meter(StoppedClock(), Limits())
    for _ in range(900):
        read(meter)
    query(meter)
    meter.charge_rest("installation:8", READ, "/repos/{owner}/{repo}")


@pytest.mark.parametrize(
    ("repositories", "limit"), [(1, 5_000), (20, 5_000), (21, 5_050), (170, 12_500), (900, 12_500)]
)
def test_an_installation_has_more_for_each_repository_above_twenty_up_to_a_cap(repositories: int, limit: int) -> None:
    meter = Meter(StoppedClock(), Limits())
    meter.scale(ACTOR, repositories)
    assert meter.budget(ACTOR, "core").limit == meter.budget(ACTOR, "graphql").limit == limit


def test_a_hundred_requests_may_run_at_once() -> None:
    meter = Meter(StoppedClock(), Limits())
    with ExitStack() as running:
        for _ in range(100):
            running.enter_context(meter.concurrently(ACTOR))
        with pytest.raises(RateLimited, match="secondary rate limit") as refused, meter.concurrently(ACTOR):
            pass
        assert int(refused.value.headers["retry-after"]) >= 1
    with meter.concurrently(ACTOR):
        pass


def test_where_limits_are_not_enforced_everything_is_counted() -> None:
    meter = Meter(StoppedClock(), Limits(enforced=False))
    for _ in range(1_000):
        create(meter)
    assert (meter.usage.secondary_points, meter.usage.content_requests, meter.usage.refused) == (5_000, 1_000, 0)


def test_the_numbers_are_github_s() -> None:
    limits = Limits()
    assert limits.enforced
    assert limits.primary_per_hour == 5_000
    assert limits.concurrent == 100
    assert (limits.rest_points_per_minute, limits.graphql_points_per_minute) == (900, 2_000)
    assert (limits.content_per_minute, limits.content_per_hour) == (80, 500)
