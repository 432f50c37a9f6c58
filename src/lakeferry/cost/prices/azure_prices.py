"""Egress prices from pages of the Azure Retail Prices API, by routing preference and region. Pure.

Source: Azure Retail Prices REST API; its rows, `NextPageLink`, `tierMinimumUnits`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote, urlsplit

from lakeferry.cost.path.money import plain
from lakeferry.cost.prices.terms import (
    Ladder,
    ambiguous,
    joined,
    only,
    other_currency,
    unreadable,
)
from lakeferry.cost.prices.values import GIB, Price, PriceBook, Tier

ENDPOINT = "https://prices.azure.com/api/retail/prices"
MOST_PAGES = 1_000  # of up to 1,000 rows; one region's bandwidth is one page

_SERVICE, _METER, _UNIT = "Bandwidth", "Standard Data Transfer Out", "1 GB"

# Two parallel products by routing preference, and the names that regions have for them.
_ROUTINGS: Mapping[str, str] = {
    "Rtn Preference: MGN": "mgn",
    "Routing Preference: Microsoft Global Network": "mgn",
    "Bandwidth - Routing Preference: Microsoft Global Network": "mgn",
    "Bandwidth - Routing Preference: Internet": "internet_routing",
    "Routing Preference: Internet": "internet_routing",
    "Rtn Preference: Internet": "internet_routing",
}

_NAME = "Azure Retail Prices API"


@dataclass(frozen=True, slots=True)
class _Row:
    """One tier of one meter, as the API has it."""

    region: str
    routing: str
    product: str
    meter: str  # its id
    start: Decimal  # tierMinimumUnits
    usd: Decimal
    since: date  # effectiveStartDate


def first_page(region: str, currency: str = "USD", endpoint: str = ENDPOINT) -> str:
    """The address to ask for a region's bandwidth. Values of a filter are case-sensitive."""
    filters = (
        f"serviceName eq '{_SERVICE}' and armRegionName eq '{region}' "
        "and priceType eq 'Consumption'"
    )
    return f"{endpoint}?currencyCode='{quote(currency)}'&$filter={quote(filters)}"


def pages(get: Callable[[str], bytes], url: str) -> Iterator[bytes]:
    """Each page from `url` on, along `NextPageLink`; `get` fetches an address.

    Raises:
        FerryError: LF-6541 for a link to another host or back, or pages without an end.
    """
    seen: set[str] = set()
    while url:
        if url in seen or len(seen) >= MOST_PAGES:
            raise unreadable(_NAME, f"its pages have no end: {url} after {len(seen)} pages")
        seen.add(url)
        text = get(url)
        yield text
        following = _next(_page(text))
        here, there = urlsplit(url), urlsplit(following)
        # The API's own links name its port.
        if following and (here.scheme, here.hostname) != (there.scheme, there.hostname):
            raise unreadable(_NAME, f"the next page is elsewhere: {following}")
        url = following


def read_pages(texts: Iterable[bytes], read_on: date, currency: str = "USD") -> PriceBook:
    """The ladders of internet egress in pages of answers, a price for each region and routing.

    Args:
        texts: every page of one query, JSON, in order; see `pages`.
        read_on: the day of the answers. Rows that only begin later are not used.
        currency: that of the book the prices are for.

    A region that has one routing's product gets one price: the other is not made from it. A GB
    is taken as 2^30 bytes; `values.decimal_gb` reads it otherwise.

    Raises:
        FerryError: LF-6541, LF-6542, LF-6503.
    """
    rows: list[_Row] = []
    following = ""
    for text in texts:
        page = _page(text)
        following = _next(page)
        found = {str(page.get("BillingCurrency"))}
        found |= {str(item.get("currencyCode", currency)) for item in page["Items"]}
        if found != {currency}:
            raise other_currency(_NAME, currency, found)
        rows += (row for item in page["Items"] if (row := _row(item)) and row.since <= read_on)
    if following:
        raise unreadable(_NAME, f"a page is missing: {following}")
    prices = [_price(*key, group, read_on) for key, group in sorted(_by_price(rows).items())]
    return PriceBook({one.id: one for one in prices}, {}, currency, read_on.isoformat())


