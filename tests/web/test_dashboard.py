"""The dashboard shows what waits for what, to somebody at this machine and to nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.decide.task import Stage
from bot.model.view import LiveLine, ObjectiveView, StandbyView, TaskView
from bot.web.dashboard import TONES, duration
from tests.web.deliveries import NOW, Desk

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}"

CART = ObjectiveView(
    repository="acme/shop",
    number=12,
    title="Add a cart",
    url="https://github.com/acme/shop/issues/12",
    state="working",
    sessions=4,
    seconds=372.0,
    usd=1.234,
    tasks=(
        TaskView(key="model", title="The model", state="done", number=13, pull_request=20, attempt=1),
        TaskView(
            key="page",
            title="The page",
            state="waiting",
            why="It waits for #13, which is not merged yet.",
            number=14,
            depends_on=("model",),
        ),
        TaskView(
            key="prices",
            title="Prices",
            state="working",
            attempt=2,
            running_since=NOW - timedelta(minutes=3, seconds=5),
        ),
    ),
)


async def test_an_objective_that_is_done_is_shown_but_not_counted_as_open() -> None:
    async with Desk(shown=(CART, replace(CART, number=11, state="done"))).client() as client:
        page = (await client.get("/")).text
    assert "1 open objective ·" in page
    assert "acme/shop #11" in page


async def test_what_a_running_session_does_is_shown_and_is_text() -> None:
    lines = (LiveLine(NOW - timedelta(minutes=3), "silence; last progress 3 min ago"), LiveLine(NOW, HOSTILE))
    working = replace(CART.tasks[2], session="12.prices.worker.2", lines=lines)
    async with Desk(shown=(replace(CART, tasks=(working,)),)).client() as client:
        page = (await client.get("/")).text
    assert "<small>3 min ago</small> silence; last progress 3 min ago" in page
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page


async def test_the_page_tells_each_task_its_state_and_why_it_waits() -> None:
    async with Desk(shown=(CART,)).client() as client:
        page = (await client.get("/")).text
    assert "acme/shop #12 · 1 of 3 done · 4 sessions, 6 min · $1.23" in page
    assert "It waits for #13, which is not merged yet." in page
    assert '<span class="state active">working</span><small>3 min</small>' in page
    assert '<a href="https://github.com/acme/shop/issues/12"' in page


async def test_an_idle_server_says_how_to_hand_an_issue_off() -> None:
    async with Desk().client() as client:
        answer = await client.get("/")
    assert answer.status_code == 200
    assert "Nothing is handed off" in answer.text


async def test_a_server_that_stands_by_says_who_serves_the_repository() -> None:
    desk = Desk(standing_by=(StandbyView("acme/shop", f"east-2 {HOSTILE}"), StandbyView("acme/till", None)))
    async with desk.client() as client:
        page = (await client.get("/")).text
        rows = (await client.get("/api/standing-by")).json()
    assert "Stands by; held by east-2 &lt;script&gt;" in page
    assert "Stands by; held by another server." in page
    assert "<script>" not in page
    assert "Nothing is handed off" not in page
    assert [row["repository"] for row in rows] == ["acme/shop", "acme/till"]


async def test_the_same_is_there_as_json() -> None:
    async with Desk(shown=(CART,)).client() as client:
        (objective,) = (await client.get("/api/objectives")).json()
    assert (objective["repository"], objective["number"]) == ("acme/shop", 12)
    assert [task["state"] for task in objective["tasks"]] == ["done", "waiting", "working"]
    assert objective["tasks"][1]["why"] == "It waits for #13, which is not merged yet."


async def test_a_title_full_of_script_stays_text() -> None:
    task = TaskView(key="x", title=HOSTILE, state=HOSTILE, why=HOSTILE, url="javascript:alert(3)")
    shown = ObjectiveView(
        repository=HOSTILE, number=1, title=HOSTILE, url="javascript:alert(4)", state="working", tasks=(task,)
    )
    async with Desk(shown=(shown,)).client() as client:
        answer = await client.get("/")
    assert "<script" not in answer.text
    assert "<img" not in answer.text
    assert "javascript:" not in answer.text
    assert "{{ 7*7 }}" in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/", "/api/objectives", "/api/standing-by", "/dashboard.css"])
@pytest.mark.parametrize(
    ("peer", "base", "extra"),
    [
        ("203.0.113.5", "http://127.0.0.1:8646", {}),
        ("203.0.113.5", "http://crewline.example.com", {}),
        ("127.0.0.1", "http://evil.example:8646", {}),
        ("127.0.0.1", "http://127.0.0.1.evil.example:8646", {}),
        ("127.0.0.1", "http://127.0.0.1:8646", {"x-forwarded-for": "127.0.0.1"}),
        ("127.0.0.1", "http://127.0.0.1:8646", {"forwarded": "for=203.0.113.5"}),
    ],
)
async def test_nobody_else_sees_it(path: str, peer: str, base: str, extra: dict[str, str]) -> None:
    async with Desk(shown=(CART,)).client(peer, base) as client:
        answer = await client.get(path, headers=extra)
    assert answer.status_code == 403
    assert "cart" not in answer.text


@pytest.mark.parametrize(
    ("peer", "base"),
    [("127.0.0.1", "http://localhost:8646"), ("::1", "http://[::1]:8646"), ("127.0.0.2", "http://127.0.0.2")],
)
async def test_this_machine_sees_it_by_each_of_its_names(peer: str, base: str) -> None:
    async with Desk(shown=(CART,)).client(peer, base) as client:
        assert (await client.get("/")).status_code == 200


def test_every_stage_of_a_task_has_its_colour() -> None:
    assert {stage.value for stage in Stage} <= TONES.keys()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (7500, "2 h 5 min")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text
