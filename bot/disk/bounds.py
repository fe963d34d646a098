"""The bounds of what is kept, as the settings have them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot.disk.choice import NOTHING, Bound
from bot.disk.inventory import Kind
from bot.settings import StoreSettings

MEGABYTE = 1_000_000


def bounds_of(settings: StoreSettings) -> Mapping[Kind, Bound]:
    return {
        Kind.TRASH: NOTHING,
        Kind.TREE: Bound(timedelta(days=settings.trees_days), settings.trees_mb * MEGABYTE),
        Kind.TRANSCRIPT: Bound(timedelta(days=settings.transcripts_days), settings.transcripts_mb * MEGABYTE),
        Kind.MIRROR: Bound(timedelta(days=settings.mirrors_days), settings.mirrors_mb * MEGABYTE),
    }
