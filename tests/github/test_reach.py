"""Whether GitHub answers: pauses that grow with the outage and are bounded, and the word that it is back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from githubkit import UnauthAuthStrategy

from bot.git.errors import Unreachable
from bot.git.mirror import Mirror, no_token
from bot.github.clock import GitHubClock
from bot.github.reach import Reach
from bot.github.wire import NoAnswer, Wire
from tests.git.conftest import BOT
from tests.github.clock import TurnedClock

NOWHERE = "http://github.invalid"
"""RFC 2606: no resolver knows it."""


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def reach(clock: TurnedClock) -> Reach:
    return Reach(GitHubClock(clock), longest_pause=60)


def test_pauses_grow_with_the_outage_up_to_the_longest(reach: Reach, clock: TurnedClock) -> None:
    pauses = []
    for seconds in (0, 5, 25, 3600):
        clock.turn(seconds)
        reach.silent("ConnectError")
        pauses.append(reach.pause())
    assert pauses == [timedelta(seconds=seconds) for seconds in (1, 5, 30, 60)]


def test_an_hour_passes_and_the_first_answer_is_told_once(reach: Reach, clock: TurnedClock) -> None:
    back: list[str | None] = []
    reach.on_back = lambda: back.append(reach.problem())
    for _ in range(60):
        reach.answered(502, {}, clock.now())
        clock.turn(60)
    assert (reach.problem() or "").startswith("GitHub has not answered since 12:00 UTC (it answers 502).")
    assert back == []
    for _ in range(2):
        reach.answered(200, {}, clock.now())
    assert back == [None]


def test_a_hiccup_is_nothing_to_tell(reach: Reach, clock: TurnedClock) -> None:
    back: list[None] = []
    reach.on_back = lambda: back.append(None)
    reach.silent("ReadTimeout")
    clock.turn(5)
    assert (reach.down, reach.problem()) == (False, None)
    assert reach.problem(at_once=True) is not None
    reach.answered(200, {}, clock.now())
    assert back == []


async def test_a_name_that_does_not_resolve_is_known_not_to_have_been_sent(reach: Reach) -> None:
    async with Wire(UnauthAuthStrategy(), NOWHERE, reach=reach) as wire:
        with pytest.raises(NoAnswer) as caught:
            await wire.send("POST", "repos/octo/shop/issues", body={})
    assert not caught.value.sent
    assert "ConnectError" in (reach.problem(at_once=True) or "")


async def test_nor_does_git_reach_it(tmp_path: Path, reach: Reach) -> None:
    url = f"{NOWHERE}/octo/shop.git"
    async with Mirror(tmp_path / "mirror.git", url, no_token, BOT, silent=reach.silent) as mirror:
        with pytest.raises(Unreachable):
            await mirror.fetch()
    assert "git gets no answer" in (reach.problem(at_once=True) or "")
