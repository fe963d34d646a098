"""What Crewline is built on: every library has a reason in the docs, and a pin in both lock files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, Field

ROOT = Path(__file__).parent.parent


class Project(BaseModel):
    """What pyproject.toml says of requirements."""

    model_config = ConfigDict(frozen=True)

    dependencies: tuple[str, ...]
    optional: dict[str, tuple[str, ...]] = Field(alias="optional-dependencies")


PROJECT = Project.model_validate(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"])
RUNTIME = tuple(map(Requirement, PROJECT.dependencies))
DEVELOPMENT = tuple(map(Requirement, PROJECT.optional["dev"]))


def names(requirements: tuple[Requirement, ...]) -> set[str]:
    return {canonicalize_name(one.name) for one in requirements}


def locked(name: str) -> dict[str, Requirement]:
    """The pins of a lock file by the name of the library."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pins = (Requirement(line.rstrip(" \\")) for line in lines if re.match(r"\w", line))
    return {canonicalize_name(pin.name): pin for pin in pins}


def is_satisfied(wanted: Requirement, pin: Requirement | None) -> bool:
    """Whether the pin is of a version that is allowed, with all extras that are asked for."""
    if pin is None:
        return False
    (exactly,) = pin.specifier
    return exactly.operator == "==" and wanted.specifier.contains(exactly.version) and wanted.extras <= pin.extras


@pytest.mark.parametrize(
    ("lock", "requirements"), [("runtime", RUNTIME), ("dev", (*RUNTIME, *DEVELOPMENT))], ids=["runtime", "dev"]
)
def test_what_is_required_is_locked(lock: str, requirements: tuple[Requirement, ...]) -> None:
    pins = locked(lock)
    assert [str(one) for one in requirements if not is_satisfied(one, pins.get(canonicalize_name(one.name)))] == []


def test_both_locks_are_of_the_same_versions() -> None:
    runtime, dev = locked("runtime"), locked("dev")
    assert {name: pin.specifier for name, pin in runtime.items()} == {name: dev[name].specifier for name in runtime}


def test_the_readme_installs_what_is_locked() -> None:
    assert "pip install --require-hashes -r requirements/runtime.txt" in (ROOT / "README.md").read_text(
        encoding="utf-8"
    )


def test_every_library_has_its_reason() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## Libraries, and why these")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", re.sub(r" `[^`]*`(?=[,| ])", "", table), re.MULTILINE)[1:]
    told = {
        canonicalize_name(name)
        for libraries, _ in rows
        if not libraries.endswith(("(tests)", "(vendored)"))
        for name in libraries.split(", ")
    }
    assert told == names(RUNTIME)
    (in_tests,) = [libraries.removesuffix(" (tests)") for libraries, _ in rows if libraries.endswith("(tests)")]
    assert {canonicalize_name(name) for name in in_tests.split(", ")} <= names(DEVELOPMENT)
