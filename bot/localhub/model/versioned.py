"""Reads that lag behind writes.

GitHub answers reads from replicas: what was just written may not be seen for seconds. So a model object
can remember what its fields were. While reads lag (`faults.read_lag`), every assignment keeps the old
value with the time of the change, and a read made inside `as_of(time)` gets the value of that time, with
whole collections (comments, sub-issues, pull requests) as they were, because collections are replaced and
never changed in place. A copy of the whole state per write was tried on paper and rejected: it costs a
write in proportion to the size of the hub.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.localhub.model.hub import Hub

_AS_OF: ContextVar[datetime | None] = ContextVar("localhub_as_of", default=None)


@contextmanager
def as_of(moment: datetime | None) -> Iterator[None]:
    """Reads inside see the state of `moment`; None means the present."""
    token = _AS_OF.set(moment)
    try:
        yield
    finally:
        _AS_OF.reset(token)


def moment_read() -> datetime | None:
    """The moment that is being read; None means the present."""
    return _AS_OF.get()


class Versioned:
    """A model object whose past can be read. Subclasses have a `hub` field."""

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            state = object.__getattribute__(self, "__dict__")
            hub: Hub | None = state.get("hub")
            if hub is not None and name in state and hub.faults.read_lag > 0:
                state.setdefault("_past", []).append((hub.now(), name, state[name]))
            object.__setattr__(self, name, value)

        def __getattribute__(self, name: str) -> object:
            moment = _AS_OF.get()
            if moment is None:
                return object.__getattribute__(self, name)
            past = object.__getattribute__(self, "__dict__").get("_past", ())
            for changed, field, old in past:
                if field == name and changed > moment:
                    return old
            return object.__getattribute__(self, name)
