"""Webhooks: who sent them, and what they say to look at."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from bot.github.webhook import EVENTS, Hint, Ignored, RepositoriesChanged, Unreadable, read, verify
from bot.model.identity import Login, RepositoryName

SECRET = b"it is a secret"


def signed(body: bytes, secret: bytes = SECRET) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def delivery(**parts: JsonValue) -> bytes:
    usual: dict[str, JsonValue] = {
        "repository": {"full_name": "octo/shop", "id": 1},
        "installation": {"id": 7},
        "sender": {"login": "ada", "type": "User"},
    }
    return json.dumps({**usual, **parts}).encode()


def hint(event: str, **parts: JsonValue) -> Hint:
    found = read(event, delivery(**parts), "guid")
    assert isinstance(found, Hint)
    return found


def test_a_genuine_signature_fits() -> None:
    assert verify(SECRET, b"{}", signed(b"{}"))


@pytest.mark.parametrize(
    "signature",
    [None, "", "sha256=", "sha256=00", signed(b"{} "), signed(b"{}", b"another"), signed(b"{}").upper(), "sha256=é"],
)
def test_any_other_does_not(signature: str | None) -> None:
    assert not verify(SECRET, b"{}", signature)


def test_a_sha1_signature_does_not_count() -> None:
    assert not verify(SECRET, b"{}", "sha1=" + hmac.new(SECRET, b"{}", hashlib.sha1).hexdigest())


def test_an_empty_secret_verifies_nothing() -> None:
    assert not verify(b"", b"{}", "sha256=" + hmac.new(b"", b"{}", hashlib.sha256).hexdigest())


def test_a_label_names_its_issue() -> None:
    found = hint("issues", action="labeled", issue={"number": 12, "title": "x"}, label={"name": "crewline"})
    assert found == Hint(
        repository=RepositoryName("octo", "shop"),
        installation=7,
        sender=Login("ada"),
        sender_is_bot=False,
        event="issues",
        action="labeled",
        numbers=frozenset({12}),
        label="crewline",
        delivery="guid",
    )


@pytest.mark.parametrize(
    ("ref", "default", "goes"),
    [
        ("refs/heads/main", "main", True),
        ("refs/heads/other", "main", False),
        ("refs/tags/main", "main", False),
        ("refs/heads/main", None, True),
    ],
)
def test_a_push_to_the_default_branch_may_have_changed_the_settings(ref: str, default: str | None, goes: bool) -> None:
    repository: JsonValue = {"full_name": "octo/shop", "default_branch": default}
    assert hint("push", ref=ref, repository=repository).to_default_branch is goes


@pytest.mark.parametrize("number", [0, -1, 2**31, 10**400, "x", 1.5, None])
def test_a_number_that_no_issue_can_have_is_refused(number: JsonValue) -> None:
    assert isinstance(read("issues", delivery(issue={"number": number})), Unreadable)


def test_a_bot_is_known_as_one() -> None:
    assert hint("issues", action="opened", issue={"number": 1}, sender={"login": "x[bot]", "type": "Bot"}).sender_is_bot


def test_a_comment_names_the_issue_or_pull_request_that_it_is_on() -> None:
    assert hint("issue_comment", action="created", issue={"number": 3}).numbers == {3}


def test_a_pull_request_names_itself_and_its_branch() -> None:
    pull: JsonValue = {"number": 5, "head": {"ref": "crewline/1/a", "repo": {"full_name": "octo/shop"}}}
    found = hint("pull_request", action="synchronize", pull_request=pull)
    assert found.numbers == {5}
    assert found.branches == {"crewline/1/a"}


@pytest.mark.parametrize("fork", [{"full_name": "eve/shop"}, None])
def test_a_branch_of_a_fork_is_not_named(fork: JsonValue) -> None:
    pull: JsonValue = {"number": 5, "head": {"ref": "crewline/1/a", "repo": fork}}
    assert hint("pull_request_review", action="submitted", pull_request=pull).branches == frozenset()


def test_a_check_run_names_branch_and_pull_requests() -> None:
    run: JsonValue = {"check_suite": {"head_branch": "crewline/1/a"}, "pull_requests": [{"number": 5}]}
    found = hint("check_run", action="completed", check_run=run)
    assert found.numbers == {5}
    assert found.branches == {"crewline/1/a"}


def test_a_check_suite_of_a_fork_has_no_branch() -> None:
    found = hint("check_suite", action="completed", check_suite={"head_branch": None, "pull_requests": []})
    assert not found.numbers | found.branches


def test_a_status_names_the_branches_of_its_commit() -> None:
    assert hint("status", state="success", branches=[{"name": "crewline/1/a"}]).branches == {"crewline/1/a"}


def test_a_push_names_its_branch_but_no_tag() -> None:
    assert hint("push", ref="refs/heads/main").branches == {"main"}
    assert hint("push", ref="refs/tags/v1").branches == frozenset()


def test_linked_issues_are_both_named() -> None:
    assert hint("sub_issues", parent_issue={"number": 1}, sub_issue={"number": 2}).numbers == {1, 2}
    assert hint("issue_dependencies", blocked_issue={"number": 3}, blocking_issue={"number": 4}).numbers == {3, 4}


@pytest.mark.parametrize(
    ("event", "action"),
    [("installation", "created"), ("installation_repositories", "added"), ("repository", "renamed")],
)
def test_what_changes_the_repositories(event: str, action: str) -> None:
    assert read(event, delivery(action=action), "guid") == RepositoriesChanged(event, action, "guid")


def test_an_archived_repository_is_looked_at() -> None:
    assert hint("repository", action="archived").numbers == frozenset()


def test_an_event_that_nobody_handles_is_ignored_unread() -> None:
    assert isinstance(read("ping", b"not even JSON"), Ignored)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"\xff\xfe", delivery(repository={"full_name": "no-owner"}), delivery(sender=None)],
)
def test_what_cannot_be_read_says_so(body: bytes) -> None:
    assert isinstance(read("issues", body), Unreadable)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["number", "head", "ref", "repo"]), inner),
    max_leaves=8,
)


@given(st.sampled_from(sorted(EVENTS)), st.dictionaries(st.sampled_from(["action", "issue", "pull_request"]), JSON))
def test_no_body_is_worse_than_unreadable(event: str, parts: dict[str, JsonValue]) -> None:
    assert isinstance(read(event, delivery(**parts)), Hint | RepositoriesChanged | Unreadable)
