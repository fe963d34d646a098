"""The stage of a demo or a try: a localhub in this process, and Crewline as a real server beside it.

The server is given nothing but its settings, an agent and the address of the hub; what it does there is watched
from the hub's side. Everything lies in one folder. However the block ends, the server is asked to end, then made
to, and whatever is still below this process is killed: nothing outlives the stage.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel

from bot.demo.by_hand import gh_socket
from bot.demo.family import adopt_orphans, die_with_parent, end_descendants
from bot.demo.readiness import READY
from bot.demo.refusal import Refusal
from bot.localhub.model.app import App, new_private_key
from bot.localhub.model.hub import Hub
from bot.localhub.model.user import User
from bot.localhub.server import serve

SECONDS_TO_START = 30
SECONDS_TO_END = 10


class ServerEnded(Exception):
    """The Crewline server ended while it was needed."""


@dataclass(frozen=True)
class AgentChoice:
    """Who plays the roles: an agent that the server knows by `name`, or the `command` template."""

    name: str
    command: str | None = None
    variables: tuple[str, ...] = ()
    """Names of variables that the command is given."""

    def environment(self) -> dict[str, str]:
        if self.command is not None:
            variables = {"CREWLINE_AGENT_VARIABLES": ",".join(self.variables)}
            return {"CREWLINE_AGENT": "command", "CREWLINE_AGENT_COMMAND": self.command} | variables
        return {"CREWLINE_AGENT": self.name}


@dataclass(frozen=True)
class Stage:
    """Both servers, running."""

    folder: Path
    hub: Hub
    app: App
    owner: User
    server: Process
    server_url: str
    socket: Path | None
    """Where the gh CLI finds the hub."""

    @property
    def log_file(self) -> Path:
        return self.folder / "crewline.log"

    def log_tail(self, lines: int = 30) -> str:
        """The end of the server's log."""
        try:
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


class AppManifest(BaseModel):
    """What is needed of app.yml."""

    name: str
    default_permissions: dict[str, str]
    default_events: list[str]


@asynccontextmanager
async def open_stage(folder: Path, agent: AgentChoice, owner: str, *, port: int = 0) -> AsyncIterator[Stage]:
    """Both servers for as long as the block runs. Raises Refusal where one of them cannot start."""
    adopt_orphans()
    hub = Hub(folder / "github")
    user = hub.add_user(owner)
    manifest = app_manifest()
    app = hub.add_app(
        manifest.name,
        owner=user,
        permissions=manifest.default_permissions,
        events=manifest.default_events,
        webhook_secret=secrets.token_hex(20),
        private_key_pem=await asyncio.to_thread(new_private_key),
    )
    hub.install(app, user)
    key_file = folder / "app.private-key.pem"
    key_file.touch(mode=0o600)
    key_file.write_text(app.private_key_pem)
    try:
        with gh_socket() as socket:
            async with serve(hub, port=port, beside=socket):
                settings = _settings(hub, app, key_file, folder) | agent.environment()
                async with _server(folder, settings) as (server, url):
                    app.webhook_url = f"{url}/webhook"
                    yield Stage(folder, hub, app, user, server, url, socket)
    finally:
        await asyncio.to_thread(end_descendants)


def app_manifest() -> AppManifest:
    """The App's manifest: of the checkout, or of the installed package."""
    inside = files("bot") / "app.yml"
    text = inside.read_text() if inside.is_file() else (Path(__file__).parents[2] / "app.yml").read_text()
    return AppManifest.model_validate(yaml.safe_load(text))


def base_environment() -> dict[str, str]:
    """This process's environment without what would steer Crewline or git; the hub is never behind a proxy."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CREWLINE_", "GIT_"))}
    local = ",".join(filter(None, (kept.get("NO_PROXY", kept.get("no_proxy", "")), "127.0.0.1", "localhost")))
    return kept | {"NO_PROXY": local, "no_proxy": local, "PYTHONUNBUFFERED": "1"}


def _settings(hub: Hub, app: App, key_file: Path, folder: Path) -> dict[str, str]:
    """A localhub answers reads at once and has no abuse detection to spare, so the pace is quick. It ends with the
    server, so no session is worth a wait at the end."""
    return {
        "CREWLINE_APP_ID": str(app.id),
        "CREWLINE_PRIVATE_KEY_FILE": str(key_file),
        "CREWLINE_WEBHOOK_SECRET": app.webhook_secret or "",
        "CREWLINE_API_URL": hub.base_url,
        "CREWLINE_GIT_URL": hub.base_url,
        "CREWLINE_HOST": "127.0.0.1",
        "CREWLINE_PORT": "0",
        "CREWLINE_DATA": str(folder / "crewline"),
        "CREWLINE_WRITE_INTERVAL": "0.1",
        "CREWLINE_SETTLE_SECONDS": "1",
        "CREWLINE_DRAIN_SECONDS": "0",
    }


@asynccontextmanager
async def _server(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[tuple[Process, str]]:
    """The bot's process, in a group of its own so that a Ctrl-C in the terminal reaches only us."""
    with (folder / "crewline.log").open("wb") as log:
        server = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            "serve",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=log,
            env=base_environment() | dict(settings),
            cwd=folder,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        yield server, await _ready(server, folder / "crewline.log")
    finally:
        await _end(server)


async def _ready(server: Process, log_file: Path) -> str:
    assert server.stdout is not None
    with suppress(TimeoutError):
        async with asyncio.timeout(SECONDS_TO_START):
            while line := (await server.stdout.readline()).decode().strip():
                if line.startswith(READY):
                    return line.removeprefix(READY)
    tail = (await asyncio.to_thread(log_file.read_text, errors="replace"))[-4000:]
    raise Refusal(f"the Crewline server did not start. Its log says:\n{tail or '(nothing)'}")


async def _end(server: Process) -> None:
    """TERM, then KILL. A cancellation in between does not leave it running."""
    if server.returncode is None:
        with suppress(ProcessLookupError):
            server.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(SECONDS_TO_END):
                await server.wait()
        except (TimeoutError, asyncio.CancelledError):
            with suppress(ProcessLookupError):
                server.kill()
            await server.wait()
