"""Where the stories play: a localhub, the whole bot, and people, in one event loop.

HTTP, webhooks, git and agent processes are real; what waits, waits for an event. When a story ends, it fails by

* a comment of the bot that the story did not hear (`bot_says`), and anything that exists twice,
* a question to a person that does not name the command that goes on,
* every error of the hub, and everything that the bot logged as an error,
* every answer and webhook of the hub that GitHub's own description does not allow.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pydantic import JsonValue, SecretStr

import bot.scripted.agent
from bot.localhub.git.bare import GitError
from bot.localhub.model.app import App
from bot.localhub.model.clock import SystemClock
from bot.localhub.model.comment import Comment
from bot.localhub.model.events import Event
from bot.localhub.model.hub import Hub
from bot.localhub.model.issue import Issue, open_issue
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.repository import Repository
from bot.localhub.model.user import User
from bot.localhub.server import Address, serve
from bot.model.identity import task_branch
from bot.model.ledger import Ledger
from bot.model.marker import tagged
from bot.model.offer import AgentOffer
from bot.model.sandbox import Part as SandboxPart
from bot.model.sandbox import Terms
from bot.sessions.archive import packed, read_lines
from bot.settings import Settings
from tests.installed import SECRET, install_app, private_key
from tests.localhub.openapi.faithful import FaithfulHub, Record
from tests.stories.bots import Bot, BotInProcess, BotProcess, ErrorLog
from tests.stories.ending import comments_of, twice, unexpected
from tests.stories.news import News
from tests.stories.plays import FENCE, REFUSE, Json, Part, amending

WITHIN = 60.0
"""Seconds after which a story gives up waiting. Nothing depends on it but how soon a hang is told."""
QUIET: Mapping[str, str | float] = {
    "write_interval": 0,
    "settle_seconds": 0,
    "sweep_seconds": 3600,
    "deliveries_seconds": 0,
    "sandbox": "none",  # agents of stories meet in a folder beside; stories of the sandbox set another
}
"""Settings with which nothing happens but what a story makes happen."""
Override = str | float | int | Mapping[str, AgentOffer] | Mapping[SandboxPart, Terms]
QUICK = "limits:\n  backoff_seconds: 0\n"


@dataclass
class Stage:
    """One story. `alice` owns ``alice/shop``; `bob` may write, `tina` may triage, `mallory` may only read."""

    hub: Hub
    app: App
    shop: Repository
    address: Address
    folder: Path
    overrides: Mapping[str, Override]
    log: ErrorLog
    news: News
    clock: SystemClock
    killable: bool = False
    bot: Bot | None = None
    killed: bool = False
    _heard: set[int] = field(default_factory=set)

    @property
    def alice(self) -> User:
        return self.hub.user("alice")

    @property
    def bob(self) -> User:
        return self.hub.user("bob")

    @property
    def tina(self) -> User:
        return self.hub.user("tina")

    @property
    def mallory(self) -> User:
        return self.hub.user("mallory")

    @property
    def crewline(self) -> User:
        return self.app.bot

    @property
    def shared(self) -> Path:
        """The folder where agents and the story leave each other signs."""
        return self.folder / "shared"

    # What happens

    def play(self, sessions: Mapping[str, Json]) -> None:
        """What agents do from now on. The planner's part for `at_rest` goes before, then what it does where it is asked
        to amend a plan: the parts of ``amender``, or to refuse."""
        rests: Part = {"when": {"prompt_has": [FENCE]}, "answer": {"kind": "answer", "answer": "It has."}}
        others = {name: performances for name, performances in sessions.items() if name != "amender"}
        amender, planner = sessions.get("amender", [REFUSE]), sessions.get("planner")
        amends = [amending(part) for part in amender if isinstance(part, Mapping)] if isinstance(amender, list) else []
        parts: Part = {**others, "planner": [rests, *amends, *(planner if isinstance(planner, list) else [])]}
        text = json.dumps({"sessions": parts}).replace("{shared}", str(self.shared))
        (self.folder / "playbook.json").write_text(text)

    async def start_bot(self, *, same_disk: bool = False) -> None:
        """Start the bot, with an empty disk or with that of the one before, and return once it takes webhooks."""
        settings = self.settings()
        if same_disk:
            settings.data.rename(self.folder / "empty")
            before = max(self.folder.glob("data-*"), key=lambda path: int(path.name.removeprefix("data-")))
            settings = settings.model_copy(update={"data": before})
        self.bot = BotProcess(settings, self.folder / "bot.log") if self.killable else BotInProcess(settings, self.log)
        self.app.webhook_url = f"{await self.bot.start()}/webhook"

    async def stop_bot(self) -> None:
        """End it as hard as can be: kill -9 for a process, else cancelled in the middle of whatever it does."""
        if self.bot is not None:
            await self.bot.end()
            self.bot = None

    def terminate_bot(self) -> None:
        """TERM. It goes on until its work has come to its end; `bot_ended` waits for that."""
        assert isinstance(self.bot, BotProcess)
        self.bot.terminate()

    async def draining(self) -> None:
        """The bot says that it is about to stop."""
        assert self.app.webhook_url is not None
        ready = self.app.webhook_url.replace("/webhook", "/readyz")
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(WITHIN):
            while (await client.get(ready)).text != "draining\n":
                pass

    async def bot_ended(self) -> int:
        """The exit code of a bot that ends by itself."""
        assert isinstance(self.bot, BotProcess)
        async with asyncio.timeout(WITHIN):
            code = await self.bot.ended()
        self.bot = None
        return code

    def kill_when(self, condition: Callable[[], bool]) -> None:
        """Kill the bot's process in the moment in which the hub is so, before anything else can happen."""

        def note(event: Event) -> None:
            if not self.killed and condition() and isinstance(self.bot, BotProcess):
                self.killed = True
                self.bot.kill()

        self.hub.events.listen(note)

    async def restart_bot(self) -> None:
        await self.stop_bot()
        await self.start_bot()

    def hand_off(self, title: str = "Make it so", body: str = "Please.", by: User | None = None) -> Issue:
        """A person opens an issue and labels it."""
        issue = open_issue(self.shop, by or self.alice, title, body)
        issue.add_label(by or self.alice, "crewline")
        return issue

    def say(self, text: str, on: Issue | PullRequest, by: User | None = None) -> Comment:
        """A person comments."""
        return (on if isinstance(on, Issue) else on.issue).comment(by or self.alice, text)

    def sign(self, name: str) -> None:
        """Let go on what waits for `name`."""
        (self.shared / name).touch()

    async def push(self, path: str, text: str | None, by: User | None = None, branch: str = "main") -> str:
        """A person pushes one file; its commit."""
        return await self.hub.push_files(self.shop, by or self.alice, branch, {path: text}, f"Change {path}")

    # What is waited for

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for the hub to be so. A bot that ends meanwhile fails the story with its own error."""
        try:
            await self.hub.events.until(condition, WITHIN)
        except TimeoutError:
            if self.bot is not None:
                self.bot.check()
            raise AssertionError(f"it never came true; {self._describe()}") from None

    async def closed(self, *issues: Issue) -> None:
        await self.until(lambda: all(issue.state == "closed" for issue in issues))

    async def opened(self, objective: Issue, key: str) -> PullRequest:
        """The pull request of a task, once there is one."""
        await self.until(lambda: self._pull(objective, key) is not None)
        return self.pull(objective, key)

    async def planned(self, objective: Issue, *keys: str) -> None:
        """The sub-issues of these tasks exist."""
        await self.until(lambda: set(keys) <= self.tasks_of(objective).keys())

    async def status_says(self, objective: Issue, *texts: str) -> None:
        await self.until(lambda: self.has_status(objective) and all(text in self.status(objective) for text in texts))

    async def bot_says(self, on: Issue | PullRequest, *texts: str) -> str:
        """A comment of the bot with these texts that was not heard before; it is heard now, once."""
        issue = on if isinstance(on, Issue) else on.issue

        def found() -> Comment | None:
            new = (c for c in issue.comments if c.user is self.crewline and c.id not in self._heard)
            return next((c for c in new if all(t in c.body for t in texts) and not tagged(c.body, "status")), None)

        await self.until(lambda: found() is not None)
        comment = found()
        assert comment is not None
        self._heard.add(comment.id)
        return comment.body

    async def reacted(self, comment: Comment, *contents: str) -> None:
        """The bot's reactions to a comment are these."""
        await self.until(lambda: self.reactions(comment) == set(contents))

    async def carried_out(self, comment: Comment) -> None:
        await self.reacted(comment, "eyes", "rocket")

    async def refused(self, comment: Comment) -> None:
        await self.reacted(comment, "eyes", "confused")

    async def waits(self, session: str) -> None:
        """The agent of `session` runs, and waits for a sign."""
        await self.news.wait(f"{session} waits", WITHIN)

    async def at_rest(self) -> None:
        """The bot has looked at all that happened until now: it looks at one thing after another, and this asks for
        something that comes after and shows."""
        await self.closed(self.hand_off(FENCE, "", by=self.alice))

    # What can be looked at

    def tasks_of(self, objective: Issue) -> dict[str, Issue]:
        """The sub-issues by the key of their task."""
        tags = {tagged(issue.body or "", "task"): issue for issue in objective.sub_issues}
        return {tag.partition(".")[2]: issue for tag, issue in tags.items() if tag}

    def task(self, objective: Issue, key: str) -> Issue:
        return self.tasks_of(objective)[key]

    def pull(self, objective: Issue, key: str) -> PullRequest:
        """The newest pull request of a task."""
        pull = self._pull(objective, key)
        assert pull is not None, f"no pull request of {key}"
        return pull

    def pull_requests(self) -> list[PullRequest]:
        return sorted(self.shop.pull_requests, key=lambda pull: pull.number)

    def has_status(self, objective: Issue) -> bool:
        return any(tagged(c.body, "status") for c in objective.comments if c.user is self.crewline)

    def status(self, objective: Issue) -> str:
        """The one status comment of an objective."""
        [body] = [c.body for c in objective.comments if c.user is self.crewline and tagged(c.body, "status")]
        return body

    def reactions(self, comment: Comment) -> set[str]:
        return {reaction.content for reaction in comment.reactions if reaction.user is self.crewline}

    def checks(self, pull: PullRequest) -> dict[str, str | None]:
        """The conclusion of each check on the head of a pull request."""
        return {run.name: run.conclusion for run in self.shop.check_runs if run.head_sha == pull.head_sha}

    def prompt(self, session: str) -> str:
        """The first prompt that an agent got."""
        return next(str(entry["text"]) for entry in self.transcript(session) if entry["kind"] == "prompt")

    def transcript(self, session: str) -> list[dict[str, JsonValue]]:
        """What was kept of a session, whether it runs or is over."""
        names = {path.with_name(f"{session}.jsonl") for path in self.folder.glob("data-*/transcripts/alice/shop/*")}
        [path] = [name for name in names if name.exists() or packed(name).exists()]
        return [json.loads(line) for line in read_lines(path)]

    async def file(self, path: str, ref: str = "main") -> str | None:
        """The content of a file in the repository, None where there is none."""
        try:
            return (await self.shop.git.git("show", f"{ref}:{path}")).decode()
        except GitError:
            return None

    async def ledger(self, objective: Issue) -> Ledger:
        text = await self.file("ledger.json", f"refs/crewline/objectives/{objective.number}")
        assert text is not None, "no ledger"
        return Ledger.model_validate_json(text)

    async def merged_titles(self, ref: str = "main") -> list[str]:
        """What was merged, oldest first, by the titles of the commits."""
        commits = await self.shop.git.commits(ref)
        titles = [commit.message.partition("\n")[0] for commit in reversed(commits)]
        return [title.partition(" (#")[0] for title in titles if "(#" in title]

    def settings(self) -> Settings:
        count = len(list(self.folder.glob("data-*")))
        data = self.folder / f"data-{count}"
        data.mkdir()
        lock = self.folder / f"data-{count - 1}" / "instances"
        if lock.exists():  # not quite empty: by it the bot knows that the one before is gone, and waits for no lease
            (data / "instances").hardlink_to(lock)
        agent = f"{sys.executable} -I -S {bot.scripted.agent.__file__} --playbook {self.folder / 'playbook.json'}"
        return Settings(
            app_id=self.app.id,
            private_key=SecretStr(private_key()),
            webhook_secret=SecretStr(SECRET),
            api_url=self.address.url,
            git_url=self.address.url,
            port=0,
            data=data,
            agent_command=f"{agent} {{prompt_file}} {{worktree}} {{answer_file}}",
            **{**QUIET, **self.overrides},  # type: ignore[arg-type]
        )

    def check_the_end(self) -> None:
        """Nothing happened that the story did not expect."""
        surprises = unexpected(self.shop, self.crewline, self._heard)
        assert not surprises, f"the bot said what nobody expected: {surprises}"
        repeated = twice(self.shop, self.crewline)
        assert not repeated, f"there is more than one of {repeated}"
        asked = [c.body for c in comments_of(self.shop, self.crewline) if tagged(c.body, "escalation")]
        helpless = [body for body in asked if "`/retry" not in body and "`/budget" not in body]
        assert not helpless, f"a person is asked and not told which command goes on: {helpless}"
        assert not self.hub.errors, f"the hub failed: {self.hub.errors}"
        errors = self.bot.errors() if self.bot else self.log.found
        assert not errors, f"the bot logged errors: {errors}"

    def _pull(self, objective: Issue, key: str) -> PullRequest | None:
        branch = task_branch(objective.number, key)
        return next((pull for pull in reversed(self.pull_requests()) if pull.head_ref == branch), None)

    def _describe(self) -> str:
        lines = [f"#{number} {issue.state} {issue.title}" for number, issue in sorted(self.shop.issues.items())]
        said = [comment.body for comment in comments_of(self.shop, self.crewline)]
        return "\n".join([*lines, *said, *self.log.found, *map(repr, self.hub.errors)])