def _page(text: bytes) -> Mapping[str, Any]:
    try:
        # Amounts are JSON numbers: as decimals they keep the digits that stand there.
        page = json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise unreadable(_NAME, f"a page is not JSON: {error}") from error
    items = page.get("Items") if isinstance(page, dict) else None
    if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        raise unreadable(_NAME, "a page has no list of `Items`")
    return page  # type: ignore[no-any-return]


def _next(page: Mapping[str, Any]) -> str:
    return str(page.get("NextPageLink") or "")


def _row(item: Mapping[str, Any]) -> _Row | None:
    """A tier of internet egress; None for every other row.

    Front Door has a meter of the same name, and reservations share meters with what they reserve.
    """
    product = str(item.get("productName", ""))
    named = (item.get("serviceName"), item.get("meterName"), item.get("type"))
    if named != (_SERVICE, _METER, "Consumption") or item.get("reservationTerm"):
        return None
    if product not in _ROUTINGS:
        return None
    try:
        if item["unitOfMeasure"] != _UNIT:
            raise unreadable(_NAME, f"{product} is priced by `{item['unitOfMeasure']}`")
        return _Row(
            region=str(item["armRegionName"]),
            routing=_ROUTINGS[product],
            product=product,
            meter=str(item["meterId"]),
            start=_number(item["tierMinimumUnits"]),
            usd=_number(item["retailPrice"]),
            since=date.fromisoformat(str(item["effectiveStartDate"])[:10]),
        )
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise unreadable(_NAME, f"a row of {product}: {error!r}") from error


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError(f"{value!r} is no number")
    if value < 0:
        raise ValueError(f"{value} is below 0")
    return plain(Decimal(value))


def _by_price(rows: Iterable[_Row]) -> Mapping[tuple[str, str], list[_Row]]:
    found: dict[tuple[str, str], list[_Row]] = {}
    for row in rows:
        found.setdefault((row.routing, row.region), []).append(row)
    return found


def _price(routing: str, region: str, rows: list[_Row], read_on: date) -> Price:
    id = f"azure.egress.{routing}.{region}"
    meters: dict[str, list[_Row]] = {}
    for row in rows:
        meters.setdefault(row.meter, []).append(row)
    ladders = {f"meter {meter}": _ladder(meter, found) for meter, found in meters.items()}
    product = rows[0].product
    return Price(
        id=id,
        unit="GB",
        tiers=only(ladders, id, _NAME),
        source=f"{_NAME}, productName '{product}', {', '.join(sorted(ladders))}",
        as_of=read_on.isoformat(),
        confidence="price_list",
        provider="azure",
        region=region,
        service=_SERVICE,
        sku=f"{product} / {_METER}",
        bytes_per_unit=GIB,
        note="1 GB taken as 2^30 bytes; what is free stands inside the ladder",
    )


def _ladder(meter: str, rows: list[_Row]) -> Ladder:
    """Of several rows of one tier the latest is in force; a tier ends where the next begins."""
    latest: dict[Decimal, _Row] = {}
    for row in rows:
        before = latest.get(row.start)
        if before and before.since == row.since and before.usd != row.usd:
            why = f"{before.usd} and {row.usd} from {row.start} on, both since {row.since}"
            raise ambiguous(_NAME, f"meter {meter} has {why}")
        if before is None or row.since > before.since:
            latest[row.start] = row
    starts = sorted(latest)
    ends = [*starts[1:], None]
    for start in starts[1:]:
        # A free part is the beginning of a ladder. Further up, zero stands where a price is kept.
        if latest[start].usd == 0:
            raise unreadable(_NAME, f"meter {meter} has no price but 0 from {start} on")
    tiers = [Tier(s, e, latest[s].usd) for s, e in zip(starts, ends, strict=True)]
    return joined(tiers, f"meter {meter}", _NAME)
