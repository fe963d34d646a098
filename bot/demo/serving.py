"""`crewline serve`: the bot in the foreground, its log on standard error, one line on standard output when ready."""

from __future__ import annotations

import asyncio
import logging
import sys

import structlog

from bot.demo.readiness import READY
from bot.demo.refusal import Refusal
from bot.demo.signals import Interrupted, run_until_stopped
from bot.github.errors import GitHubError
from bot.server import serve
from bot.settings import Settings
from bot.web.server import Address

INTERRUPTED = 130
"""The exit code where a second signal did not let the work come to its end."""


async def run_server(settings: Settings) -> None:
    """Until a signal has ended it in order, or a second one at once. Raises Refusal for what the settings got wrong."""
    configure_log(settings.log_level, as_json=settings.log_json)
    try:
        stop = asyncio.Event()
        await run_until_stopped(serve(settings, _tell, stop=stop), stop)
    except* Interrupted:
        sys.exit(INTERRUPTED)
    except* GitHubError as errors:
        raise Refusal(
            f"GitHub at {settings.api_url} did not accept the App {settings.app_id}: {_first(errors)}\n"
            "Compare CREWLINE_APP_ID, the private key and CREWLINE_API_URL with the App's page."
        ) from None
    except* OSError as errors:
        raise Refusal(
            f"cannot start on {settings.host}:{settings.port} with data in {settings.data}: {_first(errors)}\n"
            "Set CREWLINE_PORT (0 takes a free one), CREWLINE_HOST or CREWLINE_DATA."
        ) from None


def configure_log(level: str, *, as_json: bool) -> None:
    """`level` is one of Python's, in any case."""
    # the default one, that of rich, shows the values of variables, and some of them are secrets
    plain = structlog.dev.plain_traceback
    console = structlog.dev.ConsoleRenderer(colors=_colours(), exception_formatter=plain)
    renderer = structlog.processors.JSONRenderer() if as_json else console
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *((structlog.processors.format_exc_info,) if as_json else ()),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _tell(address: Address) -> None:
    print(f"{READY}{address.url}", flush=True)


def _colours() -> bool:
    return sys.stderr.isatty()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
