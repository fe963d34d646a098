"""The key queue: which objectives to look at, one at a time in each repository, side by side across repositories.

A key that waits is there once, however often it was asked for. A key that is asked for while it is being looked at
is looked at once more afterwards, since what asked may have come too late for the look that runs. A look that fails
is repeated with growing pauses; everything else of the repository goes on meanwhile.

A repository's worker exists only while there is something to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bot.git.errors import GitFailed, Unreachable
from bot.github.errors import GitHubError, Unavailable
from bot.journal import LOOK_FAILED, about, begin, tell
from bot.model.identity import ObjectiveKey, RepositoryName

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0


class KeyQueue:
    """Runs in `group`, which ends it by being cancelled.

    `look` handles one key. What it raises is logged and repeated, never lost and never fatal for other keys. Where
    GitHub could not be reached, `longest_unreachable` is the most seconds until then. `caused_by` names the webhooks
    that a look at a key which failed goes back to.
    """

    def __init__(
        self,
        group: asyncio.TaskGroup,
        look: Callable[[ObjectiveKey], Awaitable[None]],
        longest_unreachable: float = 60.0,
        caused_by: Callable[[ObjectiveKey], str | None] = lambda key: None,
    ) -> None:
        self._group = group
        self._look = look
        self._longest_unreachable = longest_unreachable
        self._caused_by = caused_by
        self._waiting: dict[RepositoryName, dict[int, None]] = {}
        self._working: set[RepositoryName] = set()
        self._timers: dict[ObjectiveKey, asyncio.TimerHandle] = {}
        self._failures: dict[ObjectiveKey, int] = {}
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, key: ObjectiveKey) -> None:
        """Look at `key` as soon as its repository is free."""
        if self._closed:
            return
        self._waiting.setdefault(key.repository, {})[key.number] = None
        if key.repository not in self._working:
            self._working.add(key.repository)
            self._idle.clear()
            self._group.create_task(self._work(key.repository), name=f"looks at {key.repository}")

    def add_later(self, key: ObjectiveKey, seconds: float) -> None:
        """Look at `key` in `seconds` at the latest; an earlier time that was asked for stays."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None and not timer.cancelled() and timer.when() <= loop.time() + seconds:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = loop.call_later(max(0.0, seconds), self._ring, key)

    def will_look(self, key: ObjectiveKey) -> bool:
        """Whether `key` waits for a look or for a timer."""
        return key in self._timers or key.number in self._waiting.get(key.repository, ())

    def close(self) -> None:
        """Forget what was to be looked at later, and take nothing more: a look that fails while everything ends would
        be repeated when the group is gone."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    async def idle(self) -> None:
        """Until nothing waits and nothing is looked at; timers do not count."""
        await self._idle.wait()

    def _ring(self, key: ObjectiveKey) -> None:
        self._timers.pop(key, None)
        self.add(key)

    async def _work(self, repository: RepositoryName) -> None:
        waiting = self._waiting[repository]
        begin()
        try:
            while waiting:
                number = next(iter(waiting))
                del waiting[number]
                await self._try(ObjectiveKey(repository, number))
        finally:
            self._working.discard(repository)
            if not self._working:
                self._idle.set()

    async def _try(self, key: ObjectiveKey) -> None:
        with about(repository=str(key.repository), objective=key.number):
            await self._try_it(key)

    async def _try_it(self, key: ObjectiveKey) -> None:
        try:
            await self._look(key)
        except Exception as error:  # a look may fail in any way; it is repeated and must not take others with it
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            longest = self._longest_unreachable if isinstance(error, (Unavailable, Unreachable)) else LONGEST_PAUSE
            pause = min(FIRST_PAUSE * (1 << min(failures - 1, 16)), longest)
            ours = not isinstance(error, (LookAgain, GitHubError, GitFailed))
            tell(
                LOOK_FAILED,
                traceback=ours,
                error=f"{type(error).__name__}: {error}",
                pause=pause,
                times=failures,
                delivery=self._caused_by(key),
                request_id=_request_behind(error),
            )
            self.add_later(key, pause)
        else:
            self._failures.pop(key, None)


def _request_behind(error: BaseException | None) -> str | None:
    """GitHub's name of the request that failed, where one is the reason."""
    while error is not None and not isinstance(error, GitHubError):
        error = error.__cause__
    return error.request_id if error is not None else None


class LookAgain(Exception):
    """A look could not finish for a reason that is known and passes: it is repeated without a traceback."""
