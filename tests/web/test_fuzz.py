"""Whatever anybody sends: never a 5xx, never a crash in the log, and nothing happens that was not signed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from bot.github.webhook import ALWAYS_SENT, EVENTS, LARGEST_NUMBER, Hint
from tests.web.deliveries import LABELLED, SECRET, Desk, signature
from tests.web.wire import STATUS, Target, target

bounded = settings(
    max_examples=150,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def server() -> Iterator[Target]:
    with target(Desk()) as here:
        yield here


def nothing_broke(server: Target, answered: bytes) -> None:
    assert [int(status) for status in STATUS.findall(answered) if int(status) >= 500] == []
    assert server.complaints == []


# What strangers send

METHODS = st.sampled_from(["POST", "POST", "POST", "GET", "HEAD", "PUT", "OPTIONS", "TRACE", "BREW"])
PATHS = st.sampled_from(
    ["/webhook", "/webhook", "/webhook/", "/webhook?a=%", "//webhook", "/%ff%00", "/..%2f", "*", "/", "/healthz"]
)
TEXT = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=80).map(str.strip)
GUESSES = st.sampled_from(
    [
        *("", "sha256=", "sha256=" + "0" * 64, "sha256=" + "g" * 64, "sha1=" + "0" * 40, "0" * 64, "sha256=é"),
        *(signature(b""), signature(b"")[:-1], signature(LABELLED, b"guessed"), "sha256=" + "0" * 100_000),
    ]
)
HEADERS = st.one_of(
    st.tuples(st.just("X-Hub-Signature-256"), GUESSES | TEXT),
    st.tuples(st.just("X-GitHub-Event"), st.sampled_from(sorted(EVENTS)) | TEXT),
    st.tuples(st.just("X-GitHub-Delivery"), TEXT),
    st.tuples(st.just("Content-Type"), st.sampled_from(["application/json", "multipart/form-data", "\x00"]) | TEXT),
    st.tuples(st.just("Content-Length"), st.sampled_from(["0", "-1", "1e3", "99999999999", "5, 6", "٣", "3", ""])),
    st.tuples(st.just("Transfer-Encoding"), st.sampled_from(["chunked", "gzip, chunked", "identity"])),
    st.tuples(st.just("Expect"), st.just("100-continue")),
    st.tuples(st.just("Upgrade"), st.sampled_from(["websocket", "h2c"])),
    st.tuples(st.just("Connection"), st.sampled_from(["close", "keep-alive", "upgrade"])),
    st.tuples(st.just("Host"), st.sampled_from(["127.0.0.1", "", "a b"])),
)
BODIES = st.one_of(
    st.binary(max_size=300),
    st.just(LABELLED),
    st.sampled_from(
        [b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\n", b"ffffffffffffffffff\r\n", b"5\r\nhel", b"0\r\nX: y\r\n\r\n"]
    ),
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Nearly a request: its parts are ill-matched as often as not."""
    sent = draw(st.lists(HEADERS, max_size=6))
    body = draw(BODIES)
    if draw(st.booleans()):
        sent.append(("Content-Length", str(len(body))))
    version = draw(st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", ""]))
    head = f"{draw(METHODS)} {draw(PATHS)} {version}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in sent)
    return head.encode("utf-8") + b"\r\n" + body


BROKEN = (
    b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{}",
    b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nnonsense\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 50,
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"X" * 300_000,
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 30_000,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"",
)
"""TLS on a plain port, HTTP/2 without asking, heads without end, bodies that break off, and rubbish after a request."""


@pytest.mark.parametrize("sent", BROKEN, ids=lambda sent: repr(sent[:40]))
def test_broken_requests_break_nothing(server: Target, sent: bytes) -> None:
    nothing_broke(server, server.send(sent))
    assert server.statuses(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") == [200]


@bounded
@given(sent=st.lists(requests(), min_size=1, max_size=3).map(b"".join))
def test_what_nobody_signed_changes_nothing(server: Target, sent: bytes) -> None:
    nothing_broke(server, server.send(sent))
    assert server.desk.accepted == []


# What the holder of the secret sends

SHOP: JsonValue = {"full_name": "acme/shop", "id": 5}
PULL: JsonValue = {"number": 20, "head": {"ref": "crewline/12/model", "repo": SHOP}}
SUITE: JsonValue = {"head_branch": "main", "pull_requests": [{"number": 20}]}
WHOLE: JsonValue = {
    "action": "labeled",
    "repository": SHOP,
    "installation": {"id": 7},
    "sender": {"login": "ann", "type": "User"},
    "issue": {"number": 12},
    "label": {"name": "crewline"},
    "pull_request": PULL,
    "check_run": {"check_suite": SUITE, "pull_requests": [{"number": 21}]},
    "check_suite": SUITE,
    "parent_issue": {"number": 12},
    "sub_issue": {"number": 13},
    "blocked_issue": {"number": 14},
    "blocking_issue": {"number": 15},
    "ref": "refs/heads/main",
    "branches": [{"name": "main"}],
}
"""Every field that is read of any event; an event that lacks some is one of these with some taken away."""

RAW = st.sampled_from(
    [
        *("null", "true", "0", "-1", "1.5", "1e999", "-0", "NaN", "Infinity", "9" * 5000, str(LARGEST_NUMBER + 1)),
        *('""', '"\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', '"a/b/c"', '"../.."', '"²"', '"refs/heads/crewline/²/a"'),
        *("[]", "{}", "[" * 3000 + "]" * 3000, '{"a":' * 500 + "1" + "}" * 500, "[{}]", '{"number":', '"\x00"', "'"),
        *("[" + "1," * 5000 + "1]", '{"number": 1, "number": "2"}', '"' + "x" * 70_000 + '"'),
    ]
)
HOLE = "\ue000"


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A payload with something else, or nothing, in some of its fields; or with its bytes broken."""
    payload: JsonValue = json.loads(json.dumps(WHOLE))
    for _ in range(draw(st.integers(0, 4))):
        _spoil(payload, draw)
    text = json.dumps(payload, ensure_ascii=False)
    while f'"{HOLE}"' in text:
        text = text.replace(f'"{HOLE}"', draw(RAW), 1)
    body = text.encode()
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.sampled_from([b"\xff", b"\x00", b"\xed\xa0\x80", b"\xef\xbb\xbf", b""])) + body[at:]
        body = body[: draw(st.integers(0, len(body)))]
    return body


def _spoil(part: JsonValue, draw: st.DrawFn) -> None:
    """Put a hole somewhere into `part`, or take something out of it."""
    while isinstance(part, dict) and part:
        key = draw(st.sampled_from(sorted(part)))
        inner = part[key]
        if isinstance(inner, dict) and inner and draw(st.booleans()):
            part = inner
        elif draw(st.booleans()):
            del part[key]
            return
        else:
            part[key] = HOLE
            return


def signed(event: str, body: bytes, guid: str = "72d3162e") -> bytes:
    head = (
        f"POST /webhook HTTP/1.1\r\nHost: x\r\nX-GitHub-Event: {event}\r\nX-GitHub-Delivery: {guid}\r\n"
        f"X-Hub-Signature-256: {signature(body, SECRET)}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


@bounded
@given(event=st.sampled_from(sorted({*EVENTS, *ALWAYS_SENT, "ping", "x" * 300})), body=bodies())
@example(event="issues", body=json.dumps(WHOLE).encode())
@example(event="push", body=b"[" * 100_000)
@example(event="issues", body=b"")
def test_signed_rubbish_is_answered_in_our_words(server: Target, event: str, body: bytes) -> None:
    server.desk.accepted.clear()
    answered = server.send(signed(event, body))
    nothing_broke(server, answered)
    [status] = [int(found) for found in STATUS.findall(answered)]
    said = json.loads(answered.partition(b"\r\n\r\n")[2])
    if status == 202:
        assert said["status"] in ("queued", "ignored")
    else:
        assert (status, [*said]) == (400, ["error"])
    assert len(server.desk.accepted) == (said.get("status") == "queued")
    for hint in server.desk.accepted:
        if isinstance(hint, Hint):
            assert all(0 < number <= LARGEST_NUMBER for number in hint.numbers)


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_every_event_that_is_handled_is_queued_as_it_should_be_sent(server: Target, event: str) -> None:
    """Else the test above would say little."""
    server.desk.accepted.clear()
    assert server.statuses(signed(event, json.dumps(WHOLE).encode())) == [202]
    assert len(server.desk.accepted) == 1
