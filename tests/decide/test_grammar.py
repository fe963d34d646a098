"""Which lines of a comment are commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.decide.commands.grammar import NAMES, Command, Unknown, parse


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ("/retry", Command("retry", "")),
        ("/retry use the other parser", Command("retry", "use the other parser")),
        ("/crewline retry use the other parser", Command("retry", "use the other parser")),
        ("/RETRY", Command("retry", "")),
        ("Thanks!\n\n/escalate too risky", Command("escalate", "too risky")),
        ("/status\r\n", Command("status", "")),
        ("/crewline", Command("help", "")),
        ("```\ncode\n```\n/help", Command("help", "")),
    ],
)
def test_a_command_starts_a_line(body: str, command: Command) -> None:
    assert parse(body) == command


@pytest.mark.parametrize(
    "body",
    [
        "",
        "please /retry",
        "> /retry",
        "    /retry",
        "```\n/retry\n```",
        "~~~sh\n/retry\n~~~",
        "````\n```\n/retry\n````",
        "<!-- /retry -->",
        "<!--\n/retry\n-->",
        "<!-- never closed\n/retry",
        "/usr/bin/env",
        "/cc @bob",
        "/retry-all-the-things-please",
        "//retry",
        "/",
    ],
)
def test_everything_else_is_talk(body: str) -> None:
    assert parse(body) is None


def test_a_misspelt_command_gets_the_nearest() -> None:
    assert parse("/retyr now") == Unknown("retyr", "retry")
    assert parse("/crewline statsu") == Unknown("statsu", "status")


def test_an_unknown_word_is_ours_only_where_it_is_addressed_to_us() -> None:
    assert parse("/deploy") is None
    assert parse("/crewline deploy") == Unknown("deploy", None)


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    found = parse(text)
    assert found is None or isinstance(found, Unknown) or found.name in NAMES


@given(st.text(alphabet=" >`~<!-/retry\n\t"))
def test_a_quoted_command_is_never_carried_out(text: str) -> None:
    quoted = "\n".join(f"> {line}" for line in text.splitlines())
    assert parse(quoted) is None
