"""The sample bill with its planted leak, gap and decoys: reconciled to the byte and to the cent.

`expected.json` lies beside the sample; its generator states what was planted.
"""

import json
from decimal import Decimal
from typing import Any

import pytest

from lakeferry.cost.bill.days import by_day
from lakeferry.cost.bill.figures import cell_figures, figures
from lakeferry.cost.bill.forecast import forecast
from lakeferry.cost.bill.observed import read_copied, read_seen
from lakeferry.cost.bill.reconcile import Reconciliation, reconcile
from lakeferry.cost.bill.whole_bill import Bill, read_bill
from lakeferry.cost.path.money import cents
from tests.cost.bills import ENCODINGS, ENI_A, ENI_B, NAT_A, NAT_B, required_sample, sample


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(required_sample("expected.json").read_text())
    return found


def bill(name: str) -> Bill:
    return read_bill([sample(name)])


def reconciled(name: str) -> Reconciliation:
    copied = read_copied(required_sample("copied.csv").read_text().splitlines(), "copied.csv")
    seen = read_seen(required_sample("flow.csv").read_text().splitlines(), "flow.csv")
    return reconcile(bill(name), copied, seen)


@pytest.fixture(params=ENCODINGS)
def result(request: pytest.FixtureRequest) -> Reconciliation:
    return reconciled(request.param)


def texts(counts: dict[str, int]) -> dict[str, str]:
    return {name: str(count) for name, count in counts.items()}


def test_the_bytes_are_those_expected(result: Reconciliation, expected: dict[str, Any]) -> None:
    assert texts(result.copied) == expected["copied_bytes"]
    assert texts(dict(result.seen_by_interface)) == expected["flow_bytes"]
    assert texts(result.billed) == expected["billed_bytes"]
    assert str(result.leak) == expected["leak_bytes"]
    billed_without = Decimal(expected["billed_without_resource_id_gb"]) * expected["bytes_per_gb"]
    assert result.totals.without_resource == billed_without


def test_the_dollars_are_those_expected(result: Reconciliation, expected: dict[str, Any]) -> None:
    totals = result.totals

    assert totals.nat_bytes_cost == Decimal(expected["nat_bytes_cost"])
    with_resource = Decimal(expected["nat_bytes_cost_with_resource"])
    assert totals.nat_bytes_cost_with_resource == with_resource
    assert totals.usage_cost == Decimal(expected["usage_cost"])
    assert totals.credits == Decimal(expected["credits"])
    assert totals.invoice == Decimal(expected["invoice_total"])
    assert totals.tagged_usage_cost == Decimal(expected["tagged_usage_cost"])
    assert result.leak_usd is not None
    assert result.leak_usd == Decimal("9.79171875")  # expected.json has it rounded to six places
    assert round(result.leak_usd, 6) == Decimal(expected["leak_cost"])


