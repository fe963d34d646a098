"""A usual push goes out as one request; whatever is unusual goes through git, and ends the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bot.git.errors import PushRejected
from bot.git.loose import NewCommit, write_commit
from bot.git.mirror import Mirror
from bot.git.process import Identity
from bot.git.push import RefUpdate
from bot.localhub.model.app import App
from bot.localhub.model.hub import Hub
from bot.localhub.model.repository import Repository
from bot.localhub.server import serve
from bot.model.identity import CommitSha

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOT = Identity("crewline[bot]", "crewline@example.com")
LEDGER = "refs/crewline/objectives/1"


@dataclass
class Place:
    """A repository of the hub, and a mirror of it that belongs to an App."""

    hub: Hub
    app: App
    shop: Repository
    mirror: Mirror
    sent: list[str]

    @property
    def asked(self) -> dict[str, int]:
        """What git asked of the hub so far, by kind."""
        return dict(self.hub.usage.git)

    async def head(self, ref: str) -> str | None:
        return (await self.shop.git.refs()).get(ref)

    async def main(self) -> CommitSha:
        await self.mirror.fetch()
        head = await self.mirror.branch("main")
        assert head is not None
        return head

    async def commit(self, *parents: CommitSha, trailer: str = "Crewline-Session: 1.a.worker.1") -> CommitSha:
        """A commit like a session's, with one more file in a folder."""
        blob = await self.mirror.git("hash-object", "-w", "--stdin", stdin=b"hello\n" + trailer.encode())
        listing = f"100644 blob {blob.stdout.decode().strip()}\tnew.txt\n".encode()
        folder = (await self.mirror.git("mktree", stdin=listing)).stdout.decode().strip()
        top = (await self.mirror.git("ls-tree", parents[0])).stdout + f"040000 tree {folder}\tfolder\n".encode()
        tree = (await self.mirror.git("mktree", stdin=top)).stdout.decode().strip()
        return write_commit(self.mirror.path, NewCommit(tree, parents, BOT, NOW, BOT, NOW, f"Work\n\n{trailer}"))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    hub = Hub(tmp_path / "hub")
    alice = hub.add_user("alice")
    shop = await hub.create_repository(alice, "shop", files={"README.md": "# Shop\n", "src/a.py": "a = 1\n"})
    app = hub.add_app("crewline", owner=alice, permissions={"contents": "write"}, events=[])
    installation = hub.install(app, alice)
    token = hub.create_installation_token(installation).token
    sent: list[str] = []

    async def note(request: httpx.Request) -> None:
        sent.append(f"{request.method} {request.url.path}")

    async def always() -> str:
        return token

    async with (
        serve(hub) as address,
        httpx.AsyncClient(event_hooks={"request": [note]}) as http,
        Mirror(tmp_path / "mirror.git", f"{address.url}/alice/shop.git", always, BOT, http=http) as mirror,
    ):
        yield Place(hub, app, shop, mirror, sent)


async def test_a_ledger_and_a_branch_go_out_in_one_request(place: Place) -> None:
    main = await place.main()
    before = place.asked
    work = await place.commit(await place.commit(main))
    ledger = await place.mirror.commit_file("ledger.json", b"{}\n", None, "one", NOW)
    await place.mirror.push([RefUpdate(LEDGER, ledger, None), RefUpdate("refs/heads/crewline/1/a", work, None)])
    assert (await place.head(LEDGER), await place.head("refs/heads/crewline/1/a")) == (ledger, work)
    assert await place.mirror.branch("crewline/1/a") == work
    assert place.sent == ["POST /alice/shop.git/git-receive-pack"]
    assert place.asked["push"] - before.get("push", 0) == 1
    assert place.asked["refs"] == before["refs"]
    second = await place.mirror.commit_file("ledger.json", b"{1}\n", ledger, "two", NOW)
    await place.mirror.push([RefUpdate(LEDGER, second, ledger)])
    assert await place.head(LEDGER) == second


async def test_who_comes_second_is_told_and_moves_nothing(place: Place) -> None:
    main = await place.main()
    first = await place.mirror.commit_file("ledger.json", b"1\n", None, "one", NOW)
    await place.mirror.push([RefUpdate(LEDGER, first, None)])
    other = await place.mirror.commit_file("ledger.json", b"2\n", None, "other", NOW)
    work = await place.commit(main)
    with pytest.raises(PushRejected):
        await place.mirror.push([RefUpdate(LEDGER, other, None), RefUpdate("refs/heads/crewline/1/a", work, None)])
    assert (await place.head(LEDGER), await place.head("refs/heads/crewline/1/a")) == (first, None)


async def test_a_merge_goes_through_git(place: Place) -> None:
    main = await place.main()
    one, other = await place.commit(main), await place.commit(main, trailer="Crewline-Session: 1.b.worker.1")
    merge = await place.commit(one, other)
    await place.mirror.push([RefUpdate("refs/heads/crewline/1/a", merge, None)])
    assert await place.head("refs/heads/crewline/1/a") == merge
    assert place.sent == []


async def test_what_the_remote_does_not_have_after_all_goes_through_git(place: Place) -> None:
    main = await place.main()
    foreign = await place.commit(main, trailer="Signed-off-by: nobody")
    work = await place.commit(foreign)
    await place.mirror.push([RefUpdate("refs/heads/crewline/1/a", work, None)])
    assert await place.head("refs/heads/crewline/1/a") == work
    assert place.sent == ["POST /alice/shop.git/git-receive-pack"]


async def test_an_answer_that_is_lost_is_asked_for_again_without_harm(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = await place.mirror.commit_file("ledger.json", b"{}\n", None, "one", NOW)
    post = httpx.AsyncClient.post

    async def lost(self: httpx.AsyncClient, *arguments: str, **named: str) -> httpx.Response:
        await post(self, *arguments, **named)  # type: ignore[arg-type]
        raise httpx.ReadError("the connection was reset")

    monkeypatch.setattr(httpx.AsyncClient, "post", lost)
    await place.mirror.push([RefUpdate(LEDGER, ledger, None)])
    assert await place.head(LEDGER) == ledger


async def test_a_branch_is_deleted_through_git(place: Place) -> None:
    main = await place.main()
    work = await place.commit(main)
    await place.mirror.push([RefUpdate("refs/heads/crewline/1/a", work, None)])
    await place.mirror.push([RefUpdate("refs/heads/crewline/1/a", None, work)])
    assert await place.head("refs/heads/crewline/1/a") is None
