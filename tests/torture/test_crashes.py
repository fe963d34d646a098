"""A short cut of the torture: a few crashes of every kind, other ones in each shape. `make torture` has them all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture.faults import FAULTS, Fault, found
from tests.torture.runs import Case, run
from tests.torture.shapes import SHAPES
from tests.torture.sweep import crashes, judge, losses, pairs, undisturbed

ROOT = Path(__file__).parents[2]
NAMES = tuple(shape.name for shape in SHAPES)
EVERY = 60


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_wrong_with_an_undisturbed_run(name: str) -> None:
    calm = undisturbed(Case(name))
    assert not calm.problems
    assert any("has tree" in line for line in calm.end)
    assert len(calm.boundaries) > 100


@pytest.mark.parametrize(("number", "name"), list(enumerate(NAMES)))
def test_a_crash_changes_nothing_of_the_end(number: int, name: str) -> None:
    for case in crashes(Case(name), EVERY, first=number * EVERY // len(NAMES)):
        verdict = judge(case)
        assert not verdict.wrong, f"{case.command}\n{verdict.wrong}"
        assert verdict.crashes == 1


def test_nor_does_one_after_which_the_lease_has_to_age() -> None:
    for case in crashes(Case("command", lease=True), 60, first=7):
        verdict = judge(case)
        assert not verdict.wrong, f"{case.command}\n{verdict.wrong}"


def test_nor_do_two() -> None:
    for case in pairs(Case("review", seed=1), 4):
        verdict = judge(case)
        assert not verdict.wrong, f"{case.command}\n{verdict.wrong}"


def test_nor_does_an_answer_that_is_lost() -> None:
    for case in losses(Case("help"), 25, first=3):
        verdict = judge(case)
        assert not verdict.wrong, f"{case.command}\n{verdict.wrong}"
        assert verdict.losses == 1


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found(fault: Fault) -> None:
    assert found(fault) is not None


def test_one_seed_is_one_order_of_events_whatever_the_interpreter_makes_of_hashes() -> None:
    assert story(hashes=1) == story(hashes=2)


def test_another_seed_is_another_order() -> None:
    assert run(Case("two", seed=1)).story != undisturbed(Case("two")).story


def story(hashes: int) -> str:
    script = "from tests.torture.runs import Case, run; print(run(Case('two', deadly=(60,))).story)"
    environment = {**os.environ, "PYTHONHASHSEED": str(hashes), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        (sys.executable, "-c", script),
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "CRASH at boundary 60" in done.stdout
    return done.stdout
