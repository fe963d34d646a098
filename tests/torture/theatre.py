"""A whole GitHub, bots and people in one process and in virtual time: what the tortures are built on.

    def play(theatre: Theatre) -> Coroutine: ...

    async def story(theatre: Theatre) -> None:
        bot = theatre.start_bot()
        issue = theatre.hand_off("Make it so")
        await theatre.until(lambda: issue.state == "closed", within=7200)
        theatre.kill(bot)                # at once: nothing of it runs any more, its disk is gone
        theatre.start_bot()
        await theatre.pass_time(3600)    # nothing waits for the machine: an hour costs what happens in it

    perform(story, folder, playbook=…, seed=1)

The bot is the real one, `bot.server.serve`, with a `World` of the theatre's: its requests, git and webhooks go to
the hub in this process, its sessions are played (`playbook`, `sessions`), its clock is the loop's. So is the hub's.
One seed is one order of events. `theatre.story` tells what happened; `theatre.boundaries` numbers the moments at
which a bot can be ended, and ends it at those that are `deadly`.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar
from unittest.mock import patch
from uuid import UUID

from pydantic import SecretStr
from starlette.types import ASGIApp

from bot.disk.watch import Disk
from bot.localhub.model.app import App
from bot.localhub.model.check import CheckRun
from bot.localhub.model.comment import Comment
from bot.localhub.model.delivery import Delivery
from bot.localhub.model.events import Event
from bot.localhub.model.hub import Hub
from bot.localhub.model.issue import Issue, open_issue
from bot.localhub.model.pull_request import PullRequest
from bot.localhub.model.push import Push
from bot.localhub.model.repository import Repository
from bot.localhub.model.settings import HubSettings, Outage, WebhookFaults
from bot.localhub.model.user import User
from bot.localhub.webhooks.sender import Sender
from bot.model.assignment import Assignment
from bot.model.identity import InstanceId
from bot.model.ledger import Ledger
from bot.server import Mirrors, World, serve
from bot.settings import Settings
from bot.web.server import Address
from tests.installed import SECRET, install_app, private_key
from tests.torture.boundaries import Boundaries
from tests.torture.doors import DoorToBots, DoorToHub, HubSide, Listening
from tests.torture.git_door import GitDoor
from tests.torture.log import told
from tests.torture.playbook import Playbook
from tests.torture.processes import end_processes
from tests.torture.sessions import PlayedSessions, played
from tests.torture.story import Story
from tests.torture.virtual_loop import Life, VirtualClock, VirtualLoop

T = TypeVar("T")
HUB = "http://hub.invalid"
CONFIG = "verify:\n  command: make check\n"
READ_LAG = 4.0
"""Seconds that the hub's reads lag behind its writes; less than the bot's `settle_seconds`."""
Setting = str | float | int
Down = Literal["502", "silence", "refused"]
"""How GitHub is down."""


@dataclass(frozen=True, slots=True)
class Scenery:
    """What a theatre is set up with. `deadly` are the boundaries at which a bot ends; `restart` seconds later the
    next one starts. At those that are `lossy` a request, a push or an answer is lost. `overrides` are settings of the
    server."""

    playbook: Playbook
    seed: int = 0
    deadly: tuple[int, ...] = ()
    lossy: tuple[int, ...] = ()
    restart: float = 2.0
    config: str = CONFIG
    read_lag: float = READ_LAG
    overrides: Mapping[str, Setting] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class TheatreBot:
    """One run of the server. `failure` is what ended it, where it ended by itself."""

    life: Life
    folder: Path
    ended: asyncio.Event
    listening: Listening | None = None
    failure: BaseException | None = None

    @property
    def name(self) -> str:
        return self.life.name


class Theatre:
    """See the module's text. `alice` owns ``alice/shop``; `bob` may write to it."""

    def __init__(self, loop: VirtualLoop, door: GitDoor, folder: Path, scenery: Scenery) -> None:
        self.loop = loop
        self.folder = folder
        self.scenery = scenery
        self.story = Story()
        self.hub = Hub(
            folder / "hub",
            clock=VirtualClock(loop),
            settings=HubSettings(),
            base_url=HUB,
            new_uuid=_uuids(scenery.seed),
        )
        self.hub.faults.read_lag = scenery.read_lag
        self.hub.faults.webhooks.seed = scenery.seed
        self.boundaries = Boundaries(loop, self.story, scenery.deadly, scenery.lossy, self._crashed)
        self.bots: list[TheatreBot] = []
        self.crashes = 0
        self.errors: list[str] = []
        """What bots logged as errors."""
        self.app: App
        self.shop: Repository
        self._side = HubSide(loop, contextvars.copy_context(), scenery.seed)
        self._webhooks: WebhookFaults | None = None
        """What was wrong with them before GitHub went down; None while it is up."""
        self._door = door
        self._group: asyncio.TaskGroup
        door.open(self.hub, self._side, self.boundaries)

    # Who is there

    @property
    def alice(self) -> User:
        return self.hub.user("alice")

    @property
    def bob(self) -> User:
        return self.hub.user("bob")

    @property
    def crewline(self) -> User:
        return self.app.bot

    @property
    def bot(self) -> TheatreBot | None:
        """The one that was started last, where it lives."""
        return next((bot for bot in reversed(self.bots) if not bot.life.dead), None)

    # What happens

    def start_bot(self, **overrides: Setting) -> TheatreBot:
        """Start one more, with an empty disk; it takes webhooks from its first sweep on."""
        name = f"bot-{len(self.bots) + 1}"
        folder = self.folder / name
        folder.mkdir()
        bot = TheatreBot(Life(self.loop, name), folder, asyncio.Event())
        self.bots.append(bot)
        self.app.webhook_url, self.app.webhook_active = f"http://{name}/webhook", True
        self.tell("theatre", f"{name} starts")
        bot.life.begin(self._live(bot, self._settings(folder, overrides)), name)
        return bot

    def kill(self, bot: TheatreBot) -> None:
        """End it at once, and its disk with it."""
        if not bot.life.dead:
            self.tell("theatre", f"{bot.name} is killed")
            bot.life.end()
        shutil.rmtree(bot.folder, ignore_errors=True)
        bot.ended.set()

    def go_down(self, how: Down) -> None:
        """GitHub answers nobody any more, git included, and tells nothing; people are spared, and act as before."""
        self.tell("theatre", f"GitHub is down: {how}")
        faults = self.hub.faults
        faults.outage = {"502": Outage.BAD_GATEWAY, "silence": Outage.SILENCE, "refused": None}[how]
        self._side.shut = how == "refused"
        self._webhooks = self._webhooks or faults.webhooks
        faults.webhooks = replace(faults.webhooks, lose=1.0)

    def come_back(self) -> None:
        self.tell("theatre", "GitHub is back")
        self.hub.faults.outage = None
        self._side.shut = False
        if self._webhooks is not None:
            self.hub.faults.webhooks, self._webhooks = self._webhooks, None

    @property
    def down(self) -> bool:
        return self._webhooks is not None

    async def add_repository(self, name: str, config: str | None = None) -> Repository:
        """One more of alice's; the App reaches it."""
        files = {"README.md": "# Shop\n", ".github/crewline.yml": config or self.scenery.config}
        repository = await self.hub.create_repository(self.alice, name, files=files)
        repository.add_collaborator(self.bob, "write")
        return repository

    def hand_off(self, title: str, body: str = "Please.", repository: Repository | None = None) -> Issue:
        """Alice opens an issue and labels it."""
        issue = open_issue(repository or self.shop, self.alice, title, body)
        issue.add_label(self.alice, "crewline")
        return issue

    # What is waited for, in virtual seconds

    async def until(self, condition: Callable[[], bool], within: float = 4 * 3600) -> None:
        """Wait for the hub to be so. Raises TimeoutError."""
        await self.hub.events.until(lambda: self._sound() and condition(), within)

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._sound()

    # What can be looked at

    async def ledger(self, objective: Issue) -> Ledger | None:
        git = objective.repository.git
        ref = await git.ref(f"refs/crewline/objectives/{objective.number}")
        return None if ref is None else Ledger.model_validate_json(await git.git("show", f"{ref}:ledger.json"))

    def tell(self, who: str, what: str) -> None:
        self.story.tell(self.loop.time(), who, what)

    # How it works

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Theatre]:
        """The hub with its people, its repository and its App, while the block runs."""
        sender = Sender(self.hub, DoorToBots(self._side, self._listening))
        await sender.start()
        for login in ("alice", "bob", "mallory"):
            self.hub.add_user(login)
        self.hub.events.listen(self._note)
        self.loop.set_exception_handler(self._note_error)
        try:
            async with asyncio.TaskGroup() as self._group:
                self.hub.start_background(self._group)
                self.app = install_app(self.hub, self.alice, webhook_url="http://nobody/webhook", webhooks=False)
                self.shop = await self.add_repository("shop")
                try:
                    yield self
                finally:
                    await self._bury()
                    self.hub.stop_background()
        finally:
            await sender.stop()
            self.hub.discard_background()

    def _settings(self, folder: Path, overrides: Mapping[str, Setting]) -> Settings:
        return Settings(
            app_id=self.app.id,
            private_key=SecretStr(private_key()),
            webhook_secret=SecretStr(SECRET),
            api_url=HUB,
            git_url=HUB,
            port=0,
            data=folder,
            **{**self.scenery.overrides, **overrides},  # type: ignore[arg-type]
        )

    async def _live(self, bot: TheatreBot, settings: Settings) -> None:
        side, seed, clock = self._side, self.scenery.seed, VirtualClock(self.loop)

        @asynccontextmanager
        async def listen(app: ASGIApp, host: str, port: int) -> AsyncIterator[Address]:
            bot.listening = Listening(bot.life, app)
            yield Address(bot.name, 80)

        async def check(assignment: Assignment) -> None:
            self.errors += await self._side.do(_unclaimed(self.hub, assignment, bot.name))

        def runner(_: Settings, mirrors: Mirrors) -> AbstractAsyncContextManager[PlayedSessions]:
            return played(PlayedSessions(mirrors.get, self.scenery.playbook, self.boundaries, clock.now, seed, check))

        world = World(
            clock=clock,
            transport=DoorToHub(side, self.hub, self.app, self.boundaries),
            new_instance=lambda: InstanceId(bot.name),
            runner=runner,
            listen=listen,
        )
        try:
            await serve(settings, world=world)
        except Exception as error:
            bot.failure = error
        finally:
            bot.ended.set()

    def _listening(self, host: str) -> Listening | None:
        return next((bot.listening for bot in self.bots if bot.name == host), None)

    def _crashed(self, life: Life) -> None:
        bot = next(bot for bot in self.bots if bot.life is life)
        self.crashes += 1
        self._side.soon(self._group, self._restart(bot))  # not in the dead one's name

    async def _restart(self, bot: TheatreBot) -> None:
        self.kill(bot)
        await asyncio.sleep(self.scenery.restart)
        self.start_bot()

    def _sound(self) -> bool:
        """Raises what went wrong inside the hub or ended a bot."""
        failures = [bot.failure for bot in self.bots if bot.failure is not None]
        for failure in (*self.hub.errors, *failures):
            raise AssertionError(f"it broke: {failure!r}") from failure
        return True

    def _note(self, event: Event) -> None:
        """Every change on the hub is part of the story."""
        who = event.actor.account.login if event.actor is not None else "hub"
        self.tell("hub", f"{event.name} by {who}: {_subject(event)}")

    async def _bury(self) -> None:
        """What goes wrong in the background from now on is the doing of the dead."""
        self.loop.set_exception_handler(lambda _, __: None)
        for bot in self.bots:
            bot.life.end()
        for bot in self.bots:
            await bot.life.bury()

    def _note_error(self, _: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
        self.errors.append(f"in the background: {context.get('message')}: {context.get('exception')!r}")


def _uuids(seed: int) -> Callable[[], str]:
    """The same ones for one seed: they are part of the story."""
    chance = random.Random(f"uuids {seed}")
    return lambda: str(UUID(int=chance.getrandbits(128), version=4))


def perform(story: Callable[[Theatre], Awaitable[T]], folder: Path, scenery: Scenery) -> T:
    """Play `story` in a theatre below `folder`, which must be empty. Real time passes for computing alone."""
    door = GitDoor()

    async def played_whole() -> T:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        theatre = Theatre(loop, door, folder, scenery)
        with told(theatre.tell, theatre.errors):
            async with theatre.opened():
                return await story(theatre)

    try:
        with (
            patch("bot.disk.watch._in_a_thread", _sound_disk),
            asyncio.Runner(loop_factory=lambda: VirtualLoop(door)) as runner,
        ):
            return runner.run(played_whole())
    except* Exception as group:
        raise _innermost(group) from group
    finally:
        end_processes()


def _sound_disk(_: Disk) -> asyncio.Future[OSError | int]:
    """The machine's disk is asked in a thread, and answers when it likes; this one is empty and answers at once."""
    answer: asyncio.Future[OSError | int] = asyncio.get_running_loop().create_future()
    answer.set_result(1 << 40)
    return answer


async def _unclaimed(hub: Hub, assignment: Assignment, holder: str) -> list[str]:
    """What is wrong with a session that starts now: its claim must stand in the ledger on the hub."""
    repository = hub.find_repository(assignment.repository) or hub.renamed_repository(assignment.repository)
    assert repository is not None
    ref = await repository.git.ref(f"refs/crewline/objectives/{assignment.objective}")
    ledger = ref and Ledger.model_validate_json(await repository.git.git("show", f"{ref}:ledger.json"))
    claim = ledger.session(assignment.id) if ledger else None
    if claim is None or claim.outcome is not None or not claim.holder.startswith(holder):
        return [f"session {assignment.id} starts without a claim"]
    return []


def _innermost(error: BaseException) -> BaseException:
    """What went wrong, without the groups of tasks around it."""
    return _innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _subject(event: Event) -> str:
    """What an event is about, in a few words."""
    match event.subject:
        case Issue() as issue:
            return f"#{issue.number} {issue.title}"
        case PullRequest() as pull:
            return f"#{pull.number} {pull.title}"
        case Comment() as comment:
            return f"on #{comment.issue.number}: {comment.body.splitlines()[0][:60]}"
        case CheckRun() as run:
            return f"{run.name} {run.conclusion} on {run.head_sha[:8]}"
        case Push() as push:
            return f"{push.ref} {push.before[:8]}..{push.after[:8]}"
        case Delivery() as delivery:
            return f"{delivery.event}.{delivery.action} {delivery.status}"
        case subject:
            return type(subject).__name__
