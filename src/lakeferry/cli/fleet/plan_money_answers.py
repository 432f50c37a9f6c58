"""What a plan costs beside its routes, as lines for people and as JSON. Pure."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from lakeferry.cli.columns import Column, paragraph, table
from lakeferry.cli.units import counted, size_text
from lakeferry.cost.path.money import dollars
from lakeferry.fleet.planning.planned import FleetPlan, Retrieved, Stored

_COLUMNS = (
    Column("storage class", 0), Column("tables", 3, right=True), Column("files", 4, right=True),
    Column("bytes", 0, right=True), Column("a month", 0, right=True),
    Column("writes beyond STANDARD's", 2, right=True),
)  # fmt: skip


def money_lines(plan: FleetPlan, width: int) -> Iterator[str]:
    """Storage classes of the target, then what lies cold at the sources; nothing of none."""
    if plan.stored:
        yield from table(_COLUMNS, [_stored(one) for one in plan.stored], width)
        for missing in dict.fromkeys(one.missing for one in plan.stored if one.missing):
            yield from paragraph(f"  Not known: {missing}", width)
        yield ""
    for one in plan.retrieved:
        yield from paragraph(f"  {_retrieved(one)}", width)
    if plan.retrieved:
        yield ""


def money_body(plan: FleetPlan) -> dict[str, Any]:
    """The same for the summary; null and a name: not known."""
    return {
        "retrieved": [
            {**one._asdict(), "ways": [
                {"name": way.name, "usd": _exact(way.usd), "missing": way.missing or None}
                for way in one.ways
            ]}
            for one in plan.retrieved
        ],
        "stored": [
            {**one._asdict(), "usd_a_month": _exact(one.usd_a_month),
             "usd_writes": _exact(one.usd_writes), "missing": one.missing or None}
            for one in plan.stored
        ],
    }  # fmt: skip


def _stored(one: Stored) -> tuple[str, ...]:
    return (
        one.storage_class, f"{one.tables:,}", f"{one.files:,}", size_text(one.bytes),
        _money(one.usd_a_month), _money(one.usd_writes),
    )  # fmt: skip


def _retrieved(one: Retrieved) -> str:
    where = f"{one.tier} of {one.place}" if one.place else one.tier
    files = f"{counted(one.files, 'file')}, {size_text(one.bytes)}"
    known = [f"${dollars(way.usd)} {way.name}".rstrip() for way in one.ways if way.usd is not None]
    lacking = [
        f"{way.name or 'what that costs'} is not known: {way.missing}"
        for way in one.ways
        if way.usd is None
    ]
    prices = "; ".join([", ".join(known), *lacking]).removeprefix("; ")
    if not one.waits:
        return f"{where}: at most {files} are read for a fee: {prices}"
    copies = "; the storage of the restored copies comes on top" if known else ""
    return f"{where}: {files} must be restored first: {prices}{copies}"


def _money(usd: Decimal | None) -> str:
    return "–" if usd is None else f"${dollars(usd)}"


def _exact(usd: Decimal | None) -> str | None:
    return None if usd is None else f"{usd:f}"
