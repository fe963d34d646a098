"""One session from its assignment to its report.

`SessionRunner.run` always returns a report: what an agent does wrong is Failed, what we or the network do wrong is
Void, which counts against nobody. Only cancellation passes through, after everything that was started has ended; the
tree stays then, and `SessionRunner.wind_up` makes a report of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from bot.agents.roster import Roster, UnknownAgent
from bot.disk.watch import SoundDisk, Suspecting
from bot.git.errors import GitFailed
from bot.git.mirror import Mirror
from bot.journal import (
    NOT_SALVAGED,
    PROGRESS_NOT_TAKEN,
    REPORT_NOT_WRITTEN,
    SALVAGE_REFUSED,
    SESSION_BROKE,
    SESSION_CANNOT_RUN,
    tell,
)
from bot.model.assignment import Assignment
from bot.model.identity import RepositoryName, SessionId
from bot.model.sandbox import Part, SandboxPolicy
from bot.model.session import Failed, FailureKind, Outcome, Role, SessionRecord, SessionReport, Spend, Void
from bot.sandbox.confinement import Confinement, establish
from bot.sandbox.sandbox import NO_SANDBOX, Sandbox
from bot.sessions.additions import additions_of
from bot.sessions.answering import plan, review
from bot.sessions.archive import pack
from bot.sessions.checkout import NotReady
from bot.sessions.evidence import Verification
from bot.sessions.gate.leaks import prepare as prepare_gate
from bot.sessions.going_on import conversation_of, prepare
from bot.sessions.guards import GUARDS, GuardServer
from bot.sessions.hooks import SessionHooks
from bot.sessions.inheritance import Inheritance, continuing
from bot.sessions.kept import KeptTree, KeptTrees
from bot.sessions.keys import access
from bot.sessions.leftovers import DataFolder
from bot.sessions.live import Live, Progress
from bot.sessions.memo import Memo, Memos, Tree
from bot.sessions.prompt import PromptFailed, compile_own, override
from bot.sessions.ready import ReadyTrees
from bot.sessions.salvage import salvage, with_salvage
from bot.sessions.standing import standing_rules
from bot.sessions.transcript import Transcript
from bot.sessions.transcripts import Transcripts, transcript_path
from bot.sessions.trash import Trash
from bot.sessions.turn import Stage
from bot.sessions.unheeded import unheeded
from bot.sessions.worker import work
from bot.sessions.workplace import find_base, make_workplace, session_folder

__all__ = ["Mirrors", "OnProgress", "SessionRunner", "transcript_path"]

log = structlog.get_logger(__name__)

OnProgress = Callable[[Progress], None]
Mirrors = Callable[[RepositoryName], Awaitable[Mirror]]
"""A prepared mirror of a repository; the same object every time."""


class SessionRunner:
    """Runs sessions below ``data/work``, with transcripts below ``data/transcripts``. It holds no state of a
    session, so any number run side by side; but one `data` belongs to one runner. To be used as an async context
    manager: entering it begins to end what a runner that was killed has left (sessions wait for that), leaving it
    waits until the workplaces are deleted."""

    def __init__(
        self,
        data: Path,
        mirrors: Mirrors,
        roster: Roster,
        *,
        on_progress: OnProgress = lambda progress: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        disk: Suspecting | None = None,
        sandbox: SandboxPolicy = NO_SANDBOX,
        ready_trees: int = 0,
    ) -> None:
        self._data = data.absolute()
        self._mirrors = mirrors
        self._roster = roster
        self._on_progress = on_progress
        self._clock = clock
        self._disk = disk or SoundDisk()
        self._policy = sandbox
        self._confinement = Confinement()
        self._trash = Trash(self._data / "trash")
        self.trees = ReadyTrees(self._data / "ready", self._trash, ready_trees, self._disk.check)
        self.kept = KeptTrees(self._trash, ready_trees, self._disk.check)
        self._memos = Memos(self._data / "sessions")
        self._inheritance = Inheritance(self._data, self._memos, self._trash, clock, roster.secrets())
        self.live = Live()
        self.transcripts = Transcripts(self._data)
        self._stopped: dict[Path, SessionHooks] = {}
        self._in_use: set[Path] = set()
        self._gate: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._folder = DataFolder(self._data)
        self._guards = GuardServer(self._folder.mark)
        with suppress(OSError):  # the first session prepares it then, and tells
            await self._guards.prepare()
        await self._trash.__aenter__()
        await self.trees.__aenter__()
        self._inheritance.enter(self._folder)
        self._warming = asyncio.create_task(asyncio.to_thread(compile_own))
        self._confinement = await asyncio.to_thread(establish, self._policy, self._data / "sandbox")
        for parts, sandbox in self._confinement.statements():
            log.info("sandbox", of=parts, in_force=sandbox.statement(), bounds=sandbox.bounded())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._warming
        if self._gate is not None:
            await self._gate
        await self._inheritance.leave()
        await self._guards.__aexit__(kind, error, trace)
        await self.trees.__aexit__(kind, error, trace)
        await self.kept.close()
        await self._trash.__aexit__(kind, error, trace)
        await asyncio.to_thread(self._confinement.close)

    async def unreported(
        self, repository: RepositoryName, claims: Sequence[SessionRecord]
    ) -> tuple[SessionReport, ...]:
        """The reports of those `claims` that an earlier runner began here and that nobody recorded."""
        return await self._inheritance.reports(repository, claims, await self._mirrors(repository))

    def recorded(self, repository: RepositoryName, sessions: Iterable[SessionId]) -> None:
        """The ends of these sessions are in the ledger: nothing more has to be remembered of them here."""
        for session in sessions:
            self._memos.drop(repository, session)

    async def wind_up(self, assignment: Assignment, reason: str) -> SessionReport:
        """The report of a session whose run was cancelled: void for `reason`, with what it had committed. To be
        called once `run` has ended. Raises nothing but CancelledError; the tree is kept for the next start then."""
        repository = RepositoryName.parse(assignment.repository)
        folder = session_folder(self._data / "work", repository, assignment.id)
        hooks = self._stopped.pop(folder, None)
        folder = hooks.stage.place.folder if hooks else folder
        outcome: Outcome = Void(reason=reason)
        memo = self._memos.read(repository, assignment.id)
        if memo is not None and memo.tree is not None and memo.report is None:
            try:
                mirror = await self._mirrors(repository)
                place = memo.tree.at(folder)
                found = await salvage(mirror, memo.assignment, place, memo.agent, self._clock(), self._roster.secrets())
                outcome = with_salvage(outcome, found)
            except Exception:
                tell(NOT_SALVAGED, traceback=True, **assignment.ids)
        report = _report(assignment, outcome, hooks.stage if hooks else None)
        self.live.over(assignment.repository, assignment.id)
        self._remember(Memo(assignment=assignment, agent=assignment.agent, report=report))
        if hooks is not None:
            GUARDS.set(self._guards)
            path = transcript_path(self._data, repository, assignment.id)
            # the last hook is heard by nobody where the disk does not take it
            with suppress(OSError), self._transcript(path, repository, assignment.id, append=True) as transcript:
                hooks.stage.transcript = transcript
                await hooks.hurry()
            await self._pack(path)
        self._trash.throw(folder)
        return report

    async def run(self, assignment: Assignment) -> SessionReport:
        """Carry the session out. Raises nothing but CancelledError."""
        GUARDS.set(self._guards)
        if self._gate is None:  # the first session: imported while its agent works, not by a start that has none
            self._gate = asyncio.create_task(asyncio.to_thread(prepare_gate))
        model = self._roster.model(assignment.agent, assignment.model)
        assignment = assignment.model_copy(update={"model": model})
        stage: Stage | None = None
        outcome: Outcome
        try:
            await self._inheritance.cleared()
            repository = RepositoryName.parse(assignment.repository)
            path = transcript_path(self._data, repository, assignment.id)
            with self._transcript(path, repository, assignment.id) as transcript:
                outcome, stage = await self._run(assignment, repository, transcript)
                transcript.note("outcome", outcome.model_dump_json())
            await self._pack(path)
        except Exception as error:
            if (sentence := self._disk.suspect(error)) is not None:
                outcome = Void(reason=sentence)
            else:
                tell(SESSION_BROKE, traceback=True, **assignment.ids)
                outcome = Void(reason=f"the bot failed: {type(error).__name__}: {error}"[:1000])
        report = _report(assignment, outcome, stage)
        self.live.over(assignment.repository, assignment.id)
        self._remember(Memo(assignment=assignment, agent=assignment.agent, report=report))
        return report

    def _transcript(
        self, path: Path, repository: RepositoryName, session: SessionId, *, append: bool = False
    ) -> Transcript:
        on_news = partial(self.transcripts.tell, repository, session)
        return Transcript(path, self._roster.secrets(), self._clock, append=append, on_news=on_news)

    async def _pack(self, path: Path) -> None:
        """Where the disk does not take it, the transcript stays as it is."""
        with suppress(OSError):  # as the docstring says
            await asyncio.to_thread(pack, path)

    def _remember(self, memo: Memo) -> None:
        """Until the ledger has it, a report is on the disk too."""
        try:
            self._memos.write(memo)
        except (OSError, ValueError) as error:
            tell(REPORT_NOT_WRITTEN, **memo.assignment.ids, error=str(error))

    async def _run(
        self, assignment: Assignment, repository: RepositoryName, transcript: Transcript
    ) -> tuple[Outcome, Stage | None]:
        own = session_folder(self._data / "work", repository, assignment.id)
        if own in self._in_use:
            return Void(reason="a later attempt works in the folder of a session of this name"), None
        kept = self.kept.take(assignment)
        folder = kept.folder if kept else own
        self._trash.throw(own)
        begun: list[SessionHooks] = []
        self._in_use.add(folder)
        try:
            outcome = await self._carry_out(assignment, repository, transcript, begun, kept)
            for hooks in begun:
                await hooks.before_remove()
                place, goes_on = hooks.stage.place, conversation_of(hooks.stage, outcome)
                if await self.kept.keep(assignment, folder, outcome, hooks.stage.mirror, place.start, goes_on):
                    return outcome, hooks.stage
        except asyncio.CancelledError:
            if begun:
                self._stopped[own] = begun[0]
                raise
            self._trash.throw(folder)
            raise
        except BaseException:
            self._trash.throw(folder)
            raise
        finally:
            self._in_use.discard(folder)
        with suppress(OSError):  # a disk that cannot be written to; what was achieved counts
            self._trash.throw(folder)
        return outcome, begun[0].stage if begun else None

    async def _carry_out(
        self,
        assignment: Assignment,
        repository: RepositoryName,
        transcript: Transcript,
        begun: list[SessionHooks],
        kept: KeptTree | None,
    ) -> Outcome:
        """Everything but the removal of the tree. What has a tree stands in `begun`."""
        stage: Stage | None = None
        folder = kept.folder if kept else session_folder(self._data / "work", repository, assignment.id)
        sandbox, verifying = self._sandboxes(assignment)
        for part, one in ((assignment.role.value, sandbox), (Part.VERIFY.value, verifying)):
            if one.refusal is not None:
                return Void(reason=one.statement())
            if one is sandbox or one.statement() != sandbox.statement():
                transcript.note("sandbox", f"{part}: {one.statement()}; {one.bounded()}")
        try:
            agent = self._roster.find(assignment.agent)
            mirror = await self._mirrors(repository)
            base = await find_base(mirror, assignment)
            assignment = await continuing(mirror, assignment)
            begins = assignment.model_copy(update={"starts_from": assignment.continues or assignment.starts_from})
            additions = additions_of(assignment.worktree, mirror, repository, self._mirrors)
            place = await make_workplace(mirror, begins, folder, base, self._clock(), self.trees, additions, kept)
            await self.kept.begin(assignment, place.folder)
            on_text = self._teller(assignment)
            needs = self._roster.needs(agent, assignment.model)
            asks = access(sandbox, needs, self._roster.base_url(agent), self._roster.credentials(agent))
            stage = Stage(
                assignment,
                agent,
                asks.credentials,
                mirror,
                place,
                transcript,
                on_text,
                self._clock,
                mark=self._folder.mark,
            )
            stage.base_url, stage.reach, stage.mcp = asks.base_url, asks.reach, self._roster.mcp(agent)
            stage.sandbox, stage.verifying, stage.agent_reads = sandbox, verifying, needs.paths
            await prepare(stage, kept)
            if assignment.role is Role.WORKER:
                tree = Tree(base=place.base, start=place.start, branch=place.branch, made=self._clock())
                tree = tree.model_copy(update={"lies_with": SessionId(kept.folder.name) if kept else None})
                self._remember(Memo(assignment=assignment, agent=agent.name, tree=tree))
            begun.append(SessionHooks(stage, new_tree=not place.resumed))
            return await _leaving(stage, await self._excused(await self._hooked(begun[0]), transcript))
        except (UnknownAgent, PromptFailed) as error:
            return Failed(reason=FailureKind.AGENT, detail=str(error))
        except (NotReady, GitFailed, OSError) as error:
            sentence = self._disk.suspect(error)
            if sentence is None and isinstance(error, OSError):
                raise
            tell(SESSION_CANNOT_RUN, **assignment.ids, error=transcript.mask(str(error)))
            void = Void(reason=sentence or transcript.mask(str(error))[:2000])
            return await _leaving(stage, void) if stage else void

    def _sandboxes(self, assignment: Assignment) -> tuple[Sandbox, Sandbox]:
        """What the agent runs in, and what its verify command does; the same where there is none."""
        agents = self._confinement.of(Part(assignment.role.value), assignment.agent, assignment.network)
        verifies = assignment.verify_command is not None and assignment.role is not Role.PLANNER
        return agents, self._confinement.of(Part.VERIFY, None, assignment.verify_network) if verifies else agents

    async def _excused(self, outcome: Outcome, transcript: Transcript) -> Outcome:
        """`outcome`, or void where it is a failure while the disk was in trouble: that is nobody's fault."""
        if outcome.kind != "failed":
            return outcome
        told = self._disk.suspect(transcript.trouble) if transcript.trouble is not None else None
        sentence = told or await self._disk.check()
        return Void(reason=sentence) if sentence is not None else outcome

    async def _hooked(self, hooks: SessionHooks) -> Outcome:
        """`_play` between the hooks of the repository."""
        if (failed := await hooks.begin()) is not None:
            return failed
        try:
            outcome = await self._play(hooks.stage)
        except Exception:
            await hooks.after_run()
            raise
        await hooks.after_run()
        return outcome

    async def _play(self, stage: Stage) -> Outcome:
        """The checkout for the verify command is made while the agent works."""
        assignment, mirror = stage.assignment, stage.mirror
        for sentence in unheeded(stage.agent, assignment):
            stage.transcript.note("unheeded", sentence)
        stage.system = await standing_rules(mirror, assignment, self._roster.system(stage.agent))
        template = await override(mirror, assignment.default_branch or assignment.base_branch, assignment.template)
        if assignment.role is Role.PLANNER:
            return await plan(stage, template)
        will_verify = assignment.role is Role.WORKER and assignment.verify_command is not None
        ahead = stage.place.start if will_verify else None
        folder = stage.place.folder / "verify"
        shape = assignment.worktree
        # one of its own: what an agent's tree borrows from and what this one does are made at the same time
        additions = additions_of(shape, mirror, RepositoryName.parse(assignment.repository), self._mirrors)
        async with Verification(
            *(mirror, folder, ahead, self._folder.mark, stage.verifying, shape), additions=additions
        ) as verification:
            if assignment.role is Role.REVIEWER:
                return await review(stage, template, verification)
            return await work(stage, template, verification)

    def _teller(self, assignment: Assignment) -> Callable[[str], None]:
        repository = RepositoryName.parse(assignment.repository)

        def teller(text: str) -> None:
            try:
                progress = Progress(repository, assignment.id, text, self._clock())
                self.live.heard(progress)
                self._on_progress(progress)
            except Exception:
                tell(PROGRESS_NOT_TAKEN, traceback=True, **assignment.ids)

        return teller


