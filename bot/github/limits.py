"""Reading GitHub's limits out of an answer.

Three forms are met: a primary limit (403 or 429 with ``x-ratelimit-remaining: 0``; for GraphQL a 200 whose error
has the type RATE_LIMITED), a secondary limit with ``retry-after``, and a secondary limit that only its words
give away ("Exceeding the rate limit" in "Best practices for using the REST API").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.github.pace import EVERYTHING, POINTS, hourly
from bot.github.primary import reset_at


@dataclass(frozen=True, slots=True)
class LimitReached:
    """`resource` is ``core``, ``graphql`` or EVERYTHING; `until` is None where GitHub does not say."""

    resource: str
    until: datetime | None
    message: str

    @property
    def name(self) -> str:
        """For people."""
        return "too many requests" if self.resource == EVERYTHING else hourly(self.resource)


def limit_reached(status: int, headers: Mapping[str, str], text: str, now: datetime) -> LimitReached | None:
    """The limit that an answer of 403 or 429 tells of, None for a plain refusal. `text` is its message."""
    if status not in (403, 429):
        return None
    if (wait := _number(headers, "retry-after")) is not None:
        return LimitReached(EVERYTHING, now + timedelta(seconds=wait), text)
    words = text.lower()
    secondary = "secondary rate limit" in words or "abuse detection" in words
    if headers.get("x-ratelimit-remaining") == "0" and not secondary:
        return primary(headers, text)
    if secondary or status == 429:
        return LimitReached(EVERYTHING, None, text)
    return None


def primary(headers: Mapping[str, str], text: str) -> LimitReached:
    """The primary limit of the answer's resource is used up."""
    reset = _number(headers, "x-ratelimit-reset")
    until = None if reset is None else reset_at(reset)
    resource = headers.get("x-ratelimit-resource")
    return LimitReached(resource if resource in POINTS else EVERYTHING, until, text)


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else None
