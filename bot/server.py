"""The whole bot: composes the rooms and runs until it is cancelled."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import structlog
from starlette.types import ASGIApp

from bot.agents.roster import Roster
from bot.control.controller import Controller
from bot.control.deliveries import Redeliveries
from bot.control.instance import Instance
from bot.control.lease import Leases
from bot.control.predecessors import predecessors
from bot.control.room import Room
from bot.engines.local import LocalEngine, Runner
from bot.git.mirror import Mirror
from bot.git.process import Identity
from bot.github.app import GitHubApp
from bot.github.clock import Clock, SystemClock
from bot.github.lease import Holder
from bot.github.ledger import LedgerStore
from bot.model.identity import InstanceId, Login, RepositoryName
from bot.model.lease import Terms
from bot.sessions.run import SessionRunner
from bot.settings import Settings
from bot.web.app import create_app
from bot.web.server import Address, serving

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
        SessionRunner(settings.data, mirrors.get, _roster(settings))
    )
    listen: Callable[[ASGIApp, str, int], AbstractAsyncContextManager[Address]] = serving


async def serve(settings: Settings, ready: Callable[[Address], None] | None = None, world: World | None = None) -> None:
    """Run the bot until cancelled. `ready` is told the address once webhooks are taken.

    Raises GitHubError where the App's id and key do not fit, OSError where the key cannot be read or the port is
    taken.
    """
    world = world or World()
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(
            GitHubApp(
                settings.app_id,
                settings.private_key_pem(),
                settings.api_url,
                write_interval=settings.write_interval,
                clock=world.clock,
                transport=world.transport,
            )
        )
        bot = await app.bot_login()
        instance_id = world.new_instance()
        gone = stack.enter_context(predecessors(settings.data, instance_id))
        terms = Terms(settings.lease_seconds) if settings.lease_seconds else None
        leases = Leases(Holder(instance_id, terms, settings.name, gone), settings.ledger_namespace, world.clock.now)
        mirrors = Mirrors(settings, app, bot, stack, leases)
        runner = await stack.enter_async_context(world.runner(settings, mirrors))
        async with leases, asyncio.TaskGroup() as group:  # released last, when nothing writes any more
            instance = Instance(
                id=instance_id,
                bot=bot,
                default_agent="command" if settings.agent_command else settings.agent,
                settle=timedelta(seconds=settings.settle_seconds),
                clock=world.clock.now,
            )
            controller = Controller(group, app, instance, mirrors.open_room, settings.sweep_seconds)
            redeliveries = Redeliveries(app.delivery_log, settings.deliveries_seconds, controller.sweep_soon)

            def started(address: Address) -> None:
                """From now on what is delivered again arrives."""
                group.create_task(redeliveries.run(), name="redeliveries")
                if ready is not None:
                    ready(address)

            async with LocalEngine(runner, settings.slots, controller.ended) as engine:
                try:
                    await _answer_webhooks(settings, world, controller, engine, bot, started)
                finally:
                    controller.close()  # before the engine ends its sessions: nobody is left to act on their reports


async def _answer_webhooks(
    settings: Settings,
    world: World,
    controller: Controller,
    engine: LocalEngine,
    bot: Login,
    ready: Callable[[Address], None],
) -> None:
    """Take webhooks, then begin: a hint that comes before the first sweep is not lost. Runs until cancelled."""
    web = create_app(
        webhook_secret=settings.webhook_secret.get_secret_value().encode(),
        accept=controller.accept,
        views=controller.views,
        standing_by=controller.standing_by,
        clock=world.clock.now,
    )
    async with world.listen(web, settings.host, settings.port) as address:
        controller.start(engine)
        log.info("ready", address=address.url, app=bot, github=settings.api_url)
        ready(address)
        await asyncio.get_running_loop().create_future()


class Mirrors:
    """One mirror for each repository, made when it is first needed and closed with `stack`."""

    def __init__(self, settings: Settings, app: GitHubApp, bot: Login, stack: AsyncExitStack, leases: Leases) -> None:
        self._leases = leases
        self._settings = settings
        self._app = app
        self._identity = Identity(bot, f"{bot}@users.noreply.github.com")
        self._stack = stack
        self._mirrors: dict[RepositoryName, Mirror] = {}

    async def get(self, name: RepositoryName) -> Mirror:
        """The mirror of a repository, prepared."""
        if name not in self._mirrors:
            mirror = Mirror(
                self._settings.data / "mirrors" / name.owner / f"{name.name}.git",
                f"{self._settings.git_url}/{name}.git",
                lambda: self._app.token_for(name),
                self._identity,
                namespace=self._settings.ledger_namespace,
                forget=lambda token: self._app.forget_token(name, token),
            )
            self._stack.push_async_callback(mirror.close)
            self._mirrors[name] = mirror
        await self._mirrors[name].prepare()
        return self._mirrors[name]

    async def open_room(self, name: RepositoryName) -> Room:
        github = await self._app.repository(name)
        mirror = await self.get(name)
        lease = self._leases.of(name, mirror)
        github.fence = lease.ensure
        return Room(name, github, LedgerStore(mirror, self._settings.ledger_namespace, lease), lease)


def _roster(settings: Settings) -> Roster:
    commands = {"command": settings.agent_command} if settings.agent_command else {}
    return Roster(commands, os.environ, settings.agent_variable_names())
