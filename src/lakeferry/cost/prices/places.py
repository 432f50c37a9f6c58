"""Where providers publish their prices: addresses, and what of them was asked for. Pure.

Source: AWS Price List Bulk API, "Finding services and products"; Azure Retail Prices REST API.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

from lakeferry.cost.prices.azure_prices import ENDPOINT as AZURE_ENDPOINT
from lakeferry.cost.prices.terms import unreadable
from lakeferry.cost.prices.values import NOWHERE, Price, PriceBook, nearest
from lakeferry.errors import FerryError

AWS_ENDPOINT = "https://pricing.us-east-1.amazonaws.com"
CLOUDS = ("aws", "azure")


def offers_url(endpoint: str = AWS_ENDPOINT) -> str:
    """The list of AWS's price lists, one a service."""
    return f"{endpoint.rstrip('/')}/offers/v1.0/aws/index.json"


def offers(text: bytes, url: str) -> Mapping[str, str]:
    """Code of a service -> the address of the list of its Regions.

    Raises:
        FerryError: LF-6541.
    """
    return _addresses(text, "offers", "currentRegionIndexUrl", url)


def regions(text: bytes, url: str) -> Mapping[str, str]:
    """Region -> the address of its price list, of one service.

    Raises:
        FerryError: LF-6541.
    """
    return _addresses(text, "regions", "currentVersionUrl", url)


def services_of(own: PriceBook) -> tuple[str, ...]:
    """The services of AWS whose price lists hold what the book asks for, sorted."""
    return tuple(
        sorted(
            {
                one.service
                for one in own.prices.values()
                if one.provider == "aws" and one.service and one.sku and one.region not in NOWHERE
            }
        )
    )


def check_services(asked: Iterable[str], offered: Iterable[str]) -> None:
    """Raises LF-6651 for a service that has no price list of use."""
    known = tuple(offered)
    for one in asked:
        if one not in known:
            raise _no_such("service", one, known)


def check_regions(
    asked: Collection[str],
    offered: Iterable[str],
    where: str = "",
    usual: Collection[str] = (),
) -> None:
    """Raises LF-6651 for a region of which nothing is offered.

    Args:
        usual: regions that are known otherwise, to name the nearest where nothing is offered.
    """
    known = tuple(sorted(offered))
    for one in asked:
        if one not in known:
            raise _no_such("region", one, known, where, tuple(usual))


def only_of(book: PriceBook, wanted: Collection[str], services: Collection[str]) -> PriceBook:
    """The prices of some regions and services; of all where none is named."""

    def is_wanted(one: Price) -> bool:
        right_region = not wanted or one.region in wanted
        return right_region and (not services or one.service in services)

    prices = {id: one for id, one in book.prices.items() if is_wanted(one)}
    types = {}
    for name, kind in book.instance_types.items():
        hourly = {region: one for region, one in kind.hourly.items() if is_wanted(one)}
        if hourly:
            types[name] = replace(kind, hourly=hourly)
    return replace(book, prices=prices, instance_types=types)


def split_region(text: str) -> tuple[str, str]:
    """`aws:us-east-1` -> cloud and region.

    Raises:
        FerryError: LF-2001 for a text that names no cloud with public price lists.
    """
    cloud, _, region = text.partition(":")
    if cloud not in CLOUDS or not region:
        raise FerryError(
            "LF-2001",
            f"--region `{text}` is no region",
            "on the command line",
            "write aws:us-east-1 or azure:westeurope",
        )
    return cloud, region


def _addresses(text: bytes, what: str, key: str, url: str) -> Mapping[str, str]:
    """Of each member of `what` the address under `key`, made absolute by the list's own."""
    return {
        name: urljoin(url, one[key])
        for name, one in _object(text, what, url).items()
        if isinstance(one, dict) and isinstance(one.get(key), str)
    }


def _object(text: bytes, key: str, url: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)[key]
    except (ValueError, KeyError, TypeError) as error:
        raise unreadable(url, f"it is no JSON with `{key}`") from error
    if not isinstance(found, dict):
        raise unreadable(url, f"`{key}` is no object")
    return found


def _no_such(
    what: str, name: str, known: tuple[str, ...], where: str = "", usual: tuple[str, ...] = ()
) -> FerryError:
    near = nearest(name, known or usual)
    offered = f"{len(known)} are" if len(known) > 8 else ", ".join(known) or "nothing is"
    said = f"{where}: " if where else ""
    return FerryError(
        "LF-6651",
        f"there are no prices of the {what} `{name}` to import",
        f"{said}{offered} offered" + (f"; nearest: {near}" if near else ""),
        f"correct the {what}, or leave it out to take all that are of use",
    )


__all__ = [
    "AWS_ENDPOINT",
    "AZURE_ENDPOINT",
    "check_regions",
    "check_services",
    "offers",
    "offers_url",
    "only_of",
    "regions",
    "services_of",
    "split_region",
]
