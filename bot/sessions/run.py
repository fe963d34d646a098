"""One session from its assignment to its report.

`SessionRunner.run` always returns a report: what an agent does wrong is Failed, what we or the network do wrong is
Void, which counts against nobody. Only cancellation passes through, after everything that was started has ended.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.agents.roster import Roster, UnknownAgent
from bot.git.errors import GitFailed
from bot.git.mirror import Mirror
from bot.model.assignment import Assignment
from bot.model.identity import RepositoryName, SessionId
from bot.model.session import Failed, FailureKind, Outcome, Role, SessionReport, Spend, Void
from bot.sessions.answering import plan, review
from bot.sessions.evidence import Verification
from bot.sessions.prompt import PromptFailed, override
from bot.sessions.transcript import Transcript
from bot.sessions.trash import Trash
from bot.sessions.turn import Stage
from bot.sessions.worker import work
from bot.sessions.workplace import NotReady, find_base, make_workplace, session_folder

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a session does now, in one masked line for the live view."""

    repository: RepositoryName
    session: SessionId
    text: str
    at: datetime


OnProgress = Callable[[Progress], None]
Mirrors = Callable[[RepositoryName], Awaitable[Mirror]]
"""A prepared mirror of a repository; the same object every time."""


def transcript_path(data: Path, repository: RepositoryName, session: SessionId) -> Path:
    """Where a session's transcript lies, whether or not it exists. Raises ValueError as `session_folder` does."""
    folder = session_folder(data / "transcripts", repository, session)
    return folder.with_name(f"{folder.name}.jsonl")


class SessionRunner:
    """Runs sessions below ``data/work``, with transcripts below ``data/transcripts``. It holds no state of a
    session, so any number run side by side; but one `data` belongs to one runner. To be used as an async context
    manager: entering it clears what a runner that was killed has left, leaving it waits until the workplaces are
    deleted."""

    def __init__(
        self,
        data: Path,
        mirrors: Mirrors,
        roster: Roster,
        *,
        on_progress: OnProgress = lambda progress: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._data = data.absolute()
        self._mirrors = mirrors
        self._roster = roster
        self._on_progress = on_progress
        self._clock = clock
        self._trash = Trash(self._data / "trash")

    async def __aenter__(self) -> Self:
        await self._trash.__aenter__()
        self._trash.throw(self._data / "work")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._trash.__aexit__(kind, error, trace)

    async def run(self, assignment: Assignment) -> SessionReport:
        """Carry the session out. Raises nothing but CancelledError."""
        spend = Spend()
        outcome: Outcome
        try:
            repository = RepositoryName.parse(assignment.repository)
            path = transcript_path(self._data, repository, assignment.id)
            with Transcript(path, self._roster.secrets(), self._clock) as transcript:
                outcome, spend = await self._run(assignment, repository, transcript)
                transcript.note("outcome", outcome.model_dump_json())
        except Exception as error:
            _log.exception("session %s of %s broke", assignment.id, assignment.repository)
            outcome = Void(reason=f"the bot failed: {type(error).__name__}: {error}"[:1000])
        return SessionReport(id=assignment.id, outcome=outcome, spend=spend)

    async def _run(
        self, assignment: Assignment, repository: RepositoryName, transcript: Transcript
    ) -> tuple[Outcome, Spend]:
        stage: Stage | None = None
        folder = session_folder(self._data / "work", repository, assignment.id)
        self._trash.throw(folder)
        try:
            agent = self._roster.find(assignment.agent)
            mirror = await self._mirrors(repository)
            base = await find_base(mirror, assignment)
            place = await make_workplace(mirror, assignment, folder, base, self._clock())
            on_text = self._teller(repository, assignment.id)
            credentials = self._roster.credentials(agent)
            stage = Stage(assignment, agent, credentials, mirror, place, transcript, on_text, self._clock)
            return await self._play(stage), stage.spend
        except (UnknownAgent, PromptFailed) as error:
            return Failed(reason=FailureKind.AGENT, detail=str(error)), Spend()
        except (NotReady, GitFailed) as error:
            _log.warning("session %s of %s cannot run now: %s", assignment.id, repository, error)
            return Void(reason=transcript.mask(str(error))[:2000]), stage.spend if stage else Spend()
        finally:
            self._trash.throw(folder)

    async def _play(self, stage: Stage) -> Outcome:
        """The checkout for the verify command is made while the agent works."""
        assignment, mirror = stage.assignment, stage.mirror
        template = await override(mirror, assignment.default_branch or assignment.base_branch, assignment.role)
        if assignment.role is Role.PLANNER:
            return await plan(stage, template)
        will_verify = assignment.role is Role.WORKER and assignment.verify_command is not None
        ahead = stage.place.start if will_verify else None
        async with Verification(mirror, stage.place.folder / "verify", ahead) as verification:
            if assignment.role is Role.REVIEWER:
                return await review(stage, template, verification)
            return await work(stage, template, verification)

    def _teller(self, repository: RepositoryName, session: SessionId) -> Callable[[str], None]:
        def tell(text: str) -> None:
            try:
                self._on_progress(Progress(repository, session, text, self._clock()))
            except Exception:
                _log.exception("progress of session %s was not taken", session)

        return tell
