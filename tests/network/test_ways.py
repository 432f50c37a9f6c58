"""The way out of a subnet: whichever device a default route leads to, and where it ends."""

from dataclasses import replace

import pytest

from lakeferry.network.resources import (
    Eni,
    PrefixList,
    Route,
    RouteTable,
    TransitAttachment,
)
from lakeferry.network.topology import Found
from lakeferry.network.ways import Way, default_route, table_of, way_out
from tests.network.networks import (
    GATEWAYS,
    LOCAL,
    PRIVATE,
    PUBLIC,
    SOUND,
    TABLES,
    VPC,
    changed,
    default,
    device,
    endpoint,
    table,
    with_each,
    with_table,
)

IGW = ("internet_gateway", "igw-1")


def out(found: Found, *beyond: Found, subnet: str = PRIVATE[0]) -> Way:
    return way_out({one.vpc.id: one for one in (found, *beyond)}, VPC, subnet)


def hops(way: Way) -> list[tuple[str, str]]:
    return [(hop.kind, hop.id) for hop in way.hops]


# ---- which route


def picked(*routes: Route, lists: tuple[PrefixList, ...] = ()) -> str:
    route = default_route(RouteTable("rtb", VPC, False, (), (LOCAL, *routes)), lists)
    return route.target if route else ""


def test_the_default_route_is_the_one_for_every_address() -> None:
    assert picked(Route("172.16.0.0/12", "tgw-1", "active"), default("nat-1")) == "nat-1"


def test_a_route_to_a_prefix_list_that_holds_every_address_is_one() -> None:
    lists = (PrefixList("pl-1", "all", ("0.0.0.0/0",)), PrefixList("pl-2", "s3", ("52.0.0.0/8",)))

    assert picked(Route("pl-1", "tgw-1", "active"), lists=lists) == "tgw-1"
    assert picked(Route("pl-2", "vpce-1", "active"), lists=lists) == ""


def test_a_route_to_a_cidr_goes_before_one_to_a_prefix_list() -> None:
    lists = (PrefixList("pl-1", "all", ("0.0.0.0/0",)),)

    assert picked(Route("pl-1", "eigw-1", "active"), default("nat-1"), lists=lists) == "nat-1"


def test_a_static_route_goes_before_one_that_a_private_gateway_propagates() -> None:
    assert picked(default("vgw-1"), default("vpce-1")) == "vpce-1"


def test_two_halves_of_all_addresses_are_more_specific_than_all() -> None:
    halves = (Route("0.0.0.0/1", "tgw-1", "active"), Route("128.0.0.0/1", "tgw-1", "active"))

    assert picked(default("nat-1"), *halves) == "tgw-1"
    assert picked(default("nat-1"), halves[0]) == "nat-1"


def test_ipv6_counts_where_there_is_nothing_else() -> None:
    six = Route("::/0", "eigw-1", "active")

    assert picked(six, default("nat-1")) == "nat-1"
    assert picked(six) == "eigw-1"


def test_a_subnet_without_a_table_of_its_own_has_the_main_one() -> None:
    tables = [table_of(SOUND, id) for id in (PRIVATE[0], PUBLIC[0], "subnet-new")]

    assert [one.id if one else "" for one in tables] == [TABLES[0], "rtb-9", "rtb-9"]


# ---- which device


def test_a_nat_gateway_is_followed_to_the_internet_gateway_of_its_subnet() -> None:
    way = out(SOUND)

    assert (way.kind, way.id, way.lost_at, way.crosses_zones) == (
        "nat_gateway", GATEWAYS[0], "", False,
    )  # fmt: skip
    assert hops(way) == [("nat_gateway", GATEWAYS[0]), IGW]


def test_a_public_subnet_goes_out_directly() -> None:
    way = out(SOUND, subnet=PUBLIC[0])

    assert (way.kind, way.id, hops(way)) == ("internet_gateway", "", [IGW])


def nat_box(target: str, *enis: Eni) -> Found:
    found = with_table(TABLES[0], default(target))
    box = replace(
        SOUND.instances[0], id="i-box", eni_ids=tuple(eni.id for eni in enis),
        source_dest_check=False,
    )  # fmt: skip
    return replace(
        found, enis=(*found.enis, *enis), instances=(*found.instances, box) if enis else ()
    )


OUTER = device("eni-out", PUBLIC[0], "interface", instance_id="i-box", public_ip="198.51.100.1")
INNER = device("eni-in", PRIVATE[1], "interface", instance_id="i-box")


