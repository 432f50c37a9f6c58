"""One NAT instance is lost: facts/cost.md section 6 (failure run) and 5.10."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.cost.path.load import load_of
from lakeferry.cost.path.loss import Loss, replay_loss, worst_loss
from lakeferry.cost.path.replay import Carrier, replay, steady, together

loads = st.lists(st.integers(0, 60), max_size=12)
TEN = steady(10)


def test_the_next_instance_carries_the_groups_of_the_lost_one() -> None:
    found = replay_loss(load_of([8] * 4), load_of([4] * 4), TEN, TEN, Loss(1, minutes=2))

    # the next one carries 4, then 10 of 12 twice, then what is left with its own
    assert found == replay_both([8, 0, 0, 8], [4, 12, 12, 4])
    assert found.waiting == 2 + 4


def test_what_waits_at_the_lost_instance_goes_over_with_its_groups() -> None:
    found = replay_loss(load_of([15, 0, 0]), load_of([0, 0, 0]), TEN, TEN, Loss(1, minutes=2))

    assert found.carried == 15
    assert found.waiting == 5  # at the end of the first minute
    assert found.minutes == 2


def test_groups_wait_while_nobody_has_seen_the_loss() -> None:
    found = replay_loss(
        load_of([6] * 5), load_of([0] * 5), TEN, TEN, Loss(1, minutes=4, dark=2, resent=3)
    )

    # 6 and 12 wait; then 12 + 3 + 6 come to the next one at once: 10, 10 of 17, 7
    assert found.carried == 33
    assert found.waiting == 6 + 12 + 11 + 7
    assert found.longest_delay == 2 + Fraction(11, 10)
    assert found.minutes == 6


def test_a_single_instance_has_nobody_to_take_over() -> None:
    found = worst_loss([load_of([5] * 4)], TEN, minutes=2)

    assert found.loss == Loss(0, minutes=2, dark=2)
    assert found.replay.waiting == 5 + 10 + 5
    assert found.replay.minutes == 4


def test_the_worst_loss_is_where_two_neighbours_have_most_to_carry() -> None:
    quiet, busy, busier = [1] * 6, [1, 1, 8, 8, 1, 1], [1, 1, 9, 9, 1, 1]
    found = worst_loss([load_of(one) for one in (quiet, busy, busier)], TEN, minutes=2)

    assert (found.instance, found.loss) == (1, Loss(2, minutes=2))
    assert found.replay == together(
        [
            replay(load_of(quiet), TEN),
            replay(load_of([1, 1, 0, 0, 1, 1]), TEN),
            replay(load_of([1, 1, 17, 17, 1, 1]), TEN),
        ]
    )


@pytest.mark.parametrize(
    ("minute", "minutes", "dark", "resent"),
    [(-1, 1, 0, 0), (0, 0, 0, 0), (0, 1, 2, 0), (0, 1, 0, -1)],
)
def test_a_loss_that_cannot_be_is_refused(
    minute: int, minutes: int, dark: int, resent: int
) -> None:
    with pytest.raises(ValueError, match=r"minutes|bytes"):
        Loss(minute, minutes, dark, resent)


@given(loads, loads, st.integers(0, 14), st.integers(1, 6), st.data())
def test_a_loss_loses_no_byte_and_never_helps(
    own: list[int], other: list[int], minute: int, minutes: int, data: st.DataObject
) -> None:
    dark = data.draw(st.integers(0, minutes))
    loss = Loss(minute, minutes, dark, resent=data.draw(st.integers(0, 9)))
    found = replay_loss(load_of(own), load_of(other), TEN, TEN, loss)
    waits_longer = replay_loss(
        load_of(own), load_of(other), TEN, TEN, Loss(minute, minutes, minutes, loss.resent)
    )

    assert found.carried == found.came == sum(own) + sum(other) + loss.resent
    assert waits_longer.carried == found.carried


@given(loads, loads, st.integers(0, 14), st.integers(1, 6))
def test_a_dark_loss_is_never_faster_than_none(
    own: list[int], other: list[int], minute: int, minutes: int
) -> None:
    carrier = Carrier(10, 20, 15, 0)
    loss = Loss(minute, minutes, dark=minutes)
    found = replay_loss(load_of(own), load_of(other), carrier, carrier, loss)
    whole = together([replay(load_of(own), steady(20)), replay(load_of(other), carrier)])

    assert found.minutes >= whole.minutes
    assert found.waiting >= whole.waiting
    assert found.longest_delay >= 0


def replay_both(own: list[int], other: list[int]) -> object:
    return together([replay(load_of(own), TEN), replay(load_of(other), TEN)])


def test_losses_of_loads_beyond_int64_are_exact() -> None:
    own, other = load_of([2**62, 2**61]), load_of([2**62 - 1])
    found = replay_loss(own, other, steady(2**62), steady(2**62), Loss(0, 1, resent=1))

    assert found.carried == 2**62 + 2**61 + 2**62
