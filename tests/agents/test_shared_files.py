"""Files in folders that an agent can write to: whatever it planted there, nobody else's file is touched and nothing
waits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.agents.agent import Invocation
from bot.agents.mini import MiniAgent
from bot.agents.shared_files import Unreadable, make_shared_folder, read_shared, write_shared


def test_a_file_is_written_with_the_folders_above_it_and_replaced(tmp_path: Path) -> None:
    file = tmp_path / "home" / ".codex" / "config.toml"
    for text in ("one", "two"):
        write_shared(tmp_path, file, text)
        assert file.read_text() == text
    assert os.listdir(file.parent) == ["config.toml"]  # noqa: PTH208


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep")
    file = tmp_path / "home" / "mcp.json"
    file.parent.mkdir()
    file.symlink_to(precious)
    write_shared(tmp_path, file, "ours")
    assert (precious.read_text(), file.read_text(), file.is_symlink()) == ("keep", "ours", False)
    file.unlink()
    file.hardlink_to(precious)
    write_shared(tmp_path, file, "ours")
    assert (precious.read_text(), file.read_text()) == ("keep", "ours")


def test_a_linked_folder_is_set_aside(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    home = tmp_path / "home"
    home.symlink_to(elsewhere)
    write_shared(tmp_path, home / ".kimi-code" / "config.toml", "ours")
    assert list(elsewhere.iterdir()) == []
    assert (home / ".kimi-code" / "config.toml").read_text() == "ours"


def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    file, folder = tmp_path / "home" / "mcp.json", tmp_path / "home" / ".gemini"
    file.parent.mkdir()
    for planted in (file, folder):
        os.mkfifo(planted)
    with pytest.raises(Unreadable, match="not a plain file"):
        read_shared(file, 10, "settings file")
    write_shared(tmp_path, file, "ours")
    write_shared(tmp_path, folder / "settings.json", "ours")
    assert read_shared(file, 10, "settings file") == b"ours"
    assert (folder / "settings.json").read_text() == "ours"


def test_a_folder_in_the_way_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "home" / "mcp.json"
    (file / "deep").mkdir(parents=True)
    write_shared(tmp_path, file, "ours")
    assert file.read_text() == "ours"
    make_shared_folder(tmp_path, file)
    assert list(file.iterdir()) == []


def test_a_folder_that_was_closed_is_opened(tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".codex"
    folder.mkdir(parents=True)
    for mode in (0o500, 0o000):
        folder.chmod(mode)
        write_shared(tmp_path, folder / "config.toml", "ours")
        assert (folder / "config.toml").read_text() == "ours"


def test_what_is_too_large_a_link_or_not_there_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "trajectory.json"
    with pytest.raises(Unreadable, match=r"There is no trajectory\."):
        read_shared(file, 10, "trajectory")
    file.write_text("x" * 11)
    with pytest.raises(Unreadable, match="more than 10 bytes"):
        read_shared(file, 10, "trajectory")
    (tmp_path / "link").symlink_to(file)
    with pytest.raises(Unreadable, match="is a link"):
        read_shared(tmp_path / "link", 100, "trajectory")
    with pytest.raises(Unreadable, match="folder of the trajectory is gone"):
        read_shared(tmp_path / "link" / "x", 100, "trajectory")


def test_a_trajectory_that_is_a_pipe_says_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "trajectory.json")
    invocation = Invocation(tmp_path / "p", tmp_path, tmp_path / "a", "s", None, tmp_path)
    assert MiniAgent().ending(invocation, 1) == ()
