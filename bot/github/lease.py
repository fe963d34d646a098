"""The lease of one repository: a ref that whoever writes there must hold. `bot/control/lease.py` has the essay.

Each change is a commit without a parent: what was before is worth nothing to anybody, and a fetch stays one commit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from pydantic import ValidationError

from bot.git.errors import GitFailed, PushRefused, PushRejected
from bot.git.mirror import Mirror
from bot.git.push import RefUpdate
from bot.github.errors import LeaseLost, Unavailable
from bot.model.identity import CommitSha, InstanceId, RepositoryName
from bot.model.lease import Lease, Seen, Terms, next_lease, seen, wait_to_take

FILE = "lease.json"
AGAIN = timedelta(seconds=5)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who asks for leases: this run of the server. `gone` are earlier runs that are known to have ended. Without
    `terms` it asks for none."""

    id: InstanceId
    terms: Terms | None
    name: str = ""
    gone: frozenset[InstanceId] = frozenset()


class RepositoryLease:
    """The lease at ``<namespace>/lease`` as one instance has to do with it. Where that asks for no leases all is
    allowed, and nothing is pushed but what is given to be pushed.

    `now` tells the time in UTC; it stands in commits alone. What counts is `steady`, in seconds that never go back.
    """

    def __init__(
        self,
        repository: RepositoryName,
        mirror: Mirror,
        namespace: str,
        holder: Holder,
        now: Callable[[], datetime],
        steady: Callable[[], float] | None = None,
    ) -> None:
        self.repository = repository
        self.terms = holder.terms
        self._mirror = mirror
        self._ref = f"{namespace}/lease"
        self._holder = holder
        self._now = now
        self._steady = steady or steady_seconds
        self._lock = asyncio.Lock()
        self._seen: Seen | None = None
        self._unsure = False
        self._renewed: float | None = None
        self._pushes = 0
        self._tenures = 0
        self._others_until: datetime | None = None
        self._closed = False
        self._aged: CommitSha | None = None
        self.made: Callable[[], Mapping[int, int]] = dict
        """What to note of the content that was made within the last hour, in the moment of a push."""
        self.noted: Mapping[int, int] = {}
        """What another instance had noted."""

    @property
    def claims_as(self) -> InstanceId:
        """Who claims sessions. Another one after the lease was lost: claims of the time before are then nobody's."""
        return InstanceId(f"{self._holder.id}-{self._tenures}") if self._tenures else self._holder.id

    @property
    def others_until(self) -> datetime | None:
        """When another instance may have written here for the last time, as far as is known."""
        return self._others_until

    @property
    def holder(self) -> str | None:
        """The other instance that holds it, for people; None where it is ours or nobody's."""
        lease = self._seen.lease if self._seen else None
        return None if lease is None or lease.released or lease.holder == self._holder.id else lease.told

    def ours(self) -> bool:
        """Whether nobody has taken it since we did, as far as was seen; it may have aged."""
        lease = self._seen.lease if self._seen else None
        return self.terms is None or (lease is not None and lease.holder == self._holder.id and not lease.released)

    def nobodys(self) -> bool:
        """Whether there is none, or its holder has gone; as far as was seen."""
        if self._seen is None or self._seen.revision is None:
            return True
        lease = self._seen.lease
        return lease is not None and (lease.released or lease.holder in self._holder.gone)

    def held(self) -> bool:
        """Whether nobody else can have it yet, by our own clock alone."""
        if self.terms is None:
            return True
        return self._renewed is not None and self._steady() < self._renewed + self.terms.valid

    def renewal_in(self) -> float:
        """Seconds until it should be renewed."""
        if self.terms is None or self._renewed is None:
            return 0.0
        return max(0.0, self._renewed + self.terms.renewed_after - self._steady())

    def wait(self) -> float:
        """Seconds until it may be ours, as far as was seen; 0 where it is, or may be taken at once."""
        if self.terms is None:
            return 0.0
        if self._closed:
            return self.terms.seconds
        if self._seen is None:
            return 0.0
        return wait_to_take(self._seen, self._holder.id, self._holder.gone, self.terms, self._steady())

    async def recall(self) -> None:
        """Take note of what the mirror's last fetch brought."""
        async with self._lock:
            await self._recall()

    async def look(self) -> float:
        """Ask the remote; then as `wait`. Raises GitFailed, and OSError where the disk takes nothing."""
        async with self._lock:
            await self._look()
            return self.wait()

    async def ensure(self) -> None:
        """Hold it on return, for a write that goes out at once. Costs nothing where it was renewed a moment ago.

        Raises LeaseLost where another instance has it, Unavailable where that could not be found out.
        """
        if not self.held():
            await self._renew()
            if not self.held():
                raise Unavailable("renewing the lease took too long", self._now())

    async def renew(self) -> None:
        """As `ensure`, but also where it is merely due."""
        if self.renewal_in() <= 0.0 or not self.held():
            await self._renew()

    async def push(self, updates: Sequence[RefUpdate]) -> None:
        """Move these refs and the lease, or none of them: so nothing is pushed by an instance that lost it, and a
        repository where much is pushed needs no renewals. Raises LeaseLost, and what `Mirror.push` raises."""
        if self.terms is None:
            await self._mirror.push(updates)
            return
        async with self._lock:
            await self._may_be_ours()
            await self._push(updates)

    async def release(self) -> None:
        """Write nothing from now on, and let the next instance have it at once. Raises what `Mirror.push` raises."""
        async with self._lock:
            self._closed, self._renewed = True, None
            if self.terms is None or self._seen is None:
                return
            if self._unsure:
                await self._look()
            lease = self._seen.lease
            if lease is not None and lease.holder == self._holder.id and not lease.released:
                await self._push((), released=True)

    async def _renew(self) -> None:
        async with self._lock:
            if self.held() and self.renewal_in() > 0.0:
                return
            try:
                await self._may_be_ours()
                await self._push(())
            except (GitFailed, PushRejected, PushRefused, OSError) as error:
                raise Unavailable(f"the lease could not be renewed: {error}", self._now() + AGAIN) from error

    async def _may_be_ours(self) -> None:
        if self._seen is None or self._unsure:
            await self._look()
        if self.wait() > 0.0:
            raise LeaseLost(self.holder or "somebody")

    async def _push(self, updates: Sequence[RefUpdate], *, released: bool = False) -> None:
        assert self._seen is not None
        lease = next_lease(self._seen, self._holder.id, self._holder.name, self.made(), released=released)
        began = self._steady()
        self._pushes += 1
        message = f"{'released' if released else 'held'} by {lease.told}, {self._pushes}"
        content = (lease.model_dump_json(indent=2) + "\n").encode()
        revision = await self._mirror.commit_file(FILE, content, None, message, self._now())
        self._unsure = True  # until git has answered: a push that is cancelled may arrive all the same
        try:
            await self._mirror.push((RefUpdate(self._ref, revision, self._seen.revision), *updates))
        except PushRefused:
            self._unsure = False
            raise
        except PushRejected as error:
            if self._ref not in error.reasons:
                self._unsure = False
                raise
            await self._look()
            if self.wait() > 0.0:
                raise LeaseLost(self.holder or "somebody") from error
            raise
        self._unsure = False
        before = self._seen.lease
        if before is None or (lease.epoch, lease.released) != (before.epoch, before.released):
            what = "left the repository" if released else "serves the repository"
            log.info(what, repository=str(self.repository), holder=lease.told, epoch=lease.epoch)
        self._seen = seen(self._seen, revision, lease, began)
        self._renewed = None if released else began

    async def _look(self) -> None:
        """Where it is as it was seen last, the mirror is not needed for it, and may rest."""
        if self._seen is not None and await self._mirror.stands(self._ref, self._seen.revision):
            self._note(self._seen.revision, self._seen.lease)
        else:
            await self._mirror.prepare()
            await self._mirror.fetch([f"+{self._ref}*:{self._ref}*"])  # a star: it may not be there
            await self._recall()
        self._unsure = False

    async def _recall(self) -> None:
        revision = await self._mirror.resolve(self._ref)
        self._note(revision, None if revision is None else await self._read(revision))

    def _note(self, revision: CommitSha | None, lease: Lease | None) -> None:
        """What lies on the ref."""
        if lease is not None and lease.holder != self._holder.id:
            self.noted = lease.made
        before = self._seen
        if revision is None and self._renewed is not None:
            before = None  # somebody deleted ours, and nobody has taken it since
        self._seen = seen(before, revision, lease, self._steady())
        if revision is None or (lease is not None and lease.holder == self._holder.id):
            return
        if self._renewed is not None:
            self._renewed = None
            self._tenures += 1
        over = lease is not None and (lease.released or lease.holder in self._holder.gone)
        aged = revision if self.wait() <= 0.0 else None
        if self._seen is not before or aged != self._aged or not (over or aged):
            self._others_until = self._now()
        self._aged = aged  # whoever let it age writes nothing any more, however often that is seen

    async def _read(self, revision: CommitSha) -> Lease | None:
        content = await self._mirror.read(revision, FILE)
        try:
            return None if content is None else Lease.model_validate_json(content)
        except ValidationError:  # somebody else's idea of a lease is none
            return None


def steady_seconds() -> float:
    """The event loop's clock, and what the machine slept beside it: nobody else sleeps with it."""
    return asyncio.get_running_loop().time() + round(_asleep() - _ASLEEP, 1)


def _asleep() -> float:
    """Seconds for which this machine was suspended; only differences of it mean anything."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic() if hasattr(time, "CLOCK_BOOTTIME") else 0.0


_ASLEEP = _asleep()
