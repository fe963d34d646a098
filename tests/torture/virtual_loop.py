"""An event loop in virtual time, in which programs can die at once.

What must hold:

* **One order of events.** Nothing waits for the machine: where nothing is ready, the time jumps to the next timer;
  what others give to threads runs at once; a process has ended before anybody hears of it (`processes`). So the
  order of events follows from the program and its seed alone, and an hour costs what happens in it.
* **Death is sudden.** A program is a `Life`: all that was started within its context belongs to it. When it ends,
  nothing of it ever runs again: no task goes on, no `finally`, no timer. Cancelling its tasks would not do: then it
  would get to say its last words, which a process that is killed does not.

What the dead would have done is kept back and let go at the very end (`Life.bury`), when nobody looks any more, so
that coroutines and locks are closed in order. A future that a dead task waits for may be resolved; nobody wakes up.

A design that was rejected: dropping the callbacks of the dead. The garbage collector then finds coroutines that are
suspended inside `finally` and complains about each.
"""

from __future__ import annotations

import asyncio
import contextvars
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from datetime import UTC, datetime, timedelta
from typing import TypeVar, TypeVarTuple, Unpack

from tests.torture.processes import Programs, SubprocessProtocol, SubprocessTransport, start

Ts = TypeVarTuple("Ts")
T = TypeVar("T")
EPOCH = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LIFE: ContextVar[Life | None] = ContextVar("torture_life", default=None)


class Stuck(Exception):
    """Nothing is ready and no timer is set: nothing would ever happen again."""


class Life:
    """Everything that one program has going. Start it with `begin`; `end` is its sudden death."""

    def __init__(self, loop: VirtualLoop, name: str) -> None:
        self.loop = loop
        self.name = name
        self.dead = False
        self.buried = False
        self._kept: list[tuple[Callable[[], object], Context]] = []
        self._context = contextvars.copy_context()
        self._context.run(LIFE.set, self)
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Run `work` as part of this life."""
        task = self.loop.create_task(work, name=name, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def end(self) -> None:
        """From now on nothing of it runs."""
        self.dead = True

    def keep(self, callback: Callable[[], object], context: Context) -> None:
        self._kept.append((callback, context))

    async def bury(self) -> None:
        """Cancel what a dead program left and let it close. Its doors to the world are shut (`LIFE` is dead)."""
        self.buried = True
        for callback, context in self._kept:
            self.loop.call_soon(callback, context=context)
        self._kept.clear()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module's text. `programs` are what `create_subprocess_exec` can start."""

    def __init__(self, programs: Programs) -> None:
        self._virtual = 0.0
        self.programs = programs
        super().__init__(_NeverWaits(self._jump))

    def time(self) -> float:
        return self._virtual

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._virtual)

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        context = context if context is not None else contextvars.copy_context()
        life = context.get(LIFE)
        if life is None:
            return super().call_soon(callback, *args, context=context)
        return super().call_soon(_unless_dead, life, lambda: callback(*args), context, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        context = context if context is not None else contextvars.copy_context()
        life = context.get(LIFE)
        if life is None:
            return super().call_at(when, callback, *args, context=context)
        return super().call_at(when, _unless_dead, life, lambda: callback(*args), context, context=context)

    def run_in_executor(self, executor: None, func: Callable[[Unpack[Ts]], T], *args: *Ts) -> asyncio.Future[T]:
        """Here and now: a thread would end when the machine likes."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    async def subprocess_exec(
        self,
        protocol_factory: Callable[[], SubprocessProtocol],
        *arguments: str,
        stdin: int | None = None,
        env: dict[str, str] | None = None,
        cwd: str | None = None,
        **_: object,
    ) -> tuple[SubprocessTransport, SubprocessProtocol]:
        return start(self, self.programs, protocol_factory(), arguments, stdin, env or {}, cwd)

    def _jump(self, seconds: float | None) -> None:
        if seconds is None:
            waiting = sorted(task.get_name() for task in asyncio.all_tasks(self))
            raise Stuck(f"nothing will ever happen again; these wait: {', '.join(waiting)}")
        self._virtual += seconds


class VirtualClock:
    """The loop's time, as the hub and the bot ask for it."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return self._loop.now()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _unless_dead(life: Life, callback: Callable[[], object], context: Context) -> None:
    if life.dead and not life.buried:
        life.keep(callback, context)
    else:
        callback()


class _NeverWaits(selectors.SelectSelector):
    """The loop asks how long nothing will happen; it is told at once that this time has passed."""

    def __init__(self, jump: Callable[[float | None], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._jump(timeout)
        return []
