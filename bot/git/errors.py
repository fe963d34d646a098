"""What can go wrong with git, by what it means for the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class GitFailed(Exception):
    """Git ended with an error. The text holds no secret: tokens never stand in `command`, and are masked in
    `stderr`. `exit_code` is negative for a signal, None where git was ended at its time limit."""

    def __init__(self, command: Sequence[str], exit_code: int | None, stderr: str) -> None:
        self.command = tuple(command)
        self.exit_code = exit_code
        self.stderr = stderr
        ending = "did not end in time" if exit_code is None else f"ended with {exit_code}"
        super().__init__(f"git {' '.join(command)[:300]} {ending}: {stderr.strip()[-2000:]}")


class Unreachable(GitFailed):
    """The remote could not be talked to, or stopped answering. Of a push the outcome is unknown."""


class NoSuchRef(GitFailed):
    """A ref that was asked for by name does not exist on the remote."""


class PushRejected(Exception):
    """Nothing was pushed: a ref is not where the caller expected it. `reasons` maps ref to git's words."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        self.reasons = dict(reasons)
        super().__init__("; ".join(f"{ref}: {reason}" for ref, reason in self.reasons.items()))


class PushRefused(Exception):
    """Nothing was pushed, and pushing the same again will not help: a rule, a hook or a permission of the server."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)
