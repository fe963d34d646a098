"""Who may command: asked of GitHub, never taken from `author_association` or from a name."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote

from pydantic import BaseModel

from bot.github.client import PacedClient
from bot.github.errors import NotThere
from bot.model.identity import Login, RepositoryName
from bot.model.observed import Permission

REMEMBERED = timedelta(seconds=60)


class _Answer(BaseModel):
    """`permission` folds maintain into write and triage into read; `role_name` tells them apart, but may also be
    the name of a custom role ("Get repository permissions for a user")."""

    permission: str
    role_name: str | None = None


class Permissions:
    """The permissions of people in one repository, each remembered for a minute."""

    def __init__(self, client: PacedClient, repository: RepositoryName) -> None:
        self._clock = client.clock
        self._repository = repository
        self._known: dict[str, tuple[datetime, Permission]] = {}

    async def of(self, login: Login, client: PacedClient) -> Permission:
        """NONE for those GitHub does not know as collaborators. `client` speaks for whoever wants to know."""
        now = self._clock.now()
        known = self._known.get(login.casefold())
        if known is not None and now - known[0] < REMEMBERED:
            return known[1]
        permission = await self._ask(login, client)
        self._known = {name: entry for name, entry in self._known.items() if now - entry[0] < REMEMBERED}
        self._known[login.casefold()] = (now, permission)
        return permission

    async def _ask(self, login: Login, client: PacedClient) -> Permission:
        path = f"repos/{self._repository}/collaborators/{quote(login, safe='')}/permission"
        try:
            answer = await client.read("permission", path, _Answer)
        except NotThere:
            return Permission.NONE
        for word in (answer.role_name, answer.permission):
            if word in set(Permission):
                return Permission(word)
        return Permission.NONE
