"""The hooks of a repository around a session: its own commands, run where and as its agent runs.

What must hold: the commands come from the default branch (the assignment has them from there), but what they run lies
in the tree, which an earlier agent may have written. So a hook is trusted no more than an agent: the same sandbox, the
same environment without the agent's credentials, a limit, and nothing of it lives on. Whatever it commits is judged as
the agent's work is.

``after_create`` and ``before_run`` come before the agent, and where one fails, the attempt has failed. ``after_run``
comes when the outcome is known and the work is brought back, so that it can change neither; ``before_remove`` right
before the tree goes. A session that was stopped has both when it is wound up, with less time. A server that was killed
owes them.
"""

from __future__ import annotations

import time
from contextlib import suppress

from bot.model.hooks import Moment
from bot.model.session import Failed, FailureKind
from bot.sandbox.bubblewrap import Room
from bot.sessions.confined import run_confined
from bot.sessions.process import Ending, Tail
from bot.sessions.surroundings import Folders, clean_environment
from bot.sessions.turn import Stage

SHOWN = 6_000
"""Bytes of a hook's output that are kept."""
HURRY = 20.0
"""Seconds that the last hooks of a session have together where it was stopped."""


class SessionHooks:
    """The hooks of one session. Each runs once at most, whoever asks."""

    def __init__(self, stage: Stage, *, new_tree: bool = True) -> None:
        self.stage = stage
        self._left = [Moment.BEFORE_RUN, Moment.AFTER_RUN, Moment.BEFORE_REMOVE]
        if new_tree:
            self._left.insert(0, Moment.AFTER_CREATE)

    async def begin(self) -> Failed | None:
        """Before the agent; what is returned is why it may not run."""
        for moment in (Moment.AFTER_CREATE, Moment.BEFORE_RUN):
            if (problem := await self._run(moment)) is not None:
                self._drop(Moment.AFTER_RUN)  # nothing was run
                return self.stage.failed(FailureKind.HOOK, problem)
        return None

    async def after_run(self) -> None:
        with suppress(OSError):  # it may not change the outcome; the transcript says what it came to
            await self._run(Moment.AFTER_RUN)

    async def before_remove(self) -> None:
        with suppress(OSError):  # the same
            await self._run(Moment.BEFORE_REMOVE)

    async def hurry(self) -> None:
        """What is left of them for a session that was stopped, within `HURRY` seconds."""
        until = time.monotonic() + HURRY
        for moment in (Moment.AFTER_RUN, Moment.BEFORE_REMOVE):
            await self._run(moment, most=until - time.monotonic())

    def _drop(self, moment: Moment) -> bool:
        """Whether it had not run yet."""
        if moment not in self._left:
            return False
        self._left.remove(moment)
        return True

    async def _run(self, moment: Moment, most: float | None = None) -> str | None:
        """Why it failed, if it did."""
        hooks = self.stage.assignment.hooks
        command = hooks.command(moment)
        if not self._drop(moment) or command is None:
            return None
        seconds = hooks.minutes * 60.0 if most is None else max(1.0, min(most, hooks.minutes * 60.0))
        self.stage.on_text(f"{moment.value}: {command}")
        tail = Tail(SHOWN)
        ending = await run_confined(
            self.stage.sandbox,
            _room(self.stage),
            ("/bin/sh", "-c", command),
            environment=_environment(self.stage, moment),
            seconds=seconds,
            on_output=tail,
        )
        said = _how(ending, seconds)
        self.stage.transcript.note("hook", f"`{moment.value}` {said}: {command}\n{tail.text}".rstrip())
        if ending.code == 0 and not ending.timed_out:
            return None
        return f"The hook `{moment.value}` (`{command}`) {said}. The end of its output:\n{tail.text[-4000:]}"


def _how(ending: Ending, seconds: float) -> str:
    if ending.timed_out:
        return f"was ended at its limit of {seconds:g} s"
    if ending.problem:
        return f"did not run: {ending.problem}"
    return f"ended with exit code {ending.code} after {ending.seconds:.1f} s"


def _room(stage: Stage) -> Room:
    place = stage.place
    return Room(
        folder=place.tree,
        temporary=place.temporary,
        writable=(place.tree, place.repository, place.home, place.temporary),
        readable=(stage.mirror.path.absolute() / "objects", *place.lent),
    )


def _environment(stage: Stage, moment: Moment) -> dict[str, str]:
    assignment, place = stage.assignment, stage.place
    folders = Folders(place.home, place.temporary, stage.mark)
    return {
        **clean_environment(folders, stage.mirror.identity),
        "CREWLINE_HOOK": moment.value,
        "CREWLINE_SESSION": assignment.id,
        "CREWLINE_ROLE": assignment.role.value,
        "CREWLINE_OBJECTIVE": str(assignment.objective),
        "CREWLINE_TASK": assignment.task or "",
        "CREWLINE_BASE": place.base,
    }
