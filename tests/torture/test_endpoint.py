"""A short cut of `python -m tests.torture.endpoint`: few deliveries, and nothing about speed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.endpoint import PATIENCE, load, soak

pytestmark = pytest.mark.timeout(2 * PATIENCE)


async def test_under_fire_every_delivery_is_taken_and_the_work_gets_done(tmp_path: Path) -> None:
    report = await load(tmp_path / "load", per_second=50, seconds=3, many=1)
    assert report["answers"] == {"202": 150}
    assert report["and in the end"] == report["objectives"]
    assert report["errors in the log"] == 0


async def test_deliveries_about_what_is_over_are_taken_and_new_work_gets_done(tmp_path: Path) -> None:
    report = await soak(tmp_path / "soak", deliveries=1000, finished=10, before=100)
    assert report["answers"] == {"202": 1000}
    assert report["an objective afterwards"] == "closed"
    assert report["errors in the log"] == 0
