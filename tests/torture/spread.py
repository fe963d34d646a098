"""The same work for many items, some at a time, each in a process of its own."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(
    work: Callable[[Item], Result], items: Sequence[Item], processes: int, together: int = 1
) -> Iterator[Result]:
    """What came of each, in their order. `together` of them go to a process at once. `work` is a function of a module;
    what was computed before this call is known to it."""
    if processes <= 1:
        yield from map(work, items)
        return
    gc.freeze()  # what is loaded stays shared between the processes, and is not searched for garbage
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        yield from pool.map(work, items, chunksize=together)
