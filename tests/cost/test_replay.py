"""The replay of facts/cost.md section 6: its worked cases, and its rule walked in fractions."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.cost.path.load import SAFE, load_of, planned_load
from lakeferry.cost.path.replay import (
    GBPS,
    NAT_GATEWAY,
    Carrier,
    Replay,
    minutes_of,
    replay,
    steady,
    together,
)

GB = 10**9
BURST = [gb * GB for gb in (5, 30, 30, 5, 0, 0)]


@dataclass
class Walked:
    """The rule of section 6 as it is written, in fractions, minute after minute."""

    served: list[Fraction]
    backlog: list[Fraction]
    credit: list[Fraction]


def walk(load: list[int], carrier: Carrier) -> Walked:
    walked = Walked([], [], [])
    q, b = Fraction(0), Fraction(carrier.first_credit)
    minute = 0
    while minute < len(load) or q:
        came = Fraction(load[minute]) if minute < len(load) else Fraction(0)
        cap = min(Fraction(carrier.peak), carrier.sustained + b)
        served = min(q + came, cap)
        b = min(Fraction(carrier.most_credit), max(Fraction(0), b + carrier.sustained - served))
        q = q + came - served
        walked.served.append(served)
        walked.backlog.append(q)
        walked.credit.append(b)
        minute += 1
    return walked


def of(walked: Walked, load: list[int], carrier: Carrier) -> Replay:
    """What a walk amounts to, by the definitions of section 6."""
    busy = [minute for minute, served in enumerate(walked.served, start=1) if served]
    most = max(walked.backlog, default=Fraction(0))
    return Replay(
        came=sum(load),
        carried=int(sum(walked.served)),
        minutes=max(busy, default=0),
        waiting=int(sum(walked.backlog)),
        most_waiting=int(most),
        longest_delay=most / carrier.sustained,
    )


def minute_by_minute(load: list[int], carrier: Carrier) -> Walked:
    """What the replay has to say after each minute, those after the load's end included."""
    walked = Walked([], [], [])
    before = 0
    lasts = max(len(load), replay(load_of(load), carrier).minutes)
    for minute in range(1, lasts + 1):
        padded = [*load, *[0] * minute][:minute]
        so_far, waits, credit = minutes_of(
            load_of(padded), carrier, backlog=0, credit=carrier.first_credit
        )
        walked.served.append(Fraction(so_far.carried - before))
        walked.backlog.append(Fraction(waits))
        walked.credit.append(Fraction(credit))
        before = so_far.carried
    return walked


def gb(series: list[Fraction]) -> list[Fraction]:
    return [bytes / GB for bytes in series]


# facts/cost.md section 6, the table


def test_section_6_credit_carries_a_burst_beyond_what_is_sustained() -> None:
    carrier = Carrier(10 * GB, 20 * GB, most_credit=15 * GB, first_credit=15 * GB)

    found = replay(load_of(BURST), carrier)
    series = minute_by_minute(BURST, carrier)

    assert gb(series.served) == [5, 20, 15, 10, 10, 10]
    assert gb(series.backlog) == [0, 10, 25, 20, 10, 0]
    assert gb(series.credit) == [15, 5, 0, 0, 0, 0]
    assert (found.waiting, found.mean_delay, found.minutes) == (65 * GB, Fraction(13, 14), 6)


def test_section_6_without_credit_the_same_load_ends_two_minutes_later() -> None:
    found = replay(load_of(BURST), steady(10 * GB))
    series = minute_by_minute(BURST, steady(10 * GB))

    assert gb(series.served) == [5, 10, 10, 10, 10, 10, 10, 5]
    assert gb(series.backlog) == [0, 20, 40, 35, 25, 15, 5, 0]
    assert gb(series.credit) == [0] * 8
    assert (found.waiting, found.mean_delay, found.minutes) == (140 * GB, Fraction(2), 8)
    assert found.longest_delay == 4


def test_section_6_a_peak_without_credit_is_no_peak() -> None:
    carrier = Carrier(10 * GB, 20 * GB)

    found = replay(load_of([12 * GB] * 5), carrier)
    series = minute_by_minute([12 * GB] * 5, carrier)

    assert gb(series.served) == [10] * 6
    assert gb(series.backlog) == [2, 4, 6, 8, 10, 0]
    assert (found.waiting, found.mean_delay, found.minutes) == (30 * GB, Fraction(1, 2), 6)


def test_section_6_a_gbps_is_7_500_000_000_bytes_a_minute() -> None:
    assert GBPS == 7_500_000_000
    assert Carrier(750_000_000_000, 750_000_000_000) == NAT_GATEWAY


# what is as large or as long as it gets


