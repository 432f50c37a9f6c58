"""Prices as values, and the ladder: what a quantity costs tier by tier. Pure.

A `PriceBook` holds every price by its id (`aws.natgw.gb.us-east-1`). A price that is known to
exist but has no figure is unpriced: its dollars are None, and never zero.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from difflib import SequenceMatcher
from itertools import takewhile

from lakeferry.cost.path.money import exact
from lakeferry.errors import FerryError

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Tier:
    """Units from `start` up to but without `end`, each at `usd`."""

    start: Decimal
    end: Decimal | None  # None: no end
    usd: Decimal  # a unit, in the book's currency

    def __post_init__(self) -> None:
        if self.usd < 0 or self.start < 0 or (self.end is not None and self.end <= self.start):
            raise ValueError(f"a tier from {self.start} to {self.end} at {self.usd}")


@dataclass(frozen=True, slots=True)
class Price:
    """One price of one service in one region."""

    id: str  # what code asks for: `aws.natgw.gb.us-east-1`
    unit: str  # as the provider words it
    tiers: tuple[Tier, ...] | None  # from 0 upwards without a gap; None: unpriced
    source: str
    as_of: str | None  # `2026-08-17`, `2026-03` or `2026`; None: not known
    confidence: str
    provider: str = ""
    region: str = ""
    service: str = ""
    sku: str = ""
    bytes_per_unit: int | None = None  # 2^30 for AWS's GB; None where the unit is not of bytes
    free: Decimal | None = None  # units a month that a free tier takes off before the ladder
    offer: bool = True  # False: in the price list, but nobody can order it
    note: str = ""

    def __post_init__(self) -> None:
        if self.tiers is None:
            return
        starts = [tier.start for tier in self.tiers]
        ends = [tier.end for tier in self.tiers]
        if not starts or starts[0] != 0 or ends[-1] is not None or starts[1:] != ends[:-1]:
            raise ValueError(f"the tiers of {self.id} do not run from 0 upwards without a gap")

    @exact()
    def units(self, quantity: int) -> Decimal:
        """Bytes as this price's units, exactly; other quantities are their own units."""
        return Decimal(quantity) / (self.bytes_per_unit or 1)

    @property
    def last_usd(self) -> Decimal | None:
        """What a unit costs beyond the last cut: the marginal price of much."""
        return self.tiers[-1].usd if self.tiers else None

    @property
    def first_usd(self) -> Decimal | None:
        """What a unit costs from the first one on that is paid for."""
        paid = (tier.usd for tier in self.tiers or () if tier.usd)
        return next(paid, Decimal(0)) if self.tiers else None


@exact()
def ladder(
    price: Price, units: Decimal, *, used: Decimal = Decimal(0), free: bool = False
) -> Decimal | None:
    """What `units` cost within one month, each part of them at its own tier's price.

    Args:
        price: whose tiers to climb.
        units: in the price's unit, see `Price.units`.
        used: units of the same month that climbed the ladder before these.
        free: take the price's free amount off before the ladder. It is shared by the whole
            account or organisation and usually spent, hence off unless asked for.

    Returns:
        Exact dollars; None where the price has no figure. More units never cost less, and a
        quantity costs the same in one piece as in pieces that climb one after the other.

    Source: AWS Price List, `beginRange` and `endRange` of a price dimension.
    """
    if price.tiers is None:
        return None
    if units < 0 or used < 0:
        raise ValueError(f"{units} units of {price.id} after {used}: neither can be negative")
    gift = price.free if free and price.free is not None else Decimal(0)
    end, start = max(Decimal(0), used + units - gift), max(Decimal(0), used - gift)
    return _climb(price.tiers, end) - _climb(price.tiers, start)


def _climb(tiers: tuple[Tier, ...], units: Decimal) -> Decimal:
    usd = Decimal(0)
    for tier in tiers:
        end = units if tier.end is None else min(units, tier.end)
        usd += max(Decimal(0), end - tier.start) * tier.usd
    return usd


