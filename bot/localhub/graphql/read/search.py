"""Search for issues and pull requests: the qualifiers that people and the gh CLI use most.

A qualifier that is not known is refused as a fault of the localhub: dropping it would widen the answer.
"""

import shlex
from dataclasses import dataclass, field

from bot.localhub.graphql.ask import Ask, visible
from bot.localhub.graphql.read.pulls import state
from bot.localhub.graphql.registry import Unserved
from bot.localhub.model.issue import Issue
from bot.localhub.model.pull_request import PullRequest

KNOWN = {
    "repo", "type", "is", "state", "label", "author", "assignee", "head", "base", "org", "user", "sort", "draft",
    "review-requested", "mentions", "involves", "in", "no",
}  # fmt: skip


@dataclass
class Search:
    """A parsed query: words, and the values of each qualifier."""

    words: list[str] = field(default_factory=list)
    wanted: dict[str, list[str]] = field(default_factory=dict)


def parse(query: str) -> Search:
    """Split a query. Parentheses, AND and OR only group words in the queries of the gh CLI."""
    search = Search()
    splitter = shlex.shlex(query, posix=True)
    splitter.whitespace_split, splitter.commenters, splitter.quotes = True, "", '"'
    for part in splitter:
        name, colon, value = part.partition(":")
        if colon and name in KNOWN:
            search.wanted.setdefault(name, []).append(value.casefold())
        elif colon:
            raise Unserved(f"the localhub's search does not know the qualifier {name}:")
        elif part not in ("(", ")", "AND", "OR"):
            search.words.append(part.strip("()").casefold())
    return search


def find(ask: Ask, query: str) -> list[Issue | PullRequest]:
    """What matches, newest first."""
    search = parse(query)
    found = [
        issue for repository in ask.hub.repositories.values() if visible(ask, repository)
        for issue in repository.issues.values() if _matches(ask, search, issue)
    ]  # fmt: skip
    found.sort(key=lambda issue: (issue.created_at, issue.number), reverse=True)
    return [issue.pull_request or issue for issue in found]


def _matches(ask: Ask, search: Search, issue: Issue) -> bool:
    text = f"{issue.title}\n{issue.body or ''}".casefold()
    if not all(word in text for word in search.words):
        return False
    return all(_qualifies(ask, issue, name, value) for name, values in search.wanted.items() for value in values)


def _qualifies(ask: Ask, issue: Issue, name: str, value: str) -> bool:
    pull = issue.pull_request
    me = ask.actor.account.login.casefold()
    login = me if value == "@me" else value
    match name:
        case "repo":
            return issue.repository.full_name.casefold() == value
        case "org" | "user":
            return issue.repository.owner.login.casefold() == login
        case "type" | "is" | "state":
            return _is(issue, value)
        case "label":
            return value in [label.name.casefold() for label in issue.labels]
        case "author":
            return issue.user.login.casefold() in (login, f"{login.removeprefix('app/')}[bot]")
        case "assignee":
            return login in [user.login.casefold() for user in issue.assignees]
        case "head":
            return pull is not None and pull.head_ref.casefold() == value
        case "base":
            return pull is not None and pull.base_ref.casefold() == value
        case "draft":
            return pull is not None and str(pull.draft).casefold() == value
        case "review-requested":
            return pull is not None and login in [user.login.casefold() for user in pull.requested_reviewers]
        case "mentions":
            return f"@{login}" in (issue.body or "").casefold()
        case "involves":
            return login in {issue.user.login.casefold(), *(user.login.casefold() for user in issue.assignees)}
        case "no":
            return not (
                issue.labels if value == "label" else issue.assignees if value == "assignee" else issue.milestone
            )
        case _:
            return True


def _is(issue: Issue, value: str) -> bool:
    pull = issue.pull_request
    if value in ("issue", "pr"):
        return (pull is None) == (value == "issue")
    if value == "draft":
        return pull is not None and pull.draft
    if value in ("merged", "unmerged"):
        return pull is not None and (state(pull) == "MERGED") == (value == "merged")
    return issue.state == value
