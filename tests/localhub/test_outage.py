"""The hub is down as a whole, and comes back as it was."""

from email.utils import parsedate_to_datetime

import httpx
import pytest

from bot.localhub.model.clock import SystemClock
from bot.localhub.model.settings import Outage
from tests.localhub.world import World

REPO = "/repos/alice/shop"


async def test_everything_is_answered_502_git_too(world: World) -> None:
    world.hub.faults.outage = Outage.BAD_GATEWAY
    async with world.as_bot() as rest:
        assert (await rest.get(REPO)).status_code == 502
        assert "502" in await world.git("ls-remote", world.remote(world.bot_token()), ok=False)
        world.hub.faults.outage = None
        assert (await rest.get(REPO)).status_code == 200


async def test_nothing_is_answered(world: World) -> None:
    world.hub.faults.outage = Outage.SILENCE
    async with world.as_bot() as rest:
        with pytest.raises(httpx.ReadTimeout):
            await rest.get(REPO, timeout=0.1)


async def test_nobody_listens_until_the_door_is_open_again(world: World) -> None:
    door = world.address.door
    assert door is not None
    async with world.as_bot() as rest:
        assert (await rest.get(REPO)).status_code == 200
        await door.shut()
        with pytest.raises(httpx.TransportError):
            await rest.get(REPO)
        with pytest.raises(httpx.ConnectError):
            await rest.get(REPO)
        await door.open()
        assert (await rest.get(REPO)).status_code == 200


async def test_answers_carry_the_time_of_the_hub(world: World) -> None:
    clock = world.hub.clock
    assert isinstance(clock, SystemClock)
    clock.turn(3000)
    async with world.as_bot() as rest:
        told = parsedate_to_datetime((await rest.get(REPO)).headers["date"])
    assert abs((world.hub.now() - told).total_seconds()) < 600


@pytest.mark.parametrize("seconds", [660, 1200])
async def test_a_jwt_that_lasts_too_long_by_the_clock_of_the_hub_is_refused(world: World, seconds: int) -> None:
    now = int(world.hub.now().timestamp())
    async with world.as_app(exp=now + seconds) as rest:
        answer = await rest.get("/app")
    assert answer.status_code == 401
    assert answer.json()["message"] == "'Expiration time' claim ('exp') is too far in the future"


async def test_a_token_can_expire_between_the_two_requests_of_a_push(world: World) -> None:
    token = world.bot_token()
    clone = await world.clone(token)
    await world.commit(clone, "more.txt", "more\n")
    world.hub.faults.tokens_expired_for_git = 1
    said = await world.git("push", "origin", "HEAD:refs/heads/more", cwd=clone, ok=False)
    assert "HTTP 401" in said
    async with world.as_bot(token) as rest:
        assert (await rest.get(REPO)).status_code == 401
