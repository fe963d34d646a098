"""The bot goes by GitHub's clock, whatever the machine's says."""

from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot.github.app import GitHubApp
from bot.github.clock import GitHubClock, SystemClock
from bot.model.identity import RepositoryName
from tests.github.clock import NOON, TurnedClock
from tests.github.conftest import World, private_key

TEN_MINUTES = timedelta(minutes=10)
seconds = st.floats(0, 20).map(lambda number: timedelta(seconds=number))


class Wrong(SystemClock):
    """A machine's clock that is off."""

    def __init__(self, off: timedelta) -> None:
        self._off = off

    def now(self) -> datetime:
        return super().now() + self._off


@settings(max_examples=100, deadline=None, phases=[Phase.generate])
@given(st.floats(-100_000, 100_000), st.lists(st.tuples(seconds, seconds), min_size=1, max_size=5))
def test_the_machine_is_corrected_to_within_the_time_that_an_answer_took(
    off: float, exchanges: list[tuple[timedelta, timedelta]]
) -> None:
    truth, machine = NOON, TurnedClock(NOON + timedelta(seconds=off))
    clock = GitHubClock(machine)
    for there, back in exchanges:
        sent, answered = machine.now(), truth + there
        truth = answered + back
        machine.turn((there + back).total_seconds())
        clock.heard(format_datetime(answered.replace(microsecond=0), usegmt=True), sent, machine.now())
        assert abs(clock.now() - truth) <= there + back + timedelta(seconds=1)


def test_a_time_that_is_none_teaches_nothing() -> None:
    clock = GitHubClock(TurnedClock())
    for date in ("", "soon", "Sat, 21 Nov 2026 11:00:00 -0000"):
        clock.heard(date, NOON, NOON)
    assert clock.now() == NOON


@pytest.mark.parametrize("off", [TEN_MINUTES, -TEN_MINUTES, timedelta(days=400)], ids=["ahead", "behind", "far"])
async def test_the_app_is_accepted_by_a_clock_that_is_off(world: World, off: timedelta) -> None:
    async with GitHubApp(
        world.app_on_hub.id, private_key(), world.url, write_interval=0, clock=Wrong(off)
    ) as connected:
        assert await connected.bot_login() == "crewline[bot]"
        assert await connected.token_for(RepositoryName("ada", "shop"))
        assert abs(connected.clock() - world.hub.now()) < timedelta(seconds=5)
