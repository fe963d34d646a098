"""What a session says can be followed over HTTP, by somebody at this machine."""

from __future__ import annotations

import httpx
import pytest

from bot.model.events import Batch, NotAnOffset, RunState
from bot.model.identity import RepositoryName, SessionId
from bot.web.session_events import Events
from tests.web.deliveries import Desk

PATH = "/api/sessions/acme/shop/12.cart.worker.1/events"


async def says(repository: RepositoryName, session: SessionId, after: int, wait: float) -> Batch | None:
    if (str(repository), session) != ("acme/shop", "12.cart.worker.1"):
        return Batch((), after, RunState.UNKNOWN)
    if after not in (0, 70):
        raise NotAnOffset(after)
    return Batch((f'{{"kind": "note", "text": "<{after}, {wait}>"}}',), after + 70, RunState.RUNNING)


async def not_yet(repository: RepositoryName, session: SessionId, after: int, wait: float) -> Batch | None:
    return None


async def asked(path: str, events: Events = says, peer: str = "127.0.0.1") -> httpx.Response:
    async with Desk(events=events).client(peer) as client:
        return await client.get(path)


async def test_a_session_is_followed_from_an_offset() -> None:
    answer = await asked(f"{PATH}?after=70&wait=30")
    assert answer.json() == {"lines": ['{"kind": "note", "text": "<70, 30>"}'], "next": 140, "state": "running"}
    assert (await asked(PATH)).json()["next"] == 70
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        (f"{PATH}?after=-1", 400, "after"),
        (f"{PATH}?after=", 400, "after"),
        (f"{PATH}?after=1e3", 400, "after"),
        (f"{PATH}?after={'9' * 5000}", 400, "after"),
        (f"{PATH}?after=7", 400, "No line begins at 7"),
        (f"{PATH}?wait=61", 400, "from 0 to 60"),
        (f"{PATH}?wait=nan", 400, "from 0 to 60"),
        ("/api/sessions/acme/shop/12.cart.worker.2/events", 404, "no such session"),
        ("/api/sessions/acme/%2e%2e/12.cart.worker.1/events", 404, "no such session"),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_a_sentence(path: str, status: int, word: str) -> None:
    answer = await asked(path)
    assert (answer.status_code, word in answer.text) == (status, True), answer.text


async def test_a_server_that_has_just_started_asks_for_patience() -> None:
    assert (await asked(PATH, not_yet)).status_code == 503


async def test_nobody_else_follows() -> None:
    assert (await asked(PATH, peer="203.0.113.5")).status_code == 403
