"""What a repository is about: readme, languages, topics, people, tags; and the search for issues."""

import base64
import re
from collections import Counter
from pathlib import PurePosixPath

from bot.localhub.git.files import TreeEntry, tree_entries
from bot.localhub.model.errors import NotFound, Validation
from bot.localhub.model.issue import Issue
from bot.localhub.render.accounts import user_json
from bot.localhub.render.commits import account_of
from bot.localhub.render.issues import issue_json
from bot.localhub.render.json import Json
from bot.localhub.render.pulls import simple_pull_json
from bot.localhub.render.repositories import page_url, repository_url
from bot.localhub.rest.call import Answer, Call, Endpoint
from bot.localhub.rest.contents import entry_json

_LANGUAGES = {".py": "Python", ".js": "JavaScript", ".ts": "TypeScript", ".go": "Go", ".rs": "Rust", ".sh": "Shell"}
_WORD = re.compile(r'(-?[\w-]+):("[^"]*"|\S+)|("[^"]*"|\S+)')


async def _files(call: Call) -> list[TreeEntry]:
    repository = call.readable("contents")
    head = await repository.git.branch(repository.default_branch)
    return await tree_entries(repository.git, head, recursive=True) if head is not None else []


async def readme(call: Call) -> Answer:
    repository = call.readable("contents")
    for entry in await _files(call):
        if entry.path.casefold() in ("readme.md", "readme", "readme.rst", "readme.txt") and entry.sha is not None:
            content = base64.encodebytes(await repository.git.blob(entry.sha)).decode()
            shown = entry_json(repository, entry, repository.default_branch)
            return Answer({**shown, "content": content, "encoding": "base64"})
    raise NotFound


async def languages(call: Call) -> Answer:
    sizes: Counter[str] = Counter()
    for entry in await _files(call):
        name = _LANGUAGES.get(PurePosixPath(entry.path).suffix)
        if name is not None:
            sizes[name] += entry.size or 0
    return Answer(dict(sizes))


async def topics(call: Call) -> Answer:
    call.readable("metadata")
    return Answer({"names": []})


async def contributors(call: Call) -> Answer:
    repository = call.readable("metadata")
    head = await repository.git.branch(repository.default_branch)
    counts: Counter[str] = Counter()
    for commit in await repository.git.commits(head, limit=1000) if head is not None else []:
        account = account_of(repository, commit.author)
        if account is not None:
            counts[account.login] += 1
    return call.page(
        counts.most_common(),
        lambda pair: {**user_json(call.hub, call.hub.user(pair[0])), "contributions": pair[1]},
    )


async def tags(call: Call) -> Answer:
    repository = call.readable("contents")
    url, page = repository_url(repository), page_url(repository)

    def shown(tag: tuple[str, str]) -> Json:
        name, sha = tag
        return {
            "name": name,
            "commit": {"sha": sha, "url": f"{url}/commits/{sha}"},
            "zipball_url": f"{page}/zipball/refs/tags/{name}",
            "tarball_url": f"{page}/tarball/refs/tags/{name}",
            "node_id": f"REF_{name}",
        }

    found = await repository.git.refs("refs/tags/")
    return call.page([(name.removeprefix("refs/tags/"), sha) for name, sha in found.items()], shown)


async def pulls_of_commit(call: Call) -> Answer:
    """The pull requests that brought, or would bring, a commit in."""
    repository, sha = call.readable("pull_requests", "contents"), call.part("commit_sha")
    if await repository.git.kind(sha) != "commit":
        raise Validation(message=f"No commit found for SHA: {sha}")
    found = [
        one
        for one in repository.pull_requests
        if sha in (one.merge_commit_sha, one.head_sha) or sha in [commit.sha for commit in await one.commits()]
    ]
    return call.page(found, simple_pull_json)


async def search_issues(call: Call) -> Answer:
    """`repo:`, `is:`, `state:`, `label:`, `author:`, `type:` and words of title and body."""
    asked = call.query("q")
    if not asked.strip():
        raise Validation(message="Validation Failed")
    actor = call.caller.actor
    found = [
        issue
        for repository in call.hub.repositories.values()
        if not repository.private or (actor is not None and actor.sees(repository))
        for issue in repository.issues.values()
        if all(_matches(issue, key, value.strip('"'), word.strip('"')) for key, value, word in _WORD.findall(asked))
    ]
    found.sort(key=lambda one: one.created_at, reverse=True)
    page = call.page(found, _hit, wrap="items")
    assert isinstance(page.json, dict)
    return Answer({**page.json, "incomplete_results": False, "search_type": "lexical"}, 200, page.headers)


def _hit(issue: Issue) -> Json:
    shown = {name: value for name, value in issue_json(issue).items() if name != "closed_by"}
    return {**shown, "body": issue.body or "", "score": 1.0}


def _matches(issue: Issue, key: str, value: str, word: str) -> bool:
    if word:
        return word.casefold() in f"{issue.title}\n{issue.body or ''}".casefold()
    if key.startswith("-"):
        return not _matches(issue, key[1:], value, "")
    pull = issue.pull_request
    if key in ("is", "state", "type"):
        kinds = {"issue": pull is None, "pr": pull is not None, "merged": pull is not None and pull.merged}
        return kinds.get(value, issue.state == value)
    answers = {
        "repo": issue.repository.full_name.casefold() == value.casefold(),
        "user": issue.repository.owner.login.casefold() == value.casefold(),
        "label": issue.has_label(value),
        "author": issue.user.login.casefold() == value.casefold().removeprefix("app/"),
        "assignee": any(one.login.casefold() == value.casefold() for one in issue.assignees),
        "head": pull is not None and pull.head_ref == value,
        "base": pull is not None and pull.base_ref == value,
    }
    return answers.get(key, True)


async def requested_reviewers(call: Call) -> Answer:
    users: list[Json] = [user_json(call.hub, one) for one in call.pull.requested_reviewers]
    return Answer({"users": users, "teams": []})


async def no_rulesets(call: Call) -> Answer:
    """Rules are told per branch; there are none of their own."""
    call.readable("metadata")
    return Answer([])


_REPO = "/repos/{owner}/{repo}"
ENDPOINTS = [
    Endpoint("GET", _REPO + "/readme", readme),
    Endpoint("GET", _REPO + "/languages", languages),
    Endpoint("GET", _REPO + "/topics", topics),
    Endpoint("GET", _REPO + "/contributors", contributors),
    Endpoint("GET", _REPO + "/tags", tags),
    Endpoint("GET", _REPO + "/rulesets", no_rulesets),
    Endpoint("GET", _REPO + "/commits/{commit_sha}/pulls", pulls_of_commit),
    Endpoint("GET", _REPO + "/pulls/{pull_number}/requested_reviewers", requested_reviewers),
    Endpoint("GET", "/search/issues", search_issues),
]
