"""One connection to the server, held to moving on.

The port is open to everybody, so a connection may cost little and may not last. What must hold:

* **Nobody holds a connection by being slow.** Every `SECONDS_FOR_HEADERS` a connection is looked at: it must have
  sent a whole request head since the last time, be at a body (`web/body.py` has the clock for those), or be waiting
  for us. One whose receiver takes nothing of what was written is aborted, and so is one that was closed but does not
  go away. uvicorn alone waits forever for the first request, and for the second once its first byte has come.
* **There are never more than `MOST_CONNECTIONS`.** A new one beyond takes the place of one that is silent; where all
  are busy it is hung up on. GitHub notes a failed delivery then, and the delivery log brings it back.
* **A broken request costs one connection.** h11 refuses to say 400 where an answer was begun already; uvicorn lets
  that error out into the event loop, or into the application, which would log a crash that none is.
* **An answer before the end of the body arrives.** Closing a socket with unread bytes resets it, and the sender never
  reads our 413. So our side is shut, and what still comes is thrown away for `SECONDS_TO_LINGER`.

A tolerated race: an idle connection may be closed in the moment in which its next request is on the way. HTTP/1.1
allows it, and clients send again (RFC 9112, 9.3.1).
"""

from __future__ import annotations

import asyncio
import itertools
import logging

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from bot.journal import CONNECTION_REFUSED, tell
from bot.web.descriptors import for_connections

SECONDS_FOR_HEADERS = 10.0
SECONDS_TO_LINGER = 2.0
MOST_CONNECTIONS = 2048
EXAMINED = 64
"""How many connections are asked whether they are silent where one must go."""

_http = logging.getLogger(__name__)
_http.setLevel(logging.ERROR)  # uvicorn warns of each broken request, in words that are no line of our log


class Connection(H11Protocol):
    """See the module's text."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = _http
        self._answers = 0
        self._answers_before = 0
        self._unsent_before = 0
        self._closed_before = False
        self._lingers = False
        self._since = self.loop.time()
        self._check: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > for_connections(MOST_CONNECTIONS) and not self._take_the_place_of_another():
            transport.abort()
        self._check = self.loop.call_later(SECONDS_FOR_HEADERS, self._must_have_moved_on)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._check is not None:
            self._check.cancel()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._lingers:
            super().data_received(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whoever has asked everything and shut their side is still answered, once."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.more_body or cycle.response_complete:
            return False
        cycle.keep_alive = False
        return True

    def handle_events(self) -> None:
        try:
            super().handle_events()
        except h11.ProtocolError:  # whoever sends no HTTP is hung up on, as often as they like
            self.transport.close()
        cycle: RequestResponseCycle | None = self.cycle
        if self.transport.is_closing() and cycle is not None and not cycle.response_complete:
            # the application must not begin an answer in the moment before it is told of the end
            cycle.disconnected = True
            cycle.message_event.set()

    def on_response_complete(self) -> None:
        self._answers += 1
        if self.conn.their_state is h11.SEND_BODY and not self.transport.is_closing():
            self._linger()
        else:
            super().on_response_complete()

    def shutdown(self) -> None:
        try:
            super().shutdown()
        except h11.ProtocolError:  # the server ends, and they are in the middle of something
            self.transport.abort()

    def is_silent(self) -> bool:
        """Whether it asks nothing that was not answered."""
        return self.conn.their_state is h11.IDLE or self._lingers

    def _unsupported_upgrade_warning(self) -> None:
        """Who asks for WebSockets is answered in HTTP; that is no news."""

    def _linger(self) -> None:
        self._lingers = True
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(SECONDS_TO_LINGER, self.transport.close)

    def _take_the_place_of_another(self) -> bool:
        """Hang up on whoever is silent for longest, of a few that are asked."""
        asked = itertools.islice((one for one in self.connections if isinstance(one, Connection)), EXAMINED)
        silent = [one for one in asked if one is not self and one.is_silent() and not one.transport.is_closing()]
        if not silent:
            tell(CONNECTION_REFUSED, open=len(self.connections))
            return False
        min(silent, key=lambda one: one._since).transport.abort()
        return True

    def _must_have_moved_on(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if self.transport.is_closing():
            if self._closed_before:
                self.transport.abort()
            self._closed_before = True
        elif 0 < self._unsent_before <= unsent:
            self.transport.abort()
        elif self.is_silent() and self._answers == self._answers_before:
            self.transport.close()
        self._unsent_before, self._answers_before = unsent, self._answers
        self._check = self.loop.call_later(SECONDS_FOR_HEADERS, self._must_have_moved_on)
