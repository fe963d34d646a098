"""What `crewline gc` prints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table

from bot.disk.bounds import MEGABYTE
from bot.disk.collection import Deletion


def show(deletions: Sequence[Deletion], now: datetime, console: Console, *, dry_run: bool) -> None:
    """One line for each, the oldest first, and a sentence with the sum."""
    if deletions:
        table = Table("what", "where", "MB", "last used", *(() if dry_run else ("",)), box=None)
        for deletion in deletions:
            item = deletion.item
            days = max(0, (now - item.used_at).days)
            ago = "today" if days == 0 else f"{days} day{'s' * (days != 1)} ago"
            result = () if dry_run else (f"kept: {deletion.problem}" if deletion.problem else "deleted",)
            table.add_row(item.kind.value, item.name, f"{item.size / MEGABYTE:.1f}", ago, *result)
        console.print(table)
    went = [deletion.item for deletion in deletions if deletion.problem is None]
    freed = f"{sum(item.size for item in went) / MEGABYTE:.1f} MB"
    if not went:
        console.print("Nothing to delete.")
    else:
        console.print(f"{'Would free' if dry_run else 'Freed'} {freed} in {len(went)} item{'s' * (len(went) != 1)}.")
