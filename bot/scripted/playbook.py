"""The playbook: what the scripted agent does in which session. A JSON file beside folders of file contents.

    {
      "sessions": {
        "planner":         [{"seconds": 1, "answer": {"kind": "plan", "summary": "…", "tasks": […]}}],
        "parser.worker":   [{"when": {"prompt_has": ["Reject an empty line"]}, "copy": "parser-better"},
                            {"copy": "parser", "summary": "The parser, with tests."}],
        "parser.reviewer": [{"when": {"tree_lacks": {"shop/parser.py": "if not line"}},
                             "answer": {"decision": "request_changes", "summary": "…", "findings": [
                               {"path": "shop/parser.py", "line_of": "def parse", "message": "Reject an empty line"}]}},
                            {"answer": {"decision": "approve", "summary": "…"}}],
        "*.worker":        [{"seconds": 2, "write": {"{task}.txt": "by {session}\\n"}}],
        "*.reviewer":      [{"answer": {"decision": "approve", "summary": "…"}}]
      }
    }

A session is looked up as ``task.role``, then ``*.role``, then ``role``. Of its performances the first one plays
whose ``when`` holds; one without ``when`` always does. The fields of a performance are those of `Performance`.
In every text ``{task}``, ``{role}``, ``{ordinal}``, ``{objective}`` and ``{session}`` are replaced.

Standard library only, and little of it: the agent starts as ``python -I -S`` in some twenty milliseconds.
`dataclasses` alone would make it forty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
NOTHING: Mapping[str, str] = MappingProxyType({})
ROLES = ("planner", "worker", "reviewer")


class PlaybookError(Exception):
    """The playbook, or the way the agent was called, cannot be used. The text says where and why."""


class Session(NamedTuple):
    """Which session this is: ``12.parser.worker.2`` or ``12.planner.1``."""

    id: str
    objective: str
    task: str
    role: str
    ordinal: int

    @classmethod
    def parse(cls, text: str) -> Session:
        """Raises PlaybookError where `text` is not a session's id."""
        parts = text.split(".")
        fits = len(parts) in (3, 4) and parts[-2] in ROLES and parts[-1].isdigit()
        if not fits:
            raise PlaybookError(
                f"CREWLINE_SESSION is {text!r}; expected objective.task.role.ordinal, as 12.parser.worker.1"
            )
        return cls(text, parts[0], parts[1] if len(parts) == 4 else "", parts[-2], int(parts[-1]))

    def fill(self, text: str) -> str:
        """`text` with the placeholders replaced."""
        values = {
            "task": self.task,
            "role": self.role,
            "ordinal": str(self.ordinal),
            "objective": self.objective,
            "session": self.id,
        }
        for name, value in values.items():
            text = text.replace("{" + name + "}", value)
        return text


class When(NamedTuple):
    """All that is given must hold."""

    ordinals: tuple[int, ...] = ()
    """The session is one of these, counted from 1 within its task and role."""
    prompt_has: tuple[str, ...] = ()
    """The prompt holds each of these texts, whatever the line breaks."""
    prompt_lacks: tuple[str, ...] = ()
    tree_has: Mapping[str, str] = NOTHING
    """Path to a text that the file holds; an empty text asks only that the file exists."""
    tree_lacks: Mapping[str, str] = NOTHING

    def holds(self, session: Session, prompt: str, worktree: Path) -> bool:
        flat = " ".join(prompt.split())
        return (
            (not self.ordinals or session.ordinal in self.ordinals)
            and all(" ".join(session.fill(text).split()) in flat for text in self.prompt_has)
            and not any(" ".join(session.fill(text).split()) in flat for text in self.prompt_lacks)
            and all(_file_has(worktree / session.fill(path), text) for path, text in self.tree_has.items())
            and not any(_file_has(worktree / session.fill(path), text) for path, text in self.tree_lacks.items())
        )


class Edit(NamedTuple):
    """Replace the one place where `find` stands in `path`."""

    path: str
    find: str
    replace: str


