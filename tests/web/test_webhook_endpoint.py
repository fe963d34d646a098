"""A webhook is believed only when it is signed, is answered at once, and harms nothing when it is rubbish."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.web.app import create_app
from bot.web.server import serving
from tests.web.deliveries import LABELLED, NOW, SECRET, Desk, headers, signature


async def deliver(desk: Desk, body: bytes, headers: dict[str, str]) -> httpx.Response:
    async with desk.client(peer="140.82.115.1", base="https://crewline.example.com") as client:
        return await client.post("/webhook", content=body, headers=headers)


async def test_a_signed_delivery_is_queued() -> None:
    desk = Desk()
    answer = await deliver(desk, LABELLED, headers(LABELLED))
    assert (answer.status_code, answer.json()) == (202, {"status": "queued"})
    assert len(desk.accepted) == 1


@pytest.mark.parametrize(
    "given_signature",
    [
        None,
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        signature(LABELLED, b"another secret"),
        signature(LABELLED + b" "),
        signature(LABELLED).upper(),
        signature(LABELLED).removeprefix("sha256="),
        signature(LABELLED).replace("sha256", "sha1"),
        "sha256=ü",
    ],
)
async def test_a_bad_or_missing_signature_is_refused(given_signature: str | None) -> None:
    desk = Desk()
    sent = headers(LABELLED)
    del sent["x-hub-signature-256"]
    raw = httpx.Headers(sent, encoding="latin-1")
    if given_signature is not None:
        raw = httpx.Headers({**sent, "x-hub-signature-256": given_signature}, encoding="latin-1")
    async with desk.client() as client:
        answer = await client.post("/webhook", content=LABELLED, headers=raw)
    assert answer.status_code == 401
    assert desk.accepted == []


async def test_the_signature_covers_the_raw_bytes() -> None:
    """The same JSON with other blanks is another body."""
    desk = Desk()
    answer = await deliver(desk, LABELLED.replace(b": ", b":"), headers(LABELLED))
    assert answer.status_code == 401
    assert desk.accepted == []


async def test_an_event_of_an_unknown_kind_is_ignored() -> None:
    desk = Desk()
    answer = await deliver(desk, LABELLED, headers(LABELLED, event="sponsorship"))
    assert answer.status_code == 202
    assert answer.json()["status"] == "ignored"
    assert answer.json()["reason"]
    assert desk.accepted == []


@pytest.mark.parametrize("body", [b"", b"{", b"payload=%7B%7D", b"\xff\xfe", b"[" * 100_000])
async def test_what_is_not_json_is_refused(body: bytes) -> None:
    desk = Desk()
    answer = await deliver(desk, body, headers(body))
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert desk.accepted == []


async def test_a_delivery_without_the_name_of_its_event_is_refused() -> None:
    desk = Desk()
    answer = await deliver(desk, LABELLED, {"x-hub-signature-256": signature(LABELLED)})
    assert answer.status_code == 400
    assert desk.accepted == []


async def test_only_posts_are_deliveries() -> None:
    async with Desk().client() as client:
        assert (await client.get("/webhook")).status_code == 405


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        create_app(webhook_secret=b"", accept=lambda _: None, views=tuple, clock=lambda: NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["issue", "repository"]), inner),
    max_leaves=20,
)
NAMES = st.sampled_from(["issues", "push", "check_run", "issue_comment", "pull_request", "installation", "ping"])


@settings(deadline=None)
@given(body=st.binary(max_size=400), event=st.text(st.characters(codec="ascii", exclude_categories=["Cc"])) | NAMES)
def test_unsigned_bytes_change_nothing(body: bytes, event: str) -> None:
    desk = Desk()
    sent = headers(body, event=event, secret=b"guessed")
    answer = asyncio.run(deliver(desk, body, sent))
    assert answer.status_code == 401
    assert desk.accepted == []


@settings(deadline=None)
@given(event=NAMES, data=st.data())
def test_signed_nonsense_never_breaks_the_server(event: str, data: st.DataObject) -> None:
    """Also where single fields of a real payload hold something else than GitHub's schema says."""
    import json

    payload = json.loads(LABELLED)
    for key in data.draw(st.lists(st.sampled_from(sorted(payload)))):
        payload[key] = data.draw(JSON)
    whole = data.draw(st.just(payload) | JSON)
    body = json.dumps(whole).encode()
    answer = asyncio.run(deliver(Desk(), body, headers(body, event=event)))
    assert answer.status_code in (202, 400)


async def test_two_hundred_deliveries_are_acknowledged_at_once() -> None:
    desk = Desk()
    async with serving(desk.app, "127.0.0.1", 0) as address, httpx.AsyncClient(base_url=address.url) as client:
        start = time.perf_counter()
        answers = await asyncio.gather(
            *(client.post("/webhook", content=LABELLED, headers=headers(LABELLED)) for _ in range(200))
        )
        seconds = time.perf_counter() - start
    assert {answer.status_code for answer in answers} == {202}
    assert len(desk.accepted) == 200
    # GitHub gives each one 10 seconds; a machine that is busy with other tests still leaves a wide margin.
    assert seconds < 8


async def test_the_secret_is_nowhere_in_an_answer() -> None:
    desk = Desk()
    for body, sent in ((LABELLED, headers(LABELLED)), (b"{", headers(b"{")), (LABELLED, {})):
        answer = await deliver(desk, body, sent)
        assert SECRET.decode() not in answer.text
