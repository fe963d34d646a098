"""A short cut of `python -m tests.torture.two_bots`: a few seeds, and faults that it must find."""

from __future__ import annotations

from unittest.mock import PropertyMock, patch

import pytest

from bot.github.lease import RepositoryLease
from bot.model.lease import Terms
from tests.torture.takeovers import LEASE, takeovers
from tests.torture.two_bots import differences, run, undisturbed


@pytest.mark.parametrize("seed", range(1))
def test_two_bots_come_to_the_end_that_one_comes_to(seed: int) -> None:
    result = run(seed)
    assert differences(result, undisturbed(seed)) == ()
    assert result.takeovers > 0


async def _no_fence(_: RepositoryLease) -> None:
    """What `RepositoryLease.ensure` would be if it did not ask."""


FROZEN = ("freeze with more to write",)


def found() -> bool:
    """Whether one of a few seeds shows that a bot wrote without the lease; when it freezes is drawn by each."""
    return any("held the lease" in str(run(seed, mishaps=FROZEN).problems) for seed in (1, 3, 2))


def test_a_bot_that_does_not_ask_for_its_lease_is_found_out() -> None:
    with patch.object(RepositoryLease, "ensure", _no_fence):
        assert found()


def test_a_lease_that_is_trusted_for_too_long_is_found_out() -> None:
    with patch.object(Terms, "valid", PropertyMock(return_value=600.0)):
        assert found()


@pytest.mark.parametrize(("repositories", "seen"), [(1, 0), (1, 1), (20, 10)])
def test_when_the_first_dies_the_second_goes_on_within_the_lease_s_time(repositories: int, seen: int) -> None:
    """Whose work it saw; else within twice that, but for where it has a single lease to look at at every tick."""
    found = takeovers(repositories, seen)
    slow = 2 * LEASE if repositories > 1 else LEASE
    assert [one for one in found if one.seconds > (LEASE if one.seen else slow)] == []
    assert len({one.seen for one in found}) == min(repositories, 2)
