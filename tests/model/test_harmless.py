"""Words of agents on which GitHub would act, made words."""

from __future__ import annotations

import pytest

from bot.localhub.model.closing_keywords import closing_references
from bot.model.harmless import harmless
from bot.model.marker import tag, without_tags

SIGN = "\N{ZERO WIDTH NON-JOINER}"


@pytest.mark.parametrize(
    "word", ["[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]", "[Skip CI]", "[ci-skip]"]
)
def test_nothing_skips_the_checks(word: str) -> None:
    assert harmless(f"Fix it {word}") == f"Fix it [{SIGN}{word[1:]}"


@pytest.mark.parametrize("line", ["skip-checks: true", "skip-checks:true", "Skip-Checks: true"])
def test_no_trailer_does_either(line: str) -> None:
    made = harmless(f"Fix it\n\n\n{line}")
    assert made.replace(SIGN, "") == f"Fix it\n\n\n{line}"
    assert f"checks{SIGN}:" in made.lower()


@pytest.mark.parametrize(
    "text", ["Fixes #1", "closes: #1", "Resolved:#1", "fix octo/shop#1", "close https://github.com/octo/shop/issues/1"]
)
def test_no_keyword_closes_an_issue(text: str) -> None:
    made = harmless(text)
    assert made.replace(SIGN, "") == text
    assert made != text
    assert list(closing_references(made)) == []


def test_no_mention_notifies() -> None:
    assert harmless("cc @octocat, @octo/team") == f"cc @{SIGN}octocat, @{SIGN}octo/team"


def test_words_that_do_nothing_stay() -> None:
    text = "Skip the ci [skip] [no cider] of a@example.com, fix it, see #1, `@property`"
    assert harmless(text) == text


def test_a_tag_in_a_tag_is_none() -> None:
    inner = tag("task", "1")
    assert without_tags(f"a{inner[:9]}{inner}{inner[9:]}b") == "ab"
