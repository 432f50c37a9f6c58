"""Bytes copied, bytes seen by flow logs and bytes billed, side by side per hour and path. Pure.

Hours are UTC. Where the bill is by the day, so is all else: a day cannot be told by the hour.

Source: VPC User Guide, "Flow log records"; Data Exports User Guide, dictionary of CUR 2.0.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow.compute as pc

from lakeferry.cost.bill.billed import (
    ByteLine,
    Metered,
    Totals,
    by_resource,
    byte_lines,
    cost_of,
    rate_of,
    totals_of,
)
from lakeferry.cost.bill.judging import Cell, Judged, Tolerances, is_metered, judge
from lakeferry.cost.bill.observed import Copied, Seen
from lakeferry.cost.bill.pairing import Pairing, pair
from lakeferry.cost.bill.usage_types import NAT
from lakeferry.cost.bill.whole_bill import DAY, HOUR, Bill
from lakeferry.cost.path.money import exact
from lakeferry.cost.prices.values import nearest
from lakeferry.errors import FerryError

_Key = tuple[str, int]  # path, and when its hour or day begins
_ALIKE = Decimal("0.01")  # by how much two series of one device differ at most
_KNOWN = ("leak", "retried", "unsolicited", "others", "skipped")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Every path and hour judged, and the sums."""

    currency: str
    length: int  # s of each cell: HOUR, or DAY where the bill is by the day
    cells: tuple[Judged, ...]  # by path, then time
    totals: Totals
    pairing: Pairing
    seen_by_interface: Mapping[str, int]  # bytes
    elsewhere: tuple[Metered, ...]  # billed by the byte, and not of a path in `cells`
    final: str  # of the bill: `final`, `open`, `unknown`

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.cell.path for one in self.cells))

    @property
    def copied(self) -> dict[str, int]:
        """Bytes by path; a path of which nothing is known is absent."""
        return self._sums("copied")

    @property
    def seen(self) -> dict[str, int]:
        """Bytes by path; a path of which nothing is known is absent."""
        return self._sums("seen")

    @property
    def billed(self) -> dict[str, int]:
        """Bytes by path; a path of which nothing is known is absent."""
        return self._sums("billed")

    @property
    def leak(self) -> int:
        """Bytes to and from S3 that took a path which charges for them."""
        return sum(one.cell.leak for one in self.cells)

    @property
    @exact()
    def leak_usd(self) -> Decimal | None:
        """None: some hour leaks, and there is no price for it."""
        found = [one.cell.leak_usd for one in self.cells]
        return None if None in found else sum((one for one in found if one), Decimal(0))

    @property
    def verdicts(self) -> dict[str, int]:
        """How many cells have each verdict."""
        return dict(Counter(one.verdict for one in self.cells))

    @property
    def needs_a_look(self) -> bool:
        """Whether anything is beyond its tolerance."""
        return any(one.verdict != "ok" for one in self.cells)

    def _sums(self, figure: str) -> dict[str, int]:
        sums: Counter[str] = Counter()
        for one in self.cells:
            count = getattr(one.cell, figure)
            if count is not None:
                sums[one.cell.path] += count
        return dict(sums)


def reconcile(
    bill: Bill,
    copied: Sequence[Copied] | None,
    seen: Sequence[Seen] | None,
    *,
    region: str | None = None,
    path_of: Mapping[str, str] | None = None,
    list_rate: Decimal | None = None,
    tolerances: Tolerances | None = None,
) -> Reconciliation:
    """Set the three side by side.

    Args:
        copied: by hour and path; None where nobody says what was copied.
        seen: by hour and interface; None where there is no flow log.
        region: whose zonal NAT gateways the totals count; None: those of the paths.
        path_of: interface -> path, from the network; what it does not say is told by the bytes.
        list_rate: a price per GB, for hours of which the bill has none.

    Without `copied` and `seen` every NAT gateway of the Region is a path.

    Raises:
        FerryError: LF-6606 where NAT gateways of several Regions are billed and nothing says
            which are meant, or nothing of `region` is billed; LF-6608 for a unit that is not AWS's.
    """
    lines = byte_lines(bill)
    limits = tolerances or Tolerances()
    pairing = _paired(lines, seen or (), path_of or {}, limits)
    named = {one.path for one in copied or ()} | set(pairing.path_of.values())
    regions = (_of_bill(region, bill),) if region else _regions(lines, named)
    paths = named or _zonal(lines, regions)
    ours = [one for one in lines if one.resource in paths]
    length = DAY if any(one.end - one.start > HOUR for one in ours) else HOUR
    cells = _cells(ours, copied, seen, pairing, length, _reach(bill, length), list_rate)
    return Reconciliation(
        currency=bill.currency,
        length=length,
        cells=_judged(cells, bill, pairing, length, limits),
        totals=totals_of(bill, lines, regions),
        pairing=pairing,
        seen_by_interface=_by_interface(seen or ()),
        elsewhere=by_resource(one for one in lines if one.resource not in paths),
        final=bill.final,
    )


