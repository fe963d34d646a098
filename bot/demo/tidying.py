"""`crewline gc`: what a server does by itself, once and by hand."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from bot.demo.refusal import Refusal
from bot.demo.settings_problems import settings_problems
from bot.disk.bounds import bounds_of
from bot.disk.collection import collect
from bot.disk.table import show
from bot.settings import StoreSettings


def tidy(data: Path | None, *, dry_run: bool) -> int:
    """Delete what the settings let go and print it; the exit code. Raises Refusal."""
    try:
        settings = StoreSettings()
    except ValidationError as error:
        problems = "\n".join(f"  {line}" for line in settings_problems(error))
        raise Refusal(f"the settings in the environment cannot be used:\n{problems}") from None
    folder = data or settings.data
    if not folder.is_dir():
        raise Refusal(f"there is no data folder {folder}. Name it with --data or CREWLINE_DATA.")
    now = datetime.now(UTC)
    deletions = collect(folder.absolute(), bounds_of(settings), now, dry_run=dry_run)
    show(deletions, now, Console(width=None if sys.stdout.isatty() else 160), dry_run=dry_run)
    return 1 if any(deletion.problem for deletion in deletions) else 0
