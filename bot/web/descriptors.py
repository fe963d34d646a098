"""File descriptors: every connection is one, and so is every pipe to an agent and to git.

The endpoint never takes more than half of them (`for_connections`), so that strangers cannot keep git from running.
Where they run out all the same, whoever connects is hung up on at once: one spare descriptor is kept to do that
with. Otherwise the connection stays in the queue of the kernel, and asyncio asks for it again and again: CPython
3.11 writes a traceback for each of 2,048 tries, every second.
"""

from __future__ import annotations

import errno
import os
import resource
import socket

from bot.journal import FEW_DESCRIPTORS, NO_DESCRIPTORS, tell

WANTED = 16_384
"""As many as are asked for. Agents inherit it, and some programs walk through all that there might be."""


def raise_limit() -> int:
    """Raise the soft limit of open files towards the hard one; the limit that holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError) as error:
            tell(FEW_DESCRIPTORS, limit=soft, error=str(error))
    return limit()


def limit() -> int:
    """How many files this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return WANTED if soft == resource.RLIM_INFINITY else soft


def for_connections(most: int) -> int:
    """How many connections may be open: `most`, or half of what there is."""
    return min(most, limit() // 2)


class Listener(socket.socket):
    """A listening socket whose `accept` hangs up on whoever comes when no descriptor is left."""

    def __init__(self, family: int) -> None:
        # asyncio switches Nagle's algorithm off only where the protocol is named; it costs 40 ms an answer otherwise
        super().__init__(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._spare: int | None = _nothing()
        self.turned_away = 0

    def accept(self) -> tuple[socket.socket, object]:
        """Raises ConnectionAbortedError where somebody was hung up on, which asyncio takes for nobody."""
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE) or self._spare is None:
                raise
            self._hang_up()
            raise ConnectionAbortedError(errno.ECONNABORTED, "no descriptor was left") from None

    def close(self) -> None:
        super().close()
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def _hang_up(self) -> None:
        assert self._spare is not None
        os.close(self._spare)
        self._spare = None
        try:
            super().accept()[0].close()
        finally:
            self._spare = _nothing()
        if self.turned_away % 1000 == 0:
            tell(NO_DESCRIPTORS, limit=limit(), turned_away=self.turned_away + 1)
        self.turned_away += 1


def _nothing() -> int:
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
