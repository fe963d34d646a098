"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot import journal
from bot.journal import EVENTS
from tests.witnesses import WITNESSES

pytest_plugins = ["tests.localhub.openapi.faithful_localhub"]


@pytest.fixture(autouse=True)
def bears_witness(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that is named as the witness of an event makes the bot tell it."""
    test = request.node.nodeid
    events = [vars(journal)[name] for name, witness in WITNESSES.items() if witness in (test, test.partition("[")[0])]
    before = {event.name: EVENTS.counts[event.name] for event in events}
    yield
    silent = [name for name, count in before.items() if EVENTS.counts[name] == count]
    assert not silent, "another test has to be named in tests/witnesses.py"
