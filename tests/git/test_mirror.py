"""The mirror: fetch, read, commit, and push all or nothing."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.disk.use import is_used, unused
from bot.git.errors import NoSuchRef, PushRefused, PushRejected, Unreachable
from bot.git.mirror import Mirror, branch_refspecs, no_token
from bot.git.push import RefUpdate
from bot.model.identity import CommitSha
from tests.git.conftest import BOT, Remote

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LEDGER = "refs/crewline/objectives/12"


async def test_a_fetch_brings_the_branches_and_follows_them(mirror: Mirror, remote: Remote) -> None:
    first = remote.commit({"a.txt": "one"})
    await mirror.fetch()
    assert await mirror.branch("main") == first
    second = remote.commit({"a.txt": "two"})
    await mirror.fetch(["+refs/heads/main:refs/remotes/origin/main"])
    assert await mirror.branch("main") == second
    assert await mirror.read(second, "a.txt") == b"two"
    assert await mirror.read(second, "missing.txt") is None
    assert await mirror.read(second, "") is None


async def test_a_branch_deleted_on_the_remote_goes_and_frees_its_name(mirror: Mirror, remote: Remote) -> None:
    remote.commit({"a.txt": "one"})
    remote.commit({"a.txt": "two"}, branch="topic")
    await mirror.fetch()
    remote.git("update-ref", "-d", "refs/heads/topic")
    remote.commit({"a.txt": "three"}, branch="other")
    remote.git("update-ref", "refs/heads/topic/below", "refs/heads/main")
    await mirror.fetch()
    assert set(await mirror.refs("refs/remotes/origin")) == {
        f"refs/remotes/origin/{name}" for name in ("main", "other", "topic/below")
    }


async def test_fetches_asked_for_at_once_are_carried_out_together(mirror: Mirror, remote: Remote) -> None:
    head = remote.commit({"a.txt": "one"})
    await asyncio.gather(*(mirror.fetch() for _ in range(20)))
    assert await mirror.branch("main") == head


async def test_a_missing_ref_is_only_the_error_of_who_asked_for_it(mirror: Mirror, remote: Remote) -> None:
    head = remote.commit({"a.txt": "one"})
    missing, found = await asyncio.gather(
        mirror.fetch(["+refs/crewline/objectives/7:refs/crewline/objectives/7"]),
        mirror.fetch(["+refs/heads/main:refs/remotes/origin/main"]),
        return_exceptions=True,
    )
    assert isinstance(missing, NoSuchRef)
    assert found is None
    assert await mirror.branch("main") == head


async def test_a_commit_of_one_file_is_what_git_reads(mirror: Mirror, remote: Remote) -> None:
    first = await mirror.commit_file("objectives/ledger.json", b"{}", None, "Claim ☑", NOON)
    second = await mirror.commit_file("objectives/ledger.json", b'{"a":1}', first, "Next", NOON)
    assert await mirror.read(second, "objectives/ledger.json") == b'{"a":1}'
    log = await mirror.git("log", "--format=%H %an <%ae> %aI %s", second)
    assert log.stdout.decode().splitlines() == [
        f"{second} crewline[bot] <crewline@example.com> 2026-11-21T12:00:00+00:00 Next",
        f"{first} crewline[bot] <crewline@example.com> 2026-11-21T12:00:00+00:00 Claim ☑",
    ]
    await mirror.git("fsck", "--strict", "--no-dangling")


async def test_branch_and_ledger_are_pushed_together(mirror: Mirror, remote: Remote) -> None:
    head = remote.commit({"a.txt": "one"})
    await mirror.fetch()
    ledger = await mirror.commit_file("ledger.json", b"{}", None, "Claim", NOON)
    updates = [RefUpdate(LEDGER, ledger, None), RefUpdate("refs/heads/crewline/12/parser", head, None)]
    await mirror.push(updates)
    assert (remote.head(LEDGER), remote.head("refs/heads/crewline/12/parser")) == (ledger, head)
    assert (await mirror.resolve(LEDGER), await mirror.branch("crewline/12/parser")) == (ledger, head)
    await mirror.push(updates)  # an answer that was lost: pushing again finds it done


async def test_who_comes_second_pushes_nothing(mirror: Mirror, remote: Remote, tmp_path: Path) -> None:
    head = remote.commit({"a.txt": "one"})
    await mirror.fetch()
    first, ours, theirs = [
        await mirror.commit_file("ledger.json", content, None, "Claim", NOON) for content in (b"1", b"2", b"3")
    ]
    await mirror.push([RefUpdate(LEDGER, first, None)])
    async with Mirror(tmp_path / "other.git", str(remote.path), no_token, BOT) as other:
        await other.fetch()
        assert await other.commit_file("ledger.json", b"3", None, "Claim", NOON) == theirs
        await other.push([RefUpdate(LEDGER, theirs, first)])
    with pytest.raises(PushRejected) as caught:
        await mirror.push([RefUpdate(LEDGER, ours, first), RefUpdate("refs/heads/crewline/12/parser", head, None)])
    assert set(caught.value.reasons) == {LEDGER}
    assert remote.head(LEDGER) == theirs
    assert remote.head("refs/heads/crewline/12/parser") is None


async def test_of_many_pushers_one_wins(mirror: Mirror, remote: Remote, tmp_path: Path) -> None:
    remote.commit({"a.txt": "one"})

    async def push(number: int) -> CommitSha | None:
        async with Mirror(tmp_path / f"{number}.git", str(remote.path), no_token, BOT) as racer:
            claim = await racer.commit_file("ledger.json", str(number).encode(), None, "Claim", NOON)
            try:
                await racer.push([RefUpdate(LEDGER, claim, None)])
            except PushRejected:
                return None
            return claim

    winners = [claim for claim in await asyncio.gather(*(push(n) for n in range(6))) if claim is not None]
    assert winners == [remote.head(LEDGER)]


async def test_a_rule_of_the_server_is_told_from_a_lost_race(mirror: Mirror, remote: Remote) -> None:
    head = remote.commit({"a.txt": "one"})
    await mirror.fetch()
    hook = remote.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'refusing to allow a GitHub App to create or update workflow'\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(PushRefused, match="refusing to allow a GitHub App"):
        await mirror.push([RefUpdate("refs/heads/x", head, None)])
    assert remote.head("refs/heads/x") is None


async def test_an_absent_remote_is_unreachable(tmp_path: Path) -> None:
    async with Mirror(tmp_path / "mirror.git", str(tmp_path / "nothing.git"), no_token, BOT) as mirror:
        with pytest.raises(Unreachable):
            await mirror.fetch()
        commit = await mirror.commit_file("ledger.json", b"{}", None, "Claim", NOON)
        with pytest.raises(Unreachable):
            await mirror.push([RefUpdate(LEDGER, commit, None)])


async def test_the_token_is_in_no_file_and_no_error(tmp_path: Path) -> None:
    async def token() -> str:
        return "ghs_verysecret"

    async with Mirror(tmp_path / "mirror.git", "http://127.0.0.1:9/octo/shop.git", token, BOT) as mirror:
        with pytest.raises(Unreachable) as caught:
            await mirror.fetch()
    assert "ghs_verysecret" not in str(caught.value)
    assert (tmp_path / "mirror.git" / "config").exists()
    assert files_with(tmp_path, b"ghs_verysecret") == []


def files_with(folder: Path, text: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


async def test_a_half_made_mirror_is_made_again(tmp_path: Path, remote: Remote) -> None:
    head = remote.commit({"a.txt": "one"})
    (tmp_path / "mirror.git" / "objects").mkdir(parents=True)
    async with Mirror(tmp_path / "mirror.git", str(remote.path), no_token, BOT) as mirror:
        await mirror.prepare()
        await mirror.fetch()
        assert await mirror.branch("main") == head


async def test_one_that_rests_may_be_deleted_and_is_made_again_by_whatever_is_asked_of_it(
    mirror: Mirror, remote: Remote
) -> None:
    head = remote.commit({"a.txt": "one"})
    await mirror.fetch()
    assert is_used(mirror.path)
    await mirror.rest(0, None)
    with unused(mirror.path):
        shutil.rmtree(mirror.path)
    assert await mirror.resolve(head) is None
    assert is_used(mirror.path)
    for use in (
        lambda: mirror.commit_file("ledger.json", b"{}", head, "Claim", NOON),
        lambda: mirror.git("rev-parse", "--git-dir"),
        lambda: mirror.fetch(branch_refspecs(["main"])),
    ):
        await mirror.rest(0, None)
        assert not is_used(mirror.path)
        await use()
        assert is_used(mirror.path)
    assert await mirror.branch("main") == head
    assert await mirror.read(head, "a.txt") == b"one"


async def test_one_that_is_needed_does_not_rest(mirror: Mirror, remote: Remote) -> None:
    remote.commit({"a.txt": "one"})
    began = asyncio.get_running_loop().time()
    fetch = asyncio.create_task(mirror.fetch())
    await asyncio.sleep(0)
    await mirror.rest(0, None)
    assert is_used(mirror.path), "a fetch is under way"
    await fetch
    await mirror.rest(60, None)
    assert is_used(mirror.path), "something was asked of it a moment ago"
    await mirror.rest(0, began)
    assert is_used(mirror.path), "something was asked of it since a session began that may borrow from it"
    await mirror.rest(0, asyncio.get_running_loop().time())
    assert not is_used(mirror.path)


async def test_what_a_base_lacks_is_named(mirror: Mirror, remote: Remote) -> None:
    first = remote.commit({"a.txt": "one"})
    second = remote.commit({"a.txt": "two"})
    topic = remote.commit({"b.txt": "two"}, branch="topic")
    await mirror.fetch()
    unknown = CommitSha("1" * 40)
    assert await mirror.missing_from(second, [first, second]) == ()
    assert await mirror.missing_from(second, [first, topic, unknown]) == (unknown, topic)


async def test_reading_goes_on_after_a_request_was_cancelled(mirror: Mirror, remote: Remote) -> None:
    head = remote.commit({"big.txt": "x" * 3_000_000, "a.txt": "one"})
    await mirror.fetch()
    reading = asyncio.create_task(mirror.read(head, "big.txt"))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert await mirror.read(head, "a.txt") == b"one"
    assert await mirror.read(head, "big.txt") == b"x" * 3_000_000
