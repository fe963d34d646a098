"""A short day: a cut of what `python -m tests.torture.day` plays whole."""

from __future__ import annotations

import pytest

from bot.github import pace
from tests.torture.day import Day, live


def test_a_short_day_hits_no_limit_and_takes_little_longer_than_the_limits_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "CONTENT_PER_HOUR", 20)
    monkeypatch.setattr(pace, "FOR_PEOPLE", 0)
    report = live(Day(objectives=4, tasks=3, repositories=2, per_hour=20))
    assert report.problems == ()
    assert report.limits_hit == 0
    assert report.content == 4 * (1 + 3 * 3)
    assert report.bound > 1
    assert report.ratio < 1.6
