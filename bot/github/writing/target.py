"""What every write needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from bot.github.client import PacedClient
from bot.github.identity import Identity
from bot.model.identity import RepositoryName

LONGEST_BODY = 65_536
"""Characters of an issue, comment, pull request or review."""
LONGEST_CHECK_TEXT = 65_535
LONGEST_TITLE = 256


@dataclass(frozen=True, slots=True)
class Target:
    """Where a write goes, and as whom."""

    client: PacedClient
    repository: RepositoryName
    identity: Identity

    def path(self, rest: str) -> str:
        return f"repos/{self.repository}/{rest}"


def fitted(text: str, longest: int = LONGEST_BODY) -> str:
    """`text`, cut with a note where GitHub would refuse it."""
    note = f"\n\n… cut here: GitHub takes {longest:,} characters at most."
    return text if len(text) <= longest else text[: longest - len(note)] + note
