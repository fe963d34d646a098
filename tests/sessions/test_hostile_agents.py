"""Agents that mean harm, or do it: each is ended, named and harmless."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.model.session import Failed, FailureKind, Outcome, Published
from bot.sessions.archive import read_lines
from bot.sessions.run import transcript_path
from tests.sessions.conftest import SHOP, World, processes_with

WORK = 'write("src/parser.py", "x = 1\\n")\n'


def refused(outcome: Outcome) -> str:
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.GATE
    return outcome.detail


async def test_a_daemon_does_not_outlive_its_session(world: World) -> None:
    world.agent(
        'for _ in range(3): subprocess.Popen(["setsid", "nohup", "sleep", "98765"], stdout=subprocess.DEVNULL)\n'
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(600)\n    os._exit(0)\n"
        + WORK
        + "commit()"
    )
    assert isinstance(await world.run(world.worker()), Published)
    assert processes_with(str(world.data)) == []
    ends = [event["text"] for event in world.transcript(world.worker()) if event["kind"] == "exit"]
    assert "processes that it left were ended" in ends[0]


async def test_one_that_ignores_term_is_killed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.sessions.process.run_guarded.__kwdefaults__", {"on_error_output": None, "grace": 0.2})
    world.agent(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        'subprocess.Popen(["sh", "-c", "trap \\"\\" TERM; sleep 98766; sleep 98766"])\ntime.sleep(600)'
    )
    outcome = await world.run(world.worker(seconds=1))
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.TIMEOUT
    assert processes_with(str(world.data)) == []


async def test_one_that_kills_its_guard_gains_nothing(world: World) -> None:
    world.agent(
        'subprocess.Popen(["setsid", "sleep", "98767"])\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(600)'
    )
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Failed)
    assert "its guard was killed" in outcome.detail
    assert processes_with(str(world.data)) == []


async def test_two_hundred_megabytes_of_output_are_bounded(world: World) -> None:
    world.agent(
        'for _ in range(200): sys.stdout.write("x" * 1_000_000)\nfor _ in range(100_000): print("y")\n'
        + WORK
        + 'commit()\nsummary(status="completed", summary="Loud.")'
    )
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Published)
    assert outcome.summary is not None
    assert outcome.summary.summary == "Loud."
    kinds = {event["kind"] for event in world.transcript(world.worker())}
    assert "skipped" in kinds
    sizes = [sum(len(line) for line in read_lines(transcript_path(world.data, SHOP, world.worker().id)))]
    assert 0 < max(sizes) < 25_000_000


def edits_git(bait: Path) -> str:
    """Settings and hooks that touch `bait` where anybody runs them, and a folder that is not there."""
    return (
        f'evil = "touch {bait}; false"\n'
        'for key in ("core.fsmonitor", "core.sshCommand", "uploadpack.packObjectsHook", "filter.x.clean",'
        ' "filter.x.smudge", "diff.external", "core.alternateRefsCommand", "remote.origin.uploadpack"):\n'
        '    git("config", key, evil)\n'
        'git("config", "extensions.partialClone", "origin"); git("config", "remote.origin.promisor", "true")\n'
        'git_dir = pathlib.Path(git("rev-parse", "--absolute-git-dir"))\n'
        'for hook in ("post-checkout", "reference-transaction", "pre-auto-gc", "post-merge", "fsmonitor-watchman"):\n'
        '    write(git_dir / "hooks" / hook, "#!/bin/sh\\n" + evil); (git_dir / "hooks" / hook).chmod(0o755)\n'
        'write("src/.gitattributes", "* filter=x diff=x\\n")\n'
        + WORK
        + 'subprocess.run(["git", "-c", "core.fsmonitor=", "-c", "filter.x.clean=cat", "add", "-A"], check=True)\n'
        'subprocess.run(["git", "-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "commit", "-qm", "x"])\n'
        f"pathlib.Path({str(bait)!r}).unlink(missing_ok=True)\n"
        'write(git_dir / "commondir", "/nonexistent\\n")\nwrite("src/left.py", "")\n'
    )


async def test_planted_settings_and_hooks_are_never_run(world: World) -> None:
    bait = world.folder / "owned"
    world.agent(edits_git(bait))
    outcome = await world.run(world.worker(verify_command="test -f src/parser.py"))
    assert isinstance(outcome, Published)
    assert not bait.exists()


async def test_planted_settings_are_not_run_to_see_what_was_left(world: World) -> None:
    bait = world.folder / "owned"
    world.agent(
        f'git("config", "core.fsmonitor", "touch {bait}; false")\nwrite("src/left.py", "")\n'
        'subprocess.run(["git", "-c", "core.fsmonitor=", "init", "-q", "src/nested"])\n'
        f'subprocess.run(["git", "-C", "src/nested", "config", "core.fsmonitor", "touch {bait}; false"])\n'
    )
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Failed)
    assert "src/left.py" in outcome.detail
    assert not bait.exists()


REFUSED = [
    ('write("docs/a.md", "x")', "`docs/a.md`: the path is outside of the task's scope"),
    ('write(".github/workflows/evil.yml", "on: push")', "`.github/workflows/evil.yml`: the path is protected"),
    ('git("rm", "-q", ".github/workflows/ci.yml")', "`.github/workflows/ci.yml`: the path is protected"),
    ('git("mv", "README.md", "src/README.md")', "`README.md`: the path is outside"),
    ('write("src/big.bin", "x" * 2_000_000)', "`src/big.bin`: the file has 2000000 bytes"),
    ('os.symlink("../../../etc/passwd", "src/link")', "`src/link`: the symbolic link leaves the repository"),
    ('os.symlink("/etc", "src/etc")', "`src/etc`: the symbolic link leaves the repository"),
    ('write("src/a\\tb.py", "")', "control characters"),
    ('write("src/.gitmodules", "")', "submodules"),
    ('subprocess.run(["git", "init", "-q", "src/sub"]); '
     'subprocess.run("cd src/sub && git commit -q --allow-empty -m x", shell=True)', "submodules"),
    ('write("src/a.py", "<<<<<<< ours\\n1\\n=======\\n2\\n>>>>>>> theirs\\n")', "conflict marks"),
]  # fmt: skip
"""What an agent commits, and what the gate says of it."""


@pytest.mark.parametrize(("program", "said"), REFUSED)
async def test_the_gate_names_path_and_rule(world: World, program: str, said: str) -> None:
    world.agent(program + "\n" + WORK + "commit()")
    outcome = await world.run(world.worker(verify_command="touch /nonexistent/never-reached"))
    assert said in refused(outcome)


async def test_broken_objects_and_foreign_histories_do_not_come_in(world: World) -> None:
    world.agent(
        'blob = git("hash-object", "-w", "README.md")\n'
        'tree = subprocess.run(["git", "mktree"], input=f"100644 blob {blob}\\t.git\\n", text=True,'
        " capture_output=True).stdout.strip()\n"
        'git("reset", "-q", "--soft", git("commit-tree", tree, "-p", "HEAD", "-m", "x"))'
    )
    assert "Git refuses the commits" in refused(await world.run(world.worker()))
    world.agent('git("checkout", "-q", "--orphan", "new")\n' + WORK + "commit()")
    assert "share no history" in refused(await world.run(world.worker()))


async def test_a_repository_destroyed_by_its_agent_is_a_failure_of_the_agent(world: World) -> None:
    for program in (
        'import shutil; shutil.rmtree(git("rev-parse", "--absolute-git-dir"))',
        'head = pathlib.Path(git("rev-parse", "--absolute-git-dir")) / "HEAD"; head.unlink(); os.mkfifo(head)',
        'head = pathlib.Path(git("rev-parse", "--absolute-git-dir")) / "HEAD"; head.write_text("1" * 40)',
    ):
        world.agent(WORK + "commit()\n" + program)
        outcome = await world.run(world.worker())
        assert isinstance(outcome, Failed)
        assert outcome.reason in (FailureKind.NO_COMMITS, FailureKind.GATE)


async def test_a_tree_replaced_by_a_link_takes_nothing_else_along(world: World, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    world.agent(
        WORK + "commit()\ntree = pathlib.Path.cwd()\nos.chdir('/')\nimport shutil; shutil.rmtree(tree)\n"
        f"os.symlink({str(precious)!r}, tree)\nos.symlink({str(precious)!r}, tree.parent / 'harvest')"
    )
    await world.run(world.worker(verify_command="true"))
    assert (precious / "file").read_text() == "keep"
    assert [path.name for path in precious.iterdir()] == ["file"]


async def test_agents_and_verify_see_no_secret_of_the_server(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREWLINE_WEBHOOK_SECRET", "hush")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret")
    world.agent('write("src/env.txt", json.dumps(dict(os.environ))); print("sk-ant-secret"); commit()')
    outcome = await world.run(world.worker(verify_command="! env | grep -e hush -e sk-ant"))
    assert isinstance(outcome, Published)
    seen = await world.show(outcome.head, "src/env.txt")
    assert seen is not None
    assert "hush" not in seen
    assert "sk-ant-secret" not in seen
    said = [event["text"] for event in world.transcript(world.worker()) if event["kind"] == "message"]
    assert said == ["***"]
