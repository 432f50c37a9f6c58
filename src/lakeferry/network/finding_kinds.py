"""The kinds of findings about a network, each with a code that stays: a script can ask for it.

`docs/reference/network.md` lists them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lakeferry.network.topology import Finding


@dataclass(frozen=True, slots=True)
class FindingKind:
    severity: Literal["warning", "info"]
    meaning: str  # one line


FINDINGS: Mapping[str, FindingKind] = {
    "blackhole-route": FindingKind(
        "warning", "a route of the scope leads to a target that is gone, and drops what takes it"
    ),
    "cross-zone-route": FindingKind(
        "warning", "a NAT device is in another zone than a subnet that uses it: billed once more"
    ),
    "endpoint-down": FindingKind(
        "warning", "an endpoint is there but not available: pending, rejected or failed"
    ),
    "endpoint-zones": FindingKind(
        "warning", "an interface endpoint lacks a zone in which bytes start: they cross zones"
    ),
    "flow-log-failed": FindingKind("warning", "AWS cannot deliver a flow log"),
    "flow-log-fields": FindingKind(
        "warning", "a flow log lacks fields by which paths and workers are told apart"
    ),
    "flow-log-missing": FindingKind(
        "warning", "interfaces that bytes cross are under no flow log: nothing can be attributed"
    ),
    "flow-log-part": FindingKind("warning", "a flow log has accepted or rejected traffic alone"),
    "flow-log-slow": FindingKind(
        "info", "a flow log sums up 600 s: on interfaces that are not Nitro minutes are not seen"
    ),
    "flow-log-twice": FindingKind(
        "warning", "two flow logs over one interface go to one place: every sum doubles"
    ),
    "ipv6-way-out": FindingKind(
        "info", "IPv6 leaves by another way than IPv4, past the NAT device and its metrics"
    ),
    "lost-sight": FindingKind("info", "a way out was followed to a hop and no further"),
    "many-interfaces": FindingKind(
        "info", "more than 10 interfaces of one kind: rules on them are split"
    ),
    "nat-out-of-sight": FindingKind(
        "warning", "a NAT gateway on the way is in another VPC, whose flow logs this one lacks"
    ),
    "no-default-route": FindingKind("info", "subnets have no way out but endpoints"),
    "no-endpoints": FindingKind(
        "info", "the VPC has no endpoint: every service is reached by the default route"
    ),
    "no-private-dns": FindingKind(
        "warning", "an endpoint has no private DNS name: clients that do not name it pass it by"
    ),
    "no-public-address": FindingKind(
        "warning", "workers in a public subnet without a public address: nothing outside answers"
    ),
    "no-s3-endpoint": FindingKind(
        "warning", "a route table has no S3 endpoint: S3 is billed by NAT, or not reached"
    ),
    "no-workers": FindingKind("info", "no interface is a worker's at present"),
    "public-address": FindingKind(
        "warning", "workers have public addresses: bytes pass every NAT device and rule by"
    ),
    "regional-nat-unseen": FindingKind(
        "warning", "a regional NAT gateway is under no flow log with the field `resource-id`"
    ),
    "shared-vpc": FindingKind(
        "warning", "the VPC is another account's, whose gateways and endpoints are not shown to us"
    ),
    "source-dest-check": FindingKind(
        "warning", "a route leads to an instance that drops what is not addressed to it"
    ),
}


def finding(code: str, where: str, what: str, next_step: str) -> Finding:
    return Finding(code, FINDINGS[code].severity, where, what, next_step)


def listed(ids: Sequence[str], most: int = 5) -> str:
    """The first ids, and how many more there are."""
    more = len(ids) - most
    return ", ".join(ids[:most]) + (f" and {more} more" if more > 0 else "")
