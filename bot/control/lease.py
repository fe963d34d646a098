"""One instance serves a repository at a time: the lease, who renews it, and who stands by.

What must hold: of two instances that were started by mistake, or overlap in a rolling deploy, at most one starts
sessions and writes to GitHub; and when it dies, the other goes on within `CREWLINE_LEASE_SECONDS`.

The lease is one commit on ``refs/crewline/lease``. It is moved by compare-and-swap alone, so of those who try at the
same instant exactly one wins, and whoever loses stands by: it looks at that ref and at nothing else.

* **No push of its own on the way.** Every push of a ledger moves the lease too, in the same atomic push. That renews
  it, and makes GitHub itself refuse whatever an instance wants to record that lost it. Before any other write
  (`GitHubRepository.fence`, asked when the request goes out, after all waiting) the holder checks by its own clock
  that the last renewal is young enough, and renews where it is not. While sessions run it is renewed before it ages.
* **Nothing for what is at rest.** Where no session runs and nothing is written, the lease just ages. Its holder goes
  on with it later, if nobody took it meanwhile: the compare-and-swap tells. An objective that waits for a person for
  a week costs no push after the first, and two instances that both have nothing to do do not fight over it: the one
  that does not have the lease keeps an eye on it, and stands by again when it is renewed. A repository without open
  objectives has no lease. So that an instance which was told of no objective knows whom it would have to replace, it
  looks at the leases that it does not hold in turn, one at a time, whatever their number (`Tending.patrol`): where
  another one works, it stands by, and finds what is open when that one's lease ends. With up to eight repositories
  this is within the lease's time; with more it takes longer, and then a webhook or the sweep comes first.
* **No clocks are compared** (`bot/model/lease.py`). Who stands by takes the lease after it saw it unchanged for three
  quarters of the time; the holder itself stopped trusting it after half.
* **What ends in order releases it**, and the next instance has it at once. What was killed and starts again on the
  same data directory has it at once too: it can prove that the former process is gone (`predecessors.py`). Only
  a start with an empty disk after a kill waits.

Who finds out that another instance took over ends the sessions that run here and forgets what it knew of the
repository: their claims belong to nobody now, and the new holder ends them as those of a dead instance. When its
turn comes again it reads everything anew, and claims under another name (`RepositoryLease.claims_as`), since what it
claimed before is not its own any more. Reads may not show yet what the other one wrote last, so for the settle time
after that nothing is created because it was not seen (`RepositoryLease.others_until`).

Races that are tolerated: a request that left in time and takes longer than a quarter of the lease's time to reach
GitHub, after its sender lost the lease. GitHub knows no fence for comments; what could do the most harm carries
a guard of its own (`sha` of a merge, the ledger's compare-and-swap). A person who deletes the ref asks for it: who
held it may take it again at once, and so may an instance that just starts.

Rejected: times in the file, since a clock may be ten minutes off; the holder's check alone for the ledger too, since a
process can be stopped between check and push; renewing for as long as an objective is open, which would be thousands
of pushes a day for one that waits for a person.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

from bot.control.room import Room
from bot.engines.engine import RunKey
from bot.git.errors import GitFailed, PushRefused, PushRejected
from bot.git.mirror import Mirror
from bot.github.errors import GitHubError, LeaseLost
from bot.github.lease import Holder, RepositoryLease
from bot.journal import LEASE_NOT_RELEASED, LEASE_NOT_RENEWED, LEASE_NOT_SEEN, begin, tell
from bot.model.identity import RepositoryName
from bot.model.lease import Terms

LONGEST_FAREWELL = 10.0
"""Seconds for releasing all leases at the end."""
SIDE_BY_SIDE = 4
"""Leases that are looked at at once, so that a repository which does not answer holds up few others."""


class Leases:
    """One for each repository, for as long as the server runs: what was seen of it outlives a room. Leaving the
    context releases all: it must be left when nothing writes any more."""

    def __init__(self, holder: Holder, namespace: str, now: Callable[[], datetime]) -> None:
        self._holder = holder
        self._namespace = namespace
        self._now = now
        self._leases: dict[RepositoryName, RepositoryLease] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.release()

    def of(self, name: RepositoryName, mirror: Mirror) -> RepositoryLease:
        if name not in self._leases:
            self._leases[name] = RepositoryLease(name, mirror, self._namespace, self._holder, self._now)
        return self._leases[name]

    async def release(self) -> None:
        """The last word, once nothing writes any more. What cannot be released in time ages."""
        await asyncio.gather(*(self._release(lease) for lease in self._leases.values()))

    async def _release(self, lease: RepositoryLease) -> None:
        try:
            async with asyncio.timeout(LONGEST_FAREWELL):
                await lease.release()
        except (GitHubError, GitFailed, PushRefused, PushRejected, OSError) as error:
            tell(LEASE_NOT_RELEASED, repository=str(lease.repository), error=str(error) or "not in time")


class Tending:
    """Renews the leases of repositories where sessions run, and watches those of others.

    `lost` is told of a room whose repository another instance serves now; `serves` says whether a room is in use.
    """

    def __init__(
        self,
        group: asyncio.TaskGroup,
        running: Callable[[], frozenset[RunKey]],
        lost: Callable[[Room], None],
        serves: Callable[[Room], bool],
    ) -> None:
        self._group = group
        self._running = running
        self._lost = lost
        self._serves = serves
        self._kept: set[RepositoryName] = set()
        self._attended: set[RepositoryName] = set()
        self._beat: dict[RepositoryName, tuple[Room, float]] = {}
        """Each with the time of its last look, the oldest first."""
        self._patrols = False

    def keep(self, room: Room) -> None:
        """A session starts: renew the lease until none runs any more."""
        if room.lease.terms is not None and room.name not in self._kept:
            self._kept.add(room.name)
            self._group.create_task(self._keep(room), name=f"keeps the lease of {room.name}")

    def attend(self, room: Room) -> None:
        """Something was looked at: where the lease is not ours, find out whose it is while objectives are open."""
        if not room.lease.ours() and room.name not in self._attended:
            self._attended.add(room.name)
            self._group.create_task(self._attend(room), name=f"attends to the lease of {room.name}")

    def watch(self, room: Room, free: Callable[[Room], None]) -> None:
        """Somebody else has it: tell when it may be taken."""
        self._group.create_task(self._watch(room, free), name=f"stands by for {room.name}")

    def patrol(self, room: Room) -> None:
        """The room is in use: look once in the lease's time whether another instance works there, also while nothing
        is open. A look is one request of a few hundred bytes that counts towards none of GitHub's limits of its API:
        with a hundred repositories at rest and a lease of ninety seconds, about one a second."""
        if room.lease.terms is None:
            return
        self._passed_by(room)
        if not self._patrols:
            self._patrols = True
            self._group.create_task(self._patrol(room.lease.terms), name="patrols the leases")

    async def _keep(self, room: Room) -> None:
        assert room.lease.terms is not None
        begin()
        try:
            while any(run.repository == room.name for run in self._running()):
                pause = room.lease.renewal_in()
                if pause > 0.0:
                    await asyncio.sleep(pause)
                    continue
                try:
                    await room.lease.renew()
                except LeaseLost:
                    self._lost(room)
                    return
                except GitHubError as error:
                    tell(LEASE_NOT_RENEWED, repository=str(room.name), error=str(error))
                    await asyncio.sleep(room.lease.terms.looked_at_every)
        finally:
            self._kept.discard(room.name)

    async def _attend(self, room: Room) -> None:
        """What nobody has is taken, so that others see it. What aged in another's hands is left to that one, until
        there is something to write here; but if it is renewed, we stand by."""
        assert room.lease.terms is not None
        begin()
        try:
            while not room.lease.ours() and self._serves(room) and room.memories:
                await asyncio.sleep(room.lease.terms.looked_at_every)
                if room.lease.ours() or not self._serves(room) or not room.memories:
                    return
                try:
                    if room.lease.nobodys():
                        await room.lease.renew()
                    elif await room.lease.look() > 0.0:
                        self._lost(room)
                except LeaseLost:
                    self._lost(room)
                except (GitHubError, GitFailed, OSError) as error:
                    tell(LEASE_NOT_SEEN, repository=str(room.name), error=str(error))
        finally:
            self._attended.discard(room.name)

    async def _patrol(self, terms: Terms) -> None:
        begin()
        pause, side_by_side = terms.looked_at_every, asyncio.Semaphore(SIDE_BY_SIDE)
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(pause)
            began = clock()
            due = self._due(terms, began)
            for room in due:
                self._passed_by(room)
            await asyncio.gather(*(self._pass_by(room, side_by_side) for room in due))
            pause = max(0.0, terms.looked_at_every - (clock() - began))

    def _due(self, terms: Terms, now: float) -> tuple[Room, ...]:
        """Whose turn it is: as many at every tick, and all for which the next one would be too late."""
        self._beat = {name: (room, at) for name, (room, at) in self._beat.items() if self._serves(room)}
        others = [
            (room, at)
            for name, (room, at) in self._beat.items()
            if name not in self._attended and not room.lease.held()
        ]
        share = math.ceil(len(others) * terms.looked_at_every / terms.seconds)
        late = now + terms.looked_at_every - terms.seconds
        return tuple(room for index, (room, at) in enumerate(others) if index < share or at < late)

    def _passed_by(self, room: Room) -> None:
        self._beat.pop(room.name, None)
        self._beat[room.name] = room, asyncio.get_running_loop().time()

    async def _pass_by(self, room: Room, side_by_side: asyncio.Semaphore) -> None:
        async with side_by_side:
            try:
                if await room.lease.look() > 0.0 and self._serves(room):
                    self._lost(room)
            except (GitHubError, GitFailed, OSError) as error:
                tell(LEASE_NOT_SEEN, repository=str(room.name), error=str(error))

    async def _watch(self, room: Room, free: Callable[[Room], None]) -> None:
        assert room.lease.terms is not None
        begin()
        while (wait := room.lease.wait()) > 0.0:
            await asyncio.sleep(min(wait, room.lease.terms.looked_at_every))
            try:
                await room.lease.look()
            except (GitHubError, GitFailed) as error:
                tell(LEASE_NOT_SEEN, repository=str(room.name), error=str(error))
        free(room)
