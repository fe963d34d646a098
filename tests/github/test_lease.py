"""The lease over real git: one wins, pushes carry it, and who lost it pushes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.git.errors import PushRejected
from bot.git.mirror import Mirror, no_token
from bot.git.push import RefUpdate
from bot.github.errors import LeaseLost, Unavailable
from bot.github.lease import Holder, RepositoryLease
from bot.github.ledger import LedgerStore
from bot.model.identity import InstanceId, Login, RepositoryName
from bot.model.lease import Lease, Terms
from bot.model.ledger import HandOff, Ledger
from tests.git.conftest import BOT, Remote

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
REF = "refs/crewline/lease"
TERMS = Terms(80)


@dataclass
class Desk:
    """One instance: its mirror and its clock, which is like no other's."""

    mirror: Mirror
    lease: RepositoryLease
    seconds: list[float]

    def later(self, seconds: float) -> None:
        self.seconds[0] += seconds


@dataclass
class Place:
    folder: Path
    remote: Remote
    desks: dict[str, Desk] = field(default_factory=dict)

    @asynccontextmanager
    async def desk(self, name: str, ahead: float = 0.0, *gone: str) -> AsyncIterator[Desk]:
        seconds = [1000.0 + ahead]
        holder = Holder(InstanceId(name), TERMS, f"the {name}", frozenset(map(InstanceId, gone)))
        async with Mirror(self.folder / f"{name}.git", str(self.remote.path), no_token, BOT) as mirror:
            lease = RepositoryLease(
                RepositoryName("a", "b"), mirror, "refs/crewline", holder, lambda: NOW, lambda: seconds[0]
            )
            yield Desk(mirror, lease, seconds)

    def there(self) -> Lease:
        return Lease.model_validate_json(self.remote.git("show", f"{REF}:lease.json"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    remote = Remote(tmp_path)
    remote.commit({"README.md": "hello\n"})
    return Place(tmp_path, remote)


async def test_whoever_comes_first_holds_it_and_the_other_stands_by(place: Place) -> None:
    async with place.desk("one") as one, place.desk("two", 600) as two:
        await one.lease.ensure()
        with pytest.raises(LeaseLost, match="the one"):
            await two.lease.ensure()
        assert (one.lease.held(), two.lease.held()) == (True, False)
        assert (one.lease.holder, two.lease.holder) == (None, "the one (one)")
        assert place.there() == Lease(epoch=1, holder=InstanceId("one"), name="the one")


@pytest.mark.parametrize("round_", range(3))
async def test_of_two_at_the_same_instant_one_wins(place: Place, round_: int) -> None:
    async with place.desk("one") as one, place.desk("two", 600) as two:
        await asyncio.gather(one.lease.look(), two.lease.look())
        results = await asyncio.gather(one.lease.ensure(), two.lease.ensure(), return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["LeaseLost", "NoneType"]
        assert [one.lease.held(), two.lease.held()].count(True) == 1


async def test_the_other_takes_it_when_it_saw_it_unchanged_and_the_first_finds_out_by_itself(place: Place) -> None:
    async with place.desk("one") as one, place.desk("two", 600) as two:
        await one.lease.ensure()
        assert await two.lease.look() == 60
        two.later(59)
        assert await two.lease.look() == 1
        two.later(1)
        await two.lease.ensure()
        assert place.there().epoch == 2
        one.later(39)
        assert one.lease.held()
        one.later(2)
        assert not one.lease.held()
        with pytest.raises(LeaseLost, match="the two"):
            await one.lease.ensure()


async def test_what_is_renewed_is_not_taken(place: Place) -> None:
    async with place.desk("one") as one, place.desk("two", 600) as two:
        await one.lease.ensure()
        for _ in range(5):
            assert await two.lease.look() == 60
            for desk in (one, two):
                desk.later(21)
            await one.lease.renew()
        assert place.there().epoch == 1


async def test_it_is_not_renewed_before_it_is_due(place: Place) -> None:
    async with place.desk("one") as one:
        await one.lease.ensure()
        before = place.remote.head(REF)
        one.later(19)
        await one.lease.renew()
        await one.lease.ensure()
        assert place.remote.head(REF) == before


async def test_one_goes_on_with_what_aged_while_nobody_else_came(place: Place) -> None:
    async with place.desk("one") as one:
        await one.lease.ensure()
        one.later(10_000)
        assert not one.lease.held()
        await one.lease.ensure()
        assert one.lease.held()
        assert place.there().epoch == 1


async def test_what_is_released_is_had_at_once_and_its_holder_writes_no_more(place: Place) -> None:
    async with place.desk("one") as one, place.desk("two") as two:
        await one.lease.ensure()
        await two.lease.look()
        await one.lease.release()
        with pytest.raises(LeaseLost):
            await one.lease.ensure()
        assert await two.lease.look() == 0
        await two.lease.ensure()
        assert place.there() == Lease(epoch=2, holder=InstanceId("two"), name="the two")


async def test_the_lease_of_a_process_that_is_known_to_be_gone_is_had_at_once(place: Place) -> None:
    async with place.desk("one") as one, place.desk("two", 0.0, "one") as two:
        await one.lease.ensure()
        await two.lease.ensure()
        assert two.lease.held()


async def test_every_push_of_a_ledger_renews_it(place: Place) -> None:
    async with place.desk("one") as one:
        store = LedgerStore(one.mirror, "refs/crewline", one.lease)
        hand_off = HandOff(title="Cart", body="", by=Login("ada"), at=NOW)
        revision = await store.push(Ledger(objective=12, hand_off=hand_off), "hand off", (), None, NOW)
        assert one.lease.held()
        one.later(39)
        await store.push(Ledger(objective=12, hand_off=hand_off, needs_linking=True), "next", (), revision, NOW)
        one.later(39)
        assert one.lease.held()
        assert place.remote.git("log", "--format=%s", "refs/crewline/objectives/12").splitlines() == [
            "next",
            "hand off",
        ]


async def test_who_lost_it_records_nothing(place: Place) -> None:
    async with place.desk("one") as one, place.desk("two", 0.0, "one") as two:
        store = LedgerStore(one.mirror, "refs/crewline", one.lease)
        await one.lease.ensure()
        claimed = one.lease.claims_as
        await two.lease.ensure()
        assert one.lease.held(), "by its own clock it may still believe so: the push itself is refused"
        hand_off = HandOff(title="Cart", body="", by=Login("ada"), at=NOW)
        with pytest.raises(LeaseLost):
            await store.push(Ledger(objective=12, hand_off=hand_off), "hand off", (), None, NOW)
        assert place.remote.head("refs/crewline/objectives/12") is None
        assert one.lease.claims_as != claimed, "what it claimed before is not its own any more"
        assert one.lease.others_until == NOW


async def test_a_conflict_of_something_else_leaves_the_lease_as_it_is(place: Place) -> None:
    async with place.desk("one") as one:
        await one.lease.ensure()
        await one.mirror.fetch()
        head = place.remote.head("refs/heads/main")
        with pytest.raises(PushRejected):
            await one.lease.push([RefUpdate("refs/heads/work", head, head)])
        await one.lease.push([])
        assert one.lease.held()


async def test_a_person_who_deletes_it_ends_nothing(place: Place) -> None:
    async with place.desk("one") as one:
        await one.lease.ensure()
        place.remote.git("update-ref", "-d", REF)
        with pytest.raises(PushRejected):
            await one.lease.push([])
        await one.lease.push([])
        assert one.lease.held()


async def test_what_no_version_of_us_wrote_is_waited_out(place: Place) -> None:
    place.remote.git("update-ref", REF, place.remote.head("refs/heads/main") or "")
    async with place.desk("one") as one:
        with pytest.raises(LeaseLost, match="somebody"):
            await one.lease.ensure()
        one.later(60)
        await one.lease.ensure()
        assert place.there().epoch == 1


async def test_a_remote_that_does_not_answer_refuses_the_write_for_now(place: Place) -> None:
    async with place.desk("one") as one:
        await one.lease.ensure()
        one.later(50)
        one.mirror.url = str(place.folder / "nowhere")
        with pytest.raises(Unavailable, match="the lease could not be renewed"):
            await one.lease.ensure()
        one.mirror.url = str(place.remote.path)
        await one.lease.ensure()
        assert one.lease.held()


async def test_without_terms_there_is_no_lease(place: Place, tmp_path: Path) -> None:
    async with Mirror(tmp_path / "free.git", str(place.remote.path), no_token, BOT) as mirror:
        holder = Holder(InstanceId("free"), None)
        lease = RepositoryLease(RepositoryName("a", "b"), mirror, "refs/crewline", holder, lambda: NOW)
        await lease.ensure()
        await lease.release()
        assert lease.held()
        assert lease.wait() == 0
        assert place.remote.head(REF) is None