@pytest.mark.parametrize("target", ["eni-out", "i-box"])
def test_a_nat_instance_is_known_by_a_route_to_it_or_to_its_interface(target: str) -> None:
    way = out(nat_box(target, OUTER))

    assert (way.kind, way.id, way.crosses_zones) == ("nat_instance", "i-box", False)
    assert hops(way) == [("nat_instance", "i-box"), IGW]


def test_bytes_come_into_a_nat_instance_by_one_interface_and_leave_by_another() -> None:
    way = out(nat_box("eni-in", OUTER, INNER))

    # The inner interface is in the other zone: that is the way that is billed.
    assert (way.kind, way.crosses_zones) == ("nat_instance", True)
    assert hops(way) == [("nat_instance", "i-box"), IGW]


def test_an_interface_of_nobody_is_no_nat_instance() -> None:
    found = with_table(TABLES[0], default("eni-1"))
    found = replace(found, enis=(*found.enis, device("eni-1", PUBLIC[0], "interface")))

    way = out(found)

    assert (way.kind, way.id) == ("elsewhere", "eni-1")
    assert "belongs to no instance" in way.lost_at


def test_a_nat_instance_in_the_subnet_that_it_serves_goes_round_in_a_circle() -> None:
    way = out(nat_box("eni-in", replace(INNER, subnet_id=PRIVATE[0])))

    assert way.kind == "nat_instance"
    assert "circle" in way.lost_at


def test_a_regional_gateway_needs_no_subnet_and_crosses_no_zone() -> None:
    regional = replace(SOUND.nat_gateways[0], id="nat-r", subnet_id="", availability="regional")
    found = replace(with_table(TABLES[0], default("nat-r")), nat_gateways=(regional,))

    way = out(found)

    assert (way.kind, way.id, way.lost_at, way.crosses_zones) == ("nat_gateway", "nat-r", "", False)
    assert hops(way) == [("nat_gateway", "nat-r")]


def behind_regional(*routes: Route) -> Found:
    """A regional gateway as the way out, with a route table of its own."""
    regional = replace(
        SOUND.nat_gateways[0], id="nat-r", subnet_id="", availability="regional",
        route_table_id="rtb-r",
    )  # fmt: skip
    found = with_table(TABLES[0], default("nat-r"))
    tables = (*found.route_tables, table("rtb-r", (), *routes))
    return replace(found, nat_gateways=(regional,), route_tables=tables)


def test_a_regional_gateway_is_followed_by_the_route_table_of_its_own() -> None:
    way = out(behind_regional(default("igw-1")))

    assert (way.kind, way.id, way.lost_at, way.crosses_zones) == ("nat_gateway", "nat-r", "", False)
    assert hops(way) == [("nat_gateway", "nat-r"), IGW]


@pytest.mark.parametrize(
    ("routes", "lost"),
    [
        ((), "rtb-r has no default route"),
        ((default("igw-1", "blackhole"),), "leads to igw-1, which is gone"),
        ((default("vgw-1"),), "outside AWS"),
        ((default("nat-r"),), "in a circle"),
    ],
)
def test_a_regional_gateway_without_a_way_on_says_where_sight_is_lost(
    routes: tuple[Route, ...], lost: str
) -> None:
    way = out(behind_regional(*routes))

    assert (way.kind, way.id) == ("nat_gateway", "nat-r")
    assert lost in way.lost_at


def test_the_first_of_two_nat_devices_decides_the_price() -> None:
    way = out(nat_box("eni-in", INNER))  # it stands in a private subnet, behind a gateway

    assert (way.kind, way.id) == ("nat_instance", "i-box")
    assert hops(way) == [("nat_instance", "i-box"), ("nat_gateway", GATEWAYS[1]), IGW]


def test_a_private_nat_gateway_does_not_reach_the_internet() -> None:
    found = with_each("nat_gateways", lambda one: replace(one, connectivity="private"))

    assert "private" in out(found).lost_at


def test_a_firewall_is_passed_and_its_own_subnet_goes_on() -> None:
    found = with_table(TABLES[0], default("vpce-fw"))
    wall = endpoint("vpce-fw", "vpce.x", (PRIVATE[1],), type="GatewayLoadBalancer")
    found = replace(found, endpoints=(*found.endpoints, wall))

    way = out(found)

    assert (way.kind, way.id) == ("nat_gateway", GATEWAYS[1])
    assert hops(way) == [("firewall_endpoint", "vpce-fw"), ("nat_gateway", GATEWAYS[1]), IGW]


