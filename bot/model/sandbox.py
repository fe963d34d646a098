"""What a server's operator asks for around agents: which sandbox, which network, how much of the machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

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


class Part(StrEnum):
    """What runs in a sandbox: an agent in its role (hooks with it), or the verify command."""

    PLANNER = "planner"
    WORKER = "worker"
    REVIEWER = "reviewer"
    VERIFY = "verify"


_OPENNESS = (NetworkMode.NONE, NetworkMode.MODEL_ONLY, NetworkMode.OPEN)
_STRENGTH = (SandboxMode.NONE, SandboxMode.AUTO, SandboxMode.BUBBLEWRAP, SandboxMode.CONTAINER)


class Terms(Frozen):
    """What holds for one part of the work or for one agent instead of what holds for all."""

    sandbox: Annotated[SandboxMode | None, Field(description="What it runs in.")] = None
    network: Annotated[NetworkMode | None, Field(description="What it reaches.")] = None
    hosts: Annotated[tuple[str, ...], Field(description="Hosts that it reaches as well with `model-only`.")] = ()


class Bounds(Frozen):
    """What one session may use of the machine; 0 is no bound. MB are of a million bytes."""

    memory_mb: int = 0
    processes: int = 0
    disk_mb: int = 0


class SandboxPolicy(Frozen):
    """`paths` can be read inside besides the system and the agent's program; `hosts` can be reached besides the
    model's where the network is `model-only`. `hidden` are files and folders of the server that are never seen
    inside, even where they lie below something that is. `engine` (the words that start its client, found if empty)
    and `image` are those of containers. `parts` and `agents` change mode and network for some."""

    mode: SandboxMode = SandboxMode.AUTO
    network: NetworkMode = NetworkMode.OPEN
    paths: tuple[Path, ...] = ()
    hosts: tuple[str, ...] = ()
    bounds: Bounds = Bounds()
    hidden: tuple[Path, ...] = ()
    engine: str = ""
    image: str = ""
    parts: Mapping[Part, Terms] = {}
    agents: Mapping[str, Terms] = {}

    def of(self, part: Part, agent: str | None = None, repository: NetworkMode | None = None) -> SandboxPolicy:
        """What holds for one run. Where its part and its agent are both given terms, the stricter hold, and of two
        sandboxes that are as strict the agent's: it says where its program is. A repository's wish makes the network
        narrower, never wider."""
        terms = [self.parts.get(part, Terms()), self.agents.get(agent or "", Terms())]
        network = narrowest(one.network for one in terms) or self.network
        modes = [one.sandbox for one in terms if one.sandbox is not None]
        mode = max(modes, key=lambda mode: min(_STRENGTH.index(mode), 2) * 2 + (mode is terms[1].sandbox), default=None)
        return self.model_copy(
            update={
                "mode": mode or self.mode,
                "network": narrowest((network, repository)) or network,
                "hosts": tuple(dict.fromkeys((*self.hosts, *(host for one in terms for host in one.hosts)))),
                "parts": {},
                "agents": {},
            }
        )


def narrowest(modes: Iterable[NetworkMode | None]) -> NetworkMode | None:
    """Of those that are set; None where none is."""
    return min((mode for mode in modes if mode is not None), key=_OPENNESS.index, default=None)
