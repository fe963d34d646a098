"""The gate as a pure decision."""

from __future__ import annotations

import pytest

from bot.sessions.gate import Change, Rules, judge, refusal_text

RULES = Rules(scope=("src/**", "docs"), protected=("**/CODEOWNERS",), largest_file=100)


def test_what_lies_in_scope_may_leave() -> None:
    changes = (
        Change("src/a.py", "000000", "100644", 10),
        Change("docs/guide/b.md", "100644", "000000"),
        Change("src/run", "100644", "100755", 100),
        Change("src/deep/link", "000000", "120000", 5, link="../../docs/x.md"),
    )
    assert judge(changes, RULES) == ()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (Change("README.md", "100644", "100644", 1), "outside of the task's scope"),
        (Change("src/CODEOWNERS", "100644", "000000"), "protected"),
        (Change("src/a", "000000", "100644", 101), "101 bytes, more than 100"),
        (Change("src/.GIT/config", "000000", "100644", 1), "git's own folder"),
        (Change("src/git~1/config", "000000", "100644", 1), "git's own folder"),
        (Change("src/.git /config", "000000", "100644", 1), "git's own folder"),
        (Change("src/sub", "160000", "160000"), "submodules"),
        (Change("src/a\nb", "000000", "100644", 1), "control characters"),
        (Change("src/l", "000000", "120000", 9, link="../.."), "leaves the repository"),
        (Change("src/l", "000000", "120000", 9, link="a/../../../x"), "leaves the repository"),
        (Change("src/l", "000000", "120000", 9, link="../.git/config"), "leaves the repository"),
        (Change("src/l", "000000", "120000", 9, link="/etc"), "leaves the repository"),
        (Change("src/a", "100644", "100644", 9, conflict=True), "conflict marks"),
    ],
)
def test_each_refusal_names_rule_path_and_cure(change: Change, rule: str) -> None:
    (refusal,) = judge((change,), RULES)
    assert rule in refusal.rule
    assert refusal.path == change.path
    assert refusal.cure.endswith(".")


def test_a_thousand_refusals_make_a_short_text() -> None:
    refusals = judge([Change(f"{n}.txt", "000000", "100644") for n in range(1000)], RULES)
    assert len(refusals) == 1000
    assert refusal_text(refusals).endswith("- and 980 more")


def test_an_empty_scope_allows_nothing() -> None:
    (refusal,) = judge((Change("a", "000000", "100644"),), Rules((), (), 100))
    assert "Only nothing may change" in refusal.cure
