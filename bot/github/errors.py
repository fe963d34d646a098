"""How a call to GitHub can fail. Everything raised by this room is one of these.

What matters to a caller is not the status code but what is known afterwards: nothing happened (`Refused`,
`NotThere`, `Unavailable`), or nobody can say (`OutcomeUnknown`).
"""

from __future__ import annotations

from datetime import datetime

from bot.model.fact import Fact


class GitHubError(Exception):
    """`facts` holds what the same action did achieve before it failed; `request_id` is GitHub's name of the request
    that failed, where it answered one."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.facts: tuple[Fact, ...] = ()
        self.request_id: str | None = None


class Refused(GitHubError):
    """A definite no: nothing was changed, and the same request would be refused again.

    `status` is the HTTP status (200 for an error in a GraphQL answer), `errors` GitHub's list, one line each.
    """

    def __init__(self, status: int, message: str, errors: tuple[str, ...] = ()) -> None:
        super().__init__("; ".join((f"GitHub refused ({status}): {message}", *errors)))
        self.status = status
        self.reason = message
        self.errors = errors


class NotThere(GitHubError):
    """404, 410 or a redirect to elsewhere: gone, moved, or not to be seen by this installation."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(f"{what} is not there ({status})")
        self.status = status


class OutcomeUnknown(GitHubError):
    """A write was sent and nobody knows whether it took effect: look before doing it again."""


class Unavailable(GitHubError):
    """GitHub asks to wait, or does not answer. Nothing happened; try again at `retry_at`. `limit` names, for people,
    the limit that is waited for; it is None where GitHub does not answer. `only_content`: what makes no content does
    not wait for it."""

    def __init__(
        self, message: str, retry_at: datetime, limit: str | None = None, *, only_content: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_at = retry_at
        self.limit = limit
        self.only_content = only_content


class LeaseLost(GitHubError):
    """Nothing was written: another instance serves the repository."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"{holder} serves the repository")
        self.holder = holder
