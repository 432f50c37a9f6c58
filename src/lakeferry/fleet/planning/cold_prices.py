"""What it costs to read what lies cold at the sources, by tier and Region. Pure.

A price that is not known is told by its name, and where the bytes lie is not guessed.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from lakeferry.cost.path.money import exact
from lakeferry.cost.prices.values import PriceBook
from lakeferry.fleet.manifest.wanted import Migration, Source
from lakeferry.fleet.planning.planned import Cold, PlannedTable, Retrieved, Way
from lakeferry.fleet.planning.totals import moving

_CLOUDS = {"adls": "azure", "gcs": "gcp", "s3": "aws"}
_OF_SCHEME = {"s3": "aws", "s3a": "aws", "s3n": "aws", "gs": "gcp", "abfss": "azure",
              "abfs": "azure", "az": "azure"}  # fmt: skip
# tier -> (name of a way, price of a unit of bytes, price of a request), without the Region.
_WAYS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "GLACIER": tuple(
        (way, f"aws.s3.restore_glacier_{way}", f"aws.s3.restore_glacier_{way}_request")
        for way in ("standard", "bulk", "expedited")
    ),
    "DEEP_ARCHIVE": tuple(
        (way, f"aws.s3.restore_deep_archive_{way}", f"aws.s3.restore_deep_archive_{way}_request")
        for way in ("standard", "bulk")
    ),
    "Archive": tuple(
        (way, f"azure.blob.rehydrate_{way}", f"azure.blob.rehydrate_{way}_request")
        for way in ("standard", "high")
    ),
    **{
        tier: (("", f"aws.s3.retrieval_{tier.lower()}", f"aws.s3.get_{tier.lower()}"),)
        for tier in ("STANDARD_IA", "ONEZONE_IA", "GLACIER_IR")
    },
    **{
        tier: (("", f"azure.blob.retrieval_{tier.lower()}", f"azure.blob.read_{tier.lower()}"),)
        for tier in ("Cool", "Cold")
    },
    **{
        tier: (("", f"gcp.storage.retrieval_{tier.lower()}", f"gcp.storage.read_{tier.lower()}"),)
        for tier in ("NEARLINE", "COLDLINE", "ARCHIVE")
    },
}
_EVERYWHERE = "gcp"  # whose prices of these are the same in every location


def retrievals(
    lines: Iterable[PlannedTable], wanted: Migration, book: PriceBook, given_from: str = ""
) -> tuple[Retrieved, ...]:
    """What each tier costs: first those whose files must be restored, then those read for a fee.

    Args:
        lines: of a plan; what waits is counted of tables that are blocked for it, too.
        given_from: where the bytes lie, as a plan of `cost` says it: 'azure:westeurope'.
    """
    sums: dict[tuple[bool, str, str], tuple[int, int]] = {}
    lines = tuple(lines)
    moves = {line.target_url for line in moving(lines)}
    for line in lines:
        for cold in line.cold:
            if not cold.waits and line.target_url not in moves:
                continue
            place = _place(line, wanted, given_from)
            files, size = sums.get((not cold.waits, cold.tier, place), (0, 0))
            more_files, more = _share(cold, line)
            sums[not cold.waits, cold.tier, place] = (files + more_files, size + more)
    return tuple(
        Retrieved(place, tier, files, size, not is_read, _ways(tier, place, files, size, book))
        for (is_read, tier, place), (files, size) in sorted(sums.items())
        if files
    )


def _share(cold: Cold, line: PlannedTable) -> tuple[int, int]:
    """Files and bytes of it that are read. Of tiers that need no restoring a listing tells all that
    lies there, live or not, so at most as much is taken as moves.
    """
    if cold.waits:
        return cold.files, cold.bytes
    return min(cold.files, line.files), min(cold.bytes, line.bytes)


def _place(line: PlannedTable, wanted: Migration, given_from: str) -> str:
    """'aws:us-east-1'; the cloud alone where the Region is not said."""
    source = wanted.sources[line.source]
    cloud = _CLOUDS.get(source.kind) or _OF_SCHEME.get(line.source_url.partition(":")[0], "")
    if cloud == _EVERYWHERE:
        return cloud
    region = _region(source, cloud, given_from)
    if not region and cloud == "aws":
        region = wanted.target.region or ""  # as the routes of a plan have it
    return f"{cloud}:{region}" if region else cloud


def _region(source: Source, cloud: str, given_from: str) -> str:
    own = source.store_options.get("region", "") if cloud == "aws" else ""
    where, _, region = given_from.partition(":")
    return own or (region if where == cloud else "")


@exact()
def _ways(tier: str, place: str, files: int, size: int, book: PriceBook) -> tuple[Way, ...]:
    cloud, _, region = place.partition(":")
    if tier not in _WAYS:
        return (Way("", None, f"the price of the tier {tier}"),)
    if not region and cloud != _EVERYWHERE:
        return (Way("", None, f"where they lie: --assume from={cloud}:REGION"),)
    tail = f".{region}" if region else ""
    found = []
    for name, of_bytes, of_request in _WAYS[tier]:
        prices = (book.at(f"{of_bytes}{tail}"), book.at(f"{of_request}{tail}"))
        lacking = [one.id for one in prices if one.tiers is None]
        if lacking:
            found.append(Way(name, None, f"the price {lacking[0]}"))
            continue
        amounts = [
            book.charge(price, price.units(quantity))
            for price, quantity in zip(prices, (size, files), strict=True)
        ]
        found.append(Way(name, sum((one for one in amounts if one is not None), Decimal(0))))
    return tuple(found)
