"""Price lists in the shapes of AWS's bulk files, small enough to read."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Product = tuple[str, dict[str, str], dict[str, Any]]  # SKU, attributes, on-demand terms


def product(sku: str, usage: str, price: str = "0.0450000000", **attributes: str) -> Product:
    """A product with one on-demand term of one range."""
    unit = attributes.pop("unit", "GB")
    named = {"servicecode": "AmazonEC2", "regionCode": "us-east-1", "operation": ""}
    return sku, {**named, "usagetype": usage, **attributes}, terms(sku, ("0", "Inf", price, unit))


def terms(sku: str, *ranges: tuple[str, str, str, str], code: str = "JRTCKXETXF") -> dict[str, Any]:
    dimensions = {
        f"{sku}.{code}.{number}": {
            "rateCode": f"{sku}.{code}.{number}",
            "description": f"${price} per {unit}",
            "beginRange": begin,
            "endRange": end,
            "unit": unit,
            "pricePerUnit": {"USD": price},
            "appliesTo": [],
        }
        for number, (begin, end, price, unit) in enumerate(ranges)
    }
    term = {
        "offerTermCode": code,
        "sku": sku,
        "effectiveDate": "2026-08-01T00:00:00Z",
        "priceDimensions": dimensions,
        "termAttributes": {},
    }
    return {f"{sku}.{code}": term}


def price_list(
    *products: Product, offer: str = "AmazonEC2", published: str = "2026-08-17T22:10:58Z"
) -> bytes:
    """The whole file, indented as AWS indents it, with a reserved term that nobody asked for."""
    whole: Mapping[str, Any] = {
        "formatVersion": "v1.0",
        "disclaimer": "This pricing list is for informational purposes only.",
        "offerCode": offer,
        "version": "20260817221058",
        "publicationDate": published,
        "products": {
            sku: {"sku": sku, "productFamily": "Any", "attributes": attributes}
            for sku, attributes, _ in products
        },
        "terms": {
            "OnDemand": {sku: offered for sku, _, offered in products if offered},
            "Reserved": {sku: terms(sku, ("0", "Inf", "9", "Hrs")) for sku, *_ in products[:1]},
        },
        "attributesList": {},
    }
    return json.dumps(whole, indent=2).encode()


def chunks(text: bytes, size: int = 1000) -> Iterator[bytes]:
    yield from (text[at : at + size] for at in range(0, len(text), size))
