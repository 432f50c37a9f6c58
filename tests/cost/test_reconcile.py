"""Copied, seen and billed side by side: which paths, which hours, and what each costs."""

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.cost.bill.days import by_day
from lakeferry.cost.bill.forecast import forecast
from lakeferry.cost.bill.judging import Tolerances
from lakeferry.cost.bill.observed import Copied, Seen
from lakeferry.cost.bill.reconcile import Reconciliation, reconcile
from lakeferry.cost.bill.whole_bill import Bill, read_bill
from lakeferry.cost.path.money import exact
from lakeferry.errors import FerryError
from tests.cost.bills import ENI_A, GIB, NAT_A, NAT_B, BillLine, cur2, file, seconds

EU_NAT = "nat-0999999999999999e"


def bill(*lines: BillLine) -> Bill:
    return read_bill([file(cur2(lines))])


def hour(at: int, gigabytes: int = 100, resource: str = NAT_A, **changed: Any) -> BillLine:
    cost = f"{Decimal('0.045') * gigabytes:.10f}"
    return BillLine(
        f"{resource}{at}", amount=str(gigabytes), cost=cost, hour=at, resource=resource, **changed
    )


def copied(*hours: int, path: str = NAT_A) -> list[Copied]:
    return [Copied(seconds(at), path, 100 * GIB) for at in hours]


def seen(*hours: int, interface: str = ENI_A, leak: int = 0) -> list[Seen]:
    """100 GiB of which some went to S3."""
    return [Seen(seconds(at), interface, 100 * GIB, leak * GIB) for at in hours]


def verdicts(found: Reconciliation) -> list[str]:
    return [one.verdict for one in found.cells]


def test_hours_that_the_bill_does_not_reach_are_not_final() -> None:
    found = reconcile(bill(hour(0), hour(1)), copied(0, 1, 2), seen(0, 1, 2))

    assert verdicts(found) == ["ok", "ok", "bill not final"]
    assert found.cells[2].cell.billed is None
    assert found.needs_a_look


def test_lines_by_the_day_do_not_make_a_bill_reach_to_midnight() -> None:
    volume = BillLine("v", usage_type="EBS:VolumeUsage.gp3", hours=24, unit="GB-Mo", resource="vol")

    found = reconcile(bill(hour(0), volume), copied(0, 1), seen(0, 1))

    assert verdicts(found) == ["ok", "bill not final"]
    assert [one.cell.billed for one in found.cells] == [100 * GIB, None]


def test_a_bill_by_the_day_is_reconciled_by_the_day() -> None:
    daily = hour(0, 2400, hours=24)

    found = reconcile(bill(daily), copied(*range(24)), seen(*range(24)))

    assert (found.length, verdicts(found)) == (86400, ["ok"])
    assert found.copied == found.seen == found.billed == {NAT_A: 2400 * GIB}


def test_an_hour_before_the_bill_is_not_in_it() -> None:
    found = reconcile(bill(hour(5), hour(6)), copied(4, 5, 6), seen(4, 5, 6))

    assert verdicts(found) == ["not in the bill", "ok", "ok"]


def test_a_path_of_another_region_is_reconciled_where_it_was_copied_by() -> None:
    eu = hour(0, region="eu-west-1", usage_type="EU-NatGateway-Bytes", resource=EU_NAT)

    found = reconcile(bill(hour(0), eu), copied(0, path=EU_NAT), None)

    assert found.totals.regions == ("eu-west-1",)
    assert (found.paths, verdicts(found)) == ((EU_NAT,), ["ok"])
    assert [one.resource for one in found.elsewhere] == [NAT_A]


def test_without_any_path_several_regions_are_refused_and_one_can_be_named() -> None:
    eu = hour(0, region="eu-west-1", usage_type="EU-NatGateway-Bytes", resource=EU_NAT)
    both = bill(hour(0), eu)

    with pytest.raises(FerryError, match="eu-west-1, us-east-1") as caught:
        reconcile(both, None, None)

    assert caught.value.code == "LF-6606"
    assert reconcile(both, None, None, region="eu-west-1").paths == (EU_NAT,)


