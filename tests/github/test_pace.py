"""Whose turn it is, and that no limit which GitHub publishes is ever reached."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.github.clock import GitHubClock
from bot.github.errors import Unavailable
from bot.github.pace import EVERYTHING, Ask, Pace
from bot.github.shares import Urgency
from bot.localhub.limits import Meter, RateLimited
from bot.localhub.model.settings import Limits
from bot.model.identity import ObjectiveKey, RepositoryName
from tests.github.clock import NOON, TurnedClock

WORK = Ask("core")
PERSON = Ask("core", Urgency.PERSON)
HOUSEKEEPING = Ask("core", Urgency.HOUSEKEEPING)


class HeldClock(TurnedClock):
    """Those who sleep stay asleep until `release`."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = asyncio.Event()
        self._released = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asleep.set()
        await self._released.wait()
        await super().sleep(seconds)

    def release(self) -> None:
        self._released.set()


def shop(number: int) -> ObjectiveKey:
    return ObjectiveKey(RepositoryName("octo", "shop"), number)


def content(objective: int | None = None, pieces: int = 1, urgency: Urgency = Urgency.WORK) -> Ask:
    return Ask("core", urgency, pieces, objective=None if objective is None else shop(objective))


async def write(pace: Pace, ask: Ask, name: str = "", order: list[str] | None = None) -> None:
    async with pace.writing(ask):
        if order is not None:
            order.append(name)


async def told(pace: Pace, ask: Ask) -> datetime:
    """When a write that may not go out now is told to come again."""
    with pytest.raises(Unavailable) as caught:
        await write(pace, ask)
    return caught.value.retry_at


async def spent_pace(clock: TurnedClock, pieces: int = 475, pause: float = 0) -> Pace:
    """An hour's content is used up, a piece a second, or more slowly."""
    pace = Pace(clock, 1.0, 90)
    for _ in range(pieces):
        await write(pace, content(99))
        clock.turn(pause)
    clock.slept.clear()
    return pace


async def test_writes_keep_their_distance() -> None:
    clock = TurnedClock()
    pace = Pace(clock, 1.0, 90)
    for _ in range(3):
        await write(pace, WORK)
    assert clock.slept == [1.0, 1.0]


async def test_a_person_who_comes_during_the_pause_goes_first() -> None:
    clock = HeldClock()
    pace = Pace(clock, 1.0, 90)
    order: list[str] = []
    await write(pace, WORK, "first", order)
    async with asyncio.TaskGroup() as group:
        group.create_task(write(pace, HOUSEKEEPING, "status", order))
        await clock.asleep.wait()
        group.create_task(write(pace, WORK, "work", order))
        group.create_task(write(pace, PERSON, "person", order))
        await asyncio.sleep(0)
        clock.release()
    assert order == ["first", "person", "work", "status"]


async def test_one_who_gives_up_waiting_lets_the_others_go() -> None:
    clock = HeldClock()
    pace = Pace(clock, 1.0, 90)
    order: list[str] = []
    await write(pace, WORK, "first", order)
    async with asyncio.TaskGroup() as group:
        sleeper = group.create_task(write(pace, PERSON, "gives up", order))
        await clock.asleep.wait()
        group.create_task(write(pace, WORK, "stays", order))
        await asyncio.sleep(0)
        sleeper.cancel()
        clock.release()
    assert order == ["first", "stays"]


async def test_a_write_that_fails_lets_the_next_go() -> None:
    pace = Pace(TurnedClock(), 1.0, 90)
    with pytest.raises(RuntimeError):
        async with pace.writing(WORK):
            raise RuntimeError
    order: list[str] = []
    await write(pace, WORK, "next", order)
    assert order == ["next"]


async def test_reads_do_not_wait_for_writes() -> None:
    clock = TurnedClock()
    pace = Pace(clock, 1.0, 90)
    async with pace.writing(WORK), pace.reading(WORK):
        assert clock.slept == []


