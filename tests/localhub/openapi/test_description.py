"""The cut of GitHub's description, and that a deviation from it is seen."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.localhub.openapi.description import CUT, description
from tests.localhub.openapi.faithful import Exchange, Record, Violation, validate_exchange, validate_webhook

LABEL = {
    "id": 208045946,
    "node_id": "MDU6TGFiZWwyMDgwNDU5NDY=",
    "url": "https://api.github.com/repos/octocat/Hello-World/labels/bug",
    "name": "bug",
    "description": None,
    "color": "f29513",
    "default": True,
}
LABELS = "/repos/octocat/Hello-World/labels"


def answer(body: object, *, method: str = "GET", path: str = LABELS, status: int = 200, query: str = "") -> Exchange:
    return Exchange(method, path, status, query=query, body=json.dumps(body).encode())


def reasons(violations: list[Violation]) -> list[str]:
    return [str(violation) for violation in violations]


def test_the_cut_is_small_and_says_where_it_is_from() -> None:
    assert len(gzip.decompress(CUT.read_bytes())) < 1_000_000
    source = description().cut.source
    assert source["package"] == "@octokit/openapi"
    assert source["license"] == "MIT"
    assert source["version"]


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/repos/o/r/pulls/comments", "GET /repos/{owner}/{repo}/pulls/comments"),
        ("GET", "/repos/o/r/pulls/7", "GET /repos/{owner}/{repo}/pulls/{pull_number}"),
        ("GET", "/repos/o/r/git/ref/heads/a/b", "GET /repos/{owner}/{repo}/git/ref/{ref}"),
        ("GET", "/repos/o/r/commits/a/b/check-runs", "GET /repos/{owner}/{repo}/commits/{ref}/check-runs"),
        ("GET", "/repos/o/r/contents/src/a.py", "GET /repos/{owner}/{repo}/contents/{path}"),
        ("DELETE", "/repos/o/r/issues/1/labels/good%20first",
         "DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}"),
        ("GET", "/", "GET /"),
    ],
)  # fmt: skip
def test_a_request_is_known_by_its_path(method: str, path: str, operation: str) -> None:
    found = description().operation(method, path)
    assert found is not None
    assert found.name == operation


def test_an_answer_like_githubs_is_faithful() -> None:
    assert validate_exchange(answer([LABEL], query="per_page=100")) == []


def test_a_missing_field_is_seen_where_it_is_missing() -> None:
    without = {name: value for name, value in LABEL.items() if name != "node_id"}
    assert reasons(validate_exchange(answer([LABEL, without]))) == [
        'GET /repos/{owner}/{repo}/labels 200: $[1]: "node_id" is a required property'
    ]


def test_a_field_that_github_does_not_have_is_seen() -> None:
    (violation,) = validate_exchange(answer([LABEL | {"colour": "red"}]))
    assert "'colour' was unexpected" in violation.reason


def test_of_several_alternatives_the_nearest_explains_the_flaw() -> None:
    issue = {"labels": [{"name": 5}]}
    found = validate_exchange(answer(issue, path="/repos/o/r/issues/1"))
    assert any(flaw.path == "$.labels[0].name" for flaw in found)


@pytest.mark.parametrize(
    ("exchange", "reason"),
    [
        (answer({}, path="/repos/o/r/secrets-of-the-hub"), "describes no such operation"),
        (answer([LABEL], status=206), "status 206 is none of 200"),
        (answer([LABEL], query="label=bug"), "no query parameter 'label'"),
        (answer({"oops": 1}, status=403), None),
        (Exchange("DELETE", f"{LABELS}/bug", 204, body=b"{}"), "a body of 2 bytes where none is described"),
        (Exchange("GET", LABELS, 200, body=b"[", content_type="application/json"), "not JSON"),
        (Exchange("GET", LABELS, 200, body=b"[]", content_type="text/html"), "content type 'text/html'"),
        (Exchange("POST", LABELS, 201, request=b'{"color": "ff0000"}', body=json.dumps(LABEL).encode()),
         '"name" is a required property'),
    ],
)  # fmt: skip
def test_what_github_would_not_say_is_refused(exchange: Exchange, reason: str | None) -> None:
    found = reasons(validate_exchange(exchange))
    assert len(found) == (0 if reason is None else 1)
    assert reason is None or reason in found[0]


def test_an_unknown_route_may_answer_404() -> None:
    assert validate_exchange(answer({"message": "Not Found"}, path="/nothing/here", status=404)) == []


def test_a_refused_request_may_be_malformed() -> None:
    body = {"message": "Validation Failed", "documentation_url": "https://docs.github.com", "status": "422"}
    refused = Exchange("POST", LABELS, 422, request=b"{}", body=json.dumps(body).encode())
    assert validate_exchange(refused) == []


def test_webhooks_are_held_against_their_event_and_action() -> None:
    ref = {"ref": "refs/heads/main"}
    assert '"commits" is a required property' in " ".join(reasons(validate_webhook("push", json.dumps(ref).encode())))
    (unknown,) = validate_webhook("issues", b'{"action": "celebrated"}')
    assert str(unknown) == "webhook issues.celebrated: $: GitHub sends no such event and action"


def test_the_verdict_names_everything_once() -> None:
    record = Record()
    for _ in range(3):
        record.exchange(answer([LABEL | {"colour": "red"}]))
    with pytest.raises(AssertionError, match=r"1 things .*\n.*'colour' was unexpected.*3 times"):
        record.verdict()
