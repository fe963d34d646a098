"""What is read of an agent's repository without git: only what git would read as well, and not at any price."""

from __future__ import annotations

import os
import subprocess
import zlib
from pathlib import Path

import pytest

from bot.model.identity import CommitSha
from bot.sessions import brought as room
from bot.sessions.brought import brought

WHO = ("-c", "user.name=a", "-c", "user.email=a@example.com")


class Repository:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q")
        self.objects = folder / ".git" / "objects"

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ("git", *WHO, *arguments), cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, **files: str) -> CommitSha:
        for name, text in files.items():
            (self.folder / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")
        return CommitSha(self.git("rev-parse", "HEAD"))

    def file_of(self, name: str) -> Path:
        path = self.objects / name[:2] / name[2:]
        path.chmod(0o644)
        return path


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_all_that_a_commit_is_made_of_and_nothing_else(repository: Repository) -> None:
    repository.commit(a="1")
    tip = repository.commit(b="2")
    (repository.folder / "c").write_text("never committed")
    repository.git("add", "c")
    found = brought(repository.objects, tip)
    assert found is not None
    assert sorted(one.kind for one in found) == ["blob", "blob", "commit", "commit", "tree", "tree"]
    assert b"never committed" not in {one.payload for one in found}


def test_what_is_borrowed_is_left_out(repository: Repository) -> None:
    repository.commit(a="1")
    tip = repository.commit(b="2")
    repository.file_of(repository.git("rev-parse", "HEAD~1")).unlink()
    found = brought(repository.objects, tip)
    assert found is not None
    assert [one.kind for one in found].count("commit") == 1


def test_packed_many_or_large_is_for_git(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = repository.commit(a="1")
    monkeypatch.setattr(room, "MOST_OBJECTS", 2)
    assert brought(repository.objects, tip) is None
    monkeypatch.undo()
    monkeypatch.setattr(room, "_LARGEST", 20)
    assert brought(repository.objects, tip) is None
    monkeypatch.undo()
    repository.git("gc", "-q")
    assert brought(repository.objects, tip) is None


def test_odd_files_are_not_read_through(repository: Repository) -> None:
    tip = repository.commit(a="1")
    blob = repository.file_of(repository.git("rev-parse", "HEAD:a"))
    content = blob.read_bytes()
    for bad in (zlib.compress(b"blob 999\0x"), zlib.compress(b"blob 1\0" + b"x" * 50_000_000), b"rubbish", content[:5]):
        blob.write_bytes(bad)
        assert brought(repository.objects, tip) is None
    blob.unlink()
    blob.symlink_to("/etc/passwd")
    assert brought(repository.objects, tip) is None
    blob.unlink()
    os.mkfifo(blob)
    assert brought(repository.objects, tip) is None
