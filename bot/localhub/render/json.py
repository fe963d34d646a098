"""JSON values, times, and which version of the API is being answered."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = dict[str, "Json"]

OLD_VERSION = "2022-11-28"
NEW_VERSION = "2026-03-10"
API_VERSION: ContextVar[str] = ContextVar("localhub_api_version", default=OLD_VERSION)


def old_version() -> bool:
    """Whether fields that 2026-03-10 dropped (`assignee`, `merge_commit_sha`) are still to be sent."""
    return API_VERSION.get() == OLD_VERSION


def time(moment: datetime) -> str:
    """A time as GitHub writes it, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_or_null(moment: datetime | None) -> str | None:
    """The same where there may be none."""
    return time(moment) if moment is not None else None
