"""Where GitHub's description is known to be wrong, so that the localhub follows GitHub and not its description.

Keep this short: every line is a hole. Each names the operations (a glob over `METHOD /path`, or
`webhook event.action`), the JSON path and the reason as regular expressions, and why GitHub is right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.localhub.openapi.description import Flaw


@dataclass(frozen=True)
class Tolerated:
    operation: str
    path: str
    reason: str
    why: str

    def covers(self, operation: str, flaw: Flaw) -> bool:
        return (
            fnmatchcase(operation, self.operation)
            and re.fullmatch(self.path, flaw.path) is not None
            and re.search(self.reason, flaw.reason) is not None
        )


TOLERATED: tuple[Tolerated, ...] = (
    Tolerated(
        operation="* 4??",
        path=r"\$",
        reason=r"\('status' was unexpected\)",
        why="every error body of GitHub holds its status as a string; only `basic-error` describes it",
    ),
    Tolerated(
        operation="* 307",
        path=r"\$",
        reason=r"status 307 is none of",
        why="what moved is answered so for anything but a GET, as the guide on redirects says; described are only 301s",
    ),
    Tolerated(
        operation="webhook *",
        path=r"\$.*\.email",
        reason=r'\[bot\]@users\.noreply\.github\.com" is not a "email"',
        why="the address of an App's commits has its login in it, brackets and all",
    ),
    Tolerated(
        operation="webhook issue_dependencies.*",
        path=r"\$",
        reason=r'"organization" is a required property',
        why="a repository that a person owns has no organization",
    ),
    Tolerated(
        operation="GET /app/installations 200",
        path=r"\$\[\d+\].*",
        reason=r"'client_id'|'user_view_type'|\"(name|slug|created_at|updated_at)\" is a required property",
        why="described in place, as an account that is a user and an enterprise at once; the same installation, asked "
        "for by its id, is described well and held to it",
    ),
    Tolerated(
        operation="webhook pull_request_review.edited",
        path=r"\$\.pull_request\.(head|base)\.repo",
        reason=r"\('has_discussions', 'has_pull_requests', 'web_commit_signoff_required' were unexpected\)",
        why="the repository is described from an older day than in every other action of the event",
    ),
)

# Served by the localhub, and by GitHub, but in no description: (method, path pattern, why).
UNDESCRIBED: tuple[tuple[str, str, str], ...] = (
    (
        "GET",
        r"/repos/[^/]+/[^/]+/git/refs/.+",
        "the older name of git/ref and git/matching-refs, which GitHub still answers",
    ),
)


def is_tolerated(operation: str, flaw: Flaw) -> bool:
    return any(each.covers(operation, flaw) for each in TOLERATED)


def is_undescribed(method: str, path: str) -> bool:
    return any(method == known and re.fullmatch(pattern, path) for known, pattern, _ in UNDESCRIBED)
