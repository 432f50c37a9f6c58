"""What each Contributor Insights rule counts: keys, conditions and the fields that they need.

A function gives one question's recipes, best first; a later one is for a flow log that lacks the
fields of the first. What is counted, and why it counts each byte once, is said at each.

Source: VPC User Guide, "Flow log records" (fields, `tcp-flags`, the four rows of a NAT gateway).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lakeferry.network.rule_value import Filter

# `tcp-flags` of a row joins by OR the flags FIN 1, SYN 2, RST 4 and SYN-ACK 18 that were seen in
# one aggregation interval and direction. The side that opens a connection sends SYN and never
# SYN-ACK, so its row has bit 2 without bit 16; FIN and RST may have come within the same minute.
# Compared as text: the four numeric operators cannot leave out 4 and 5 and spare a filter.
# Assumed: `In` compares the token of a numeric field as it is written. A SYN that is sent again
# in the next minute counts twice; two connections of one port pair within a minute count once.
SYN_OF_INITIATOR = ("2", "3", "6", "7")

S3 = ("S3",)
TCP = 6


@dataclass(frozen=True, slots=True)
class Watched:
    """Interfaces, or regional NAT gateways, that one rule watches."""

    kind: str  # 'gateway', 'instance', 'all', 'regional'; the service of an endpoint
    field: str  # 'interface-id', 'resource-id'
    ids: tuple[str, ...]  # at most 10
    ips: tuple[str, ...]  # their primary private addresses
    tail: str  # end of the rule's name: '', '.2', '.eni-0a...'


@dataclass(frozen=True, slots=True)
class Recipe:
    """A rule before the format gives positions to its fields."""

    question: str
    suffix: str  # the name after the deployment's prefix
    path: str
    subject: str
    unit: Literal["bytes", "count"]
    keys: tuple[str, ...]
    filters: tuple[Filter, ...]
    watched: tuple[str, ...]
    why: str

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of the flow log that the rule reads, once each."""
        value = ("bytes",) if self.unit == "bytes" else ()
        return tuple(dict.fromkeys((*self.keys, *value, *(one.match for one in self.filters))))


Choices = tuple[Recipe, ...]


def _in(field: str, texts: Sequence[str]) -> Filter:
    return Filter(field, "In", texts=tuple(texts))


ACCEPTED = _in("action", ("ACCEPT",))
REJECTED = _in("action", ("REJECT",))
OK = _in("log-status", ("OK",))
INGRESS = _in("flow-direction", ("ingress",))
EGRESS = _in("flow-direction", ("egress",))
OPENS = _in("tcp-flags", SYN_OF_INITIATOR)


# ---- NAT devices


def nat_billed(watched: Watched) -> Choices:
    """Bytes that came in at a device: from workers and from the internet, each once.

    A device logs every byte twice, in and out. What came in is what AWS bills, but for unsolicited
    packets that a NAT gateway shows as accepted and drops.
    """
    name = f"nat-{watched.kind}-billed" if watched.kind != "regional" else "nat-billed"
    filters = (_in(watched.field, watched.ids), INGRESS, ACCEPTED, OK)
    why = "bytes that NAT devices processed, each once"
    best = _nat(watched, "nat-billed", name, (watched.field,), filters, why)
    by_address = (_in(watched.field, watched.ids), _in("dstaddr", watched.ips), ACCEPTED, OK)
    return _with_address(best, watched, by_address, (watched.field,))


def nat_by_source(watched: Watched) -> Choices:
    """What came in at a device, by who sent it: workers (requests) and hosts (responses)."""
    filters = (_in(watched.field, watched.ids), INGRESS, ACCEPTED, OK)
    keys = (watched.field, "pkt-srcaddr")
    why = "bytes through NAT devices by sender"
    best = _nat(watched, "nat-bytes-by-src", "nat-bytes-by-src", keys, filters, why)
    by_address = (_in(watched.field, watched.ids), _in("dstaddr", watched.ips), ACCEPTED, OK)
    return _with_address(best, watched, by_address, (watched.field, "srcaddr"))


