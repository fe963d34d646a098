"""A remote repository as a folder, a person who works with it, and a mirror of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.git.mirror import Mirror, no_token
from bot.git.process import Identity
from bot.model.identity import CommitSha

BOT = Identity("crewline[bot]", "crewline@example.com")


class Remote:
    """A bare repository, and a clone in which a person works."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "remote.git"
        self.clone = folder / "clone"
        self._run("init", "-q", "--bare", "-b", "main", str(self.path), cwd=folder)
        self._run("init", "-q", "-b", "main", str(self.clone), cwd=folder)
        self._run("remote", "add", "origin", str(self.path), cwd=self.clone)

    def git(self, *arguments: str) -> str:
        return self._run(*arguments, cwd=self.path)

    def person(self, *arguments: str) -> str:
        return self._run(*arguments, cwd=self.clone)

    def commit(self, files: dict[str, str], message: str = "work", branch: str = "main") -> CommitSha:
        """A person commits `files` on top of `branch` and pushes."""
        self.person("checkout", "-q", "-B", branch)
        for path, text in files.items():
            target = self.clone / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        self.person("add", "-A")
        self.person("commit", "-q", "--allow-empty", "-m", message)
        self.person("push", "-q", "-f", "origin", branch)
        return CommitSha(self.person("rev-parse", "HEAD"))

    def head(self, ref: str) -> CommitSha | None:
        text = self.git("for-each-ref", "--format=%(objectname)", ref)
        return CommitSha(text) if text else None

    @staticmethod
    def _run(*arguments: str, cwd: Path) -> str:
        person = {"NAME": "Ada", "EMAIL": "ada@example.com"}
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
        } | {f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER") for what, text in person.items()}
        result = subprocess.run(["git", *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote(tmp_path)


@pytest.fixture
async def mirror(tmp_path: Path, remote: Remote) -> AsyncIterator[Mirror]:
    async with Mirror(tmp_path / "mirror.git", str(remote.path), no_token, BOT) as mirror:
        yield mirror
