"""A flood of hints is followed a few times: what waits is bounded, and so is what following costs."""

from __future__ import annotations

import asyncio

import pytest

from bot.control import hints
from bot.control.closed import ClosedObjectives
from bot.control.hints import Allowance, Cause, Gathered, Hints
from bot.github.webhook import Hint
from bot.model.identity import Login, RepositoryName

SHOP, BANK = RepositoryName("octo", "shop"), RepositoryName("octo", "bank")


def hint(number: int = 12, repository: RepositoryName = SHOP, event: str = "issues", action: str = "edited") -> Hint:
    return Hint(repository, 7, Login("ann"), False, event, action, frozenset({number}))


class Desk:
    """Follows hints once its gate is open."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self.followed: list[tuple[RepositoryName, Gathered]] = []
        self.gate = asyncio.Event()
        self.swept = 0
        self.hints = Hints(group, self._follow, self._sweep)

    async def _follow(self, name: RepositoryName, gathered: Gathered) -> None:
        self.followed.append((name, gathered))
        await self.gate.wait()

    def _sweep(self) -> None:
        self.swept += 1


async def test_two_thousand_hints_of_one_objective_are_followed_twice() -> None:
    """The first at once, the others together when it was followed."""
    async with asyncio.TaskGroup() as group:
        desk = Desk(group)
        for _ in range(2000):
            desk.hints.add(hint())
            await asyncio.sleep(0)
        assert len(desk.hints) == 1
        desk.gate.set()
    assert [len(gathered.hints) for _, gathered in desk.followed] == [1, 1]


async def test_what_hints_say_apart_stays_apart() -> None:
    async with asyncio.TaskGroup() as group:
        desk = Desk(group)
        for one in (hint(), hint(action="labeled"), hint(13), hint(event="issue_comment"), hint(action="closed")):
            desk.hints.add(one)
        desk.gate.set()
    [(_, gathered)] = desk.followed
    assert [(h.event, h.action, *h.numbers) for h in gathered.hints.values()] == [
        ("issues", "closed", 12),
        ("issues", "labeled", 12),
        ("issues", "edited", 13),
        ("issue_comment", "edited", 12),
    ]


async def test_too_many_different_ones_become_a_look_at_everything() -> None:
    async with asyncio.TaskGroup() as group:
        desk = Desk(group)
        for number in range(1, 20_000):
            desk.hints.add(hint(number))
        assert len(desk.hints) <= hints.MOST_OF_ONE
        desk.gate.set()
    [(_, gathered)] = desk.followed
    assert gathered.everything


async def test_hints_of_too_many_repositories_become_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "MOST_REPOSITORIES", 10)
    async with asyncio.TaskGroup() as group:
        desk = Desk(group)
        for number in range(100):
            desk.hints.add(hint(repository=RepositoryName("octo", f"r{number}")))
        assert (len(desk.hints), desk.swept) == (10, 90)
        desk.gate.set()
    assert len(desk.followed) == 10


async def test_a_slow_repository_does_not_keep_others_waiting() -> None:
    async with asyncio.TaskGroup() as group:
        desk = Desk(group)
        desk.hints.add(hint())
        await asyncio.sleep(0)
        desk.hints.add(hint(repository=BANK))
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(desk.followed) == 2
        desk.gate.set()
    assert [name for name, _ in desk.followed] == [SHOP, BANK]


def test_an_hour_of_hints_is_allowed_far_fewer_looks_than_github_allows_requests() -> None:
    allowance = Allowance()
    looks = sum(allowance.wait(now / 500) == 0 for now in range(500 * 3600))
    assert looks == 20 + 3600 / 4 - 1


def test_after_a_burst_it_is_said_how_long_to_wait() -> None:
    allowance = Allowance()
    assert [allowance.wait(100.0) for _ in range(20)] == [0.0] * 20
    assert allowance.wait(100.0) == 4.0
    assert allowance.wait(103.0) == 1.0
    assert allowance.wait(104.0) == 0.0


def test_what_failed_and_what_came_meanwhile_is_one_cause() -> None:
    failed, later = Cause(), Cause()
    for guid in ("a", "b"):
        failed.add(guid)
    for guid in ("b", "c", "d", "e"):
        later.add(guid)
    assert failed.followed_by(later).guids() == "a, b, c and 2 more"
    assert failed.followed_by(None).guids() == failed.guids() == "a, b"
    assert Cause().followed_by(None).guids() is None


def test_what_is_reserved_comes_one_after_the_other() -> None:
    allowance = Allowance(burst=2, seconds=4, left=2)
    assert [allowance.reserve(0.0) for _ in range(5)] == [0.0, 0.0, 4.0, 8.0, 12.0]
    assert allowance.reserve(12.0) == 4.0


def test_objectives_that_are_over_are_found_by_any_of_their_numbers() -> None:
    closed = ClosedObjectives()
    closed.add(12, [13, 14])
    closed.add(20, [14, 21])
    assert [closed.of(number) for number in (12, 13, 14, 21, 99)] == [{12}, {12}, {12, 20}, {20}, set()]
    assert closed.discard(12)
    assert not closed.discard(12)
    assert [closed.of(number) for number in (12, 13, 14, 21)] == [set(), set(), {20}, {20}]
    assert (12 in closed, 20 in closed, len(closed)) == (False, True, 1)
