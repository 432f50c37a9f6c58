"""What a comparison would read of the sources, and what that costs, before anything is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.plan import requests_of
from lakeferry.fleet.planning.planned import PlannedTable
from lakeferry.fleet.planning.route_prices import Asked, priced
from lakeferry.fleet.standing.time_left import Left
from lakeferry.ledger.rows import LakeTable

READS_ALL = "rows"
MAY_READ_ALL = "hashed"  # whatever neither store nor record has a checksum of
ASSUMED_BYTES_PER_S = 125e6  # 1 Gbit/s, for what is billed by the hour


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read over one route."""

    route: str
    sources: tuple[str, ...]
    tables: int
    bytes: int
    is_at_most: bool  # less is read where checksums are known
    usd: Decimal | None  # None: no price is known
    why: str = ""  # why not


def readings(
    wanted: Migration,
    tables: Sequence[LakeTable],
    strengths: Mapping[str, str],
    *,
    sample: float,
    asked: Asked,
) -> tuple[Reading, ...]:
    """Route by route, those that cost something or might; bytes that stay on a machine do not.

    Args:
        strengths: of each table, by its target.
        sample: share of the files.

    Raises:
        FerryError, ExceptionGroup: for what is wrong with the assumptions.
    """
    meant = [one for one in tables if strengths[one.target_url] in (READS_ALL, MAY_READ_ALL)
             and one.route != "local"]  # fmt: skip
    lines = [_line(one, sample) for one in meant]
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.route] = sums.get(line.route, 0) + line.bytes
    left = {route: Left.surely(size / ASSUMED_BYTES_PER_S) for route, size in sums.items()}
    found = []
    for route, price in priced(lines, wanted, left, asked).items():
        of_route = [one for one in meant if one.route == route]
        found.append(
            Reading(
                route=route,
                sources=tuple(sorted({one.source for one in of_route})),
                tables=len(of_route),
                bytes=sums[route],
                is_at_most=any(strengths[one.target_url] == MAY_READ_ALL for one in of_route),
                usd=price.usd,
                why=price.why,
            )
        )
    return tuple(one for one in found if one.bytes and one.usd != 0)


def _line(one: LakeTable, sample: float) -> PlannedTable:
    size, files = round(one.bytes * sample), max(1, round(one.files * sample))
    return PlannedTable(
        one.target_url, one.name, one.source, one.source_url, one.kind, one.wave, one.route,
        "snapshot", "copy", one.state, bytes=size, files=files, requests=requests_of(size, files),
    )  # fmt: skip
