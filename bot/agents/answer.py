"""The answer file of a planner or a reviewer: JSON that the agent wrote, read with care.

The file lies in a folder that the agent could write to, so it may be a link to a secret, a pipe that never ends,
or huge. It is opened without following links and read only where it is a plain file of a sane size.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

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
        text = _read(path).decode()
    except UnicodeDecodeError:
        return BadAnswer("The answer file is not UTF-8 text.")
    except _Unusable as error:
        return BadAnswer(str(error))
    if not text.strip():
        return BadAnswer("The answer file is empty.")
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        return BadAnswer(_explain(error, text), text)


class _Unusable(Exception):
    pass


def _read(path: Path) -> bytes:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        folder = os.open(path.parent, flags | os.O_DIRECTORY)
    except OSError:
        raise _Unusable("The folder of the answer file is gone.") from None
    try:
        descriptor = os.open(path.name, flags | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        raise _Unusable("There is no answer file.") from None
    except OSError:
        raise _Unusable("The answer file is a link or cannot be read; write a plain file.") from None
    finally:
        os.close(folder)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise _Unusable("The answer file is not a plain file of its own.")
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise _Unusable(f"The answer file has more than {LARGEST} bytes.")
    return content


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
