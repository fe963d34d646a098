"""Trees that stand ready, and trees that hold a part of the repository."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.model.identity import RepositoryName
from bot.model.session import Failed, Published
from bot.model.worktree import WHOLE, Shape, cone
from bot.sessions import ready
from bot.sessions.run import SessionRunner
from tests.git.conftest import Remote
from tests.sessions.conftest import World
from tests.sessions.test_runner import numbered

SHOWS = 'print(subprocess.run("git status --porcelain; git log -1 --format=%H; find . -type f | grep -v ./.git | sort", shell=True, capture_output=True, text=True).stdout, flush=True)\n'  # noqa: E501
COMMITS = SHOWS + 'write("src/" + session + ".py", "x = 1"); commit()'


SHOP = RepositoryName("octo", "shop")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every checkout counts as slow."""
    monkeypatch.setattr(ready, "SLOW", 0.0)


def runner_of(world: World, most: int = 2) -> SessionRunner:
    world.data = world.folder / "data-2"
    return SessionRunner(world.data, world._mirror, world.roster, ready_trees=most)


def standing(world: World) -> list[Path]:
    return sorted(world.data.glob("ready/octo/shop/*"))


def seen(world: World, number: int) -> str:
    """What the agent printed of its tree."""
    assignment = numbered(world.worker(), number)
    return "\n".join(line["text"] for line in world.transcript(assignment) if line["kind"] == "message")


async def published(runner: SessionRunner, world: World, number: int) -> Published:
    report = await runner.run(numbered(world.worker(), number))
    assert isinstance(report.outcome, Published), report.outcome
    return report.outcome


async def test_a_session_begins_in_a_tree_that_stood_ready(world: World, slow: None) -> None:
    world.agent(COMMITS)
    async with runner_of(world) as runner:
        await published(runner, world, 1)
        await runner.trees.settled()
        [made] = standing(world)
        inode = (made / "tree").stat().st_ino
        world.agent(COMMITS + '; write("src/inode.py", str(os.stat(".").st_ino)); commit()')
        outcome = await published(runner, world, 2)
        assert await world.show(outcome.head, "src/inode.py") == str(inode)
        assert made not in standing(world), "a tree is handed out once"
    assert standing(world) == []


async def test_what_has_changed_since_is_there_and_what_went_is_gone(world: World, remote: Remote, slow: None) -> None:
    world.agent(COMMITS)
    async with runner_of(world) as runner:
        await published(runner, world, 1)
        await runner.trees.settled()
        (remote.clone / "src" / "shop.py").unlink()
        remote.commit({"README.md": "# Shop, larger\n", "src/new/a.py": "a = 1\n"})
        outcome = await published(runner, world, 2)
        tree = seen(world, 2)
        assert "src/new/a.py" in tree
        assert "src/shop.py" not in tree
        assert tree.startswith(str(outcome.base)), "nothing shows as changed"
        assert await world.show(outcome.head, "README.md") == "# Shop, larger\n"


async def test_trees_that_stand_ready_follow_the_base(world: World, remote: Remote, slow: None) -> None:
    world.agent(COMMITS)
    async with runner_of(world) as runner:
        for number in (1, 2):
            await published(runner, world, number)
        await runner.trees.settled()
        before = {(made / "tree").stat().st_ino for made in standing(world)}
        (remote.clone / "src" / "shop.py").unlink()
        remote.commit({"src/new/a.py": "a = 1\n"})
        await published(runner, world, 3)
        await runner.trees.settled()
        trees = [made / "tree" for made in standing(world)]
        assert len(trees) == 2
        assert before & {tree.stat().st_ino for tree in trees}, "one was moved on, not made anew"
        for tree in trees:
            assert (tree / "src" / "new" / "a.py").read_text() == "a = 1\n"
            assert not (tree / "src" / "shop.py").exists()


