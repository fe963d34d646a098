"""A conversation goes on in a container too: another container, the same home. Skipped where no engine works."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.git.mirror import Mirror, no_token
from bot.model.sandbox import NetworkMode, SandboxMode, SandboxPolicy
from bot.model.session import Published
from tests.git.conftest import BOT, Remote
from tests.sandbox.engines import container
from tests.sessions.conftest import World
from tests.sessions.test_going_on import Programs, answering, notes, prompts
from tests.sessions.test_kept import runner_of


@pytest.mark.parametrize("engine", ["podman", "docker"])
async def test_the_answer_is_the_next_turn_in_the_same_home(
    engine: str, tmp_path: Path, remote: Remote, programs_folder: Path
) -> None:
    offered = container(engine).with_programs(programs_folder)
    policy = SandboxPolicy(
        mode=SandboxMode.CONTAINER,
        network=NetworkMode.NONE,
        engine=offered.words,
        image=offered.image,
        paths=(*offered.paths, programs_folder),
        hidden=(tmp_path / "data-2",),
    )
    async with Mirror(tmp_path / "mirror.git", str(remote.path), no_token, BOT) as mirror:
        world = World(tmp_path, remote, mirror)
        programs = Programs(world, programs_folder)
        async with runner_of(world, sandbox=policy) as runner:
            asks = programs.asking()
            again = answering(asks, await runner.run(asks))
            report = await runner.run(again)
        assert isinstance(report.outcome, Published), report.outcome
        assert "container (" in report.outcome.made_in
        assert notes(world, again) == [f"it goes on with that of session {asks.id}"]
        [short] = prompts(world, again)
        assert "Add parse_line." not in short
        assert "half.py" in (await world.show(report.outcome.head, "src/whole.py") or "")
