"""What a session says, from a point on: what an engine answers to whoever follows one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RunState(StrEnum):
    RUNNING = "running"
    """It runs, or waits for its slot: more lines may come."""
    ENDED = "ended"
    """No line comes that is not in its transcript already."""
    UNKNOWN = "unknown"
    """Nothing is known of such a session here."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of a session's transcript, without their line ends. `next` is the offset to go on from: the bytes of the
    unpacked transcript up to and with the last of `lines`. A batch is bounded, so an ended session is read to its end
    only where a batch of it has no lines."""

    lines: tuple[str, ...]
    next: int
    state: RunState


class NotAnOffset(Exception):
    """No line of the transcript begins there, nor does it end there: it was begun anew since, or nobody said it."""
