"""The hub: everybody and everything on this GitHub, its clock, its settings, and what happens on it.

    hub = Hub(directory)
    alice = hub.add_user("alice")
    shop = await hub.create_repository(alice, "shop", files={"README.md": "# Shop\\n"})
    app = hub.add_app("crewline", permissions={"issues": "write"}, events=["issues"], webhook_url=…)
    hub.install(app, alice)
    issue = open_issue(shop, alice, "It is broken", "Badly.")

The model itself never starts a task: `background` hands work that happens later to whoever runs the hub
(`server.serve`), which ends it cleanly.
"""

import asyncio
import re
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bot.localhub.git.bare import ZERO, BareRepository, RefUpdate, Signature
from bot.localhub.git.files import tree_with_files
from bot.localhub.limits import Meter, Usage
from bot.localhub.model.actor import Actor
from bot.localhub.model.app import (
    App,
    Installation,
    InstallationToken,
    Permissions,
    TokenActor,
    narrowed,
    new_private_key,
)
from bot.localhub.model.chance import Chance
from bot.localhub.model.clock import Clock, SystemClock
from bot.localhub.model.delivery import Delivery
from bot.localhub.model.errors import FieldError, Forbidden, NotFound, Validation
from bot.localhub.model.events import Event, EventBus
from bot.localhub.model.merge import AsyncMerge
from bot.localhub.model.push import RefMove, refs_moved
from bot.localhub.model.repository import DEFAULT_LABELS, Repository
from bot.localhub.model.settings import Faults, HubSettings
from bot.localhub.model.user import User

if TYPE_CHECKING:
    from bot.localhub.model.events import Subject

TOKEN_LIFE = timedelta(hours=1)
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?")
_REPOSITORY_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_FIRST_ID = {
    "issue": 2_800_000_001, "pull": 1_900_000_001, "comment": 3_100_000_001, "review": 2_400_000_001,
    "review comment": 2_000_000_001, "check run": 52_000_000_001, "suite": 41_000_000_001, "timeline": 19_000_000_001,
    "repository": 900_000_001, "user": 10_000_001, "installation": 60_000_001, "app": 1_200_001,
    "delivery": 21_800_000_001,
}  # fmt: skip


