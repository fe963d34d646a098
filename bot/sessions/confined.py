"""Running a session's programs in the sandbox that is in force."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence

from bot.sandbox.bubblewrap import Room
from bot.sandbox.sandbox import Sandbox
from bot.sessions.process import Ending, OnOutput, run_guarded


async def run_confined(
    sandbox: Sandbox,
    room: Room,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    seconds: float,
    on_output: OnOutput,
    on_error_output: OnOutput | None = None,
) -> Ending:
    """As `run_guarded`, in `sandbox`; `room` says what the program needs."""
    if sandbox.host is not None and shutil.which(argv[0], path=environment.get("PATH")) is None:
        return Ending(127, 0.0, problem="it could not be started: No such file or directory")
    return await run_guarded(
        sandbox.confine(argv, environment, room),
        folder=room.folder,
        environment=environment,
        seconds=seconds,
        on_output=on_output,
        on_error_output=on_error_output,
    )
