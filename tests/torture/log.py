"""What the bot logs becomes part of the story, and what it logs as an error counts against it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager

import structlog

from tests.torture.virtual_loop import LIFE

Tell = Callable[[str, str], None]
ERRORS = ("error", "exception", "critical")


@contextmanager
def told(tell: Tell, errors: list[str]) -> Iterator[None]:
    """While the block runs, log lines go to `tell` with the name of the bot that wrote them."""
    before = structlog.get_config()
    handler = _Handler(tell, errors)
    logger = logging.getLogger("bot")
    propagates = logger.propagate

    def take(_: object, level: str, event: MutableMapping[str, object]) -> str:
        if _is_over():
            raise structlog.DropEvent
        told_what = event.pop("event", "")
        broke = level in ERRORS or bool(event.pop("exc_info", False))
        fields = " ".join(f"{name}={value}" for name, value in sorted(event.items()))
        tell(_who(), f"log {level}: {told_what} {fields}")
        if broke:
            errors.append(f"{_who()} logged: {told_what} {fields}")
        raise structlog.DropEvent

    structlog.configure(processors=[take], wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates
        structlog.configure(**before)


class _Handler(logging.Handler):
    def __init__(self, tell: Tell, errors: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell
        self._errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        if _is_over():
            return
        self._tell(_who(), f"log {record.levelname}: {record.getMessage()}")
        if record.levelno >= logging.ERROR:
            self._errors.append(f"{_who()} logged: {record.getMessage()}")


def _who() -> str:
    life = LIFE.get()
    return life.name if life is not None else "theatre"


def _is_over() -> bool:
    """What a dead bot is made to say while it is buried, nobody wants to know."""
    life = LIFE.get()
    return life is not None and life.dead
