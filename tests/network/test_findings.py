"""Each finding is told of the network that has the fault, and of no other."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from lakeferry.network.discover import Scope
from lakeferry.network.fields import DEFAULT_FORMAT, RECOMMENDED_FORMAT
from lakeferry.network.finding_kinds import FINDINGS
from lakeferry.network.resources import NatAddress, Route, TransitAttachment
from lakeferry.network.topology import Finding, Found
from tests.network.networks import (
    GATEWAYS,
    KINESIS,
    PRIVATE,
    PUBLIC,
    S3,
    SOUND,
    TABLES,
    VPC,
    changed,
    default,
    device,
    endpoint,
    flow_log,
    seen,
    with_each,
    with_table,
    worker,
)

S3_ROUTE = Route("pl-s3", S3, "active")
FAR = TransitAttachment("tgw-attach-2", "tgw-1", "vpc", "vpc-2", "444455556666")
NEAR = TransitAttachment(
    "tgw-attach-1", "tgw-1", "vpc", VPC, "111122223333", PRIVATE, "tgw-attach-2"
)
BEYOND = Found(
    replace(SOUND.vpc, id="vpc-2"),
    subnets=tuple(replace(one, id=f"{one.id}-2", vpc_id="vpc-2") for one in SOUND.subnets),
    route_tables=(
        replace(SOUND.route_tables[0], id="rtb-2", vpc_id="vpc-2", is_main=True, subnet_ids=(),
                routes=(default("nat-2"),)),
        replace(SOUND.route_tables[2], id="rtb-3", vpc_id="vpc-2", is_main=False,
                subnet_ids=("subnet-9a-2",)),
    ),
    nat_gateways=(
        replace(SOUND.nat_gateways[0], id="nat-2", vpc_id="vpc-2", subnet_id="subnet-9a-2"),
    ),
    flow_logs=(flow_log("fl-2", "vpc-2"),),
    transit=(replace(FAR, subnet_ids=("subnet-1a-2",)),),
)  # fmt: skip


def box(*, check: bool) -> Found:
    """The first table leads to a NAT instance in its zone."""
    eni = device("eni-box", PUBLIC[0], "interface", instance_id="i-box", source_dest_check=check)
    instance = replace(
        SOUND.instances[0], id="i-box", subnet_id=PUBLIC[0], eni_ids=("eni-box",),
        source_dest_check=check, tags={},
    )  # fmt: skip
    found = with_table(TABLES[0], default("eni-box"), S3_ROUTE)
    return replace(found, enis=(*found.enis, eni), instances=(*found.instances, instance))


def public_workers(address: str) -> Found:
    return changed(
        enis=(*SOUND.enis, worker(7, PUBLIC[0], public_ip=address)),
        instances=(*SOUND.instances, replace(SOUND.instances[0], id="i-w7", eni_ids=("eni-w7",))),
    )


def many(count: int = 9) -> Found:
    """More interfaces of the Kinesis endpoint, which has two."""
    more = tuple(f"eni-more-{n}" for n in range(count))
    return with_each(
        "endpoints",
        lambda one: replace(one, eni_ids=(*one.eni_ids, *more)) if one.id == KINESIS else one,
    )


def regional(*logs: object) -> Found:
    """One regional gateway in place of both."""
    gateway = replace(
        SOUND.nat_gateways[0], id="nat-r", subnet_id="", availability="regional",
        addresses=(NatAddress("", "", "198.51.100.9", "us-east-1a"),),
    )  # fmt: skip
    tables = tuple(
        replace(one, routes=(default("nat-r"), S3_ROUTE)) if one.id in TABLES else one
        for one in SOUND.route_tables
    )
    return changed(
        nat_gateways=(gateway,), route_tables=tables, flow_logs=(*SOUND.flow_logs, *logs)
    )


# Each network has the one fault, and its finding names the place.
FAULTS: Mapping[str, tuple[Callable[[], Found], str]] = {
    "blackhole-route": (
        lambda: with_table(
            TABLES[0], default(GATEWAYS[0]), S3_ROUTE, Route("10.9.0.0/16", "pcx-1", "blackhole")
        ),
        TABLES[0],
    ),
    "cross-zone-route": (
        lambda: with_table(TABLES[1], default(GATEWAYS[0]), S3_ROUTE),
        GATEWAYS[0],
    ),
    "endpoint-down": (
        lambda: changed(
            endpoints=(*SOUND.endpoints, endpoint("vpce-9", "x", PRIVATE, state="rejected"))
        ),
        "vpce-9",
    ),
    "endpoint-zones": (
        lambda: changed(endpoints=(*SOUND.endpoints, endpoint("vpce-9", "sts", PRIVATE[:1]))),
        "vpce-9",
    ),
    "flow-log-failed": (
        lambda: changed(
            flow_logs=(
                flow_log("fl-0", destination="/other"),
                flow_log(delivery="FAILED", error="Access error"),
            )
        ),
        "fl-1",
    ),
    "flow-log-fields": (lambda: changed(flow_logs=(flow_log(fields=DEFAULT_FORMAT),)), "fl-1"),
    "flow-log-missing": (lambda: changed(flow_logs=()), VPC),
    "flow-log-part": (lambda: changed(flow_logs=(flow_log(traffic="ACCEPT"),)), "fl-1"),
    "flow-log-slow": (lambda: changed(flow_logs=(flow_log(interval_s=600),)), "fl-1"),
    "flow-log-twice": (
        lambda: changed(flow_logs=(flow_log(), flow_log("fl-2", PRIVATE[0]))),
        "fl-1, fl-2",
    ),
    "ipv6-way-out": (
        lambda: with_table(
            TABLES[0], default(GATEWAYS[0]), S3_ROUTE, Route("::/0", "eigw-1", "active")
        ),
        TABLES[0],
    ),
    "lost-sight": (
        lambda: with_table(TABLES[0], default("vgw-1"), S3_ROUTE),
        "vgw-1",
    ),
    "many-interfaces": (many, VPC),
    "nat-out-of-sight": (
        lambda: replace(with_table(TABLES[0], default("tgw-1"), S3_ROUTE), transit=(NEAR, FAR)),
        "nat-2",
    ),
    "no-default-route": (lambda: with_table(TABLES[0], S3_ROUTE), PRIVATE[0]),
    "no-private-dns": (
        lambda: with_each(
            "endpoints",
            lambda one: replace(one, private_dns=False) if one.id == KINESIS else one,
        ),
        KINESIS,
    ),
    "no-public-address": (lambda: public_workers(""), VPC),
    "no-s3-endpoint": (
        lambda: with_each(
            "endpoints",
            lambda one: replace(one, route_table_ids=TABLES[:1]) if one.id == S3 else one,
        ),
        TABLES[1],
    ),
    "no-workers": (lambda: changed(enis=SOUND.enis[2:], instances=()), VPC),
    "public-address": (lambda: public_workers("198.51.100.77"), VPC),
    "regional-nat-unseen": (regional, "nat-r"),
    "shared-vpc": (lambda: changed(reader="999900001111"), VPC),
    "source-dest-check": (lambda: box(check=True), "i-box"),
}


def told(found: Found) -> list[tuple[str, str]]:
    return [(one.code, one.where) for one in seen(found, None, BEYOND).findings]


def test_a_sound_network_has_no_findings() -> None:
    assert told(SOUND) == []


@pytest.mark.parametrize("code", sorted(FINDINGS.keys() - {"no-endpoints"}))
def test_a_fault_is_found_and_nothing_else(code: str) -> None:
    make, where = FAULTS[code]

    assert told(make()) == [(code, where)]


def test_a_vpc_without_endpoints_pays_for_each_table() -> None:
    assert told(changed(endpoints=())) == [
        ("no-s3-endpoint", TABLES[0]),
        ("no-s3-endpoint", TABLES[1]),
        ("no-endpoints", VPC),
    ]


def test_every_finding_says_what_to_do_next() -> None:
    networks = [make() for make, _ in FAULTS.values()] + [changed(endpoints=())]
    found = [one for network in networks for one in seen(network, None, BEYOND).findings]

    assert {one.code for one in found} == FINDINGS.keys()
    assert [one for one in found if not (one.what and one.next_step)] == []
    assert {one.severity for one in found if one.code == "lost-sight"} == {"info"}


WELL: Mapping[str, Found] = {
    "as many interfaces of a service as one rule can name": many(8),
    "a NAT instance that forwards": box(check=False),
    "a regional gateway under a flow log of its own": regional(
        flow_log("fl-r", "nat-r", fields=(*RECOMMENDED_FORMAT, "resource-id"))
    ),
    "accepted and rejected traffic apart": changed(
        flow_logs=(
            flow_log(destination="/all"),
            flow_log("fl-2", traffic="ACCEPT"),
            flow_log("fl-3", traffic="REJECT"),
        )
    ),
    "two flow logs that go to two places": changed(
        flow_logs=(flow_log(), flow_log("fl-2", destination="/other"))
    ),
    "a flow log a subnet in place of one over the VPC": changed(
        flow_logs=tuple(
            flow_log(f"fl-{one.id}", one.id, destination=one.id) for one in SOUND.subnets
        )
    ),
    "a gateway endpoint a route table": changed(
        endpoints=tuple(
            replace(one, id=id, route_table_ids=(table,)) if one.id == S3 else one
            for id, table in ((S3, TABLES[0]), ("vpce-9", TABLES[1]))
            for one in SOUND.endpoints
            if S3 in (one.id, id)
        )
    ),
    "an S3 interface endpoint that S3's names lead to": changed(
        endpoints=(SOUND.endpoints[1], endpoint("vpce-5", "s3", PRIVATE))
    ),
}


@pytest.mark.parametrize("found", WELL.values(), ids=WELL)
def test_what_is_well_is_not_found(found: Found) -> None:
    assert told(found) == []


def test_a_flow_log_an_interface_covers_that_interface_alone() -> None:
    logs = tuple(
        flow_log(f"fl-{one.id}", one.id, destination=one.id)
        for one in SOUND.enis
        if one.id != "eni-nat-b"
    )

    (finding,) = seen(changed(flow_logs=logs)).findings

    assert (finding.code, PUBLIC[1] in finding.what) == ("flow-log-missing", True)


def test_a_way_that_is_lost_is_told_where_and_why() -> None:
    found = replace(
        with_table(TABLES[0], default("tgw-1"), S3_ROUTE),
        transit=(replace(NEAR, default_to="", lost="tgw-1 is of account 9"),),
    )

    assert seen(found).findings == (
        Finding(
            "lost-sight",
            "info",
            "tgw-1",
            f"the way out of {PRIVATE[0]} is known up to here: tgw-1 is of account 9",
            "give a role for the account that has the next hop (`network.beyond`), if it is one",
        ),
    )


def test_findings_of_subnets_outside_the_scope_are_not_told() -> None:
    found = with_table(TABLES[1], default(GATEWAYS[0]))

    assert seen(found, Scope(subnets=PRIVATE[:1])).findings == ()


def test_the_document_lists_every_finding_with_its_meaning() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "network.md").read_text()
    rows = re.findall(r"^\| `([\w-]+)` \| (warning|info) \| (.+) \|$", page, re.MULTILINE)

    assert rows == [(code, kind.severity, kind.meaning) for code, kind in FINDINGS.items()]
