"""Default routes are followed through a transit gateway, or the hop is named where sight ends."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from lakeferry.aws.read import read_ways
from lakeferry.connect.aws import AwsAccess
from lakeferry.errors import FerryError
from lakeferry.events import Event, Warned
from lakeferry.network.discover import Beyond, Scope, topology
from lakeferry.network.topology import Topology
from tests.aws.answers import (
    EGRESS,
    EGRESS_LINK,
    FAR,
    GATEWAY,
    HUB,
    IN_A,
    IN_B,
    NAT_A,
    NAT_B,
    OWN,
    OWNED_BY_HUB,
    REGION,
    ROLE,
    SHARED_WITH_US,
    SPOKE,
    SPOKE_A,
    SPOKE_ACCOUNT,
    SPOKE_B,
    WALLS,
    WORKER,
    ZONAL_ENI,
    hub,
)
from tests.aws.recorded_ec2 import Item, RecordedEc2, serving

GIVEN = Scope(vpc=SPOKE, beyond=(Beyond(HUB, ROLE, "lake"),))


@pytest.fixture(scope="module")
def server() -> Iterator[RecordedEc2]:
    with serving(RecordedEc2({}, OWN, roles={ROLE: "lake"})) as recorded:
        yield recorded


@pytest.fixture
def ec2(server: RecordedEc2, monkeypatch: pytest.MonkeyPatch) -> RecordedEc2:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    server.accounts, server.denied = {OWN: SPOKE_ACCOUNT, HUB: hub()}, ()
    server.asked.clear()
    return server


def seen(ec2: RecordedEc2, scope: Scope, told: list[Event] | None = None) -> Topology:
    emit = (lambda _: None) if told is None else told.append
    sight = read_ways(AwsAccess(REGION, endpoint=ec2.endpoint), scope, emit=emit)
    return topology(sight.found, scope, beyond=sight.beyond)


def lost(ec2: RecordedEc2, scope: Scope = GIVEN) -> tuple[str, str]:
    """The last hop of the one way out that is lost, and why."""
    (path,) = seen(ec2, scope).paths
    assert path.kind == "transit_gateway"
    assert path.subnet_ids == (SPOKE_A, SPOKE_B)
    return path.hops[-1].id, path.lost_at


def test_bytes_are_followed_into_another_account_past_its_firewall(ec2: RecordedEc2) -> None:
    made = seen(ec2, GIVEN)

    # Zones have other names in the other account; bytes stay in the zone of the same id.
    assert [(path.kind, path.id, path.subnet_ids) for path in made.paths] == [
        ("nat_gateway", NAT_A, (SPOKE_A,)),
        ("nat_gateway", NAT_B, (SPOKE_B,)),
    ]
    assert [(hop.kind, hop.id, hop.account) for hop in made.paths[0].hops] == [
        ("transit_gateway", GATEWAY, OWN),
        ("vpc", EGRESS, HUB),
        ("firewall_endpoint", WALLS[0], HUB),
        ("nat_gateway", NAT_A, HUB),
        ("internet_gateway", "igw-0d1", HUB),
    ]
    assert [(path.lost_at, path.crosses_zones) for path in made.paths] == [("", False)] * 2


def test_the_vpc_beyond_is_a_topology_of_its_own(ec2: RecordedEc2) -> None:
    made = seen(ec2, GIVEN)

    (beyond,) = made.beyond
    assert (beyond.found.vpc.id, beyond.found.vpc.account) == (EGRESS, HUB)
    assert beyond.scope == (IN_A, IN_B)
    assert [one.id for one in beyond.nat_gateways] == [NAT_A, NAT_B]
    # Metrics of another account's gateways are not ours to watch, and their rows are elsewhere.
    assert made.nat_gateways == ()
    assert [one.where for one in made.findings if one.code == "nat-out-of-sight"] == [NAT_A, NAT_B]


def test_each_question_goes_to_the_account_that_can_answer_it(ec2: RecordedEc2) -> None:
    seen(ec2, GIVEN)

    assert (HUB, "SearchTransitGatewayRoutes") in ec2.asked
    assert (OWN, "SearchTransitGatewayRoutes") not in ec2.asked
    assert (HUB, "DescribeNatGateways") in ec2.asked


def test_without_a_role_sight_is_lost_at_the_gateway(ec2: RecordedEc2) -> None:
    where, why = lost(ec2, Scope(vpc=SPOKE))

    assert (where, why) == (GATEWAY, f"{GATEWAY} is of account {HUB}, for which no role is given")


def test_without_a_role_for_the_vpc_beyond_sight_is_lost_there(ec2: RecordedEc2) -> None:
    ec2.accounts = {OWN: SPOKE_ACCOUNT, HUB: hub(FAR)}

    where, why = lost(ec2)

    assert (where, why) == (
        EGRESS,
        f"{EGRESS} of account {FAR}: no role is given for account {FAR}",
    )


def test_a_role_that_is_refused_ends_the_way(ec2: RecordedEc2) -> None:
    scope = Scope(vpc=SPOKE, beyond=(Beyond(HUB, ROLE, "another"),))

    where, why = lost(ec2, scope)

    assert where == GATEWAY
    assert why == f"account {HUB} did not let us look: the role cannot be taken"


def test_a_permission_that_the_role_lacks_ends_the_way(ec2: RecordedEc2) -> None:
    ec2.denied = ((HUB, "SearchTransitGatewayRoutes"),)

    where, why = lost(ec2)

    assert where == GATEWAY
    assert why == (
        f"account {HUB} did not let us look: arn:aws:iam::{HUB}:user/eve may not "
        "ec2:SearchTransitGatewayRoutes"
    )


def test_a_vpc_that_the_role_may_not_read_ends_the_way(ec2: RecordedEc2) -> None:
    ec2.denied = ((HUB, "DescribeNatGateways"),)

    where, why = lost(ec2)

    assert where == EGRESS
    assert why.endswith("may not ec2:DescribeNatGateways")


def test_a_permission_that_is_missing_in_the_first_vpc_ends_the_run(ec2: RecordedEc2) -> None:
    ec2.denied = ((OWN, "DescribeNatGateways"),)

    with pytest.raises(FerryError) as refused:
        seen(ec2, GIVEN)

    assert refused.value.code == "LF-1203"


def test_what_is_lost_beyond_is_told_as_it_happens(ec2: RecordedEc2) -> None:
    ec2.accounts = {OWN: SPOKE_ACCOUNT, HUB: hub(FAR)}
    told: list[Event] = []

    seen(ec2, GIVEN, told)

    (warned,) = (event for event in told if isinstance(event, Warned))
    assert (warned.code, warned.message) == (
        "LF-1202",
        f"no role is given for account {FAR}; {EGRESS}, which {EGRESS_LINK} leads to, is there",
    )


def to(**target: Any) -> Sequence[Item]:
    (first, *_) = hub()["SearchTransitGatewayRoutes"]
    return [{**first, **target}]


LOST: Mapping[str, tuple[Mapping[str, Sequence[Item]], str]] = {
    "no default route": ({"SearchTransitGatewayRoutes": []}, "has no default route"),
    "blackhole": (
        {"SearchTransitGatewayRoutes": to(State="blackhole", TransitGatewayAttachments=[])},
        "leads into nothing",
    ),
    "no association": (
        {"DescribeTransitGatewayAttachments": [
            {key: one for key, one in link.items() if key != "Association"}
            for link in hub()["DescribeTransitGatewayAttachments"]
        ]},
        "has no route table in its gateway",
    ),
    "vpn": (
        {"DescribeTransitGatewayAttachments": [
            hub()["DescribeTransitGatewayAttachments"][0],
            {**hub()["DescribeTransitGatewayAttachments"][1], "ResourceType": "vpn",
             "ResourceId": "vpn-0d1"},
        ]},
        "leads out of VPCs: vpn vpn-0d1",
    ),
    "gone": ({"DescribeVpcs": []}, f"account {HUB} shows no {EGRESS}"),
    "no subnets": ({"DescribeTransitGatewayVpcAttachments": []}, f"in {EGRESS} is known"),
}  # fmt: skip


@pytest.mark.parametrize(("answers", "why"), LOST.values(), ids=LOST)
def test_a_way_that_ends_in_a_gateway_says_why(
    ec2: RecordedEc2, answers: Mapping[str, Sequence[Item]], why: str
) -> None:
    ec2.accounts = {OWN: SPOKE_ACCOUNT, HUB: hub(changed=answers)}

    assert why in lost(ec2)[1]


# ---- a shared VPC


def test_a_shared_vpc_is_read_as_its_owner_too(ec2: RecordedEc2) -> None:
    ec2.accounts = {OWN: SHARED_WITH_US, HUB: OWNED_BY_HUB}

    made = seen(ec2, GIVEN)

    assert [(path.kind, path.id, path.lost_at) for path in made.paths] == [
        ("nat_gateway", NAT_A, "")
    ]
    assert [eni.id for eni in made.found.enis] == [WORKER, ZONAL_ENI]
    assert [log.id for log in made.found.flow_logs] == ["fl-0c1"]
    assert "shared-vpc" not in [one.code for one in made.findings]


@pytest.mark.parametrize(
    "scope", [Scope(vpc=SPOKE), Scope(vpc=SPOKE, beyond=(Beyond(HUB, ROLE, "another"),))]
)
def test_what_a_shared_vpc_hides_is_told(ec2: RecordedEc2, scope: Scope) -> None:
    ec2.accounts = {OWN: SHARED_WITH_US, HUB: OWNED_BY_HUB}

    made = seen(ec2, scope)

    (path,) = made.paths
    assert path.lost_at == f"{NAT_A} is not among the NAT gateways of {SPOKE}"
    (finding,) = (one for one in made.findings if one.code == "shared-vpc")
    assert HUB in finding.next_step


def test_a_permission_that_we_lack_for_the_gateway_itself_ends_the_way(ec2: RecordedEc2) -> None:
    ec2.denied = ((OWN, "DescribeTransitGatewayAttachments"),)

    where, why = lost(ec2)

    assert where == GATEWAY
    assert why.startswith("this account did not let us look")
