"""The real git against the localhub."""

from bot.localhub.git.report import packets
from tests.localhub.world import World


async def test_refs_outside_of_heads_work_and_send_no_event(world: World) -> None:
    clone = await world.clone(world.bot_token())
    head = await world.commit(clone, "ledger.json", "{}")
    await world.git("push", "--quiet", "origin", "HEAD:refs/crewline/objectives/1", cwd=clone)
    assert await world.shop.git.ref("refs/crewline/objectives/1") == head
    async with world.as_bot() as rest:
        assert (await rest.get("/repos/alice/shop/git/ref/crewline/objectives/1")).json()["object"]["sha"] == head
    pushed = [event for event in world.hub.events.log if event.name == "push"]
    assert len(pushed) == 1, "only the first commit of the repository"


async def test_an_atomic_push_moves_all_refs_or_none(world: World) -> None:
    clone = await world.clone(world.bot_token())
    first = await world.commit(clone, "a", "a")
    await world.git("push", "--quiet", "origin", "HEAD:refs/crewline/one", cwd=clone)
    await world.commit(clone, "b", "b")
    lease = "--force-with-lease=refs/crewline/one:" + "1" * 40
    refspecs = ("HEAD:refs/crewline/one", "HEAD:refs/heads/task")
    await world.git("push", "--atomic", lease, "origin", *refspecs, cwd=clone, ok=False)
    assert await world.shop.git.ref("refs/crewline/one") == first
    assert await world.shop.git.branch("task") is None
    await world.git("push", "--atomic", f"--force-with-lease=refs/crewline/one:{first}", "origin", *refspecs, cwd=clone)
    assert await world.shop.git.branch("task") == await world.shop.git.ref("refs/crewline/one") != first


async def test_a_big_push_and_a_shallow_fetch_go_through(world: World) -> None:
    clone = await world.clone(world.bot_token())
    await world.commit(clone, "big.txt", "".join(f"{number * 7919 % 104729}\n" for number in range(400_000)))
    await world.git("-c", "http.postBuffer=65536", "push", "--quiet", "origin", "HEAD:main", cwd=clone)
    await world.git("clone", "--quiet", "--depth=1", world.remote(world.bot_token()), "shallow")
    assert (world.directory / "shallow" / "big.txt").stat().st_size > 2_000_000


async def test_pushing_without_or_with_a_wrong_token(world: World) -> None:
    host = world.address.url
    clone = await world.clone(world.bot_token())
    await world.commit(clone, "x", "x")
    async with world.as_nobody() as rest:
        asked = await rest.get(f"{host}/alice/shop.git/info/refs?service=git-receive-pack")
    assert (asked.status_code, asked.headers["www-authenticate"]) == (401, 'Basic realm="GitHub"')
    await world.git("push", world.remote("ghs_wrong"), "HEAD:main", cwd=clone, ok=False)
    bob = world.hub.add_user("bob")
    said = await world.git("push", world.remote(world.hub.user_token(bob)), "HEAD:main", cwd=clone, ok=False)
    assert "403" in said
    await world.git("clone", "--quiet", f"{host}/alice/shop", "public")


async def test_an_app_pushes_no_workflow_without_the_permission(world: World) -> None:
    clone = await world.clone(world.bot_token())
    await world.commit(clone, ".github/workflows/ci.yml", "on: push\n", branch="ci")
    said = await world.git("push", "origin", "ci", cwd=clone, ok=False)
    words = "refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows`"
    assert f"[remote rejected] ci -> ci ({words} permission)" in said
    await world.git("push", "--quiet", world.remote(world.hub.user_token(world.alice)), "ci", cwd=clone)


async def test_a_protected_branch_takes_no_push(world: World) -> None:
    world.shop.protect("main", required_reviews=1)
    clone = await world.clone(world.bot_token())
    await world.commit(clone, "x", "x")
    said = await world.git("push", "origin", "HEAD:main", cwd=clone, ok=False)
    assert "protected branch hook declined" in said


async def test_a_push_is_told_with_its_commits_and_moves_the_pull_request(world: World) -> None:
    pull = await world.pull()
    clone = await world.clone(world.bot_token())
    await world.git("checkout", "--quiet", "fix", cwd=clone)
    head = await world.commit(clone, "more", "x")
    await world.git("push", "--quiet", "origin", "fix", cwd=clone)
    told = (await world.inbox.wait("pull_request.synchronize")).body
    assert (told["before"] != head, told["after"], pull.head_sha) == (True, head, head)
    push = next(one for one in world.inbox.received if one.event == "push" and one.body["after"] == head)
    commits = push.body["commits"]
    assert isinstance(commits, list)
    assert len(commits) == 1
    await world.git("push", "--quiet", "origin", ":fix", cwd=clone)
    await world.inbox.wait("delete")
    assert (pull.state, pull.merged) == ("closed", False)


async def test_the_head_of_a_pull_request_can_be_fetched_and_not_pushed(world: World) -> None:
    pull = await world.pull()
    clone = await world.clone(world.bot_token())
    await world.git("fetch", "--quiet", "origin", "refs/pull/1/head", cwd=clone)
    assert (await world.git("rev-parse", "FETCH_HEAD", cwd=clone)).strip() == pull.head_sha
    said = await world.git("push", "origin", "+main:refs/pull/1/head", cwd=clone, ok=False)
    assert "deny updating a hidden ref" in said


async def test_the_second_offer_of_a_push_says_what_git_would_say(world: World) -> None:
    clone = await world.clone(world.bot_token())
    await world.commit(clone, "x", "x")
    address = f"{world.remote(world.bot_token())}/info/refs?service=git-receive-pack"
    async with world.as_nobody() as rest:
        first = await rest.get(address)
        await world.git("push", "--quiet", "origin", "HEAD:refs/heads/a", "HEAD:refs/crewline/b", cwd=clone)
        second = await rest.get(address)
    before, after = (list(packets(one.content)) for one in (first, second))
    by_git = await world.shop.git.git("receive-pack", "--http-backend-info-refs", ".")
    assert after[2:] == list(packets(by_git))
    assert len(after) == len(before) + 2
