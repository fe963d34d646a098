"""A real browser for the tests of pages: Debian's chromium, headless, one fresh profile a run."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

INSTALL = "apt-get install -y --no-install-recommends chromium"
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--virtual-time-budget=6000",
)


def browser() -> str:
    """The browser's path. Where there is none the test is skipped with how to install it; in CI it fails."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        words = f"no chromium: {INSTALL}"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    return found


async def page_of(url: str, profile: Path, *flags: str) -> str:
    """The document after its scripts ran for six seconds of the page's own (virtual) time."""
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(profile), "LC_ALL": "C.UTF-8"}
    process = await asyncio.create_subprocess_exec(
        browser(),
        *FLAGS,
        *flags,
        f"--user-data-dir={profile}",
        "--dump-dom",
        url,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            shown, said = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    assert process.returncode == 0, said.decode(errors="replace")
    return shown.decode()
