"""The paced client of one installation: every request to GitHub goes through `read`, `write`, `query` or `mutate`.

What is repeated, and what never is:

* A limit, primary or secondary, in whichever of its forms, means that nothing happened. The request waits as long
  as GitHub says and goes out again; where that is longer than who asks is kept (`pace`), `Unavailable` says until
  when.
* A 5xx, or no answer, for a read or for a write that may be repeated without harm (a PATCH to a state, a
  label): a few more tries with growing pauses, then `Unavailable`. While GitHub is down (`reach`), one try.
* The same for any other write: it may have taken effect. `OutcomeUnknown` at once; the caller looks first.
  Only where the connection was never made is it known that nothing was sent.
* 401: the token ran out or was revoked. Renewed once; GitHub checks the token before anything else.

githubkit's own retry layer is off because it repeats a POST after a 5xx.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self, TypeVar

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from bot.github.clock import Clock, SystemClock
from bot.github.errors import GitHubError, NotThere, OutcomeUnknown, Refused, Unavailable
from bot.github.graphql import Reply
from bot.github.limits import LimitReached, limit_reached, primary
from bot.github.pace import Ask, Pace
from bot.github.shares import Urgency
from bot.github.usage import Usage, UsageCounter
from bot.github.wire import Exchange, NoAnswer, Wire
from bot.journal import LIMIT_REACHED, NO_ANSWER, REQUEST_REFUSED, TOKEN_RENEWED, tell
from bot.model.identity import ObjectiveKey

Model = TypeVar("Model", bound=BaseModel)
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

PATIENCE = 90.0
"""Seconds. A little more than the minute to wait for a secondary limit that names no time."""
TRIES = 4


Fence = Callable[[], Awaitable[None]]
"""Asked in the moment in which a write goes out, after all waiting. Raises GitHubError where it must not."""


class Tokens(Protocol):
    """Where the client has its token from."""

    async def token(self) -> str:
        """One that is valid now, cached."""

    def forget(self, token: str) -> None:
        """`token` was answered with 401."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `kind` names it in the counts and in the log; `harmless` says that it may be sent twice."""

    kind: str
    method: Method
    path: str
    params: Mapping[str, str] | None = None
    body: JsonValue = None
    harmless: bool = False
    writes: bool = False
    creates: int = 0
    urgency: Urgency | None = None
    """None: that of whoever the client speaks for."""
    fence: Fence | None = field(default=None, compare=False)

    @property
    def resource(self) -> str:
        return "graphql" if self.path == "graphql" else "core"


class _Again(Exception):
    """Nothing happened, and the request may go out again after `wait` seconds (None: when the pace allows)."""

    def __init__(self, cause: GitHubError, wait: float | None) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.wait = wait


class _RefusalBody(BaseModel):
    """GitHub's form of an error: ``errors`` holds objects or plain strings."""

    message: str = ""
    errors: JsonValue = None


