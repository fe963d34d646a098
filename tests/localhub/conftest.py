from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.localhub.world import World, open_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A served hub with alice's shop and the App, held against GitHub's description when the test is over."""
    async with open_world(tmp_path) as world:
        yield world
