"""Deleting what was chosen: renamed into the trash in one step, then deleted, so that nothing is ever there by half.

It may run beside a server, and by two processes at once: what somebody began to use since the inventory is passed
over, what somebody else deleted is gone. Trees have no lock of their own: so the memos are read again just before one
goes, and while one of a server goes, none can start and give its place to a session. The folders of owners and
repositories stay; they cost nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

from bot.disk.choice import Bound, choose
from bot.disk.inventory import LOCKED, Item, Kind, inventory
from bot.disk.unrecorded import unrecorded
from bot.disk.use import InUse, unused

TEMPORARY = timedelta(minutes=10)
"""After which no git writes to a temporary pack any more: a fetch ends after less silence."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """`problem` says why an item that was to go is still there."""

    item: Item
    problem: str | None = None


def collect(
    data: Path, bounds: Mapping[Kind, Bound], now: datetime, *, wanted: int = 0, dry_run: bool = False
) -> tuple[Deletion, ...]:
    """Delete what goes (see `choice`), or with `dry_run` only say what would. Blocks; never raises OSError."""
    chosen = choose(inventory(data), bounds, now, wanted)
    if dry_run:
        return tuple(Deletion(item) for item in chosen)
    for mirror in data.glob("mirrors/*/*.git"):
        sweep_temporary_packs(mirror, now)
    return tuple(Deletion(item, _delete(data, item)) for item in chosen)


def sweep_temporary_packs(mirror: Path, now: datetime) -> None:
    """Delete what a fetch left that died half-way, of a full disk for one: git names its unfinished packs ``tmp_…``
    and forgets them."""
    for path in mirror.glob("objects/pack/tmp_*"):
        with suppress(OSError):  # it went by itself, or is asked for in the next round
            if now - datetime.fromtimestamp(path.lstat().st_mtime, UTC) > TEMPORARY:
                path.unlink()


def _delete(data: Path, item: Item) -> str | None:
    path = data / item.name
    try:
        if item.kind is not Kind.TRASH:
            trash = data / "trash"
            trash.mkdir(exist_ok=True)
            target = trash / token_hex(8)
            with ExitStack() as stack:
                if item.kind is not Kind.TREE:
                    stack.enter_context(unused(path))
                elif (data / LOCKED).exists() and not path.is_relative_to(data / "left"):
                    stack.enter_context(unused(data / LOCKED))
                if item.kind is Kind.TREE and unrecorded(data).needs(path):
                    raise InUse(path.name)
                path.rename(target)
            path = target
        _remove(path)
    except InUse:
        return "it is used again"
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.strerror or str(error)
    return None


def _remove(path: Path) -> None:
    """Delete a file or a folder, where an agent took away the right to write too."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        for folder in [path, *(below for below in path.rglob("*") if below.is_dir() and not below.is_symlink())]:
            with suppress(OSError):  # what comes of it shows below
                folder.chmod(0o700)
        shutil.rmtree(path)
