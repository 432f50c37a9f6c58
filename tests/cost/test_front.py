"""Dollars against days over placement and path: what bounds an option, beats it, is chosen."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from lakeferry.cost.path.front import Front, Point, front, points, sustained
from lakeferry.cost.path.migration import NatInstances, Path, Placement, Source
from lakeferry.cost.path.quote import Line, Quote
from tests.cost.plans import BOOK, TWO_PIB

# A plan whose every option has all prices but the reads, which all lack.
PRICED = replace(
    TWO_PIB,
    source=Source("azure", "eastus", worker_usd_hour=Decimal("0.80"), worker_gbps=Decimal(5)),
)


def chosen(found: Front) -> str:
    assert found.chosen is not None
    return found.chosen.label


def of(path: Path, placement: Placement = "pull", scale: int = 1) -> Point:
    (found,) = [
        one
        for one in points(PRICED, BOOK)
        if (one.path, one.placement, one.scale) == (path, placement, scale)
    ]
    return found


def made(path: Path, usd: str, hours: int, lacks: str = "") -> Point:
    paid = Line("all", Decimal(1), "", Decimal(usd), "all", "made", None, "price_list")
    missing = replace(paid, usd=None, price_id=lacks, confidence="missing")
    return Point("pull", path, 1, None, hours, Quote((paid, missing) if lacks else (paid,)))


# ---- how long an option lasts


def test_instances_carry_what_is_safe_with_one_of_them_lost() -> None:
    point = of("nat_instance")  # 0.70 x 2 x 5 Gbit/s of three c7gn.large

    assert point.gbps == Decimal("7.000")
    assert point.hours == 738  # 2,162,688 GiB x 8 / 7 Gbit/s
    assert round(point.days, 2) == Decimal("30.75")


def test_one_instance_alone_is_no_safe_path() -> None:
    alone = replace(PRICED, nat_instances=NatInstances(count=1))

    assert sustained(alone, BOOK, "nat_instance", "pull") == 0
    found = points(alone, BOOK, scales=(1,))
    assert "nat_instance" not in {one.path for one in found}


def test_what_is_written_through_an_instance_takes_from_its_card() -> None:
    leaking = replace(PRICED, s3_endpoint=False)  # c7gn.large: 6.25 Gbit/s in and out

    assert sustained(leaking, BOOK, "nat_instance", "pull") == Decimal("0.70") * 2 * Decimal(
        "3.125"
    )


def test_workers_with_public_addresses_have_five_gbps_each() -> None:
    assert sustained(PRICED, BOOK, "internet_gateway", "pull") == 30  # c6in.4xlarge, 16 vCPU
    assert sustained(PRICED, BOOK, "nat_gateway", "pull") == 150  # 25 inside the region


def test_the_line_of_the_source_bounds_every_path() -> None:
    thin = replace(PRICED, source=replace(PRICED.source, line_gbps=Decimal(2)))

    assert {one.gbps for one in points(thin, BOOK)} == {Decimal(2)}


def test_a_gateway_of_expressroute_carries_two_gbps_a_unit() -> None:
    small = replace(PRICED, scale_units=1)

    assert sustained(small, BOOK, "expressroute", "pull") == 2


def test_an_unknown_rate_lasts_as_long_as_planned() -> None:
    unknown = replace(TWO_PIB, source=Source("azure", "eastus"))
    push = [one for one in points(unknown, BOOK) if one.placement == "push"]
    over_internet = [one for one in push if one.path == "internet_gateway"]

    assert [(one.gbps, one.hours) for one in over_internet] == [(None, 720)]


def test_a_scale_that_makes_nothing_faster_is_left_out() -> None:
    circuits = [one for one in points(PRICED, BOOK) if one.path == "expressroute"]

    assert [one.scale for one in circuits] == [1, 1]  # one for each placement


def test_hours_of_an_option_are_those_that_it_pays() -> None:
    point = of("nat_instance")
    (workers,) = [one for one in point.quote.lines if one.part == "workers"]

    assert workers.quantity == 6 * point.hours


# ---- what is chosen


def test_both_placements_stand_side_by_side() -> None:
    found = front(points(PRICED, BOOK), 720)

    assert {one.placement for one in found.points} == {"pull", "push"}
    assert chosen(found) == "push by internet_gateway"
    assert found.why.endswith("less than the next path, pull by nat_instance x 4")


def test_where_public_addresses_are_refused_instances_carry_it() -> None:
    found = front(points(PRICED, BOOK), 720, refused=["internet_gateway"])

    assert chosen(found) == "pull by nat_instance x 4"
    assert any(one.path == "internet_gateway" for one in found.points)


def test_the_cheapest_that_is_too_slow_is_not_taken() -> None:
    slow, fast = made("nat_instance", "100", 800), made("nat_gateway", "900", 100)

    assert chosen(front([slow, fast], 720)) == "pull by nat_gateway"
    assert front([slow, fast], 720).best == (slow, fast)


def test_a_tie_within_one_percent_goes_to_the_one_that_others_run() -> None:
    ours = made("nat_instance", "100", 100)

    assert chosen(front([ours, made("nat_gateway", "101", 100)], 720)) == "pull by nat_gateway"
    assert chosen(front([ours, made("nat_gateway", "101.01", 100)], 720)) == "pull by nat_instance"


def test_one_percent_of_a_total_that_credits_make_negative_is_still_a_tie() -> None:
    ours, theirs = made("nat_instance", "-100", 100), made("nat_gateway", "-99", 100)

    assert chosen(front([ours, theirs], 720)) == "pull by nat_gateway"
    assert chosen(front([ours, made("nat_gateway", "-98", 100)], 720)) == "pull by nat_instance"


def test_what_lacks_a_price_beats_nobody_and_is_named() -> None:
    vague, whole = made("expressroute", "50", 100, lacks="circuit"), made("nat_gateway", "90", 100)
    found = front([vague, whole], 720)

    assert found.chosen is whole
    assert found.best == (vague, whole)
    assert found.undecided == (vague,)


def test_a_price_that_all_lack_decides_nothing() -> None:
    one, other = made("nat_instance", "50", 100, "reads"), made("nat_gateway", "90", 100, "reads")
    found = front([one, other], 720)

    assert found.chosen is one
    assert found.best == (one,)


def test_where_none_is_in_time_the_fastest_is_named() -> None:
    found = front([made("nat_gateway", "1", 900), made("nat_instance", "1", 1000)], 720)

    assert found.chosen is None
    assert found.why == "none is done in 720 h; the fastest is pull by nat_gateway in 900 h"


def test_nothing_leads_from_nowhere() -> None:
    assert front([], 720).why == "no path leads from this source"


POINTS = st.lists(
    st.builds(
        made,
        st.sampled_from(["nat_gateway", "nat_instance", "s3_gateway"]),
        st.integers(1, 50).map(str),
        st.integers(1, 50),
        st.sampled_from(["", "", "circuit"]),
    ),
    min_size=1,
    max_size=12,
)


@given(POINTS)
def test_nothing_on_the_front_is_beaten_by_a_complete_option(found: list[Point]) -> None:
    everywhere = all(one.quote.at_least for one in found)
    complete = [one for one in found if everywhere or not one.quote.at_least]
    best = front(found, 720).best

    assert best
    for point in found:
        beaten = any(
            (one.quote.total, one.hours) != (point.quote.total, point.hours)
            and one.quote.total <= point.quote.total
            and one.hours <= point.hours
            for one in complete
        )
        assert beaten != (point in best)


@given(POINTS)
def test_the_chosen_is_within_one_percent_of_the_cheapest_complete_option(
    found: list[Point],
) -> None:
    result = front(found, 720)
    everywhere = all(one.quote.at_least for one in found)
    complete = [one for one in found if everywhere or not one.quote.at_least]

    assert (result.chosen is None) == (not complete)
    if result.chosen is not None:
        least = min(one.quote.total for one in complete)
        assert result.chosen.quote.total <= least * Decimal("1.01")
