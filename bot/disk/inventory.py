"""What lies in the data folder, and which of it is still needed.

    mirrors/OWNER/NAME.git               one repository; used while a server needs it (a lock)
    transcripts/OWNER/NAME/SESSION.jsonl used while the session runs (a lock); compressed (.gz) when it is over
    sessions/OWNER/NAME/SESSION.json     that the ledger does not have the end of this session yet
    work/OWNER/NAME/SESSION              trees of sessions of the server that runs, a later attempt's among them
    left/OWNER/NAME/SESSION              trees that earlier runs left
    ready/OWNER/NAME/…                   trees in which no session has begun yet
    trash/…                              what is being deleted
    instances                            locked by the server that runs

Commits that nobody else has are in two places: in the tree of a session, and in the mirror from where they are pushed.
Both are unpushed for as long as the session's file below ``sessions`` is there; it names the tree where that lies under
the name of an attempt before (see `unrecorded`). A tree borrows the mirror's objects,
so a mirror is needed for as long as any tree of its repository lies here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from stat import S_ISDIR

from bot.disk.unrecorded import unrecorded
from bot.disk.use import is_used

LOCKED = "instances"
"""Below the data folder: locked by the server that runs."""


class Kind(Enum):
    """The value is for people."""

    MIRROR = "mirror"
    TREE = "tree"
    TRANSCRIPT = "transcript"
    TRASH = "trash"


@dataclass(frozen=True, slots=True)
class Item:
    """`name` is its path below the data folder, `size` in bytes, `used_at` when it was last written to."""

    kind: Kind
    name: str
    size: int
    used_at: datetime
    in_use: bool = False
    unpushed: bool = False
    """Whether it has, or may have, commits that are nowhere else, or the record of such."""

    @property
    def free(self) -> bool:
        """Whether it may go."""
        return not (self.in_use or self.unpushed)


def inventory(data: Path) -> tuple[Item, ...]:
    """All that can be deleted one by one. Reads the disk; what goes away meanwhile is left out."""
    serving = is_used(data / LOCKED)
    open_ends = unrecorded(data)
    trees = [path for name in ("work", "left", "ready") for path in data.glob(f"{name}/*/*/*")]
    needed = {path.parts[-3:-1] for path in trees} | {names[:2] for names in open_ends.sessions}
    items: list[Item] = []
    for path in data.glob("mirrors/*/*.git"):
        names = (path.parent.name, path.name.removesuffix(".git"))
        items += _item(data, Kind.MIRROR, path, in_use=is_used(path), unpushed=names in needed)
    for path in trees:
        live = serving and path.parts[-4] != "left"
        items += _item(data, Kind.TREE, path, in_use=live, unpushed=open_ends.needs(path))
    for path in data.glob("transcripts/*/*/*.jsonl*"):
        session = (*path.parts[-3:-1], path.name.partition(".jsonl")[0])
        items += _item(data, Kind.TRANSCRIPT, path, in_use=is_used(path), unpushed=session in open_ends.sessions)
    for path in data.glob("trash/*"):
        items += _item(data, Kind.TRASH, path, in_use=serving)
    return tuple(items)


def _item(data: Path, kind: Kind, path: Path, *, in_use: bool, unpushed: bool = False) -> Iterator[Item]:
    try:
        used_at = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except OSError:  # it is gone already
        return
    yield Item(kind, str(path.relative_to(data)), size_of((path,)), used_at, in_use, unpushed)


def size_of(paths: Iterable[Path]) -> int:
    """Bytes on the disk below `paths`. Links are not followed."""
    total, left = 0, list(paths)
    while left:
        path = left.pop()
        try:
            stat = path.lstat()
            total += stat.st_blocks * 512
            if S_ISDIR(stat.st_mode):
                with os.scandir(path) as entries:
                    left += [Path(entry.path) for entry in entries]
        except OSError:  # it is being deleted
            continue
    return total
