"""The ledger over real git: who pushes first wins, branches go along or nothing does."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from bot.git.mirror import Mirror, no_token
from bot.github.ledger import LedgerConflict, LedgerStore, LedgerUnreadable
from bot.model.action import BranchPush
from bot.model.identity import CommitSha, InstanceId, Login, SessionId
from bot.model.ledger import HandOff, Ledger
from bot.model.plan import Questions
from bot.model.session import (
    Blocked,
    Failed,
    FailureKind,
    Judged,
    Outcome,
    Planned,
    Published,
    Role,
    SessionReport,
    Spend,
    Verdict,
    Void,
)
from tests.git.conftest import BOT, Remote

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
REF = "refs/crewline/objectives/12"


class Written(BaseModel):
    version: int
    objective: int


def ledger(title: str = "Cart", objective: int = 12) -> Ledger:
    hand_off = HandOff(title=title, body="Grüße\nzwei", by=Login("ada"), at=NOW)
    return Ledger(objective=objective, hand_off=hand_off)


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    remote = Remote(tmp_path)
    remote.commit({"README.md": "hello\n"})
    return remote


async def a_store(folder: Path, remote: Remote) -> AsyncIterator[LedgerStore]:
    async with Mirror(folder, str(remote.path), no_token, BOT) as mirror:
        await mirror.fetch()
        yield LedgerStore(mirror, "refs/crewline")


@pytest.fixture
async def ours(tmp_path: Path, remote: Remote) -> AsyncIterator[LedgerStore]:
    async for store in a_store(tmp_path / "ours.git", remote):
        yield store


@pytest.fixture
async def theirs(tmp_path: Path, remote: Remote) -> AsyncIterator[LedgerStore]:
    async for store in a_store(tmp_path / "theirs.git", remote):
        yield store


async def test_a_repository_without_ledgers(ours: LedgerStore) -> None:
    assert await ours.load_all() == {}
    assert await ours.load(12) is None


async def test_what_was_pushed_is_loaded_by_another_instance(ours: LedgerStore, theirs: LedgerStore) -> None:
    first = await ours.push(ledger(), "hand off", (), None, NOW)
    second = await ours.push(ledger("Basket"), "rename", (), first, NOW)
    await ours.push(ledger(objective=13), "hand off", (), None, NOW)
    assert await theirs.load(12) == (ledger("Basket"), second)
    assert sorted(await theirs.load_all()) == [12, 13]


@pytest.mark.parametrize(
    "outcome",
    [
        Planned(answer=Questions(questions=("Which currency?",))),
        Failed(reason=FailureKind.VERIFY, detail="exit code 1"),
        Published(head=CommitSha("a" * 40), base=CommitSha("b" * 40), evidence=None, summary=None),
        Judged(head=CommitSha("a" * 40), verdict=Verdict(decision="approve", summary="Good.")),
        Blocked(question="Which currency?"),
        Void(reason="the server ended"),
    ],
)
async def test_every_outcome_survives_a_restart(ours: LedgerStore, theirs: LedgerStore, outcome: Outcome) -> None:
    claimed = ledger().claim(Role.PLANNER, None, InstanceId("one"), NOW)
    ended = claimed.end(SessionReport(id=SessionId("12.planner.1"), outcome=outcome, spend=Spend(seconds=2)), NOW)
    await ours.push(ended, "planned", (), None, NOW)
    loaded = await theirs.load(12)
    assert loaded is not None
    assert loaded[0] == ended


async def test_each_change_is_one_commit_that_a_person_can_read(ours: LedgerStore, remote: Remote) -> None:
    first = await ours.push(ledger(), "hand off", (), None, NOW)
    await ours.push(ledger("Basket"), "rename", (), first, NOW)
    assert remote.git("log", "--format=%s", REF).splitlines() == ["rename", "hand off"]
    changed = [line for line in remote.git("diff", f"{REF}~", REF).splitlines() if line[:1] in "+-"]
    assert changed[2:] == ['-    "title": "Cart",', '+    "title": "Basket",']
    assert Written.model_validate_json(remote.git("show", f"{REF}:ledger.json")) == Written(version=1, objective=12)


async def test_the_second_of_two_claims_loses(ours: LedgerStore, theirs: LedgerStore, remote: Remote) -> None:
    start = await ours.push(ledger(), "hand off", (), None, NOW)
    await theirs.load_all()
    won = await ours.push(ledger("ours"), "claim", (), start, NOW)
    with pytest.raises(LedgerConflict) as caught:
        await theirs.push(ledger("theirs"), "claim", (), start, NOW)
    assert caught.value.refs == (REF,)
    assert remote.head(REF) == won


async def test_two_first_ledgers_are_a_conflict(ours: LedgerStore, theirs: LedgerStore) -> None:
    await ours.push(ledger("ours"), "hand off", (), None, NOW)
    with pytest.raises(LedgerConflict):
        await theirs.push(ledger("theirs"), "hand off", (), None, NOW)


async def test_a_branch_goes_with_its_record(ours: LedgerStore, remote: Remote) -> None:
    head = remote.head("refs/heads/main")
    assert head is not None
    revision = await ours.push(ledger(), "published", [BranchPush("crewline/12/cart", head, None)], None, NOW)
    assert remote.head("refs/heads/crewline/12/cart") == head
    assert remote.head(REF) == revision


async def test_a_branch_that_somebody_moved_keeps_the_record_back(ours: LedgerStore, remote: Remote) -> None:
    head = remote.head("refs/heads/main")
    assert head is not None
    moved = remote.commit({"a": "b"}, branch="crewline/12/cart")
    with pytest.raises(LedgerConflict) as caught:
        await ours.push(ledger(), "published", [BranchPush("crewline/12/cart", head, None)], None, NOW)
    assert caught.value.refs == ("refs/heads/crewline/12/cart",)
    assert remote.head("refs/heads/crewline/12/cart") == moved
    assert remote.head(REF) is None


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("ledger.json", "{", "Invalid JSON"),
        ("ledger.json", '{"version": 2, "objective": 12}', "written by another version"),
        ("ledger.json", '{"version": 1, "objective": 12}', "hand_off: Field required"),
        ("other.json", "{}", "has no ledger.json"),
    ],
)
async def test_a_ledger_that_cannot_be_read(
    ours: LedgerStore, remote: Remote, file: str, content: str, reason: str
) -> None:
    await ours.push(ledger(objective=13), "hand off", (), None, NOW)
    bad = remote.commit({file: content}, branch="bad")
    remote.git("update-ref", REF, bad)
    with pytest.raises(LedgerUnreadable, match="the ledger of #12") as caught:
        await ours.load(12)
    assert reason in str(caught.value)
    assert list(await ours.load_all()) == [13]


async def test_a_ledger_of_another_objective_is_not_believed(ours: LedgerStore, remote: Remote) -> None:
    revision = await ours.push(ledger(objective=13), "hand off", (), None, NOW)
    remote.git("update-ref", REF, CommitSha(revision))
    with pytest.raises(LedgerUnreadable, match="it is the ledger of #13"):
        await ours.load(12)
