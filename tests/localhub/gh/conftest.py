"""The real gh CLI, told to find github.localhost on the hub's unix socket."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import JsonValue

from bot.localhub.model.app import Installation
from bot.localhub.model.hub import Hub
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User
from bot.localhub.server import serve
from tests.localhub.gh.binary import GH
from tests.localhub.graphql.served import JSON, stock


@dataclass(frozen=True)
class Shell:
    """A hub, and Alice's terminal."""

    hub: Hub
    alice: User
    shop: Repository
    installation: Installation
    home: Path
    socket: Path

    async def gh(self, *arguments: str) -> str:
        """What gh prints; fails with its complaint when it does not exit with 0."""
        code, out, complaint = await self.run(*arguments)
        assert code == 0, complaint or out
        return out

    async def gh_json(self, *arguments: str) -> JsonValue:
        """What gh prints, as JSON."""
        return JSON.validate_json(await self.gh(*arguments))

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of one gh command."""
        environment = {
            "PATH": "/usr/bin:/bin", "HOME": str(self.home), "GH_CONFIG_DIR": str(self.home), "NO_COLOR": "1",
            "GH_HOST": "github.localhost", "GH_TOKEN": self.hub.user_token(self.alice), "GH_PROMPT_DISABLED": "1",
            "GH_NO_UPDATE_NOTIFIER": "1", "GH_REPO": "github.localhost/alice/shop", "GH_TELEMETRY": "disabled",
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            str(GH), *arguments, cwd=self.home, env=environment,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(60):
                out, complaint = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return process.returncode, out.decode(), complaint.decode()


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    hub = Hub(tmp_path / "hub")
    alice, shop, installation = await stock(hub)
    home = tmp_path / "home"
    home.mkdir()
    with tempfile.TemporaryDirectory(prefix="hub") as short:  # a socket's path has at most 107 bytes
        uds = Path(short) / "s"
        (home / "config.yml").write_text(f"http_unix_socket: {uds}\nprompt: disabled\n")
        async with serve(hub, uds=uds):
            yield Shell(hub, alice, shop, installation, home, uds)
    assert hub.errors == []
