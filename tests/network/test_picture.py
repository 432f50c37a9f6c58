"""The picture shows every path once, with its price, and no text runs into another."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.network.picture import picture
from lakeferry.network.picture_parts import cells, cut
from lakeferry.network.resources import (
    Eni,
    NatAddress,
    NatGateway,
    RouteTable,
    Subnet,
    Vpc,
    VpcEndpoint,
)
from lakeferry.network.topology import Finding, Found, Hop, Path, Topology
from tests.network.sample_scenario import topology

SVG = "{http://www.w3.org/2000/svg}"
PRICES = {
    "nat_gateway": Decimal("0.045"), "s3_gateway": Decimal(0), "transit_gateway": Decimal("0.02"),
    "interface_endpoint": Decimal("0.01"),
}  # fmt: skip


def price_of(path: Path) -> Decimal | None:
    usd = PRICES.get(path.kind)
    return usd + Decimal("0.02") if usd is not None and path.crosses_zones else usd


def subnet(number: int, zone: str, name: str) -> Subnet:
    return Subnet(
        f"subnet-0{number}c2a91d7e5f3b486", "vpc-1", f"us-east-1{zone}",
        f"use1-az{'-abc'.index(zone)}", (f"10.20.{number}.0/24",), {"Name": name},
    )  # fmt: skip


SUBNETS = tuple(subnet(at, zone, f"private-{zone}") for at, zone in enumerate("abc", 1))
IDS = tuple(one.id for one in SUBNETS)


def three_zones() -> Topology:
    """Two NAT gateways for three zones; one subnet lacks the route of the S3 endpoint."""
    public = (
        subnet(8, "a", "public-a"),
        subnet(9, "b", "public-b"),
    )
    gateways = tuple(
        NatGateway(
            f"nat-0{one.zone[-1]}91d7e5f3b4860aa", "vpc-1", one.id, "zonal", "public", "available",
            (NatAddress(f"eni-{one.zone[-1]}", "10.20.8.5", "198.51.100.1", one.zone),),
        )
        for one in public
    )  # fmt: skip
    s3, kinesis, relay = (
        VpcEndpoint("", "vpc-1", "com.amazonaws.us-east-1.s3", "Gateway", id="vpce-0s3",
                    route_table_ids=("rtb-1",)),
        VpcEndpoint("", "vpc-1", "com.amazonaws.us-east-1.kinesis-streams", "Interface", IDS,
                    id="vpce-0kinesis", eni_ids=("eni-k1", "eni-k2", "eni-k3")),
        VpcEndpoint("", "vpc-1", "com.amazonaws.vpce.us-east-1.vpce-svc-00018a8c3ff62ffdf",
                    "Interface", IDS[:1], id="vpce-0relay", eni_ids=("eni-r1",)),
    )  # fmt: skip
    found = Found(
        Vpc("vpc-1", ("10.20.0.0/16",), "123456789012", "us-east-1"), (*SUBNETS, *public),
        nat_gateways=gateways, endpoints=(s3, kinesis, relay),
    )  # fmt: skip
    workers = tuple(
        Eni(f"eni-w{at}", "vpc-1", IDS[at % 3], SUBNETS[at % 3].zone, "interface", f"10.20.1.{at}")
        for at in range(64)
    )
    a, b = gateways
    paths = (
        Path("nat_gateway", a.id, IDS[:1], (Hop("nat_gateway", a.id),)),
        Path("nat_gateway", b.id, IDS[1:], (Hop("nat_gateway", b.id),), crosses_zones=True),
        Path("s3_gateway", "vpce-0s3", IDS[:2], ()),
    )
    findings = (
        Finding("no-s3-endpoint", "warning", IDS[2], "its route table has no route to the S3 "
                "gateway endpoint: S3 takes the NAT gateway at $0.045/GB",
                "add the endpoint to rtb-07d: lakeferry monitor apply"),
        Finding("cross-zone-route", "warning", b.id, "private-c reaches it across zones, billed "
                "once more for each side", "make a NAT gateway in us-east-1c"),
        Finding("endpoint-zones", "info", "vpce-0relay", "it has no interface in 2 of 3 zones",
                "add subnets to the endpoint"),
    )  # fmt: skip
    return Topology(found, IDS, workers, gateways, (), paths, findings)


def lost_sight() -> Topology:
    """All subnets leave by a transit gateway, whose other side may not be looked at."""
    base = three_zones()
    tgw = "tgw-0a1b2c3d4e5f60718"
    lost = "the role for account 210987654321 was not given: tgw-attach-0f leads to vpc-0egress"
    path = Path(
        "transit_gateway", tgw, IDS,
        (Hop("transit_gateway", tgw), Hop("vpc", "vpc-0egress0d4e5f6071")), lost,
    )  # fmt: skip
    finding = Finding("lost-sight", "warning", tgw, lost,
                      "give network.beyond a role of that account")  # fmt: skip
    return Topology(base.found, IDS, base.workers, (), (), (path, base.paths[2]), (finding,))


def crowded() -> Topology:
    """Nine subnets with long names, twelve endpoints, and a finding for each."""
    base = three_zones()
    subnets = tuple(
        replace(subnet(at, "abc"[at % 3], "lake " * 12 + "湖" * 20), id=f"subnet-0{at}" + "f" * 15)
        for at in range(9)
    )
    ids = tuple(one.id for one in subnets)
    service = "com.amazonaws.us-east-1.service"
    endpoints = tuple(
        VpcEndpoint("", "vpc-1", f"{service}-{at}", "Interface", ids[at % 5 :], id=f"vpce-0{at}")
        for at in range(12)
    )
    found = replace(base.found, subnets=(*subnets, *base.found.subnets[3:]), endpoints=endpoints)
    findings = tuple(
        Finding("x", "warning", where, "what is wrong is long " * 12, "do this " * 30)
        for where in (*ids, *ids, *(one.id for one in endpoints))
    )
    paths = (replace(base.paths[0], subnet_ids=ids[::3]),
             replace(base.paths[1], subnet_ids=(*ids[1::3], *ids[2::3])))  # fmt: skip
    return Topology(found, ids, (), base.nat_gateways, (), paths, findings)


ALL: dict[str, Callable[[], Topology]] = {
    "sample": topology,
    "three zones": three_zones,
    "lost sight": lost_sight,
    "crowded": crowded,
}


def drawn(network: Topology) -> ElementTree.Element:
    return ElementTree.fromstring(picture(network, price_of))


def texts(network: Topology) -> list[str]:
    return [_shown(one) for one in drawn(network).iter(f"{SVG}text")]


def _shown(text: ElementTree.Element) -> str:
    """Without the tooltip."""
    return "".join((text.text or "", *(one.tail or "" for one in text)))


@pytest.mark.parametrize("name", ALL)
def test_no_text_leaves_the_picture_or_covers_another(name: str) -> None:
    network = ALL[name]()
    boxes = [_extent(one) for one in drawn(network).iter(f"{SVG}text")]
    assert len(boxes) > 15
    width, height = (float(drawn(network).get(each, "0")) for each in ("width", "height"))
    for left, top, right, bottom in boxes:
        assert left >= 0
        assert right <= width
        assert bottom <= height
        assert top >= 0
    for one, other in combinations(boxes, 2):
        assert not _overlap(one, other)


def _extent(text: ElementTree.Element) -> tuple[float, float, float, float]:
    size = float(text.get("font-size", "0"))
    wide = cells(_shown(text)) * size * 0.6  # of a monospaced font
    x, y = float(text.get("x", "0")), float(text.get("y", "0"))
    left = x - wide if text.get("text-anchor") == "end" else x
    return left, y - size * 0.8, left + wide, y + size * 0.2


def _overlap(one: Sequence[float], other: Sequence[float]) -> bool:
    return (one[0] < other[2] and other[0] < one[2]) and (one[1] < other[3] and other[1] < one[3])


@pytest.mark.parametrize("name", ALL)
def test_a_picture_stands_alone(name: str) -> None:
    text = picture(ALL[name](), price_of)
    assert not re.search(r"<(script|image|style|foreignObject|use|a)\b|href|url\(|@import", text)
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert text == picture(ALL[name](), price_of)


def test_every_path_is_drawn_with_its_price() -> None:
    shown = texts(three_zones())
    prices = [one for one in shown if one == "free" or re.fullmatch(r"\$[\d. to]+/GB", one)]
    assert sorted(prices) == [
        "$0.01/GB", "$0.01/GB", "$0.045 to 0.065/GB", "$0.045/GB", "free",
    ]  # fmt: skip
    for title in ("kinesis-streams endpoint", "databricks-relay endpoint", "S3 gateway endpoint"):
        assert title in shown


def test_a_route_across_zones_is_dashed() -> None:
    dashed = [one for one in drawn(three_zones()).iter(f"{SVG}path") if one.get("stroke-dasharray")]
    tips = ["".join(one.itertext()) for one in dashed]
    assert sum("nat-0b" in tip and "from another zone" in tip for tip in tips) == 1
    assert not any("nat-0a" in tip for tip in tips)


def test_findings_are_marked_where_they_are_and_listed() -> None:
    shown = texts(three_zones())
    assert sorted(one for one in shown if re.fullmatch(r"▲[\d,]+", one)) == ["▲1", "▲2", "▲3"]
    assert any(one.startswith(f"▲1 {IDS[2]}: its route table") for one in shown)


def test_a_finding_about_a_route_table_is_marked_at_its_subnets() -> None:
    base = three_zones()
    tables = (
        RouteTable("rtb-main", "vpc-1", True, (), ()),
        RouteTable("rtb-b", "vpc-1", False, IDS[1:2], ()),
    )
    findings = (
        Finding("no-s3-endpoint", "warning", "rtb-b", "no route", "add it"),
        Finding("no-s3-endpoint", "warning", "rtb-main", "no route", "add it"),
    )
    network = replace(base, found=replace(base.found, route_tables=tables), findings=findings)
    shown = [one for one in texts(network) if one.startswith("▲") and len(one) == 2]
    assert sorted(shown) == ["▲1", "▲2", "▲2"]


def test_where_sight_is_lost_says_so() -> None:
    shown = texts(lost_sight())
    assert "? lost sight tgw-…e5f60718" in shown
    text = picture(lost_sight(), price_of)
    assert "<title>? lost sight tgw-0a1b2c3d4e5f60718</title>" in text
    assert any(one.startswith("the role for account") for one in shown)


def test_names_cannot_break_the_picture() -> None:
    evil = '<script>alert(1)</script>&"\x00\x1b]]>'
    named = tuple(replace(one, tags={"Name": evil * 9}) for one in SUBNETS)
    base = three_zones()
    network = replace(base, found=replace(base.found, subnets=(*named, *base.found.subnets[3:])))
    assert any("<script>" in one for one in texts(network))  # as text: it was escaped


def test_an_empty_network_is_a_picture() -> None:
    found = Found(Vpc("vpc-1", (), "123456789012", "us-east-1"))
    assert "Paths of vpc-1" in texts(Topology(found, (), (), (), (), (), ()))


@given(st.text(max_size=60), st.integers(0, 30))
def test_a_cut_text_fits_and_keeps_both_ends(text: str, most: int) -> None:
    shown = cut(text, most)
    assert cells(shown) <= most or shown == text
    if cells(text) > most >= 3:
        assert "…" in shown


def test_ids_are_cut_in_their_middle() -> None:
    assert cut("nat-97b5d4259fdf7c1d6", 12) == "nat-97b5…1d6"
