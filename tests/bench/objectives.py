"""Wall time of whole objectives over the ideal: the critical path of the workers' own time, everything else at 0 s.

A worker of 2 s is one whose process lives for 2 s, its own start and its commit included. A planner or reviewer of
0 s takes what its interpreter takes to start, about 20 ms, and that counts as overhead here."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from bot.github.observe import look_document
from bot.localhub.graphql.execute import learn
from bot.localhub.limits import Usage
from bot.localhub.model.app import App
from bot.localhub.model.hub import Hub
from bot.localhub.model.issue import open_issue
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User
from bot.localhub.server import serve
from bot.scripted import agent
from tests.bench.bot_process import BotProcess, bot_process
from tests.installed import SECRET, install_app, private_key
from tests.stories.plays import APPROVE, Json, Part, plan, task

WORKER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Shape:
    """A plan, and the length of its longest chain of workers."""

    name: str
    tasks: tuple[Part, ...]
    depth: int


CHAIN = Shape("chain of 4", (task("a"), task("b", "a"), task("c", "b"), task("d", "c")), 4)
DIAMOND = Shape(
    "diamond 1-6-1",
    (task("top"), *(task(f"m{n}", "top") for n in range(6)), task("end", *(f"m{n}" for n in range(6)))),
    3,
)


@dataclass(frozen=True, slots=True)
class Run:
    """One objective, from the label to the closed issue."""

    seconds: float
    ideal: float
    tasks: int
    usage: Usage
    peak_megabytes: float
    start_seconds: float


@dataclass(frozen=True, slots=True)
class Theatre:
    hub: Hub
    app: App
    shop: Repository
    alice: User
    environment: dict[str, str]
    folder: Path

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[BotProcess]:
        """The server, from the interpreter's start; it ends with the block."""
        async with bot_process(self.environment, self.folder / "bot.log") as process:
            self.app.webhook_url = f"http://127.0.0.1:{process.port}/webhook"
            yield process


@asynccontextmanager
async def theatre(folder: Path, sessions: dict[str, Json], **settings: str) -> AsyncIterator[Theatre]:
    """A hub with one repository, and settings for a bot with six slots and without pacing."""
    hub = Hub(folder / "hub")
    hub.settings.limits.enforced = False
    alice = hub.add_user("alice")
    app = install_app(hub, alice)
    config = "verify:\n  command: 'true'\n"
    shop = await hub.create_repository(alice, "shop", files={"README.md": "# Shop\n", ".github/crewline.yml": config})
    playbook = folder / "playbook.json"
    await asyncio.to_thread(playbook.write_text, json.dumps({"sessions": sessions}))
    for branches in range(12):  # a GitHub that was asked before; the first time takes the localhub 80 ms
        learn(look_document(branches))
    async with serve(hub) as address:
        environment = {
            "CREWLINE_APP_ID": str(app.id),
            "CREWLINE_PRIVATE_KEY": private_key(),
            "CREWLINE_WEBHOOK_SECRET": SECRET,
            "CREWLINE_API_URL": address.url,
            "CREWLINE_GIT_URL": address.url,
            "CREWLINE_PORT": "0",
            "CREWLINE_DATA": str(folder / "data"),
            "CREWLINE_SLOTS": "6",
            "CREWLINE_WRITE_INTERVAL": "0",
            "CREWLINE_SETTLE_SECONDS": "0",
            "CREWLINE_AGENT_COMMAND": f"{sys.executable} -I -S {agent.__file__} --playbook {playbook}"
            " {prompt_file} {worktree} {answer_file}",
            **settings,
        }
        yield Theatre(hub, app, shop, alice, environment, folder)


def sessions_for(shape: Shape) -> dict[str, Json]:
    return {
        "planner": [{"answer": plan(*shape.tasks)}],
        "*.worker": [{"seconds": WORKER_SECONDS, "write": {"{task}.txt": "by {session}\n"}, "summary": "Done."}],
        "*.reviewer": [APPROVE],
    }


async def run(folder: Path, shape: Shape, sandbox: str) -> Run:
    """`sandbox` is CREWLINE_SANDBOX: what confines an agent takes time of its own, and hosts differ in it."""
    async with theatre(folder, sessions_for(shape), CREWLINE_SANDBOX=sandbox) as here, here.bot() as bot:
        objective = open_issue(here.shop, here.alice, "Make it so", "Please.")
        began = monotonic()
        objective.add_label(here.alice, "crewline")
        await here.hub.events.until(lambda: objective.state == "closed", 120)
        seconds = monotonic() - began
        return Run(
            seconds=seconds,
            ideal=shape.depth * WORKER_SECONDS,
            tasks=len(shape.tasks),
            usage=here.hub.usage,
            peak_megabytes=bot.peak_megabytes(),
            start_seconds=bot.seconds,
        )