class Hub:
    """A GitHub."""

    def __init__(
        self,
        directory: Path,
        *,
        clock: Clock | None = None,
        settings: HubSettings | None = None,
        base_url: str = "http://localhub.invalid",
        new_uuid: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self.directory = directory
        self.clock: Clock = clock or SystemClock()
        self.settings = settings or HubSettings()
        self.base_url = base_url
        """Where people and programs reach it; `server.serve` sets it."""
        self.new_uuid = new_uuid
        """Of deliveries and of merges under way."""
        self.events = EventBus()
        self.meter = Meter(self.clock, self.settings.limits)
        self.users: dict[str, User] = {}
        """By login in lower case."""
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.repositories: dict[int, Repository] = {}
        self.user_tokens: dict[str, User] = {}
        self.installation_tokens: dict[str, InstallationToken] = {}
        self.manifest_codes: dict[str, App] = {}
        self.deliveries: list[Delivery] = []
        self.async_merges: dict[str, AsyncMerge] = {}
        self._replicas = Chance()
        self._renamed: dict[str, Repository] = {}
        self._nodes: dict[str, Subject] = {}
        self._sequences: dict[str, int] = {}
        self._pending: list[Coroutine[None, None, None]] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self.errors: list[Exception] = []
        """What went wrong inside while answering: a test that finds one has found a fault of the localhub."""
        self.sender: object | None = None
        """What delivers webhooks; it puts itself here."""
        self.ghost = self._new_user("ghost", "User")

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose."""
        return self.settings.faults

    def now(self) -> datetime:
        """The hub's time."""
        return self.clock.now()

    @property
    def usage(self) -> Usage:
        """What everybody asked for so far, by kind; `meter.usage_of` has it by actor."""
        return self.meter.usage

    @property
    def reading_moment(self) -> datetime | None:
        """What one read is to be answered `as_of`: a moment in the past while reads lag, else None."""
        lag = self.faults.read_lag
        if self.faults.read_lag_varies:
            lag *= self._replicas.drawn(self.faults.seed)
        return self.now() - timedelta(seconds=lag) if lag > 0 else None

    # Events, ids, background

    def emit(
        self,
        name: str,
        subject: "Subject",
        actor: Actor | None = None,
        repository: Repository | None = None,
        *,
        related: "Subject | None" = None,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        """Tell that something happened."""
        self.events.emit(
            Event(
                name=name,
                at=self.now(),
                subject=subject,
                actor=actor,
                repository=repository,
                related=related,
                changes=changes or {},
            )
        )

    def next_id(self, sequence: str, *, first: int | None = None) -> int:
        """The next number of a sequence."""
        start = first if first is not None else _FIRST_ID.get(sequence, 1_000_001)
        value = self._sequences.get(sequence, start)
        self._sequences[sequence] = value + 1
        return value

    def remember(self, thing: "Subject") -> None:
        """Make it findable by its global id."""
        self._nodes[_key(thing)] = thing

    def forget(self, thing: "Subject") -> None:
        """Its global id finds nothing any more."""
        self._nodes.pop(_key(thing), None)

    def node(self, global_id: str) -> "Subject | None":
        """The thing with this global id (issues, comments, users, apps, repositories, …; not refs and commits)."""
        return self._nodes.get(global_id)

    def background(self, work: Coroutine[None, None, None]) -> None:
        """Have `work` done soon, by the running server; without one it is done once one runs."""
        if self._tasks is None:
            self._pending.append(work)
        else:
            job = self._tasks.create_task(work)
            self._jobs.add(job)
            job.add_done_callback(self._jobs.discard)

    def start_background(self, tasks: asyncio.TaskGroup) -> None:
        """From now on background work runs in this group."""
        self._tasks = tasks
        pending, self._pending = self._pending, []
        for work in pending:
            self.background(work)

    def stop_background(self) -> None:
        """No more background work is started, and what runs is cancelled."""
        self._tasks = None
        for job in self._jobs:
            job.cancel()

    def discard_background(self) -> None:
        """Drop work that never ran."""
        for work in self._pending:
            work.close()
        self._pending.clear()

    # Accounts

    def _new_user(self, login: str, kind: Literal["User", "Bot", "Organization"]) -> User:
        user = User(id=self.next_id("user"), login=login, type=kind, created_at=self.now())
        self.users[login.casefold()] = user
        self.remember(user)
        return user

    def add_user(
        self, login: str, *, name: str | None = None, organization: bool = False, site_admin: bool = False
    ) -> User:
        """A new account."""
        if not _LOGIN.fullmatch(login) or login.casefold() in self.users:
            raise Validation(FieldError("User", "already_exists", "login"))
        user = self._new_user(login, "Organization" if organization else "User")
        user.name, user.site_admin = name, site_admin
        return user

    def user(self, login: str) -> User:
        """The account of that login, or NotFound."""
        found = self.users.get(login.casefold())
        if found is None:
            raise NotFound
        return found

    def user_token(self, user: User) -> str:
        """A new personal access token (`ghp_…`)."""
        token = f"ghp_{uuid.uuid4().hex}{uuid.uuid4().hex[:4]}"
        user.tokens.append(token)
        self.user_tokens[token] = user
        return token

    # Apps

    def add_app(
        self,
        slug: str,
        *,
        owner: User | None = None,
        permissions: Permissions,
        events: Sequence[str] = (),
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        private_key_pem: str | None = None,
        name: str | None = None,
        url: str = "https://example.com",
    ) -> App:
        """Register an App. Without a key it gets a fresh one, which is slow."""
        if not re.fullmatch(r"[a-z0-9-]{1,34}", slug) or any(one.slug == slug for one in self.apps.values()):
            raise Validation(FieldError("Integration", "already_exists", "name"))
        app = App(
            hub=self, id=self.next_id("app"), slug=slug, name=name or slug, owner=owner or self.ghost,
            bot=self._new_user(f"{slug}[bot]", "Bot"), client_id=f"Iv23li{uuid.uuid4().hex[:14]}",
            client_secret=uuid.uuid4().hex + uuid.uuid4().hex[:8],
            private_key_pem=private_key_pem or new_private_key(), permissions={"metadata": "read", **permissions},
            events=tuple(events), webhook_url=webhook_url, webhook_secret=webhook_secret, external_url=url,
            hook_id=self.next_id("hook"), created_at=self.now(),
        )  # fmt: skip
        app.bot.bot_of = app
        self.apps[app.id] = app
        self.remember(app)
        if webhook_url is not None:
            self.emit("app.created", app)
        return app

    def install(
        self, app: App, target: User, repositories: Sequence[Repository] | None = None, *, actor: User | None = None
    ) -> Installation:
        """Install an App on an account: on all its repositories, or on those given."""
        now = self.now()
        installation = Installation(
            hub=self, id=self.next_id("installation"), target_app=app, target=target,
            repository_selection="all" if repositories is None else "selected", selected=tuple(repositories or ()),
            permissions=dict(app.permissions), events=app.events, created_at=now, updated_at=now,
        )  # fmt: skip
        self.installations[installation.id] = installation
        self.emit("installation.created", installation, actor or target)
        return installation

    def select_repositories(self, installation: Installation, actor: User, repositories: Sequence[Repository]) -> None:
        """Change which repositories an installation reaches."""
        old = installation.repositories
        installation.repository_selection, installation.selected = "selected", tuple(repositories)
        added = ",".join(str(one.id) for one in repositories if one not in old)
        removed = ",".join(str(one.id) for one in old if one not in repositories)
        if added:
            self.emit("installation_repositories.added", installation, actor, changes={"ids": added})
        if removed:
            self.emit("installation_repositories.removed", installation, actor, changes={"ids": removed})

    def suspend(self, installation: Installation, actor: User) -> None:
        """Suspend an installation: its tokens are refused until it is unsuspended."""
        installation.suspended_at, installation.suspended_by = self.now(), actor
        self.emit("installation.suspend", installation, actor)

    def unsuspend(self, installation: Installation, actor: User) -> None:
        """Let it work again."""
        installation.suspended_at, installation.suspended_by = None, None
        self.emit("installation.unsuspend", installation, actor)

    def uninstall(self, installation: Installation, actor: User) -> None:
        """Delete an installation and its tokens."""
        self.emit("installation.deleted", installation, actor)
        installation.deleted = True
        self.installations.pop(installation.id, None)
        for token in [
            one for one, known in self.installation_tokens.items() if known.actor.installation is installation
        ]:
            del self.installation_tokens[token]

    def installations_on(self, repository: Repository) -> list[Installation]:
        """The active installations that reach a repository."""
        return [one for one in self.installations.values() if one.active and repository in one.repositories]

    def create_installation_token(
        self,
        installation: Installation,
        *,
        permissions: Permissions | None = None,
        repositories: Sequence[Repository] | None = None,
    ) -> InstallationToken:
        """A token (`ghs_…`) that lives an hour, as narrow as asked."""
        if installation.suspended_at is not None:
            raise Forbidden("This installation has been suspended")
        for one in repositories or ():
            if one not in installation.repositories:
                raise Validation(message="There is at least one repository that does not exist or is not accessible to "
                                 "the parent installation.")  # fmt: skip
        ids = frozenset(one.id for one in repositories) if repositories else None
        actor = TokenActor(installation, narrowed(installation, permissions), ids)
        token = InstallationToken(f"ghs_{uuid.uuid4().hex}{uuid.uuid4().hex[:4]}", actor, self.now() + TOKEN_LIFE)
        self.installation_tokens[token.token] = token
        return token

    # Repositories

    async def create_repository(
        self,
        owner: User,
        name: str,
        *,
        files: Mapping[str, str | bytes] | None = None,
        private: bool = False,
        description: str | None = None,
        default_branch: str = "main",
        message: str = "Initial commit",
    ) -> Repository:
        """A new repository, with a first commit of `files`, or empty."""
        if not _REPOSITORY_NAME.fullmatch(name) or self.find_repository(f"{owner.login}/{name}") is not None:
            words = "name already exists on this account"
            raise Validation(FieldError("Repository", "custom", "name", words), message="Repository creation failed.")
        now = self.now()
        number = self.next_id("repository")
        repository = Repository(
            hub=self, id=number, owner=owner, name=name, private=private, description=description,
            git=BareRepository(self.directory / "repositories" / f"{number}.git"), default_branch=default_branch,
            created_at=now, updated_at=now, pushed_at=now,
        )  # fmt: skip
        await repository.git.create(default_branch)
        for label, (color, words) in DEFAULT_LABELS.items():
            repository.add_label_unasked(owner, label, color, words)
        self.repositories[number] = repository
        self.remember(repository)
        self.emit("repository.created", repository, owner, repository)
        if files is not None:
            await self.push_files(repository, owner, default_branch, files, message)
        return repository

    async def push_files(
        self,
        repository: Repository,
        actor: Actor,
        branch: str,
        files: Mapping[str, str | bytes | None],
        message: str,
        *,
        start: str | None = None,
        force: bool = False,
    ) -> str:
        """Commit files (None removes one) to a branch, made from `start` (else the default branch) if it is new."""
        git = repository.git
        async with git.writing:
            tip = await git.branch(branch)
            parent = tip if tip is not None and not force else await git.resolve(start or repository.default_branch)
            tree = await tree_with_files(git, parent, files)
            account = actor.account
            who = Signature(account.name or account.login, account.email or account.noreply_email, self.now())
            sha = await git.commit_tree(tree, (parent,) if parent else (), message, who, who)
            name = f"refs/heads/{branch}"
            await git.update_refs([RefUpdate(name, sha, tip or ZERO)])
            await refs_moved(repository, actor, [RefMove(name, tip or ZERO, sha)])
        return sha

    def find_repository(self, full_name: str) -> Repository | None:
        """The repository `owner/name`, whatever the case."""
        wanted = full_name.casefold()
        return next((one for one in self.repositories.values() if one.full_name.casefold() == wanted), None)

    def renamed_repository(self, full_name: str) -> Repository | None:
        """The repository that had this name before."""
        return self._renamed.get(full_name.casefold())

    def rename_repository(self, repository: Repository, name: str) -> None:
        """Move it to another name and keep the old one as a redirect."""
        if not _REPOSITORY_NAME.fullmatch(name) or self.find_repository(f"{repository.owner.login}/{name}"):
            raise Validation(FieldError("Repository", "custom", "name", "name already exists on this account"))
        self._renamed[repository.full_name.casefold()] = repository
        repository.name = name

    def delete_repository(self, repository: Repository, actor: User) -> None:
        """Remove a repository. Its directory stays until the hub's own goes."""
        self.emit("repository.deleted", repository, actor, repository)
        self.repositories.pop(repository.id)
        self.forget(repository)


def _key(thing: "Subject") -> str:
    name = getattr(thing, "node_id", None)
    assert isinstance(name, str), thing
    return name
