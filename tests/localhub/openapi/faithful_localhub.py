"""A pytest plugin: whatever hub a test serves, all it answers and sends is held against GitHub's description.

`bot.localhub.server.serve` builds its app by the name `HubApp`; the fixture puts the faithful one there, so that no
test has to ask for it and none can forget. A test that has something of its own to ask of the record (how many
requests, which operations) takes the fixture `faithful` by name.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.localhub import server
from bot.localhub.model.hub import Hub
from tests.localhub.openapi.faithful import FaithfulHub, Record


@pytest.fixture(autouse=True)
def faithful(monkeypatch: pytest.MonkeyPatch) -> Iterator[Record]:
    """What was said during the test; when it is over, anything GitHub would not have said fails it."""
    record = Record()

    def app(hub: Hub) -> FaithfulHub:
        return FaithfulHub(hub, record)

    monkeypatch.setattr(server, "HubApp", app)
    yield record
    record.verdict()
