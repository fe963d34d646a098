"""A secret in an earlier commit of a branch: it does not leave, though the head does not have it any more."""

from __future__ import annotations

import pytest

from bot.model.gate import GateCaps
from bot.model.sandbox import SandboxMode
from bot.model.session import Failed, FailureKind, Outcome, Published, salvage_of
from tests.sessions.conftest import World
from tests.sessions.test_follow_ups import Claude, claude
from tests.sessions.test_hostile_in_sandbox import Open, opened

__all__ = ["claude", "opened"]

KEY = "ghp_" + "a1B2" * 9
SLIPS = f"write('src/a.py', 'key = \"{KEY}\"\\n'); commit('one')\n"
MENDS = "write('src/a.py', 'key = 1\\n'); commit('two')\n"


def refused(outcome: Outcome) -> str:
    assert isinstance(outcome, Failed)
    assert outcome.reason is FailureKind.GATE
    assert "`git reset --soft " in outcome.detail
    assert KEY not in outcome.detail
    return outcome.detail


@pytest.mark.parametrize("mode", [SandboxMode.BUBBLEWRAP, SandboxMode.NONE])
async def test_a_secret_that_was_taken_back_is_refused(opened: Open, mode: SandboxMode) -> None:
    async with opened(mode) as world:
        world.agent(SLIPS + MENDS)
        assert "`src/a.py`: a commit adds a secret (GitHub Token)" in refused(await world.run(world.worker()))
        world.agent("write('src/a.py', 'sk-ant-secret'); commit()\nwrite('src/a.py', ''); commit()")
        assert "a commit adds a secret (a credential of this server)" in refused(await world.run(world.worker()))


async def test_who_is_told_so_joins_the_commits(world: World, claude: Claude) -> None:
    claude.does(
        f"if turn == 1:\n    {SLIPS}    {MENDS}"
        "else:\n    where = prompt.split('`git reset --soft ')[1].split('`')[0]\n"
        "    git('reset', '-q', '--soft', where); commit('anew')\ndone()"
    )
    outcome = await world.run(claude.worker())
    assert isinstance(outcome, Published)
    log = await world.mirror.git("log", "-p", "--format=%s", f"{outcome.base}..{outcome.head}")
    assert log.stdout.decode().startswith("anew")
    assert KEY not in log.stdout.decode()
    assert "every commit is published" in claude.prompts(claude.worker())[1]


async def test_it_is_not_salvaged_either(world: World) -> None:
    world.agent(SLIPS + MENDS + "sys.exit(3)")
    left = salvage_of(await world.run(world.worker()))
    assert left is not None
    assert left.head is None
    assert "a commit adds a secret" in (left.refusal or "")


async def test_in_a_name_a_link_or_a_message_it_is_found_too(world: World) -> None:
    world.agent(f"write('src/{KEY}', ''); commit()\ngit('mv', 'src/{KEY}', 'src/a'); commit()")
    refused(await world.run(world.worker()))
    world.agent(f"os.symlink('{KEY}', 'src/link'); commit()\nos.unlink('src/link'); write('src/a', ''); commit()")
    assert "`src/link`" in refused(await world.run(world.worker()))
    world.agent(f"write('src/a', ''); commit('Use {KEY}')")
    assert "`the message of a commit`: it holds a secret" in refused(await world.run(world.worker()))
    world.agent(f"os.symlink('{KEY}', 'src/link'); write('src/{KEY}', ''); commit()")
    outcome = await world.run(world.worker())
    assert isinstance(outcome, Failed)
    assert outcome.detail.count("the added lines hold a secret") == 2
    assert KEY not in outcome.detail


async def test_what_the_base_has_is_no_leak_though_it_was_taken_away_moved_on_and_merged(world: World) -> None:
    world.remote.commit({"src/fixture.py": f'key = "{KEY}"\n'})
    world.agent(
        "git('rm', '-q', 'src/fixture.py'); commit('one'); git('revert', '--no-edit', 'HEAD')\n"
        "write('src/a.py', 'a'); commit('two')\n"
        "git('checkout', '-q', '-b', 'side', 'HEAD~2'); write('src/b.py', 'b'); commit('three')\n"
        "git('checkout', '-q', '-'); git('merge', '-q', '--no-edit', 'side')\n"
    )
    assert isinstance(await world.run(world.worker()), Published)


async def test_a_secret_that_only_a_merge_adds_is_found(world: World) -> None:
    world.agent(
        "write('src/a.py', 'a'); commit('one'); git('checkout', '-q', '-b', 'side', 'HEAD~1')\n"
        "write('src/b.py', 'b'); commit('two'); git('checkout', '-q', '-')\n"
        "git('merge', '-q', '--no-commit', '--no-ff', 'side')\n" + SLIPS + MENDS
    )
    refused(await world.run(world.worker()))


async def test_what_is_too_much_to_be_looked_through_does_not_leave(world: World) -> None:
    world.agent("write('src/a.py', 'a' * 2_000_000); commit('one')\n" + MENDS)
    assert "a commit has it with 2000000 bytes, more than 1000000" in refused(await world.run(world.worker()))
    world.agent("for n in range(4): write('src/a.py', str(n) * 900); commit()")
    assert isinstance(await world.run(world.worker(gate=GateCaps(kilobytes=3))), Published)
    assert "too much to be looked through" in refused(await world.run(world.worker(gate=GateCaps(kilobytes=2))))
    assert "too much to be looked through" in refused(await world.run(world.worker(gate=GateCaps(files=2))))


async def test_commits_of_which_each_adds_its_own_file_need_no_second_look(world: World) -> None:
    world.agent("for n in range(4): write(f'src/{n}.py', 'a'); commit()")
    assert isinstance(await world.run(world.worker(gate=GateCaps(files=4, kilobytes=1))), Published)