def nat_by_destination(watched: Watched) -> Choices:
    """What left a device, by who gets it: hosts (requests) and workers (responses)."""
    filters = (_in(watched.field, watched.ids), EGRESS, ACCEPTED, OK)
    keys = (watched.field, "pkt-dstaddr")
    why = "bytes through NAT devices by receiver"
    best = _nat(watched, "nat-bytes-by-dst", "nat-bytes-by-dst", keys, filters, why)
    by_address = (_in(watched.field, watched.ids), _in("srcaddr", watched.ips), ACCEPTED, OK)
    return _with_address(best, watched, by_address, (watched.field, "dstaddr"))


def leak_up(watched: Watched) -> Choices:
    """S3 uploads that take a NAT device and should take the gateway endpoint, by worker."""
    to_s3 = _in("pkt-dst-aws-service", S3)
    filters = (_in(watched.field, watched.ids), INGRESS, to_s3, ACCEPTED)
    why = "bytes sent to S3 through NAT devices"
    return (_nat(watched, "s3-through-nat", "leak-up", ("pkt-srcaddr",), filters, why),)


def leak_down(watched: Watched) -> Choices:
    """S3 downloads through a NAT device: ingress rows hold S3's address, not the worker's."""
    from_s3 = _in("pkt-src-aws-service", S3)
    filters = (_in(watched.field, watched.ids), INGRESS, from_s3, ACCEPTED)
    why = "bytes got from S3 through NAT devices"
    return (_nat(watched, "s3-through-nat", "leak-down", (watched.field,), filters, why),)


def nat_connections(watched: Watched) -> Choices:
    """Connections that workers open through a device.

    A packet for the device's own address is unsolicited, so it is left out; a NAT gateway shows
    those as accepted.
    """
    inside = Filter("pkt-dstaddr", "NotIn", texts=watched.ips)
    rest = (inside,) if watched.ips else (ACCEPTED,)
    filters = (_in(watched.field, watched.ids), INGRESS, OPENS, *rest)
    keys = (watched.field, "srcaddr")
    why = "new connections through NAT devices by worker"
    best = _nat(watched, "connections", "connections-nat", keys, filters, why, "count")
    if not watched.ips:
        return (best,)
    return best, _active(best, watched, "nat", _in("dstaddr", watched.ips))


def _nat(
    watched: Watched,
    question: str,
    name: str,
    keys: tuple[str, ...],
    filters: tuple[Filter, ...],
    why: str,
    unit: Literal["bytes", "count"] = "bytes",
) -> Recipe:
    path = "nat_instance" if watched.kind == "instance" else "nat_gateway"
    subjects = {
        "gateway": "NAT gateway",
        "instance": "NAT instance",
        "regional": "regional NAT gateway",
    }
    subject = subjects.get(watched.kind, "NAT")
    suffix = name + watched.tail
    return Recipe(question, suffix, path, subject, unit, keys, filters, watched.ids, why)


def _with_address(
    best: Recipe, watched: Watched, filters: tuple[Filter, ...], keys: tuple[str, ...]
) -> Choices:
    """The recipe, and the one for version 2: the device's own address tells the direction."""
    if not watched.ips:
        return (best,)
    why = f"{best.why}, told by the device's own address"
    second = Recipe(
        best.question, best.suffix, best.path, best.subject, best.unit, keys, filters,
        best.watched, why,
    )  # fmt: skip
    return best, second


# ---- S3 by the gateway endpoint, which has no interface: rows of the workers


def s3_gateway_up(subnets: tuple[str, ...], tail: str, paths: tuple[str, ...]) -> Choices:
    """Bytes that workers send to S3 by the gateway endpoint. `traffic-path` implies egress."""
    filters = (
        _in("subnet-id", subnets),
        _in("traffic-path", paths),
        _in("pkt-dst-aws-service", S3),
        ACCEPTED,
    )
    why = "bytes sent to S3 by the gateway endpoint"
    return (_s3(f"s3-gateway-up{tail}", filters, why),)


def s3_down(subnets: tuple[str, ...], tail: str) -> Choices:
    """Bytes that workers get from S3 by any path: ingress rows do not say which."""
    filters = (_in("subnet-id", subnets), INGRESS, _in("pkt-src-aws-service", S3), ACCEPTED)
    return (_s3(f"s3-down{tail}", filters, "bytes got from S3 by any path"),)


