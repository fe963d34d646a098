"""A short cut of `python -m tests.torture.outage`: an hour without GitHub, one seed."""

from __future__ import annotations

from tests.torture.outage import run


def test_an_hour_without_github_changes_nothing_of_the_end() -> None:
    result = run(1)
    assert result.problems == ()
    assert result.after is not None
