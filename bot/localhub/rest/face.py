"""The REST face as a whole: what happens to every request, around its handler.

In this order: version, faults that refuse, who asks, limits, the handler with reads as of the moment that
lag allows, ETag, faults that lose the answer. The order is GitHub's where it can be told from outside.
"""

import hashlib
import json
import random
import re
from collections.abc import Sequence
from contextlib import ExitStack

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.localhub.authentication import Caller, authenticate
from bot.localhub.limits import ANONYMOUS, RateLimited
from bot.localhub.model.errors import BadRequest, FieldError, Forbidden, HubError, Moved, NotFound
from bot.localhub.model.hub import Hub
from bot.localhub.model.pull_request import ASKING
from bot.localhub.model.settings import BadGateway
from bot.localhub.model.versioned import as_of
from bot.localhub.render.accounts import api
from bot.localhub.render.json import API_VERSION, NEW_VERSION, OLD_VERSION, Json, JsonObject
from bot.localhub.rest.call import Answer, Call, Endpoint

ROOTS = ("", "/api/v3")
_BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"


class RestFace:
    """Answers requests for a hub."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._chance = random.Random(hub.faults.seed)

    def routes(self, endpoints: Sequence[Endpoint]) -> list[BaseRoute]:
        """A route for each path, at both roots; longer (more fixed) paths first."""
        by_path: dict[str, dict[str, Endpoint]] = {}
        for endpoint in endpoints:
            by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        routes: list[BaseRoute] = []
        for root in ROOTS:
            for path in sorted(by_path, key=_fixedness):
                routes.append(self._route(root, path, by_path[path]))
        routes.append(Route("/api/v3/{rest:path}", self._nothing_here))
        return routes

    def _route(self, root: str, path: str, methods: dict[str, Endpoint]) -> Route:
        async def answer(request: Request) -> Response:
            endpoint = methods.get("GET" if request.method == "HEAD" else request.method)
            if endpoint is None:
                return self._error(NotFound(), self._common(request))
            return await self.answer(request, endpoint, request.url.path.removeprefix(root))

        return Route(root + path, answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])

    async def _nothing_here(self, request: Request) -> Response:
        return self._error(NotFound(), self._common(request))

    async def answer(self, request: Request, endpoint: Endpoint, path: str) -> Response:
        """One request, from the version header to the answer."""
        headers = self._common(request)
        fault = self._bad_gateway(f"{request.method} {path}")
        if fault is not None and not fault.after_write:
            return Response(_BAD_GATEWAY, 502, {**headers, "content-type": "text/html"})
        charged = ANONYMOUS
        try:
            version = _version(request)
            headers["x-github-api-version-selected"] = version
            self._refuse_by_fault()
            caller = authenticate(self.hub, request.headers.get("authorization"))
            charged = caller.charged
            with ExitStack() as around:
                around.enter_context(self.hub.meter.concurrently(charged))
                if endpoint.path != "/rate_limit":
                    self.hub.meter.charge_rest(charged, request.method, endpoint.path, content=endpoint.content)
                response = await self._carry_out(request, endpoint, path, caller, version)
        except HubError as error:
            response = self._error(error, headers)
            if isinstance(error, Moved) and request.method not in ("GET", "HEAD"):
                response.status_code = 307
        response.headers.update({**headers, **self.hub.meter.budget(charged, "core").headers})
        if response.status_code == 304:
            self.hub.meter.forgive(charged)
            response.headers.update(self.hub.meter.budget(charged, "core").headers)
        if fault is not None:
            return Response(_BAD_GATEWAY, 502, {"content-type": "text/html"})
        return response

    async def _carry_out(
        self, request: Request, endpoint: Endpoint, path: str, caller: Caller, version: str
    ) -> Response:
        reading = request.method in ("GET", "HEAD")
        call = Call(self.hub, caller, request, await request.body(), path)
        asking, chosen = ASKING.set(object()), API_VERSION.set(version)
        try:
            with as_of(self.hub.reading_moment if reading else None):
                answer = await endpoint.handler(call)
        finally:
            ASKING.reset(asking)
            API_VERSION.reset(chosen)
        return _response(request, answer, reading=reading)

    def _common(self, request: Request) -> dict[str, str]:
        serial = self.hub.next_id("request")
        return {
            "x-github-request-id": f"{serial:04X}:LOCALHUB:{serial:06X}",
            "x-github-media-type": "github.v3; format=json",
            "server": "github.com",
            "vary": "Accept, Authorization, Cookie, X-GitHub-OTP",
        }

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

    def _refuse_by_fault(self) -> None:
        faults = self.hub.faults
        if faults.secondary_limit_hits > 0:
            faults.secondary_limit_hits -= 1
            self.hub.meter.usage.refused += 1
            raise self.hub.meter.secondary_refusal(faults.secondary_limit_retry_after)

    def _error(self, error: HubError, headers: dict[str, str]) -> Response:
        body: JsonObject = {
            "message": error.message,
            "documentation_url": error.documentation_url,
            "status": str(error.status),
        }
        if error.errors:
            body["errors"] = [_entry(one) for one in error.errors]
        extra: dict[str, str] = {}
        if isinstance(error, Moved):
            body["url"] = f"{api(self.hub)}{error.path}"
            extra["location"] = f"{api(self.hub)}{error.path}"
            del body["status"]
        if isinstance(error, Forbidden) and error.accepted is not None:
            extra["x-accepted-github-permissions"] = error.accepted
        if isinstance(error, RateLimited):
            extra.update(error.headers)
        return _json(body, error.status, {**headers, **extra})


def _entry(error: FieldError | str) -> Json:
    if isinstance(error, str):
        return error
    found: JsonObject = {"resource": error.resource, "code": error.code}
    for name, value in (("field", error.field), ("message", error.message), ("value", error.value)):
        if value is not None:
            found[name] = value
    return found


def _version(request: Request) -> str:
    version = request.headers.get("x-github-api-version", OLD_VERSION)
    if version not in (OLD_VERSION, NEW_VERSION):
        raise BadRequest(f"The API version {version} is not supported")
    return version


def _json(body: Json, status: int, headers: dict[str, str]) -> Response:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, {**headers, "content-type": "application/json; charset=utf-8"})


def _response(request: Request, answer: Answer, *, reading: bool) -> Response:
    headers = dict(answer.headers)
    if answer.text is not None:
        return Response(answer.text, answer.status, headers)
    if answer.status in (204, 205) or (answer.json is None and answer.status >= 300):
        return Response(b"", answer.status, headers)
    response = _json(answer.json, answer.status, headers)
    if reading and answer.status == 200:
        tag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()}"'
        headers = {"etag": f"W/{tag}", "cache-control": "private, max-age=60, s-maxage=60"}
        known = request.headers.get("if-none-match", "")
        if tag in known:
            return Response(b"", 304, headers)
        response.headers.update(headers)
    return response


def _fixedness(path: str) -> tuple[int, int, str]:
    """Paths without an open end go first, then longer ones, then those whose variable parts come late."""
    return (1, -path.count("/"), path) if ":path}" in path else (0, 0, path.replace("{", "\x7f"))
