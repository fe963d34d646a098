"""Deleting beside a server that runs, and after one that died."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.disk import collection
from bot.disk.bounds import bounds_of
from bot.disk.choice import Bound, choose
from bot.disk.collection import collect
from bot.disk.housekeeping import Housekeeping
from bot.disk.inventory import Item, Kind, inventory
from bot.disk.use import InUse, hold, is_used, unused
from bot.disk.watch import DataDisk
from bot.git.mirror import Mirror, no_token
from bot.model.assignment import Assignment, PlannerBriefing
from bot.model.identity import CommitSha, RepositoryName, SessionId
from bot.model.session import Role
from bot.sessions.memo import Memo, Memos, Tree
from bot.settings import StoreSettings
from tests.git.conftest import BOT

NOW = datetime.now(UTC)
LONG_AGO = (NOW - timedelta(days=400)).timestamp()
SHOP = RepositoryName("octo", "shop")
BOUNDS = bounds_of(StoreSettings())


def old(path: Path, text: str = "x") -> Path:
    """A file that nobody has touched for a year."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def old_folder(path: Path) -> Path:
    old(path / "file")
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def remember(data: Path, session: str, lies_with: str) -> None:
    """A session works, in the folder of an attempt before it."""
    commit = CommitSha("1" * 40)
    tree = Tree(base=commit, start=commit, branch="b", made=NOW, lies_with=SessionId(lies_with))
    briefing = PlannerBriefing(title="", body="", most_tasks=1, verify_command=None)
    assignment = Assignment(
        id=SessionId(session),
        repository=str(SHOP),
        objective=1,
        role=Role.WORKER,
        task="one",
        agent="scripted",
        model=None,
        seconds=1,
        base_branch="main",
        briefing=briefing,
    )
    Memos(data / "sessions").write(Memo(assignment=assignment, agent="scripted", tree=tree))


def gone(data: Path) -> list[str]:
    return sorted(deletion.item.name for deletion in collect(data, BOUNDS, NOW) if deletion.problem is None)


def test_what_ended_long_ago_goes(tmp_path: Path) -> None:
    transcript = old(tmp_path / "transcripts/octo/shop/1.one.worker.1.jsonl")
    tree = old_folder(tmp_path / "left/octo/shop/1.one.worker.1")
    young = tmp_path / "transcripts/octo/shop/2.one.worker.1.jsonl"
    young.write_text("y")
    assert gone(tmp_path) == ["left/octo/shop/1.one.worker.1", "transcripts/octo/shop/1.one.worker.1.jsonl"]
    assert [path.exists() for path in (transcript, tree, young)] == [False, False, True]
    assert list((tmp_path / "trash").iterdir()) == []


def test_a_dry_run_only_says_so(tmp_path: Path) -> None:
    transcript = old(tmp_path / "transcripts/octo/shop/1.one.worker.1.jsonl")
    [deletion] = collect(tmp_path, BOUNDS, NOW, dry_run=True)
    assert deletion.item.kind is Kind.TRANSCRIPT
    assert transcript.exists()


def test_what_the_ledger_does_not_have_yet_stays_and_its_mirror_with_it(tmp_path: Path) -> None:
    tree = old_folder(tmp_path / "left/octo/shop/1.one.worker.1")
    mirror = old_folder(tmp_path / "mirrors/octo/shop.git")
    old(tmp_path / "sessions/octo/shop/1.one.worker.1.json")
    assert gone(tmp_path) == []
    (tmp_path / "sessions/octo/shop/1.one.worker.1.json").unlink()
    assert gone(tmp_path) == ["left/octo/shop/1.one.worker.1"]
    assert not tree.exists()
    assert gone(tmp_path) == ["mirrors/octo/shop.git"]
    assert not mirror.exists()


def test_a_tree_that_a_later_attempt_took_over_stays_as_long_as_that_one_is_not_recorded(tmp_path: Path) -> None:
    """It lies under the name of the attempt before, of which nothing is unrecorded any more."""
    for top in ("work", "left"):
        tree = old_folder(tmp_path / top / "octo/shop/1.one.worker.1")
        remember(tmp_path, "1.one.worker.2", lies_with="1.one.worker.1")
        assert gone(tmp_path) == []
        Memos(tmp_path / "sessions").drop(SHOP, SessionId("1.one.worker.2"))
        assert gone(tmp_path) == [f"{top}/octo/shop/1.one.worker.1"]
        assert not tree.exists()


