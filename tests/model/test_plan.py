"""What a planner may not answer, and how it is told."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bot.model.plan import PLANNER_ANSWER, Plan, merge_order


def plan(*tasks: tuple[str, list[str]]) -> dict[str, object]:
    return {
        "kind": "plan",
        "summary": "All of it.",
        "tasks": [
            {"key": key, "title": key, "description": key, "scope": [f"{key}/**"], "depends_on": needs}
            for key, needs in tasks
        ],
    }


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (plan(), "at least 1 item"),
        (plan(("a", ["b"]), ("b", ["a"])), "the dependencies form a cycle"),
        (plan(("a", ["a"])), "the dependencies form a cycle"),
        (plan(("a", ["nobody"])), "depends on 'nobody', which is not one of: a"),
        (plan(("a", []), ("a", [])), "two tasks share the key 'a'"),
        ({"kind": "plan", "summary": "x", "tasks": [], "extra": 1}, "Extra inputs are not permitted"),
        ({"kind": "poem"}, "does not match any of the expected tags"),
        ([], "valid dictionary"),
    ],
)
def test_a_bad_answer_is_refused_in_words(answer: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words.replace("(", r"\(")):
        PLANNER_ANSWER.validate_python(answer)


def test_a_scope_that_escapes_is_refused() -> None:
    answer = plan(("a", []))
    tasks = answer["tasks"]
    assert isinstance(tasks, list)
    tasks[0]["scope"] = ["../secrets"]
    with pytest.raises(ValidationError, match="leaves the repository"):
        PLANNER_ANSWER.validate_python(answer)


def test_merge_order_puts_every_task_after_what_it_needs() -> None:
    answer = PLANNER_ANSWER.validate_python(plan(("c", ["a", "b"]), ("b", ["a"]), ("a", [])))
    assert isinstance(answer, Plan)
    assert merge_order(answer.tasks) == ("a", "b", "c")
