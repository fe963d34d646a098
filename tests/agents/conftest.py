"""The real programs, where they can be had."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agents.programs.installed import NotInstalled, program


@pytest.fixture
def installed() -> Callable[[str], Path]:
    """The folder of a real program by its name. Where it cannot be had the test is skipped; in CI it fails."""

    def find(name: str) -> Path:
        try:
            return program(name).parent
        except NotInstalled as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(error))

    return find
