"""What a session says, as JSON, from an offset on: a long poll for whoever follows it.

Each line is that of the transcript, a JSON object as text, in which secrets are masked already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bot.model.events import Batch, NotAnOffset, RunState
from bot.model.identity import RepositoryName, SessionId
from bot.web.dashboard import HEADERS

LONGEST_WAIT = 60
"""Seconds."""
_MOST_DIGITS = 15
_BATCH: TypeAdapter[Batch] = TypeAdapter(Batch)

Events = Callable[[RepositoryName, SessionId, int, float], Awaitable[Batch | None]]
"""As `bot.engines.engine.Engine.events`; None while the server is not ready for it."""


async def no_events(repository: RepositoryName, session: SessionId, after: int, wait: float) -> Batch | None:
    """Where no sessions run."""
    return Batch((), after, RunState.UNKNOWN)


class SessionEvents:
    def __init__(self, events: Events) -> None:
        self._events = events

    async def batch(self, request: Request) -> Response:
        where = request.path_params
        repository, session = RepositoryName(where["owner"], where["name"]), SessionId(where["session"])
        after, wait = _number(request, "after"), _number(request, "wait")
        if after is None:
            return _said(400, "`after` is 0, or the `next` of an earlier answer.")
        if wait is None or wait > LONGEST_WAIT:
            return _said(400, f"`wait` is a whole number of seconds, from 0 to {LONGEST_WAIT}.")
        try:
            batch = await self._events(repository, session, after, wait)
        except NotAnOffset:
            return _said(400, f"No line begins at {after}: `after` is 0, or the `next` of an earlier answer.")
        if batch is None:
            return _said(503, "The server has just started; ask again in a moment.")
        if batch.state is RunState.UNKNOWN:
            return _said(404, "There is no such session here, and no transcript of one.")
        return Response(_BATCH.dump_json(batch), media_type="application/json", headers=HEADERS)


def _number(request: Request, name: str) -> int | None:
    """0 where it is not given, None where it is no number."""
    text = request.query_params.get(name, "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def _said(status: int, sentence: str) -> Response:
    return PlainTextResponse(f"{sentence}\n", status, headers=HEADERS)
