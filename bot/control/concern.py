"""Which objectives a hint concerns, as far as this repository's objectives are known.

Whatever is not known of ours costs nothing: a label on any other issue, a check on any other branch. What is over
concerns nobody any more but who comments there or opens it again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.control.hints import BEGINNING
from bot.control.room import Room
from bot.github.webhook import Hint

_BRANCH = re.compile(r"crewline/([0-9]{1,9})/[^/]+")


@dataclass(frozen=True, slots=True)
class Concern:
    """`now`: to be looked at at once. `over`: objectives that are over and may have to say something."""

    now: frozenset[int] = frozenset()
    over: frozenset[int] = frozenset()


def concern(hint: Hint, room: Room) -> Concern:
    """An issue that belongs to no objective may be one itself; a push to a branch of nobody may be to the base of
    all."""
    begins = hint.event in ("issues", "pull_request") and hint.action in BEGINNING
    ours = begins and hint.label in (None, room.config.label)
    now = {objective for number in hint.numbers for objective in room.objectives_of(number)}
    now |= {number for branch in hint.branches if (number := _objective_of(branch)) in room.memories}
    over = {objective for number in hint.numbers for objective in room.closed.of(number)} - now
    if ours and not now:
        return Concern(frozenset(over) or hint.numbers)
    if over:
        return Concern(frozenset(now), frozenset(over) if hint.event == "issue_comment" else frozenset())
    if not now and hint.event in ("push", "repository"):
        return Concern(frozenset(room.memories))
    return Concern(frozenset(now or (_not_seen_yet(room) if hint.numbers else ())))


def _not_seen_yet(room: Room) -> set[int]:
    """Objectives that any number may be one of: those that are known by their ledgers only, just after a start, and
    the one that is looked at. GitHub tells of an issue or a pull request, and people write there, before the bot has
    the answer to the request that made it."""
    return {number for number, memory in room.memories.items() if memory.observed is None or memory.looked_at}


def _objective_of(branch: str) -> int:
    named = _BRANCH.fullmatch(branch)
    return int(named[1]) if named else 0
