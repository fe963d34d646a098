"""What goes: pure, of the inventory, the bounds and the time.

Of each kind, whatever was not used for too long goes, and of what is left the oldest go until the rest is within its
size. Where the disk itself is full, the oldest of all kinds go beyond that until there is enough room, but for what
was used within the last hour: somebody may want to look at it. What is in use or has unpushed commits never goes; it
counts towards the size all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.disk.inventory import Item, Kind

YOUNG = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Bound:
    """For all items of a kind together: no older than `age`, no more than `size` bytes."""

    age: timedelta
    size: int


NOTHING = Bound(timedelta(0), 0)
"""For trash: all of it goes."""


def choose(items: Iterable[Item], bounds: Mapping[Kind, Bound], now: datetime, wanted: int = 0) -> tuple[Item, ...]:
    """What is to be deleted, the oldest first; `wanted` bytes at least, if there is so much that may go."""
    oldest_first = sorted(items, key=lambda item: (item.used_at, item.name))
    gone: list[Item] = []
    for kind, bound in bounds.items():
        of_kind = [item for item in oldest_first if item.kind is kind]
        total = sum(item.size for item in of_kind)
        for item in of_kind:
            if item.free and (now - item.used_at > bound.age or total > bound.size):
                gone.append(item)
                total -= item.size
    short = wanted - sum(item.size for item in gone)
    for item in oldest_first:
        if short > 0 and item.free and item not in gone and now - item.used_at > YOUNG:
            gone.append(item)
            short -= item.size
    return tuple(sorted(gone, key=lambda item: (item.used_at, item.name)))
