"""Whether bubblewrap works here. Where it does not a test is skipped and says why, but never in CI."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

import pytest

from bot.sandbox.bubblewrap import Host
from bot.sandbox.host import find_host


@cache
def _found() -> Host | str:
    return find_host(Path(tempfile.mkdtemp(prefix="crewline-trial-")))


def bubblewrap() -> Host:
    """What the machine is like for it."""
    found = _found()
    if isinstance(found, Host):
        return found
    if os.environ.get("CI"):
        pytest.fail(f"{found}; in CI it must be there")
    pytest.skip(f"{found}; install the package bubblewrap to run this test")
