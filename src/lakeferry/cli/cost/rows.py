"""What a plan costs, for programs: JSON bodies, CSV rows; exact decimals as text. Pure."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from lakeferry.cost.path.decide import Decision
from lakeferry.cost.path.front import Front
from lakeferry.cost.path.loss import Lost
from lakeferry.cost.path.money import cents, exact_or_none, exact_text
from lakeferry.cost.path.quote import Line, Quote
from lakeferry.cost.plan.cost_report import CostReport, Route
from lakeferry.cost.plan.values import CostPlan

CSV_COLUMNS = (
    "placement", "path", "hours", "part", "item", "quantity", "unit", "usd", "usd_rounded",
    "price_id", "as_of", "confidence", "source", "note",
)  # fmt: skip


def bodies(report: CostReport, shown: Sequence[Route]) -> Iterator[dict[str, Any]]:
    """One `route` line a path, and one `cost_line` for each of its lines."""
    for one in shown:
        yield {
            "type": "route",
            "placement": one.placement,
            "path": one.path,
            "label": one.label,
            **_money(one.quote),
            "hours": one.hours,
            "gbps_max": None if one.gbps is None else exact_text(one.gbps),
            "remark": one.remark,
        }
        for line in one.quote.lines:
            yield {"type": "cost_line", "placement": one.placement, "path": one.path, **_line(line)}
    if report.migration is None:
        for label, quote in report.streams.items():
            for line in quote.lines:
                yield {"type": "cost_line", "path": f"kinesis, {label}", **_line(line)}


def summary(report: CostReport) -> dict[str, Any]:
    """The last line: what was taken for granted, the choice, and what would change it."""
    taken = report.taken
    return {
        "currency": report.book.currency,
        "prices_of": report.book.written,
        "plan": _plan(report.plan, report),
        "taken": None
        if taken is None
        else {"placement": taken.placement, "path": taken.path, **_money(taken.quote)},
        "front": None if report.front is None else _front(report.front),
        "decision": None if report.decision is None else _decision(report.decision),
        "break_even": None
        if report.bounded is None
        else {
            "gb": exact_text(report.bounded.gb),
            "capacity_gb": exact_text(report.bounded.capacity_gb),
            "pays": report.bounded.pays,
            "hours": exact_or_none(report.pays_until),
        },
        "nat_sizes": [
            {"type": one.type, "count": one.count, "gbps_each": exact_text(one.each_gbps),
             "usd": exact_text(one.usd), "bound_by": one.bound_by}
            for one in report.sizes
        ],
        "sensitivity": [
            {"what": one.what, "usd": exact_text(one.usd)} for one in report.changes
        ],
        "loss": None if report.lost is None else _lost(report.lost),
        "kernel": None if report.kernel is None else asdict(report.kernel),
        "streams": {label: _money(quote) for label, quote in report.streams.items()},
        "hints": list(report.hints),
        "doubts": list(report.doubts),
    }  # fmt: skip


def csv_text(report: CostReport, shown: Sequence[Route]) -> str:
    """Every line of every path that is shown; an unpriced line has no dollars, never 0."""
    out = io.StringIO()
    rows = csv.DictWriter(out, CSV_COLUMNS, lineterminator="\n")
    rows.writeheader()
    for one in shown:
        head: dict[str, Any] = {
            "placement": one.placement, "path": one.path, "hours": one.hours,
        }  # fmt: skip
        rows.writerows({**head, **_row(line)} for line in one.quote.lines)
    if report.migration is None:
        hours = report.plan.span.hours
        for label, quote in report.streams.items():
            head = {"placement": "", "path": f"kinesis, {label}", "hours": hours}
            rows.writerows({**head, **_row(line)} for line in quote.lines)
    return out.getvalue()


def _row(line: Line) -> dict[str, Any]:
    return {key: "" if value is None else value for key, value in _line(line).items()}


def _line(line: Line) -> dict[str, Any]:
    return {
        "part": line.part,
        "item": line.item,
        "quantity": exact_text(line.quantity),
        "unit": line.unit,
        "usd": exact_or_none(line.usd),
        "usd_rounded": None if line.usd is None else str(cents(line.usd)),
        "price_id": line.price_id,
        "as_of": line.as_of,
        "confidence": line.confidence,
        "source": line.source,
        "note": line.note,
    }


def _money(quote: Quote) -> dict[str, Any]:
    return {
        "usd": exact_text(quote.total),
        "usd_rounded": str(cents(quote.total)),
        "at_least": quote.at_least,
        "unpriced": [one.price_id for one in quote.unpriced],
        "confidence": quote.confidence,
        "as_of": quote.as_of,
    }


def _plan(plan: CostPlan, report: CostReport) -> dict[str, Any]:
    migration = report.migration
    said: dict[str, Any] = {
        "hours": plan.span.hours,
        "months": [{"month": one.month, "hours": one.hours} for one in plan.span.parts],
        "region": plan.region,
        "assumed": list(report.assumed),
        "free_tier": plan.free_tier,
    }
    if migration is not None:
        wanted = migration.nat_instances
        said |= {
            "bytes": migration.bytes,
            "wire_bytes": migration.wire_bytes,
            "files": migration.objects,
            "source": {"cloud": migration.source.cloud, "region": migration.source.region},
            "nat_instances": {"type": wanted.type, "count": wanted.count},
            "nat_gateways": migration.gateways,
        }
    return said


def _lost(found: Lost) -> dict[str, Any]:
    return {
        "minutes": found.loss.minutes,
        "dark_minutes": found.loss.dark,
        "longest_delay_s": round(found.replay.longest_delay * 60),
        "ends_after_minutes": found.replay.minutes,
    }


def _front(found: Front) -> dict[str, Any]:
    def point(one: Any) -> dict[str, Any]:
        return {
            "placement": one.placement,
            "path": one.path,
            "scale": one.scale,
            "hours": one.hours,
            "gbps": exact_or_none(one.gbps),
            "usd": exact_text(one.quote.total),
            "at_least": one.quote.at_least,
            "on_front": one in found.best,
        }

    return {
        "points": [point(one) for one in found.points],
        "chosen": None if found.chosen is None else point(found.chosen),
        "why": found.why,
    }


def _decision(found: Decision) -> dict[str, Any]:
    return {
        "chosen": found.chosen.option.path,
        "label": found.chosen.option.label,
        "reason": found.reason,
        "wins_by_usd": exact_or_none(found.wins_by),
        "options": [
            {
                "path": one.option.path,
                "usd": exact_text(one.total),
                "minutes": one.option.replay.minutes,
                "set_aside": one.set_aside,
            }
            for one in found.outcomes
        ],
        "flips": [
            {"what": one.what, "against": one.against, "now": exact_text(one.now),
             "at": exact_text(one.at)}
            for one in found.flips
        ],
    }  # fmt: skip