async def test_less_than_eighty_pieces_of_content_a_minute() -> None:
    clock = TurnedClock()
    pace = Pace(clock, 0.0, 90)
    for _ in range(8):
        async with pace.writing(Ask("graphql", creates=9)):
            clock.turn(1)
    async with pace.writing(content(pieces=5)):
        assert (clock.now() - NOON).total_seconds() == 62


async def test_an_objective_is_not_kept_waiting_for_the_hour_to_pass() -> None:
    clock = TurnedClock()
    pace = await spent_pace(clock)
    assert (await told(pace, content(1)) - NOON).total_seconds() == 3601
    assert clock.slept == []


async def test_a_person_has_some_content_left_when_the_work_has_not() -> None:
    pace = await spent_pace(TurnedClock())
    for _ in range(20):
        await write(pace, content(1, urgency=Urgency.PERSON))
    assert await told(pace, content(1, urgency=Urgency.PERSON)) > NOON + timedelta(hours=1)


async def test_who_waits_for_the_same_limit_is_told_to_come_one_after_another() -> None:
    pace = await spent_pace(TurnedClock())
    times = [(await told(pace, content(number)) - NOON).total_seconds() for number in range(5)]
    assert times == [3601, 3602, 3603, 3604, 3605]


async def test_who_comes_again_keeps_its_place() -> None:
    pace = await spent_pace(TurnedClock())
    first = await told(pace, content(1))
    await told(pace, content(2))
    assert await told(pace, content(1)) == first


async def test_the_objective_that_had_the_least_goes_first() -> None:
    clock = TurnedClock()
    pace = await spent_pace(clock, 471)
    for objective in (1, 1, 1, 2):
        await write(pace, content(objective))
    rich, poor = await told(pace, content(1)), await told(pace, content(2))
    assert poor < rich or await told(pace, content(1)) > poor


async def test_a_place_that_nobody_comes_for_is_given_up() -> None:
    clock = TurnedClock()
    pace = await spent_pace(clock, pause=5)
    gone = await told(pace, content(1, pieces=9))
    clock.turn((gone - clock.now()).total_seconds())
    assert await told(pace, content(2)) == gone + timedelta(seconds=5)
    clock.turn(61)
    await write(pace, content(2))


async def test_an_edit_does_not_wait_for_content() -> None:
    pace = await spent_pace(TurnedClock())
    await told(pace, content(1))
    order: list[str] = []
    await write(pace, Ask("core", Urgency.HOUSEKEEPING, objective=shop(1)), "edited", order)
    assert order == ["edited"]


async def test_those_who_wait_for_one_moment_do_not_all_come_then() -> None:
    pace = Pace(TurnedClock(), 1.0, 90)
    pace.close(EVERYTHING, NOON + timedelta(seconds=60), "too many requests")
    asks = [Ask("core", objective=shop(number)) for number in range(3)]
    assert [(await told(pace, ask) - NOON).total_seconds() for ask in asks] == [60, 61, 62]


async def test_a_closed_resource_does_not_hold_back_the_other() -> None:
    clock = TurnedClock()
    pace = Pace(clock, 0.0, 90)
    pace.close("graphql", NOON + timedelta(seconds=30), "points")
    async with pace.reading(Ask("core")):
        assert clock.slept == []
    async with pace.reading(Ask("graphql")):
        assert clock.slept == [30.0]


async def test_what_would_take_too_long_says_until_when_and_why() -> None:
    pace = Pace(TurnedClock(), 0.0, 90)
    pace.close(EVERYTHING, NOON + timedelta(seconds=91), "too many requests")
    with pytest.raises(Unavailable) as caught:
        await write(pace, PERSON)
    assert (caught.value.retry_at, caught.value.limit) == (NOON + timedelta(seconds=91), "too many requests")


