"""The figures of a reconciliation by name, as exact text: what `--json` says. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from lakeferry.cost.bill.billed import Metered
from lakeferry.cost.bill.days import Day
from lakeferry.cost.bill.forecast import Forecast
from lakeferry.cost.bill.judging import REMEDY, Judged
from lakeferry.cost.bill.map_tags import wrong_tags
from lakeferry.cost.bill.reconcile import Reconciliation
from lakeferry.cost.bill.usage_types import BYTES_PER_GB
from lakeferry.cost.bill.whole_bill import Bill
from lakeferry.cost.path.money import exact, exact_or_none, exact_text


def figures(bill: Bill, found: Reconciliation) -> dict[str, Any]:
    """Totals of the bill and of the paths, the leak, and what was met while reading.

    Bytes are text too: a reader of JSON may hold them as doubles.
    """
    totals = found.totals
    return {
        "currency": found.currency,
        "final": found.final,
        "regions": list(totals.regions),
        "bytes_per_gb": BYTES_PER_GB,
        "copied_bytes": _texts(found.copied),
        "flow_bytes": _texts(found.seen_by_interface),
        "seen_bytes": _texts(found.seen),
        "billed_bytes": _texts(found.billed),
        "billed_gb": {path: _gb(count) for path, count in found.billed.items()},
        "billed_without_resource_id_gb": _gb(totals.without_resource),
        "nat_bytes_cost": exact_text(totals.nat_bytes_cost),
        "nat_bytes_cost_with_resource": exact_text(totals.nat_bytes_cost_with_resource),
        "usage_cost": exact_text(totals.usage_cost),
        "tagged_usage_cost": exact_text(totals.tagged_usage_cost),
        "tags_not_counted": [
            {"value": one.value, "fault": one.fault, "cost": exact_text(one.usd)}
            for one in wrong_tags(bill)
        ],
        "credits": exact_text(totals.credits),
        "invoice_total": exact_text(totals.invoice),
        "cost_by_line_item_type": {kind: exact_text(usd) for kind, usd in totals.by_kind.items()},
        "leak_bytes": str(found.leak),
        "leak_cost": exact_or_none(found.leak_usd),
        "leak_remedy": REMEDY["leak"] if found.leak else None,
        "verdicts": found.verdicts,
        "interfaces": dict(found.pairing.path_of),
        "interfaces_told_by_bytes": list(found.pairing.by_bytes),
        "interfaces_unknown": list(found.pairing.unknown),
        "not_reconciled": [_metered(one) for one in found.elsewhere],
        "rows": bill.report.rows - bill.report.duplicates,
        "duplicate_rows": bill.report.duplicates,
        "malformed_rows": bill.report.malformed,
        "replaced_files": list(bill.replaced),
    }


def cell_figures(one: Judged) -> dict[str, Any]:
    """One hour (or day) of one path."""
    cell = one.cell
    return {
        "start": _time(cell.start),
        "path": cell.path,
        "copied_bytes": _count(cell.copied),
        "seen_bytes": _count(cell.seen),
        "billed_bytes": _count(cell.billed),
        "leak_bytes": str(cell.leak),
        "overhead": exact_or_none(cell.overhead),
        "gap_bytes": _count(cell.gap),
        "cost": exact_or_none(cell.usd),
        "leak_cost": exact_or_none(cell.leak_usd),
        "skipped_records": cell.skipped,
        "verdict": one.verdict,
        "also": list(one.also),
        "parts": {part.name: str(part.bytes) for part in one.parts},
    }


def day_figures(day: Day) -> dict[str, Any]:
    """One day of one path: the sums of its hours."""
    return {
        "start": _time(day.start),
        "path": day.path,
        "copied_bytes": _count(day.copied),
        "seen_bytes": _count(day.seen),
        "billed_bytes": _count(day.billed),
        "leak_bytes": str(day.leak),
        "cost": exact_or_none(day.usd),
        "leak_cost": exact_or_none(day.leak_usd),
        "verdicts": dict(day.verdicts),
        "parts": {name: str(count) for name, count in day.parts.items()},
    }


def forecast_figures(ahead: Forecast) -> dict[str, Any]:
    """What the rest will be billed, and by which rule."""
    return {
        "bytes_left": str(ahead.bytes_left),
        "hours_left": exact_text(ahead.hours_left),
        "billed_per_byte": exact_text(ahead.billed_per_byte),
        "cost_so_far": exact_text(ahead.usd_so_far),
        "cost_left": exact_text(ahead.usd_left),
        "cost_left_without_leak": exact_text(ahead.usd_left_without_leak),
        "cost_total": exact_text(ahead.usd_total),
        "saved_by_the_remedy": exact_text(ahead.saved_by_the_remedy),
        "basis": ahead.basis,
    }


def _time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _texts(counts: Mapping[str, int]) -> dict[str, str]:
    return {name: str(count) for name, count in sorted(counts.items())}


def _count(count: int | None) -> str | None:
    return None if count is None else str(count)


@exact()
def _gb(octets: int) -> str:
    return exact_text(Decimal(octets) / BYTES_PER_GB)


def _metered(one: Metered) -> dict[str, str]:
    return {
        "meter": one.path,
        "region": one.region,
        "resource": one.resource,
        "bytes": str(one.bytes),
        "cost": exact_text(one.usd),
    }
