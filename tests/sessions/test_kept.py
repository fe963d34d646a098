"""The next attempt of a task works in the tree of the last one, with what that had installed and built."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.model.assignment import Assignment
from bot.model.hooks import Hooks
from bot.model.sandbox import SandboxPolicy
from bot.model.session import Failed, FailureKind, Published
from bot.sandbox.sandbox import NO_SANDBOX
from bot.sessions.run import SessionRunner
from tests.git.conftest import Remote
from tests.sessions.conftest import World
from tests.sessions.test_runner import numbered

INSTALLS = 'write(".venv/tool", os.getcwd()); write("junk/a", "x"); write("src/shop.py", "broken")\n'
SEES = 'print(os.getcwd(), subprocess.run("git status --porcelain; cat src/shop.py; find . -path ./.git -prune -o -print | sort; cat .venv/tool", shell=True, capture_output=True, text=True).stdout, flush=True)\n'  # noqa: E501
COMMITS = 'write("src/new.py", "x = 1"); git("add", "src/new.py"); git("commit", "-q", "-m", "work")\n'


@pytest.fixture(autouse=True)
def ignoring(remote: Remote) -> None:
    remote.commit({".gitignore": "/.venv/\n/junk-kept/\n", "src/shop.py": "price = 1\n"})


def runner_of(world: World, most: int = 2, sandbox: SandboxPolicy = NO_SANDBOX) -> SessionRunner:
    world.data = world.folder / "data-2"
    return SessionRunner(world.data, world._mirror, world.roster, ready_trees=most, sandbox=sandbox)


def seen(world: World, assignment: Assignment) -> str:
    return "\n".join(line["text"] for line in world.transcript(assignment) if line["kind"] == "message")


async def two_attempts(world: World, first: str, second: str = SEES + COMMITS, most: int = 2) -> str:
    """What the second one saw."""
    async with runner_of(world, most) as runner:
        world.agent(first)
        await runner.run(numbered(world.worker(), 1))
        world.agent(second)
        again = numbered(world.worker(), 2)
        report = await runner.run(again)
        assert isinstance(report.outcome, Published), report.outcome
        names = await world.mirror.git("diff-tree", "-r", "--name-only", report.outcome.base, report.outcome.head)
        assert names.stdout.decode().split() == ["src/new.py"]
        return seen(world, again)


async def test_what_was_installed_is_there_again_at_the_same_place_and_nothing_else_is(world: World) -> None:
    tree = await two_attempts(world, INSTALLS)
    lines = tree.split()
    assert lines.count(lines[0]) == 2, "the place that was written into what was installed is the place"
    assert "price = 1" in tree
    assert "broken" not in tree
    assert "./junk" not in tree
    assert "src/shop.py\n" not in tree.partition("price")[0], "nothing shows as changed"


async def test_nothing_of_the_former_agents_repository_takes_part(world: World) -> None:
    evil = 'git("config", "core.fsmonitor", "touch /tmp/never; false"); write(".git.d/x", "")\n'
    hook = 'write(os.path.join(git("rev-parse", "--git-dir"), "hooks/pre-commit"), "exit 1")\n'
    tree = await two_attempts(
        world, INSTALLS + evil + hook, SEES + 'print("config:", git("config", "--list"), flush=True)\n' + COMMITS
    )
    assert ".venv/tool" in tree
    assert "fsmonitor" not in tree


@pytest.mark.parametrize(
    "planted",
    [
        'os.unlink(".git"); os.mkfifo(".git")',
        'os.unlink(".git"); os.makedirs(".git/hooks")',
        'os.unlink(".git"); os.symlink("/etc/passwd", ".git")',
        'os.mkfifo("src/.gitattributes"); os.mkfifo("src/.gitignore")',
        'write("src/sub/.gitignore", "*"); write("src/sub/evil", "x")',
        'os.unlink("src/shop.py"); os.rmdir("src") if not os.listdir("src") else None',
        'os.mkdir("nested"); subprocess.run("cd nested; git init -q; git commit -q --allow-empty -m x", shell=True)',
    ],
)
async def test_what_an_agent_planted_leads_git_nowhere(world: World, planted: str) -> None:
    tree = await two_attempts(world, INSTALLS + planted)
    assert ".venv/tool" in tree, "the tree was taken over"
    assert "evil" not in tree
    assert "nested" not in tree
    assert "price = 1" in tree


async def test_a_link_out_of_the_tree_is_not_followed(world: World, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "shop.py").write_text("keep me")
    (outside / "other").write_text("keep me")
    link = f'import shutil; shutil.rmtree("src"); os.symlink("{outside}", "src")\n'
    tree = await two_attempts(world, INSTALLS + link)
    assert "price = 1" in tree
    assert sorted(path.name for path in outside.iterdir()) == ["other", "shop.py"]
    assert (outside / "shop.py").read_text() == "keep me"


async def test_a_new_tree_is_made_where_the_old_one_is_none(world: World) -> None:
    first = INSTALLS + 'import shutil; here = os.getcwd(); os.chdir("/"); os.rename(here, here + "-away")\n'
    tree = await two_attempts(world, first)
    assert ".venv" not in tree
    assert "price = 1" in tree


async def test_a_tree_whose_attempt_the_gate_refused_is_not_used_again(world: World) -> None:
    first = INSTALLS + 'write(".github/workflows/x.yml", "on: push"); commit()\n'
    tree = await two_attempts(world, first)
    assert ".venv" not in tree


async def test_none_is_kept_where_there_shall_be_none(world: World) -> None:
    assert ".venv" not in await two_attempts(world, INSTALLS, most=0)


async def test_after_create_runs_once_for_a_tree(world: World) -> None:
    hooks = Hooks(after_create="mkdir -p .venv; echo made >> .venv/tool")
    async with runner_of(world) as runner:
        world.agent("")
        first = await runner.run(numbered(world.worker(hooks=hooks), 1))
        assert isinstance(first.outcome, Failed)
        assert first.outcome.reason is FailureKind.NO_COMMITS
        world.agent(SEES + COMMITS)
        again = numbered(world.worker(hooks=hooks), 2)
        assert isinstance((await runner.run(again)).outcome, Published)
        assert seen(world, again).count("made") == 1
    assert not list(world.data.glob("work/*/*/*")), "nothing is left when the server ends"
