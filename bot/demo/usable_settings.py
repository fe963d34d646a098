"""The settings of a server, looked through before it starts: also for what fits by its form and cannot be used."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from bot.agents.command import BadTemplate
from bot.agents.roster import Roster, UnknownAgent
from bot.demo.refusal import Refusal
from bot.demo.settings_problems import settings_problems
from bot.github.errors import Refused
from bot.github.signing import read_key
from bot.settings import Settings

LEVELS = ("debug", "info", "warning", "error")


def usable_settings() -> Settings:
    """The settings of the environment. Raises Refusal that names every variable that cannot be used."""
    try:
        settings = Settings()
        problems = list(_unusable(settings))
    except ValidationError as error:
        problems = settings_problems(error)
    if problems:
        lines = "\n".join(f"  {line}" for line in problems)
        raise Refusal(
            f"the settings in the environment cannot be used:\n{lines}\n"
            "Set them and start again; docs/settings.md lists every variable."
        )
    return settings


def _unusable(settings: Settings) -> Iterator[str]:
    """What fits by its form and cannot be used all the same."""
    variable = "CREWLINE_PRIVATE_KEY" if settings.private_key else "CREWLINE_PRIVATE_KEY_FILE"
    place = f"{settings.private_key_file} " if settings.private_key_file else ""
    advice = "Name the .pem file that GitHub gave you for the App."
    try:
        read_key(settings.private_key_pem())
    except OSError as error:
        yield f"{variable}: cannot read {settings.private_key_file}: {error.strerror}. {advice}"
    except (Refused, UnicodeDecodeError):
        yield f"{variable}: {place}is no RSA private key in PEM form. {advice}"
    if settings.log_level.lower() not in LEVELS:
        yield f"CREWLINE_LOG_LEVEL: {settings.log_level!r} is not one of {', '.join(LEVELS)}."
    yield from _unusable_agents(settings)


def _unusable_agents(settings: Settings) -> Iterator[str]:
    try:
        roster = Roster(settings.agents)
    except (BadTemplate, UnknownAgent) as error:
        yield f"CREWLINE_AGENTS: {error}."
        return
    try:
        Roster(settings.offers())
    except BadTemplate as error:
        yield f"CREWLINE_AGENT_COMMAND: {error}."
    if settings.agent_command is None:
        try:
            roster.find(settings.agent)
        except UnknownAgent as error:
            yield f"CREWLINE_AGENT: {error}"
