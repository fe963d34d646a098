"""What every write needs to know."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import JsonValue

from bot.github.client import Fence, PacedClient, Request
from bot.github.errors import GitHubError
from bot.github.graphql import Reply
from bot.github.identity import Identity
from bot.github.shares import Urgency
from bot.github.wire import Exchange
from bot.model.identity import RepositoryName

LONGEST_BODY = 65_536
"""Characters of an issue, comment, pull request or review."""
LONGEST_CHECK_TEXT = 65_535
LONGEST_TITLE = 256
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a write goes, and as whom. `client` reads; what writes goes through `send` and `mutate`, past the fence."""

    client: PacedClient
    repository: RepositoryName
    identity: Identity
    fence: Fence | None = None

    def path(self, rest: str) -> str:
        return f"repos/{self.repository}/{rest}"

    async def send(self, request: Request) -> Exchange:
        return await self.client.send(replace(request, fence=self.fence))

    async def mutate(
        self, kind: str, document: str, variables: Mapping[str, JsonValue], *, creates: int, urgency: Urgency
    ) -> Reply:
        return await self.client.mutate(kind, document, variables, creates=creates, urgency=urgency, fence=self.fence)


def fitted(text: str, longest: int = LONGEST_BODY) -> str:
    """`text`, cut with a note where GitHub would refuse it."""
    note = f"\n\n… cut here: GitHub takes {longest:,} characters at most."
    return text if len(text) <= longest else text[: longest - len(note)] + note


async def looked_up(failure: GitHubError, look: Awaitable[Found]) -> Found:
    """What a look finds of a write that ended with `failure`. Where GitHub does not answer the look either, or only in
    part, `failure` is still all that is known; "nothing happened" would be wrong."""
    try:
        return await look
    except GitHubError:
        raise failure from None