class Performance(NamedTuple):
    """One session. What `when` asks for is looked at first; the summary comes last."""

    when: When = When()
    seconds: float = 0.0
    """How long the whole session takes at least, from the start of its process to its end: what it says is spread
    over that time, and it works at the beginning of it."""
    say: tuple[str, ...] = ()
    """Lines for standard output while it works."""
    print: str = ""
    """Raw text for standard output: rubbish, for tests."""
    copy: str | None = None
    """A folder beside the playbook, laid over the worktree."""
    write: Mapping[str, str] = NOTHING
    """Path to content."""
    edit: tuple[Edit, ...] = ()
    delete: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    """Shell commands in the worktree, as an agent's tool would; a failing one changes nothing."""
    commit: str | None = "Scripted agent: {task}"
    """The commit's message; null leaves the edits uncommitted. Without a change nothing is committed."""
    answer: Json = None
    """The answer file's JSON. In a verdict's findings `line_of` (a text in the file) stands for `line`."""
    raw_answer: str | None = None
    """The answer file as it is: rubbish, for tests."""
    summary: str | None = "Scripted {role}: from a playbook, no model was asked."
    """null prints no summary block."""
    status: str = "completed"
    follow_up_notes: str = ""
    out_of_scope_changes_needed: tuple[str, ...] = ()
    hang: bool = False
    """Never ends by itself."""
    ignore_term: bool = False
    exit_code: int = 0


class Playbook(NamedTuple):
    """All sessions of a playbook; `folder` is where its `copy` folders lie."""

    folder: Path
    sessions: Mapping[str, tuple[Performance, ...]]

    @classmethod
    def read(cls, path: Path) -> Playbook:
        """Raises PlaybookError that names the file and the place in it."""
        try:
            raw: Json = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise PlaybookError(f"cannot read the playbook {path}: {error.strerror}") from None
        except ValueError as error:
            raise PlaybookError(f"the playbook {path} is not JSON: {error}") from None
        try:
            return cls(path.resolve().parent, _sessions(raw))
        except PlaybookError as error:
            raise PlaybookError(f"the playbook {path}: {error}") from None

    def performance(self, session: Session, prompt: str, worktree: Path) -> Performance:
        """Raises PlaybookError where nothing fits."""
        names = (f"{session.task}.{session.role}", f"*.{session.role}", session.role)
        name = next((name for name in names if name in self.sessions), None)
        if name is None:
            known = ", ".join(self.sessions)
            raise PlaybookError(f"no part for session {session.id}; the playbook has: {known}")
        for performance in self.sessions[name]:
            if performance.when.holds(session, prompt, worktree):
                return performance
        raise PlaybookError(f"none of the {len(self.sessions[name])} performances of {name!r} fits {session.id}")


def _file_has(path: Path, text: str) -> bool:
    try:
        return text in path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _sessions(raw: Json) -> Mapping[str, tuple[Performance, ...]]:
    sessions: dict[str, tuple[Performance, ...]] = {}
    for name, performances in _object(_object(raw, "").get("sessions"), "sessions").items():
        if name.rpartition(".")[2] not in ROLES:
            raise PlaybookError(f"sessions: {name!r} does not end in planner, worker or reviewer")
        if not isinstance(performances, list) or not performances:
            raise PlaybookError(f"sessions.{name} is not a list of performances")
        sessions[name] = tuple(_performance(one, f"sessions.{name}[{index}]") for index, one in enumerate(performances))
    return sessions


