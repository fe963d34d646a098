"""`crewline logs`: the transcript of a session, for people."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from pydantic import JsonValue, ValidationError
from rich.console import Console
from rich.text import Text

from bot.demo.refusal import Refusal
from bot.model.events import NotAnOffset
from bot.sessions.archive import packed, read_lines, read_on
from bot.settings import StoreSettings

POLL = 0.3
"""Seconds between two looks at a transcript that grows."""
COLOURS = {"tool_call": "cyan", "error": "red", "failed": "red", "outcome": "bold", "warned": "yellow", "note": "dim"}
_SUFFIX = ".jsonl"


def show_log(session: str, data: Path | None, *, follow: bool, raw: bool) -> int:
    """Print the transcript of `session` (``SESSION``, or ``OWNER/NAME/SESSION``); with `follow`, until it is over. The
    exit code. Raises Refusal."""
    path = _find(session, data or _folder())
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    for line in _followed(path) if follow else read_lines(path):
        if raw:
            sys.stdout.write(f"{line}\n")
        else:
            console.print(_entry(line), soft_wrap=True)
    return 0


def _folder() -> Path:
    try:
        return StoreSettings().data
    except ValidationError:
        raise Refusal("CREWLINE_DATA cannot be used; name the data folder with --data.") from None


def _find(session: str, data: Path) -> Path:
    folder = data / "transcripts"
    known = {_name(path, folder): path for path in folder.glob(f"*/*/*{_SUFFIX}*")}
    found = [name for name in known if name == session or name.rpartition("/")[2] == session]
    if len(found) > 1:
        raise Refusal(f"several repositories have such a session; say which: {', '.join(sorted(found))}")
    if not found:
        near = get_close_matches(session, [*known, *(name.rpartition("/")[2] for name in known)], 3, 0.5)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise Refusal(f"there is no transcript of {session} below {folder}.{hint}")
    owner, name, own = found[0].split("/")
    return folder / owner / name / f"{own}{_SUFFIX}"


def _name(path: Path, folder: Path) -> str:
    """``OWNER/NAME/SESSION`` of a transcript, compressed or not."""
    return str(path.relative_to(folder)).partition(_SUFFIX)[0]


def _followed(path: Path) -> Iterator[str]:
    """The lines of a transcript as they come, until its session is over. One that is compressed is over."""
    after = 0
    while True:
        over = packed(path).exists()
        try:
            lines, after = read_on(path, after)
        except NotAnOffset:
            after = 0  # it was begun anew
            continue
        yield from lines
        if not lines and over:
            return
        if not lines:
            time.sleep(POLL)


def _entry(line: str) -> Text:
    """``12:00:01 tool_call  Bash ls``."""
    try:
        found: JsonValue = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return Text(line)
    kind, at = str(found.get("kind", "?")), str(found.get("at", ""))
    rest = {key: value for key, value in found.items() if key not in ("kind", "at") and value not in (None, False)}
    text = rest.pop("text", rest.pop("name", ""))
    words = [str(text), *(f"{value}" if key == "arguments" else f"{key}={value}" for key, value in rest.items())]
    entry = Text(f"{at[11:19]} ", style="dim")
    entry.append(f"{kind:<12} ", style=COLOURS.get(kind, "green"))
    return entry.append(" ".join(word for word in words if word))