def test_a_region_of_which_nothing_is_billed_is_refused_and_the_nearest_is_named() -> None:
    eu = hour(0, region="eu-west-1", usage_type="EU-NatGateway-Bytes", resource=EU_NAT)

    with pytest.raises(FerryError, match="nearest: us-east-1") as caught:
        reconcile(bill(hour(0), eu), copied(0), None, region="us-east-2")

    assert caught.value.code == "LF-6606"
    assert reconcile(bill(hour(0), eu), copied(0), None, region="us-east-1").paths == (NAT_A,)


def test_a_regional_gateway_that_was_copied_by_is_a_path_of_its_own() -> None:
    line = hour(0, usage_type="RegionalNatGateway-Bytes")

    found = reconcile(bill(line), copied(0), None)

    assert verdicts(found) == ["ok"]
    assert found.totals.nat_bytes == 0  # no zonal one


def test_credits_and_discounts_carry_no_bytes() -> None:
    credit = BillLine("c", amount="50", cost="-2.25", kind="Credit", resource=NAT_A)

    found = reconcile(bill(hour(0), credit), copied(0), seen(0))

    assert found.billed == {NAT_A: 100 * GIB}
    assert (found.totals.credits, found.totals.invoice) == (Decimal("-2.25"), Decimal("2.25"))


def test_covered_usage_counts_as_usage() -> None:
    covered = hour(0, kind="SavingsPlanCoveredUsage")

    assert reconcile(bill(covered), copied(0), seen(0)).billed == {NAT_A: 100 * GIB}


def test_the_leak_is_priced_by_what_its_own_hour_costs() -> None:
    cheaper = hour(1, rate="0.030")

    found = reconcile(bill(hour(0), cheaper), copied(0), seen(0, 1, leak=10))

    assert [one.cell.leak_usd for one in found.cells] == [Decimal("0.45"), Decimal("0.30")]
    assert found.leak_usd == Decimal("0.75")


def test_a_rate_that_the_bill_does_not_state_is_cost_over_amount() -> None:
    found = reconcile(bill(hour(0, rate="")), copied(0), seen(0, leak=10))

    assert found.leak_usd == Decimal("0.45")


def test_a_free_path_leaks_nothing() -> None:
    free = BillLine("f", amount="100", cost="0", rate="0", resource=NAT_A)

    assert reconcile(bill(free), copied(0), seen(0, leak=10)).leak_usd == 0


def test_a_leak_that_is_not_billed_yet_is_priced_by_the_hours_before() -> None:
    found = reconcile(bill(hour(0)), copied(0, 1), seen(0, 1, leak=10))

    assert found.leak_usd == Decimal("0.90")


def test_it_is_priced_by_the_hours_of_its_own_path_before_those_of_another() -> None:
    dear, cheap = hour(0), hour(0, resource=NAT_B, rate="0.030")
    flows = [*seen(0, 1, interface=NAT_B, leak=10), *seen(0, interface=NAT_A)]

    found = reconcile(bill(dear, cheap), None, flows)

    assert [one.cell.leak_usd for one in found.cells if one.cell.path == NAT_B] == [
        Decimal("0.30"),
        Decimal("0.30"),
    ]


def test_a_leak_that_nothing_prices_is_unpriced_until_a_price_is_given() -> None:
    other = BillLine("o", usage_type="BoxUsage:c7gn.large", resource="i-1", unit="Hrs")
    through = [Seen(seconds(0), "nat-1", GIB, GIB)]

    assert reconcile(bill(other), None, through).leak_usd is None
    priced = reconcile(bill(other), None, through, list_rate=Decimal("0.045"))
    assert priced.leak_usd == Decimal("0.045")


