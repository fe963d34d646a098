"""The pages of docs/ that describe code say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bot.config import RepositoryConfig
from bot.decide.task import Stage
from scripts.write_docs import DOCS, example, pages
from tests.test_structure import COMPOSERS, MAY_IMPORT


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_written_page_is_committed(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[name], "run `make docs` and commit what it wrote"


def test_the_example_of_a_configuration_is_a_valid_one() -> None:
    config = RepositoryConfig.model_validate(yaml.safe_load(example()))
    assert config.verify.command == "make test"
    assert config.limits == RepositoryConfig().limits


def test_the_picture_of_a_task_has_the_stages_that_are_decided() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    picture = readme.partition("stateDiagram-v2")[2].partition("```")[0]
    names = {short: name for name, short in re.findall(r'state "(.+)" as (\w+)', picture)}
    arrows = re.findall(r"^ +(\S+) --> ([\w\[*\]]+)", picture, re.MULTILINE)
    states = {names.get(state, state) for arrow in arrows for state in arrow} - {"[*]"}
    assert states == {stage.value for stage in Stage}


def test_links_between_the_pages_lead_somewhere() -> None:
    root = Path(__file__).parent.parent
    pages_of_ours = [root / "README.md", root / "CONTRIBUTING.md", *(root / "docs").glob("*.md")]
    dead = [
        f"{page.relative_to(root)}: {target}"
        for page in pages_of_ours
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert dead == []


def test_the_rooms_may_import_what_the_table_says() -> None:
    page = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`bot/.+?) \| .+ \| (.+?) \|$", page, re.MULTILINE)
    told = {
        f"bot.{room}": set() if may == "nothing" else {"everything"} if may == "everything" else in_full(may)
        for rooms, may in rows
        for room in re.findall(r"`bot/(\w+)(?:\.py)?`", rooms)
    }
    assert told == MAY_IMPORT | {room: {"everything"} for room in COMPOSERS}


def in_full(rooms: str) -> set[str]:
    return {f"bot.{room}" for room in rooms.split(", ")}
