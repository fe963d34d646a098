"""The rules that keep the code readable while it grows: who may import whom, and how large things get."""

from __future__ import annotations

import ast
import gc
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MAY_IMPORT = {
    "bot.model": set(),
    "bot.config": {"bot.model"},
    "bot.settings": {"bot.model"},
    "bot.decide": {"bot.model", "bot.config"},
    "bot.git": {"bot.model", "bot.disk"},
    "bot.disk": {"bot.model", "bot.settings", "bot.journal"},
    "bot.journal": set(),
    "bot.github": {"bot.model", "bot.config", "bot.settings", "bot.git", "bot.journal"},
    "bot.agents": {"bot.model", "bot.config", "bot.git", "bot.sessions", "bot.engines"},
    "bot.sandbox": {"bot.model"},
    "bot.sessions": {
        *("bot.model", "bot.config", "bot.git", "bot.disk", "bot.agents", "bot.engines", "bot.journal"),
        "bot.sandbox",
    },
    "bot.engines": {"bot.model", "bot.config", "bot.git", "bot.agents", "bot.sessions", "bot.journal"},
    "bot.control": {
        *("bot.model", "bot.config", "bot.settings", "bot.decide", "bot.git", "bot.disk"),
        *("bot.github", "bot.agents", "bot.sessions", "bot.engines", "bot.journal"),
    },
    "bot.web": {"bot.model", "bot.config", "bot.settings", "bot.github", "bot.journal"},
    "bot.localhub": set(),
    "bot.scripted": set(),
}
"""What each room may import of ours. A room that is not named here composes the others."""

COMPOSERS = {"bot.server", "bot.cli", "bot.demo", "bot.__main__"}
MAY_COMPOSE_WEB = {"bot.server", "bot.cli", "bot.demo"}
MAY_START_A_LOCALHUB = {"bot.cli", "bot.demo"}

PACED = ("tests/bench/", "tests/torture/")
"""A measurement has a pace; in a theatre of virtual time a second takes none."""
LONGEST_FILE = 450
LONGEST_FUNCTION = 60
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}


@dataclass(frozen=True)
class Source:
    """One Python file of the project."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def module(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def read_sources(folder: str) -> tuple[Source, ...]:
    """Read when the first test asks for them: every worker imports this file, and one or two run its tests. A tree is
    no garbage, and searching it again and again while it grows takes longer than reading it."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    gc.collect()
    gc.disable()
    sources = tuple(Source(path, text := path.read_text(), ast.parse(text)) for path in paths)
    gc.freeze()
    gc.enable()
    return sources


def everything() -> Iterator[Source]:
    return (source for folder in ("bot", "tests", "scripts") for source in read_sources(folder))


def room_of(module: str) -> str:
    """``bot.github`` for ``bot.github.client``."""
    return ".".join(module.split(".")[:2])


def imports_of(source: Source) -> Iterator[str]:
    """Every module that the file imports, at its top or later; relative imports resolved."""
    package = source.module if source.path.name == "__init__.py" else source.module.rpartition(".")[0]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            # `from bot import localhub` names a room only in what it imports.
            yield from (f"{module}.{alias.name}" for alias in node.names) if module == "bot" else (module,)


def rooms_imported(source: Source) -> set[str]:
    """The rooms of ours that a file reaches into, without its own."""
    ours = {room_of(name) for name in imports_of(source) if name.split(".")[0] in ("bot", "tests", "scripts")}
    return ours - {room_of(source.module)}


def test_imports_point_one_way() -> None:
    astray = [
        f"{source.name} imports {room}"
        for source in read_sources("bot")
        if (allowed := MAY_IMPORT.get(room_of(source.module))) is not None
        for room in sorted(rooms_imported(source) - allowed)
    ]
    assert astray == []


def test_every_room_has_a_rule_or_composes_the_others() -> None:
    rooms = {room_of(source.module) for source in read_sources("bot")} - {"bot"}
    assert rooms - MAY_IMPORT.keys() - COMPOSERS == set()


@pytest.mark.parametrize(
    ("room", "may"),
    [
        ("bot.web", MAY_COMPOSE_WEB),
        ("bot.localhub", MAY_START_A_LOCALHUB),
        ("bot.cli", {"bot.__main__"}),
        ("bot.demo", {"bot.cli"}),
    ],
)
def test_only_the_composition_imports(room: str, may: set[str]) -> None:
    importers = {room_of(source.module) for source in read_sources("bot") if room in rooms_imported(source)}
    assert importers <= may


def test_the_scripted_agent_is_an_ordinary_program() -> None:
    foreign = [
        f"{source.name} imports {name}"
        for source in read_sources("bot")
        if room_of(source.module) == "bot.scripted"
        for name in imports_of(source)
        if name.split(".")[0] not in sys.stdlib_module_names and room_of(name) != "bot.scripted"
    ]
    assert foreign == []


def test_files_stay_short() -> None:
    lengths = {source.name: len(source.text.splitlines()) for source in read_sources("bot")}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_functions_fit_a_screen() -> None:
    long = [
        f"{source.name}:{node.lineno} {node.name} has {lines} lines"
        for source in read_sources("bot")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert long == []


def test_nothing_is_typed_as_any() -> None:
    found = [
        f"{source.name}:{node.lineno}"
        for source in everything()
        for node in ast.walk(source.tree)
        if (isinstance(node, ast.ImportFrom) and node.module == "typing" and any(a.name == "Any" for a in node.names))
        or (isinstance(node, ast.Attribute) and node.attr == "Any")
    ]
    assert found == []


def test_files_are_named_for_what_they_hold() -> None:
    vague = [
        source.name for source in everything() if VAGUE_NAMES & {*source.path.with_suffix("").parts[len(ROOT.parts) :]}
    ]
    assert vague == []


def test_nothing_is_left_for_later() -> None:
    marker = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    comments = [
        f"{source.name}:{token.start[0]}"
        for source in everything()
        if marker.search(source.text)
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline)
        if token.type == tokenize.COMMENT and marker.search(token.string)
    ]
    stubs = [
        f"{source.name}:{node.lineno}"
        for source in everything()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Name) and node.id == "NotImplementedError"
    ]
    assert comments + stubs == []


def test_no_test_sleeps_to_wait() -> None:
    """`sleep(0)` only lets others run; a script that a test writes out for an agent to run is text, not a call."""
    sleeps = [
        f"{source.name}:{node.lineno}"
        for source in read_sources("tests")
        if not source.name.startswith(("tests/bench/", "tests/torture/"))  # a measurement has a pace; virtual time
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and is_a_wait(node)
    ]
    assert sleeps == []


def is_a_wait(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "sleep":
        return False
    owner = call.func.value
    no_time = call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0
    return isinstance(owner, ast.Name) and owner.id in ("asyncio", "time") and not no_time