@dataclass(frozen=True, slots=True)
class InstanceType:
    """What an EC2 instance carries and costs. Bandwidths in Gbit/s (10^9 bits)."""

    name: str  # `c7gn.large`
    vcpus: int
    arch: tuple[str, ...]
    network_cards: int
    card0_gbps: Decimal  # sustained by the first network card: all that one interface uses
    baseline_gbps: Decimal  # of all cards
    peak_gbps: Decimal  # of all cards; bursts on credits, best effort
    internet_gbps: Decimal  # sustained through an internet gateway
    burstable: bool
    hourly: Mapping[str, Price]  # on demand, Linux, shared tenancy, by region


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Every price that is known, by id, and what a quote assumes about them all."""

    prices: Mapping[str, Price]
    instance_types: Mapping[str, InstanceType] = field(default_factory=dict)
    currency: str = "USD"
    written: str = ""  # the day on which the book was written
    free_tier: bool = False  # whether `charge` takes free amounts off

    def at(self, id: str) -> Price:
        """The price of an id; unpriced where the book has none."""
        found = self.prices.get(id)
        return found if found is not None else _missing(id)

    def of(self, id: str, region: str) -> Price:
        """The price `id` of a region that the book knows; unpriced where it has none there.

        Raises:
            FerryError: LF-6501 for a region of which the book knows no path.
        """
        self.check_region(id.partition(".")[0], region)
        return self.at(f"{id}.{region}")

    def regions(self, provider: str) -> tuple[str, ...]:
        """The regions of a cloud that have any price here, sorted."""
        found = {one.region for one in self.prices.values() if one.provider == provider}
        return tuple(sorted(found - NOWHERE))

    def crossed(self, provider: str) -> tuple[str, ...]:
        """Those of which more is known than what stored bytes cost, so that a path has prices."""
        stored = {"AmazonS3", "Storage", "Cloud Storage"}
        found = {one.region for one in self.prices.values()
                 if one.provider == provider and one.service not in stored}  # fmt: skip
        return tuple(sorted(found - NOWHERE))

    def check_region(self, provider: str, region: str) -> None:
        offered = self.crossed(provider)
        if region not in offered:
            near = nearest(region, offered)
            raise FerryError(
                "LF-6501",
                f"there are no prices for `{region}` of {provider}",
                f"prices are known for {', '.join(offered) or 'no region of it'}"
                + (f"; nearest: {near}" if near else ""),
                "take one of these, or give a file with the region's prices: --prices FILE",
            )

    def instance(self, name: str) -> InstanceType:
        """Raises FerryError LF-6502 for a type that the book does not know."""
        found = self.instance_types.get(name)
        if found is None:
            near = nearest(name, tuple(self.instance_types))
            raise FerryError(
                "LF-6502",
                f"the instance type `{name}` is not known",
                f"{len(self.instance_types)} types are"
                + (f"; nearest: {near} ({self.instance_types[near].vcpus} vCPU)" if near else ""),
                "take one of these, or give a file with the type: --prices FILE",
            )
        return found

    def hourly(self, name: str, region: str) -> Price:
        """What an hour of an instance costs; unpriced where the region has no figure.

        Raises:
            FerryError: LF-6501, LF-6502.
        """
        self.check_region("aws", region)
        found = self.instance(name).hourly.get(region)
        return found if found is not None else _missing(instance_id(name, region), "hour")

    def charge(self, price: Price, units: Decimal, used: Decimal = Decimal(0)) -> Decimal | None:
        """What units cost within one month, see `ladder`."""
        return ladder(price, units, used=used, free=self.free_tier)


# What stands in `region` where a price belongs to no region.
NOWHERE = {"", "global", "zone1", "zone2", "zone3"}


def instance_id(name: str, region: str) -> str:
    """The id of an instance's price: `aws.ec2.hour.c7gn.large.us-east-1`."""
    return f"aws.ec2.hour.{name}.{region}"


def nearest(wanted: str, offered: tuple[str, ...]) -> str | None:
    """The one of `offered` that `wanted` most likely means: same beginning, then most alike."""

    def likeness(one: str) -> tuple[int, float, str]:
        words = zip(re.split("[-.]", one), re.split("[-.]", wanted), strict=False)
        same = len(list(takewhile(lambda pair: pair[0] == pair[1], words)))
        return (same, SequenceMatcher(None, one, wanted).ratio(), one)

    return max(offered, key=likeness, default=None)


def decimal_gb(book: PriceBook, provider: str) -> PriceBook:
    """The book with a provider's GB read as 10^9 bytes instead of 2^30.

    Azure's price API says "1 GB" and nothing more; 2 PiB from there cost 7.1 % more so.
    """
    changed = {
        id: replace(one, bytes_per_unit=10**9)
        for id, one in book.prices.items()
        if one.provider == provider and one.bytes_per_unit == GIB
    }
    return replace(book, prices={**book.prices, **changed})


def _missing(id: str, unit: str = "") -> Price:
    return Price(id, unit, None, "no figure is known", None, "missing", id.partition(".")[0])
