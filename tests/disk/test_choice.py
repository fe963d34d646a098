"""What goes and what stays: the oldest first, within bounds, and never what is needed."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot.disk.choice import NOTHING, YOUNG, Bound, choose
from bot.disk.inventory import Item, Kind
from tests.github.clock import NOON

DAY = timedelta(days=1)
items = st.lists(
    st.builds(
        Item,
        kind=st.sampled_from(Kind),
        name=st.uuids().map(str),
        size=st.integers(0, 100),
        used_at=st.integers(0, 60).map(lambda days: NOON - days * DAY),
        in_use=st.booleans(),
        unpushed=st.booleans(),
    ),
    max_size=12,
)
bounds = st.fixed_dictionaries(
    {
        kind: st.builds(Bound, age=st.integers(0, 60).map(lambda days: days * DAY), size=st.integers(0, 400))
        for kind in Kind
    }
)


def item(name: str, days: int, size: int = 10, kind: Kind = Kind.TRANSCRIPT, **more: bool) -> Item:
    return Item(kind, name, size, NOON - days * DAY, **more)


def names(chosen: tuple[Item, ...]) -> list[str]:
    return [item.name for item in chosen]


@settings(max_examples=300, deadline=None, phases=[Phase.generate])
@given(items, bounds, st.integers(0, 500))
def test_what_is_needed_never_goes_and_what_goes_is_the_oldest_that_may(
    lying: list[Item], within: dict[Kind, Bound], wanted: int
) -> None:
    gone = choose(lying, within, NOON, wanted)
    assert all(item.free for item in gone)
    assert len(set(gone)) == len(gone)
    stays = [item for item in lying if item not in gone]
    for item in stays:
        younger = [other for other in gone if other.kind is item.kind and other.used_at > item.used_at]
        assert not (item.free and younger), "an older one stayed"
    for kind, bound in within.items():
        free = [item for item in stays if item.kind is kind and item.free]
        assert all(NOON - item.used_at <= bound.age for item in free)
        assert not free or sum(item.size for item in stays if item.kind is kind) <= bound.size
    if sum(item.size for item in gone) < wanted:
        assert all(NOON - item.used_at <= YOUNG for item in stays if item.free), "there was more to be had"


def test_too_old_goes_and_the_rest_is_within_its_size_the_oldest_first() -> None:
    lying = [item("old", 40), item("a", 3), item("b", 2), item("c", 1)]
    assert names(choose(lying, {Kind.TRANSCRIPT: Bound(30 * DAY, 25)}, NOON)) == ["old", "a"]


def test_what_is_used_or_unpushed_counts_but_stays() -> None:
    lying = [item("used", 40, in_use=True), item("unpushed", 40, unpushed=True), item("new", 0)]
    assert names(choose(lying, {Kind.TRANSCRIPT: Bound(30 * DAY, 20)}, NOON)) == ["new"]


def test_a_full_disk_takes_the_oldest_of_all_kinds_but_nothing_of_the_last_hour() -> None:
    lying = [item("mirror", 2, 100, Kind.MIRROR), item("transcript", 1), item("fresh", 0)]
    kept = {kind: Bound(30 * DAY, 1000) for kind in Kind}
    assert names(choose(lying, kept, NOON)) == []
    assert names(choose(lying, kept, NOON, wanted=50)) == ["mirror"]
    assert names(choose(lying, kept, NOON, wanted=500)) == ["mirror", "transcript"]


def test_trash_goes_at_once() -> None:
    assert names(choose([item("t", 0, 5, Kind.TRASH)], {Kind.TRASH: NOTHING}, NOON)) == ["t"]
