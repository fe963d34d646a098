"""What an agent leaves in its home for the next turn: ours are written past it, in a sandbox and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.model.sandbox import SandboxMode
from bot.model.session import Published
from tests.sessions.test_follow_ups import Claude
from tests.sessions.test_hostile_in_sandbox import Open, opened

__all__ = ["opened"]

PLANTS = """
home = pathlib.Path(os.environ["HOME"])
if turn == 1:
    (home / "mcp.json").unlink()
    PLANT
    write("src/a.py", "a")
else:
    assert json.loads((home / "mcp.json").read_text()) == {"mcpServers": {}}
    commit()
done()
"""


@pytest.mark.parametrize("mode", [SandboxMode.BUBBLEWRAP, SandboxMode.NONE])
@pytest.mark.parametrize(
    "plant",
    [
        '(home / "mcp.json").symlink_to("PRECIOUS")',
        'os.mkfifo(home / "mcp.json")',
        '(home / "mcp.json").mkdir(); write(home / "mcp.json" / "deep", "x")',
        "home.chmod(0o500)",
    ],
)
async def test_what_was_planted_where_settings_go_is_replaced(
    opened: Open, mode: SandboxMode, plant: str, tmp_path: Path, programs_folder: Path
) -> None:
    precious = tmp_path / "precious.pem"
    precious.write_text("keep")
    async with opened(mode) as world:
        claude = Claude(world, programs_folder)
        claude.does(PLANTS.replace("PLANT", plant.replace("PRECIOUS", str(precious))))
        assert isinstance(await world.run(claude.worker()), Published)
    assert precious.read_text() == "keep"


async def test_without_a_sandbox_not_even_the_folders_of_the_session_lead_elsewhere(
    opened: Open, tmp_path: Path, programs_folder: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    async with opened(SandboxMode.NONE) as world:
        claude = Claude(world, programs_folder)
        claude.does(
            'home = pathlib.Path(os.environ["HOME"])\n'
            "if turn == 1:\n"
            f'    home.rename(home.with_name("old")); home.symlink_to({str(elsewhere)!r})\n'
            '    os.mkfifo(home.with_name("prompt-2.md")); home.with_name("answer-2").mkdir()\n'
            '    write("src/a.py", "a")\n'
            "else: commit()\n"
            "done()"
        )
        assert isinstance(await world.run(claude.worker()), Published)
    assert list(elsewhere.iterdir()) == []
