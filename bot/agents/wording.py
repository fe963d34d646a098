"""Text for people and for programs, in the sizes that they take."""

from __future__ import annotations

from pydantic import JsonValue, TypeAdapter

from bot.agents.agent import Invocation

LONGEST_ARGUMENT = 100_000
"""Bytes; Linux takes 131,072 in one argument (MAX_ARG_STRLEN)."""
_SHOWN = 2_000
_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


def prompt_argument(invocation: Invocation) -> str:
    """The prompt as one argument; where it is too long for that, where to read it."""
    prompt = invocation.prompt_file.read_text(encoding="utf-8")
    if len(prompt.encode()) > LONGEST_ARGUMENT:
        return f"Read the file {invocation.prompt_file} whole and do what it asks. It is your task."
    return prompt


def shown(value: JsonValue) -> str:
    """Whatever a program says, shortened for people."""
    text = value if isinstance(value, str) else _JSON.dump_json(value).decode()
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
