"""The whole bot: composes the rooms and runs until it is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import httpx
import structlog
from starlette.types import ASGIApp

from bot.agents.roster import Roster
from bot.control.controller import Controller
from bot.control.deliveries import Redeliveries
from bot.control.drain import drain
from bot.control.instance import Instance
from bot.control.kept import Kept, NothingKept
from bot.control.lease import Leases
from bot.control.predecessors import predecessors
from bot.control.reception import Reception
from bot.control.room import Room
from bot.disk.bounds import MEGABYTE
from bot.disk.housekeeping import Housekeeping
from bot.disk.watch import DataDisk, Disk, DiskWatch
from bot.engines.local import LocalEngine, Runner, nothing_left
from bot.engines.slots import Slots
from bot.git.mirror import Mirror
from bot.git.process import Identity
from bot.github.app import GitHubApp
from bot.github.clock import Clock, SystemClock
from bot.github.errors import Unavailable
from bot.github.lease import Holder
from bot.github.ledger import LedgerStore
from bot.github.settings_history import SettingsHistory
from bot.github.wire import trust_for
from bot.journal import GIT_TOKEN_RENEWED, GITHUB_DOWN
from bot.journal import tell as announce
from bot.model.identity import InstanceId, Login, RepositoryName
from bot.model.lease import Terms
from bot.model.session import Role
from bot.sessions.run import SessionRunner
from bot.sessions.transcripts import Transcripts
from bot.settings import Settings
from bot.web.app import create_app
from bot.web.descriptors import raise_limit
from bot.web.server import Address, serving

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class World:
    """What the server takes from around it: the time, the network, chance, and where sessions run. This is the real
    one; a test can put another in its place."""

    clock: Clock = field(default_factory=SystemClock)
    transport: httpx.AsyncBaseTransport | None = None
    """Carries the requests to GitHub; the network where it is None."""
    new_instance: Callable[[], InstanceId] = lambda: InstanceId(secrets.token_hex(6))
    runner: Callable[[Settings, Mirrors], AbstractAsyncContextManager[Runner]] = lambda settings, mirrors: (
        SessionRunner(
            settings.data,
            mirrors.get,
            _roster(settings),
            disk=mirrors.disk,
            sandbox=settings.sandbox_policy(),
            ready_trees=settings.ready_trees,
        )
    )
    disk: Callable[[Path], Disk] = DataDisk
    listen: Callable[[ASGIApp, str, int], AbstractAsyncContextManager[Address]] = serving


AT_REST = 600.0
"""Seconds for which nothing was asked of a mirror that is let go."""


class _Drained(Exception):
    """The end in order: what still runs in the group is housekeeping."""


async def serve(
    settings: Settings,
    ready: Callable[[Address], None] | None = None,
    world: World | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run the bot until `stop` is set, then bring its work to an end and return (see `bot.control.drain`); or until
    cancelled, which ends everything at once. `ready` is told the address once webhooks are taken. Where GitHub is down
    then, the server waits for it, and says so in its log, on ``/healthz`` and on the dashboard.

    Raises GitHubError where the App's id and key do not fit, OSError where the key cannot be read or the port is
    taken.
    """
    world, stop = world or World(), stop or asyncio.Event()
    raise_limit()
    async with AsyncExitStack() as stack, AsyncExitStack() as front:
        app = await stack.enter_async_context(_connect(settings, world))
        disk, housekeeping = _disk(settings, world)
        reception = Reception()
        address = await front.enter_async_context(_answering(settings, world, (app, disk), reception, stop))
        tell = _Once(lambda: ready(address) if ready is not None else None)
        bot = await _unless(stop, _introduced(app, world.clock, tell))
        if bot is None:
            return
        instance_id = world.new_instance()
        gone = stack.enter_context(predecessors(settings.data, instance_id))
        terms = Terms(settings.lease_seconds) if settings.lease_seconds else None
        leases = Leases(Holder(instance_id, terms, settings.name, gone), settings.ledger_namespace, app.clock)
        mirrors = Mirrors(settings, app, bot, stack, leases, disk, world.transport)
        runner = await stack.enter_async_context(world.runner(settings, mirrors))
        wind_up, transcripts = nothing_left, Transcripts()
        if isinstance(runner, SessionRunner):
            mirrors.kept, wind_up = runner, runner.wind_up
            reception.live, transcripts = runner.live, runner.transcripts
        stack.enter_context(_ended_in_order())
        async with leases, asyncio.TaskGroup() as group:  # released last, when nothing writes any more
            instance = _instance(settings, instance_id, bot, app, disk)
            controller = Controller(group, app, instance, mirrors.open_room, settings.sweep_seconds)
            app.reach.on_back = controller.sweep_soon
            redeliveries = Redeliveries(app.delivery_log, settings.deliveries_seconds, controller.sweep_soon)
            async with LocalEngine(runner, _slots(settings), controller.ended, wind_up, transcripts) as engine:
                mirrors.since, housekeeping.rest = engine.since, mirrors.rest
                try:
                    controller.start(engine)
                    reception.open(controller)
                    reception.engine = engine
                    log.info("ready", address=address.url, app=bot, github=settings.api_url)
                    group.create_task(redeliveries.run(), name="redeliveries")  # from now on they arrive
                    disk.changed = controller.look_at_all
                    group.create_task(disk.run(), name="looks after the disk")
                    group.create_task(housekeeping.run(), name="keeps the disk tidy")
                    tell()
                    await stop.wait()
                    await drain(controller, engine, settings.drain_seconds)
                finally:
                    await front.aclose()
                    controller.close()  # before the engine ends its sessions: nobody is left to act on their reports
            raise _Drained


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    try:
        yield
    except* _Drained:
        pass