def test_a_petabyte_over_a_nano_drains_for_decades_and_stays_exact() -> None:
    nano = steady(32 * GBPS // 1000)  # t4g.nano, 0.032 Gbps
    found = replay(planned_load(2**51, minutes=43_200), nano)

    minutes, rest = divmod(2**51, nano.sustained)
    assert found.minutes == minutes + (rest > 0) == 9_382_500
    assert found.carried == 2**51
    assert found.waiting > 2**63  # no int64 could hold it


def test_loads_beyond_int64_are_reckoned_in_integers_of_any_size() -> None:
    load = [0, 5 * SAFE, 0, SAFE]
    carrier = Carrier(SAFE, 2 * SAFE, most_credit=SAFE, first_credit=7)

    assert replay(load_of(load), carrier) == of(walk(load, carrier), load, carrier)


def test_a_load_that_fits_int64_and_a_rate_that_does_not_still_hold() -> None:
    load = [SAFE // 4] * 3

    assert replay(load_of(load), steady(SAFE - 1)).minutes == 3
    assert replay(load_of([7] * 3), Carrier(1, SAFE * 8, 3, 3)) == of(
        walk([7] * 3, Carrier(1, SAFE * 8, 3, 3)), [7] * 3, Carrier(1, SAFE * 8, 3, 3)
    )


def test_nothing_to_carry_takes_no_time() -> None:
    assert replay(load_of([]), steady(1)) == Replay(0, 0, 0, 0, 0, Fraction(0))
    assert replay(load_of([0, 0]), steady(1)).minutes == 0
    assert replay(load_of([0, 0]), steady(1)).mean_delay == 0


@pytest.mark.parametrize(
    ("sustained", "peak", "most", "first"),
    [(0, 1, 0, 0), (2, 1, 0, 0), (1, 2, 3, 4), (1, 2, 3, -1)],
)
def test_a_carrier_that_cannot_be_is_refused(
    sustained: int, peak: int, most: int, first: int
) -> None:
    with pytest.raises(ValueError, match=r"peak|credit"):
        Carrier(sustained, peak, most, first)


# what holds for all loads

loads = st.lists(st.integers(0, 60), max_size=14)


@st.composite
def carriers(draw: st.DrawFn) -> Carrier:
    sustained = draw(st.integers(1, 25))
    most = draw(st.integers(0, 60))
    return Carrier(
        sustained, sustained + draw(st.integers(0, 30)), most, draw(st.integers(0, most))
    )


@given(loads, carriers(), st.sampled_from([1, GB, SAFE]))
def test_a_replay_equals_the_rule_walked_in_fractions(
    load: list[int], carrier: Carrier, unit: int
) -> None:
    load = [came * unit + came for came in load]
    carrier = Carrier(
        carrier.sustained * unit,
        carrier.peak * unit,
        carrier.most_credit * unit,
        carrier.first_credit * unit,
    )
    walked = walk(load, carrier)
    series = minute_by_minute(load, carrier)

    assert replay(load_of(load), carrier) == of(walked, load, carrier)
    assert series.served == walked.served
    assert series.backlog == walked.backlog
    assert series.credit == walked.credit


@given(loads, carriers())
def test_every_byte_that_came_is_carried_and_no_other(load: list[int], carrier: Carrier) -> None:
    found = replay(load_of(load), carrier)
    series = minute_by_minute(load, carrier)

    assert found.carried == found.came == sum(load) == sum(series.served)


@given(loads, carriers())
def test_backlog_is_never_negative_and_credit_keeps_its_bounds(
    load: list[int], carrier: Carrier
) -> None:
    series = minute_by_minute(load, carrier)

    assert all(waits >= 0 for waits in series.backlog)
    assert all(0 <= left <= carrier.most_credit for left in series.credit)
    assert all(0 <= served <= carrier.peak for served in series.served)


@given(loads, carriers(), st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_more_capacity_never_costs_more_delay(
    load: list[int], carrier: Carrier, more: int, higher: int, richer: int
) -> None:
    better = Carrier(
        carrier.sustained + more,
        carrier.peak + more + higher,
        carrier.most_credit + richer,
        carrier.first_credit,
    )
    slow, fast = replay(load_of(load), carrier), replay(load_of(load), better)

    assert fast.minutes <= slow.minutes
    assert fast.mean_delay <= slow.mean_delay
    assert fast.longest_delay <= slow.longest_delay


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=14), carriers())
def test_two_groups_on_twice_the_capacity_are_never_slower_than_apart(
    both: list[tuple[int, int]], carrier: Carrier
) -> None:
    first, second = [one for one, _ in both], [one for _, one in both]
    twice = Carrier(
        2 * carrier.sustained, 2 * carrier.peak, 2 * carrier.most_credit, 2 * carrier.first_credit
    )
    apart = together([replay(load_of(first), carrier), replay(load_of(second), carrier)])
    merged = replay(load_of([sum(pair) for pair in both]), twice)

    assert merged.minutes <= apart.minutes
    assert merged.waiting <= apart.waiting


@given(loads, carriers(), st.data())
def test_a_replay_cut_in_two_is_the_whole(
    load: list[int], carrier: Carrier, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(load)))
    whole = replay(load_of(load), carrier)
    head, left, credit = minutes_of(
        load_of(load[:cut]), carrier, backlog=0, credit=carrier.first_credit
    )
    tail, end, _ = minutes_of(
        load_of([*load[cut:], *[0] * 1000]), carrier, backlog=left, credit=credit
    )

    assert end == 0
    assert head.carried + tail.carried == whole.carried
    assert head.waiting + tail.waiting == whole.waiting


def test_no_int64_overflows_in_the_largest_replay_that_int64_is_used_for() -> None:
    load = [SAFE // 8] * 3
    carrier = Carrier(SAFE // 16, SAFE // 8, SAFE // 16, SAFE // 16)
    with np.errstate(all="raise"):
        found = replay(load_of(load), carrier)

    assert load_of(load).dtype == np.int64
    assert found == of(walk(load, carrier), load, carrier)
