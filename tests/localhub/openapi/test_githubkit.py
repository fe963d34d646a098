"""githubkit, whose models are generated from GitHub's description of another version, reads what the localhub says.

Both ways: its answers and its webhooks. All models together cost seconds and hundreds of megabytes, so nothing but
this file has githubkit parse.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import httpx
from githubkit import GitHub
from githubkit.exception import GitHubException
from pydantic import JsonValue, TypeAdapter, ValidationError

from bot.localhub.model.delivery import Delivery
from bot.localhub.model.hub import Hub
from bot.localhub.server import serve
from tests.localhub.openapi.description import NEW_VERSION, description
from tests.localhub.openapi.faithful import Exchange, FaithfulHub, Record
from tests.localhub.openapi.walk import set_stage, walk_everywhere

NAMED_OTHERWISE = {"repos/compare-commits-with-basehead": "repos/compare-commits"}
"""Operations that Octokit's copy of the description names otherwise than GitHub's own, which githubkit is made from."""

UNMODELLED = frozenset({"closed", "reopened", "unlocked", "connected"})
"""Events of an issue that GitHub lists, and that the description's `issue-event-for-issue` has no form for."""


@dataclass(frozen=True)
class Missed:
    """A property that githubkit misses in webhooks, and why it is right that they do not have it. `webhook` is a glob
    over `event.action`, `place` one over the names that lead there."""

    webhook: str
    place: str
    why: str


MISSED = (
    Missed(
        "*",
        "*label*.archived_??",
        "labels have it since the version of these models; the webhooks are of 2022-11-28, whose labels have none",
    ),
    Missed("issue_dependencies.*", "organization", "a repository that a person owns has no organization"),
)


async def test_githubkit_parses_every_answer_and_every_webhook(app_key: str, tmp_path: Path) -> None:
    hub, record = Hub(tmp_path / "hub"), Record()
    async with serve(hub, app=FaithfulHub(hub, record)) as address:
        await walk_everywhere(await set_stage(hub, app_key), address.api, version=NEW_VERSION)
    refused = [said for exchange in record.exchanges if (said := await refusal(exchange)) is not None]
    assert refused == [], "\n".join(refused)
    record.verdict()
    assert len(record.exchanges) > 150
    missed = misses(hub.deliveries)
    assert {f"{webhook}: {problem}" for webhook, problem, known in missed if known is None} == set()
    assert {known for _, _, known in missed} == set(MISSED), "tolerated, but not needed"


def misses(deliveries: Iterable[Delivery]) -> set[tuple[str, str, Missed | None]]:
    """What githubkit says against webhooks: event and action, the problem, and what tolerates it.

    Where a value may be left out or be a model, pydantic tells what speaks against both. That it is there is no flaw:
    what is wrong with it, the model says.
    """
    github, found = GitHub(), set()
    for delivery in deliveries:
        payload = json.loads(delivery.payload)
        webhook = f"{delivery.event}.{payload.get('action', '')}".rstrip(".")
        try:
            github.webhooks.parse_obj(delivery.event, payload)
        except ValidationError as error:
            for flaw in error.errors(include_url=False, include_input=False):
                names = [str(step) for step in flaw["loc"] if step != payload.get("action")]
                if names[-1] != "literal[<UNSET>]":
                    place = ".".join(names)
                    found.add((webhook, f"{place}: {flaw['msg']}", tolerating(webhook, place, flaw["type"])))
    return found


def tolerating(webhook: str, place: str, kind: str) -> Missed | None:
    """What covers the absence of `place`; any other kind of flaw nothing covers."""
    covering = (one for one in MISSED if fnmatchcase(webhook, one.webhook) and fnmatchcase(place, one.place))
    return next(covering, None) if kind == "missing" else None


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
