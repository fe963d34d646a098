"""Settings that cannot be used, in words for whoever set them."""

from __future__ import annotations

import os

from pydantic import ValidationError


def settings_problems(error: ValidationError) -> list[str]:
    """One line for each variable that is missing or does not fit."""
    lines = []
    for item in error.errors(include_url=False, include_input=False):
        name = f"CREWLINE_{'_'.join(str(part) for part in item['loc']).upper()}: " if item["loc"] else ""
        text = "is not set" if item["type"] == "missing" else item["msg"].removeprefix("Value error, ")
        lines.append(f"{name}{text}")
    if error.errors()[0]["loc"] and not os.environ.keys() & {"CREWLINE_PRIVATE_KEY", "CREWLINE_PRIVATE_KEY_FILE"}:
        lines.append("CREWLINE_PRIVATE_KEY_FILE: is not set, nor is CREWLINE_PRIVATE_KEY")
    return lines
