"""The pages as text: everything can be looked at, and nothing that was written becomes markup."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from bot.localhub.model.issue import open_issue
from bot.localhub.pages import routes
from bot.localhub.server import serve
from tests.localhub.pages.sample import HOSTILE, Sample, sample


@pytest.fixture
async def shown(tmp_path: Path) -> AsyncIterator[Sample]:
    found = await sample(tmp_path / "hub")
    yield found
    found.hub.discard_background()


@pytest.fixture
async def reader(shown: Sample) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=routes(shown.hub)))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.test") as client:
        yield client


async def read(reader: httpx.AsyncClient, path: str) -> str:
    answer = await reader.get(path)
    assert answer.status_code == 200, path
    return answer.text


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


async def test_every_link_of_the_pages_leads_somewhere(reader: httpx.AsyncClient) -> None:
    seen: set[str] = set()
    left = {"/"}
    while left:
        path = left.pop()
        seen.add(path)
        html = await read(reader, path)
        left |= {link.partition("#")[0] for link in re.findall(r'(?:href|src)="(/[^"]*)"', html)} - seen
    assert len(seen) > 25


async def test_a_person_follows_an_objective(reader: httpx.AsyncClient) -> None:
    page = words(await read(reader, "/alice/timing/issues/1"))
    assert "Sub-issues 1 of 3" in page
    assert "blocked by #3" in page
    assert "alice added crewline" in page
    order = [page.index(text) for text in ("alice opened this", "added the sub-issue", "1 of 3 tasks done")]
    assert order == sorted(order)


async def test_a_person_reads_a_pull_request(reader: httpx.AsyncClient) -> None:
    page = words(await read(reader, "/alice/timing/pull/6"))
    for text in (
        "wants to merge 1 commit into main from crewline/1/3",
        "One thing to mend before this can go in.",
        "src/duration.py:2",
        "1 failed, 11 passed",
        "return round(int(text) / 60)",
    ):
        assert text in page
    assert "Merged" in words(await read(reader, "/alice/timing/pull/5"))


async def test_a_remark_on_a_line_that_is_gone_says_so(shown: Sample, reader: httpx.AsyncClient) -> None:
    assert "outdated" not in words(await read(reader, "/alice/timing/pull/6"))
    mended = {"src/duration.py": "# mended\n\n\ndef parse(text):\n    return int(text) / 60\n"}
    await shown.hub.push_files(shown.shop, shown.hub.user("alice"), shown.pull.head_ref, mended, "Mend it")
    page = words(await read(reader, "/alice/timing/pull/6"))
    assert "src/duration.py:2 outdated" in page


async def test_where_all_is_closed_the_list_leads_to_it(shown: Sample, reader: httpx.AsyncClient) -> None:
    shown.pull.issue.close(shown.hub.user("alice"))
    pulls = await read(reader, "/alice/timing/pulls")
    assert "Nothing open; see all 2 ." in words(pulls)
    both = words(await read(reader, "/alice/timing/pulls?state=all"))
    assert "Parse durations" in both
    assert "Round to minutes" in both


async def test_hostile_text_stays_text(shown: Sample, reader: httpx.AsyncClient) -> None:
    number = shown.hostile.number
    for path in (f"/alice/timing/issues/{number}", "/alice/timing/issues", "/alice/timing", "/alice/timing/pull/6"):
        html = await read(reader, path)
        assert "&lt;script&gt;document.title=" in html
        assert "<script>" not in html
        assert "<img" not in html
    delivery = await read(reader, f"/_deliveries/{shown.delivery.id}")
    assert "&lt;b&gt;oops&lt;/b&gt;" in delivery
    assert "&lt;script&gt;document.title=" in delivery
    assert "<script>" not in delivery
    assert HOSTILE not in delivery


async def test_pages_run_only_their_own_scripts(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/alice/timing/issues/1")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert re.findall(r"<script(?! src=\"/_static/)", answer.text) == []
    assert re.findall(r"\son\w+=\"", answer.text.replace("onerror=&#34;", "")) == []


async def test_the_pages_tell_when_something_changed(shown: Sample, reader: httpx.AsyncClient) -> None:
    before = (await reader.get("/_changes")).json()
    assert (await reader.get("/_changes")).json() == before
    open_issue(shown.shop, shown.hub.user("alice"), "One more")
    assert (await reader.get("/_changes")).json() != before


@pytest.mark.parametrize(
    "path",
    [
        "/nobody",
        "/alice/nothing",
        "/alice/timing/issues/99",
        "/alice/timing/blob/main/no.py",
        "/alice/timing/commit/0123",
        "/alice/timing/commits/--all",
        "/_deliveries/1",
        "/_static/..%2fsite.py",
        "/_static/mermaid.LICENSE.txt",
    ],
)
async def test_what_is_not_there_is_not_found(reader: httpx.AsyncClient, path: str) -> None:
    assert (await reader.get(path)).status_code == 404


async def test_an_issue_address_leads_to_its_pull_request(reader: httpx.AsyncClient) -> None:
    answer = await reader.get("/alice/timing/issues/6")
    assert answer.headers["location"] == "/alice/timing/pull/6"


async def test_an_empty_repository_can_be_looked_at(shown: Sample, reader: httpx.AsyncClient) -> None:
    await shown.hub.create_repository(shown.hub.user("alice"), "empty")
    assert "no commit yet" in await read(reader, "/alice/empty")
    assert (await reader.get("/alice/empty/commits")).status_code == 404


async def test_a_delivery_is_sent_again_when_the_hubs_own_page_asks(shown: Sample) -> None:
    delivery = shown.delivery
    async with serve(shown.hub) as address, httpx.AsyncClient(base_url=address.url, trust_env=False) as person:
        path = f"/_deliveries/{delivery.id}/redeliver"
        foreign = await person.post(path, headers={"sec-fetch-site": "cross-site"})
        assert foreign.status_code == 403
        assert shown.hub.deliveries[-1] is delivery
        answer = await person.post(path, headers={"sec-fetch-site": "same-origin"}, follow_redirects=True)
        assert answer.status_code == 200
        await shown.hub.events.wait("webhook.failed")
        again = shown.hub.deliveries[-1]
        assert (again.guid, again.payload) == (delivery.guid, delivery.payload)
        assert again is not delivery
        log = words((await person.get("/_deliveries")).text)
        assert "redelivery failed to connect to host" in log


async def test_usage_tells_who_asked_for_what(shown: Sample) -> None:
    token = shown.hub.user_token(shown.hub.user("alice"))
    async with serve(shown.hub) as address, httpx.AsyncClient(base_url=address.url, trust_env=False) as person:
        headers = {"authorization": f"Bearer {token}"}
        await person.post("/api/v3/repos/alice/timing/issues", json={"title": "One more"}, headers=headers)
        page = words((await person.get("/_usage")).text)
    assert "user:alice 1 1 0 0 1" in page
    assert "POST /repos/{owner}/{repo}/issues 1" in page
