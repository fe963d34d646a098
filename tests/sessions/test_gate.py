"""The gate as a pure decision."""

from __future__ import annotations

import pytest

from bot.model.gate import GateCaps
from bot.sessions.gate.change import Change
from bot.sessions.gate.leaks import OURS, added_text, leaks
from bot.sessions.gate.rules import Rules, judge, refusal_text
from bot.sessions.gate.weakened import weakened

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


def test_too_much_of_it_all_is_refused_as_a_whole() -> None:
    caps = GateCaps(files=3, deletions=1, binaries=0, kilobytes=1)
    changes = [Change(f"src/{n}", "100644", "000000") for n in range(2)]
    changes += [Change(f"src/b{n}", "000000", "100644", 900, binary=True) for n in range(2)]
    rules = [refusal.rule for refusal in judge(changes, Rules(("src/**",), (), 1000, caps))]
    assert rules == [
        "4 files are changed, more than 3",
        "2 files are deleted, more than 1",
        "2 binary files are added or changed, more than 0",
        "2 kilobytes are changed, more than 1",
    ]


def test_lock_files_are_protected_where_the_repository_says_so() -> None:
    change = Change("src/package-lock.json", "100644", "100644", 9)
    assert judge((change,), RULES) == ()
    (refusal,) = judge((change,), Rules(("src/**",), (), 100, GateCaps(lock_files=False)))
    assert "protect lock files" in refusal.rule


SECRETS = {
    "AWS Access Key": "key = 'AKIA" + "IOSFODNN7EXAMPLE'  # pragma: allowlist secret",
    "GitHub Token": "token: ghp_" + "a1B2" * 9,
    "Private Key": "-----BEGIN RSA PRIVATE" + " KEY-----\nMIIEpAIBAAKCAQEA75abcdef",
    "Model provider key": "ANTHROPIC_API_KEY=sk-ant-" + "api03-" + "x1y2" * 8,
    "Slack Token": "xoxb-" + "123456789012-1234567890123-abcdefghijklmnopqrstuvwx",
}


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_found_in_what_was_added_and_never_repeated(kind: str) -> None:
    added = added_text("one\ntwo", f"one\n{SECRETS[kind]}\ntwo")
    assert kind in leaks(added)
    refusal = judge((Change("src/a", "000000", "100644", 9, secrets=leaks(added)),), RULES)[0]
    assert kind in refusal.rule
    assert SECRETS[kind][8:] not in str(refusal)


def test_a_secret_that_was_there_before_is_not_the_tasks() -> None:
    old = f"{SECRETS['GitHub Token']}\n"
    assert leaks(added_text(old, f"{old}print()\n")) == ()


def test_a_value_of_the_server_is_found_wherever_it_stands() -> None:
    assert leaks("x = 'my-own-credential-1'", ("my-own-credential-1",)) == (OURS,)
    assert leaks("short", ("short",)) == ()


@pytest.mark.parametrize(
    "text", ["password = input()", "sha = '" + "a1b2" * 10 + "'", "token = os.environ['TOKEN']", ""]
)
def test_what_only_looks_like_one_is_let_through(text: str) -> None:
    assert leaks(text) == ()


TESTS = "def test_a():\n    assert 1\n    assert 2\n\ndef test_b():\n    assert 3\n"


@pytest.mark.parametrize(
    ("path", "after", "said"),
    [
        ("tests/test_a.py", None, "was deleted"),
        ("tests/test_a.py", "def test_a():\n    assert 1\n    assert 2\n", "1 test fewer"),
        ("tests/test_a.py", TESTS.replace("    assert 2\n", ""), "asserts 1 thing fewer"),
        ("a_test.go", f"@pytest.mark.skip\n{TESTS}", "skips 1 more"),
    ],
)
def test_tests_that_test_less_are_told_to_the_reviewer(path: str, after: str | None, said: str) -> None:
    mode = "000000" if after is None else "100644"
    (flag,) = weakened([Change(path, "100644", mode, 9, old_text=TESTS, new_text=after)])
    assert said in flag
    assert path in flag


def test_a_test_that_was_renamed_or_added_is_no_sign() -> None:
    renamed = TESTS.replace("test_a", "test_c") + "\ndef test_d():\n    assert 4\n"
    assert weakened([Change("tests/test_a.py", "100644", "100644", 9, old_text=TESTS, new_text=renamed)]) == ()
    assert weakened([Change("src/a.py", "100644", "000000", old_text=TESTS)]) == ()


def test_a_thousand_refusals_make_a_short_text() -> None:
    everything = Rules(RULES.scope, RULES.protected, RULES.largest_file, GateCaps(files=1000))
    refusals = judge([Change(f"{n}.txt", "000000", "100644") for n in range(1000)], everything)
    assert len(refusals) == 1000
    assert refusal_text(refusals).endswith("- and 980 more")


def test_an_empty_scope_allows_nothing() -> None:
    (refusal,) = judge((Change("a", "000000", "100644"),), Rules((), (), 100))
    assert "Only nothing may change" in refusal.cure
