"""Server-sent events, whole, cut off or stalled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

from pydantic import JsonValue
from starlette.responses import JSONResponse, Response, StreamingResponse

from tests.agents.model.script import CutOff, Refuse, Stall

Event = tuple[str | None, JsonValue]
"""An event's name, where the protocol names events, and its data."""


def written(event: Event) -> bytes:
    name, data = event
    line = f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n"
    return (f"event: {name}\n{line}" if name else line).encode()


def streamed(events: Sequence[Event]) -> Response:
    """All of `events`, with the length said, as a whole answer."""
    return Response(b"".join(map(written, events)), media_type="text/event-stream")


def broken(first: Event, reply: CutOff | Stall, closing: asyncio.Event) -> Response:
    """One event, and then the end of the connection or silence."""

    async def pieces() -> AsyncIterator[bytes]:
        yield written(first)
        if isinstance(reply, Stall):
            await closing.wait()
            return
        raise ConnectionAbortedError

    return StreamingResponse(pieces(), media_type="text/event-stream")


def refused(reply: Refuse, body: JsonValue) -> Response:
    headers = {} if reply.retry_after is None else {"retry-after": str(reply.retry_after)}
    return JSONResponse(body, reply.status, headers)
