"""Prompts: Jinja2 templates of ours, each of which a repository may override.

An override is text by people who may write to the repository, read from its default branch; it runs in Jinja2's
sandbox, and a name that does not exist is an error instead of nothing. Text by anybody else reaches a template as
a value only, is never a template itself, and stands between marks that it cannot contain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.agents.summary import BEGIN, END
from bot.git.mirror import Mirror
from bot.model.amendment import AMENDING_ANSWER
from bot.model.assignment import Assignment
from bot.model.plan import PLANNER_ANSWER
from bot.model.session import VERDICT, Evidence, Role

LONGEST = 400_000
LARGEST_OVERRIDE = 200_000
LONGEST_MEMORY = 50_000


class PromptFailed(Exception):
    """The prompt could not be made; the text names the template and the line."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a template may use besides `assignment` and `briefing`. `conflicts` are the paths of an open merge;
    `merged_base` says that the base was merged in without one; `base` is the commit that the difference is to.
    `budget` says what may be spent, in words; `notice_file` appears when little of it is left. `memory` is what the
    repository wants every agent to know."""

    answer_file: Path
    base: str
    conflicts: Sequence[str] = ()
    merged_base: bool = False
    evidence: Evidence | None = None
    budget: Sequence[str] = ()
    notice_file: Path | None = None
    memory: str = ""


def templates_folder() -> Path:
    """Inside the package where it is installed, at the top of the project in a checkout."""
    packaged = Path(__file__).parent.parent / "prompts"
    return packaged if packaged.is_dir() else packaged.parent.parent / "prompts"


async def memory(mirror: Mirror, default_branch: str) -> str:
    """What the repository wants every agent to know: ``.github/crewline/memory.md``, nothing where there is none."""
    content = await mirror.read(f"refs/remotes/origin/{default_branch}", ".github/crewline/memory.md")
    return (content or b"").decode(errors="replace")[:LONGEST_MEMORY].strip()


async def override(mirror: Mirror, default_branch: str, name: str) -> str | None:
    """The repository's own template `name`: of a role, ``amend``, ``follow_up`` or ``answer``. Raises PromptFailed
    where it cannot be text."""
    path = f".github/crewline/{name}.md"
    content = await mirror.read(f"refs/remotes/origin/{default_branch}", path)
    if content is None:
        return None
    if len(content) > LARGEST_OVERRIDE:
        raise PromptFailed(f"{path} has {len(content)} bytes, more than {LARGEST_OVERRIDE}")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise PromptFailed(f"{path} is not UTF-8 text") from None


def render(assignment: Assignment, surroundings: Surroundings, template: str | None = None) -> str:
    """The prompt of a session, from `template` or our own (`Assignment.template`). Raises PromptFailed."""
    name = f".github/crewline/{assignment.template}.md" if template else f"{assignment.template}.md"
    return _fill(template or _own(assignment.template), name, _values(assignment, surroundings))


def render_system(assignment: Assignment, template: str) -> str:
    """Standing rules of a repository, which know the assignment alone. Raises PromptFailed."""
    return _fill(template, ".github/crewline/system.md", {"assignment": assignment, "briefing": assignment.briefing})


def render_follow_up(
    assignment: Assignment, surroundings: Surroundings, complaint: Mapping[str, object], template: str | None = None
) -> str:
    """The prompt that says what is still wrong. Raises PromptFailed."""
    name = ".github/crewline/follow_up.md" if template else "follow_up.md"
    return _fill(template or _own("follow_up"), name, {**_values(assignment, surroundings), **complaint})


def render_answer(assignment: Assignment, surroundings: Surroundings, head: str, template: str | None = None) -> str:
    """The prompt that brings the answer to an agent's question, in the same conversation; `head` is the commit that its
    tree is at. Raises PromptFailed."""
    name = ".github/crewline/answer.md" if template else "answer.md"
    return _fill(template or _own("answer"), name, {**_values(assignment, surroundings), "head": head})


def _values(assignment: Assignment, surroundings: Surroundings) -> Mapping[str, object]:
    return {
        "assignment": assignment,
        "briefing": assignment.briefing,
        "answer_file": str(surroundings.answer_file),
        "answer_schema": _schema(assignment.template),
        "base": surroundings.base,
        "conflicts": tuple(surroundings.conflicts),
        "merged_base": surroundings.merged_base,
        "evidence": surroundings.evidence,
        "budget": tuple(surroundings.budget),
        "notice_file": str(surroundings.notice_file or ""),
        "memory": surroundings.memory,
        "summary_begin": BEGIN,
        "summary_end": END,
    }


def render_repair(prompt: str, problem: str, answer: str, answer_file: Path) -> str:
    """The prompt of the repair turn, after `problem` with `answer`. `prompt` are the instructions, empty where the
    agent remembers them."""
    shown = answer if len(answer) < 50_000 else answer[:50_000] + "…"
    values = {"prompt": prompt, "problem": problem, "answer": shown, "answer_file": str(answer_file)}
    return _fill(_own("repair"), "repair.md", values)


def untrusted(text: object) -> str:
    """`text` between marks that depend on it, so that it cannot hold the mark that ends it."""
    content = str(text).replace("\r\n", "\n")
    mark = sha256(content.encode(errors="replace")).hexdigest()[:12]
    return f"<untrusted-{mark}>\n{content}\n</untrusted-{mark}>"


def _fill(template: str, name: str, values: Mapping[str, object]) -> str:
    parts: list[str] = []
    length = 0
    try:
        for part in _compiled(template).generate(values):
            parts.append(part)
            length += len(part)
            if length > LONGEST:
                raise PromptFailed(f"{name} makes a prompt of more than {LONGEST} characters")
    except TemplateSyntaxError as error:
        raise PromptFailed(f"{name}, line {error.lineno}: {error.message}") from None
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise PromptFailed(f"{name}: {error}") from None
    return "".join(parts)


@lru_cache(maxsize=64)
def _compiled(template: str) -> Template:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["untrusted"] = untrusted
    return environment.from_string(template)


def compile_own() -> None:
    """Compile our own templates, each of which takes some hundredths of a second at its first use otherwise."""
    for path in sorted(templates_folder().glob("*.md")):
        _compiled(_own(path.stem))


@cache
def _own(name: str) -> str:
    return (templates_folder() / f"{name}.md").read_text(encoding="utf-8")


@cache
def _schema(template: str) -> str:
    match template:
        case Role.PLANNER:
            return json.dumps(PLANNER_ANSWER.json_schema())
        case Role.REVIEWER:
            return json.dumps(VERDICT.json_schema())
        case "amend":
            return json.dumps(AMENDING_ANSWER.json_schema())
        case _:
            return ""
