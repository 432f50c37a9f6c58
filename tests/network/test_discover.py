"""Whose bytes they are, from where, and by which way: of every network exactly one answer."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.network.discover import Scope, topology
from lakeferry.network.resources import Eni, PrefixList, Route, RouteTable, TransitAttachment
from lakeferry.network.topology import PATHS, Found, Topology
from tests.network.networks import (
    GATEWAYS,
    KINESIS,
    LOCAL,
    PRIVATE,
    PUBLIC,
    S3,
    SOUND,
    TABLES,
    VPC,
    changed,
    default,
    instance,
    seen,
    with_each,
    with_table,
    worker,
)

OUT = tuple(kind for kind in PATHS if kind not in ("s3_gateway", "interface_endpoint"))


def names(topology: Topology) -> list[str]:
    return [eni.id for eni in topology.workers]


# ---- from where


def test_a_vpc_alone_means_its_private_subnets() -> None:
    assert seen(SOUND).scope == PRIVATE


def test_a_public_subnet_counts_where_a_worker_is() -> None:
    found = changed(
        enis=(*SOUND.enis, worker(7, PUBLIC[0])),
        instances=(*SOUND.instances, instance(7, PUBLIC[0])),
    )

    assert seen(found).scope == (*PRIVATE, PUBLIC[0])


def test_where_all_is_public_all_counts() -> None:
    found = with_each("route_tables", lambda one: replace(one, routes=(LOCAL, default("igw-1"))))

    assert seen(replace(found, enis=(), instances=())).scope == (*PRIVATE, *PUBLIC)


@pytest.mark.parametrize(
    ("scope", "subnets"),
    [
        (Scope(subnets=(PRIVATE[1],)), (PRIVATE[1],)),
        (Scope(subnets=(PRIVATE[1],), worker_subnets=(PRIVATE[0],)), PRIVATE),
        (Scope(interfaces=("eni-w1",)), (PRIVATE[1],)),
        (Scope(tags={"for": "lake"}), (PRIVATE[0],)),
        (Scope(subnets=("subnet-of-another-vpc",)), ()),
    ],
)
def test_what_is_named_is_meant(scope: Scope, subnets: Sequence[str]) -> None:
    found = with_each(
        "subnets", lambda one: replace(one, tags={"for": "lake"}) if one.id == PRIVATE[0] else one
    )

    assert seen(found, scope).scope == tuple(subnets)


def test_tags_of_the_vpc_itself_mean_all_of_it() -> None:
    found = changed(vpc=replace(SOUND.vpc, tags={"for": "lake"}))

    assert seen(found, Scope(tags={"for": "lake"})).scope == PRIVATE


# ---- whose bytes


OTHER = (worker(5, PRIVATE[0]), worker(6, PRIVATE[1], tags={"team": "lake"}))
BUSY = changed(
    enis=(*SOUND.enis, *OTHER),
    instances=(
        *SOUND.instances,
        replace(instance(5, PRIVATE[0]), tags={"team": "web"}),
        replace(instance(6, PRIVATE[1]), tags={}),
    ),
)


@pytest.mark.parametrize(
    ("scope", "workers"),
    [
        (Scope(vpc=VPC), ["eni-w0", "eni-w1"]),  # those that Databricks started
        (Scope(worker_tags={"team": "lake"}), ["eni-w6"]),  # a tag of the interface
        (Scope(worker_tags={"team": "web"}), ["eni-w5"]),  # a tag of the instance
        (Scope(worker_tags={"team": "nobody"}), []),
        (Scope(worker_subnets=(PRIVATE[0],)), ["eni-w0", "eni-w5"]),
        (Scope(interfaces=("eni-w5", f"eni-{KINESIS}-a")), [f"eni-{KINESIS}-a", "eni-w5"]),
        (Scope(subnets=(PRIVATE[0],)), ["eni-w0"]),
    ],
)
def test_workers_are_found_by_what_is_said_of_them(scope: Scope, workers: list[str]) -> None:
    assert names(seen(BUSY, scope)) == workers


def test_without_databricks_every_instance_that_does_not_forward_is_a_worker() -> None:
    found = replace(BUSY, instances=tuple(replace(one, tags={}) for one in BUSY.instances[:-1]))
    checked = tuple(
        replace(eni, source_dest_check=False) if eni.id == "eni-w1" else eni for eni in found.enis
    )

    assert names(seen(replace(found, enis=checked))) == ["eni-w0", "eni-w5"]


def test_a_tag_of_the_whole_vpc_makes_no_worker_of_a_gateway() -> None:
    found = with_each("enis", lambda one: replace(one, tags={"env": "prod"}))

    assert names(seen(found, Scope(worker_tags={"env": "prod"}))) == ["eni-w0", "eni-w1"]


# ---- by which way


def test_endpoints_are_paths_of_the_subnets_that_use_them() -> None:
    found = with_each(
        "endpoints",
        lambda one: (
            replace(one, route_table_ids=TABLES[:1])
            if one.id == S3
            else replace(one, subnet_ids=PRIVATE[:1])
        ),
    )

    paths = {path.kind: path for path in seen(found).paths}

    assert (paths["s3_gateway"].id, paths["s3_gateway"].subnet_ids) == (S3, PRIVATE[:1])
    # Every subnet of the VPC reaches an interface endpoint, some from another zone.
    kinesis = paths["interface_endpoint"]
    assert (kinesis.id, kinesis.subnet_ids, kinesis.crosses_zones) == (KINESIS, PRIVATE, True)


def test_an_endpoint_that_is_not_accepted_carries_nothing() -> None:
    found = with_each(
        "endpoints",
        lambda one: replace(one, state="pendingAcceptance") if one.id == KINESIS else one,
    )

    (path,) = (path for path in seen(found).paths if path.id == KINESIS)

    assert path.lost_at == "the endpoint is pendingAcceptance"


def test_only_devices_on_a_way_of_the_scope_are_watched() -> None:
    made = seen(SOUND, Scope(subnets=PRIVATE[:1]))

    assert [one.id for one in made.nat_gateways] == [GATEWAYS[0]]


# ---- for all networks

SUBNETS = tuple(f"subnet-{n}{zone}" for n in range(3) for zone in "ab")
TARGETS = (
    "igw-1", "nat-0", "nat-1", "nat-lost", "i-0", "eni-i0", "eni-lost", "tgw-1", "vgw-1", "pcx-1",
    "vpce-0", "vpce-lost", "lgw-1", "eigw-1",
)  # fmt: skip
DESTINATIONS = ("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "10.9.0.0/16", "pl-all")


def routes() -> st.SearchStrategy[tuple[Route, ...]]:
    one = st.builds(
        Route,
        st.sampled_from(DESTINATIONS),
        st.sampled_from(TARGETS),
        st.sampled_from(["active", "active", "blackhole"]),
    )
    return st.lists(one, max_size=4).map(tuple)


@st.composite
def networks(draw: st.DrawFn, vpc_id: str = VPC) -> Found:
    """Any routes, and devices in any subnet: most such networks are wrong in some way."""

    def somewhere() -> str:
        return draw(st.sampled_from(SUBNETS))

    tied = {subnet: draw(st.integers(0, 3)) for subnet in SUBNETS}
    tables = tuple(
        RouteTable(
            f"rtb-{n}", vpc_id, n == 0 and draw(st.booleans()),
            tuple(subnet for subnet in SUBNETS if tied[subnet] == n and n > 0), draw(routes()),
        )
        for n in range(4)
    )  # fmt: skip
    box = replace(SOUND.instances[0], id="i-0", eni_ids=("eni-i0", "eni-i1"), tags={})
    enis = (
        *SOUND.enis,
        *(
            Eni(id, vpc_id, somewhere(), "", "interface", "", instance_id="i-0")
            for id in ("eni-i0", "eni-i1")
        ),
    )
    far = "vpc-2" if vpc_id == VPC else VPC
    near_link, far_link = f"tgw-attach-{vpc_id}", f"tgw-attach-{far}"
    return Found(
        replace(SOUND.vpc, id=vpc_id),
        subnets=tuple(replace(SOUND.subnets[0], id=id, zone_id=id[-1]) for id in SUBNETS),
        enis=enis,
        route_tables=tables,
        nat_gateways=tuple(
            replace(
                SOUND.nat_gateways[0], id=f"nat-{n}", vpc_id=vpc_id, subnet_id=somewhere(),
                availability=draw(st.sampled_from(["zonal", "regional"])),
                connectivity=draw(st.sampled_from(["public", "private"])),
            )
            for n in range(2)
        ),
        instances=(*SOUND.instances, box) if draw(st.booleans()) else SOUND.instances,
        endpoints=(
            replace(
                SOUND.endpoints[1], id="vpce-0", type="GatewayLoadBalancer",
                subnet_ids=(somewhere(),),
            ),
            *SOUND.endpoints,
        ),
        prefix_lists=(PrefixList("pl-all", "all", ("0.0.0.0/0", "::/0")),),
        flow_logs=SOUND.flow_logs,
        transit=(
            TransitAttachment(
                near_link, "tgw-1", "vpc", vpc_id, "1", (somewhere(), somewhere()),
                draw(st.sampled_from(["", far_link, near_link, "tgw-attach-lost"])),
            ),
            TransitAttachment(far_link, "tgw-1", "vpc", far, "1"),
        ),
    )  # fmt: skip


@given(networks(), networks("vpc-2"), st.booleans())
def test_every_default_route_ends_in_one_path_or_says_where_it_is_lost(
    found: Found, beyond: Found, read: bool
) -> None:
    scope = Scope(vpc=VPC, subnets=SUBNETS)

    made = topology(found, scope, beyond=(beyond,) if read else ())

    out = [path for path in made.paths if path.kind in OUT]
    assert sorted(id for path in out for id in path.subnet_ids) == sorted(SUBNETS)
    for path in out:
        ends = bool(path.hops) and (
            path.hops[-1].kind.endswith("internet_gateway")
            or (path.kind == "nat_gateway" and path.hops[-1].kind == "nat_gateway")
        )
        assert ends or path.lost_at, path
        assert path.kind != "nowhere" or path.lost_at


@given(networks(), networks("vpc-2"), st.integers())
def test_the_order_in_which_things_are_found_does_not_matter(
    found: Found, beyond: Found, seed: int
) -> None:
    scope = Scope(vpc=VPC)
    made = topology(found, scope, beyond=(beyond,))
    again = topology(shuffled(found, seed), scope, beyond=(shuffled(beyond, seed),))

    for part in ("scope", "workers", "nat_gateways", "nat_instances", "paths", "findings"):
        assert getattr(again, part) == getattr(made, part), part
    assert [one.paths for one in again.beyond] == [one.paths for one in made.beyond]


def shuffled(found: Found, seed: int) -> Found:
    order = random.Random(seed)
    parts: dict[str, Any] = {
        name: tuple(order.sample(part, len(part)))
        for name in (
            "subnets", "enis", "route_tables", "nat_gateways", "instances", "endpoints",
            "flow_logs", "transit",
        )
        if (part := getattr(found, name))
    }  # fmt: skip
    tables = (
        replace(one, routes=tuple(order.sample(one.routes, len(one.routes))))
        for one in parts["route_tables"]
    )
    return replace(found, **{**parts, "route_tables": tuple(tables)})


def test_the_order_of_routes_does_not_matter() -> None:
    routes = (default("nat-a"), Route("pl-s3", S3, "active"), default("vgw-1"))

    forth, back = (seen(with_table(TABLES[0], *some)).paths for some in (routes, routes[::-1]))

    assert forth == back
