"""What a plan costs, as lines for people and as JSON bodies. Pure."""

from collections.abc import Iterator
from typing import Any

from lakeferry.cli.columns import Column, table
from lakeferry.cost.cost_report import CostReport, Route
from lakeferry.cost.money import cents, dollars, exact_text
from lakeferry.cost.quote import Line

_ROUTES = (
    Column("route", elastic=True),
    Column("total USD", right=True),
    Column("days", right=True),
    Column("Gbit/s max", priority=2, right=True),
    Column("remark", priority=3, elastic=True),
)


def route_lines(report: CostReport, width: int) -> list[str]:
    """Every path, the cheapest first."""
    rows = [
        [
            f"{one.placement} {one.label}",
            f">= {dollars(one.quote.total)}" if one.quote.at_least else dollars(one.quote.total),
            f"{one.days:.1f}",
            "-" if one.gbps is None else f"{one.gbps:g}",
            one.remark,
        ]
        for one in report.routes
    ]
    return table(_ROUTES, rows, width)


def route_bodies(report: CostReport) -> Iterator[dict[str, Any]]:
    """One `route` line a path, and one `cost_line` for each of its lines."""
    for one in report.routes:
        yield {
            "type": "route",
            "placement": one.placement,
            "path": one.path,
            "label": one.label,
            "usd": exact_text(one.quote.total),
            "usd_rounded": str(cents(one.quote.total)),
            "at_least": one.quote.at_least,
            "hours": one.hours,
            "gbps_max": None if one.gbps is None else exact_text(one.gbps),
            "confidence": one.quote.confidence,
            "as_of": one.quote.as_of,
            "remark": one.remark,
        }
        for line in one.quote.lines:
            yield line_body(one, line)


def line_body(route: Route, line: Line) -> dict[str, Any]:
    return {
        "type": "cost_line",
        "placement": route.placement,
        "path": route.path,
        "part": line.part,
        "item": line.item,
        "quantity": exact_text(line.quantity),
        "unit": line.unit,
        "usd": None if line.usd is None else exact_text(line.usd),
        "usd_rounded": None if line.usd is None else str(cents(line.usd)),
        "price_id": line.price_id,
        "source": line.source,
        "as_of": line.as_of,
        "confidence": line.confidence,
        "note": line.note,
    }
