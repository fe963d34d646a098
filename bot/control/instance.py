"""Who this run of the server is, and how it tells the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.disk.watch import DiskState, SoundDisk
from bot.model.identity import InstanceId, Login


@dataclass(frozen=True, slots=True)
class Instance:
    """`clock` tells the time at GitHub, in UTC. `settle` is how long reads of GitHub may lag behind writes.
    `longest_pause`: the most seconds between two tries while GitHub cannot be reached."""

    id: InstanceId
    bot: Login
    default_agent: str
    settle: timedelta
    clock: Callable[[], datetime]
    longest_pause: float = 60.0
    disk: DiskState = field(default_factory=SoundDisk)
    agents: tuple[str, ...] = ()
    """The names of the agents that this server offers."""
