"""Where the stories play: a localhub, the whole bot, and people, in one event loop.

HTTP, webhooks, git and agent processes are real; what waits, waits for an event of the hub. When a story ends, every
comment that it did not expect, every error of the hub and every error that the bot logged fails it.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import structlog
import yaml
from pydantic import SecretStr

import bot.scripted.agent
from bot.localhub.model.app import App, new_private_key
from bot.localhub.model.hub import Hub
from bot.localhub.model.issue import Issue, open_issue
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User
from bot.localhub.server import Address, serve
from bot.server import serve as serve_bot
from bot.settings import Settings
from bot.web.server import Address as BotAddress

SECRET = "the stories' secret"
MANIFEST = Path(__file__).parents[2] / "app.yml"
WITHIN = 60.0
"""Seconds after which a story gives up waiting. Nothing depends on it but how soon a hang is told."""

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
APPROVE: Json = {"decision": "approve", "summary": "Good."}


@cache
def private_key() -> str:
    """One key for all stories: making one is slow."""
    return new_private_key()


def task(key: str, *depends_on: str, scope: str | None = None) -> Json:
    """A task of a plan, as a planner writes it."""
    return {
        "key": key,
        "title": f"Do {key}",
        "description": f"Write {key}.txt.",
        "scope": [scope or f"{key}.txt"],
        "depends_on": list(depends_on),
    }


def plan(*tasks: Json) -> Json:
    return {"kind": "plan", "summary": "All of it.", "tasks": list(tasks)}


def playbook(*tasks: Json, **sessions: Json) -> dict[str, Json]:
    """Plan these tasks; every worker writes one file named after its task, every reviewer approves; `sessions` says
    what is different. A double underscore stands for the dot: ``one__worker``."""
    parts: dict[str, Json] = {
        "planner": [{"answer": plan(*tasks)}],
        "*.worker": [{"write": {"{task}.txt": "by {session}\n"}, "summary": "Wrote {task}.txt."}],
        "*.reviewer": [{"answer": APPROVE}],
    }
    return parts | {name.replace("__", "."): performances for name, performances in sessions.items()}


@dataclass
class Stage:
    """One story. `alice` owns ``alice/shop``; `bob` may write, `mallory` may only read."""

    hub: Hub
    app: App
    shop: Repository
    alice: User
    bob: User
    mallory: User
    address: Address
    folder: Path
    overrides: Mapping[str, str | float | int]
    expected: list[str] = field(default_factory=list)
    background_errors: list[str] = field(default_factory=list)
    _bot: asyncio.Task[None] | None = None

    @property
    def crewline(self) -> User:
        return self.app.bot

    async def start_bot(self) -> None:
        """Start the bot with an empty disk, and return once it takes webhooks."""
        started: asyncio.Future[BotAddress] = asyncio.get_running_loop().create_future()
        self._bot = asyncio.create_task(serve_bot(self.settings(), started.set_result), name="the bot")
        self._bot.add_done_callback(lambda bot: started.done() or started.cancel())
        try:
            await started
        except asyncio.CancelledError:
            self._bot.result()
            raise
        self.app.webhook_url = f"{started.result().url}/webhook"

    async def stop_bot(self) -> None:
        """End it as an error would: cancelled in the middle of whatever it does."""
        if self._bot is not None:
            self._bot.cancel()
            await asyncio.gather(self._bot, return_exceptions=True)
            self._bot = None

    async def restart_bot(self) -> None:
        await self.stop_bot()
        await self.start_bot()

    def settings(self) -> Settings:
        count = len(list(self.folder.glob("data-*")))
        agent = f"{sys.executable} -I -S {bot.scripted.agent.__file__} --playbook {self.folder / 'playbook.json'}"
        return Settings(
            app_id=self.app.id,
            private_key=SecretStr(private_key()),
            webhook_secret=SecretStr(SECRET),
            api_url=self.address.url,
            git_url=self.address.url,
            port=0,
            data=self.folder / f"data-{count}",
            agent_command=f"{agent} {{prompt_file}} {{worktree}} {{answer_file}}",
            **{"write_interval": 0, "settle_seconds": 0, "sweep_seconds": 3600, **self.overrides},  # type: ignore[arg-type]
        )

    def play(self, sessions: Mapping[str, Json]) -> None:
        """What agents do from now on."""
        (self.folder / "playbook.json").write_text(json.dumps({"sessions": sessions}))

    def hand_off(self, title: str = "Make it so", body: str = "Please.", by: User | None = None) -> Issue:
        """A person opens an issue and labels it."""
        issue = open_issue(self.shop, by or self.alice, title, body)
        issue.add_label(by or self.alice, "crewline")
        return issue

    async def closed(self, issue: Issue) -> None:
        await self.until(lambda: issue.state == "closed")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for the hub to be so. A bot that ends meanwhile fails the story with its own error."""
        waiting = asyncio.create_task(self.hub.events.until(condition, WITHIN))
        pending: set[asyncio.Task[None]] = {waiting} | ({self._bot} if self._bot else set())
        await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        if self._bot is not None and self._bot.done() and not waiting.done():
            waiting.cancel()
            self._bot.result()
        try:
            await waiting
        except TimeoutError:
            raise AssertionError(f"it never came true; {self._describe()}") from None

    def tasks_of(self, objective: Issue) -> dict[str, Issue]:
        """The sub-issues by the key of their task."""
        found = {}
        for issue in objective.sub_issues:
            tag = re.search(r"crewline:task=\d+\.(\S+) -->", issue.body or "")
            assert tag is not None, f"a sub-issue without a tag: {issue.title}"
            found[tag[1]] = issue
        return found

    def pull_requests(self) -> list[PullRequest]:
        return sorted(self.shop.pull_requests, key=lambda pull: pull.number)

    def comments_of_bot(self) -> list[str]:
        """Everything that the bot says now in ``alice/shop``, but for status comments."""
        return [
            comment.body
            for issue in self.shop.issues.values()
            for comment in issue.comments
            if comment.user is self.crewline and "crewline:status" not in comment.body
        ]

    def status(self, objective: Issue) -> str:
        """The one status comment of an objective."""
        [comment] = [c for c in objective.comments if c.user is self.crewline and "crewline:status" in c.body]
        return comment.body

    def expect(self, *texts: str) -> None:
        """Comments of the bot that hold these texts belong to the story."""
        self.expected += texts

    async def file(self, path: str, ref: str = "main") -> str | None:
        """The content of a file in the repository, None where there is none."""
        process = await asyncio.create_subprocess_exec(
            "git", "-C", str(self.shop.git.path), "show", f"{ref}:{path}",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        output, _ = await process.communicate()
        return output.decode() if process.returncode == 0 else None

    def check_the_end(self) -> None:
        """Nothing happened that the story did not expect."""
        unexpected = [body for body in self.comments_of_bot() if not any(text in body for text in self.expected)]
        assert not unexpected, f"the bot said what nobody expected: {unexpected}"
        assert not self.hub.errors, f"the hub failed: {self.hub.errors}"
        assert not self.background_errors, f"the bot logged errors: {self.background_errors}"

    def _describe(self) -> str:
        lines = [f"#{number} {issue.state} {issue.title}" for number, issue in sorted(self.shop.issues.items())]
        statuses = [c.body for i in self.shop.issues.values() for c in i.comments if "crewline:status" in c.body]
        return "\n".join([*lines, *statuses, *self.background_errors])


@asynccontextmanager
async def stage(
    folder: Path,
    sessions: Mapping[str, Json],
    *,
    config: str = "limits:\n  backoff_seconds: 0\n",
    files: Mapping[str, str] | None = None,
    **overrides: str | float | int,
) -> AsyncIterator[Stage]:
    """A story with `sessions` as playbook and `config` as ``.github/crewline.yml``; `overrides` are settings."""
    hub = Hub(folder / "hub")
    alice, bob, mallory = (hub.add_user(login) for login in ("alice", "bob", "mallory"))
    manifest = yaml.safe_load(MANIFEST.read_text())
    app = hub.add_app(
        "crewline",
        owner=alice,
        permissions=manifest["default_permissions"],
        events=manifest["default_events"],
        webhook_url="http://127.0.0.1:9/webhook",
        webhook_secret=SECRET,
        private_key_pem=private_key(),
    )
    contents = {"README.md": "# Shop\n", ".github/crewline.yml": config, **(files or {})}
    shop = await hub.create_repository(alice, "shop", files=contents)
    shop.add_collaborator(bob, "write")
    shop.add_collaborator(mallory, "read")
    hub.install(app, alice)
    async with serve(hub) as address:
        play = Stage(hub, app, shop, alice, bob, mallory, address, folder, overrides)
        play.play(sessions)
        with _watching_the_log(play.background_errors):
            await play.start_bot()
            try:
                yield play
                play.check_the_end()
            finally:
                await play.stop_bot()


class _watching_the_log:
    """Collects what the bot logs as an error or with a traceback."""

    def __init__(self, errors: list[str]) -> None:
        self._errors = errors
        self._before = structlog.get_config()

    def __enter__(self) -> None:
        structlog.configure(processors=[self._note], logger_factory=structlog.ReturnLoggerFactory())

    def __exit__(self, *exc: object) -> None:
        structlog.configure(**self._before)

    def _note(self, logger: object, method: str, event: Mapping[str, object]) -> str:
        if method in ("error", "exception", "critical") or event.get("exc_info"):
            self._errors.append(f"{method}: {dict(event)}")
        return ""


def numbers(issues: Iterable[Issue]) -> list[int]:
    return [issue.number for issue in issues]
