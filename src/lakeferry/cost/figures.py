"""The figures of a reconciliation by name, bytes and dollars as exact text: what `--json` says."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from lakeferry.cost.bill import Bill
from lakeferry.cost.billed import Metered
from lakeferry.cost.judging import REMEDY, Judged
from lakeferry.cost.money import exact, exact_text
from lakeferry.cost.reconcile import Reconciliation
from lakeferry.cost.usage_types import BYTES_PER_GB


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
        "credits": exact_text(totals.credits),
        "invoice_total": exact_text(totals.invoice),
        "cost_by_line_item_type": {kind: exact_text(usd) for kind, usd in totals.by_kind.items()},
        "leak_bytes": str(found.leak),
        "leak_cost": _money(found.leak_usd),
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
        "start": datetime.fromtimestamp(cell.start, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "path": cell.path,
        "copied_bytes": _count(cell.copied),
        "seen_bytes": _count(cell.seen),
        "billed_bytes": _count(cell.billed),
        "leak_bytes": str(cell.leak),
        "overhead": _money(cell.overhead),
        "gap_bytes": _count(cell.gap),
        "cost": _money(cell.usd),
        "leak_cost": _money(cell.leak_usd),
        "verdict": one.verdict,
        "also": list(one.also),
        "parts": {part.name: str(part.bytes) for part in one.parts},
    }


def _texts(counts: Mapping[str, int]) -> dict[str, str]:
    return {name: str(count) for name, count in sorted(counts.items())}


def _count(count: int | None) -> str | None:
    return None if count is None else str(count)


def _money(usd: Decimal | None) -> str | None:
    return None if usd is None else exact_text(usd)


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
