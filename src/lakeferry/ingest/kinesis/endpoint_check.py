"""Which way bytes to a service go, by what its name resolves to and what the VPC has. Pure.

Source: AWS PrivateLink Guide, "Access an AWS service using an interface VPC endpoint" (private DNS:
the service's usual name resolves to the endpoint's interfaces) and "Gateway endpoints" (S3's name
resolves as ever; a route to a prefix list leads to the endpoint).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

Path = Literal["this machine", "endpoint", "private", "gateway endpoint", "public", "unknown"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What AWS says of where this machine stands."""

    vpc_id: str
    subnet_id: str
    endpoint_of: Mapping[str, str]  # private address -> id of the endpoint whose interface has it
    interface_endpoints: Mapping[str, tuple[str, bool]]  # kind -> id, private DNS
    gateway_endpoints: Mapping[str, str] = field(default_factory=dict)  # kind -> id, by our routes


@dataclass(frozen=True, slots=True)
class Resolved:
    """One service as this machine reaches it."""

    kind: str  # 'kinesis-streams', 's3', 'sts', 'kms'
    host: str
    addresses: tuple[str, ...]  # () where the name does not resolve


@dataclass(frozen=True, slots=True)
class Way:
    """The way, in words, and what to do about it."""

    path: Path
    text: str
    next_step: str = ""  # '' where nothing needs to be done

    @property
    def is_fine(self) -> bool:
        return not self.next_step


def way_of(found: Resolved, around: Surroundings | None) -> Way:
    """Which way the bytes go.

    Args:
        around: None where it is not known: no rights to ask, or no machine of this account.
    """
    if not found.addresses:
        step = f"check the name, and that this machine's DNS knows it: {found.host}"
        return Way("unknown", f"{found.host} does not resolve", step)
    shown = f"{found.host} is {_listed(found.addresses)}"
    kinds = {_scope(one) for one in found.addresses}
    if kinds == {"loopback"}:
        return Way("this machine", f"{shown}: this machine")
    if "public" in kinds:
        return _public(found, around, shown, mixed=len(kinds) > 1)
    endpoints = around.endpoint_of if around is not None else {}
    ids = {endpoints.get(one, "") for one in found.addresses}
    if "" not in ids:
        return Way("endpoint", f"{shown}: endpoint {', '.join(sorted(ids))}")
    if around is None or len(ids) == 1:
        return Way("private", f"{shown}: private addresses, an endpoint or a proxy of yours")
    known = ", ".join(sorted(one for one in ids if one))
    step = f"check that all of them are interfaces of {known}: some are of nothing that is seen"
    return Way("private", f"{shown}: only some are of endpoint {known}", step)


def _public(found: Resolved, around: Surroundings | None, shown: str, *, mixed: bool) -> Way:
    if around is None:
        through = "public: from a private subnet the bytes leave through NAT"
        return Way("public", f"{shown}: {through}", _wanted(found.kind))
    if found.kind in around.gateway_endpoints:
        gateway = around.gateway_endpoints[found.kind]
        return Way("gateway endpoint", f"{shown}: routed to gateway endpoint {gateway}")
    through = f"public: from {around.subnet_id} the bytes leave through NAT or an internet gateway"
    if mixed:
        through = f"public and private: some bytes leave {around.subnet_id} through NAT"
    endpoint, private_dns = around.interface_endpoints.get(found.kind, ("", False))
    if endpoint and not private_dns:
        step = (
            f"give --endpoint-url of {endpoint}, or switch its private DNS on: aws ec2 "
            f"modify-vpc-endpoint --vpc-endpoint-id {endpoint} --private-dns-enabled"
        )
        return Way("public", f"{shown}: {through}, past endpoint {endpoint}", step)
    if endpoint:
        step = f"{endpoint} has private DNS: let this machine ask the VPC's own resolver"
        return Way("public", f"{shown}: {through}, past endpoint {endpoint}", step)
    return Way("public", f"{shown}: {through}", _wanted(found.kind))


def _wanted(kind: str) -> str:
    return (
        f"put an endpoint there: lakeferry monitor plan --endpoint {kind}; or leave it so where "
        "this machine is in no VPC"
    )


def _scope(address: str) -> str:
    """'loopback', 'private' or 'public'. 100.64.0.0/10 is private in a VPC."""
    found = ip_address(address)
    if found.is_loopback:
        return "loopback"
    return "public" if found.is_global else "private"


def _listed(addresses: tuple[str, ...]) -> str:
    most = 3
    more = f" and {len(addresses) - most} more" if len(addresses) > most else ""
    return ", ".join(addresses[:most]) + more
