"""Who may take a lease when: never before its holder has stopped trusting it, whatever the clocks say."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model.identity import CommitSha, InstanceId
from bot.model.lease import Lease, Seen, Terms, next_lease, seen, wait_to_take

ONE, TWO = InstanceId("one"), InstanceId("two")
TERMS = Terms(80)
FIRST, SECOND = CommitSha("1" * 40), CommitSha("2" * 40)


def of(holder: InstanceId, *, released: bool = False, epoch: int = 1) -> Lease:
    return Lease(epoch=epoch, holder=holder, released=released)


def wait(seen: Seen, now: float, gone: frozenset[InstanceId] = frozenset()) -> float:
    return wait_to_take(seen, TWO, gone, TERMS, now)


def test_what_was_never_there_is_free() -> None:
    assert wait(seen(None, None, None, 5), 5) == 0


def test_what_another_holds_is_free_once_it_was_seen_unchanged_for_long_enough() -> None:
    look = seen(None, FIRST, of(ONE), 100)
    assert wait(look, 100) == 60
    look = seen(look, FIRST, of(ONE), 159)
    assert wait(look, 159) == 1
    assert wait(look, 160) == 0


def test_a_renewal_begins_the_wait_anew() -> None:
    look = seen(seen(None, FIRST, of(ONE), 100), SECOND, of(ONE), 159)
    assert wait(look, 160) == 59


def test_what_was_released_or_is_of_a_process_that_ended_is_free() -> None:
    assert wait(seen(None, FIRST, of(ONE, released=True), 100), 100) == 0
    assert wait(seen(None, FIRST, of(ONE), 100), 100, frozenset({ONE})) == 0


def test_one_goes_on_with_ones_own() -> None:
    assert wait(seen(None, FIRST, of(TWO), 100), 10_000) == 0


def test_what_cannot_be_read_may_be_of_a_newer_version_and_is_waited_out() -> None:
    assert wait(seen(None, FIRST, None, 100), 100) == 60


def test_what_vanished_is_waited_out_because_its_holder_may_not_know() -> None:
    assert wait(seen(seen(None, FIRST, of(ONE), 0), None, None, 100), 100) == 60


def test_the_epoch_grows_with_each_change_of_holder_and_not_with_a_renewal() -> None:
    assert next_lease(seen(None, None, None, 0), ONE, "east").epoch == 1
    assert next_lease(seen(None, FIRST, of(ONE, epoch=4), 0), ONE, "east").epoch == 4
    assert next_lease(seen(None, FIRST, of(ONE, epoch=4), 0), TWO, "west") == Lease(epoch=5, holder=TWO, name="west")
    assert next_lease(seen(None, FIRST, of(ONE, epoch=4, released=True), 0), ONE, "east").epoch == 5


times = st.floats(min_value=0, max_value=1e6, allow_nan=False)
spans = st.floats(min_value=0, max_value=500, allow_nan=False)


@settings(max_examples=200, deadline=None)
@given(
    seconds=st.floats(min_value=1, max_value=3600), begun=times, way=spans, seen_after=spans, ahead=times,
    looks=st.lists(spans, max_size=8),
)  # fmt: skip
def test_it_is_never_taken_while_its_holder_trusts_it(
    seconds: float, begun: float, way: float, seen_after: float, ahead: float, looks: list[float]
) -> None:
    """True times, and a clock of the other that is ahead by any number of seconds. The push of the renewal began at
    `begun` and took `way`; the other looked some time after, and again and again."""
    terms = Terms(seconds)
    moment = begun + way + seen_after
    look = seen(None, FIRST, of(ONE), moment + ahead)
    for pause in looks:
        if wait_to_take(look, TWO, frozenset(), terms, moment + ahead) == 0:
            break
        moment += pause
        look = seen(look, FIRST, of(ONE), moment + ahead)
    if wait_to_take(look, TWO, frozenset(), terms, moment + ahead) == 0:
        assert moment - begun > terms.valid


@given(seconds=st.floats(min_value=1, max_value=3600))
def test_somebody_who_stands_by_goes_on_within_the_leases_time(seconds: float) -> None:
    """What is renewed at the last moment is looked at a little later, and taken at the look after its time."""
    terms = Terms(seconds)
    assert terms.renewed_after < terms.valid < terms.taken_after
    assert terms.taken_after + 2 * terms.looked_at_every <= terms.seconds
