"""The book of prices that a plan asks for: agreed shares off, prices given, units of Azure's GB."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from lakeferry.cost.plan.values import CostPlan
from lakeferry.cost.prices.discounts import Agreement, agreed
from lakeferry.cost.prices.values import (
    GIB,
    InstanceType,
    Price,
    PriceBook,
    Tier,
    decimal_gb,
    nearest,
)
from lakeferry.errors import FerryError

EVERYTHING = "*"  # in place of a service's name: all that AWS bills
_OF_AN_INSTANCE = "aws.ec2.hour."
# Prices that no book has are of bytes where their id says so.
_BY_BYTES = (".gb", ".gib", ".egress.", ".interregion.")


def book_for(plan: CostPlan, book: PriceBook) -> PriceBook:
    """The book at the plan's agreement, with its own prices before all others.

    Raises:
        FerryError: LF-6507 for a discount on nothing.
    """
    if plan.decimal_azure:
        book = decimal_gb(book, "azure")
    book = agreed(book, _spelt_out(plan.agreement, book))
    given = dict(plan.given)
    if plan.egress_usd_per_gb is not None and plan.migration is not None:
        source = plan.migration.source
        ids = _egress_ids(book, source.cloud, source.region, plan.region)
        given = {**dict.fromkeys(ids, plan.egress_usd_per_gb), **given}
    prices = {**book.prices, **{id: _given(id, usd, book) for id, usd in given.items()}}
    types = {name: _with_given(one, given) for name, one in book.instance_types.items()}
    return replace(book, prices=prices, instance_types=types, free_tier=plan.free_tier)


def check_names(plan: CostPlan, book: PriceBook, asked: Iterable[str]) -> None:
    """Refuse names by which a plan would change no price, and nobody would be told.

    Args:
        book: as it comes, without the plan's own prices.
        asked: ids of the prices that the plan's quotes have asked for.

    Raises:
        FerryError: LF-6624 for a price id in `price` or `used` that nothing asks for.
    """
    for name in plan.used:
        price = book.prices.get(name)
        if price is not None and price.tiers is not None and len(price.tiers) < 2:
            raise FerryError(
                "LF-6624",
                f"used: the price `{name}` has no tiers",
                "each unit of it costs the same, whatever was used before",
                "leave it out",
            )
    hourly = {one.id for kind in book.instance_types.values() for one in kind.hourly.values()}
    # What is reckoned from other lines (`overrun`) has no price of its own, and no dot in its id.
    known = {*book.prices, *hourly, *(id for id in asked if "." in id)}
    for key, names in (("price", plan.given), ("used", plan.used)):
        for name in names:
            if name not in known:
                near = nearest(name, tuple(sorted(known)))
                raise FerryError(
                    "LF-6624",
                    f"{key}: nothing has a price of the id `{name}`",
                    f"{len(known)} ids are known" + (f"; nearest: {near}" if near else ""),
                    "take one of the `price_id` that --route and --json show",
                )


def _spelt_out(terms: Agreement, book: PriceBook) -> Agreement:
    share = terms.services.get(EVERYTHING)
    if share is None:
        return terms
    services = {one.service for one in book.prices.values() if one.provider == "aws"}
    named = {name: one for name, one in terms.services.items() if name != EVERYTHING}
    return replace(terms, services={**dict.fromkeys(sorted(services - {""}), share), **named})


def _egress_ids(book: PriceBook, cloud: str, region: str, target: str) -> list[str]:
    if cloud == "aws":
        pair, other = f"aws.interregion.{region}.{target}", f"aws.interregion.{region}.other"
        return [other if pair not in book.prices and other in book.prices else pair]
    kinds = {"azure": ("mgn", "internet_routing", "eu_at_cost"),
             "gcp": ("gcs", "internet", "eu_at_cost")}  # fmt: skip
    return [f"{cloud}.egress.{kind}.{region}" for kind in kinds.get(cloud, ())]


def _given(id: str, usd: Decimal, book: PriceBook) -> Price:
    known = book.prices.get(id)
    unit = known.unit if known is not None else ""
    per_unit = GIB if any(part in id for part in _BY_BYTES) else None
    return Price(
        id,
        unit or ("GB" if per_unit else "unit"),
        (Tier(Decimal(0), None, usd),),
        "as given",
        None,
        "secondary",
        provider=known.provider if known is not None else "",
        region=known.region if known is not None else "",
        service=known.service if known is not None else "",
        bytes_per_unit=known.bytes_per_unit if known is not None else per_unit,
    )


def _with_given(kind: InstanceType, given: Mapping[str, Decimal]) -> InstanceType:
    start = f"{_OF_AN_INSTANCE}{kind.name}."
    found = {
        id.removeprefix(start): Price(
            id, "hour", (Tier(Decimal(0), None, usd),), "as given", None, "secondary", "aws",
            id.removeprefix(start), "AmazonEC2",
        )
        for id, usd in given.items()
        if id.startswith(start)
    }  # fmt: skip
    return replace(kind, hourly={**kind.hourly, **found}) if found else kind
