"""Whose turn it is to write."""

import asyncio
from datetime import timedelta

import pytest

from bot.github.errors import Unavailable
from bot.github.pace import EVERYTHING, Pace, Urgency
from tests.github.clock import NOON, TurnedClock


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


async def write(pace: Pace, urgency: Urgency, name: str, order: list[str]) -> None:
    async with pace.writing("core", urgency, 0):
        order.append(name)


async def test_writes_keep_their_distance() -> None:
    clock = TurnedClock()
    pace = Pace(clock, 1.0, 90)
    for _ in range(3):
        await write(pace, Urgency.WORK, "a", [])
    assert clock.slept == [1.0, 1.0]


async def test_a_person_who_comes_during_the_pause_goes_first() -> None:
    clock = HeldClock()
    pace = Pace(clock, 1.0, 90)
    order: list[str] = []
    await write(pace, Urgency.WORK, "first", order)
    async with asyncio.TaskGroup() as group:
        group.create_task(write(pace, Urgency.HOUSEKEEPING, "status", order))
        await clock.asleep.wait()
        group.create_task(write(pace, Urgency.WORK, "work", order))
        group.create_task(write(pace, Urgency.PERSON, "person", order))
        await asyncio.sleep(0)
        clock.release()
    assert order == ["first", "person", "work", "status"]


async def test_one_who_gives_up_waiting_lets_the_others_go() -> None:
    clock = HeldClock()
    pace = Pace(clock, 1.0, 90)
    order: list[str] = []
    await write(pace, Urgency.WORK, "first", order)
    async with asyncio.TaskGroup() as group:
        sleeper = group.create_task(write(pace, Urgency.PERSON, "gives up", order))
        await clock.asleep.wait()
        group.create_task(write(pace, Urgency.WORK, "stays", order))
        await asyncio.sleep(0)
        sleeper.cancel()
        clock.release()
    assert order == ["first", "stays"]


async def test_a_write_that_fails_lets_the_next_go() -> None:
    pace = Pace(TurnedClock(), 1.0, 90)
    with pytest.raises(RuntimeError):
        async with pace.writing("core", Urgency.WORK, 0):
            raise RuntimeError
    order: list[str] = []
    await write(pace, Urgency.WORK, "next", order)
    assert order == ["next"]


async def test_reads_do_not_wait_for_writes() -> None:
    clock = TurnedClock()
    pace = Pace(clock, 1.0, 90)
    async with pace.writing("core", Urgency.WORK, 1), pace.reading("core"):
        assert clock.slept == []


async def test_eighty_pieces_of_content_a_minute_at_most() -> None:
    clock = TurnedClock()
    pace = Pace(clock, 0.0, 90)
    for _ in range(8):
        async with pace.writing("graphql", Urgency.WORK, 10):
            clock.turn(1)
    async with pace.writing("core", Urgency.WORK, 1):
        assert (clock.now() - NOON).total_seconds() == 60


async def test_a_closed_resource_does_not_hold_back_the_other() -> None:
    clock = TurnedClock()
    pace = Pace(clock, 0.0, 90)
    pace.close("graphql", NOON + timedelta(seconds=30))
    async with pace.reading("core"):
        assert clock.slept == []
    async with pace.reading("graphql"):
        assert clock.slept == [30.0]


async def test_what_would_take_too_long_says_until_when() -> None:
    pace = Pace(TurnedClock(), 0.0, 90)
    pace.close(EVERYTHING, NOON + timedelta(seconds=91))
    with pytest.raises(Unavailable) as caught:
        await write(pace, Urgency.PERSON, "a", [])
    assert caught.value.retry_at == NOON + timedelta(seconds=91)
