"""Each difference between bytes copied, seen and billed has a name, and its bytes have an owner."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.cost.bill.judging import REMEDY, Cell, Tolerances, judge
from tests.cost.bills import ENI_A, GIB, NAT_A

T = Tolerances()


def cell(copied: float | None, seen: float | None, billed: float | None, **known: Any) -> Cell:
    """Figures in GiB."""
    path = known.pop("path", NAT_A)
    return Cell(0, path, _bytes(copied), _bytes(seen), _bytes(billed), **known)


def _bytes(gigabytes: float | None) -> int | None:
    return None if gigabytes is None else int(gigabytes * GIB)


def verdicts(one: Cell, **how: Any) -> tuple[str, ...]:
    return judge(one, T, **{"final": True, **how}).verdicts


@pytest.mark.parametrize("overhead", [0, 0.01, 0.08])
def test_headers_and_retries_up_to_the_tolerance_are_in_order(overhead: float) -> None:
    assert verdicts(cell(100, 100 + 100 * overhead, 100 + 100 * overhead)) == ("ok",)


def test_more_than_the_tolerance_is_overhead() -> None:
    assert verdicts(cell(100, 109, 109)) == ("overhead",)


def test_retries_that_the_copy_reports_are_no_overhead() -> None:
    assert verdicts(cell(100, 120, 120, retried=15 * GIB)) == ("ok",)


def test_bytes_to_s3_are_a_leak_and_no_overhead() -> None:
    assert verdicts(cell(100, 203, 203, leak=100 * GIB)) == ("leak",)


def test_bytes_where_nothing_was_copied_are_foreign() -> None:
    assert verdicts(cell(0, 5, 5)) == ("foreign traffic",)


def test_known_traffic_of_others_and_unsolicited_packets_are_no_riddle() -> None:
    assert verdicts(cell(0, 5, 5, others=4 * GIB, unsolicited=GIB)) == ("ok",)


def test_less_than_was_copied_went_by_another_path() -> None:
    assert verdicts(cell(100, 50, 50)) == ("another path",)


def test_billed_and_not_seen_is_a_gap_of_the_flow_log() -> None:
    assert verdicts(cell(100, 50, 103)) == ("flow log gap",)
    assert verdicts(cell(100, None, 103)) == ("flow log gap",)


@pytest.mark.parametrize(("seen", "billed"), [(103, 104), (104, 103)])
def test_bill_and_flow_log_may_differ_by_a_hundredth(seen: float, billed: float) -> None:
    assert verdicts(cell(100, seen, billed)) == ("ok",)


def test_a_path_without_any_flow_log_has_no_gap_in_it() -> None:
    assert verdicts(cell(100, None, 103), watched=False) == ("ok",)


@pytest.mark.parametrize(
    ("final", "name"), [(True, "billed less than seen"), (False, "bill not final")]
)
def test_seen_and_not_billed_waits_for_the_bill_until_that_is_closed(
    final: bool, name: str
) -> None:
    assert verdicts(cell(100, 103, 50), final=final) == (name,)


def test_an_hour_beyond_the_bill_is_not_billed_yet() -> None:
    assert verdicts(cell(100, 103, None), final=False) == ("bill not final",)


def test_an_hour_before_the_bill_is_not_in_it() -> None:
    assert verdicts(cell(100, 103, None), before=True) == ("not in the bill",)


def test_an_instance_is_not_billed_by_the_byte() -> None:
    assert verdicts(cell(100, 103, None, path="i-0ddddddddddddddd4")) == ("ok",)


def test_an_interface_of_no_known_path_is_told() -> None:
    assert verdicts(cell(None, 103, None, path=ENI_A)) == ("interface unknown",)


def test_a_leak_in_an_hour_with_a_gap_is_told_first() -> None:
    assert verdicts(cell(100, 150, 206, leak=50 * GIB)) == ("leak", "flow log gap", "overhead")


def test_differences_below_a_megabyte_are_none() -> None:
    assert verdicts(Cell(0, NAT_A, 0, 1000, 900_000)) == ("ok",)


def test_a_leak_costs_its_bytes_at_the_rate_of_the_hour() -> None:
    """Facts, 5.6: 40,000 GB are 1,800.00 a month."""
    leak = Cell(0, NAT_A, 0, 40_000 * GIB, None, rate=Decimal("0.045"), leak=40_000 * GIB)

    assert leak.leak_usd == Decimal("1800.00")


def test_a_leak_without_a_price_is_unpriced_and_not_free() -> None:
    assert Cell(0, NAT_A, 0, GIB, None, leak=GIB).leak_usd is None
    assert Cell(0, NAT_A, 0, GIB, None).leak_usd == 0


def test_every_verdict_but_ok_says_what_to_do() -> None:
    assert [name for name, text in REMEDY.items() if text is None] == ["ok"]


def test_the_reference_names_every_verdict_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "reconcile.md").read_text()
    rows = page.split("## Verdicts")[1].split("## ")[0].splitlines()

    named = [row.split("`")[1] for row in rows if row.startswith("| `")]

    assert sorted(named) == sorted(REMEDY)


BYTES = st.integers(0, 2**50)
MAYBE = st.none() | BYTES


@given(copied=MAYBE, billed=MAYBE, more=BYTES, parts=st.tuples(BYTES, BYTES, BYTES), retried=BYTES)
def test_the_parts_of_a_cell_come_to_what_it_carried(
    copied: int | None,
    billed: int | None,
    more: int,
    parts: tuple[int, int, int],
    retried: int,
) -> None:
    leak, unsolicited, others = parts
    one = Cell(
        0, NAT_A, copied, sum(parts) + more, billed, leak=leak, unsolicited=unsolicited,
        others=others, retried=retried,
    )  # fmt: skip

    found = judge(one, T, final=False)

    assert sum(part.bytes for part in found.parts) == one.carried
    assert len({part.name for part in found.parts}) == len(found.parts)
    assert all(part.bytes > 0 for part in found.parts if part.name != "went by another path")
