"""Prices, and what an import changes of them, as lines for people and as JSON bodies. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lakeferry.cli.columns import Column, paragraph, table
from lakeferry.cli.units import counted
from lakeferry.cost.path.money import exact_text
from lakeferry.cost.prices.changes import Kind
from lakeferry.cost.prices.changes import counted as kinds_of
from lakeferry.cost.prices.price_import import PriceReport
from lakeferry.cost.prices.terms import shown
from lakeferry.cost.prices.values import Price, PriceBook, Tier

_BOOK = (
    Column("id", elastic=True), Column("price"), Column("unit", priority=2),
    Column("as of", priority=1), Column("confidence", priority=3),
)  # fmt: skip
_MOST_ABSENT = 12  # that are named
_WORDS: Mapping[Kind, str] = {
    "new": "new", "higher": "higher", "lower": "lower", "other": "otherwise", "same": "the same",
}  # fmt: skip


def each_price(book: PriceBook) -> Iterator[Price]:
    """Every price with those of instances, by id."""
    hourly = (one for kind in book.instance_types.values() for one in kind.hourly.values())
    yield from sorted((*book.prices.values(), *hourly), key=lambda one: one.id)


def price_lines(prices: Sequence[Price], book: PriceBook, width: int) -> list[str]:
    """A table of prices, and what they are."""
    rows = [
        [one.id, shown(one.tiers), one.unit, one.as_of or "?", one.confidence] for one in prices
    ]
    lacking = sum(one.tiers is None for one in prices)
    said = f"  {counted(len(prices), 'price')} in {book.currency}"
    said += f", {lacking} of them without a figure" if lacking else ""
    return [*table(_BOOK, rows, width), said]


def price_body(one: Price) -> dict[str, Any]:
    return {
        "type": "price",
        "id": one.id,
        "provider": one.provider,
        "region": one.region,
        "service": one.service,
        "unit": one.unit,
        "tiers": _tiers(one.tiers),
        "source": one.source,
        "as_of": one.as_of,
        "confidence": one.confidence,
        "note": one.note,
    }


def change_lines(report: PriceReport, width: int) -> list[str]:
    """What an import changes, the changes first, and where it was written."""
    counts = ", ".join(
        f"{number:,} {_WORDS[kind]}" for kind, number in kinds_of(report.changes).items() if number
    )
    lines = [f"  {counted(len(report.changes), 'price')}: {counts}"]
    for one in report.changes:
        if one.kind != "same":
            lines += paragraph(f"    {_WORDS[one.kind]} {one}", width)
    if report.absent:
        named = ", ".join(report.absent[:_MOST_ABSENT])
        more = len(report.absent) - _MOST_ABSENT
        named += f" and {more:,} more" if more > 0 else ""
        lines += paragraph(f"  looked for and not in the lists, kept as they are: {named}", width)
    if report.file is None:
        return [*lines, "  nothing was written; --out FILE writes a file of prices"]
    kept = f", with all else of {report.base}" if report.base else ""
    return [*lines, f"  written: {report.file}{kept}; --prices {report.file} takes it"]


def change_bodies(report: PriceReport) -> Iterator[dict[str, Any]]:
    for one in report.changes:
        yield {
            "type": "price_change",
            "id": one.after.id,
            "kind": one.kind,
            "before": _tiers(one.before.tiers) if one.before else None,
            "after": _tiers(one.after.tiers),
            "source": one.after.source,
            "as_of": one.after.as_of,
        }


def change_summary(report: PriceReport) -> dict[str, Any]:
    return {
        "counts": dict(kinds_of(report.changes)),
        "absent": list(report.absent),
        "sources": list(report.sources),
        "file": report.file,
    }


def _tiers(tiers: Sequence[Tier] | None) -> list[dict[str, str | None]] | None:
    if tiers is None:
        return None
    return [
        {
            "from": exact_text(one.start),
            "to": None if one.end is None else exact_text(one.end),
            "price": exact_text(one.usd),
        }
        for one in tiers
    ]
