"""The way from NAT gateways to NAT instances or back, as lines for people and as JSON. Pure."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from lakeferry.cli.columns import paragraph
from lakeferry.monitor.nat.bill import NatBill
from lakeferry.monitor.nat.migration import NatMigration, Step


def migration_lines(found: NatMigration, width: int) -> list[str]:
    """Steps in order, what each interrupts, the way back, a month's dollars by both."""
    ways = {"instances": "NAT gateways to instances", "gateways": "NAT instances to gateways"}
    lines = [f"  from {ways[found.to]}, in this order:"]
    lines += _steps(found.steps, width)
    lines.append("  the way back:")
    lines += _steps(found.way_back, width)
    for line in _bill(found.bill):
        lines += paragraph(f"  {line}", width)
    return lines


def migration_body(found: NatMigration) -> dict[str, Any]:
    """What it adds to the summary; dollars and GB are exact decimals as text."""
    bill = found.bill
    return {
        "to": found.to,
        "steps": [_step(one) for one in found.steps],
        "way_back": [_step(one) for one in found.way_back],
        "usd_a_month": {
            "gateways": _exact(bill.by_gateways),
            "gateways_fixed": _exact(bill.gateways),
            "gateways_per_gb": _exact(bill.per_gb),
            "instances": _exact(bill.instances),
            "saved_by_instances": _exact(bill.saved),
        },
        "planned_gb_a_month": _exact(bill.planned_gb),
        "break_even_gb_a_month": _exact(bill.break_even_gb),
        "capacity_gb_a_month": _exact(bill.capacity_gb),
    }


def _steps(steps: Iterable[Step], width: int) -> Iterator[str]:
    for number, one in enumerate(steps, start=1):
        yield from paragraph(f"    {number}. {one.what}", width)
        if one.interrupts:
            yield from paragraph(f"       interrupts {one.interrupts}", width)
        if one.command:
            yield from paragraph(f"       do it: {one.command}", width)


def _step(one: Step) -> dict[str, Any]:
    return {
        "name": one.name,
        "what": one.what,
        "interrupts": one.interrupts,
        "command": one.command,
    }


def _bill(bill: NatBill) -> Iterator[str]:
    instances = "of unknown price" if bill.instances is None else _usd(bill.instances)
    if bill.planned_gb is None or bill.by_gateways is None:
        yield (
            f"a month: {_usd(bill.gateways)} and {_usd(bill.per_gb)} a GB by gateways, {instances} "
            "by instances with what stands by"
        )
    else:
        saved = "" if bill.saved is None else f": {_usd(abs(bill.saved))} a month " + (
            "saved by instances" if bill.saved >= 0 else "more by instances"
        )  # fmt: skip
        yield (
            f"a month of {bill.planned_gb:,.0f} GB: {_usd(bill.by_gateways)} by gateways, "
            f"{instances} by instances with what stands by{saved}"
        )
    if bill.break_even_gb is not None:
        even = max(Decimal(0), bill.break_even_gb)
        yield (
            f"instances are cheaper from {even:,.0f} GB a month on, and sustain "
            f"{bill.capacity_gb:,.0f} GB"
        )


def _usd(usd: Decimal) -> str:
    return f"${usd:,.2f}" if usd >= Decimal("0.1") or not usd else f"${usd.normalize():f}"


def _exact(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
