"""Dollars of a plan, route by route, by the prices of `cost`.

What nobody said, where the bytes lie and how long they take, is not guessed: a route without it has
no dollars, and says what is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lakeferry.config.tree import Value
from lakeferry.cost.path.quote import Quote
from lakeferry.cost.plan.cost_report import CostReport
from lakeferry.cost.run import CostRequest, cost_of, listed_prices
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.cold_prices import retrievals
from lakeferry.fleet.planning.planned import FleetPlan, PlannedTable, Priced
from lakeferry.fleet.planning.stored_prices import stored_by_class
from lakeferry.fleet.planning.totals import Sum, by_route
from lakeferry.fleet.standing.time_left import Left

# route of the manifest -> path of `cost`, and the one that it is held against.
_PATHS = {
    "internet": ("nat_gateway", "nat_instance"),
    "s3-endpoint": ("s3_gateway", "nat_gateway"),
    "direct-connect": ("direct_connect", ""),
}
_CLOUDS = {"adls": "azure", "gcs": "gcp", "s3": "aws", "hdfs": "on-premises"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What prices are reckoned with, beside the plan."""

    under: Value | None = None  # what the manifest assumes of cost
    texts: Mapping[str, str] = field(default_factory=dict)  # of the manifest, to quote from
    keys: Sequence[tuple[str, str, Any]] = ()  # of `--assume`
    internet: str = ""  # the path in use: 'nat_gateway', 'nat_instance', ...; '': the gateway


def priced(
    lines: Sequence[PlannedTable], wanted: Migration, left: Mapping[str, Left], asked: Asked
) -> Mapping[str, Priced]:
    """What each route costs.

    Raises:
        FerryError, ExceptionGroup: for what is wrong with the assumptions.
    """
    found = {}
    for route, total in by_route(lines).items():
        clouds = {_CLOUDS.get(wanted.sources[one.source].kind, "") for one in lines
                  if one.route == route}  # fmt: skip
        found[route] = _route(route, total, clouds, wanted, left.get(route), asked)
    return found


def beside_routes(plan: FleetPlan, wanted: Migration, asked: Asked) -> FleetPlan:
    """The plan with what no route has: reading what lies cold, and the target's storage classes.

    Raises:
        FerryError: LF-6503, LF-6504 for a file of prices.
    """
    if not any(one.cold or one.storage_class for one in plan.tables):
        return plan
    book = listed_prices(_said(asked, "prices") or None)
    cloud, _, region = _said(asked, "to").partition(":")
    region = region if cloud == "aws" else wanted.target.region or ""
    return replace(
        plan,
        retrieved=retrievals(plan.tables, wanted, book, _said(asked, "from")),
        stored=stored_by_class(plan.tables, book, region or None),
        price_book=book.written,
    )


def _said(asked: Asked, key: str) -> str:
    """A key of a plan of `cost`, as the flags or the manifest say it; '': neither does."""
    typed = [str(value) for _, name, value in asked.keys if name == key]
    if typed:
        return typed[-1]
    value = asked.under.get(key) if asked.under is not None else None
    return value.text if value is not None else ""


def _route(
    route: str, total: Sum, clouds: set[str], wanted: Migration, left: Left | None, asked: Asked
) -> Priced:
    if route == "local":
        return Priced("", None, why="bytes that stay on this machine have no price")
    if route not in _PATHS:
        return Priced("", None, why=f"`cost` has no prices for {route}")
    path, other = _PATHS[route]
    if route == "internet" and asked.internet:
        other = path if asked.internet != path else other
        path = asked.internet
    keys, missing = _keys(total, clouds, wanted, left, asked)
    if missing:
        return Priced(path, None, other, why=missing)
    try:
        report = cost_of(CostRequest(under=asked.under, texts=asked.texts, keys=keys))
    except ExceptionGroup as faults:
        # Such as a region without prices: the plan is no worse for it.
        first = faults.exceptions[0]
        if not isinstance(first, FerryError) or any(key[0] == "--assume" for key in asked.keys):
            raise
        return Priced(path, None, other, why=f"{first.code} {first.what}")
    usd, other_usd = _quote(report, path), _quote(report, other)
    if usd is None:
        return Priced(path, None, other, why=f"no path `{path.replace('_', '-')}` leads from there")
    return Priced(
        path, usd.total, other, None if other_usd is None else other_usd.total,
        at_least=usd.at_least,
    )  # fmt: skip


def _keys(
    total: Sum, clouds: set[str], wanted: Migration, left: Left | None, asked: Asked
) -> tuple[list[tuple[str, str, Any]], str]:
    """The keys of a plan of `cost`; or what is missing, and how to say it."""
    given = {key for _, key, _ in asked.keys}
    if asked.under is not None:
        given |= asked.under.entries.keys()
    keys: list[tuple[str, str, Any]] = [
        ("the plan", "bytes", total.bytes), ("the plan", "files", max(1, total.files)),
    ]  # fmt: skip
    if left is not None and left.p50 < 10 * 365 * 86_400:
        keys.append(("the plan", "hours", max(1, -(-round(left.p50) // 3600))))
    elif not given & {"days", "hours"}:
        return keys, "how long it takes is not known: --assume rate=1Gbit/s"
    if not total.bytes:
        return keys, "nothing is left to move"
    if clouds == {"aws"} and wanted.target.region is not None:
        keys.append(("the plan", "from", f"aws:{wanted.target.region}"))
    elif clouds == {"on-premises"}:
        keys.append(("the plan", "from", "on-premises"))
    elif "from" not in given:
        return keys, "where the bytes lie is not said: --assume from=azure:westeurope"
    if "to" not in given:
        if wanted.target.region is None:
            return keys, "where they go is not said: target.region in the manifest"
        keys.append(("the plan", "to", f"aws:{wanted.target.region}"))
    return [*keys, *asked.keys], ""


def _quote(report: CostReport, path: str) -> Quote | None:
    for one in report.routes:
        if one.path == path and one.placement == "pull":
            return one.quote
    return None
