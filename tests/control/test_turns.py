"""Whose turn it is: reviews first, then the smaller objective, then who waited longest; and no slot stays unused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.control.turns import Turns, Wish, deal
from bot.engines.engine import RunKey
from bot.engines.slots import Occupancy, Place, Slots
from bot.model.assignment import Assignment
from bot.model.events import Batch, RunState
from bot.model.identity import ObjectiveKey, RepositoryName, SessionId
from bot.model.session import Role

SHOP, BANK = RepositoryName("octo", "shop"), RepositoryName("octo", "bank")
P, W, R = Role.PLANNER, Role.WORKER, Role.REVIEWER


def key(number: int, repository: RepositoryName = SHOP) -> ObjectiveKey:
    return ObjectiveKey(repository, number)


@dataclass
class Engine:
    """Only says who has a slot."""

    slots: Slots
    taken: list[Place] = field(default_factory=list)

    def occupancy(self) -> Occupancy:
        return Occupancy(self.slots, self.taken)

    def start(self, assignment: Assignment) -> None: ...

    def stop(self, repository: RepositoryName, session: SessionId, reason: str) -> None: ...

    async def events(self, repository: RepositoryName, session: SessionId, after: int, wait: float) -> Batch:
        return Batch((), after, RunState.UNKNOWN)

    def running(self) -> frozenset[RunKey]:
        return frozenset()


def turns(slots: Slots, *taken: Place) -> Turns:
    return Turns(Engine(slots, list(taken)))


def test_who_is_alone_may_have_everything() -> None:
    assert turns(Slots(4)).allowed(key(1)) == {P: 4, W: 4, R: 4}


def test_roles_and_repositories_have_limits_of_their_own() -> None:
    slots = Slots(10, {R: 2}, by_repository=4)
    assert turns(slots, Place(key(9), R)).allowed(key(1)) == {P: 3, W: 3, R: 1}
    assert turns(slots, Place(key(9), R)).allowed(key(1, BANK)) == {P: 4, W: 4, R: 1}


def test_a_slot_goes_to_a_review_of_another_objective_first() -> None:
    waiting = turns(Slots(1))
    waiting.wishes(key(2), {R: 1})
    assert waiting.allowed(key(1))[W] == 0
    assert waiting.next() == [key(2)]


def test_a_large_objective_leaves_room_for_a_small_one() -> None:
    waiting = turns(Slots(4), Place(key(1), W), Place(key(1), W))
    waiting.wishes(key(1), {W: 9})
    waiting.wishes(key(2), {W: 9})
    assert waiting.allowed(key(1))[W] == 0
    assert waiting.allowed(key(2))[W] == 2
    assert waiting.next() == [key(2)]


def test_of_equals_who_waited_longest() -> None:
    waiting = turns(Slots(1))
    for number in (3, 1, 2):
        waiting.wishes(key(number), {W: 1})
    assert [waiting.allowed(key(number))[W] for number in (1, 2, 3)] == [0, 0, 1]
    waiting.forget(key(3))  # it has got one
    waiting.wishes(key(3), {W: 1})
    assert waiting.next() == [key(1)]


def test_a_wish_that_cannot_be_met_keeps_nobody_else_waiting() -> None:
    waiting = turns(Slots(3, by_repository=1), Place(key(9), W))
    waiting.wishes(key(2), {R: 5})
    assert waiting.allowed(key(1, BANK))[W] == 1


def test_a_wish_is_forgotten_where_a_look_comes_to_nothing() -> None:
    waiting = turns(Slots(1))
    waiting.wishes(key(2), {R: 1})
    with waiting.looking(key(2)):
        pass
    assert waiting.allowed(key(1))[W] == 1
    with waiting.looking(key(2)):
        waiting.wishes(key(2), {R: 1})
    assert waiting.allowed(key(1))[W] == 0


def test_who_does_not_take_what_is_offered_keeps_nobody_else_waiting() -> None:
    waiting = turns(Slots(1))
    for number in (2, 3):
        waiting.wishes(key(number), {W: 1})
    assert waiting.next() == [key(2)]
    with waiting.looking(key(2)):
        waiting.wishes(key(2), {W: 1})
    assert waiting.next() == [key(3)]


WANTS = st.dictionaries(st.sampled_from(list(Role)), st.integers(0, 3), max_size=3)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([SHOP, BANK]), WANTS), max_size=5),
    st.integers(0, 5),
    st.dictionaries(st.sampled_from(list(Role)), st.integers(0, 3)),
    st.one_of(st.none(), st.integers(1, 4)),
)
def test_every_slot_that_somebody_may_have_is_dealt(
    wants: Sequence[tuple[RepositoryName, Mapping[Role, int]]],
    total: int,
    by_role: Mapping[Role, int],
    by_repository: int | None,
) -> None:
    slots = Slots(total, by_role, by_repository)
    wishes = {key(number, repository): Wish(roles, number) for number, (repository, roles) in enumerate(wants)}
    free = Occupancy(slots)
    dealt = deal(wishes, free)
    assert len(dealt) <= total
    for role, most in by_role.items():
        assert sum(place.role is role for place in dealt) <= most
    wanted = {Place(one, role): count for one, wish in wishes.items() for role, count in wish.wants.items()}
    assert not any(free.fits(place) for place, count in wanted.items() if dealt.count(place) < count)


@settings(max_examples=80, deadline=None)
@given(st.lists(WANTS, min_size=1, max_size=5), st.integers(1, 5))
def test_who_is_next_may_start(wants: Sequence[Mapping[Role, int]], total: int) -> None:
    """So whoever is looked at because of its turn takes a slot, and it goes on until there is none or nobody waits."""
    waiting = turns(Slots(total))
    for number, roles in enumerate(wants):
        waiting.wishes(key(number), roles)
    for one in waiting.next():
        mine = wants[one.number]
        assert any(waiting.allowed(one)[role] > 0 for role, count in mine.items() if count)
