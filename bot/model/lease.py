"""Who serves a repository, and the arithmetic of who may take it when.

Clocks of two machines are never compared. Every number here is of seconds on the reader's own steady clock, which
never goes back: the holder counts from the moment in which it began the push that renewed the lease, the one that
stands by counts from the moment in which it first saw what lies there. So the second count always begins later than
the first, and what is left between `Terms.valid` and `Terms.taken_after` is for writes that are on their way.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from bot.model.frozen import Frozen
from bot.model.identity import CommitSha, InstanceId


class Lease(Frozen):
    """What lies on the lease's ref. Renewing it is a new commit."""

    version: Literal[1] = 1
    epoch: Annotated[int, Field(ge=1)]
    """Grows by one whenever somebody takes the lease who did not have it."""
    holder: InstanceId
    name: str = ""
    """What people call that server."""
    released: bool = False
    """Its holder ended in order, and writes nothing any more."""
    made: dict[int, int] = Field(default_factory=dict)
    """The content that the App's installation made within the last hour: how many pieces in which minute since 1970. It
    goes out with every push, so that the next process knows what is left of GitHub's limit."""

    @property
    def told(self) -> str:
        """The holder, for people."""
        return f"{self.name} ({self.holder})" if self.name else self.holder


@dataclass(frozen=True, slots=True)
class Terms:
    """What follows from `seconds`, the time in which a second instance serves the repository of one that died."""

    seconds: float

    @property
    def renewed_after(self) -> float:
        """The holder renews a lease of this age, while it needs one."""
        return self.seconds / 4

    @property
    def valid(self) -> float:
        """The holder writes nothing on a lease of this age."""
        return self.seconds / 2

    @property
    def taken_after(self) -> float:
        """A lease that was seen unchanged for this long is taken from its holder."""
        return self.seconds * 3 / 4

    @property
    def looked_at_every(self) -> float:
        """Who stands by looks this often, so that a lease is taken at most so much later than it may be."""
        return self.seconds / 8


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at the ref showed: `lease` is None where there is none, or where `revision` is no lease that can be
    read. `since`: the first moment in which it was seen like this. `begins`: nothing had been seen before."""

    revision: CommitSha | None
    lease: Lease | None
    since: float
    begins: bool = True


def seen(before: Seen | None, revision: CommitSha | None, lease: Lease | None, now: float) -> Seen:
    """What is known after one more look."""
    if before is not None and before.revision == revision:
        return before
    return Seen(revision, lease, now, begins=before is None)


def wait_to_take(seen: Seen, me: InstanceId, gone: AbstractSet[InstanceId], terms: Terms, now: float) -> float:
    """Seconds until instance `me` may take, or go on with, the lease; 0 where it may at once. `gone` are the instances
    that are known to have ended.

    A ref that is not there is free for who just came. Where it vanished, somebody deleted it, and its holder may not
    know yet: so that is waited out like a lease.
    """
    if seen.revision is None and seen.begins:
        return 0.0
    if seen.lease is not None and (seen.lease.released or seen.lease.holder == me or seen.lease.holder in gone):
        return 0.0
    return max(0.0, seen.since + terms.taken_after - now)


def next_lease(
    seen: Seen, me: InstanceId, name: str, made: Mapping[int, int] | None = None, *, released: bool = False
) -> Lease:
    """What `me` puts there next."""
    before = seen.lease
    goes_on = before is not None and before.holder == me and not before.released
    epoch = (before.epoch if before else 0) + (0 if goes_on else 1)
    return Lease(epoch=epoch, holder=me, name=name, released=released, made=dict(made or {}))
