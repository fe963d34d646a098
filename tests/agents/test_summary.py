"""The summary block, as agents really print it."""

from __future__ import annotations

import pytest

from bot.agents.summary import UnreadableSummary, find_summary
from bot.model.session import Summary


def block(text: str) -> str:
    return f"---SESSION_SUMMARY---\n{text}\n---END_SESSION_SUMMARY---"


def test_the_last_block_counts() -> None:
    text = "\n".join(
        [block("status: blocked\nsummary: an echo of the prompt"), "…", block("status: completed\nsummary: Did it.")]
    )
    assert find_summary(text) == Summary(status="completed", summary="Did it.")


def test_a_whole_block_is_read() -> None:
    text = block(
        "status: partial\r\nsummary: |\r\n  Two\r\n  lines\r\nneeds_follow_up: true\r\nfollow_up_notes: More.\r\n"
        "out_of_scope_changes_needed:\r\n  - src/a.py\r\nextra_of_another_orchestrator: 1\r"
    )
    found = find_summary("talk\n" + text + "\nbye")
    assert isinstance(found, Summary)
    assert (found.status, found.needs_follow_up, found.out_of_scope_changes_needed) == ("partial", True, ("src/a.py",))


@pytest.mark.parametrize("text", ["", "no block", "---SESSION_SUMMARY---\nstatus: completed"])
def test_without_a_block_there_is_no_summary(text: str) -> None:
    assert find_summary(text) is None


@pytest.mark.parametrize(
    ("yaml", "problem"),
    [
        ("status: [", "not YAML"),
        ("status: splendid\nsummary: x", "status: Input should be 'completed', 'partial' or 'blocked'"),
        ("summary: x", "status: Field required"),
        ("just text", "block"),
        ("a: &a [x]\nb: [*a, *a]", "aliases are not allowed"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
        ("x" * 30_000, "more than 20000"),
        ("status: completed\nsummary: 2026-13-45", "cannot be read"),
        ("? [a]\n: b", "not YAML"),
    ],
)
def test_a_bad_block_says_what_is_wrong_and_never_raises(yaml: str, problem: str) -> None:
    found = find_summary(block(yaml))
    assert isinstance(found, UnreadableSummary)
    assert problem in found.problem
