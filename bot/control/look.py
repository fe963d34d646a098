"""One look at one objective: observe → decide → act, until nothing is left to do.

What must hold: one look at a time per repository (the queue sees to that), every effect is decided on a ledger that
was pushed, and after any failure the next look starts from what GitHub and the ledger say.

A look asks GitHub once, and not at all where only a session ended: what was seen a moment ago still holds unless a
hint came since (`sight`), and everything that could do harm carries what it was decided on. What a look then does
itself is added to what it saw (`own_writes`), and decided on again, until `decide` has nothing more to say. So a
finished session becomes a pull request, a review and a merge without a second request, and without trusting a read
that may lag.

A write that has to wait holds up neither the look nor the repository: what may overtake it is done, and the next look
comes when its turn is expected (`deferred`).

Where it stops early:

* The push of the ledger was refused: somebody moved a ref. The ledger is read again and the objective looked at anew.
* A write may or may not have taken effect: nothing that was not seen is created until reads have had
  `settle_seconds` to catch up.
* GitHub refused a write: the others are still carried out, and the look is repeated later with growing pauses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.control.deferred import NOT_LIMITED, Deferred
from bot.control.foresight import foresee
from bot.control.instance import Instance
from bot.control.own_writes import added, doubted_until, recorded, unseen, without_comment
from bot.control.queue import LookAgain
from bot.control.refused import with_refusal, without_refused, without_taken
from bot.control.room import Memory, Room
from bot.control.setbacks import tell_refused_hand_off, tell_setbacks
from bot.control.sight import Sight, ask_permissions, see
from bot.control.snapshots import Snapshots
from bot.control.turns import Turns
from bot.control.views import view_of
from bot.decide.converse import explain_pull_request
from bot.decide.decide import Decision, decide
from bot.decide.scopes import Holdings, holdings
from bot.decide.unreadable import UnreadableLedger, explain_unreadable, why_unreadable
from bot.engines.engine import Engine
from bot.git.errors import GitFailed, PushRefused
from bot.github.errors import GitHubError, LeaseLost, NotThere, OutcomeUnknown, Refused, Unavailable
from bot.github.ledger import LedgerConflict, LedgerUnreadable
from bot.github.observe import Gone, IsPullRequest
from bot.journal import (
    ACTION_REFUSED,
    ASKED_TO_WAIT,
    LEDGER_LEFT_OUT,
    LEFT_ALONE,
    MERGE_REFUSED,
    PUSH_REFUSED,
    SET_BACK,
    WRITES_WAIT,
    tell,
)
from bot.model.action import (
    Action,
    EditComment,
    OpenPullRequest,
    PublishCheck,
    PushLedger,
    StartSession,
    StopSession,
)
from bot.model.assignment import Assignment
from bot.model.fact import BranchMoved, Fact, MergeRefused, PullRequestOpened, TaskCreated
from bot.model.identity import ObjectiveKey, SessionId, is_salvage
from bot.model.session import SessionReport, Spend, Void
from bot.model.snapshot import Snapshot

log = structlog.get_logger(__name__)

NOT_SHOWN = timedelta(seconds=30)
"""How long to wait before looking again for a write that somebody may have undone."""
MOST_ROUNDS = 60
"""A look that decides this often without coming to rest is a mistake of ours; it is logged and taken up later."""


class _DecideAgain(Exception):
    """Something that was decided on turned out otherwise; nothing that was decided after it may be done."""


class Looker:
    """Carries out looks for one instance of the server.

    `turns` says how much an objective may start. `look_later` puts the objective back on the queue after some seconds.
    `lost` is told of a room whose repository another instance serves now, `works` of one where a session starts.
    """

    def __init__(
        self,
        instance: Instance,
        engine: Engine,
        turns: Turns,
        look_later: Callable[[ObjectiveKey, float], None],
        lost: Callable[[Room], None],
        works: Callable[[Room], None],
    ) -> None:
        self._instance = instance
        self._clock = instance.clock
        self._settle = instance.settle
        self._engine = engine
        self._turns = turns
        self._look_later = look_later
        self._lost = lost
        self._works = works
        self._snapshots = Snapshots(instance, engine, turns)

    def drain(self) -> None:
        """The server is about to stop: what waits for a slot says so from now on."""
        self._snapshots.draining = True

    async def look(self, room: Room, number: int) -> None:
        """Raises LookAgain, GitHubError or GitFailed where it has to be repeated with growing pauses. Where GitHub
        says until when to wait, the look comes again then."""
        memory = room.memory(number)
        try:
            await self._look(room, number, memory)
        except LeaseLost:
            self._lost(room)
        except LedgerUnreadable as error:
            memory.stale = memory.news = True
            await self._tell_unreadable(room, number, memory, error)
            raise LookAgain(str(error)) from error
        except (OSError, GitFailed) as error:
            memory.stale = True
            if (sentence := self._instance.disk.suspect(error)) is None:
                raise
            raise LookAgain(sentence) from error
        except Unavailable as error:
            memory.stale = True
            tell(ASKED_TO_WAIT, reason=str(error), request_id=error.request_id)
            self._look_later(ObjectiveKey(room.name, number), self._seconds_until(error.retry_at))
        except BaseException:
            memory.stale = memory.news = True
            raise

    async def _look(self, room: Room, number: int, memory: Memory) -> None:
        reopened = room.closed.discard(number) and memory.ledger is None
        if reopened or memory.doubted:
            await self._reload(room, memory, number)
        sight = await see(room, number, memory, self._clock(), self._settle)
        if isinstance(sight, Gone):
            await self._leave(room, number, memory, sight)
            return
        await room.configure(sight.observed.configuration)
        memory.writes = unseen(sight.observed, memory.writes, memory.observed_at, self._settle)
        doubted = doubted_until(sight.observed, memory.writes, memory.observed_at, self._settle)
        sight = await ask_permissions(room, number, memory, sight)
        try:
            decision = await self._until_settled(room, memory, sight)
        except LookAgain:  # what was recorded before counts for the other objectives at once
            snapshot = self._snapshots.of(room, memory, sight)
            memory.holds = holdings(snapshot, room.config, self._clock()).scopes
            memory.view = view_of(snapshot, room.config, self._clock()) if snapshot.ledger else memory.view
            raise
        snapshot = self._snapshots.of(room, memory, sight)
        self._remember(room, memory, snapshot, can_start=not sight.outdated)
        times = self._waits(room, number, memory, sight)
        if sight.again_at is not None:
            times.append(sight.again_at)
        elif sight.wait is None:
            times += [doubted, *self._unsettled(room, memory, snapshot)]
            memory.stale = memory.stale or doubted is not None
        self._look_again(room, number, [*times, decision.look_again_at, memory.look_anew_at])

    async def _until_settled(self, room: Room, memory: Memory, sight: Sight) -> Decision:
        """Leaves in `memory.wait` until when writes wait, and in `memory.refused_writes` what GitHub refused."""
        deferred = Deferred()
        memory.unrecordable, memory.blamed = None, {}
        if memory.wait is not None and memory.wait.until <= self._clock():
            memory.wait = None
        for _ in range(MOST_ROUNDS):
            snapshot = self._snapshots.of(room, memory, sight)
            decision = decide(snapshot, room.config, self._clock())
            todo = deferred.free(decision.actions)
            if sight.outdated:
                todo = tuple(action for action in todo if isinstance(action, PushLedger))
            elif not todo and (memory.wait, memory.refused_writes) != (deferred.wait, deferred.refusals):
                memory.wait, memory.refused_writes = deferred.wait, deferred.refusals
                continue  # what waits or was refused, or does not any more, is known: now it can be said
            elif not todo:
                todo = deferred.last_words(decision.afterwards)
            if not todo:
                break
            tell_refused_hand_off(snapshot, room.config)
            try:
                await self._carry_out(room, memory, sight.observed.objective.number, todo, deferred)
            except _DecideAgain:
                continue
        else:
            actions = ", ".join(sorted({type(action).__name__ for action in todo}))
            raise LookAgain(f"no end of actions: {actions}")
        if memory.unrecordable is not None:
            raise LookAgain(memory.unrecordable)
        if deferred.refused:
            kinds = ", ".join(sorted({type(action).__name__ for action in deferred.refused}))
            raise LookAgain(f"GitHub refused {len(deferred.refused)} actions: {kinds}")
        return decision

    async def _carry_out(
        self, room: Room, memory: Memory, number: int, actions: tuple[Action, ...], deferred: Deferred
    ) -> None:
        """Do them in order; those that must wait, or that GitHub refused, are `deferred`."""
        foresee(room, actions)
        for action in actions:
            if action not in deferred.free(actions):
                continue
            try:
                facts = await self._act(room, memory, number, action)
            except OutcomeUnknown as error:
                self._note(memory, error.facts)
                memory.uncertain_until = self._clock() + self._settle
                raise LookAgain(f"{type(action).__name__}: {error}") from error
            except Unavailable as error:
                self._note(memory, error.facts)
                if isinstance(action, NOT_LIMITED):
                    raise
                deferred.take(action, error)
                continue
            except LeaseLost:
                raise
            except GitHubError as error:
                if isinstance(action, PushLedger):
                    raise  # all that follows relies on it
                self._note(memory, error.facts)
                if isinstance(action, EditComment) and isinstance(error, NotThere):
                    memory.writes = without_comment(memory.writes, action.comment, self._clock(), self._settle)
                tell(
                    ACTION_REFUSED,
                    action=type(action).__name__,
                    task=_task_of(action, memory),
                    session=_session_of(action),
                    error=str(error),
                    request_id=error.request_id,
                )
                deferred.refuse(action, error.reason if isinstance(error, Refused) else str(error))
                continue
            self._note(memory, facts)

    async def _act(self, room: Room, memory: Memory, number: int, action: Action) -> tuple[Fact, ...]:
        match action:
            case PushLedger():
                return await self._push(room, memory, number, action)
            case StartSession(assignment):
                await room.lease.ensure()
                self._start(room, memory, assignment)
                return ()
            case StopSession(session, reason):
                self._engine.stop(room.name, session, reason)
                return ()
            case write:
                return await room.github.carry_out(write, number)

    def _start(self, room: Room, memory: Memory, assignment: Assignment) -> None:
        """A session that has ended here before is not started again: then somebody set the ledger back or deleted it,
        and the numbers of its sessions began anew. Its claim ends as void, and the next number is tried."""
        self._engine.start(assignment)
        self._turns.forget(ObjectiveKey(room.name, assignment.objective))  # the next one it has to wait for anew
        self._works(room)
        if assignment.id not in self._snapshots.running(room) and assignment.id not in memory.reports:
            outcome = Void(reason="a session of this name ran before: the ledger was set back")
            memory.reports[assignment.id] = SessionReport(id=assignment.id, outcome=outcome, spend=Spend())
            tell(SET_BACK, **assignment.ids)

    async def _push(self, room: Room, memory: Memory, number: int, action: PushLedger) -> tuple[Fact, ...]:
        try:
            memory.revision = await room.ledgers.push(
                action.ledger, action.message, action.branches, memory.revision, self._clock()
            )
        except PushRefused as error:
            refused = without_refused(memory.reports, action.branches, str(error))
            tell(PUSH_REFUSED, reason=str(error), sessions=", ".join(sorted(refused)) or None)
            if refused:
                memory.blamed = {key: memory.reports[key] for key in refused} | memory.blamed
                memory.reports |= refused
            else:  # nobody's branch is to blame: not even the ledger alone is taken
                memory.reports |= memory.blamed
                memory.unrecordable = f"GitHub does not take what is to be recorded: {str(error).rstrip('.')}."
            raise _DecideAgain from error
        except LedgerConflict as error:
            memory.reports |= without_taken(memory.reports, action.branches, error.refs)
            await self._reload(room, memory, number)
            raise LookAgain(str(error)) from error
        except GitFailed as error:
            await self._reload(room, memory, number)
            raise LookAgain(f"the push of the ledger failed: {error}") from error
        tell_setbacks(memory.ledger, action.ledger)
        memory.ledger = action.ledger
        ended = {session.id for session in action.ledger.sessions if session.outcome is not None}
        room.kept.recorded(room.name, ended & memory.reports.keys())
        memory.reports = {key: report for key, report in memory.reports.items() if key not in ended}
        log.info("recorded", repository=str(room.name), objective=number, change=action.message.replace("\n", "; "))
        seen = (push for push in action.branches if not is_salvage(push.branch))  # looks do not ask for the others
        return tuple(BranchMoved(push.branch, push.expected, push.head) for push in seen)

    async def _reload(self, room: Room, memory: Memory, number: int) -> None:
        """What the ledger says now: the push may have won, lost to somebody, or not have arrived."""
        memory.doubted = True  # until it is known, however long GitHub is down
        loaded = await room.ledgers.load(number)
        memory.ledger, memory.revision = loaded if loaded is not None else (None, None)
        if memory.ledger is not None:
            memory.writes = (*memory.writes, *recorded(memory.ledger, self._clock()))
        memory.doubted = False

    def _note(self, memory: Memory, facts: tuple[Fact, ...]) -> None:
        now = self._clock()
        for fact in facts:
            if isinstance(fact, MergeRefused):
                tell(MERGE_REFUSED, pull_request=fact.pull_request, head=fact.head, reason=fact.message)
                memory.refusals = with_refusal(memory.refusals, fact, now)
                memory.stale = memory.news = True
            else:
                memory.writes = added(memory.writes, fact, now)
            if isinstance(fact, TaskCreated):  # hints about it may come before this look ends
                memory.numbers |= {fact.issue.number}
            if isinstance(fact, PullRequestOpened):
                memory.numbers |= {fact.pull_request.number}

    def _remember(self, room: Room, memory: Memory, snapshot: Snapshot, can_start: bool) -> None:
        now = self._clock()
        held: Holdings = holdings(snapshot, room.config, now)
        if not (snapshot.ledger or memory.writes or snapshot.observed.objective.labels & {room.config.label}):
            room.memories.pop(snapshot.observed.objective.number, None)
            return
        released = bool(set(memory.holds) - set(held.scopes))
        memory.holds, memory.hungry = held.scopes, held.hungry
        self._turns.wishes(ObjectiveKey(room.name, snapshot.observed.objective.number), held.wants if can_start else {})
        observed = snapshot.observed
        memory.numbers = frozenset(
            {task.number for task in observed.tasks} | {pull.number for pull in observed.pull_requests}
        )
        memory.view = view_of(snapshot, room.config, now)
        open_heads = {pull.number: pull.head for pull in observed.pull_requests}
        memory.refusals = tuple(r for r in memory.refusals if open_heads.get(r.pull_request) == r.head)
        if released:
            for other in [other for other, theirs in room.memories.items() if theirs.hungry]:
                if other != observed.objective.number:
                    self._look_later(ObjectiveKey(room.name, other), 0.0)
        if self._is_over(memory, snapshot):
            room.forget(observed.objective.number)

    def _is_over(self, memory: Memory, snapshot: Snapshot) -> bool:
        """Whether nothing of it is in memory only: it is closed, nothing runs, and reads show all we wrote."""
        running = memory.ledger is not None and memory.ledger.open_claims()
        uncertain = memory.uncertain_until is not None and self._clock() < memory.uncertain_until
        return not (snapshot.observed.objective.open or running or memory.reports or memory.writes or uncertain)

    def _waits(self, room: Room, number: int, memory: Memory, sight: Sight) -> list[datetime | None]:
        """When what could not be written or read now will be."""
        waits = [wait for wait in (memory.wait, sight.wait) if wait is not None]
        for wait in waits:
            tell(WRITES_WAIT, until=str(wait.until), limit=wait.limit)
        return [wait.until for wait in waits]

    def _unsettled(self, room: Room, memory: Memory, snapshot: Snapshot) -> list[datetime | None]:
        """When reads will be believed that are not yet."""
        times: list[datetime | None] = []
        if not snapshot.absence_trusted:
            memory.stale = True
            trusted = self._snapshots.alone_since(room) + self._settle
            times.append(max(trusted, memory.uncertain_until or trusted))
        if memory.writes and not (snapshot.observed.objective.open and snapshot.ledger):
            memory.stale = True  # it can be forgotten once reads show all that we wrote
            shown = memory.writes[-1].at + self._settle
            times.append(shown if shown > memory.observed_at else self._clock() + max(self._settle, NOT_SHOWN))
        return times

    def _look_again(self, room: Room, number: int, times: list[datetime | None]) -> None:
        known = [time for time in times if time is not None]
        if known:
            self._look_later(ObjectiveKey(room.name, number), self._seconds_until(min(known)))

    def _seconds_until(self, moment: datetime) -> float:
        """Never quite zero: a look that comes too early by a rounding would come again and again."""
        return max(0.0, (moment - self._clock()).total_seconds()) + 0.01

    async def _leave(self, room: Room, number: int, memory: Memory, gone: Gone) -> None:
        """The issue was deleted or moved away, or is none: whatever runs for it ends, and it is forgotten."""
        tell(LEFT_ALONE, reason=gone.reason)
        ids = {claim.id for claim in memory.ledger.open_claims()} if memory.ledger else set()
        for session in sorted(ids & self._snapshots.running(room)):
            self._engine.stop(room.name, session, gone.reason)
        room.memories.pop(number, None)
        if isinstance(gone, IsPullRequest) and number not in room.explained:
            await self._explain(room, number, memory, gone)

    async def _tell_unreadable(self, room: Room, number: int, memory: Memory, error: LedgerUnreadable) -> None:
        """On the issue, once. What a person changes about the ref sends no webhook, so it is looked at again and again,
        with growing pauses, and at once where somebody comments."""
        tell(LEDGER_LEFT_OUT, revision=error.revision, reason=error.reason_alone)
        found = UnreadableLedger(error.ref, error.revision, error.reason_alone, memory.revision)
        sight = await see(room, number, memory, self._clock(), self._settle)
        if isinstance(sight, Gone):
            await self._leave(room, number, memory, sight)
            return
        memory.stale = memory.news = True
        snapshot = self._snapshots.of(room, memory, sight)
        memory.view = replace(
            view_of(snapshot, room.config, self._clock()), state="needs you", why=why_unreadable(found)
        )
        for write in explain_unreadable(snapshot, found):
            self._note(memory, await self._act(room, memory, number, write))

    async def _explain(self, room: Room, number: int, memory: Memory, gone: IsPullRequest) -> None:
        """Once, also where reads do not show yet that it was said, by this process or by the one before it."""
        trusted = self._snapshots.alone_since(room) + self._settle
        if self._clock() < trusted:
            self._look_later(ObjectiveKey(room.name, number), self._seconds_until(trusted))
            return
        for write in explain_pull_request(number, gone.labels, gone.comments, room.config.label):
            room.explained.add(number)
            try:
                await self._act(room, memory, number, write)
            except GitHubError as error:
                if not isinstance(error, OutcomeUnknown):
                    room.explained.discard(number)
                raise


def _session_of(action: Action) -> SessionId | None:
    return action.session if isinstance(action, PublishCheck) else None


def _task_of(action: Action, memory: Memory) -> str | None:
    """As far as the action knows."""
    if isinstance(action, OpenPullRequest):
        return action.task
    session = _session_of(action)
    return memory.ledger.task_of(session) if session is not None and memory.ledger is not None else None
