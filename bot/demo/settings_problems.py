"""Settings that cannot be used, in words for whoever set them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import ValidationError

from bot.settings import Settings

PREFIX = "CREWLINE_"


def settings_problems(error: ValidationError) -> list[str]:
    """One line for each variable that is missing or does not fit."""
    lines = []
    for item in error.errors(include_url=False, include_input=False):
        name = f"{PREFIX}{'_'.join(str(part) for part in item['loc']).upper()}: " if item["loc"] else ""
        text = _WORDS.get(item["type"]) or item["msg"].removeprefix("Value error, ")
        lines.append(f"{name}{text}")
    if error.errors()[0]["loc"] and not os.environ.keys() & {"CREWLINE_PRIVATE_KEY", "CREWLINE_PRIVATE_KEY_FILE"}:
        lines.append("CREWLINE_PRIVATE_KEY_FILE: is not set, nor is CREWLINE_PRIVATE_KEY")
    return lines


_WORDS = {"missing": "is not set", "too_short": "is empty", "string_too_short": "is empty"}


def unknown_variables(names: Iterable[str]) -> list[str]:
    """One line for each variable that looks like a setting and is none."""
    known = [f"{PREFIX}{field.upper()}" for field in Settings.model_fields]
    lines = []
    for name in sorted(names):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = get_close_matches(name.upper(), known, 1)
            lines.append(f"{name} is no setting and is ignored." + (f" Did you mean {near[0]}?" if near else ""))
    return lines
