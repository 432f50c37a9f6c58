"""What holds of every migration, whatever its size, source and path."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from lakeferry.cost.path.migration import Migration, Path, Placement, Source
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.quote import Quote
from lakeferry.cost.path.span import from_date
from lakeferry.cost.path.total import paths_of, price
from tests.cost.plans import BOOK, TWO_PIB

SOURCES = st.sampled_from(
    [
        Source("azure", "eastus"),
        Source("azure", "westeurope", "internet", accounts=7),
        Source("gcp", "us-central1"),
        Source("aws", "us-east-1"),
        Source("aws", "eu-west-1"),
        Source("on_premises"),
        Source("partner"),
    ]
)
STARTS = st.datetimes(datetime(2024, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC))
VOLUMES = st.integers(0, 2**56)


@st.composite
def migrations(draw: st.DrawFn) -> tuple[Migration, Path, Placement]:
    plan = replace(
        TWO_PIB,
        bytes=draw(VOLUMES),
        source=draw(SOURCES),
        span=from_date(draw(STARTS), draw(st.integers(1, 3000))),
        zones=draw(st.integers(1, 4)),
        s3_endpoint=draw(st.booleans()),
        overrun_hours=draw(st.integers(0, 100)),
        part_size=2**30,
    )
    placement: Placement = draw(st.sampled_from(["pull", "push"]))
    if not paths_of(plan, placement):
        placement = "pull"
    return plan, draw(st.sampled_from(paths_of(plan, placement))), placement


def quoted(case: tuple[Migration, Path, Placement]) -> Quote:
    plan, path, placement = case
    return price(plan, BOOK, path, placement)


@given(migrations(), VOLUMES)
def test_more_bytes_never_cost_less(case: tuple[Migration, Path, Placement], more: int) -> None:
    plan, path, placement = case
    larger = replace(plan, bytes=plan.bytes + more)

    assert quoted(case).total <= quoted((larger, path, placement)).total


@given(migrations())
def test_the_parts_are_the_whole(case: tuple[Migration, Path, Placement]) -> None:
    quote = quoted(case)
    parts = {line.part for line in quote.lines}

    with exact():
        apart = sum((quote.of(part) for part in parts), Decimal(0)) - quote.total

    # A part of a month is a division (by 744 hours), rounded in its 80th digit.
    assert abs(apart) < Decimal("1e-60")


@given(migrations())
def test_only_a_missing_price_is_unpriced_and_only_a_free_one_is_zero(
    case: tuple[Migration, Path, Placement],
) -> None:
    for line in quoted(case).lines:
        assert (line.usd is None) == (line.confidence == "missing")
        known = BOOK.prices.get(line.price_id)
        if line.usd == 0 and line.quantity and known is not None and known.tiers is not None:
            assert known.tiers[0].usd == 0  # a gateway endpoint, or Azure's first 100 GB


@given(STARTS, st.integers(0, 5000), st.integers(0, 2**60))
def test_months_split_hours_and_bytes_without_losing_one(
    start: datetime, hours: int, volume: int
) -> None:
    span = from_date(start, hours)

    assert span.hours == hours
    assert sum(span.split(volume)) == volume
    assert all(0 <= part.hours <= part.month_hours for part in span.parts)
    assert all(share >= 0 for share in span.split(volume))
    assert len({part.month for part in span.parts}) == len(span.parts)
