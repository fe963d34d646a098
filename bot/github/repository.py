"""One repository, as the rest of the bot sees GitHub: look, ask, carry out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.github.client import Fence, PacedClient
from bot.github.identity import Identity
from bot.github.listing import configuration_of, open_objectives
from bot.github.observe import Gone, observe
from bot.github.permissions import Permissions
from bot.github.shares import Urgency
from bot.github.usage import Usage
from bot.github.writes import carry_out
from bot.model.action import Write
from bot.model.fact import Fact
from bot.model.identity import Login, ObjectiveKey, RepositoryName
from bot.model.observed import Observation, Permission, RepositoryFile


class GitHubRepository:
    """Keep one per repository: it remembers permissions for a minute.

    Every method raises `Refused`, `NotThere` and `Unavailable` of `bot.github.errors`; `carry_out` also
    `OutcomeUnknown`.

    A request that names its objective is not kept waiting for longer than a moment: `Unavailable` says when to come.

    `fence` is asked before each request of `carry_out` that writes; what it raises comes out of `carry_out`.
    """

    fence: Fence | None = None

    def __init__(self, name: RepositoryName, client: PacedClient, identity: Identity) -> None:
        self.name = name
        self.identity = identity
        self._client = client
        self._permissions = Permissions(client, name)

    async def observe(
        self, objective: int, keys: Sequence[str], label: str, urgency: Urgency = Urgency.WORK
    ) -> Observation | Gone:
        """Objective `objective` whole: its issue, sub-issues, and the pull requests, checks and branches of the tasks
        `keys`. `label` is the hand-off label, whose last setting is looked up. One request up to 50 tasks."""
        client = self._client.on_behalf_of(ObjectiveKey(self.name, objective), urgency)
        return await observe(client, self.name, self.identity, objective, keys, label)

    async def open_objectives(self, label: str) -> tuple[int, ...]:
        """The numbers of the open issues that carry `label`, ascending."""
        return await open_objectives(self._client, self.name, label)

    async def configuration(self) -> RepositoryFile | None:
        """``.github/crewline.yml`` of the default branch (or a misspelt ``.yaml``); None where there is none."""
        return await configuration_of(self._client, self.name)

    async def permission(self, login: Login, objective: int | None = None) -> Permission:
        """What `login` may do here, as GitHub answers; remembered for 60 s."""
        return await self._permissions.of(login, self._speaking_for(objective, Urgency.PERSON))

    async def carry_out(self, write: Write, objective: int | None = None) -> tuple[Fact, ...]:
        """Do `write`. The facts hold what reads may not show yet; an error carries those of the part that was done.

        Raises `OutcomeUnknown` where GitHub did not say whether it took effect, and a look did not tell either.
        """
        return await carry_out(self._speaking_for(objective), self.name, self.identity, write, self.fence)

    def made(self) -> Mapping[int, int]:
        """The content that the installation made within the last hour, by minute since 1970."""
        return self._client.made()

    def recall(self, made: Mapping[int, int]) -> None:
        """What an earlier process had noted of it."""
        self._client.recall(made)

    def usage(self) -> Usage:
        """What was sent for the whole installation."""
        return self._client.usage()

    def _speaking_for(self, objective: int | None, urgency: Urgency = Urgency.WORK) -> PacedClient:
        if objective is None:
            return self._client
        return self._client.on_behalf_of(ObjectiveKey(self.name, objective), urgency)
