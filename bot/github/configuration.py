"""``.github/crewline.yml``: text to `RepositoryConfig`, or every problem at once, each with its line.

pydantic says what is wrong and at which key; where that key stands is known from the marks that PyYAML keeps on the
nodes of the document. Keys given twice are refused here, as PyYAML would silently take the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import get_args

import yaml
from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from bot.config import CONFIG_FILE, MISSPELT, RepositoryConfig
from bot.model.observed import RepositoryFile

Place = tuple[str | int, ...]
Mark = tuple[int, int]
"""Line and column, from 1."""


_PLAIN = {"tuple_type": "should be a list", "model_type": "should be a mapping of keys"}
"""Where pydantic speaks of Python."""


@dataclass(frozen=True, slots=True)
class ConfigurationProblem:
    """`text` names each problem on a line of its own: ``.github/crewline.yml:3:5: …``."""

    text: str


@dataclass(frozen=True, slots=True)
class _Problem:
    line: int
    column: int
    words: str

    def __str__(self) -> str:
        return f"{CONFIG_FILE}:{self.line}:{self.column}: {self.words}"


def read_configuration(file: RepositoryFile | None) -> RepositoryConfig | ConfigurationProblem:
    """The settings in `file`; the defaults where there is none."""
    if file is None:
        return RepositoryConfig()
    if file.path == MISSPELT:
        return ConfigurationProblem(f"{MISSPELT}:1:1: this file is not read; rename it to {CONFIG_FILE}")
    if file.text is None:
        return ConfigurationProblem(f"{CONFIG_FILE}:1:1: this is not a text file in UTF-8")
    return configuration(file.text)


def configuration(text: str) -> RepositoryConfig | ConfigurationProblem:
    """The same from text alone. An empty file means the defaults."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is None or root.tag == "tag:yaml.org,2002:null":
            return RepositoryConfig()
        problems = [] if isinstance(root, yaml.MappingNode) else [_Problem(1, 1, "the file must be a mapping of keys")]
        problems += _repeated(root)
        content: JsonValue = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return ConfigurationProblem(str(_bad_yaml(error)))
    except (ValueError, RecursionError) as error:
        return ConfigurationProblem(f"{CONFIG_FILE}:1:1: this is not YAML: {error}")
    if not isinstance(root, yaml.MappingNode):
        return ConfigurationProblem("\n".join(map(str, problems)))
    try:
        config = RepositoryConfig.model_validate(content)
    except ValidationError as error:
        places = dict(_places(root))
        problems += [_told(detail, places) for detail in error.errors(include_url=False)]
    else:
        if not problems:
            return config
    return ConfigurationProblem("\n".join(str(problem) for problem in sorted(problems, key=_position)))


def _position(problem: _Problem) -> Mark:
    return problem.line, problem.column


def _bad_yaml(error: yaml.YAMLError) -> _Problem:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return _Problem(mark.line + 1, mark.column + 1, f"this is not YAML: {error.problem}")
    return _Problem(1, 1, f"this is not YAML: {str(error).splitlines()[0]}")


def _mark(node: yaml.Node) -> Mark:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _places(node: yaml.Node, place: Place = (), above: frozenset[int] = frozenset()) -> Iterator[tuple[Place, Mark]]:
    """Where each key and each item stands. An alias that holds itself is followed once."""
    if id(node) in above:
        return
    above = above | {id(node)}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*place, str(key.value)), _mark(key)
            yield from _places(value, (*place, str(key.value)), above)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*place, index), _mark(item)
            yield from _places(item, (*place, index), above)


def _repeated(node: yaml.Node, above: frozenset[int] = frozenset()) -> Iterator[_Problem]:
    if id(node) in above:
        return
    above = above | {id(node)}
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name = str(key.value)
            line, column = _mark(key)
            if name in lines:
                yield _Problem(line, column, f"the key {name!r} stands here again; it was given in line {lines[name]}")
            lines.setdefault(name, line)
            yield from _repeated(value, above)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item, above)


def _told(detail: ErrorDetails, places: dict[Place, Mark]) -> _Problem:
    place: Place = detail["loc"]
    line, column = next((places[place[:n]] for n in range(len(place), 0, -1) if place[:n] in places), (1, 1))
    dotted = ".".join(str(part) for part in place)
    if detail["type"] == "extra_forbidden":
        return _Problem(line, column, f"unknown key {dotted!r}{_nearest(place)}")
    words = _PLAIN.get(detail["type"]) or detail["msg"].replace("Input should", "should", 1)
    return _Problem(line, column, f"{dotted} {words}, not {_shown(detail['input'])}")


def _nearest(place: Place) -> str:
    """The valid key that is meant, or all valid keys where none is near."""
    section = _section(place[:-1])
    keys = sorted(section.model_fields) if section else []
    near = get_close_matches(str(place[-1]).lower(), keys, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known here: {', '.join(keys)}" if keys else ""


def _section(place: Place) -> type[BaseModel] | None:
    model: type[BaseModel] = RepositoryConfig
    for part in place:
        field = model.model_fields.get(str(part))
        if field is None:
            return None
        inner = next((t for t in (field.annotation, *get_args(field.annotation)) if _is_model(t)), None)
        if inner is None:
            return None
        model = inner
    return model


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _shown(value: object) -> str:
    words = "nothing" if value is None else repr(value)
    return words if len(words) <= 60 else words[:57] + "…"