async def _unless(stop: asyncio.Event, work: Coroutine[None, None, T]) -> T | None:
    """The result of `work`, or None where `stop` is set before."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for one in (task, stopped):
            one.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)


def _connect(settings: Settings, world: World) -> GitHubApp:
    return GitHubApp(
        settings.app_id,
        settings.private_key_pem(),
        settings.api_url,
        write_interval=settings.write_interval,
        clock=world.clock,
        transport=world.transport,
        answer_seconds=settings.answer_seconds,
        longest_pause=settings.unreachable_seconds,
    )


def _answering(
    settings: Settings, world: World, below: tuple[GitHubApp, DiskWatch], reception: Reception, stop: asyncio.Event
) -> AbstractAsyncContextManager[Address]:
    """Webhooks are taken and pages shown. A hint that comes before the first sweep is not lost."""
    app, disk = below

    def notices() -> tuple[str, ...]:
        problems = (app.reach.problem(at_once=not reception.is_open), disk.hindrance())
        return tuple(problem for problem in problems if problem is not None)

    web = create_app(
        webhook_secret=settings.webhook_secret.get_secret_value().encode(),
        accept=reception.accept,
        views=reception.views,
        standing_by=reception.standing_by,
        events=reception.events,
        notices=notices,
        draining=stop.is_set,
        clock=app.clock,
    )
    return world.listen(web, settings.host, settings.port)


def _instance(settings: Settings, name: InstanceId, bot: Login, app: GitHubApp, disk: DiskWatch) -> Instance:
    return Instance(
        id=name,
        bot=bot,
        default_agent="command" if settings.agent_command else settings.agent,
        settle=timedelta(seconds=settings.settle_seconds),
        clock=app.clock,
        longest_pause=settings.unreachable_seconds,
        disk=disk,
        agents=_roster(settings).names(),
    )


def _slots(settings: Settings) -> Slots:
    roles = {
        Role.PLANNER: settings.planner_slots,
        Role.WORKER: settings.worker_slots,
        Role.REVIEWER: settings.reviewer_slots,
    }
    by_role = {role: most for role, most in roles.items() if most}
    return Slots(settings.slots, by_role, settings.repository_slots or None)


def _disk(settings: Settings, world: World) -> tuple[DiskWatch, Housekeeping]:
    below = world.disk(settings.data)
    watch = DiskWatch(below, settings.disk_floor_mb * MEGABYTE, every=settings.disk_seconds)
    housekeeping = Housekeeping(settings, below, world.clock.now)
    watch.relieve = housekeeping.relieve
    return watch, housekeeping


async def _introduced(app: GitHubApp, clock: Clock, tell: Callable[[], None]) -> Login:
    """Who the bot is, as soon as GitHub answers."""
    while True:
        try:
            return await app.bot_login()
        except Unavailable as error:
            announce(GITHUB_DOWN, reason=str(error), request_id=error.request_id)
            tell()
            await clock.sleep(max(app.reach.pause(), error.retry_at - app.clock()).total_seconds())


class _Once:
    """Calls `what` at the first call."""

    def __init__(self, what: Callable[[], None]) -> None:
        self._what = what
        self._called = False

    def __call__(self) -> None:
        if not self._called:
            self._called = True
            self._what()


class Mirrors:
    """One mirror for each repository, made when it is first needed and closed with `stack`; all on one `disk`."""

    def __init__(
        self,
        settings: Settings,
        app: GitHubApp,
        bot: Login,
        stack: AsyncExitStack,
        leases: Leases,
        disk: DiskWatch,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        """Where `transport` carries what goes to GitHub, git finds its own way, and no request is made for it."""
        self._leases = leases
        self._settings = settings
        self._app = app
        self._identity = Identity(bot, f"{bot}@users.noreply.github.com")
        self._stack = stack
        self._mirrors: dict[RepositoryName, Mirror] = {}
        self._http: httpx.AsyncClient | None = None
        if transport is None:
            self._http = httpx.AsyncClient(verify=trust_for(settings.git_url))
            stack.push_async_callback(self._http.aclose)
        self.kept: Kept = NothingKept()
        self.disk: DiskWatch = disk
        self.since: Callable[[], float | None] = lambda: None
        """When the oldest of the sessions that run began, by the event loop's clock."""

    async def get(self, name: RepositoryName) -> Mirror:
        """The mirror of a repository, prepared."""
        if name not in self._mirrors:
            mirror = Mirror(
                self._settings.data / "mirrors" / name.owner / f"{name.name}.git",
                f"{self._settings.git_url.rstrip('/')}/{name}.git",
                lambda: self._app.token_for(name),
                self._identity,
                namespace=self._settings.ledger_namespace,
                forget=lambda token: self._forget(name, token),
                silent=self._app.reach.silent,
                answer_seconds=self._settings.answer_seconds,
                http=self._http,
            )
            self._stack.push_async_callback(mirror.close)
            self._mirrors[name] = mirror
        await self._mirrors[name].prepare()
        return self._mirrors[name]

    async def rest(self) -> None:
        """Hold no more what nobody needs: by the bounds of the settings it may go then, and is fetched again. A session
        asks for what its tree borrows from, other repositories' mirrors too, only after it began."""
        for mirror in tuple(self._mirrors.values()):
            await mirror.rest(AT_REST, self.since())

    def _forget(self, name: RepositoryName, token: str) -> None:
        announce(GIT_TOKEN_RENEWED, repository=str(name))
        self._app.forget_token(name, token)

    async def open_room(self, name: RepositoryName) -> Room:
        github = await self._app.repository(name)
        mirror = await self.get(name)
        lease = self._leases.of(name, mirror)
        github.fence = lease.ensure
        lease.made = github.made
        ledgers = LedgerStore(mirror, self._settings.ledger_namespace, lease)
        reached = self._app.reached(name)
        return Room(
            name,
            github,
            ledgers,
            lease,
            kept=self.kept,
            id=reached.id,
            installation=reached.installation,
            last_good_of_history=SettingsHistory(mirror).last_good,
        )


def _roster(settings: Settings) -> Roster:
    return Roster(settings.offers(), os.environ)
