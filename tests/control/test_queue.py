"""The key queue: coalescing, one at a time per repository, side by side across, failures repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import structlog

from bot.control import queue
from bot.control.queue import KeyQueue, LookAgain
from bot.journal import LOOK_FAILED
from bot.model.identity import ObjectiveKey, RepositoryName

SHOP = RepositoryName("octo", "shop")
BANK = RepositoryName("octo", "bank")


class Looks:
    """Records what was looked at; a look waits where a gate was set for its repository."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.running: set[RepositoryName] = set()
        self.together: set[frozenset[RepositoryName]] = set()
        self.gates: dict[RepositoryName, asyncio.Event] = {}
        self.failures = 0
        self._began = asyncio.Event()

    async def until(self, came_true: Callable[[], bool]) -> None:
        """Until `came_true` after the beginning of some look."""
        while not came_true():
            self._began.clear()
            await self._began.wait()

    async def look(self, key: ObjectiveKey) -> None:
        assert key.repository not in self.running, "two looks at one repository at once"
        self.running.add(key.repository)
        self.together.add(frozenset(self.running))
        try:
            self.seen.append(str(key))
            self._began.set()
            if key.repository in self.gates:
                await self.gates[key.repository].wait()
            if self.failures:
                self.failures -= 1
                raise LookAgain("for a reason that passes")
        finally:
            self.running.discard(key.repository)


async def test_a_hundred_hints_for_a_waiting_key_cost_one_look() -> None:
    looks = Looks()
    async with asyncio.TaskGroup() as group:
        keys = KeyQueue(group, looks.look)
        for _ in range(100):
            keys.add(ObjectiveKey(SHOP, 12))
        await keys.idle()
    assert looks.seen == ["octo/shop#12"]


async def test_a_hint_during_a_look_causes_one_more() -> None:
    looks = Looks()
    gate = looks.gates[SHOP] = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        keys = KeyQueue(group, looks.look)
        keys.add(ObjectiveKey(SHOP, 12))
        await looks.until(lambda: bool(looks.running))
        for _ in range(5):
            keys.add(ObjectiveKey(SHOP, 12))
        gate.set()
        await keys.idle()
    assert looks.seen == ["octo/shop#12"] * 2


async def test_repositories_are_looked_at_side_by_side() -> None:
    looks = Looks()
    gates = looks.gates[SHOP], looks.gates[BANK] = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        keys = KeyQueue(group, looks.look)
        for number in (1, 2):
            keys.add(ObjectiveKey(SHOP, number))
            keys.add(ObjectiveKey(BANK, number))
        await looks.until(lambda: len(looks.running) == 2)
        for gate in gates:
            gate.set()
        await keys.idle()
    assert frozenset({SHOP, BANK}) in looks.together
    assert len(looks.seen) == 4


async def test_a_failed_look_is_repeated_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "FIRST_PAUSE", 0.0)
    looks = Looks()
    looks.failures = 1
    async with asyncio.TaskGroup() as group:
        keys = KeyQueue(group, looks.look)
        keys.add(ObjectiveKey(SHOP, 1))
        keys.add(ObjectiveKey(SHOP, 2))
        await looks.until(lambda: len(looks.seen) == 3)
        await keys.idle()
    assert looks.seen == ["octo/shop#1", "octo/shop#2", "octo/shop#1"]


async def test_a_failed_look_is_told_with_what_it_goes_back_to() -> None:
    looks = Looks()
    looks.failures = 1
    with structlog.testing.capture_logs() as lines:
        async with asyncio.TaskGroup() as group:
            keys = KeyQueue(group, looks.look, caused_by=lambda key: f"a webhook about {key}")
            keys.add(ObjectiveKey(SHOP, 1))
            await looks.until(lambda: len(looks.seen) == 1)
            await keys.idle()
            keys.close()
    assert [line["delivery"] for line in lines if line["event"] == LOOK_FAILED.name] == ["a webhook about octo/shop#1"]


async def test_of_two_timers_the_earlier_counts() -> None:
    looks = Looks()
    async with asyncio.TaskGroup() as group:
        keys = KeyQueue(group, looks.look)
        keys.add_later(ObjectiveKey(SHOP, 1), 3600)
        keys.add_later(ObjectiveKey(SHOP, 1), 0)
        await looks.until(lambda: bool(looks.seen))
        keys.add_later(ObjectiveKey(SHOP, 1), 3600)
        keys.close()
        await keys.idle()
    assert looks.seen == ["octo/shop#1"]


async def test_a_look_that_fails_after_the_end_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """When its timer rings, the group is gone: a task that cannot be started would be lost with a warning."""
    monkeypatch.setattr(queue, "FIRST_PAUSE", 0.0)
    looks = Looks()
    looks.failures = 1
    looks.gates[SHOP] = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        keys = KeyQueue(group, looks.look)
        keys.add(ObjectiveKey(SHOP, 1))
        await looks.until(lambda: len(looks.seen) == 1)
        keys.close()
        looks.gates[SHOP].set()
    keys.add(ObjectiveKey(SHOP, 2))
    assert not keys.will_look(ObjectiveKey(SHOP, 1))
    assert not keys.will_look(ObjectiveKey(SHOP, 2))
    assert looks.seen == ["octo/shop#1"]
