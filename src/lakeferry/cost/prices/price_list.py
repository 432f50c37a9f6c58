"""Prices out of an AWS Price List bulk file of any size, by exact usage type. Pure.

What is looked for is what lakeferry's own book asks of AWS: each of its prices names a service and
a usage type, and the list gives that meter's ladder for every Region in it. Of EC2 instances, only
types whose bandwidth the book knows are of use.

The file is walked member by member (see `json_stream`, also for why not with ijson or orjson):
what is held is one product or term, and what was wanted.

Source: AWS Price List Bulk API, "Service price list file for an AWS service".
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from lakeferry.cost.bill.usage_types import BYTES_PER_GB, Meter, meter_of
from lakeferry.cost.path.quote import first_day
from lakeferry.cost.prices.json_stream import BrokenJSON, Path, members
from lakeferry.cost.prices.terms import Ladder, check_gb, on_demand, only, unreadable
from lakeferry.cost.prices.values import Price, PriceBook, instance_id

_TRANSFER, _EC2, _VPC = "AWSDataTransfer", "AmazonEC2", "AmazonVPC"
_BETWEEN = "aws.interregion"

# What else must hold of a product, where its usage type alone does not tell it from others.
_ALSO: Mapping[tuple[str, str], Mapping[str, str]] = {
    (_EC2, "NatGateway-Hours"): {"operation": "NatGateway"},
    (_EC2, "NatGateway-Bytes"): {"operation": "NatGateway"},
    (_VPC, "VpcEndpoint-Hours"): {"operation": "VpcEndpoint"},
    (_VPC, "VpcEndpoint-Bytes"): {"operation": "VpcEndpoint"},
    (_VPC, "TransitGateway-Hours"): {"operation": "TransitGatewayVPC"},
    (_VPC, "TransitGateway-Bytes"): {"operation": "TransitGatewayVPC"},
    (_TRANSFER, "DataTransfer-Out-Bytes"): {"transferType": "AWS Outbound"},
    (_TRANSFER, "DataTransfer-In-Bytes"): {"transferType": "AWS Inbound"},
    (_TRANSFER, "DataTransfer-Regional-Bytes"): {"transferType": "IntraRegion"},
}
# One type has some hundred products: by system, tenancy, software, reservation.
_PLAIN_INSTANCE = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "operation": "RunInstances",
}
_REGION_TO_REGION = {"transferType": "InterRegion Outbound", "operation": ""}

# Whose Region a transfer's price is of; other products have no sides.
_SIDES = {
    "AWS Outbound": ("from",),
    "AWS Inbound": ("to",),
    "IntraRegion": ("from",),
    "InterRegion Outbound": ("from", "to"),
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import found of what was looked for."""

    book: PriceBook  # these prices and no others
    absent: tuple[str, ...]  # looked for and not in the list; the book in use keeps its own


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A product that one of our prices is of."""

    like: Price  # everything but tiers and source, with the id of the price
    instance: str = ""  # its type, where it is an instance


def read_price_list(
    chunks: Iterable[bytes], name: str, own: PriceBook, without: Collection[str] = ()
) -> Imported:
    """The prices of a bulk file of one Region, or of all.

    Args:
        chunks: of the file (`index.json`), cut anywhere; of about a megabyte where speed matters.
        name: of the file, for messages and as the prices' source.
        own: whose usage types are looked for, and whose instance types are known.
        without: ids that are left as they are, such as one that is refused as ambiguous.

    Raises:
        FerryError: LF-6541, LF-6542, LF-6503. Nothing is half imported.
    """
    looked = _Looked(own, name, frozenset(without))
    try:
        for path, value in members(chunks, _walked):
            looked.take(path, value)
    except BrokenJSON as error:
        raise unreadable(name, str(error)) from error
    return looked.found()


def _untiered(id: str, unit: str, region: str, service: str, sku: str) -> Price:
    """A price of this list before its terms are read, which give tiers, source and date."""
    return Price(
        id=id,
        unit=unit,
        tiers=None,
        source="",
        as_of=None,
        confidence="price_list",
        provider="aws",
        region=region,
        service=service,
        sku=sku,
    )


def _walked(path: Path) -> bool:
    """One product, and one product's terms, are yielded at a time."""
    return path in (("products",), ("terms",)) or (len(path) == 2 and path[0] == "terms")


