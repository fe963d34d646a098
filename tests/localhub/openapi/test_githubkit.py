"""githubkit, whose models are generated from GitHub's description of another version, reads what the localhub says."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import httpx
from githubkit import GitHub
from githubkit.exception import GitHubException
from pydantic import JsonValue, TypeAdapter

from bot.localhub.model.hub import Hub
from bot.localhub.server import serve
from tests.localhub.openapi.description import NEW_VERSION, description
from tests.localhub.openapi.faithful import Exchange, FaithfulHub, Record
from tests.localhub.openapi.walk import set_stage, walk_everywhere

NAMED_OTHERWISE = {"repos/compare-commits-with-basehead": "repos/compare-commits"}
"""Operations that Octokit's copy of the description names otherwise than GitHub's own, which githubkit is made from."""

UNMODELLED = frozenset({"closed", "reopened", "unlocked", "connected"})
"""Events of an issue that GitHub lists, and that the description's `issue-event-for-issue` has no form for."""


async def test_githubkit_parses_every_answer(app_key: str, tmp_path: Path) -> None:
    hub, record = Hub(tmp_path / "hub"), Record()
    async with serve(hub, app=FaithfulHub(hub, record)) as address:
        await walk_everywhere(await set_stage(hub, app_key), address.api, version=NEW_VERSION)
    refused = [said for exchange in record.exchanges if (said := await refusal(exchange)) is not None]
    assert refused == [], "\n".join(refused)
    record.verdict()
    assert len(record.exchanges) > 150


async def refusal(exchange: Exchange) -> str | None:
    """What githubkit says against an answer with a body, None when it takes it."""
    operation = description().operation(exchange.method, exchange.path)
    if operation is None or exchange.status >= 300 or not exchange.body:
        return None

    def recorded(_: httpx.Request) -> httpx.Response:
        return httpx.Response(exchange.status, json=modelled(operation.cut.id, exchange.body))

    github = GitHub(
        async_transport=httpx.MockTransport(recorded), auto_retry=False, http_cache=False, rest_api_validate_body=False
    )
    room, _, name = NAMED_OTHERWISE.get(operation.cut.id, operation.cut.id).partition("/")
    ask = getattr(getattr(github.rest, room.replace("-", "_")), f"async_{name.replace('-', '_')}")
    needed = [one for one in inspect.signature(ask).parameters.values() if one.default is one.empty]
    response = await ask(**{one.name: "1" for one in needed if one.kind is not one.VAR_KEYWORD})
    try:
        parsed = TypeAdapter(object).validate_python(response.parsed_data)
    except (GitHubException, ValueError) as error:
        return f"{operation.name} {exchange.status}: {error}"
    return None if parsed is not None else f"{operation.name}: nothing was parsed"


def modelled(operation_id: str, body: bytes) -> JsonValue:
    """The answer without the entries that no model is there for."""
    answer: JsonValue = json.loads(body)
    if operation_id != "issues/list-events" or not isinstance(answer, list):
        return answer
    return [one for one in answer if not (isinstance(one, dict) and one["event"] in UNMODELLED)]