class PacedClient:
    """See the module's text. Raises `Refused`, `NotThere`, `OutcomeUnknown` and `Unavailable`, nothing else."""

    def __init__(
        self,
        wire: Wire,
        tokens: Tokens,
        *,
        write_interval: float,
        clock: Clock | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._wire = wire
        self._tokens = tokens
        self.clock = clock or SystemClock()
        self._pace = Pace(self.clock, write_interval, patience, stopwatch=wire.reach.clock.machine)
        self._counter = UsageCounter()
        self._points: dict[str, int] = {}
        self._objective: ObjectiveKey | None = None
        self._urgency = Urgency.WORK

    def on_behalf_of(self, objective: ObjectiveKey, urgency: Urgency = Urgency.WORK) -> Self:
        """The same client, speaking for an objective: its content is counted as that objective's, and it is not kept
        waiting for long. `urgency` is that of requests which name none."""
        bound = copy.copy(self)
        bound._objective, bound._urgency = objective, urgency
        return bound

    def made(self) -> Mapping[int, int]:
        """As `Pace.made`."""
        return self._pace.made()

    def recall(self, made: Mapping[int, int]) -> None:
        """As `Pace.recall`."""
        self._pace.recall(made)

    def usage(self) -> Usage:
        """What was sent so far."""
        return self._counter.usage()

    async def read(self, kind: str, path: str, model: type[Model], params: Mapping[str, str] | None = None) -> Model:
        """GET `path`, as `model`."""
        answer = await self.send(Request(kind, "GET", path, params, harmless=True))
        return parsed(model, answer.content)

    async def read_list(
        self, kind: str, path: str, model: type[Model], params: Mapping[str, str] | None = None
    ) -> tuple[Model, ...]:
        """GET `path`, one page, whose answer is a list."""
        answer = await self.send(Request(kind, "GET", path, params, harmless=True))
        try:
            return tuple(TypeAdapter(list[model]).validate_json(answer.content))  # type: ignore[valid-type]
        except ValidationError as error:
            raise _unreadable(error) from None

    async def query(self, kind: str, document: str, variables: Mapping[str, JsonValue]) -> Reply:
        """A GraphQL query. One that was answered only in part, since GitHub broke down over the rest, is asked again.
        Any other answer with data and errors is a Reply: which errors matter, the caller knows."""
        body: JsonValue = {"query": document, "variables": dict(variables)}
        return await self._graphql(Request(kind, "POST", "graphql", body=body, harmless=True))

    async def mutate(
        self,
        kind: str,
        document: str,
        variables: Mapping[str, JsonValue],
        *,
        creates: int,
        urgency: Urgency,
        fence: Fence | None = None,
    ) -> Reply:
        """A GraphQL mutation; never repeated on its own once it may have been carried out."""
        body: JsonValue = {"query": document, "variables": dict(variables)}
        return await self._graphql(
            Request(kind, "POST", "graphql", body=body, writes=True, creates=creates, urgency=urgency, fence=fence)
        )

    def check_turn(self, resource: str, creates: int) -> None:
        """Raises Unavailable where a write would have to wait for longer than a moment."""
        self._pace.check(Ask(resource, self._urgency, creates, objective=self._objective))

    async def send(self, request: Request) -> Exchange:
        """Send `request`, with all the waiting and repeating that it may have; the answer is a 2xx."""

        async def once() -> Exchange:
            return await self._send_once(request)

        return await self._repeating(once)

    async def _graphql(self, request: Request) -> Reply:
        async def once() -> Reply:
            answer = await self._send_once(request)
            reply = parsed(Reply, answer.content)
            if limited := reply.rate_limited():
                self._hold_back(request, primary(answer.headers, limited), answer)
            if broken := reply.half() if request.harmless else reply.broken():
                tell(REQUEST_REFUSED, kind=request.kind, status=200, message=broken, request_id=answer.request_id)
                raise self._failed(request, f"{request.kind}: {broken}", sent=True)
            self._points[request.kind] = reply.cost()
            self._counter.count(request.kind, points=reply.cost())
            return reply

        return await self._repeating(once)

    async def _repeating(self, once: Callable[[], Awaitable[Answer]]) -> Answer:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_Again),
            wait=_pause,
            stop=stop_after_attempt(1 if self._wire.reach.down else TRIES),
            sleep=self.clock.sleep,
            reraise=True,
        )
        try:
            return await retrying(once)
        except _Again as last:
            raise last.cause from None

    async def _send_once(self, request: Request) -> Exchange:
        token = await self._tokens.token()
        answer = await self._exchange(request, token)
        if answer.status == 401:
            tell(TOKEN_RENEWED, kind=request.kind, request_id=answer.request_id)
            self._tokens.forget(token)
            answer = await self._exchange(request, await self._tokens.token())
        try:
            return self._judged(request, answer)
        except (GitHubError, _Again) as error:
            cause = error.cause if isinstance(error, _Again) else error
            cause.request_id = answer.request_id
            raise

    async def _exchange(self, request: Request, token: str) -> Exchange:
        ask = Ask(
            request.resource,
            self._urgency if request.urgency is None else request.urgency,
            request.creates,
            self._points.get(request.kind, 1) if request.resource == "graphql" else 1,
            self._objective,
        )
        async with self._pace.writing(ask) if request.writes else self._pace.reading(ask):
            if request.fence is not None:
                await request.fence()
            self._counter.count(request.kind, requests=1, points=0 if request.resource == "graphql" else 1)
            try:
                return await self._wire.send(
                    request.method, request.path, params=request.params, body=request.body, token=token
                )
            except NoAnswer as none:
                tell(NO_ANSWER, kind=request.kind, path=request.path, error=str(none))
                raise self._failed(request, f"{request.kind}: {none}", sent=none.sent) from None

    def _judged(self, request: Request, answer: Exchange) -> Exchange:
        if answer.status < 300:
            self._pace.accepted(request.resource, answer.headers)
            return answer
        body = _refusal(answer)
        if limit := limit_reached(answer.status, answer.headers, body.message, self.clock.now()):
            self._hold_back(request, limit, answer)
        tell(
            REQUEST_REFUSED,
            kind=request.kind,
            method=request.method,
            path=request.path,
            status=answer.status,
            message=body.message,
            request_id=answer.request_id,
        )
        if answer.status >= 500:
            raise self._failed(request, f"{request.kind}: GitHub answered {answer.status}", sent=True)
        if answer.status in (404, 410) or answer.status < 400:
            raise NotThere(answer.status, request.path)
        raise Refused(answer.status, body.message or "no reason given", _lines(body.errors))

    def _hold_back(self, request: Request, limit: LimitReached, answer: Exchange) -> None:
        """Raises _Again, after all requests of the limited resource are made to wait."""
        until = self._pace.close(limit.resource, limit.until, limit.name)
        tell(
            LIMIT_REACHED,
            kind=request.kind,
            resource=limit.resource,
            until=until.isoformat(),
            message=limit.message,
            request_id=answer.request_id,
        )
        raise _Again(Unavailable(f"GitHub's limit is reached: {limit.message}", until, limit.name), None)

    def _failed(self, request: Request, message: str, sent: bool) -> Exception:
        if sent and not request.harmless:
            return OutcomeUnknown(message)
        pause = self._wire.reach.pause()
        return _Again(Unavailable(message, self.clock.now() + pause), min(1.0, pause.total_seconds()))


Answer = TypeVar("Answer")


def parsed(model: type[Model], content: bytes) -> Model:
    """Raises Refused where the answer has not the documented form."""
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise _unreadable(error) from None


def _pause(state: RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome else None
    if isinstance(failure, _Again) and failure.wait is not None:
        return float(failure.wait * 2 ** (state.attempt_number - 1))
    return 0.0


def _refusal(answer: Exchange) -> _RefusalBody:
    try:
        return _RefusalBody.model_validate_json(answer.content)
    except ValidationError:
        return _RefusalBody(message=answer.content[:200].decode(errors="replace"))


def _lines(errors: JsonValue) -> tuple[str, ...]:
    """GitHub's ``errors``, one line each: a list of strings or of objects with resource, field, code, message."""
    if not isinstance(errors, list):
        return () if errors is None else (str(errors),)
    return tuple(_line(error) for error in errors)


def _line(error: JsonValue) -> str:
    if not isinstance(error, dict):
        return str(error)
    if error.get("message"):
        return str(error["message"])
    return " ".join(str(error[name]) for name in ("resource", "field", "code") if error.get(name))


def _unreadable(error: ValidationError) -> Refused:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return Refused(200, f"an answer of an unexpected form: {where}: {first['msg']}")
