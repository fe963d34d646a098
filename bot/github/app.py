"""The App itself: who it is, where it is installed, which repositories it may work on.

async with GitHubApp(app_id, private_key_pem, api_url, write_interval=1.0) as app:
    repository = await app.repository(RepositoryName.parse("octo/shop"))
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

import httpx
from githubkit import UnauthAuthStrategy
from pydantic import BaseModel

from bot.github.client import PATIENCE, PacedClient
from bot.github.clock import Clock, GitHubClock, SystemClock
from bot.github.deliveries import DeliveryLog
from bot.github.errors import NotThere
from bot.github.identity import Identity
from bot.github.pace import MOMENT
from bot.github.reach import LONGEST_PAUSE, Reach
from bot.github.repository import GitHubRepository
from bot.github.signing import AppKey
from bot.github.tokens import InstallationTokens
from bot.github.usage import Usage
from bot.github.wire import ANSWER_SECONDS, Wire
from bot.model.identity import Login, RepositoryName

PAGE = 100


class _App(BaseModel):
    id: int
    slug: str


class _Account(BaseModel):
    login: str


class Installation(BaseModel):
    """Where the App is installed. A suspended one may do nothing."""

    id: int
    account: _Account | None = None
    suspended_at: str | None = None


class _Repository(BaseModel):
    id: int
    full_name: str


class _Repositories(BaseModel):
    repositories: tuple[_Repository, ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """A repository by GitHub's `id`, which it keeps under every name, and the `installation` that leads to it."""

    id: int
    installation: int


@dataclass(frozen=True, slots=True)
class _Held:
    """What is kept for one installation as long as the App runs."""

    tokens: InstallationTokens
    wire: Wire
    client: PacedClient


class GitHubApp:
    """An async context manager that owns all connections to GitHub.

    `write_interval` is in seconds, per installation. `patience`: the longest that a call waits for a limit.
    `transport` carries the requests; the network where it is None. GitHub has `answer_seconds` for each step of an
    answer, and is left alone for `longest_pause` seconds at most where it does not answer.

    Raises Refused where `private_key` cannot be read.
    """

    def __init__(
        self,
        app_id: int,
        private_key: str,
        api_url: str,
        *,
        write_interval: float = 1.0,
        clock: Clock | None = None,
        patience: float = PATIENCE,
        transport: httpx.AsyncBaseTransport | None = None,
        answer_seconds: float = ANSWER_SECONDS,
        longest_pause: float = LONGEST_PAUSE,
    ) -> None:
        self._api_url = api_url
        self._write_interval = write_interval
        self._clock = GitHubClock(clock or SystemClock())
        self._patience = patience
        self._transport = transport
        self._answer_seconds = answer_seconds
        self.reach = Reach(self._clock, longest_pause)
        """Whether GitHub answers, and what time it is there."""
        self._wire = self._new_wire()
        self._as_app = PacedClient(
            self._wire,
            AppKey(app_id, private_key, self._clock),
            write_interval=write_interval,
            clock=self._clock,
            patience=min(patience, MOMENT),  # looks and leases wait for a token: better that they know until when
        )
        self.delivery_log = DeliveryLog(self._as_app)
        """What became of the webhooks that GitHub sent."""
        self._held: dict[int, _Held] = {}
        self._app: _App | None = None
        self._repositories: dict[RepositoryName, Reached] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for held in self._held.values():
            await held.wire.close()
        await self._wire.close()

    async def identity(self) -> Identity:
        """Who the App is; asked of GitHub once. Raises GitHubError: Refused where id and key do not fit."""
        if self._app is None:
            self._app = await self._as_app.read("app", "app", _App)
        return Identity(app_id=self._app.id, login=Login(f"{self._app.slug}[bot]"))

    async def bot_login(self) -> Login:
        """``slug[bot]``, the login under which its comments appear."""
        return (await self.identity()).login

    async def installations(self) -> tuple[Installation, ...]:
        """All that are not suspended. Raises GitHubError."""
        found: list[Installation] = []
        page = 1
        while True:
            batch = await self._as_app.read_list(
                "installations", "app/installations", Installation, {"per_page": str(PAGE), "page": str(page)}
            )
            found.extend(one for one in batch if one.suspended_at is None)
            if len(batch) < PAGE:
                return tuple(found)
            page += 1

    async def repositories(self) -> Mapping[RepositoryName, Reached]:
        """Every repository that the App can reach, asked anew. An installation that is deleted at this very moment
        reaches none. Raises GitHubError."""
        found: dict[RepositoryName, Reached] = {}
        for installation in await self.installations():
            with contextlib.suppress(NotThere):
                found |= await self._repositories_of(installation.id)
        self._repositories = found
        return dict(found)

    async def repository(self, name: RepositoryName) -> GitHubRepository:
        """A handle, sharing the paced client of its installation. Raises NotThere where the App is not installed,
        and other GitHubErrors."""
        if name not in self._repositories:
            await self.repositories()
        reached = self.reached(name)
        return GitHubRepository(name, self._hold(reached.installation).client, await self.identity())

    def reached(self, name: RepositoryName) -> Reached:
        """As GitHub said when it was asked last. Raises NotThere."""
        if name not in self._repositories:
            raise NotThere(404, f"an installation on {name}")
        return self._repositories[name]

    async def token(self, installation: int) -> str:
        """An installation token for git, good for some minutes at least. Raises GitHubError."""
        return await self._hold(installation).tokens.token()

    async def token_for(self, name: RepositoryName) -> str:
        """The same by repository."""
        if name not in self._repositories:
            await self.repositories()
        return await self.token(self.reached(name).installation)

    def forget_token(self, name: RepositoryName, token: str) -> None:
        """Git was refused with `token`; the next one is another."""
        if name in self._repositories:
            self._hold(self._repositories[name].installation).tokens.forget(token)

    def usage(self) -> Usage:
        """What was sent on behalf of all installations, and as the App itself."""
        return sum((held.client.usage() for held in self._held.values()), self._as_app.usage())

    def clock(self) -> datetime:
        """The time at GitHub, in UTC: what its times are to be compared with."""
        return self._clock.now()

    def _new_wire(self) -> Wire:
        return Wire(
            UnauthAuthStrategy(),
            self._api_url,
            timeout=self._answer_seconds,
            transport=self._transport,
            reach=self.reach,
        )

    def _hold(self, installation: int) -> _Held:
        if installation not in self._held:
            tokens = InstallationTokens(self._as_app, installation, self._clock)
            wire = self._new_wire()
            client = PacedClient(
                wire, tokens, write_interval=self._write_interval, clock=self._clock, patience=self._patience
            )
            self._held[installation] = _Held(tokens, wire, client)
        return self._held[installation]

    async def _repositories_of(self, installation: int) -> dict[RepositoryName, Reached]:
        client = self._hold(installation).client
        found: dict[RepositoryName, Reached] = {}
        page = 1
        while True:
            batch = await client.read(
                "repositories",
                "installation/repositories",
                _Repositories,
                {"per_page": str(PAGE), "page": str(page)},
            )
            found |= {RepositoryName.parse(one.full_name): Reached(one.id, installation) for one in batch.repositories}
            if len(batch.repositories) < PAGE:
                return found
            page += 1