def test_the_leak_is_in_the_hours_in_which_it_was_planted(
    result: Reconciliation, expected: dict[str, Any]
) -> None:
    leaks = {
        str(one.cell.start // 3600 % 24): one.cell.leak
        for one in result.cells
        if one.verdict == "leak"
    }
    assert leaks == expected["leak_hours"]


def test_the_flow_log_gap_is_where_it_was_planted(
    result: Reconciliation, expected: dict[str, Any]
) -> None:
    gaps = [
        [one.cell.start // 3600 % 24, one.cell.path]
        for one in result.cells
        if one.verdict == "flow log gap"
    ]
    assert gaps == expected["flow_gap_hours"]


def test_every_other_hour_is_in_order_with_an_overhead_of_a_32nd(result: Reconciliation) -> None:
    assert result.verdicts == {"ok": 43, "leak": 3, "flow log gap": 2}
    assert {one.cell.overhead for one in result.cells if one.verdict != "flow log gap"} == {
        Decimal("0.03125")
    }
    assert {one.cell.gap for one in result.cells if one.verdict != "flow log gap"} == {0}


def test_interfaces_find_their_gateways_by_their_bytes(result: Reconciliation) -> None:
    assert result.pairing.path_of == {ENI_A: NAT_A, ENI_B: NAT_B}
    assert result.pairing.by_bytes == (ENI_A, ENI_B)


def test_decoys_are_told_by_name_and_not_counted(result: Reconciliation) -> None:
    assert [(one.path, one.region, one.resource, one.usd) for one in result.elsewhere] == [
        ("interface_endpoint", "us-east-1", "vpce-0cccccccccccccc33", Decimal(3)),
        ("nat_gateway", "eu-west-1", "nat-0999999999999999e", Decimal(24)),
        ("nat_gateway", "us-east-1", "", Decimal("0.09")),
        ("provisioned_nat", "us-east-1", "", Decimal(0)),
        ("regional_nat_gateway", "us-east-1", "nat-0888888888888888f", Decimal("1.485")),
    ]


def test_the_parts_of_each_hour_come_to_what_it_carried(result: Reconciliation) -> None:
    for one in result.cells:
        assert sum(part.bytes for part in one.parts) == one.cell.carried


def test_the_three_encodings_reconcile_alike() -> None:
    csv, columns, old = (reconciled(name) for name in ENCODINGS)

    assert csv == columns == old


def test_the_three_files_given_together_are_one_bill_and_no_more() -> None:
    together = read_bill([sample(name) for name in ENCODINGS])
    alone = bill("cur2.csv.gz")

    assert together.report.duplicates == 320
    assert together.costs.equals(alone.costs)
    assert together.metered.equals(alone.metered)


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_figures_by_name_are_those_of_the_sample(name: str, expected: dict[str, Any]) -> None:
    found = figures(bill(name), reconciled(name))
    same = expected.keys() - {"leak_hours", "flow_gap_hours", "leak_cost"}  # by hour; rounded

    assert same <= found.keys()
    assert {key: numbers(found[key]) for key in same} == {
        key: numbers(expected[key]) for key in same
    }
    assert found["leak_cost"] == "9.79171875"
    assert "gateway endpoint for S3" in found["leak_remedy"]


def numbers(figure: Any) -> Any:
    if isinstance(figure, dict):
        return {key: Decimal(value) for key, value in figure.items()}
    return Decimal(figure)


def test_a_day_of_a_path_is_the_sum_of_its_hours(result: Reconciliation) -> None:
    first, second = by_day(result.cells)

    assert (first.path, first.copied, first.seen, first.billed) == (
        NAT_A,
        1895154319360,
        2146493792256,
        2188017401856,
    )
    assert first.verdicts == {"ok": 20, "leak": 3, "flow log gap": 1}
    assert second.verdicts == {"ok": 23, "flow log gap": 1}
    assert sum(first.parts.values()) == first.billed
    assert (first.leak, first.leak_usd) == (233639510016, Decimal("9.79171875"))
    assert (second.leak, second.leak_usd) == (0, Decimal(0))
    assert first.usd is not None
    assert second.usd is not None
    assert first.usd + second.usd == Decimal("175.55484375")


def test_the_forecast_goes_on_as_it_went() -> None:
    found = bill("cur2.csv.gz")
    result = reconciled("cur2.csv.gz")
    copied = sum(result.copied.values())

    again = forecast(found, result, copied)

    assert again is not None
    assert again.hours_left == 24
    assert cents(again.usd_left) == Decimal("177.71")  # 175.55484375 for bytes, 48 x 0.045
    assert cents(again.usd_total) == Decimal("355.43")
    assert cents(again.saved_by_the_remedy) == Decimal("9.79")


def test_there_is_no_forecast_where_nothing_was_copied() -> None:
    found = bill("cur2.csv.gz")

    assert forecast(found, reconcile(found, None, None, region="us-east-1"), 2**40) is None


def test_an_hour_is_told_in_exact_text(result: Reconciliation) -> None:
    assert cell_figures(result.cells[5]) == {
        "start": "2026-10-01T05:00:00Z",
        "path": NAT_A,
        "copied_bytes": "65498251264",
        "seen_bytes": "135090143232",
        "billed_bytes": "135090143232",
        "leak_bytes": "67545071616",
        "overhead": "0.03125",
        "gap_bytes": "0",
        "cost": "5.6615625",
        "leak_cost": "2.83078125",
        "skipped_records": 0,
        "verdict": "leak",
        "also": [],
        "parts": {
            "copied": "65498251264",
            "S3 through this path": "67545071616",
            "headers and small retries": "2046820352",
        },
    }