def s3_gateway_connections(subnets: tuple[str, ...], tail: str, paths: tuple[str, ...]) -> Choices:
    filters = (
        _in("subnet-id", subnets),
        _in("traffic-path", paths),
        _in("pkt-dst-aws-service", S3),
        OPENS,
    )
    why = "new connections to S3 by the gateway endpoint"
    keys = ("instance-id",)
    name = f"connections-s3-gateway{tail}"
    return (
        Recipe("connections", name, "s3_gateway", "S3 gateway", "count", keys, filters, (), why),
    )


def _s3(suffix: str, filters: tuple[Filter, ...], why: str) -> Recipe:
    keys = ("instance-id",)
    return Recipe("s3-gateway", suffix, "s3_gateway", "S3 gateway", "bytes", keys, filters, (), why)


# ---- interface endpoints


def endpoint(watched: Watched) -> Choices:
    """Bytes at all interfaces of a service's endpoints, both directions: what AWS bills."""
    keys = ("interface-id", "flow-direction")
    filters = (_in("interface-id", watched.ids), OK, ACCEPTED)
    best = Recipe(
        "endpoint-bytes", f"endpoint-{watched.kind}{watched.tail}", "interface_endpoint",
        watched.kind, "bytes", keys, filters, watched.ids,
        f"bytes through the endpoints of {watched.kind}",
    )  # fmt: skip
    second = Recipe(
        best.question, best.suffix, best.path, best.subject, best.unit,
        ("interface-id", "srcaddr"), filters, best.watched, f"{best.why}, by sender",
    )  # fmt: skip
    return best, second


def endpoint_connections(watched: Watched) -> Choices:
    """Connections that are opened to a service's endpoints."""
    filters = (_in("interface-id", watched.ids), INGRESS, OPENS, ACCEPTED)
    best = Recipe(
        "connections", f"connections-{watched.kind}{watched.tail}", "interface_endpoint",
        watched.kind, "count", ("interface-id", "srcaddr"), filters, watched.ids,
        f"new connections to {watched.kind} by interface and source",
    )  # fmt: skip
    return best, _active(best, watched, watched.kind, _in("dstaddr", watched.ips))


def _active(best: Recipe, watched: Watched, kind: str, told_by: Filter) -> Recipe:
    """Without tcp-flags: one row a minute is one connection that is in use, new or not."""
    tcp = Filter("protocol", "EqualTo", number=TCP)
    filters = (
        _in(watched.field, watched.ids),
        tcp,
        ACCEPTED,
        *((told_by,) if told_by.texts else ()),
    )
    return Recipe(
        best.question, f"active-{best.suffix}", best.path, best.subject, "count", best.keys,
        filters, best.watched, f"connections of {kind} in use each minute, new or not",
    )  # fmt: skip


# ---- workers, and what went wrong


def workers(subnets: tuple[str, ...], tail: str) -> Choices:
    """Bytes that each instance gets. No interface is listed, so new clusters are covered."""
    instances = Filter("instance-id", "StartsWith", texts=("i-",))
    filters = (_in("subnet-id", subnets), INGRESS, instances, ACCEPTED)
    return (
        Recipe(
            "workers", f"workers{tail}", "", "workers", "bytes", ("instance-id",), filters, (),
            "bytes that each worker gets",
        ),
    )  # fmt: skip


def rejects(vpc_id: str) -> Choices:
    filters = (REJECTED, *((_in("vpc-id", (vpc_id,)),) if vpc_id else ()))
    keys = ("interface-id", "srcaddr")
    why = "refused flows by interface and source"
    return (Recipe("rejected", "rejects", "", "refused", "count", keys, filters, (), why),)


def rejected_connections() -> Choices:
    """TCP connections that were refused. Without tcp-flags each minute's row of a try counts."""
    tcp = Filter("protocol", "EqualTo", number=TCP)
    keys = ("interface-id", "srcaddr")
    name = "rejected-connections"
    why = "refused TCP connections by interface and source"
    return tuple(
        Recipe("connections", name, "", "refused", "count", keys, filters, (), said)
        for filters, said in (
            ((REJECTED, tcp, OPENS), why),
            ((REJECTED, tcp), f"{why}, told by refused rows"),
        )
    )


def skipped() -> Choices:
    """Minutes of which the flow log lost rows: how many rows is not known."""
    filters = (_in("log-status", ("SKIPDATA",)),)
    why = "intervals in which the flow log lost rows"
    keys = ("interface-id",)
    return (Recipe("skipped", "skipped", "", "skipped", "count", keys, filters, (), why),)
