"""A network that was discovered as lines for people. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from lakeferry.cli.columns import Column, paragraph, table
from lakeferry.monitor.wanted.own_cost import path_usd_per_gb
from lakeferry.network.fields import DEFAULT_FORMAT
from lakeferry.network.resources import FlowLog
from lakeferry.network.saved_topology import topology_text
from lakeferry.network.services import label_of
from lakeferry.network.topology import Finding, Path, Topology

_KINDS = {
    "nat_gateway": "NAT gateway",
    "nat_instance": "NAT instance",
    "s3_gateway": "S3 gateway endpoint",
    "interface_endpoint": "endpoint",
    "internet_gateway": "internet gateway",
    "transit_gateway": "transit gateway",
    "virtual_private_gateway": "private gateway",
    "peering": "peering",
    "elsewhere": "elsewhere",
    "nowhere": "nowhere",
}
_PATHS = (
    Column("path"),
    Column("through", elastic=True),
    Column("$/GB", right=True),
    Column("zones", priority=2),
    Column("subnets", priority=3),
    Column("hops", priority=4),
)
_LOGS = (
    Column("flow log"),
    Column("over", priority=3),
    Column("to", elastic=True),
    Column("fields", priority=2),
    Column("every", priority=4, right=True),
    Column("health", priority=1),
)


def topology_lines(found: Topology, signs: Mapping[str, str], width: int) -> list[str]:
    """What was found: paths and their prices, flow logs, what watches it, what is odd."""
    vpc = found.found.vpc
    workers = len(found.workers)
    lines = [
        *paragraph(f"{vpc.id}  {', '.join(vpc.cidrs)}  {vpc.region}  account {vpc.account}", width),
        f"  {_count(len(found.scope), 'subnet')} in question, "
        f"{_count(workers, 'worker interface')}",
        "",
        *table(_PATHS, [_path(found, path) for path in found.paths], width),
    ]
    for path in found.paths:
        if path.lost_at:
            lines += paragraph(f"  ? {_KINDS[path.kind]} {path.id}: {path.lost_at}", width)
    logs = found.found.flow_logs
    if logs:
        lines += ["", *table(_LOGS, [_log(one) for one in logs], width)]
    lines += ["", *paragraph(f"  {_watched(found)}", width)]
    for other in found.beyond:
        there = f"{other.found.vpc.id}, account {other.found.vpc.account}"
        paths = _count(len(other.paths), "path")
        lines += paragraph(f"  and beyond a transit gateway {there}: {paths}", width)
    return lines + finding_lines(found.findings, signs, width)


def finding_lines(findings: Sequence[Finding], signs: Mapping[str, str], width: int) -> list[str]:
    """Findings, each with its next step."""
    lines: list[str] = []
    for one in findings:
        sign = signs["warning"] if one.severity == "warning" else "-"
        lines += paragraph(f"  {sign} {one.code} {one.where}: {one.what}", width)
        lines += paragraph(f"    next: {one.next_step}", width)
    return lines


def finding_body(one: Finding) -> dict[str, object]:
    """One `finding` line."""
    return {
        "type": "finding",
        "code": one.code,
        "severity": one.severity,
        "where": one.where,
        "message": one.what,
        "next": [one.next_step],
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _path(found: Topology, path: Path) -> tuple[str, ...]:
    price = _usd_per_gb(found, path)
    return (
        _name_of(found, path),
        path.id or "-",
        _price(price),
        "crosses" if path.crosses_zones else "same",
        ", ".join(path.subnet_ids),
        " > ".join(f"{hop.kind} {hop.id}" for hop in path.hops),
    )


def _name_of(found: Topology, path: Path) -> str:
    if path.kind == "interface_endpoint":
        service = next((one.service for one in found.found.endpoints if one.id == path.id), "")
        return f"endpoint {label_of(service)}"
    return _KINDS[path.kind]


def _usd_per_gb(found: Topology, path: Path) -> Decimal | None:
    region = found.found.vpc.region
    return path_usd_per_gb(path.kind, region, crosses_zones=path.crosses_zones)


def topology_body(found: Topology) -> dict[str, Any]:
    """The `topology` line: as it is saved, and what a GB of each path costs.

    `usd_per_gb` is null where bytes are not what is paid for.
    """
    body: dict[str, Any] = orjson.loads(topology_text(found))
    for written, path in zip(body["paths"], found.paths, strict=True):
        price = _usd_per_gb(found, path)
        written["usd_per_gb"] = None if price is None else float(price)
    return {"type": "topology", "topology": body}


def _price(price: Decimal | None) -> str:
    return "-" if price is None else f"{price:.3f}".removesuffix("0")


def _log(one: FlowLog) -> tuple[str, ...]:
    health = one.delivery or "unknown"
    return (
        one.id or one.name,
        one.resource_id,
        one.destination,
        "v2" if one.fields == DEFAULT_FORMAT else str(len(one.fields)),
        f"{one.interval_s} s",
        f"{health}: {one.error}" if one.error else health,
    )


def _watched(found: Topology) -> str:
    there = found.found
    counts = (
        _count(len(there.flow_logs), "flow log"),
        _count(len(there.rules), "rule"),
        _count(len(there.alarms) + len(there.composite_alarms), "alarm"),
        _count(len(there.dashboards), "dashboard"),
    )
    return f"in this account and Region: {', '.join(counts)}"
