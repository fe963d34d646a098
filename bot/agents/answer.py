"""The answer file of a planner or a reviewer: JSON that the agent wrote, read with care.

The file lies in a folder that the agent could write to, so it may be a link to a secret, a pipe that never ends,
or huge (`bot.agents.shared_files`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from bot.agents.shared_files import Unreadable, read_shared

LARGEST = 1_000_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BadAnswer:
    """Why the answer cannot be used, in words that help the agent to repair it. `text` is what it wrote."""

    problem: str
    text: str = ""


def read_answer(path: Path, adapter: TypeAdapter[T]) -> T | BadAnswer:
    """The answer at `path` as `adapter` understands it. It never raises."""
    try:
        text = read_shared(path, LARGEST, "answer file").decode()
    except UnicodeDecodeError:
        return BadAnswer("The answer file is not UTF-8 text.")
    except Unreadable as error:
        return BadAnswer(str(error))
    if not text.strip():
        return BadAnswer("The answer file is empty.")
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        return BadAnswer(_explain(error, text), text)


def _explain(error: ValidationError, text: str) -> str:
    try:
        json.loads(text)
    except ValueError as problem:
        return f"The answer is not JSON: {problem}."
    except RecursionError:
        return "The answer is nested too deeply."
    lines = []
    for item in error.errors(include_url=False)[:20]:
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in item["loc"]).lstrip(".")
        lines.append(f"- {place or 'the answer'}: {item['msg'].removeprefix('Value error, ')}")
    return "The answer is JSON, but not of the form that was asked for:\n" + "\n".join(lines)
