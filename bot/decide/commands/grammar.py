"""Which lines of a comment are commands: ``/retry try the other parser`` or ``/crewline retry …``.

A command starts a line, outside quotes, code blocks and HTML comments. Other bots listen to slashes too, so a
word after a bare slash that is none of ours, nor close to one, is not for us; after ``/crewline`` it always is.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from bot.decide.commands.help import HELP, RULES

NAMES = tuple(rule.name for rule in RULES)

_LINE = re.compile(r"^/(?:(?P<prefix>crewline)(?:[ \t]+|$))?(?P<word>[A-Za-z][A-Za-z-]*)?(?P<rest>(?:[ \t].*)?)$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_COMMENT = re.compile(r"<!--.*?(-->|\Z)", re.DOTALL)
LONGEST_ARGUMENT = 2000


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was typed: `name` is that of a rule, `argument` the rest of its line."""

    name: str
    argument: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Meant for us, but no command; `nearest` is the one that was probably meant."""

    word: str
    nearest: str | None


def parse(body: str) -> Command | Unknown | None:
    """The first command of a comment. A comment carries out one command; people see at once which."""
    for line in _plain_lines(body):
        match = _LINE.match(line)
        if match is None or not (match["prefix"] or match["word"]):
            continue
        found = _read((match["word"] or HELP.name).lower(), match["rest"].strip(), bool(match["prefix"]))
        if found is not None:
            return found
    return None


def is_command(body: str) -> bool:
    return parse(body) is not None


def _read(word: str, argument: str, addressed: bool) -> Command | Unknown | None:
    if word in NAMES:
        return Command(word, argument[:LONGEST_ARGUMENT])
    nearest = next(iter(difflib.get_close_matches(word, NAMES, n=1, cutoff=0.75)), None)
    return Unknown(word, nearest) if addressed or nearest else None


def _plain_lines(body: str) -> list[str]:
    """The lines outside fenced code, indented code, quotes and HTML comments."""
    lines: list[str] = []
    fence: str | None = None
    for line in _COMMENT.sub("", body).splitlines():
        mark = _FENCE.match(line)
        if fence is not None:
            if mark and mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not line.strip().strip(fence[0]):
                fence = None
            continue
        if mark:
            fence = mark[1]
            continue
        if not line.startswith((">", "    ", "\t")):
            lines.append(line.rstrip())
    return lines
