"""Sessions without processes: an agent's work as it shows in reports and in the mirror, in virtual time.

What the real runner does around an agent is done here in the same order: the newest base is fetched, the base is
merged into work that goes on, commits are written into the mirror, verified, reported. The real one is tested with
real processes elsewhere.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from bot.git.errors import GitFailed
from bot.git.loose import NewCommit, write_commit, write_object
from bot.git.mirror import Mirror
from bot.model.assignment import Assignment, PlannerBriefing, ReviewerBriefing, WorkerBriefing
from bot.model.identity import CommitSha, RepositoryName
from bot.model.session import (
    Evidence,
    Failed,
    FailureKind,
    Judged,
    Outcome,
    Planned,
    Published,
    SessionReport,
    Spend,
    Summary,
    Void,
)
from bot.sessions.checkout import NotReady
from bot.sessions.workplace import find_base
from tests.torture.boundaries import Boundaries
from tests.torture.playbook import BROKEN, EXTRA, Play, Playbook, file_of

SECONDS = {"planner": (20, 40), "worker": (30, 90), "reviewer": (20, 50)}


class PlayedSessions:
    """A `bot.engines.local.Runner`. How long a session takes follows from the seed and what it is told. `check` is
    shown each assignment before it starts."""

    def __init__(
        self,
        mirrors: Callable[[RepositoryName], Awaitable[Mirror]],
        playbook: Playbook,
        boundaries: Boundaries,
        clock: Callable[[], datetime],
        seed: int,
        check: Callable[[Assignment], Awaitable[None]],
    ) -> None:
        self._mirrors = mirrors
        self._playbook = playbook
        self._boundaries = boundaries
        self._clock = clock
        self._seed = seed
        self._check = check

    async def run(self, assignment: Assignment) -> SessionReport:
        await self._check(assignment)
        await self._boundaries.reach(f"session {assignment.id} starts")
        spend = Spend()
        outcome: Outcome
        try:
            mirror = await self._mirrors(RepositoryName.parse(assignment.repository))
            base = await find_base(mirror, assignment)
            spend = self._spend(assignment)
            await asyncio.sleep(spend.seconds)
            outcome = await self._outcome(mirror, assignment, base)
        except (NotReady, GitFailed) as error:
            outcome = Void(reason=str(error)[:2000])
        await self._boundaries.reach(f"session {assignment.id} ends: {outcome.kind}")
        return SessionReport(id=assignment.id, outcome=outcome, spend=spend)

    async def _outcome(self, mirror: Mirror, assignment: Assignment, base: CommitSha) -> Outcome:
        briefing = assignment.briefing
        match briefing:
            case PlannerBriefing():
                return Planned(answer=self._playbook.play(briefing.title).answer(briefing))
            case WorkerBriefing():
                work = _Work(mirror, assignment, base, self._clock())
                return await work.done(self._playbook.play(briefing.objective_title), briefing)
            case ReviewerBriefing():
                return await _judge(mirror, assignment, self._playbook.play(briefing.objective_title), briefing)

    def _spend(self, assignment: Assignment) -> Spend:
        chance = random.Random(f"{self._seed} {assignment.objective} {assignment.role} {_told(assignment)}")
        seconds = round(chance.uniform(*SECONDS[assignment.role.value]), 3)
        return Spend(seconds=seconds, usd=round(seconds / 1000, 6), input_tokens=int(seconds * 10), output_tokens=100)


def _told(assignment: Assignment) -> str:
    """What tells one session of a task from the next one that counts."""
    match assignment.briefing:
        case PlannerBriefing() as briefing:
            need = briefing.need.task if briefing.need else None
            return f"{len(briefing.answered)} {briefing.setback is not None} {need}"
        case WorkerBriefing() as briefing:
            reason = briefing.setback.reason if briefing.setback else None
            return f"{briefing.task.key} {reason} {len(briefing.findings)} {briefing.hint}"
        case ReviewerBriefing() as briefing:
            return f"{briefing.task.key} {briefing.round}"


class _Work:
    """One worker's commit."""

    def __init__(self, mirror: Mirror, assignment: Assignment, base: CommitSha, at: datetime) -> None:
        self._mirror = mirror
        self._assignment = assignment
        self._base = base
        self._at = at

    async def done(self, play: Play, briefing: WorkerBriefing) -> Outcome:
        if play.lacking(briefing):
            return Failed(reason=FailureKind.PARTIAL, detail=f"It needs {EXTRA}.", outside=(EXTRA,))
        path, text = file_of(briefing.task.key), play.text(briefing)
        parents, tree = await self._start()
        files = await _files(self._mirror, tree)
        if len(parents) > 1 and path in files and await self._conflicts():
            text = (await _content(self._mirror, self._base, path)).decode() + text
        files[path] = ("100644", write_object(self._mirror.path, "blob", text.encode()))
        head = self._commit(_tree(self._mirror, files), parents)
        evidence = await _verify(self._mirror, self._assignment, head)
        if evidence is not None and not evidence.passed:
            return Failed(reason=FailureKind.VERIFY, detail="It is broken.", evidence=evidence)
        summary = Summary(status="completed", summary=f"Wrote {path}.")
        return Published(head=head, base=self._base, evidence=evidence, summary=summary)

    async def _start(self) -> tuple[tuple[CommitSha, ...], str]:
        """The parents of the work and the tree that it begins with, as `make_workplace` merges them."""
        ours, base = self._assignment.starts_from, self._base
        if ours is None or not await self._mirror.missing_from(base, [ours]):
            return (base,), await self._tree_of(base)
        if not await self._mirror.missing_from(ours, [base]):
            return (ours,), await self._tree_of(ours)
        if await self._conflicts():
            return (ours, base), await self._tree_of(base)
        merged = await self._mirror.git("merge-tree", "--write-tree", "--no-messages", ours, base)
        return (ours, base), merged.stdout.split()[0].decode()

    async def _conflicts(self) -> bool:
        ours = self._assignment.starts_from
        assert ours is not None
        merged = await self._mirror.git("merge-tree", "--write-tree", "--no-messages", ours, self._base, accept=(0, 1))
        return bool(merged.exit_code)

    async def _tree_of(self, commit: CommitSha) -> str:
        info = await self._mirror.objects.info(f"{commit}^{{tree}}")
        assert info is not None
        return info.name

    def _commit(self, tree: str, parents: tuple[CommitSha, ...]) -> CommitSha:
        who, at = self._mirror.identity, self._at
        message = f"Work\n\nCrewline-Session: {self._assignment.id}"
        return write_commit(self._mirror.path, NewCommit(tree, parents, who, at, who, at, message))


