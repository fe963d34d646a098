"""Ctrl-C that cleans up: the first signal cancels the work, later ones do not disturb its cleaning up."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """A signal asked for the end; everything is cleaned up."""


async def until_signalled(work: Coroutine[None, None, T]) -> T:
    """The result of `work`. Raises Interrupted where INT, TERM or HUP came first."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    came: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        if not came:
            came.append(number)
            task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        if came:
            raise Interrupted(came[0].name) from None
        raise
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


async def run_until_stopped(work: Coroutine[None, None, None], stop: asyncio.Event) -> None:
    """The first signal sets `stop`, and `work` comes to its end by itself; a second one cancels it, which raises
    Interrupted."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    came: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        came.append(number)
        stop.set()
        if len(came) == 2:
            task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, end, number)
    try:
        await task
    except asyncio.CancelledError:
        if len(came) >= 2:
            raise Interrupted(came[1].name) from None
        raise
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


async def run_until_signalled(work: Coroutine[None, None, None]) -> None:
    """A signal is the ordinary end of `work`."""
    try:
        await until_signalled(work)
    except Interrupted:
        return