async def test_a_tree_that_is_just_being_moved_on_is_waited_for(
    world: World, remote: Remote, slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.agent(COMMITS)
    async with runner_of(world, most=1) as runner:
        await published(runner, world, 1)
        await runner.trees.settled()
        [made] = standing(world)
        old = await world.mirror.branch("main")
        new = remote.commit({"README.md": "# Shop, larger\n"})
        await world.mirror.fetch()
        moves, moved = asyncio.Event(), asyncio.Event()

        async def slowly(*where: object) -> None:
            moves.set()
            await moved.wait()

        monkeypatch.setattr(ready, "move_on", slowly)
        assert old is not None
        runner.trees.began(world.mirror, SHOP, new, WHOLE, 1.0)
        await moves.wait()
        taking = asyncio.create_task(runner.trees.take(SHOP, WHOLE, new))
        await asyncio.sleep(0)
        assert not taking.done()
        moved.set()
        taken = await taking
        assert taken is not None
        assert (taken.folder, taken.commit) == (made, new)
        runner.trees.discard(taken)


async def test_sessions_at_once_never_share_a_tree(world: World, slow: None) -> None:
    world.agent(COMMITS)
    async with runner_of(world, most=3) as runner:
        for first in (1, 11):
            numbers = range(first, first + 5)
            found = await asyncio.gather(*(published(runner, world, number) for number in numbers))
            for number, outcome in zip(numbers, found, strict=True):
                names = await world.mirror.git("diff-tree", "-r", "--name-only", outcome.base, outcome.head)
                assert names.stdout.decode().split() == [f"src/12.parser.worker.{number}.py"]
            await runner.trees.settled()
            assert len(standing(world)) == 3


async def test_a_small_repository_has_no_trees_that_stand_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "SLOW", 60.0)
    world.agent(COMMITS)
    async with runner_of(world) as runner:
        await published(runner, world, 1)
        assert standing(world) == []


async def test_what_a_killed_server_had_made_ready_is_not_used(world: World, slow: None) -> None:
    world.agent(COMMITS)
    world.data = world.folder / "data-2"
    half = world.data / "ready" / "octo" / "shop" / "abc" / "tree"
    half.mkdir(parents=True)
    (half / "half").write_text("")
    async with runner_of(world) as runner:
        await published(runner, world, 1)
        assert "half" not in seen(world, 1)
        assert half.parent not in standing(world)


async def test_a_sparse_tree_holds_what_is_configured_and_so_does_the_checkout_that_is_verified(
    world: World, remote: Remote
) -> None:
    remote.commit({"docs/guide/a.md": "a", "docs/b.md": "b", "src/deep/c.py": "c = 1\n", "top.txt": "t"})
    world.agent(COMMITS)
    shape = Shape(sparse=("src", "docs/guide/"))
    outcome = await world.run(world.worker(worktree=shape, verify_command="ls docs; test ! -e .github; ls src/deep"))
    assert isinstance(outcome, Published)
    tree = seen(world, 1).split()
    assert {"./top.txt", "./docs/b.md", "./docs/guide/a.md", "./src/deep/c.py"} <= set(tree)
    assert not any(".github" in path for path in tree)
    assert await world.show(outcome.head, ".github/workflows/ci.yml") == "on: push\n", "what is not there stays"


async def test_the_shape_of_a_tree_that_stands_ready_fits(world: World, slow: None) -> None:
    world.agent(COMMITS)
    async with runner_of(world) as runner:
        await published(runner, world, 1)
        await runner.trees.settled()
        sparse = numbered(world.worker(worktree=Shape(sparse=("src",))), 2)
        outcome = (await runner.run(sparse)).outcome
        assert not isinstance(outcome, Failed)
        assert ".github" not in seen(world, 2)


def test_the_patterns_are_those_of_git(tmp_path: Path) -> None:
    assert cone(("src", "docs/guide", "docs/guide/deep", "docs/x")).split() == [
        *("/*", "!/*/", "/docs/", "!/docs/*/", "/docs/guide/", "/docs/x/", "/src/"),
    ]


@pytest.mark.parametrize("folder", ["/etc", "../up", "a//b", "a/../b", "*.py", ".git", "a/.git/hooks", "!x", ""])
def test_only_folders_of_the_repository_can_be_named(folder: str) -> None:
    with pytest.raises(ValidationError):
        Shape(sparse=(folder,))
