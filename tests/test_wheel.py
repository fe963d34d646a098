"""`pip install .` gives everything that the installed program reads, and a program that works outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bot.model.assignment import Assignment, PlannerBriefing
from bot.model.identity import SessionId
from bot.model.session import Role

ROOT = Path(__file__).parent.parent
COMMAND = """
import sys
from importlib.metadata import distribution

(crewline,) = distribution("crewline").entry_points.select(group="console_scripts", name="crewline")
sys.exit(crewline.load()())
"""
"""What pip writes into the script `crewline`."""

RENDER = """
import sys
from pathlib import Path
from bot.model.assignment import Assignment
from bot.sessions.prompt import Surroundings, compile_own, render, templates_folder

compile_own()
print(templates_folder())
print(render(Assignment.model_validate_json(sys.stdin.read()), Surroundings(answer_file=Path("answer.json"), base="a")))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def packed(wheel: Path) -> frozenset[str]:
    """The names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of packages that the wheel was unpacked into, as pip would."""
    packages = tmp_path_factory.mktemp("packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    return packages


def run(installed: Path, home: Path, program: str, *arguments: str, given: str = "") -> str:
    """What a program prints that finds the unpacked wheel before this checkout, in an empty folder."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(installed)},
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


def test_templates_queries_schemas_and_drawings_are_inside(packed: frozenset[str]) -> None:
    files = (path for path in (ROOT / "bot").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    wanted = {path.relative_to(ROOT).as_posix() for path in files}
    assert {"bot/web/pages/dashboard.html", "bot/localhub/graphql/schema.graphql"} <= wanted
    assert any(name.startswith("bot/github/queries/") for name in wanted)
    assert any("mermaid" in name for name in wanted)
    assert wanted - packed == set()


def test_the_prompts_and_the_manifest_are_inside(packed: frozenset[str]) -> None:
    prompts = {f"bot/prompts/{path.relative_to(ROOT / 'prompts').as_posix()}" for path in (ROOT / "prompts").glob("*")}
    assert {Path(name).name.partition(".")[0] for name in prompts} >= {"planner", "worker", "reviewer"}
    assert prompts | {"bot/app.yml"} <= packed


def test_tests_stay_outside(packed: frozenset[str]) -> None:
    assert not [name for name in packed if name.startswith(("tests/", "scripts/"))]


def test_the_command_works_in_a_folder_outside(installed: Path, tmp_path: Path) -> None:
    where = "import bot; print(bot.__file__)"
    assert Path(run(installed, tmp_path, where).strip()).is_relative_to(installed)
    said = run(installed, tmp_path, COMMAND, "--help")
    assert all(name in said for name in ("serve", "demo", "try", "localhub", "doctor", "gc", "logs"))
    assert run(installed, tmp_path, COMMAND, "version").startswith("crewline ")
    assert "no CREWLINE_… variable is set" in run(installed, tmp_path, COMMAND, "doctor")


def test_it_renders_its_own_prompts(installed: Path, tmp_path: Path) -> None:
    assignment = Assignment(
        id=SessionId("1.plan.planner.1"),
        repository="alice/shop",
        objective=1,
        role=Role.PLANNER,
        task=None,
        agent="scripted",
        model=None,
        seconds=60,
        base_branch="main",
        briefing=PlannerBriefing(title="Sell apples", body="And pears.", most_tasks=3, verify_command=None),
    )
    said = run(installed, tmp_path, RENDER, given=assignment.model_dump_json())
    folder, _, prompt = said.partition("\n")
    assert Path(folder).is_relative_to(installed)
    assert "Sell apples" in prompt
    assert "answer.json" in prompt
