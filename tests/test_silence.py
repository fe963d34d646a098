"""Nothing that goes wrong is swallowed without a word.

In the rooms that reach outside, whoever catches an error raises it or another, tells it (`bot/journal.py`), hands on
something that was made of it, answers as its function's docstring says, or says in a comment why silence is right.
Errors that name one expected state, such as a file that is not there, speak for themselves.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from tests.test_structure import Source, read_sources

SPEAKING = ("control", "disk", "engines", "git", "github", "sessions", "web")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
TELLING = {"tell", "announce", "silent", "put_nowait"}
EXPECTED = {
    *("FileNotFoundError", "ProcessLookupError", "ChildProcessError", "BlockingIOError", "TimeoutError"),
    *("LeaseLost", "NoSuchRef", "NotThere", "InUse", "_DecideAgain", "_Drained", "BrokenPipeError"),
    *("ConnectionResetError", "LookAgain", "PermissionError"),
}
"""Each says what is so, and what is done about it stands beside it."""
ANSWERS = (ast.Constant, ast.List, ast.Tuple, ast.Dict)


@dataclass(frozen=True)
class Catch:
    """One place where errors end: from `line` to `last`, of these `kinds`. `answers`: its function has a docstring,
    and it returns from there."""

    line: int
    last: int
    kinds: frozenset[str]
    speaks: bool
    answers: bool


def catches(source: Source) -> Iterator[Catch]:
    for function in [source.tree, *(node for node in ast.walk(source.tree) if isinstance(node, FUNCTIONS))]:
        told = isinstance(function, FUNCTIONS) and (ast.get_docstring(function) is not None or answers_no(function))
        for node in own_nodes(function):
            if isinstance(node, ast.ExceptHandler):
                returns = any(isinstance(part, ast.Return) for part in ast.walk(node))
                yield Catch(node.lineno, node.end_lineno or 0, names(node.type), speaks(node), told and returns)
            elif isinstance(node, ast.With | ast.AsyncWith):
                for item in node.items:
                    call = item.context_expr
                    if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("suppress"):
                        kinds = frozenset().union(*(names(kind) for kind in call.args))
                        yield Catch(node.lineno, node.body[0].lineno - 1, kinds, False, False)


def answers_no(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """What asks a question with yes or no may answer no."""
    return function.returns is not None and ast.unparse(function.returns) == "bool"


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """All below it but what is in functions of their own."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, FUNCTIONS):
            yield child
            yield from own_nodes(child)


def names(kind: ast.expr | None) -> frozenset[str]:
    if isinstance(kind, ast.Tuple):
        return frozenset().union(*(names(one) for one in kind.elts))
    return frozenset({"everything" if kind is None else ast.unparse(kind)})


def speaks(node: ast.AST) -> bool:
    """Whether it raises, tells, or returns something that was made for it."""
    for part in ast.walk(node):
        if isinstance(part, ast.Raise):
            return True
        if isinstance(part, ast.Name) and isinstance(node, ast.ExceptHandler) and part.id == node.name:
            return True  # the error itself is handed on
        if isinstance(part, ast.Call) and ast.unparse(part.func).rpartition(".")[2] in TELLING:
            return True
        if isinstance(part, ast.Return) and part.value is not None and not isinstance(part.value, ANSWERS):
            return True
    return False


def commented(source: Source) -> set[int]:
    """The lines with a comment."""
    tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
    return {token.start[0] for token in tokens if token.type == tokenize.COMMENT}


def silent(source: Source) -> Iterator[str]:
    comments, lines = commented(source), source.text.splitlines()
    for catch in catches(source):
        plain = catch.speaks or catch.answers or catch.kinds <= EXPECTED
        if not plain and not comments & set(range(catch.line - 1, catch.last + 1)):
            yield f"{source.name}:{catch.line}: {lines[catch.line - 1].strip()}"


def test_whoever_catches_an_error_says_something_or_why_not() -> None:
    bot = read_sources("bot")
    rooms = [source for source in bot if source.module.split(".")[1:2] in [[room] for room in SPEAKING]]
    assert rooms
    found = [line for source in (*rooms, *(s for s in bot if s.module == "bot.server")) for line in silent(source)]
    assert found == [], "\n".join(found)
