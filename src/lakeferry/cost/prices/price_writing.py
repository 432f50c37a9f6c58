"""Writing a book of prices as a file of its own schema, always a new one."""

import json
import os
from pathlib import Path
from typing import Any

from lakeferry.cost.path.money import exact_text
from lakeferry.cost.prices.price_file import SCHEMA_VERSION
from lakeferry.cost.prices.values import InstanceType, Price, PriceBook, Tier
from lakeferry.errors import FerryError
from lakeferry.store.new_file import write_whole


def written(book: PriceBook) -> bytes:
    """The file that `price_file.read_book` reads as the same book; equal books give equal bytes."""
    prices = [_price(one) for _, one in sorted(book.prices.items())]
    types = [_instance(one) for _, one in sorted(book.instance_types.items())]
    whole: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "currency": book.currency,
        "written": book.written,
        "prices": prices,
    }
    if types:
        whole["instance_types"] = {"sources": [], "items": types}
    return (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode()


def check_new(path: Path) -> None:
    """Refuse a file that `write_new` could not write. Raises LF-6543, LF-2004."""
    if path.exists():
        raise _is_there(path)
    if not path.parent.is_dir():
        raise _cannot(path, "there is no such folder")
    if not os.access(path.parent, os.W_OK):
        raise _cannot(path, "the folder cannot be written to")


def write_new(path: Path, text: bytes) -> None:
    """Write a file that is not there yet.

    Raises:
        FerryError: LF-6543 if it is, and it stays as it is: what is imported is compared with
            what was in use before, so the old file is kept. LF-2004 if it cannot be written; then
            no part of it is left.
    """
    try:
        write_whole(str(path), text, replaces=False)
    except FileExistsError as error:
        raise _is_there(path) from error
    except OSError as error:
        raise _cannot(path, error.strerror or str(error)) from error


def _is_there(path: Path) -> FerryError:
    return FerryError(
        "LF-6543",
        "the file of prices is there already",
        str(path),
        "name a new file; the old one is kept to compare with",
    )


def _cannot(path: Path, why: str) -> FerryError:
    return FerryError("LF-2004", "the file cannot be written", f"{path}: {why}", "name another")


def _price(one: Price) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": one.id,
        "provider": one.provider,
        "region": one.region,
        "service": one.service,
        "sku": one.sku,
        "unit": one.unit,
        "tiers": None if one.tiers is None else [_tier(tier) for tier in one.tiers],
        "source": one.source,
        "as_of": one.as_of,
        "confidence": one.confidence,
    }
    if one.bytes_per_unit is not None:
        entry["bytes_per_unit"] = one.bytes_per_unit
    if one.free is not None:
        entry["free"] = {"amount": exact_text(one.free), "period": "month", "default": "off"}
    if not one.offer:
        entry["offer"] = False
    if one.note:
        entry["note"] = one.note
    return entry


def _tier(one: Tier) -> dict[str, str | None]:
    end = None if one.end is None else exact_text(one.end)
    return {"from": exact_text(one.start), "to": end, "price": exact_text(one.usd)}


def _instance(one: InstanceType) -> dict[str, Any]:
    return {
        "type": one.name,
        "vcpus": one.vcpus,
        "arch": list(one.arch),
        "network_cards": one.network_cards,
        "card0_baseline_gbps": exact_text(one.card0_gbps),
        "baseline_gbps": exact_text(one.baseline_gbps),
        "peak_gbps": exact_text(one.peak_gbps),
        "internet_sustained_gbps": exact_text(one.internet_gbps),
        "burstable": one.burstable,
        "hourly_usd": {region: _hour(price) for region, price in sorted(one.hourly.items())},
    }


def _hour(one: Price) -> dict[str, Any]:
    (tier,) = one.tiers or ()
    return {
        "price": exact_text(tier.usd),
        "confidence": one.confidence,
        "as_of": one.as_of,
        "source": one.source,
    }
