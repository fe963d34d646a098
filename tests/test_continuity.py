"""docs/continuity.md promises nothing that no test holds."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "continuity.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`tests/([\w/]+)\.py::(\w+)`", PAGE)


def test_every_promise_names_its_test() -> None:
    promises = re.findall(r"^\* .*?(?=^\* |^$|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(promises) > 20
    assert [promise for promise in promises if not re.search(r"`tests/[\w/]+\.py::\w+`", promise)] == []


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED)))
def test_every_test_that_is_named_is_collected_and_runs(path: str, name: str) -> None:
    module = importlib.import_module("tests." + path.replace("/", "."))
    function = vars(module).get(name)
    assert inspect.isfunction(function)
    assert Path(inspect.getsourcefile(function) or "") == ROOT / "tests" / f"{path}.py"
    assert Path(path).name.startswith("test_")
    assert name.startswith("test_")
    assert not {"skip", "xfail"} & {*_marks(function), *_marks(module)}, "it does not run"


def test_no_folder_of_tests_is_left_out() -> None:
    assert [path for path in (ROOT / "tests").rglob("conftest.py") if "collect_ignore" in path.read_text()] == []


def _marks(of: object) -> list[str]:
    found = getattr(of, "pytestmark", [])
    return [mark.name for mark in (found if isinstance(found, list) else [found])]
