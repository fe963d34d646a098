"""The last good settings, over real git: found in the history of the default branch, and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config import RepositoryConfig
from bot.git.errors import Unreachable
from bot.git.mirror import Mirror, no_token
from bot.github.settings_history import MOST_VERSIONS, SettingsHistory
from tests.git.conftest import BOT, Remote

PATH = ".github/crewline.yml"
BAD = "verify:\n  comand: make test\n"


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    remote = Remote(tmp_path)
    remote.commit({"README.md": "hello\n"})
    return remote


@pytest.fixture
async def history(tmp_path: Path, remote: Remote) -> AsyncIterator[SettingsHistory]:
    async with Mirror(tmp_path / "mirror.git", str(remote.path), no_token, BOT) as mirror:
        yield SettingsHistory(mirror)


async def label(history: SettingsHistory) -> str | None:
    good = await history.last_good()
    return None if good is None else good.label


async def test_the_newest_version_that_can_be_used_counts(remote: Remote, history: SettingsHistory) -> None:
    for text in ("label: first\n", "label: second\n", BAD, "label: [\n"):
        remote.commit({PATH: text})
        remote.commit({"README.md": f"after {text}"})
    assert await label(history) == "second"


async def test_what_is_pushed_later_is_seen(remote: Remote, history: SettingsHistory) -> None:
    remote.commit({PATH: BAD})
    assert await label(history) is None
    remote.commit({PATH: "label: mended\n"})
    assert await label(history) == "mended"


async def test_an_empty_file_says_the_defaults(remote: Remote, history: SettingsHistory) -> None:
    remote.commit({PATH: ""})
    remote.commit({PATH: BAD})
    assert await history.last_good() == RepositoryConfig()


async def test_no_file_is_no_version_of_it(remote: Remote, history: SettingsHistory) -> None:
    assert await label(history) is None
    remote.commit({PATH: "label: first\n"})
    remote.person("rm", "-q", PATH)
    remote.commit({"README.md": "without\n"})
    remote.commit({PATH: BAD})
    assert await label(history) == "first"


async def test_bytes_that_are_no_text_are_passed_over(remote: Remote, history: SettingsHistory) -> None:
    remote.commit({PATH: "label: first\n"})
    (remote.clone / PATH).write_bytes(b"label: \xff\n")
    remote.commit({})
    assert await label(history) == "first"


async def test_what_was_only_on_another_branch_was_never_in_force(remote: Remote, history: SettingsHistory) -> None:
    remote.commit({PATH: "label: first\n"})
    remote.commit({PATH: "label: tried\n"}, branch="work")
    remote.commit({PATH: BAD}, branch="work")
    remote.person("checkout", "-q", "main")
    remote.person("merge", "-q", "--no-ff", "-m", "merge", "work")
    remote.person("push", "-q", "origin", "main")
    assert await label(history) == "first"


async def test_the_default_branch_may_have_any_name(remote: Remote, history: SettingsHistory) -> None:
    remote.commit({PATH: "label: main\n"})
    remote.commit({PATH: "label: trunk\n"}, branch="trunk")
    remote.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    assert await label(history) == "trunk"


async def test_it_goes_back_so_far_and_no_farther(remote: Remote, history: SettingsHistory) -> None:
    remote.commit({PATH: "label: first\n"})
    for number in range(MOST_VERSIONS - 1):
        remote.commit({PATH: f"lable: {number}\n"})
    assert await label(history) == "first"
    remote.commit({PATH: BAD})
    assert await label(history) is None


async def test_an_empty_repository_has_none(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    empty = Remote(folder)
    async with Mirror(tmp_path / "mirror.git", str(empty.path), no_token, BOT) as mirror:
        assert await SettingsHistory(mirror).last_good() is None


async def test_a_remote_that_does_not_answer_is_no_answer(tmp_path: Path) -> None:
    async with Mirror(tmp_path / "mirror.git", str(tmp_path / "nowhere.git"), no_token, BOT) as mirror:
        with pytest.raises(Unreachable):
            await SettingsHistory(mirror).last_good()
