"""`map-migrated` by the published forms, and what its absence costs. Facts, section 9."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.cost.bill.map_tags import Gap, MapTerms, by_resource, checked, fault_of, gap_of
from lakeferry.cost.bill.whole_bill import Bill, read_bill
from lakeferry.errors import FerryError
from tests.cost.bills import ENCODINGS, BillLine, cur2, file, sample

QUARTER = MapTerms(Decimal("0.25"))
TAG = {"user_map_migrated": "migABCDE12345"}


@pytest.mark.parametrize(
    "value",
    ["mig12345", "migABCDE12345", "sap12345", "oracle0123456789", "comm12345", "mig_ec2_ABCDE12345",
     "comm_ec2_12345"],
)  # fmt: skip
def test_published_forms_are_values(value: str) -> None:
    assert fault_of(value) is None
    assert checked(value) == value


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "there is no tag"),
        ("MIG12345", "the prefix `mig` is written in lower case"),
        ("migabcde12345", "the id is written in upper case"),
        ("mig1234", "`1234` is no id"),
        ("mig123456", "`123456` is no id"),
        ("mig_12345", "`_12345` is no id"),
        ("mig12345 ", "blanks around it"),
        ("mig12345\n", "blanks around it"),
        ("migrated", "`rated` is no id"),
        ("true", "it does not begin with one of"),
        ("d-server-0abc", "map.edition: legacy"),
    ],
)
def test_another_value_is_told_what_is_wrong_with_it(value: str, fault: str) -> None:
    assert fault in (fault_of(value) or "")
    with pytest.raises(FerryError, match="LF-6610"):
        checked(value)


def test_older_agreements_take_the_id_of_a_server() -> None:
    assert fault_of("d-server-0abc", "legacy") is None
    assert fault_of("mig12345", "legacy") is None


@given(st.text(st.sampled_from("migsaporclecomm_ec2ABZ019 "), max_size=24))
def test_a_value_is_a_prefix_and_an_id_and_nothing_else(text: str) -> None:
    prefixes = ("mig", "sap", "oracle", "comm", "mig_ec2_", "comm_ec2_")
    ids = [text[len(one) :] for one in prefixes if text.startswith(one)]
    right = any(
        (len(one) == 5 and one.isdigit())
        or (len(one) == 10 and all(c.isdigit() or "A" <= c <= "Z" for c in one))
        for one in ids
    )

    assert (fault_of(text) is None) == right


def bill(*lines: BillLine) -> Bill:
    return read_bill([file(cur2(lines))], by_resource=True)


def test_a_quarter_of_12000_is_earned_and_of_3000_lost() -> None:
    found = gap_of(
        bill(
            BillLine("a", cost="12000", tags=TAG, resource="i-1"),
            BillLine("b", cost="3000", resource="i-2"),
        ),
        QUARTER,
    )

    assert (found.earned, found.lost) == (Decimal("3000.00"), Decimal("750.00"))
    assert by_resource(found.untagged) == {"i-2": Decimal("750.00")}


def test_a_wrong_value_earns_nothing_and_says_why() -> None:
    found = gap_of(bill(BillLine("a", cost="8", tags={"user_map_migrated": "mig1"})), QUARTER)

    assert (found.earned, found.lost) == (Decimal(0), Decimal(2))
    assert found.untagged[0].value == "mig1"
    assert "no id" in found.untagged[0].fault


def test_what_names_no_resource_is_listed_apart() -> None:
    found = gap_of(bill(BillLine("a", cost="8", resource="")), QUARTER)

    assert (found.lost, found.without_resource_usd) == (Decimal(0), Decimal(8))


@pytest.mark.parametrize(
    "usage_type",
    ["DataTransfer-Out-Bytes", "EU-DataTransfer-Regional-Bytes", "USE1-EU-AWS-Out-Bytes"],
)
def test_data_transfer_is_not_covered_by_default(usage_type: str) -> None:
    found = gap_of(bill(BillLine("a", cost="8", usage_type=usage_type)), QUARTER)

    assert (found.lost, found.not_covered_usd) == (Decimal(0), Decimal(8))


def test_the_agreement_says_what_is_covered() -> None:
    boxes = MapTerms(Decimal("0.25"), included=("*BoxUsage:*",), excluded=())
    lines = BillLine("a", cost="8"), BillLine("b", cost="4", usage_type="EU-BoxUsage:m5.large")

    found = gap_of(bill(*lines), boxes)

    assert (found.lost, found.not_covered_usd) == (Decimal(1), Decimal(8))


def test_credits_taxes_and_discounts_are_no_usage() -> None:
    lines = [BillLine(kind, cost="8", kind=kind) for kind in ("Credit", "Tax", "EdpDiscount")]

    assert gap_of(bill(*lines), QUARTER).untagged == ()


def test_a_day_more_without_tags_loses_what_a_day_lost() -> None:
    found = gap_of(bill(BillLine("a", cost="8"), BillLine("b", cost="4", hour=24)), QUARTER)

    assert (found.days, found.lost, found.lost_a_day) == (2, Decimal(3), Decimal("1.5"))


def test_a_rate_beyond_the_whole_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 to 1"):
        MapTerms(Decimal(25))


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_gap_of_the_sample_is_the_same_in_each_encoding(name: str) -> None:
    found: Gap = gap_of(read_bill([sample(name)], by_resource=True), QUARTER)

    assert found.tagged_usd == Decimal("177.71484375")
    assert found.earned == Decimal("44.4287109375")
    whole = found.tagged_usd + found.untagged_usd + found.without_resource_usd
    assert whole + found.not_covered_usd == Decimal("220.8934631048")
    assert found.not_covered_usd == 2  # both sides of what crossed zones


def test_usage_that_cost_nothing_is_no_gap() -> None:
    assert gap_of(bill(BillLine("a", cost="0")), QUARTER).untagged == ()


def test_a_gap_needs_a_bill_by_resource() -> None:
    with pytest.raises(ValueError, match="by_resource"):
        gap_of(read_bill([file(cur2([BillLine("a")]))]), QUARTER)
