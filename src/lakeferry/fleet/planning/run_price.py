"""What a byte costs on each route, for a run that may spend so many dollars, or a forecast."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.plan import requests_of
from lakeferry.fleet.planning.planned import PlannedTable
from lakeferry.fleet.planning.route_prices import Asked, priced
from lakeferry.fleet.planning.totals import by_route
from lakeferry.fleet.standing.time_left import Left
from lakeferry.ledger.rows import LakeTable

ASSUMED_BYTES_PER_S = 125e6  # 1 Gbit/s, for what is billed by the hour


def usd_per_byte(
    tables: Iterable[LakeTable], wanted: Migration, asked: Asked
) -> Mapping[str, Decimal]:
    """Dollars a byte by route, from the price of all that the ledger knows to be left.

    Raises:
        FerryError: LF-8022 a route has no price, so a limit of dollars could not be kept.
    """
    return _per_byte(
        [_line(one) for one in tables], wanted, asked, "a limit of dollars cannot be kept",
        "leave --max-cost and `stop_if.cost_usd` out",
    )  # fmt: skip


def usd_per_byte_of_all(
    tables: Iterable[LakeTable], moved: Mapping[str, int], wanted: Migration, asked: Asked
) -> Mapping[str, Decimal]:
    """The same from the price of all that has moved and is left.

    What an hour that is begun costs is laid upon all bytes then, and not upon the last few alone.

    Args:
        moved: bytes by route, of all runs; the files are those of the tables.

    Raises:
        FerryError: LF-8022 a route has no price, so nothing can be foreseen.
    """
    extra = dict(moved)
    lines = []
    for one in tables:
        size = one.left_bytes + extra.pop(one.route, 0)
        lines.append(_priced_line(one, size, one.files))
    sums = by_route(lines)
    return _per_byte(
        [line for line in lines if sums[line.route].bytes], wanted, asked,
        "no cost can be foreseen", "leave the alarm cost-forecast out",
    )  # fmt: skip


def _per_byte(
    lines: Sequence[PlannedTable], wanted: Migration, asked: Asked, so: str, else_: str
) -> Mapping[str, Decimal]:
    found: dict[str, Decimal] = {}
    sums = by_route(lines)
    hours = {route: Left.surely(total.bytes / ASSUMED_BYTES_PER_S) for route, total in sums.items()}
    for route, price in priced(lines, wanted, hours, asked).items():
        if price.usd is None:
            if route == "local":  # bytes that stay on a machine cost nothing
                found[route] = Decimal(0)
                continue
            raise FerryError(
                "LF-8022",
                f"no price is known for the route {route}, so {so}",
                price.why,
                f"say it in the manifest under `cost.assume`, or {else_}",
            )
        found[route] = price.usd / max(1, sums[route].bytes)
    return found


def _line(one: LakeTable) -> PlannedTable:
    size, files = (one.left_bytes, one.left_files) if one.left_bytes else (one.bytes, one.files)
    return _priced_line(one, size, files)


def _priced_line(one: LakeTable, size: int, files: int) -> PlannedTable:
    return PlannedTable(
        one.target_url, one.name, one.source, one.source_url, one.kind, one.wave, one.route,
        "snapshot", "copy", one.state, bytes=size, files=files, requests=requests_of(size, files),
    )  # fmt: skip
