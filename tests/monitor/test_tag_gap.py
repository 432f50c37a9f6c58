"""The gap to the cent: of a bill, and of what runs at the prices of the book."""

from decimal import Decimal

from lakeferry.cost.bill.map_tags import MapTerms
from lakeferry.cost.bill.place import bill_of
from lakeferry.cost.bill.whole_bill import Bill, read_bill
from lakeferry.cost.prices.price_file import own_book
from lakeferry.monitor.tags.gap import billed, estimate
from lakeferry.network.tag_bearers import Bearer
from tests.corpora import ROOT
from tests.cost.bills import BillLine, cur2, file

QUARTER = MapTerms(Decimal("0.25"))
TAG = {"user_map_migrated": "migABCDE12345"}
RIGHT = {"map-migrated": "migABCDE12345"}


def bill(*lines: BillLine) -> Bill:
    return read_bill([file(cur2(lines))], by_resource=True)


def box(id: str, cost: str, usage_type: str = "BoxUsage:c6gn.medium", **more: object) -> BillLine:
    return BillLine(id, cost=cost, resource=id, usage_type=usage_type, **more)  # type: ignore[arg-type]


def test_of_3000_dollars_untagged_750_are_lost_and_none_come_back() -> None:
    found = billed(bill(box("i-1", "12000", tags=TAG), box("i-2", "3000")), QUARTER, days=30)

    assert found.gap.earned == Decimal("3000.00")
    assert found.gap.lost == Decimal("750.00")
    assert found.lost_by == (("i-2", Decimal("750.00")),)


def test_what_comes_is_lost_as_on_the_days_of_the_bill() -> None:
    lines = [box("i-2", "100"), box("i-2b", "20", hour=24 * 2)]  # 1 to 3 October

    found = billed(bill(*lines), QUARTER, days=9)

    assert found.gap.days == 3
    assert found.lost_a_day == Decimal(10)
    assert found.lost_to_come == Decimal(90)


def test_what_bears_the_tag_by_now_loses_nothing_more() -> None:
    found = billed(
        bill(box("i-1", "300"), box("i-2", "100")), QUARTER, days=10, right={"i-1", "i-9"}
    )

    assert found.gap.lost == Decimal(100)
    assert found.mended == ("i-1",)
    assert found.lost_to_come == Decimal(250)


def test_what_never_qualifies_and_what_cannot_be_tagged_are_no_gap() -> None:
    found = billed(
        bill(
            box("i-1", "500", "USE1-AWS-Out-Bytes"),
            box("i-2", "40", "DataTransfer-Regional-Bytes"),
            BillLine("x", cost="7", resource="", usage_type="NatGateway-Bytes"),
        ),
        QUARTER,
        days=30,
    )  # fmt: skip

    assert found.never == (
        ("USE1-AWS-Out-Bytes", Decimal(500)),
        ("DataTransfer-Regional-Bytes", Decimal(40)),
    )
    assert found.gap.not_covered_usd == Decimal(540)
    assert found.gap.without_resource_usd == Decimal(7)
    assert found.gap.lost == 0


# ---- without a bill


def test_what_runs_untagged_costs_what_the_book_says_to_the_last_digit() -> None:
    # c6gn.medium 0.0432 an hour, a NAT gateway 0.045, an endpoint in 2 zones 0.01 each.
    bearers = [
        Bearer("instance", "i-1", "", {}, hourly={"aws.ec2.hour.c6gn.medium": Decimal(1)}),
        Bearer("nat_gateway", "nat-1", "", {}, hourly={"aws.natgw.hour": Decimal(1)}),
        Bearer("vpc_endpoint", "vpce-1", "", {}, hourly={"aws.vpce.hour": Decimal(2)}),
        Bearer("instance", "i-2", "", RIGHT, hourly={"aws.ec2.hour.c6gn.medium": Decimal(1)}),
    ]

    found = estimate(bearers, own_book(), "us-east-1", rate=Decimal("0.25"), days=30)

    assert found.usd_an_hour == Decimal("0.1082")
    assert found.usd_to_come == Decimal("77.904")
    assert found.lost_to_come == Decimal("19.476")
    assert [one.bearer.id for one in found.untagged] == ["nat-1", "i-1", "vpce-1"]


def test_a_disk_costs_its_share_of_the_months_price() -> None:
    disk = Bearer("volume", "v", "", {}, monthly={"aws.ebs.gp3": Decimal(73)})

    found = estimate([disk], own_book(), "us-east-1", rate=None, days=1)

    assert found.usd_an_hour == Decimal("0.008")  # 73 GB at 0.08 for a month of 730 hours
    assert found.lost_to_come is None


def test_a_price_that_is_not_known_is_named_and_never_zero() -> None:
    bearers = [
        Bearer("instance", "i-1", "", {}, hourly={"aws.ec2.hour.x9.huge": Decimal(1)}),
        Bearer("nat_gateway", "nat-1", "", {}, hourly={"aws.natgw.hour": Decimal(1)}),
    ]

    found = estimate(bearers, own_book(), "us-east-1", rate=None, days=30)

    assert found.usd_an_hour == Decimal("0.045")
    (one,) = found.unpriced
    assert (one.usd, one.lacking) == (None, ("aws.ec2.hour.x9.huge.us-east-1",))


def test_a_value_that_does_not_count_is_no_tag() -> None:
    wrong = Bearer(
        "nat_gateway", "n", "", {"map-migrated": "true"}, hourly={"aws.natgw.hour": Decimal(1)}
    )

    found = estimate([wrong], own_book(), "us-east-1", rate=None, days=1)

    assert [one.bearer.id for one in found.untagged] == ["n"]


def test_the_gap_of_the_sample_bill_is_the_sum_of_its_parts() -> None:
    sample = bill_of([str(ROOT / "cur" / "legacy.csv")], by_resource=True)

    found = billed(sample, QUARTER, days=30)
    gap = found.gap

    assert gap.lost == sum((usd for _, usd in found.lost_by), Decimal(0))
    assert gap.not_covered_usd == sum((usd for _, usd in found.never), Decimal(0))
    assert gap.lost == gap.untagged_usd / 4