def _performance(raw: Json, place: str) -> Performance:
    values = _known(raw, place, Performance._fields)
    default = Performance()
    seconds, exit_code = values.get("seconds", 0), values.get("exit_code", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
        raise PlaybookError(f"{place}.seconds is not a number of seconds")
    if isinstance(exit_code, bool) or not isinstance(exit_code, int):
        raise PlaybookError(f"{place}.exit_code is not a whole number")
    return Performance(
        when=_when(values.get("when", {}), f"{place}.when"),
        seconds=float(seconds),
        say=_texts(values.get("say", []), f"{place}.say"),
        print=_text(values.get("print", ""), f"{place}.print"),
        copy=_text_or_none(values.get("copy"), f"{place}.copy"),
        write=_text_by_name(values.get("write", {}), f"{place}.write"),
        edit=_edits(values.get("edit", []), f"{place}.edit"),
        delete=_texts(values.get("delete", []), f"{place}.delete"),
        run=_texts(values.get("run", []), f"{place}.run"),
        commit=_text_or_none(values.get("commit", default.commit), f"{place}.commit"),
        answer=values.get("answer"),
        raw_answer=_text_or_none(values.get("raw_answer"), f"{place}.raw_answer"),
        summary=_text_or_none(values.get("summary", default.summary), f"{place}.summary"),
        status=_text(values.get("status", default.status), f"{place}.status"),
        follow_up_notes=_text(values.get("follow_up_notes", ""), f"{place}.follow_up_notes"),
        out_of_scope_changes_needed=_texts(
            values.get("out_of_scope_changes_needed", []), f"{place}.out_of_scope_changes_needed"
        ),
        hang=_flag(values.get("hang", False), f"{place}.hang"),
        ignore_term=_flag(values.get("ignore_term", False), f"{place}.ignore_term"),
        exit_code=exit_code,
    )


def _when(raw: Json, place: str) -> When:
    values = _known(raw, place, When._fields)
    ordinals = values.get("ordinals", [])
    if not isinstance(ordinals, list):
        raise PlaybookError(f"{place}.ordinals is not a list of numbers")
    return When(
        ordinals=tuple(one for one in ordinals if isinstance(one, int)),
        prompt_has=_texts(values.get("prompt_has", []), f"{place}.prompt_has"),
        prompt_lacks=_texts(values.get("prompt_lacks", []), f"{place}.prompt_lacks"),
        tree_has=_text_by_name(values.get("tree_has", {}), f"{place}.tree_has"),
        tree_lacks=_text_by_name(values.get("tree_lacks", {}), f"{place}.tree_lacks"),
    )


def _edits(raw: Json, place: str) -> tuple[Edit, ...]:
    if not isinstance(raw, list):
        raise PlaybookError(f"{place} is not a list of edits")
    edits = []
    for index, one in enumerate(raw):
        values = _known(one, f"{place}[{index}]", ("path", "find", "replace"))
        edits.append(Edit(*(_text(values.get(key), f"{place}[{index}].{key}") for key in ("path", "find", "replace"))))
    return tuple(edits)


def _known(raw: Json, place: str, names: tuple[str, ...]) -> dict[str, Json]:
    values = _object(raw, place)
    for name in values:
        if name not in names:
            raise PlaybookError(f"{place}.{name} is unknown; known are: {', '.join(names)}")
    return values


def _object(raw: Json, place: str) -> dict[str, Json]:
    if not isinstance(raw, dict):
        raise PlaybookError(f"{place or 'the file'} is not an object")
    return raw


def _text(raw: Json, place: str) -> str:
    if not isinstance(raw, str):
        raise PlaybookError(f"{place} is not a text")
    return raw


def _text_or_none(raw: Json, place: str) -> str | None:
    return None if raw is None else _text(raw, place)


def _texts(raw: Json, place: str) -> tuple[str, ...]:
    if not isinstance(raw, list):
        raise PlaybookError(f"{place} is not a list of texts")
    return tuple(_text(one, f"{place}[{index}]") for index, one in enumerate(raw))


def _text_by_name(raw: Json, place: str) -> dict[str, str]:
    return {name: _text(one, f"{place}.{name}") for name, one in _object(raw, place).items()}


def _flag(raw: Json, place: str) -> bool:
    if not isinstance(raw, bool):
        raise PlaybookError(f"{place} is neither true nor false")
    return raw
