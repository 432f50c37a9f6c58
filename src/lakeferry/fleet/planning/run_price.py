"""What a byte and a file cost on each route, for a run that may spend so much; what all comes to.

What is billed by the hour counts for the time that the bytes take at `ASSUMED_BYTES_PER_S`, to the
second: an hour that was begun is billed once, and not by each run that moves a little in it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.plan import requests_of
from lakeferry.fleet.planning.planned import PlannedTable
from lakeferry.fleet.planning.route_prices import Asked, priced
from lakeferry.fleet.planning.totals import by_route
from lakeferry.fleet.standing.time_left import Left
from lakeferry.fleet.sync.budget import FREE, UnitPrice
from lakeferry.ledger.rows import LakeTable

ASSUMED_BYTES_PER_S = 125e6  # 1 Gbit/s, for what is billed by the hour
LARGE, SMALL = 128 << 20, 1 << 20  # bytes of files, whose requests hardly count, and count


def unit_prices(
    tables: Iterable[LakeTable], wanted: Migration, asked: Asked
) -> Mapping[str, UnitPrice]:
    """By route, from the price of all that the ledger knows to be left, brought up to whole hours.

    Raises:
        FerryError: LF-8022 a route has no price, so a limit of dollars could not be kept.
    """
    lines = tuple(_of_whole_hours([_line(one) for one in tables]))
    few, many = (
        tuple(replace(one, files=-(-one.bytes // size)) for one in lines) for size in (LARGE, SMALL)
    )
    sums = by_route(many)
    hours = {route: Left.surely(total.bytes / ASSUMED_BYTES_PER_S) for route, total in sums.items()}
    of_many = priced(many, wanted, hours, asked)
    found: dict[str, UnitPrice] = {}
    for route, price in priced(few, wanted, hours, asked).items():
        usd_of_many, total = of_many[route].usd, sums[route]
        if price.usd is None or usd_of_many is None:
            if route == "local":  # bytes that stay on a machine cost nothing
                found[route] = FREE
                continue
            raise FerryError(
                "LF-8022",
                f"no price is known for the route {route}, so a limit of dollars cannot be kept",
                price.why,
                "say it in the manifest under `cost.assume`, or leave --max-cost and "
                "`stop_if.cost_usd` out",
            )
        of_files = (usd_of_many - price.usd) / total.files
        found[route] = UnitPrice(price.usd / total.bytes, of_files)
    return found


def _of_whole_hours(lines: Sequence[PlannedTable]) -> Iterator[PlannedTable]:
    """As many times as much, so that no hour is begun for a few bytes."""
    of_hour = round(ASSUMED_BYTES_PER_S * 3600)
    factors = {
        route: Fraction(-(-total.bytes // of_hour) * of_hour, total.bytes)
        for route, total in by_route(lines).items()
    }
    for one in lines:
        yield replace(one, bytes=round(one.bytes * factors[one.route]))


def forecast_usd(
    tables: Iterable[LakeTable], moved: Mapping[str, int], wanted: Migration, asked: Asked
) -> Decimal:
    """Dollars of all that has moved and is left, as if it were one plan of now.

    Priced as a whole, so that what an hour costs that is begun is not laid upon a few last bytes.

    Args:
        moved: bytes by route, of all runs; in files as large as those of the tables.

    Raises:
        FerryError: LF-8022 a route has no price; LF-6505 the files are too large for S3.
    """
    lines = tuple(_whole(tuple(tables), moved))
    sums = by_route(lines)
    hours = {route: Left.surely(total.bytes / ASSUMED_BYTES_PER_S) for route, total in sums.items()}
    usd = Decimal(0)
    for route, price in priced(lines, wanted, hours, asked).items():
        if price.usd is None and route != "local":  # bytes that stay on a machine cost nothing
            raise FerryError(
                "LF-8022",
                f"no price is known for the route {route}, so no cost can be foreseen",
                price.why,
                "say it in the manifest under `cost.assume`, or leave the alarm cost-forecast out",
            )
        usd += price.usd or 0
    return usd


def _whole(tables: tuple[LakeTable, ...], moved: Mapping[str, int]) -> Iterator[PlannedTable]:
    """What is left of each table, and with the first of a route what has moved there."""
    live, files = Counter[str](), Counter[str]()
    for one in tables:
        live[one.route] += one.bytes
        files[one.route] += one.files
    more = dict(moved)
    for one in tables:
        size = more.pop(one.route, 0)
        number = -(-size * files[one.route] // max(1, live[one.route]))
        if one.left_bytes or size:
            yield _priced(one, one.left_bytes + size, one.left_files + number)


def _line(one: LakeTable) -> PlannedTable:
    size, files = (one.left_bytes, one.left_files) if one.left_bytes else (one.bytes, one.files)
    return _priced(one, max(1, size), files)


def _priced(one: LakeTable, size: int, files: int) -> PlannedTable:
    return PlannedTable(
        one.target_url, one.name, one.source, one.source_url, one.kind, one.wave, one.route,
        "snapshot", "copy", one.state, bytes=size, files=files, requests=requests_of(size, files),
    )  # fmt: skip