def _report(assignment: Assignment, outcome: Outcome, stage: Stage | None) -> SessionReport:
    if stage is None:
        return SessionReport(id=assignment.id, outcome=outcome, spend=Spend())
    return SessionReport(id=assignment.id, outcome=outcome, spend=stage.spend, prompt=stage.prompt, said=stage.said)


async def _leaving(stage: Stage, outcome: Outcome) -> Outcome:
    """`outcome` with what the session leaves behind. A refusal of the gate that it tells of is not told twice."""
    if stage.assignment.role is not Role.WORKER or outcome.kind not in ("failed", "blocked", "void"):
        return outcome
    try:
        found = await salvage(
            stage.mirror, stage.assignment, stage.place, stage.agent.name, stage.clock(), stage.transcript.secrets
        )
    except GitFailed as error:
        stage.transcript.note("salvage", str(error))
        tell(NOT_SALVAGED, **stage.assignment.ids, error=stage.transcript.mask(str(error)))
        return outcome
    if found is not None and found.head is None and _tells_of(outcome, stage.transcript.mask(found.refusal or "")):
        return outcome
    if found is not None:
        stage.transcript.note("salvage", f"the head is {found.head}" if found.head else f"{found.refusal}")
        if found.head is None:
            tell(SALVAGE_REFUSED, **stage.assignment.ids, reason=found.refusal)
    return with_salvage(outcome, found)


def _tells_of(outcome: Outcome, refusal: str) -> bool:
    return isinstance(outcome, Failed) and outcome.reason is FailureKind.GATE and refusal in outcome.detail
