"""A bill of many files: each line once, whatever their order, and nothing is added wrongly."""

import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.cost.bill.billed import byte_lines
from lakeferry.cost.bill.whole_bill import Bill, read_bill
from lakeferry.cost.path.money import exact
from lakeferry.errors import FerryError
from tests.cost.bills import NAT_A, NAT_B, BillLine, cur2, file, legacy, parquet

CENTS = st.integers(-(10**12), 10**12).map(lambda one: f"{Decimal(one).scaleb(-10):f}")
GIGABYTES = st.integers(0, 10**14).map(lambda one: f"{Decimal(one).scaleb(-10):f}")
METERS = ("NatGateway-Bytes", "EU-NatGateway-Bytes", "NatGateway-Hours", "BoxUsage:c7gn.large")


@st.composite
def lines_of_bills(draw: st.DrawFn) -> list[BillLine]:
    count = draw(st.integers(1, 8))
    return [
        BillLine(
            f"line{at:03d}",
            amount=draw(GIGABYTES),
            cost=draw(CENTS),
            hour=draw(st.integers(0, 30)),
            usage_type=draw(st.sampled_from(METERS)),
            resource=draw(st.sampled_from(("", NAT_A, f"arn:aws:ec2:::natgateway/{NAT_B}"))),
            kind=draw(st.sampled_from(("Usage", "Credit", "Tax", "SavingsPlanCoveredUsage"))),
            tags=draw(st.sampled_from(({}, {"user_map_migrated": "mig12345"}))),
        )
        for at in range(count)
    ]


@exact()
def total(bill: Bill) -> Decimal:
    return sum(bill.costs["cost"].to_pylist(), Decimal(0))


def same(one: Bill, other: Bill) -> bool:
    return bool(one.costs.equals(other.costs) and one.metered.equals(other.metered))


@settings(max_examples=25, deadline=None)
@given(lines=lines_of_bills(), seed=st.integers(0, 99))
def test_the_order_of_lines_and_their_files_do_not_matter(lines: list[BillLine], seed: int) -> None:
    mixed = lines[:]
    random.Random(seed).shuffle(mixed)
    cut = seed % (len(mixed) + 1)
    parts = [part for part in (mixed[:cut], mixed[cut:]) if part]

    whole = read_bill([file(cur2(lines))])
    split = read_bill([file(cur2(part), str(at)) for at, part in enumerate(parts)])

    assert same(whole, split)
    assert split.report.duplicates == 0


@settings(max_examples=25, deadline=None)
@given(lines=lines_of_bills(), again=st.integers(0, 12))
def test_lines_that_come_twice_count_once(lines: list[BillLine], again: int) -> None:
    once = read_bill([file(cur2(lines))])
    twice = read_bill([file(cur2(lines)), file(parquet(lines[:again] or lines), "again")])

    assert same(once, twice)
    assert twice.report.duplicates == len(lines[:again] or lines)


@settings(max_examples=25, deadline=None)
@given(lines=lines_of_bills())
def test_what_waits_on_disk_comes_to_the_same_as_what_waits_in_memory(
    lines: list[BillLine],
) -> None:
    files = [file(cur2(lines)), file(legacy(lines[:3]), "again")]

    assert same(read_bill(files), read_bill(files, in_memory=0))


@exact()
@settings(max_examples=25, deadline=None)
@given(lines=lines_of_bills())
def test_the_parts_of_a_bill_come_to_the_whole(lines: list[BillLine]) -> None:
    whole = read_bill([file(cur2(lines))])
    single = [read_bill([file(cur2([one]))]) for one in lines]

    assert total(whole) == sum((total(one) for one in single), Decimal(0))
    assert total(whole) == sum((Decimal(one.cost) for one in lines), Decimal(0))
    assert sum(one.bytes for one in byte_lines(whole)) == sum(
        one.bytes for each in single for one in byte_lines(each)
    )


