"""`pip install .` gives everything that the installed program reads, not only its Python files."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """The names of the files in the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


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
