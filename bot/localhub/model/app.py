"""GitHub Apps: the App, where it is installed, and the tokens of its installations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.localhub.model.actor import Actor, Level, Role
from bot.localhub.model.errors import Validation
from bot.localhub.model.node_ids import node_id
from bot.localhub.model.user import User

if TYPE_CHECKING:
    from bot.localhub.model.hub import Hub
    from bot.localhub.model.repository import Repository

LEVELS: dict[str, Level] = {"none": Level.NONE, "read": Level.READ, "write": Level.WRITE, "admin": Level.ADMIN}
Permissions = Mapping[str, str]
"""Permission name to `read`, `write` or `admin`, as in a manifest's `default_permissions`."""


def new_private_key() -> str:
    """A fresh RSA key as PEM. Slow (tens of milliseconds and more): make one and share it where that is enough."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


@cache
def _public_key(private_key_pem: str) -> rsa.RSAPublicKey:
    """Its primes are not looked at, which would take as long as making a small repository: keys are made for the hub
    that they are used with."""
    key = serialization.load_pem_private_key(private_key_pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key.public_key()


@dataclass(eq=False, kw_only=True)
class App:
    """A GitHub App."""

    hub: "Hub"
    id: int
    slug: str
    name: str
    owner: User
    bot: User
    """The account that its actions are shown under, `slug[bot]`."""
    client_id: str
    client_secret: str
    private_key_pem: str
    permissions: Permissions
    events: tuple[str, ...]
    webhook_url: str | None
    webhook_secret: str | None
    webhook_active: bool = True
    hook_id: int
    external_url: str
    description: str | None = None
    created_at: datetime
    public_key: rsa.RSAPublicKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.public_key = _public_key(self.private_key_pem)

    @property
    def node_id(self) -> str:
        return node_id("App", self.id)

    @property
    def installations(self) -> "tuple[Installation, ...]":
        return tuple(one for one in self.hub.installations.values() if one.target_app is self)


@dataclass(eq=False, kw_only=True)
class Installation:
    """An App on an account, for all or for chosen repositories."""

    hub: "Hub"
    id: int
    target_app: App
    target: User
    """The account it is installed on."""
    repository_selection: Literal["all", "selected"]
    selected: tuple["Repository", ...]
    permissions: Permissions
    events: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    suspended_at: datetime | None = None
    suspended_by: User | None = None
    deleted: bool = False

    @property
    def repositories(self) -> tuple["Repository", ...]:
        """Those it can reach."""
        if self.repository_selection == "selected":
            return self.selected
        return tuple(one for one in self.hub.repositories.values() if one.owner is self.target)

    @property
    def account(self) -> User:
        return self.target

    @property
    def active(self) -> bool:
        return not self.deleted and self.suspended_at is None

    def acting(self) -> "TokenActor":
        """The App acting here with all its permissions, without a token in between: for stories and tests."""
        return TokenActor(self, self.permissions, None)


@dataclass(frozen=True)
class TokenActor(Actor):
    """An installation acting with the permissions and repositories of one token."""

    installation: Installation
    permissions: Permissions
    repository_ids: frozenset[int] | None

    @property
    def account(self) -> User:
        return self.installation.target_app.bot

    @property
    def app(self) -> App:
        return self.installation.target_app

    @property
    def actor_id(self) -> str:
        return f"installation:{self.installation.id}"

    @property
    def repositories(self) -> tuple["Repository", ...]:
        """Those the token can reach."""
        return tuple(one for one in self.installation.repositories if self.sees(one))

    def role_in(self, repository: "Repository") -> Role:
        return Role.NONE

    def level_in(self, repository: "Repository", permission: str) -> Level:
        if not self.sees(repository):
            return Level.NONE
        if permission == "metadata":
            return Level.READ
        return LEVELS[self.permissions.get(permission, "none")]

    def sees(self, repository: "Repository") -> bool:
        if self.repository_ids is not None and repository.id not in self.repository_ids:
            return False
        return self.installation.active and repository in self.installation.repositories


@dataclass(frozen=True)
class InstallationToken:
    """A `ghs_…` token: who acts with it, and until when."""

    token: str
    actor: TokenActor
    expires_at: datetime


def narrowed(installation: Installation, wanted: Permissions | None) -> Permissions:
    """The permissions of a new token: those asked for, which must be within the installation's."""
    if not wanted:
        return installation.permissions
    for name, level in wanted.items():
        if LEVELS.get(level, Level.ADMIN) > LEVELS[installation.permissions.get(name, "none")]:
            raise Validation(message="The permissions requested are not granted to this installation.")
    return {"metadata": "read", **wanted}
