"""A bill that was reconciled, as lines for people, as JSON bodies and as CSV. Pure."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from lakeferry.cli.columns import Column, paragraph, table
from lakeferry.cost.bill.days import Day
from lakeferry.cost.bill.figures import cell_figures, day_figures, figures, forecast_figures
from lakeferry.cost.bill.forecast import Forecast
from lakeferry.cost.bill.judging import REMEDY, Judged
from lakeferry.cost.bill.map_tags import wrong_tags
from lakeferry.cost.bill.reconcile import Reconciliation
from lakeferry.cost.bill.run import Reconciled
from lakeferry.cost.bill.usage_types import BYTES_PER_GB
from lakeferry.cost.bill.whole_bill import DAY, HOUR
from lakeferry.cost.path.money import dollars, exact

_TABLE = (
    Column("day"),
    Column("path", elastic=True),
    Column("copied", right=True),
    Column("seen", right=True),
    Column("billed", right=True),
    Column("S3", priority=1, right=True),
    Column("cost", priority=2, right=True),
    Column("", elastic=True),
)
_HOURLY = (Column("hour"), *_TABLE[1:])
_SHOWN = 3  # hours, resources, rows that are named before it says how many more
_CSV = (
    "start", "seconds", "path", "copied_bytes", "seen_bytes", "billed_bytes", "leak_bytes", "cost",
    "leak_cost",
)  # fmt: skip


# ---- for people


def reconciled_lines(
    result: Reconciled, signs: Mapping[str, str], width: int, *, hourly: bool
) -> list[str]:
    """Days (or hours) side by side, what the difference is, what to do, what the bill comes to."""
    found = result.found
    by_hour = hourly and found.length == HOUR
    rows = [_hour_row(one) for one in found.cells] if by_hour else _day_rows(result.days)
    lines = _side_by_side(_HOURLY if by_hour else _TABLE, rows, width)
    lines += ["  in GB of 2^30 bytes, as AWS bills them; times are UTC", ""]
    lines += _parts_lines(found, width)
    lines += _verdict_lines(found, signs, width)
    lines += _bill_lines(result, width)
    if result.ahead is not None:
        lines += ["", *_ahead_lines(result.ahead, found.currency, width)]
    elif result.whole is not None:
        lines += ["", "  to the end: nothing to go by, as no hour was both copied in and billed"]
    return lines


def _side_by_side(columns: tuple[Column, ...], rows: list[list[str]], width: int) -> list[str]:
    """The table; where it has no room for what each row comes to, that is told below."""
    lines = table(columns, rows, width)
    if all(line.endswith(row[-1]) for line, row in zip(lines[1:], rows, strict=True)):
        return lines
    lines = table(columns[:-1], [row[:-1] for row in rows], width)
    told = (f"    {row[0]} {row[1]}: {row[-1]}" for row in rows if row[-1] != "ok")
    return [*lines, *(cut for line in told for cut in paragraph(line, width))]


def _day_rows(days: tuple[Day, ...]) -> list[list[str]]:
    return [
        [
            _time(one.start)[:10],
            one.path,
            *(_gb(count) for count in (one.copied, one.seen, one.billed, one.leak)),
            _usd(one.usd),
            ", ".join(f"{count} h {name}" for name, count in one.verdicts.items()),
        ]
        for one in days
    ]


def _hour_row(one: Judged) -> list[str]:
    cell = one.cell
    counts = (cell.copied, cell.seen, cell.billed, cell.leak)
    said = ", ".join(one.verdicts)
    return [_time(cell.start), cell.path, *map(_gb, counts), _usd(cell.usd), said]


@exact()
def _parts_lines(found: Reconciliation, width: int) -> list[str]:
    """What was carried, taken apart: its parts come to what was carried."""
    parts: Counter[str] = Counter()
    for one in found.cells:
        for part in one.parts:
            parts[part.name] += part.bytes
    whole = sum(one.cell.carried for one in found.cells)
    if not whole:
        return []
    rows = [
        [name, _gb(size), f"{Decimal(100 * size) / whole:.2f} %"] for name, size in parts.items()
    ]
    columns = (Column("carried", elastic=True), Column("GB", right=True), Column("", right=True))
    total = [["together", _gb(whole), "100.00 %"]]
    return [*table(columns, [*rows, *total], width), ""]


def _verdict_lines(found: Reconciliation, signs: Mapping[str, str], width: int) -> list[str]:
    """Each difference once, by name: in which hours, what it costs, what to do."""
    lines = []
    for verdict in ("leak", *(one for one in REMEDY if one != "leak")):
        remedy = REMEDY[verdict]
        cells = [one for one in found.cells if verdict in one.verdicts]
        if remedy is None or not cells:
            continue
        what = f"  {signs['warning']} {verdict}{_costing(verdict, found)}: {_when(cells, found)}"
        lines += [*paragraph(what, width), *paragraph(f"      next: {remedy}", width)]
    if not lines:
        lines.append(_agreed(found, signs))
    return lines


def _agreed(found: Reconciliation, signs: Mapping[str, str]) -> str:
    known = {"copied": found.copied, "seen": found.seen, "billed": found.billed}
    names = [name for name, sums in known.items() if sums]
    if len(names) < 2:
        return "  nothing is set beside the bill: give --copied, and --flow or --vpc"
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    return f"  {signs['ok']} {listed} agree within the tolerance"


def _costing(verdict: str, found: Reconciliation) -> str:
    if verdict == "flow log gap":
        cells = [one.cell for one in found.cells if verdict in one.verdicts]
        skipped = sum(one.skipped for one in cells)
        why = f", AWS left out {skipped:,} records" if skipped else ""
        return f" of {_gb(sum((one.billed or 0) - (one.seen or 0) for one in cells))} GB{why}"
    if verdict != "leak":
        return ""
    usd = found.leak_usd
    cost = "no price is known" if usd is None else f"{dollars(usd)} {found.currency}"
    return f" of {_gb(found.leak)} GB, {cost}"


def _when(cells: list[Judged], found: Reconciliation) -> str:
    unit = "hour" if found.length == HOUR else "day"
    times = [f"{_time(one.cell.start)} {one.cell.path}" for one in cells[:_SHOWN]]
    more = f" and {len(cells) - _SHOWN:,} more" if len(cells) > _SHOWN else ""
    return f"{len(cells):,} {unit}{'s' if len(cells) != 1 else ''}, {', '.join(times)}{more}"


def _bill_lines(result: Reconciled, width: int) -> list[str]:
    found, totals, report = result.found, result.found.totals, result.bill.report
    money = found.currency
    where = ", ".join(totals.regions) or "no Region"
    lines = [
        f"  NAT gateways' bytes in {where}: {dollars(totals.nat_bytes_cost)} {money}, of them "
        f"{dollars(totals.nat_bytes_cost - totals.nat_bytes_cost_with_resource)} name no gateway",
        f"  the bill ({_finality(found.final)}): usage {dollars(totals.usage_cost)}, credits "
        f"{dollars(totals.credits)}, all lines together {dollars(totals.invoice)} {money}",
    ]
    if found.pairing.by_bytes:
        told = ", ".join(f"{one} = {found.pairing.path_of[one]}" for one in found.pairing.by_bytes)
        lines.append(f"  told by their bytes: {told}")
    if found.elsewhere:
        named = ", ".join(
            f"{one.resource or one.path} {dollars(one.usd)}" for one in found.elsewhere[:_SHOWN]
        )
        more = len(found.elsewhere) - _SHOWN
        also = f" and {more} more" if more > 0 else ""
        lines.append(f"  billed by the byte and not reconciled: {named}{also}")
    for tag in wrong_tags(result.bill)[:_SHOWN]:
        lines.append(
            f"  {dollars(tag.usd)} {money} bear map-migrated `{tag.value}`, which AWS does not "
            f"count: {tag.fault}; mend it with `lakeferry monitor tags`"
        )
    if report.duplicates:
        lines.append(f"  {report.duplicates:,} lines were there twice and count once")
    for bad in report.samples[:_SHOWN]:
        at = "" if bad.row is None else f" row {bad.row}"
        lines.append(f"  left out: {bad.source}{at}: {bad.reason}")
    if report.malformed:
        lines.append(f"  {report.malformed:,} malformed rows are left out: totals are too low")
    return [part for line in lines for part in paragraph(line, width)]


def _finality(final: str) -> str:
    return {"final": "closed", "open": "not closed yet"}.get(final, "whether closed: not said")


def _ahead_lines(ahead: Forecast, money: str, width: int) -> list[str]:
    lines = [
        f"  to the end: {_gb(ahead.bytes_left)} GB left, {dollars(ahead.usd_left)} {money} more, "
        f"{dollars(ahead.usd_total)} in all; {dollars(ahead.saved_by_the_remedy)} less without "
        "the leak",
        f"    as it went so far: {ahead.basis}",
    ]
    return [part for line in lines for part in paragraph(line, width)]


# ---- for programs


def reconciled_bodies(result: Reconciled, *, hourly: bool) -> Iterator[dict[str, Any]]:
    """One `reconciled` line a day and path, or an hour; figures are exact text."""
    found = result.found
    if hourly and found.length == HOUR:
        for cell in found.cells:
            yield {"type": "reconciled", "seconds": HOUR, **cell_figures(cell)}
    else:
        for day in result.days:
            yield {"type": "reconciled", "seconds": DAY, **day_figures(day)}


def summary_body(result: Reconciled) -> dict[str, Any]:
    """The figures of all, and the forecast."""
    ahead = None if result.ahead is None else forecast_figures(result.ahead)
    return {**figures(result.bill, result.found), "forecast": ahead}


def csv_lines(result: Reconciled, *, hourly: bool) -> list[str]:
    """The same rows as CSV, each part in a column of its own."""
    bodies = list(reconciled_bodies(result, hourly=hourly))
    parts = list(dict.fromkeys(name for one in bodies for name in one["parts"]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_CSV, "verdict", *parts])
    for one in bodies:
        said = one.get("verdict") or "; ".join(f"{n} {v}" for v, n in one["verdicts"].items())
        cells = ["" if one[name] is None else one[name] for name in _CSV]
        writer.writerow([*cells, said, *(one["parts"].get(name, "0") for name in parts)])
    return text.getvalue().splitlines()


def _time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M")


@exact()
def _gb(octets: int | None) -> str:
    return "-" if octets is None else f"{Decimal(octets) / BYTES_PER_GB:,.2f}"


def _usd(usd: Decimal | None) -> str:
    return "-" if usd is None else dollars(usd)