@pytest.mark.parametrize(
    ("target", "kind", "id", "said"),
    [
        ("vgw-1", "virtual_private_gateway", "vgw-1", "outside AWS"),
        ("pcx-1", "peering", "pcx-1", "nothing on to the internet"),
        ("lgw-1", "elsewhere", "lgw-1", "not followed"),
        ("arn:aws:networkmanager::1:core-network/cn-1", "elsewhere",
         "arn:aws:networkmanager::1:core-network/cn-1", "not followed"),
        ("nat-gone", "nat_gateway", "nat-gone", "not among the NAT gateways"),
        ("vpce-gone", "elsewhere", "vpce-gone", "not among the endpoints"),
        ("tgw-1", "transit_gateway", "tgw-1", "no attachment"),
    ],
)  # fmt: skip
def test_a_target_that_cannot_be_followed_says_why(
    target: str, kind: str, id: str, said: str
) -> None:
    way = out(with_table(TABLES[0], default(target)))

    assert (way.kind, way.id) == (kind, id)
    assert said in way.lost_at


def test_a_route_into_nothing_leads_nowhere() -> None:
    way = out(with_table(TABLES[0], default("nat-gone", "blackhole")))

    assert (way.kind, way.id, way.hops) == ("nowhere", "nat-gone", ())
    assert "which is gone" in way.lost_at


def test_no_default_route_leads_nowhere() -> None:
    assert out(with_table(TABLES[0])).lost_at == f"{TABLES[0]} has no default route"


def test_no_table_at_all_leads_nowhere() -> None:
    way = out(changed(route_tables=()))

    assert (way.kind, way.lost_at) == ("nowhere", f"no route table of {PRIVATE[0]} was found")


# ---- transit gateways


def linked(*, subnets: tuple[str, ...], back_to: str = "") -> tuple[Found, Found]:
    """The sound network behind a gateway that leads to another VPC with a NAT gateway a zone."""
    near = TransitAttachment(
        "tgw-attach-1", "tgw-1", "vpc", VPC, "111122223333", PRIVATE, "tgw-attach-2"
    )
    far = TransitAttachment("tgw-attach-2", "tgw-1", "vpc", "vpc-2", "444455556666")
    found = replace(with_table(TABLES[0], default("tgw-1")), transit=(near, far))
    first, second = (f"{id}-2" for id in PRIVATE)
    tables = (
        table("rtb-2a", (first,), default(back_to or "nat-2a")),
        table("rtb-2b", (second,), default(back_to or "nat-2b")),
        table("rtb-2", (), default("igw-2"), main=True),
    )
    beyond = Found(
        replace(SOUND.vpc, id="vpc-2", account="444455556666"),
        subnets=tuple(replace(one, id=f"{one.id}-2", zone="x") for one in SOUND.subnets),
        route_tables=tables,
        nat_gateways=tuple(
            replace(one, id=f"nat-2{one.id[-1]}", subnet_id=f"{one.subnet_id}-2")
            for one in SOUND.nat_gateways
        ),
        transit=(
            replace(far, subnet_ids=subnets, default_to="tgw-attach-1"),
            replace(near, subnet_ids=()),
        ),
    )
    return found, beyond


def test_bytes_stay_in_their_zone_where_the_attachment_has_a_subnet_there() -> None:
    found, beyond = linked(subnets=(f"{PRIVATE[0]}-2", f"{PRIVATE[1]}-2"))
    found = with_both(found)

    ways = [out(found, beyond, subnet=id) for id in PRIVATE]

    assert [(way.id, way.crosses_zones) for way in ways] == [("nat-2a", False), ("nat-2b", False)]


def with_both(found: Found) -> Found:
    """The second table leads to the gateway too."""
    tables = tuple(
        replace(one, routes=(LOCAL, default("tgw-1"))) if one.id == TABLES[1] else one
        for one in found.route_tables
    )
    return replace(found, route_tables=tables)


def test_an_attachment_in_one_zone_takes_bytes_of_all() -> None:
    found, beyond = linked(subnets=(f"{PRIVATE[1]}-2",))

    way = out(found, beyond)

    assert (way.id, way.crosses_zones) == ("nat-2b", True)
    assert [hop.account for hop in way.hops] == ["111122223333"] + ["444455556666"] * 3


def test_gateways_that_lead_to_each_other_are_a_circle() -> None:
    found, beyond = linked(subnets=(f"{PRIVATE[0]}-2",), back_to="tgw-1")

    way = out(found, beyond)

    assert way.kind == "nowhere"
    assert "circle" in way.lost_at


def test_a_vpc_that_was_not_read_ends_the_way() -> None:
    found, _ = linked(subnets=())

    way = out(found)

    assert hops(way) == [("transit_gateway", "tgw-1"), ("vpc", "vpc-2")]
    assert way.lost_at == "vpc-2 of account 444455556666: it was not read"