def headers(remaining: int, reset: datetime = NOON + timedelta(hours=1)) -> Mapping[str, str]:
    stamp = str(int(reset.timestamp()))
    return {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": str(remaining), "x-ratelimit-reset": stamp}


async def test_the_sweep_stops_long_before_the_points_of_the_hour_are_used_up() -> None:
    pace = Pace(TurnedClock(), 0.0, 90)
    pace.accepted("core", headers(900))
    with pytest.raises(Unavailable):
        async with pace.reading(HOUSEKEEPING):
            pass
    async with pace.reading(WORK):
        pass


async def test_the_last_points_of_the_hour_are_for_people() -> None:
    pace = Pace(TurnedClock(), 0.0, 90)
    pace.accepted("core", headers(50))
    with pytest.raises(Unavailable) as caught:
        await write(pace, WORK)
    assert caught.value.retry_at == NOON + timedelta(hours=1, seconds=1)
    await write(pace, PERSON)


async def test_what_is_on_its_way_is_taken_off() -> None:
    pace = Pace(TurnedClock(), 0.0, 90)
    pace.accepted("graphql", headers(120))
    async with pace.reading(Ask("graphql", points=15)):
        with pytest.raises(Unavailable):
            async with pace.reading(Ask("graphql", points=15)):
                pass


async def test_an_answer_that_was_overtaken_gives_nothing_back() -> None:
    pace = Pace(TurnedClock(), 0.0, 90)
    pace.accepted("core", headers(30))
    pace.accepted("core", headers(4000))
    with pytest.raises(Unavailable):
        await write(pace, WORK)


@pytest.mark.parametrize("minutes", [10, -10])
async def test_a_clock_that_an_answer_sets_right_holds_nothing_up(minutes: int) -> None:
    machine = TurnedClock()
    clock = GitHubClock(machine)
    pace = Pace(clock, 1.0, 90, stopwatch=machine)
    async with pace.writing(PERSON):
        clock.ahead = timedelta(minutes=minutes)
    await write(pace, PERSON)
    async with pace.reading(WORK):
        pass
    assert sum(machine.slept) <= 1.0


ASKS = st.tuples(
    st.sampled_from(["core", "graphql"]),
    st.booleans(),
    st.sampled_from([0, 0, 1, 1, 10]),
    st.sampled_from(list(Urgency)),
    st.integers(0, 3),
    st.floats(0, 3),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(ASKS, min_size=1, max_size=60), st.integers(1, 40))
async def test_github_never_has_to_refuse(asks: list[tuple[str, bool, int, Urgency, int, float]], often: int) -> None:
    """The meter that plays GitHub in the stories, asked exactly when the pace says."""
    clock = TurnedClock()
    meter, pace = Meter(clock, Limits(primary_per_hour=700)), Pace(clock, 0.0, 90)
    for _ in range(often):
        for resource, writes, creates, urgency, number, pause in asks:
            ask = Ask(resource, urgency, creates if writes else 0, objective=shop(number) if number else None)
            try:
                async with pace.writing(ask) if writes else pace.reading(ask):
                    charge(meter, ask, writes)
                    clock.turn(pause / 10)
            except Unavailable as unavailable:
                clock.turn(max(0.0, (unavailable.retry_at - clock.now()).total_seconds()) / 7)
            except RateLimited as refused:
                raise AssertionError(f"the pace let {ask} go") from refused
            pace.accepted(resource, meter.budget("shop", "core" if resource == "core" else "graphql").headers)


async def test_two_hours_of_nothing_but_content_are_never_refused() -> None:
    clock = TurnedClock()
    meter, pace = Meter(clock, Limits()), Pace(clock, 1.0, 90)
    made = 0
    while clock.now() < NOON + timedelta(hours=2, minutes=10):
        for number in range(1, 30):
            ask = content(number, pieces=number % 7 + 1, urgency=Urgency.PERSON if number == 29 else Urgency.WORK)
            try:
                async with pace.writing(ask):
                    charge(meter, ask, writes=True)
                    made += ask.creates
            except Unavailable:
                pass
        clock.turn(2)
    assert made > 2.9 * 475, "nothing is left unused either"


def charge(meter: Meter, ask: Ask, writes: bool) -> None:
    if ask.resource == "core":
        for _ in range(max(1, ask.creates)):
            meter.charge_rest("shop", "POST" if writes else "GET", "/x", content=ask.creates > 0)
    else:
        made = ("createIssue",) * ask.creates
        meter.charge_graphql("shop", "X", 1, mutations=int(writes), content=made)