@asynccontextmanager
async def stage(
    folder: Path,
    sessions: Mapping[str, Json],
    *,
    config: str = QUICK,
    files: Mapping[str, str] | None = None,
    empty: bool = False,
    killable: bool = False,
    **overrides: Override,
) -> AsyncIterator[Stage]:
    """A story with `sessions` as playbook and `config` as ``.github/crewline.yml``; `overrides` are settings. The
    repository is `empty` of commits, or has `files` too. A `killable` bot is a process of its own."""
    clock = SystemClock()
    hub = Hub(folder / "hub", clock=clock)
    alice, bob, tina, mallory = (hub.add_user(login) for login in ("alice", "bob", "tina", "mallory"))
    contents = {"README.md": "# Shop\n", ".github/crewline.yml": config, **(files or {})}
    shop = await hub.create_repository(alice, "shop", files=None if empty else contents)
    for user, role in ((bob, "write"), (tina, "triage"), (mallory, "read")):
        shop.add_collaborator(user, role)
    app = install_app(hub, alice)
    record = Record()
    (folder / "shared").mkdir()
    with ErrorLog() as log, News(folder / "shared" / "news") as news:
        async with serve(hub, app=FaithfulHub(hub, record)) as address:
            play = Stage(hub, app, shop, address, folder, overrides, log, news, clock, killable)
            play.play(sessions)
            try:
                await play.start_bot()
                yield play
                play.check_the_end()
            finally:
                await play.stop_bot()
    record.verdict()
