"""Scopes: which paths a task may change, and which tasks may meet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.scope import allows, covers, overlap, problem_with


@pytest.mark.parametrize(
    ("glob", "path", "allowed"),
    [
        ("src/shop", "src/shop/cart.py", True),
        ("src/shop/", "src/shop/cart.py", True),
        ("src/shop/cart.py", "src/shop/cart.py", True),
        ("src/*.py", "src/cart.py", True),
        ("src/*.py", "src/shop/cart.py", False),
        ("src/**/*.py", "src/a/b/cart.py", True),
        ("src/**/*.py", "src/cart.py", True),
        ("**/cart.py", "cart.py", True),
        ("src/ca?t.py", "src/cart.py", True),
        ("src/shop", "src/shopping/cart.py", False),
        ("docs/**", "src/cart.py", False),
    ],
)
def test_what_a_glob_allows(glob: str, path: str, allowed: bool) -> None:
    assert allows((glob,), path) is allowed


@pytest.mark.parametrize(
    ("left", "right", "meet"),
    [
        ("src/**", "src/cart.py", True),
        ("src/a*.py", "src/*b.py", True),
        ("src/a*.py", "src/b*.py", False),
        ("**/test_*.py", "tests/**", True),
        ("docs", "src", False),
        ("src/shop", "src/shop/cart.py", True),
    ],
)
def test_which_scopes_overlap(left: str, right: str, meet: bool) -> None:
    assert overlap((left,), (right,)) is meet
    assert overlap((right,), (left,)) is meet


@pytest.mark.parametrize(
    ("scope", "glob", "covered"),
    [
        ("src/**", "src/shop", True),
        ("src/**", "src/shop/**", True),
        ("src/**", "src/", True),
        ("src/*.py", "src/a*.py", True),
        ("src/**", "**", False),
        ("src/shop/**", "src/**", False),
        ("src/a*", "src/*", False),
        ("src/cart.py", "src", False),
        (".github/workflows/**", ".github/workflows/**", True),
        ("**/CODEOWNERS", "shared/**", False),
    ],
)
def test_which_globs_lie_in_a_scope_as_a_whole(scope: str, glob: str, covered: bool) -> None:
    assert covers((scope,), glob) is covered


@pytest.mark.parametrize("glob", ["", "/etc/passwd", "../x", "a/../b", ".git/config", "a\\b", " a", "./a"])
def test_a_scope_stays_inside_the_repository(glob: str) -> None:
    assert problem_with(glob) is not None


SEGMENTS = st.lists(st.text("ab*?", min_size=1, max_size=3) | st.just("**"), min_size=1, max_size=4).map("/".join)
PATHS = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join)


@given(left=SEGMENTS, right=SEGMENTS, path=PATHS)
def test_two_scopes_that_allow_one_path_overlap(left: str, right: str, path: str) -> None:
    if allows((left,), path) and allows((right,), path):
        assert overlap((left,), (right,))


@given(scope=st.sampled_from(["a/**", "a/b", "*", "a/*", "b*"]), glob=SEGMENTS, path=PATHS)
def test_a_path_of_a_glob_that_lies_in_a_scope_lies_in_it_too(scope: str, glob: str, path: str) -> None:
    if covers((scope,), glob) and allows((glob,), path):
        assert allows((scope,), path)
