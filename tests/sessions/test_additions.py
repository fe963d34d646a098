"""Submodules and large files in the tree of a session, where the repository's settings ask for them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from bot.git import large_files
from bot.git.mirror import Mirror, no_token
from bot.model.assignment import Assignment
from bot.model.identity import RepositoryName
from bot.model.session import Failed, FailureKind, Outcome, Published, Void
from bot.model.worktree import Shape
from bot.sessions.run import SessionRunner
from bot.sessions.submodules import repository_named
from tests.git.conftest import BOT, Remote
from tests.sessions.conftest import World

LIBRARY = RepositoryName("octo", "library")
SHOP = RepositoryName("octo", "shop")
SEES = 'print(subprocess.run("cat lib/code.py big.bin; git status --porcelain", shell=True, capture_output=True, text=True).stdout, flush=True)\n'  # noqa: E501
WRITES = SEES + 'write("src/new.py", "x = 1"); commit()\n'


@pytest.fixture
def library(tmp_path: Path) -> Remote:
    folder = tmp_path / "library"
    folder.mkdir()
    remote = Remote(folder)
    remote.commit({"code.py": "answer = 42\n"})
    return remote


def with_submodule(remote: Remote, library: Remote, address: str = "../library.git") -> None:
    """A person adds the library to the shop, at ``lib``."""
    (remote.clone / ".gitmodules").write_text(f'[submodule "lib"]\n\tpath = lib\n\turl = {address}\n')
    head = library.person("rev-parse", "HEAD")
    remote.person("add", ".gitmodules")
    remote.person("update-index", "--add", "--cacheinfo", f"160000,{head},lib")
    remote.person("commit", "-q", "-m", "the library")
    remote.person("push", "-q", "-f", "origin", "main")


async def run(world: World, assignment: Assignment, library: Remote | None = None) -> Outcome:
    """With mirrors of the shop and, where the App may read it, of the library."""
    mirrors = {SHOP: world.mirror}
    if library is not None:
        mirrors[LIBRARY] = Mirror(world.folder / "library.git", str(library.path), no_token, BOT)

    async def mirror_of(name: RepositoryName) -> Mirror:
        if name not in mirrors:
            raise LookupError(f"no installation on {name}")
        await mirrors[name].prepare()
        return mirrors[name]

    world.data = world.folder / "data-2"
    async with SessionRunner(world.data, mirror_of, world.roster, sandbox=world.runner._policy) as runner:
        report = await runner.run(assignment)
    if LIBRARY in mirrors:
        await mirrors[LIBRARY].close()
    return report.outcome


def seen(world: World, assignment: Assignment) -> str:
    return "\n".join(line["text"] for line in world.transcript(assignment) if line["kind"] == "message")


async def test_submodules_are_left_out_unless_they_are_asked_for(world: World, remote: Remote, library: Remote) -> None:
    with_submodule(remote, library)
    world.agent(WRITES)
    assignment = world.worker()
    assert isinstance(await run(world, assignment, library), Published)
    assert "answer" not in seen(world, assignment)


async def test_an_agent_and_the_verify_command_have_the_submodules(
    world: World, remote: Remote, library: Remote
) -> None:
    with_submodule(remote, library)
    world.agent(WRITES)
    assignment = world.worker(worktree=Shape(submodules=True), verify_command="cat lib/code.py")
    outcome = await run(world, assignment, library)
    assert isinstance(outcome, Published), outcome
    assert outcome.evidence is not None
    assert "answer = 42" in outcome.evidence.tail
    tree = seen(world, assignment)
    assert "answer = 42" in tree
    assert "lib" not in tree.replace("lib/code.py", ""), "it does not show as changed"


async def test_a_submodule_that_an_agent_moved_does_not_leave(world: World, remote: Remote, library: Remote) -> None:
    with_submodule(remote, library)
    world.agent('write("lib/code.py", "answer = 43")\nos.chdir("lib"); commit(); os.chdir(".."); commit()\n')
    assignment = world.worker(worktree=Shape(submodules=True), scope=("**",))
    outcome = await run(world, assignment, library)
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.GATE
    assert "submodules may not be added, moved or removed (lib)" in outcome.detail or "submodules" in outcome.detail


async def test_a_submodule_that_the_app_may_not_read_is_named(world: World, remote: Remote, library: Remote) -> None:
    with_submodule(remote, library)
    outcome = await run(world, world.worker(worktree=Shape(submodules=True)))
    assert isinstance(outcome, Void)
    assert "the submodule 'lib' of octo/shop is octo/library, which cannot be read: install the App" in outcome.reason


async def test_a_submodule_from_elsewhere_is_never_asked_for(
    world: World, remote: Remote, library: Remote, tmp_path: Path
) -> None:
    for address in (str(library.path), f"file://{library.path}", "https://evil.example/octo/library", "ext::sh -c x"):
        with_submodule(remote, library, address)
        outcome = await run(world, world.worker(worktree=Shape(submodules=True)), library)
        assert isinstance(outcome, Void)
        assert "is no repository on the same GitHub" in outcome.reason


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("https://github.com/octo/library.git", "octo/library"),
        ("https://GitHub.com/octo/library", "octo/library"),
        ("git@github.com:octo/library.git", "octo/library"),
        ("ssh://git@github.com/octo/library.git", "octo/library"),
        ("../library", "octo/library"),
        ("../../other/library.git", "other/library"),
        ("https://github.com.evil.example/octo/library", None),
        ("https://user@github.com/octo/library", None),
        ("http://github.com/octo/library", None),
        ("git@evil.example:octo/library.git", None),
        ("../../../library", None),
        ("https://github.com/octo/library/../../x", None),
        ("-oProxyCommand=x", None),
        ("/etc", None),
        ("", None),
    ],
)
def test_only_repositories_on_the_same_github_are_meant(address: str, named: str | None) -> None:
    found = repository_named(address, SHOP, "https://github.com/octo/shop.git")
    assert (str(found) if found else None) == named


def stored_large(remote: Remote, content: str) -> None:
    """A person stores ``big.bin`` with Git LFS."""
    remote.person("lfs", "install", "--local")
    remote.person("lfs", "track", "*.bin")
    remote.commit({"big.bin": content})


with_lfs = pytest.mark.skipif(
    not os.environ.get("CI") and shutil.which("git-lfs") is None, reason="install git-lfs to run this test"
)


@with_lfs
async def test_an_agent_and_the_verify_command_have_the_large_files(world: World, remote: Remote) -> None:
    stored_large(remote, "very large\n")
    world.agent(WRITES)
    assignment = world.worker(worktree=Shape(lfs=True), verify_command="cat big.bin")
    outcome = await run(world, assignment)
    assert isinstance(outcome, Published), outcome
    assert outcome.evidence is not None
    assert "very large" in outcome.evidence.tail
    assert "very large" in seen(world, assignment)
    assert "big.bin" not in seen(world, assignment), "it does not show as changed"
    kept = await world.show(outcome.head, "big.bin")
    assert kept is not None
    assert kept.startswith("version https://git-lfs"), "a pointer, as it was"


@with_lfs
async def test_large_files_are_pointers_unless_they_are_asked_for(world: World, remote: Remote) -> None:
    stored_large(remote, "very large\n")
    world.agent(WRITES)
    assignment = world.worker()
    assert isinstance(await run(world, assignment), Published)
    assert "oid sha256:" in seen(world, assignment)


@with_lfs
async def test_a_large_file_that_an_agent_changed_does_not_leave(world: World, remote: Remote) -> None:
    stored_large(remote, "very large\n")
    world.agent('write("src/big.bin", "larger still"); commit()\n')
    outcome = await run(world, world.worker(worktree=Shape(lfs=True)))
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.GATE
    assert "files that Git LFS stores may not be added or changed" in outcome.detail


@with_lfs
async def test_a_large_file_may_be_moved(world: World, remote: Remote) -> None:
    stored_large(remote, "very large\n")
    world.agent('git("mv", "big.bin", "src/big.bin"); commit()\n')
    outcome = await run(world, world.worker(worktree=Shape(lfs=True), scope=("**",)))
    assert isinstance(outcome, Published), outcome


async def test_a_server_without_the_program_says_what_to_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_files, "PROGRAM", "git-lfs-that-is-not-there")
    outcome = await run(world, world.worker(worktree=Shape(lfs=True)))
    assert isinstance(outcome, Void)
    assert "git-lfs is not installed on the server: install it" in outcome.reason
