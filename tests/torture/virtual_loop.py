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
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Executor
from contextvars import Context, ContextVar
from datetime import UTC, datetime, timedelta
from typing import TypeVar, TypeVarTuple, Unpack
from weakref import WeakSet

from tests.torture.processes import Programs, SubprocessProtocol, SubprocessTransport, start

Ts = TypeVarTuple("Ts")
T = TypeVar("T")
ROUNDS = 2000
"""How often the dead are cancelled before something is wrong with them."""
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
        self.frozen = False
        self.cut_off = False
        """Whether nothing that it sends or asks for arrives, and no answer does either."""
        self._kept: list[tuple[Callable[[], object], Context]] = []
        self._context = contextvars.copy_context()
        self._context.run(LIFE.set, self)
        self.tasks: WeakSet[asyncio.Task[object]] = WeakSet()

    def begin(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Run `work` as part of this life."""
        return self.loop.create_task(work, name=name, context=self._context.copy())

    def end(self) -> None:
        """From now on nothing of it runs."""
        self.dead = True

    def freeze(self) -> None:
        """Nothing of it runs until `thaw`; what it has sent is on its way all the same."""
        self.frozen = True

    def thaw(self) -> None:
        """It goes on where it was, and every timer whose time has passed meanwhile rings now."""
        self.frozen = False
        if not self.dead:
            self._let_go()

    def _let_go(self) -> None:
        kept, self._kept = self._kept, []
        for callback, context in kept:
            self.loop.call_soon(callback, context=context)

    def keep(self, callback: Callable[[], object], context: Context) -> None:
        self._kept.append((callback, context))

    async def bury(self) -> None:
        """Cancel what a dead program left, until all of it has closed. Its doors to the world are shut: nothing that
        it still tries succeeds, and what it is told by that is of no interest to anybody."""
        self.dead = self.buried = True
        self.frozen = False
        self._let_go()
        for _ in range(ROUNDS):
            left = [task for task in self.tasks if not task.done()]
            for task in left:
                task.cancel()
            if not left:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{self.name} does not end: {', '.join(task.get_name() for task in left)}")


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

    def create_task(
        self,
        coro: Generator[None, None, T] | Coroutine[None, None, T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """A task of the life in whose context it runs."""
        task = super().create_task(coro, name=name, context=context)
        life = LIFE.get() if context is None else context.get(LIFE)
        if life is not None:
            life.tasks.add(task)
        return task

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Here and now: a thread would end when the machine likes."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    async def subprocess_exec(  # type: ignore[override]  # with what asyncio.create_subprocess_exec passes on
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
    if life.frozen or (life.dead and not life.buried):
        life.keep(callback, context)
    else:
        callback()


class _NeverWaits(selectors.SelectSelector):
    """The loop asks how long nothing will happen; it is told at once that this time has passed."""

    def __init__(self, jump: Callable[[float | None], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:  # type: ignore[explicit-any]
        if timeout is None or timeout > 0:
            self._jump(timeout)
        return []
