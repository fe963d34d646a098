"""One run in a container: its private folder before, its end by name afterwards."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Self

from bot.model.sandbox import Bounds, NetworkMode
from bot.sandbox.bubblewrap import Room
from bot.sandbox.container import ENVIRONMENT, SAID, Engine, contained, environment_file
from bot.sandbox.engine import client_environment

_ENDING = 30.0


class ContainerRun:
    """To be used as an async context manager: when it is left, nothing of the container is there any more, whatever
    became of the client. `ended_well` is set by whoever saw the client end by itself: then the engine has removed it.
    """

    def __init__(self, engine: Engine, environment: Mapping[str, str]) -> None:
        self._engine = engine
        self._inside = environment
        self.name = f"crewline-{token_hex(8)}"
        self.ended_well = False

    async def __aenter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="crewline-"))
        file = self.folder / ENVIRONMENT
        file.touch(0o600)
        file.write_text(environment_file(self._inside))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self.ended_well:
                await asyncio.shield(asyncio.to_thread(self._remove))
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def argv(self, argv: Sequence[str], room: Room, network: NetworkMode, bounds: Bounds) -> list[str]:
        """What starts `argv` in it."""
        session = self._inside.get("CREWLINE_SESSION", "")
        return contained(argv, self._engine, room, network, bounds, self.name, self.folder, session)

    @property
    def environment(self) -> dict[str, str]:
        """That of the engine's client: nothing of the run's own is in it but the mark."""
        return client_environment() | {name: self._inside[name] for name in ("CREWLINE_RUN",) if name in self._inside}

    @property
    def began(self) -> bool:
        """Whether the program was started, or at least a shell before it."""
        return (self.folder / SAID).exists()

    def reached(self) -> tuple[str, ...]:
        """Which of the engine's bounds the run came up against: what was written inside, so it is believed no more
        than to be told."""
        try:
            words = (self.folder / SAID).read_bytes()[:200].decode(errors="replace").split()
        except OSError:
            return ()
        return tuple(name for name in ("memory", "processes") if name in words)

    def _remove(self) -> None:
        try:
            subprocess.run(
                self._engine.command("rm", "--force", self.name),
                env=client_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_ENDING,
            )
        except (OSError, subprocess.TimeoutExpired):
            return  # the next server's start finds it by its label
