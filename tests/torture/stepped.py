"""A walk of people whose next step is chosen when the one before has been seen."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

from tests.torture.people import Afoot, Run, Step, played

Problems = tuple[str, ...]


class SteppedWalk:
    """The walk is played in a thread. Where it waits for its next step nothing runs and no time passes in it, since
    its time is virtual: so one seed and one row of steps are one story, however long the chooser thinks."""

    def __init__(self, seed: int) -> None:
        self._asked: SimpleQueue[tuple[Step, Future[Problems]] | None] = SimpleQueue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="walk")
        self._run = self._thread.submit(played, seed, self._story)

    def take(self, step: Step) -> Problems:
        """Take the step; what is wrong after it, or why the walk broke."""
        answer: Future[Problems] = Future()
        self._asked.put((step, answer))

        def broke(run: Future[Run]) -> None:
            if not answer.done():
                answer.set_result(run.result().problems)

        self._run.add_done_callback(broke)
        return answer.result()

    def end(self) -> Run:
        """The walk to its end."""
        self._asked.put(None)
        try:
            return self._run.result()
        finally:
            self._thread.shutdown()

    async def _story(self, afoot: Afoot) -> Run:
        while (asked := self._asked.get()) is not None:
            step, answer = asked
            await afoot.take(step)
            answer.set_result(afoot.problems())
        return await afoot.end()
