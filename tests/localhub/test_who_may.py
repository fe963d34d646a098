"""Authentication and permissions, in GitHub's words."""

import json

import httpx
import jwt
import pytest

from bot.localhub.model.clock import SystemClock
from tests.localhub.world import World, private_key


async def test_a_jwt_names_the_app_and_makes_tokens_that_expire_in_an_hour(world: World) -> None:
    async with world.as_app() as rest:
        assert (await rest.get("/app")).json()["slug"] == "crewline"
        found = await rest.get("/repos/alice/shop/installation")
        made = await rest.post(f"/app/installations/{found.json()['id']}/access_tokens")
    assert made.status_code == 201
    token = made.json()["token"]
    assert token.startswith("ghs_")
    async with world.as_bot(token) as rest:
        assert (await rest.get("/repos/alice/shop")).status_code == 200
        assert isinstance(world.hub.clock, SystemClock)
        world.hub.clock.turn(3601)
        late = await rest.get("/repos/alice/shop")
    assert (late.status_code, late.json()["message"]) == (401, "Bad credentials")


@pytest.mark.parametrize(("claim", "ahead"), [("exp", -1), ("exp", 900), ("iat", 300)])
async def test_a_jwt_outside_its_time_is_refused(world: World, claim: str, ahead: int) -> None:
    now = int(world.hub.now().timestamp())
    async with world.as_app(**{claim: now + ahead}) as rest:
        answer = await rest.get("/app")
    assert answer.status_code == 401
    assert claim in answer.json()["message"]


async def test_a_jwt_signed_by_somebody_else_is_refused(world: World) -> None:
    async with world.as_nobody() as rest:
        now = int(world.hub.now().timestamp())
        forged = jwt.encode({"iat": now, "exp": now + 60, "iss": str(world.app.id)}, "x" * 32, algorithm="HS256")
        answer = await rest.get("/app", headers={"authorization": f"Bearer {forged}"})
    assert answer.status_code == 401
    assert private_key().startswith("-----BEGIN RSA PRIVATE KEY-----")


async def test_a_narrowed_token_may_only_do_what_it_was_made_for(world: World) -> None:
    async with world.as_app() as rest:
        asked = {"permissions": {"issues": "read"}, "repositories": ["shop"]}
        made = await rest.post(f"/app/installations/{world.installation.id}/access_tokens", json=asked)
        too_much = {"permissions": {"administration": "write"}}
        refused = await rest.post(f"/app/installations/{world.installation.id}/access_tokens", json=too_much)
    assert made.json()["permissions"] == {"issues": "read", "metadata": "read"}
    assert refused.status_code == 422
    async with world.as_bot(made.json()["token"]) as rest:
        answer = await rest.post("/repos/alice/shop/issues", json={"title": "No"})
    assert (answer.status_code, answer.json()["message"]) == (403, "Resource not accessible by integration")
    assert answer.headers["x-accepted-github-permissions"] == "issues=write"


async def test_what_one_may_not_see_is_not_there(world: World) -> None:
    await world.hub.create_repository(world.alice, "secret", files={"a": "b"}, private=True)
    bob = world.hub.add_user("bob")
    async with world.as_user(bob) as rest:
        assert (await rest.get("/repos/alice/secret")).status_code == 404
        assert (await rest.get("/repos/alice/shop")).status_code == 200
        wrong = await rest.get("/repos/alice/shop", headers={"authorization": "token ghp_wrong"})
    assert (wrong.status_code, wrong.json()["message"]) == (401, "Bad credentials")


@pytest.mark.parametrize(
    ("role", "labels", "merges"), [("read", 403, 403), ("triage", 200, 403), ("write", 200, 200), ("admin", 200, 200)]
)
async def test_roles(world: World, role: str, labels: int, merges: int) -> None:
    bob = world.hub.add_user("bob")
    world.shop.add_collaborator(bob, role)
    await world.pull()
    async with world.as_user(bob) as rest:
        assert (await rest.post("/repos/alice/shop/issues/1/labels", json={"labels": ["x"]})).status_code == labels
        assert (await rest.put("/repos/alice/shop/pulls/1/merge", json={})).status_code == merges
        told = await rest.get("/repos/alice/shop/collaborators/bob/permission")
    assert told.json()["role_name"] == role
    assert told.json()["permission"] == {"triage": "read"}.get(role, role)


async def test_check_runs_are_for_apps(world: World) -> None:
    pull = await world.pull()
    async with world.as_user(world.alice) as rest:
        answer = await rest.post("/repos/alice/shop/check-runs", json={"name": "x", "head_sha": pull.head_sha})
    assert (answer.status_code, answer.json()["message"]) == (403, "You must authenticate via a GitHub App.")


async def test_a_suspended_installation_is_refused_until_it_is_not(world: World) -> None:
    token = world.bot_token()
    world.hub.suspend(world.installation, world.alice)
    async with world.as_bot(token) as rest:
        assert (await rest.get("/repos/alice/shop")).status_code == 403
        world.hub.unsuspend(world.installation, world.alice)
        assert (await rest.get("/repos/alice/shop")).status_code == 200
        world.hub.uninstall(world.installation, world.alice)
        assert (await rest.get("/repos/alice/shop")).status_code == 401
    await world.inbox.wait("installation.deleted")


async def test_an_app_is_registered_from_a_manifest(world: World) -> None:
    manifest = {
        "name": "Second Eyes", "url": "https://example.com", "redirect_url": "https://example.com/back",
        "hook_attributes": {"url": world.inbox.url}, "default_permissions": {"issues": "read"},
        "default_events": ["issues"],
    }  # fmt: skip
    async with world.as_nobody() as rest:
        form = {"manifest": json.dumps(manifest)}
        sent = await rest.post(f"{world.address.url}/settings/apps/new?state=abc", data=form)
        query = httpx.URL(sent.headers["location"]).params
        assert (sent.status_code, query["state"]) == (302, "abc")
        made = await rest.post(f"/app-manifests/{query['code']}/conversions")
        assert (made.status_code, made.json()["slug"]) == (201, "second-eyes")
        assert made.json()["pem"].startswith("-----BEGIN RSA PRIVATE KEY-----")
        assert (await rest.post(f"/app-manifests/{query['code']}/conversions")).status_code == 404
