"""The GraphQL face over HTTP: who asks, limits and faults around each request.

Refusals come in three forms, as GitHub's do: 401, 403 (secondary limits) and 502 as HTTP errors; the hourly limit as
HTTP 200 with an error of type RATE_LIMITED; all else as HTTP 200 with `errors` beside whatever data there is.
"""

import json
import random
import re
from collections.abc import Mapping

from pydantic import JsonValue, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from bot.localhub.authentication import Caller, authenticate
from bot.localhub.graphql.errors import formatted
from bot.localhub.graphql.execute import Malformed, Question, carry_out, prepare
from bot.localhub.limits import ANONYMOUS, RateLimited
from bot.localhub.model.errors import Forbidden, HubError, Unauthorized
from bot.localhub.model.hub import Hub
from bot.localhub.model.pull_request import ASKING
from bot.localhub.model.settings import BadGateway

_BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
_WENT_WRONG = "Something went wrong while executing your query. Please include `LOCALHUB` when reporting this issue."


class GraphqlFace:
    """Answers GraphQL requests for a hub."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._chance = random.Random(hub.faults.seed)

    async def answer(self, request: Request) -> Response:
        """One request."""
        headers = {"x-github-request-id": f"{self.hub.next_id('request'):04X}:GRAPHQL", "server": "github.com"}
        fault = self._bad_gateway(f"POST {request.url.path}")
        if fault is not None and not fault.after_write:
            return Response(_BAD_GATEWAY, 502, {**headers, "content-type": "text/html"})
        charged = ANONYMOUS
        try:
            self._refuse_by_fault()
            caller = authenticate(self.hub, request.headers.get("authorization"))
            charged = caller.charged
            with self.hub.meter.concurrently(charged):
                response = await self._answer(await request.body(), caller)
        except RateLimited as error:
            response = self._limited(error)
        except HubError as error:
            response = _json(
                {"message": error.message, "documentation_url": "https://docs.github.com/graphql",
                 "status": str(error.status)}, error.status,
            )  # fmt: skip
        response.headers.update({**headers, **self.hub.meter.budget(charged, "graphql").headers})
        if isinstance(fault, BadGateway):
            return Response(_BAD_GATEWAY, 502, {**headers, "content-type": "text/html"})
        return response

    async def _answer(self, body: bytes, caller: Caller) -> Response:
        if caller.actor is None:
            if caller.app is not None:
                raise Forbidden
            raise Unauthorized("This endpoint requires you to be authenticated.")
        try:
            question = Question.model_validate_json(body)
        except ValidationError:
            return _json({"message": "Problems parsing JSON", "status": "400"}, 400)
        try:
            prepared = prepare(question)
        except Malformed as error:
            return _json({"errors": [dict(formatted(one)) for one in error.errors]}, 200)
        mutations = len(prepared.mutations)
        self.hub.meter.charge_graphql(
            caller.actor.actor_id, prepared.name, prepared.cost.points, mutations=mutations, content=prepared.content
        )
        asking = ASKING.set(object())
        try:
            answer = await carry_out(self.hub, caller.actor, prepared)
        finally:
            ASKING.reset(asking)
        if not mutations and self.hub.faults.partial_answers > 0:
            self.hub.faults.partial_answers -= 1
            return _json(partial(answer), 200)
        return _json(answer, 200)

    def _limited(self, error: RateLimited) -> Response:
        if "secondary" in error.message:
            return _json({"message": error.message, "documentation_url": error.documentation_url}, 403, error.headers)
        return _json({"errors": [{"type": "RATE_LIMITED", "message": error.message}]}, 200, error.headers)

    def _refuse_by_fault(self) -> None:
        faults = self.hub.faults
        if faults.secondary_limit_hits > 0:
            faults.secondary_limit_hits -= 1
            self.hub.meter.usage.refused += 1
            raise self.hub.meter.secondary_refusal(faults.secondary_limit_retry_after)

    def _bad_gateway(self, request: str) -> BadGateway | None:
        faults = self.hub.faults
        for fault in faults.bad_gateways:
            if fault.times > 0 and re.search(fault.pattern, request):
                fault.times -= 1
                return fault
        if self._chance.random() < faults.bad_gateway_probability:
            return BadGateway(pattern="")
        if self._chance.random() < faults.bad_gateway_after_probability:
            return BadGateway(pattern="", after_write=True)
        return None


def partial(answer: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The same answer as if the last root field had not been ready in time."""
    data = answer["data"]
    assert isinstance(data, dict)
    lost = list(data)[-1]
    errors = answer.get("errors")
    error: JsonValue = {"message": _WENT_WRONG, "path": [lost]}
    return {"data": {**data, lost: None}, "errors": [*(errors if isinstance(errors, list) else []), error]}


def _json(body: Mapping[str, JsonValue], status: int, headers: Mapping[str, str] | None = None) -> Response:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, {**(headers or {}), "content-type": "application/json; charset=utf-8"})
