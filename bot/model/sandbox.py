"""What a server's operator asks for around agents: which sandbox, which network, how much of the machine."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from bot.model.frozen import Frozen


class SandboxMode(StrEnum):
    AUTO = "auto"
    BUBBLEWRAP = "bubblewrap"
    CONTAINER = "container"
    NONE = "none"


class NetworkMode(StrEnum):
    """What a session may reach: nothing, the hosts of its model, or what the machine reaches."""

    NONE = "none"
    MODEL_ONLY = "model-only"
    OPEN = "open"


class Bounds(Frozen):
    """What one session may use of the machine; 0 is no bound. MB are of a million bytes."""

    memory_mb: int = 0
    processes: int = 0
    disk_mb: int = 0


class SandboxPolicy(Frozen):
    """`paths` can be read inside besides the system and the agent's program; `hosts` can be reached besides the
    model's where the network is `model-only`. `hidden` are files and folders of the server that are never seen
    inside, even where they lie below something that is."""

    mode: SandboxMode = SandboxMode.AUTO
    network: NetworkMode = NetworkMode.OPEN
    paths: tuple[Path, ...] = ()
    hosts: tuple[str, ...] = ()
    bounds: Bounds = Bounds()
    hidden: tuple[Path, ...] = ()
