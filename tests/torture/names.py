"""Names that two runs share for what each numbers in its own way.

Issues and pull requests share their numbers, and sessions that were lost leave gaps in theirs. So an issue is named
by its objective and task, a session by its rank among those of its task that count, a commit by the session that made
it; wherever a text says `#7`, `1.one.worker.3` or a commit's name, it is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.localhub.model.issue import Issue
from bot.localhub.model.repository import Repository
from bot.model.ledger import Ledger
from bot.model.marker import tagged
from bot.model.session import SessionRecord, Void

_NUMBER = re.compile(r"#(\d+)\b")
_SESSION = re.compile(r"\b\d+(?:\.[a-z0-9-]+)?\.(?:planner|worker|reviewer)\.\d+\b")
_COMMIT = re.compile(r"\b[0-9a-f]{7,40}\b")
_BY = re.compile(r"^Crewline-Session: (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Names:
    """`issues` by number, `sessions` by id, `commits` by full name."""

    issues: Mapping[int, str]
    sessions: Mapping[str, str]
    commits: Mapping[str, str]

    def issue(self, number: int) -> str:
        return self.issues.get(number, f"unknown issue {number}")

    def session(self, session: str) -> str:
        return self.sessions.get(session, f"unknown session {session}")

    def commit(self, sha: str) -> str:
        return next((name for full, name in self.commits.items() if full.startswith(sha)), f"unknown commit {sha}")

    def text(self, text: str) -> str:
        """`text` with all of them replaced. What only looks like a commit stays."""
        text = _NUMBER.sub(lambda match: f"⟨{self.issue(int(match[1]))}⟩", text)
        text = _SESSION.sub(lambda match: f"⟨{self.session(match[0])}⟩", text)
        return _COMMIT.sub(lambda match: self._commit_in(match[0]), text)

    def _commit_in(self, word: str) -> str:
        name = self.commit(word)
        return word if name.startswith("unknown") else f"⟨{name}⟩"


async def names_of(repository: Repository, ledgers: Mapping[int, Ledger]) -> Names:
    issues = {number: _issue_name(issue, ledgers) for number, issue in repository.issues.items()}
    sessions: dict[str, str] = {}
    for number, ledger in ledgers.items():
        for key in {session.task for session in ledger.sessions}:
            sessions |= ranked(issues[number], ledger.sessions_of(key))
    return Names(issues, sessions, await _commits(repository, sessions))


def ranked(objective: str, sessions: tuple[SessionRecord, ...]) -> dict[str, str]:
    """The names of a task's sessions: role and rank among those that count, and `void` for those that do not."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    for session in sessions:
        where = f"{objective}/{session.task or 'planning'}/{session.role}"
        if isinstance(session.outcome, Void):
            names[session.id] = f"{where} void"
        else:
            counts[where] = counts.get(where, 0) + 1
            names[session.id] = f"{where} {counts[where]}"
    return names


def _issue_name(issue: Issue, ledgers: Mapping[int, Ledger]) -> str:
    if issue.pull_request is not None:
        _, _, branch = issue.pull_request.head_ref.partition("/")
        number, _, key = branch.partition("/")
        return f"pull request of {_title(issue.repository, number)}/{key}"
    if task := tagged(issue.body or "", "task"):
        number, _, key = task.partition(".")
        return f"task {_title(issue.repository, number)}/{key}"
    return f"objective {issue.title}" if issue.number in ledgers else f"issue {issue.title}"


def _title(repository: Repository, number: str) -> str:
    issue = repository.issues.get(int(number)) if number.isdigit() else None
    return issue.title if issue is not None else f"unknown {number}"


async def _commits(repository: Repository, sessions: Mapping[str, str]) -> dict[str, str]:
    """Every commit that a branch or a pull request contains, by the session that made it or by its title."""
    git = repository.git
    tips = [sha for ref, sha in (await git.refs()).items() if not ref.startswith("refs/crewline/")]
    names: dict[str, str] = {}
    for commit in await git.commits(*tips, limit=10_000):
        by = _BY.search(commit.message)
        title = _NUMBER.sub("#", commit.message.partition("\n")[0])
        names[commit.sha] = f"commit of {sessions.get(by[1], by[1])}" if by else f"commit {title}"
    return names
