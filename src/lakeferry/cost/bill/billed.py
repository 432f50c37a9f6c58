"""What a bill has by the byte: lines in whole bytes, their price, and the totals of the bill. Pure.

Bytes are a line's amount in GB of 2^30, rounded to whole bytes once, line by line: ten decimals of
a GB are a tenth of a byte, so what was metered comes back exactly.

Source: CUR dictionary, `line_item_usage_amount`, `line_item_unblended_rate`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.cost.bill.lines import USAGE
from lakeferry.cost.bill.usage_types import BYTES_PER_GB, NAT
from lakeferry.cost.bill.whole_bill import Bill
from lakeferry.cost.path.money import exact
from lakeferry.errors import FerryError

_UNITS = ("", "GB")  # of what is billed by the byte


@dataclass(frozen=True, slots=True)
class ByteLine:
    """A line of the bill that counts bytes of one resource."""

    start: int  # s since the epoch
    end: int
    path: str  # `nat_gateway`, `regional_nat_gateway`, `interface_endpoint`, ...
    region: str
    resource: str  # "": the line names none
    bytes: int
    rate: Decimal | None  # for a GB
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Metered:
    """What the bill has of one resource, over all its time."""

    path: str
    region: str
    resource: str
    bytes: int
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """What the bill comes to, exactly, in its currency. Only `nat_*` are of `regions` alone."""

    regions: tuple[str, ...]
    nat_bytes: int  # processed by zonal NAT gateways, with and without a resource id
    nat_bytes_cost: Decimal
    nat_bytes_cost_with_resource: Decimal
    without_resource: int  # bytes of lines that name no gateway
    usage_cost: Decimal  # all lines that are usage, of all services and Regions
    tagged_usage_cost: Decimal  # of them, those that carry `map-migrated`
    by_kind: Mapping[str, Decimal]  # line item type -> cost

    @property
    @exact()
    def invoice(self) -> Decimal:
        return sum(self.by_kind.values(), Decimal(0))

    @property
    def credits(self) -> Decimal:
        return self.by_kind.get("Credit", Decimal(0))


@exact()
def byte_lines(bill: Bill) -> tuple[ByteLine, ...]:
    """The lines that count bytes, in order of time and resource.

    Raises:
        FerryError: LF-6608 for a unit that is not AWS's.
    """
    metered = bill.metered
    usage = pc.is_in(metered["kind"], pa.array(USAGE))
    rows = metered.filter(pc.and_(usage, pc.equal(metered["measure"], "bytes"))).to_pylist()
    odd = sorted({row["unit"] for row in rows} - set(_UNITS))
    if odd:
        raise FerryError(
            "LF-6608",
            "bytes of the bill are in a unit that has no one meaning here",
            f"pricing unit `{odd[0]}`, where AWS writes `GB` for 2^30 bytes",
            "see that the file is as AWS delivered it",
        )
    return tuple(
        ByteLine(
            **{one: row[one] for one in ("start", "end", "path", "region", "resource", "rate")},
            bytes=int((row["amount"] * BYTES_PER_GB).to_integral_value(ROUND_HALF_EVEN)),
            usd=row["cost"],
        )
        for row in rows
    )


@exact()
def rate_of(lines: Sequence[ByteLine]) -> Decimal | None:
    """What these lines ask for a GB: their own rate where it is one, else cost over amount.

    None where they have no bytes.
    """
    rates = {one.rate for one in lines}
    if len(rates) == 1 and None not in rates:
        return next(iter(rates))
    carried = sum(one.bytes for one in lines)
    return cost_of(lines) * BYTES_PER_GB / carried if carried else None


@exact()
def cost_of(lines: Iterable[ByteLine]) -> Decimal:
    return sum((one.usd for one in lines), Decimal(0))


@exact()
def totals_of(bill: Bill, lines: Iterable[ByteLine], regions: Sequence[str]) -> Totals:
    """The totals of a bill; those of NAT gateways in some Regions."""
    nat = [one for one in lines if one.path == NAT and one.region in regions]
    by_kind: dict[str, Decimal] = {}
    usage = tagged = Decimal(0)
    for row in bill.costs.select(["kind", "tag", "cost"]).to_pylist():
        by_kind[row["kind"]] = by_kind.get(row["kind"], Decimal(0)) + row["cost"]
        if row["kind"] in USAGE:
            usage += row["cost"]
            tagged += row["cost"] if row["tag"] else 0
    return Totals(
        regions=tuple(regions),
        nat_bytes=sum(one.bytes for one in nat),
        nat_bytes_cost=cost_of(nat),
        nat_bytes_cost_with_resource=cost_of(one for one in nat if one.resource),
        without_resource=sum(one.bytes for one in nat if not one.resource),
        usage_cost=usage,
        tagged_usage_cost=tagged,
        by_kind=dict(sorted(by_kind.items())),
    )


def by_resource(lines: Iterable[ByteLine]) -> tuple[Metered, ...]:
    """Sums by what is metered, where, and of which resource."""
    found: dict[tuple[str, str, str], list[ByteLine]] = {}
    for one in lines:
        found.setdefault((one.path, one.region, one.resource), []).append(one)
    return tuple(
        Metered(*key, sum(one.bytes for one in of), cost_of(of))
        for key, of in sorted(found.items())
    )
