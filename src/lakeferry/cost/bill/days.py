"""Day by day: bytes copied, seen and billed of each path, and what differs, by name. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from lakeferry.cost.bill.judging import Judged
from lakeferry.cost.bill.whole_bill import DAY
from lakeferry.cost.path.money import exact


@dataclass(frozen=True, slots=True)
class Day:
    """One path on one day (UTC). Sums are of the hours of which the figure is known."""

    start: int  # s since the epoch
    path: str
    copied: int | None  # bytes; None: known of no hour
    seen: int | None
    billed: int | None
    leak: int  # bytes
    usd: Decimal | None  # what the bill asks for the bytes
    leak_usd: Decimal | None  # None: some hour's has no price
    verdicts: Mapping[str, int]  # hours by verdict
    parts: Mapping[str, int]  # bytes by what they were; their sum is what was carried


@exact()
def by_day(cells: Iterable[Judged]) -> tuple[Day, ...]:
    """Sum judged cells by path and day, in that order."""
    found: dict[tuple[str, int], list[Judged]] = {}
    for one in cells:
        found.setdefault((one.cell.path, one.cell.start // DAY * DAY), []).append(one)
    return tuple(_day(path, start, of) for (path, start), of in sorted(found.items()))


def _day(path: str, start: int, cells: list[Judged]) -> Day:
    parts: Counter[str] = Counter()
    for one in cells:
        for part in one.parts:
            parts[part.name] += part.bytes
    leaks = [one.cell.leak_usd for one in cells]
    costs = [one.cell.usd for one in cells if one.cell.usd is not None]
    return Day(
        start=start,
        path=path,
        copied=_sum(one.cell.copied for one in cells),
        seen=_sum(one.cell.seen for one in cells),
        billed=_sum(one.cell.billed for one in cells),
        leak=sum(one.cell.leak for one in cells),
        usd=sum(costs, Decimal(0)) if costs else None,
        leak_usd=None if None in leaks else sum((one for one in leaks if one), Decimal(0)),
        verdicts=dict(Counter(one.verdict for one in cells)),
        parts=dict(parts),
    )


def _sum(figures: Iterable[int | None]) -> int | None:
    known = [one for one in figures if one is not None]
    return sum(known) if known else None
