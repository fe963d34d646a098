"""A request's body within bounds: of size, of time, and of what all senders together may occupy.

The webhook endpoint is open to everybody and a signature can only be checked over a whole body, so strangers decide
how much is read. Three bounds keep them from harm: GitHub drops a payload over 25 MB itself and gives up on a
delivery after 10 seconds (https://docs.github.com/en/webhooks/webhook-events-and-payloads), so nothing honest is
larger or slower; and the bodies that are being read at one moment share one budget.

Nearly all deliveries are small, so the last quarter of the budget is for small bodies only: a few strangers who send
25 MB each cannot keep GitHub out.
"""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

LARGEST_BODY = 25 * 1024 * 1024
SECONDS_FOR_BODY = 10.0


class BodyRefused(Exception):
    """The body was not read to its end. `status` is the answer, `reason` its text for people."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class BodyReader:
    """Reads bodies of at most `largest` bytes within `seconds`; together they hold at most `together` bytes. What is
    no larger than a twenty-fifth of `largest` is small."""

    def __init__(
        self,
        *,
        largest: int = LARGEST_BODY,
        seconds: float = SECONDS_FOR_BODY,
        together: int = 4 * LARGEST_BODY,
    ) -> None:
        self._largest = largest
        self._seconds = seconds
        self._free = together
        self._small = largest // 25
        self._for_small = together // 4

    async def read(self, request: Request) -> bytes:
        """The whole body. Raises BodyRefused: 413 too large, 408 too slow, 400 broken off, 429 too many at once."""
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self._largest:
            raise self._too_large()
        try:
            async with asyncio.timeout(self._seconds):
                return await self._collect(request)
        except TimeoutError:
            raise BodyRefused(408, f"the body did not arrive within {self._seconds:g} seconds") from None
        except ClientDisconnect:
            raise BodyRefused(400, "the body broke off") from None

    async def _collect(self, request: Request) -> bytes:
        body = bytearray()
        held = 0
        try:
            async for chunk in request.stream():
                if len(body) + len(chunk) > self._largest:
                    raise self._too_large()
                kept = self._for_small if len(body) + len(chunk) > self._small else 0
                if len(chunk) > self._free - kept:
                    raise BodyRefused(429, "too many deliveries are being received at once")
                self._free -= len(chunk)
                held += len(chunk)
                body += chunk
        finally:
            self._free += held
        return bytes(body)

    def _too_large(self) -> BodyRefused:
        return BodyRefused(413, f"the body is larger than {self._largest} bytes")