def test_an_interface_that_fits_no_gateway_is_a_row_of_its_own() -> None:
    lines = [hour(at, resource=path) for at in (0, 1) for path in (NAT_A, NAT_B)]

    found = reconcile(bill(*lines), [*copied(0, 1), *copied(0, 1, path=NAT_B)], seen(0, 1))

    assert found.pairing.unknown == (ENI_A,)
    assert found.verdicts == {"interface unknown": 2, "ok": 4}


def test_an_interface_can_be_named() -> None:
    lines = [hour(at, resource=path) for at in (0, 1) for path in (NAT_A, NAT_B)]

    found = reconcile(bill(*lines), copied(0, 1), seen(0, 1), path_of={ENI_A: NAT_A})

    assert verdicts(found) == ["ok", "ok"]


def test_tolerances_are_the_callers() -> None:
    strict = Tolerances(overhead=Decimal(0), gap=Decimal(0), least=0)
    through = [Seen(seconds(0), ENI_A, 100 * GIB + 1)]

    assert verdicts(reconcile(bill(hour(0)), copied(0), through)) == ["ok"]
    assert verdicts(reconcile(bill(hour(0)), copied(0), through, tolerances=strict)) == [
        "bill not final"
    ]


@settings(max_examples=25, deadline=None)
@given(
    amounts=st.lists(
        st.tuples(st.integers(0, 2**45), st.integers(0, 2**45)), min_size=1, max_size=9
    ),
    seed=st.integers(0, 99),
)
def test_order_and_splitting_of_what_was_copied_and_seen_do_not_matter(
    amounts: list[tuple[int, int]], seed: int
) -> None:
    one_bill = bill(*(hour(at) for at in range(len(amounts))))
    rows = [Copied(seconds(at), NAT_A, size) for at, (size, _) in enumerate(amounts)]
    flows = [Seen(seconds(at), ENI_A, size, size // 3) for at, (_, size) in enumerate(amounts)]
    halves = [Copied(one.hour, one.path, one.payload // 2) for one in rows]
    rest = [Copied(one.hour, one.path, one.payload - one.payload // 2) for one in rows]
    mixed, turned = halves + rest, flows[:]
    random.Random(seed).shuffle(mixed)
    random.Random(seed).shuffle(turned)

    found = reconcile(one_bill, rows, flows)

    assert reconcile(one_bill, mixed, turned) == found
    days = by_day(found.cells)
    assert sum(one.copied or 0 for one in days) == sum(size for size, _ in amounts)
    assert sum(one.seen or 0 for one in days) == sum(size for _, size in amounts)
    assert sum(one.billed or 0 for one in days) == len(amounts) * 100 * GIB
    with exact():
        assert sum((one.leak_usd or Decimal(0) for one in days), Decimal(0)) == found.leak_usd


def test_a_path_that_is_not_billed_by_the_byte_has_no_bytes_billed() -> None:
    other = BillLine("o", usage_type="BoxUsage:c7gn.large", resource="i-1", unit="Hrs")

    found = reconcile(bill(other), [Copied(seconds(0), "i-1", GIB)], None)

    assert (found.copied, found.seen, found.billed) == ({"i-1": GIB}, {}, {})
    assert (found.cells[0].cell.overhead, found.cells[0].cell.gap) == (None, None)


def test_a_forecast_of_a_path_without_hours_is_of_its_bytes_alone() -> None:
    one_bill = bill(hour(0))

    again = forecast(one_bill, reconcile(one_bill, copied(0), seen(0, leak=10)), 200 * GIB)

    assert again is not None
    assert (again.hours_left, again.usd_left) == (Decimal(2), Decimal(9))
    assert again.usd_left_without_leak == Decimal("8.1")
    assert "1.0000 bytes billed for each byte copied and 0.045000 a GB" in again.basis


def test_what_leaks_through_an_instance_costs_nothing_by_the_byte() -> None:
    found = reconcile(bill(hour(0)), None, [Seen(seconds(0), "i-1", GIB, GIB)])

    (cell,) = (one.cell for one in found.cells if one.cell.path == "i-1")
    assert cell.leak == GIB
    assert cell.leak_usd == 0
