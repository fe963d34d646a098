"""The usual fetch of a branch is two requests; whatever is unusual goes through git, and ends the same."""

from __future__ import annotations

import httpx
import pytest

from bot.git.errors import NoSuchRef, Unreachable
from bot.git.mirror import Mirror, branch_refspecs
from bot.git.push import RefUpdate
from bot.localhub.git.bare import ZERO
from bot.localhub.git.bare import RefUpdate as HubRefUpdate
from bot.model.identity import CommitSha
from tests.git.test_quick_push import Place, place

__all__ = ["place"]

MAIN = branch_refspecs(["main"])


async def moved(place: Place, path: str = "news.txt", text: str = "news\n") -> CommitSha:
    """Alice commits to the main branch, on the hub."""
    alice = place.hub.user("alice")
    return CommitSha(await place.hub.push_files(place.shop, alice, "main", {path: text}, "News"))


async def test_what_moved_is_brought_by_two_requests(place: Place) -> None:
    await place.main()
    before = dict(place.hub.usage.git)
    head = await moved(place)
    place.sent.clear()
    await place.mirror.fetch(MAIN)
    assert await place.mirror.branch("main") == head
    assert await place.mirror.read(head, "news.txt") == b"news\n"
    assert place.sent == ["POST /alice/shop.git/git-upload-pack"] * 2
    assert place.hub.usage.git["refs"] == before["refs"], "git itself was not needed"


async def test_what_did_not_move_is_one_request(place: Place) -> None:
    head = await place.main()
    place.sent.clear()
    await place.mirror.fetch(MAIN)
    assert await place.mirror.branch("main") == head
    assert place.sent == ["POST /alice/shop.git/git-upload-pack"]


async def test_what_was_pushed_from_here_is_not_sent_back(place: Place) -> None:
    """A merge has the pushed commits as a parent: only the merge itself is new."""
    base = await place.main()
    work = await place.commit(base)
    await place.mirror.push([RefUpdate("refs/heads/crewline/1/a", work, None)])
    merged = await place.shop.git.commit_tree(
        (await place.shop.git.commit(work)).tree,
        (base, work),
        "Merge",
        (await place.shop.git.commit(base)).author,
        (await place.shop.git.commit(base)).author,
    )
    await place.shop.git.update_refs([HubRefUpdate("refs/heads/main", merged)])
    packs: list[int] = []

    async def weigh(response: httpx.Response) -> None:
        if response.request.content.find(b"command=fetch") >= 0:
            await response.aread()
            start = response.content.index(b"PACK")
            packs.append(int.from_bytes(response.content[start + 8 : start + 12]))

    assert place.mirror._http is not None
    place.mirror._http.event_hooks["response"].append(weigh)
    await place.mirror.fetch(MAIN)
    assert await place.mirror.branch("main") == merged
    assert packs == [1]


async def test_a_branch_that_is_not_there_is_told_by_git(place: Place) -> None:
    await place.main()
    with pytest.raises(NoSuchRef):
        await place.mirror.fetch(branch_refspecs(["nowhere"]))


async def test_much_at_once_is_left_to_git(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.git.quick_fetch.MOST_BYTES", 100)
    await place.main()
    head = await moved(place)
    refs = place.hub.usage.git["refs"]
    await place.mirror.fetch(MAIN)
    assert await place.mirror.branch("main") == head
    assert place.hub.usage.git["refs"] > refs


async def test_a_token_that_ran_out_is_not_the_end(place: Place) -> None:
    await place.main()
    head = await moved(place)
    place.hub.faults.tokens_expired_for_git = 1
    forgotten: list[str] = []
    old = await place.mirror._token()

    async def token() -> str:
        return fresh(place) if forgotten else old

    place.mirror._token, place.mirror._forget = token, forgotten.append
    await place.mirror.fetch(MAIN)
    assert await place.mirror.branch("main") == head
    assert len(forgotten) == 1


def fresh(place: Place) -> str:
    [installation] = place.hub.installations.values()
    return place.hub.create_installation_token(installation).token


async def test_whether_a_ref_moved_is_one_request_and_no_process(place: Place) -> None:
    ref = "refs/crewline/lease"
    assert await place.mirror.stands(ref, None), "it is neither here nor there"
    work = await place.commit(await place.main())
    await place.mirror.push([RefUpdate(ref, work, None), RefUpdate(f"{ref}-of-another", work, None)])
    refs = place.hub.usage.git["refs"]
    place.sent.clear()
    assert await place.mirror.stands(ref, work)
    await place.shop.git.update_refs([HubRefUpdate(ref, await place.shop.git.ref("refs/heads/main") or "")])
    assert not await place.mirror.stands(ref, work)
    await place.shop.git.update_refs([HubRefUpdate(ref, ZERO)])
    assert not await place.mirror.stands(ref, work)
    assert place.sent == ["POST /alice/shop.git/git-upload-pack"] * 3
    assert place.hub.usage.git["refs"] == refs, "git itself was not needed"


async def test_a_silent_remote_is_waited_for_once(place: Place) -> None:
    await place.main()

    def silence(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("nothing came", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(silence)) as client:
        mirror = Mirror(place.mirror.path, place.mirror.url, place.mirror._token, place.mirror.identity, http=client)
        async with mirror:
            with pytest.raises(Unreachable):
                await mirror.fetch(MAIN)
