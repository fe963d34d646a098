"""Every REST operation that the localhub serves, over real HTTP: GitHub would answer so, and send such webhooks."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from bot.localhub import rest
from bot.localhub.model.hub import Hub
from bot.localhub.server import serve
from tests.localhub.openapi.description import description
from tests.localhub.openapi.faithful import FaithfulHub, Record
from tests.localhub.openapi.tolerated import is_undescribed
from tests.localhub.openapi.walk import Stage, set_stage, walk_everywhere


@pytest.fixture
async def walked(app_key: str, tmp_path: Path) -> tuple[Stage, Record]:
    hub, record = Hub(tmp_path / "hub"), Record()
    async with serve(hub, app=FaithfulHub(hub, record)) as address:
        stage = await set_stage(hub, app_key)
        await walk_everywhere(stage, address.api)
    return stage, record


def shape(operation: str) -> str:
    return re.sub(r"\{[\w:]+\}", "{}", operation)


async def test_github_would_say_the_same(walked: tuple[Stage, Record]) -> None:
    _, record = walked
    record.verdict()
    good = [one for one in record.exchanges if one.status < 300]
    found = [description().operation(one.method, one.path) for one in good]
    seen = {shape(one.name) for one in found if one is not None} | {"GET /repos/{}/{}/contents"}
    served = {
        shape(f"{endpoint.method} {endpoint.path}")
        for subject in rest.SUBJECTS
        for endpoint in subject.ENDPOINTS
        if not is_undescribed(endpoint.method, endpoint.path)
    }
    assert served - seen == set(), "served, but not walked"


async def test_every_event_was_sent(walked: tuple[Stage, Record]) -> None:
    stage, _ = walked
    sent = Counter(delivery.event for delivery in stage.hub.deliveries)
    described = description().cut.webhooks.keys()
    assert described - sent.keys() == {"installation_repositories"}
    assert sent.keys() - described == set()