def test_where_a_memo_cannot_be_read_all_trees_of_its_repository_stay(tmp_path: Path) -> None:
    old_folder(tmp_path / "left/octo/shop/1.one.worker.1")
    old_folder(tmp_path / "left/octo/other/1.one.worker.1")
    old(tmp_path / "sessions/octo/shop/1.one.worker.2.json", "half of i")
    assert gone(tmp_path) == ["left/octo/other/1.one.worker.1"]


def test_a_tree_that_came_to_be_needed_since_it_was_chosen_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server started meanwhile, and a session took over what was there."""
    old_folder(tmp_path / "work/octo/shop/1.one.worker.1")
    old_folder(tmp_path / "left/octo/shop/2.two.worker.1")
    locks: list[int | None] = []

    def and_then(items: Iterable[Item], bounds: Mapping[Kind, Bound], now: datetime, wanted: int) -> tuple[Item, ...]:
        found = choose(items, bounds, now, wanted)
        locks.append(hold(old(tmp_path / "instances")))
        remember(tmp_path, "2.two.worker.2", lies_with="2.two.worker.1")
        return found

    monkeypatch.setattr(collection, "choose", and_then)
    deletions = collect(tmp_path, BOUNDS, NOW)
    assert [(deletion.item.name, deletion.problem) for deletion in deletions] == [
        ("left/octo/shop/2.two.worker.1", "it is used again"),
        ("work/octo/shop/1.one.worker.1", "it is used again"),
    ]
    [lock] = locks
    assert lock is not None
    os.close(lock)


async def test_an_open_mirror_stays_and_a_closed_one_goes_and_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "mirrors/octo/shop.git"
    async with Mirror(path, "/nowhere", no_token, BOT) as mirror:
        os.utime(path, (LONG_AGO, LONG_AGO))
        assert gone(tmp_path) == []
        await mirror.close()
        assert gone(tmp_path) == ["mirrors/octo/shop.git"]
        await mirror.prepare()
        assert is_used(path)
    assert not is_used(path)


def test_trees_of_a_server_that_runs_are_its_own(tmp_path: Path) -> None:
    old_folder(tmp_path / "work/octo/shop/1.one.worker.1")
    lock = hold(old(tmp_path / "instances"))
    assert lock is not None
    assert gone(tmp_path) == []
    os.close(lock)
    assert gone(tmp_path) == ["work/octo/shop/1.one.worker.1"]


def test_who_comes_to_the_lock_too_late_does_not_hold_what_is_gone(tmp_path: Path) -> None:
    path = old(tmp_path / "file")
    with unused(path):
        path.rename(tmp_path / "trash")
    assert hold(path) is None
    held = hold(tmp_path / "trash")
    assert held is not None
    with pytest.raises(InUse), unused(tmp_path / "trash"):
        pass
    os.close(held)


def test_what_a_fetch_left_half_done_goes_once_nobody_writes_to_it(tmp_path: Path) -> None:
    half = old(tmp_path / "mirrors/octo/shop.git/objects/pack/tmp_pack_x1")
    fresh = tmp_path / "mirrors/octo/shop.git/objects/pack/tmp_pack_x2"
    fresh.write_text("being written")
    gone(tmp_path)
    assert (half.exists(), fresh.exists()) == (False, True)


def test_a_folder_that_an_agent_closed_goes_too(tmp_path: Path) -> None:
    tree = old_folder(tmp_path / "left/octo/shop/1.one.worker.1")
    (tree / "closed").mkdir()
    old(tree / "closed" / "file")
    (tree / "closed").chmod(0o500)
    os.utime(tree, (LONG_AGO, LONG_AGO))
    assert gone(tmp_path) == ["left/octo/shop/1.one.worker.1"]
    assert not tree.exists()


def test_sizes_are_those_on_the_disk(tmp_path: Path) -> None:
    old(tmp_path / "transcripts/octo/shop/1.one.worker.1.jsonl", "x" * 100_000)
    [item] = inventory(tmp_path)
    assert 100_000 <= item.size < 200_000


async def test_what_cannot_be_deleted_is_told_and_stays(tmp_path: Path) -> None:
    transcript = old(tmp_path / "transcripts/octo/shop/1.one.worker.1.jsonl")
    (tmp_path / "trash").write_text("somebody put a file where a folder should be")
    await Housekeeping(StoreSettings(data=tmp_path), DataDisk(tmp_path), lambda: NOW).collect()
    assert transcript.exists()