def _by_interface(seen: Iterable[Seen]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for one in seen:
        found[one.interface] += one.bytes
    return dict(found)


def _judged(
    cells: Iterable[Cell], bill: Bill, pairing: Pairing, length: int, limits: Tolerances
) -> tuple[Judged, ...]:
    watched = set(pairing.path_of.values())
    first = _begin(bill.start, length)
    return tuple(
        judge(
            one,
            limits,
            final=bill.final == "final",
            watched=one.path in watched,
            before=one.start < first,
        )
        for one in cells
    )


def _zonal(lines: Iterable[ByteLine], regions: Sequence[str]) -> set[str]:
    """Every zonal NAT gateway of some Regions that the bill names."""
    found = (one for one in lines if one.path == NAT and one.region in regions)
    return {one.resource for one in found if one.resource}


def _of_bill(region: str, bill: Bill) -> str:
    """The Region, of which a bill that names any bills something."""
    known = sorted({one for one in bill.metered["region"].unique().to_pylist() if one})
    if known and region not in known:
        raise FerryError(
            "LF-6606",
            f"the bill has nothing of the Region `{region}`",
            f"it has {', '.join(known)}; nearest: {nearest(region, tuple(known))}",
            "take one of these with --region, or leave it out",
        )
    return region


def _regions(lines: Iterable[ByteLine], paths: set[str]) -> tuple[str, ...]:
    ours = sorted({one.region for one in lines if one.resource in paths})
    found = ours or sorted({one.region for one in lines if one.path == NAT})
    if len(found) > 1 and not ours:
        raise FerryError(
            "LF-6606",
            f"the bill has NAT gateways in {len(found)} Regions, and nothing says which are meant",
            ", ".join(found),
            "say which: --region, or name the paths in the file of what was copied",
        )
    return tuple(found)


def _paired(
    lines: Sequence[ByteLine],
    seen: Sequence[Seen],
    path_of: Mapping[str, str],
    tolerances: Tolerances,
) -> Pairing:
    hourly = any(one.end - one.start <= HOUR for one in lines)
    length = HOUR if hourly else DAY
    by_interface: dict[str, Counter[int]] = {}
    for one in seen:
        by_interface.setdefault(one.interface, Counter())[_begin(one.hour, length)] += one.bytes
    by_path: dict[str, Counter[int]] = {}
    for line in lines:
        if line.resource:
            by_path.setdefault(line.resource, Counter())[_begin(line.start, length)] += line.bytes
    found = pair(by_interface, by_path, path_of, tolerance=min(_ALIKE, tolerances.gap))
    if not found.unknown or tolerances.gap <= _ALIKE:
        return found
    # Who forgives more may still know their gateways apart; what was told strictly stays.
    known = {**path_of, **found.path_of}
    again = pair(by_interface, by_path, known, tolerance=tolerances.gap)
    return Pairing(again.path_of, found.by_bytes + again.by_bytes, again.unknown)


def _begin(second: int, length: int) -> int:
    return second // length * length


def _reach(bill: Bill, length: int) -> int:
    """Up to when (s) the bill knows what the paths carried.

    Lines by the day reach to midnight from the morning on, so they tell nothing of hours.
    """
    fits = pc.less_equal(pc.subtract(bill.metered["end"], bill.metered["start"]), length)
    reached = pc.max(bill.metered.filter(fits)["end"]).as_py()
    return int(reached) if reached is not None else bill.end


@exact()
def _cells(
    lines: Sequence[ByteLine],
    copied: Sequence[Copied] | None,
    seen: Sequence[Seen] | None,
    pairing: Pairing,
    length: int,
    reach: int,
    list_rate: Decimal | None,
) -> list[Cell]:
    sums: dict[_Key, Counter[str]] = {}
    of_cell: dict[_Key, list[ByteLine]] = {}

    def at(path: str, second: int) -> Counter[str]:
        return sums.setdefault((path, _begin(second, length)), Counter())

    for one in copied or ():
        at(one.path, one.hour).update(copied=one.payload, retried=one.retried)
    for found in seen or ():
        cell = at(pairing.path_of.get(found.interface, found.interface), found.hour)
        cell.update(seen=found.bytes, leak=found.to_s3, skipped=found.skipped)
        cell.update(unsolicited=found.unsolicited, others=found.others)
    for line in lines:
        at(line.resource, line.start).update(billed=line.bytes)
        of_cell.setdefault((line.resource, _begin(line.start, length)), []).append(line)
    rates = _Rates(lines, list_rate)
    return [
        Cell(
            start=key[1],
            path=key[0],
            copied=found_there["copied"] if copied is not None else None,
            seen=found_there.get("seen"),
            billed=_billed(key, found_there, reach),
            usd=cost_of(of_cell[key]) if key in of_cell else None,
            rate=rates.of(key[0], of_cell.get(key, ())),
            **{one: found_there[one] for one in _KNOWN},
        )
        for key, found_there in sorted(sums.items())
    ]


class _Rates:
    """What a GB costs: in its hour; else as the path has it, as NAT has it, or by the list."""

    def __init__(self, lines: Sequence[ByteLine], listed: Decimal | None) -> None:
        of: dict[str, list[ByteLine]] = {}
        for one in lines:
            of.setdefault(one.resource, []).append(one)
        self._of_path = {path: rate_of(found) for path, found in of.items()}
        nat = rate_of([one for one in lines if one.path == NAT])
        self._usual = listed if nat is None else nat

    def of(self, path: str, lines: Sequence[ByteLine]) -> Decimal | None:
        if path.startswith("i-"):
            return Decimal(0)  # a NAT instance is paid by the hour, its bytes are free
        found = rate_of(lines)
        found = self._of_path.get(path) if found is None else found
        return self._usual if found is None else found


def _billed(key: _Key, sums: Counter[str], reach: int) -> int | None:
    """Bytes of the bill. Where it has no line: none within its reach, not known beyond."""
    path, start = key
    if "billed" in sums:
        return sums["billed"]
    return 0 if is_metered(path) and start < reach else None