@dataclass
class _Looked:
    """What has been met so far of a file."""

    own: PriceBook
    name: str
    without: frozenset[str]
    head: dict[str, str] = field(default_factory=dict)
    wanted: dict[str, _Wanted] = field(default_factory=dict)  # by SKU
    priced: dict[str, tuple[Ladder, str]] = field(default_factory=dict)  # by SKU: tiers, unit
    any_terms: bool = False

    @cached_property
    def meters(self) -> Mapping[tuple[str, str], Price]:
        return _meters(self.own)

    def take(self, path: Path, value: Any) -> None:
        match path:
            case ("offerCode" | "publicationDate" as key,):
                self.head[key] = str(value)
            case ("products", sku):
                if self.any_terms:
                    raise unreadable(self.name, f"the product {sku} stands after the terms")
                self._product(sku, value)
            case ("terms", kind, sku):
                self.any_terms = True
                if kind == "OnDemand" and sku in self.wanted:
                    self.priced[sku] = on_demand(value, sku, self.own.currency, self.name)
            case _:
                pass

    def _product(self, sku: str, product: Any) -> None:
        try:
            attributes = product["attributes"]
            wanted = self._of(attributes, meter_of(attributes.get("usagetype", "")))
        except (KeyError, TypeError, AttributeError) as error:
            raise unreadable(self.name, f"{sku}: {error!r}") from error
        if wanted is not None and wanted.like.id not in self.without:
            self.wanted[sku] = wanted

    def _of(self, attributes: Mapping[str, str], meter: Meter) -> _Wanted | None:
        service = attributes.get("servicecode") or self.head.get("offerCode", "")
        like = self.meters.get((service, meter.name))
        if meter.path == "between_regions" and service == _TRANSFER:
            return self._between(attributes, meter)
        if meter.path == "instance" and service == _EC2:
            return self._instance(attributes, meter)
        if like is None or not _holds(attributes, _ALSO.get((service, meter.name), {})):
            return None
        region = self._region(attributes, meter)
        if not region:
            return None
        return _Wanted(replace(like, id=f"{like.id}.{region}", region=region))

    def _between(self, attributes: Mapping[str, str], meter: Meter) -> _Wanted | None:
        region = self._region(attributes, meter)
        if not region or not _holds(attributes, _REGION_TO_REGION):
            return None
        to = attributes["toRegionCode"]
        like = _untiered(
            f"{_BETWEEN}.{region}.{to}", "GB", region, _TRANSFER, attributes["usagetype"]
        )
        return _Wanted(replace(like, bytes_per_unit=BYTES_PER_GB))

    def _instance(self, attributes: Mapping[str, str], meter: Meter) -> _Wanted | None:
        kind = meter.name.removeprefix("BoxUsage:")
        if kind not in self.own.instance_types or not _holds(attributes, _PLAIN_INSTANCE):
            return None
        region = self._region(attributes, meter)
        if not region:
            return None
        like = _untiered(instance_id(kind, region), "hour", region, _EC2, meter.name)
        return _Wanted(like, instance=kind)

    def _region(self, attributes: Mapping[str, str], meter: Meter) -> str | None:
        """What the product itself says before what its prefix says; None outside of Regions."""
        sides = _SIDES.get(attributes.get("transferType", ""), ())
        kinds = [attributes.get(f"{side}LocationType") for side in sides]
        kinds += [] if sides else [attributes.get("locationType")]
        if any(kind not in (None, "", "AWS Region") for kind in kinds):
            return None
        sided = attributes.get(f"{sides[0]}RegionCode") if sides else None
        region = attributes.get("regionCode") or sided or meter.region
        if region:
            return region
        if attributes["usagetype"] == meter.name:
            return "us-east-1"  # the only Region whose meters have no prefix
        raise unreadable(self.name, f"no Region is known of {attributes['usagetype']}")

    def found(self) -> Imported:
        published = self.head.get("publicationDate", "")[:10]
        try:
            first_day(published)
        except ValueError as error:
            raise unreadable(self.name, "`publicationDate` is missing or no date") from error
        by_id: dict[str, dict[str, Ladder]] = {}
        likes: dict[str, _Wanted] = {}
        for sku, (ladder, unit) in self.priced.items():
            one = self.wanted[sku]
            check_gb(unit, one.like.bytes_per_unit is not None, f"{sku} ({one.like.id})", self.name)
            by_id.setdefault(one.like.id, {})[sku] = ladder
            likes[one.like.id] = one
        source = f"AWS Price List, {self.head.get('offerCode', 'no offer code')}, {self.name}"
        prices, hourly = {}, dict[str, dict[str, Price]]()
        for id, ladders in sorted(by_id.items()):
            ladder, one = only(ladders, id, self.name), likes[id]
            price = replace(one.like, tiers=ladder, source=source, as_of=published)
            if one.instance:
                hourly.setdefault(one.instance, {})[price.region] = price
            else:
                prices[id] = price
        known = self.own.instance_types
        types = {kind: replace(known[kind], hourly=found) for kind, found in hourly.items()}
        book = PriceBook(prices, types, self.own.currency, published)
        return Imported(book, tuple(self._absent(book)))

    def _absent(self, book: PriceBook) -> Iterator[str]:
        """Ids that this offer should have for the Regions met, in order."""
        met = {one.region for one in book.prices.values()}
        met |= {region for one in book.instance_types.values() for region in one.hourly}
        offer = self.head.get("offerCode", "")
        stems = {like.id for (service, _), like in self.meters.items() if service == offer}
        asked = {f"{stem}.{region}" for stem in stems for region in met}
        yield from sorted(asked - set(book.prices) - self.without)


def _meters(own: PriceBook) -> Mapping[tuple[str, str], Price]:
    """Service and usage type without Region -> the price that it is of, its id without Region."""
    found: dict[tuple[str, str], Price] = {}
    for one in own.prices.values():
        tail = f".{one.region}"
        if one.provider == "aws" and one.region and one.id.endswith(tail) and one.sku:
            like = replace(one, id=one.id.removesuffix(tail), tiers=None, note="")
            key = (one.service, meter_of(one.sku).name)
            found.setdefault(key, replace(like, sku=key[1], confidence="price_list"))
    return found


def _holds(attributes: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(attributes.get(key, "") == value for key, value in wanted.items())