def test_the_same_id_in_another_hour_is_another_line() -> None:
    bill = read_bill([file(cur2([BillLine("a", hour=0), BillLine("a", hour=1)]))])

    assert (total(bill), bill.report.duplicates) == (Decimal("0.09"), 0)


def test_the_same_id_of_another_meter_is_another_line() -> None:
    """AWS promises that an id is unique in one partition, and a bill has many."""
    bill = read_bill([file(cur2([BillLine("a"), BillLine("a", usage_type="NatGateway-Hours")]))])

    assert (total(bill), bill.report.duplicates) == (Decimal("0.09"), 0)


def test_two_versions_of_a_line_are_refused() -> None:
    older, newer = BillLine("a", cost="0.0450000000"), BillLine("a", cost="0.0500000000")

    with pytest.raises(FerryError, match=r"costs 0\.045\d* and 0\.05") as caught:
        read_bill([file(cur2([older]), "old"), file(cur2([newer]), "new")])

    assert caught.value.code == "LF-6605"


def test_lines_without_an_id_are_all_counted_and_that_is_told() -> None:
    bill = read_bill([file(cur2([BillLine(""), BillLine("")]))])

    assert (total(bill), bill.report.duplicates) == (Decimal("0.09"), 0)


def test_two_currencies_are_refused_by_their_names() -> None:
    lines = [BillLine("a"), BillLine("b", currency="EUR"), BillLine("c")]

    with pytest.raises(FerryError, match="1 in EUR, 2 in USD") as caught:
        read_bill([file(cur2(lines))])

    assert caught.value.code == "LF-6609"


def test_two_currencies_in_two_files_on_disk_are_refused_too() -> None:
    files = [file(cur2([BillLine("a")])), file(cur2([BillLine("b", currency="EUR")]))]

    with pytest.raises(FerryError, match="LF-6609"):
        read_bill(files, in_memory=0)


def test_a_bill_of_which_no_line_is_left_is_refused() -> None:
    with pytest.raises(FerryError, match="1 malformed") as caught:
        read_bill([file(cur2([BillLine("a", cost="much")]))])

    assert caught.value.code == "LF-6603"


@pytest.mark.parametrize(
    ("invoices", "state"), [(("1", "2"), "final"), (("1", ""), "open"), (("", ""), "open")]
)
def test_a_bill_is_final_when_each_line_has_an_invoice(
    invoices: tuple[str, str], state: str
) -> None:
    lines = [BillLine(str(at), invoice=one) for at, one in enumerate(invoices)]

    assert read_bill([file(cur2(lines))]).final == state


def test_the_region_is_that_of_the_prefix_where_the_bill_does_not_state_it() -> None:
    types = ("NatGateway-Bytes", "USE1-NatGateway-Bytes", "EU-NatGateway-Bytes")
    lines = [BillLine(one, usage_type=one, region="") for one in types]

    found = byte_lines(read_bill([file(cur2(lines))]))

    assert sorted(one.region for one in found) == ["eu-west-1", "us-east-1", "us-east-1"]


def test_bytes_in_a_unit_that_aws_does_not_use_are_refused() -> None:
    with pytest.raises(FerryError, match="`TB`") as caught:
        byte_lines(read_bill([file(cur2([BillLine("a", unit="TB")]))]))

    assert caught.value.code == "LF-6608"


def test_ten_decimals_of_a_gigabyte_give_back_whole_bytes() -> None:
    octets = 123_456_789_013  # 114.9781340072 GB
    amount = f"{Decimal(octets) / 2**30:.10f}"

    (line,) = byte_lines(read_bill([file(cur2([BillLine("a", amount=amount)]))]))

    assert line.bytes == octets


def test_resources_are_summed_by_day_where_that_is_asked() -> None:
    lines = [BillLine("a"), BillLine("b", hour=1), BillLine("c", hour=24)]

    bill = read_bill([file(cur2(lines))], by_resource=True)

    assert bill.resources is not None
    assert bill.resources["resource"].to_pylist() == [NAT_A, NAT_A]
    assert bill.resources["cost"].to_pylist() == [Decimal("0.09"), Decimal("0.045")]
