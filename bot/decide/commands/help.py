"""`/help`: what people can type."""

from __future__ import annotations

from collections.abc import Sequence

from bot.decide.commands.assign import ASSIGN
from bot.decide.commands.budget import BUDGET
from bot.decide.commands.command import CommandRule, Done, Request
from bot.decide.commands.escalate import ESCALATE
from bot.decide.commands.retry import RETRY
from bot.decide.commands.status import STATUS
from bot.decide.situation import Situation


def _help(situation: Situation, request: Request) -> Done:
    return Done(situation, help_text(RULES))


HELP = CommandRule(name="help", text="Show this list.", carry_out=_help)

RULES: tuple[CommandRule, ...] = (RETRY, ESCALATE, ASSIGN, BUDGET, STATUS, HELP)
"""Every command there is. Grammar, help, status and docs are made from these."""


def usages_text(rules: Sequence[CommandRule]) -> str:
    """The commands in one line."""
    return ", ".join(f"`{rule.usage}`" for rule in rules)


def access_text(rules: Sequence[CommandRule]) -> str:
    """Which access to the repository they need."""
    return f"{' or '.join(dict.fromkeys(rule.needs.value for rule in rules))} access"


def help_text(rules: Sequence[CommandRule]) -> str:
    rows = "\n".join(f"| `{rule.usage}` | {rule.text} |" for rule in rules)
    return (
        "Write a command at the start of a line, on the objective, on a task or on its pull request. "
        f"Each also works as `/crewline …`. They need {access_text(rules)} to the repository.\n\n"
        f"| command | what it does |\n|---|---|\n{rows}"
    )
