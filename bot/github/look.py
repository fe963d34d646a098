"""What a look can find instead of an objective."""

from __future__ import annotations

from dataclasses import dataclass

from bot.model.observed import Comment


@dataclass(frozen=True, slots=True)
class Gone:
    """The number is no objective (any more); `reason` is a sentence for people."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class IsPullRequest(Gone):
    """Somebody labelled a pull request. `comments` are its last fifty, to say so once."""

    labels: frozenset[str] = frozenset()
    comments: tuple[Comment, ...] = ()