async def _judge(mirror: Mirror, assignment: Assignment, play: Play, briefing: ReviewerBriefing) -> Outcome:
    head = assignment.judges or briefing.head
    fresh = await _verify(mirror, assignment, head) if briefing.evidence is None else None
    if fresh is not None and not fresh.passed:
        return Failed(reason=FailureKind.VERIFY, detail="It is broken.", evidence=fresh)
    return Judged(head=head, verdict=play.verdict(briefing), evidence=fresh)


async def _verify(mirror: Mirror, assignment: Assignment, head: CommitSha) -> Evidence | None:
    command = assignment.verify_command
    if command is None:
        return None
    files = await _files(mirror, f"{head}^{{tree}}")
    contents = [await _content(mirror, head, path) for path in files if path.endswith(".txt")]
    code = 1 if any(BROKEN in content.decode().split() for content in contents) else 0
    return Evidence(command=command, exit_code=code, head=head, seconds=1.0, tail="It ran.")


async def _content(mirror: Mirror, commit: CommitSha, path: str) -> bytes:
    content = await mirror.read(commit, path)
    assert content is not None
    return content


async def _files(mirror: Mirror, tree: str) -> dict[str, tuple[str, str]]:
    """The entries of a tree, by name: mode and object."""
    found = await mirror.objects.contents(tree)
    assert found is not None
    entries: dict[str, tuple[str, str]] = {}
    rest = found[1]
    while rest:
        head, _, rest = rest.partition(b"\0")
        mode, _, name = head.decode().partition(" ")
        entries[name], rest = (mode, rest[:20].hex()), rest[20:]
    return entries


def _tree(mirror: Mirror, entries: dict[str, tuple[str, str]]) -> str:
    """Git sorts a folder as if its name ended with a slash."""
    ordered = sorted(entries.items(), key=lambda entry: entry[0] + ("/" if entry[1][0] == "40000" else ""))
    lines = (f"{mode} {name}".encode() + b"\0" + bytes.fromhex(sha) for name, (mode, sha) in ordered)
    return write_object(mirror.path, "tree", b"".join(lines))


@asynccontextmanager
async def played(sessions: PlayedSessions) -> AsyncIterator[PlayedSessions]:
    """As the server enters its runner."""
    yield sessions
