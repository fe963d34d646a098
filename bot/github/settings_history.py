"""What takes the place of a ``.github/crewline.yml`` that is bad: its newest version that was good.

It is read from the history of the default branch, so that a process that has just started knows what the one before
had in force, whatever became of its memory and its disk.
"""

from __future__ import annotations

from bot.config import CONFIG_FILE, RepositoryConfig
from bot.git.errors import NoSuchRef
from bot.git.mirror import Mirror
from bot.github.configuration import ConfigurationProblem, configuration

MOST_VERSIONS = 50
"""How many versions are read at most, from the newest one back."""
_TIP = "refs/remotes/default"
"""Where the mirror keeps the default branch's head, whatever the branch is called."""


class SettingsHistory:
    """Of one repository."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror

    async def last_good(self) -> RepositoryConfig | None:
        """The newest version that can be used, None where none of the newest `MOST_VERSIONS` can. A commit without the
        file is no version of it. Only first parents count: what the file said on a branch while that was worked on
        was never in force.

        One fetch, and one process for the history. Raises GitFailed, Unreachable where the remote does not answer.
        """
        await self._mirror.prepare()
        try:
            await self._mirror.fetch([f"+HEAD:{_TIP}"])
        except NoSuchRef:  # no commit yet
            return None
        newest = ("--first-parent", f"--max-count={MOST_VERSIONS}", _TIP)
        commits = await self._mirror.git("rev-list", *newest, "--", CONFIG_FILE)
        for commit in commits.stdout.decode().split():
            content = await self._mirror.read(commit, CONFIG_FILE)
            good = None if content is None else _usable(content)
            if good is not None:
                return good
        return None


def _usable(content: bytes) -> RepositoryConfig | None:
    try:
        read = configuration(content.decode())
    except UnicodeDecodeError:  # what is no text cannot be used either
        return None
    return None if isinstance(read, ConfigurationProblem) else read
