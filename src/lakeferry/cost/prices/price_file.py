"""Reading prices from JSON: the book that comes along, and files that override it by id.

The form of a file is that of `prices.json` beside this module; see docs/reference/prices.md.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from lakeferry.cost.path.money import plain
from lakeferry.cost.path.quote import CONFIDENCE, first_day
from lakeferry.cost.prices.values import InstanceType, Price, PriceBook, Tier, instance_id
from lakeferry.errors import FerryError

SCHEMA_VERSION = 1

Entry = Mapping[str, Any]
T = TypeVar("T")


@cache
def own_book() -> PriceBook:
    """The prices that come with lakeferry; each says its source, date and standing."""
    ways, stored = (
        read_book(files("lakeferry.cost.prices").joinpath(name).read_bytes(), name)
        for name in ("prices.json", "storage_prices.json")
    )
    return overridden(ways, stored, "storage_prices.json")


def read_book(text: bytes, name: str) -> PriceBook:
    """The prices of a file.

    Args:
        text: JSON, UTF-8.
        name: of the file, for messages.

    Raises:
        FerryError: LF-6504 with the first entry that cannot be read, and why.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise _wrong(name, f"it is not JSON: {error}") from error
    if not isinstance(data, dict) or data.get("schema_version") != SCHEMA_VERSION:
        raise _wrong(name, f"`schema_version` is not {SCHEMA_VERSION}")
    prices = _each(name, data.get("prices", []), _price)
    types = data.get("instance_types", {})
    if not isinstance(types, dict):
        raise _wrong(name, "`instance_types` is no object")
    sources = _instance_sources(types.get("sources"))
    instances = _each(name, types.get("items", []), lambda entry: _instance(entry, sources))
    currency = data.get("currency")
    if not isinstance(currency, str) or not currency:
        raise _wrong(name, "`currency` is missing")
    written = str(data.get("written") or "")
    return PriceBook(prices, instances, currency, written)


def overridden(book: PriceBook, by: PriceBook, name: str) -> PriceBook:
    """`book` with the prices of `by` before its own, by id; types by name and region.

    Raises:
        FerryError: LF-6503 where the two are in different currencies: none is converted.
    """
    if by.currency != book.currency:
        raise FerryError(
            "LF-6503",
            f"prices in {by.currency} cannot stand beside prices in {book.currency}",
            f"{name} says `currency: {by.currency}`",
            f"write its prices in {book.currency}; exchange rates are not built in",
        )
    types = dict(book.instance_types)
    for key, one in by.instance_types.items():
        before = types[key].hourly if key in types else {}
        types[key] = replace(one, hourly={**before, **one.hourly})
    prices = {**book.prices, **by.prices}
    return replace(book, prices=prices, instance_types=types)


def _each(name: str, entries: Any, read: Callable[[Entry], tuple[str, T]]) -> Mapping[str, T]:
    found: dict[str, T] = {}
    if not isinstance(entries, list):
        raise _wrong(name, "`prices` and `items` are lists")
    for number, entry in enumerate(entries):
        label = entry.get("id", entry.get("type")) if isinstance(entry, dict) else None
        try:
            key, value = read(entry)
        except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
            why = f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else str(error)
            raise _wrong(name, f"{label or f'entry {number}'}: {why}") from error
        if key in found:
            raise _wrong(name, f"{key} stands there twice")
        found[key] = value
    return found


def _price(entry: Entry) -> tuple[str, Price]:
    tiers = entry["tiers"]
    per_unit = entry.get("bytes_per_unit")
    free = entry.get("free")
    price = Price(
        id=str(entry["id"]),
        unit=str(entry["unit"]),
        tiers=None if tiers is None else tuple(_tier(tier) for tier in tiers),
        source=str(entry["source"]),
        as_of=_date(entry.get("as_of")),
        confidence=_confidence(entry["confidence"]),
        provider=str(entry.get("provider", "")),
        region=str(entry.get("region", "")),
        service=str(entry.get("service", "")),
        sku=str(entry.get("sku", "")),
        bytes_per_unit=None if per_unit is None else _count("bytes_per_unit", per_unit),
        free=None if free is None else _decimal(free["amount"]),
        offer=entry.get("offer", True) is not False,
        note=str(entry.get("note", "")),
    )
    return price.id, price


def _tier(entry: Entry) -> Tier:
    end = entry["to"]
    start, usd = _decimal(entry["from"]), _decimal(entry["price"])
    return Tier(start, None if end is None else _decimal(end), usd)


def _instance_sources(texts: Any) -> Mapping[str, str]:
    """Where hourly prices are from, by region: written as `prices us-east-1: a price list`."""
    listed = texts if isinstance(texts, list) else []
    named = (str(text).removeprefix("prices ").partition(": ") for text in listed)
    return {region: source for region, _, source in named}


def _instance(entry: Entry, sources: Mapping[str, str]) -> tuple[str, InstanceType]:
    name = str(entry["type"])
    elsewhere = sources.get("elsewhere", "not stated")
    hourly = {
        region: _hour(name, region, one, sources.get(region, elsewhere))
        for region, one in entry["hourly_usd"].items()
    }
    return name, InstanceType(
        name=name,
        vcpus=_count("vcpus", entry["vcpus"]),
        arch=tuple(str(one) for one in entry["arch"]),
        network_cards=_count("network_cards", entry["network_cards"]),
        card0_gbps=_decimal(entry["card0_baseline_gbps"]),
        baseline_gbps=_decimal(entry["baseline_gbps"]),
        peak_gbps=_decimal(entry["peak_gbps"]),
        internet_gbps=_decimal(entry["internet_sustained_gbps"]),
        burstable=bool(entry["burstable"]),
        hourly=hourly,
    )


def _hour(name: str, region: str, entry: Entry, source: str) -> Price:
    """On demand, Linux, shared tenancy."""
    return Price(
        id=instance_id(name, region),
        unit="hour",
        tiers=(Tier(Decimal(0), None, _decimal(entry["price"])),),
        source=str(entry.get("source", source)),
        as_of=_date(entry.get("as_of")),
        confidence=_confidence(entry["confidence"]),
        provider="aws",
        region=region,
        service="AmazonEC2",
        sku=f"BoxUsage:{name}",
    )


def _decimal(value: Any) -> Decimal:
    """Only from a string: a JSON number has passed through binary floating point somewhere."""
    if not isinstance(value, str):
        raise TypeError(f'{value!r} is not a string; write "{value}"')
    return plain(Decimal(value))


def _count(field: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"`{field}` {value!r} is no whole number above 0")
    return value


def _date(value: Any) -> str | None:
    """`2026-08-17`, `2026-03` or `2026`; None where it is not known."""
    if value is None:
        return None
    first_day(str(value))  # ValueError for what is no date
    return str(value)


def _confidence(value: Any) -> str:
    if value not in CONFIDENCE:
        raise ValueError(f"`confidence` {value!r} is none of {', '.join(CONFIDENCE)}")
    return str(value)


def _wrong(name: str, why: str) -> FerryError:
    return FerryError(
        "LF-6504",
        "a file of prices cannot be read",
        f"{name}: {why}",
        "correct the file; its form is in docs/reference/prices.md",
    )
