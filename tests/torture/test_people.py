"""A short cut of `python -m tests.torture.people`: hypothesis walks step by step; and planted faults."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.torture.acts import ACTS
from tests.torture.faults import AMONG_PEOPLE, WalkFault, found_by_people
from tests.torture.people import Step, Walk, run, shrunk, walk_of
from tests.torture.stepped import SteppedWalk


class People(RuleBasedStateMachine):
    """Hypothesis is the people: it does something, sees that all is well, and does something else, while the bot works.
    The bot's whole world stands still meanwhile, in a thread of its own."""

    @initialize(seed=st.integers(0, 5))
    def hand_off(self, seed: int) -> None:
        self.walk = SteppedWalk(seed)
        self.problems: tuple[str, ...] = ()

    @rule(
        act=st.sampled_from(sorted(ACTS)),
        choice=st.integers(0, 999),
        pause=st.sampled_from((0.0, 0.7, 3.0, 40.0, 110.0)),
    )
    def act(self, act: str, choice: int, pause: float) -> None:
        self.problems = self.walk.take(Step(act, choice, pause))

    @invariant()
    def what_must_hold_does(self) -> None:
        assert self.problems == ()

    def teardown(self) -> None:
        """In the end it has come to rest, or asks."""
        assert self.walk.end().problems == ()


TestPeople = People.TestCase
TestPeople.settings = settings(
    max_examples=6,
    stateful_step_count=9,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_a_seed_is_one_walk_and_one_story() -> None:
    assert walk_of(3) == walk_of(3)
    assert run(walk_of(3)).story == run(walk_of(3)).story


@pytest.mark.parametrize("fault", AMONG_PEOPLE, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found(fault: WalkFault) -> None:
    assert run(fault.walk).problems == ()
    assert found_by_people(fault)


def test_of_two_hints_at_once_the_second_is_followed_too_when_reads_show_it() -> None:
    """The label is set again the moment the repository is awake: two webhooks, while reads lag behind both."""
    steps = (
        Step("delete a label", 607, 80.0),
        Step("archive or not", 864, 93.0),
        Step("rewrite a ledger", 758, 0.0),
    )
    assert run(Walk(198, steps)).problems == ()


def test_a_walk_shrinks_to_the_step_that_matters() -> None:
    walk = walk_of(5)
    matters = walk.steps[6]
    assert shrunk(walk, lambda one: matters in one.steps).steps == (matters,)
