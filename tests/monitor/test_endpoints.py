"""VPC endpoints that are wanted and missing."""

import json
from dataclasses import replace
from typing import Any

import pytest

from lakeferry.errors import FerryError
from lakeferry.monitor.settings import OWNER_TAG, EndpointWish
from lakeferry.network.resources import (
    EndpointService,
    RouteTable,
    SecurityGroup,
    Subnet,
    VpcEndpoint,
)
from tests.monitor.wishes import bare, named, of_kind, wanted, with_found
from tests.network.sample_scenario import ACCOUNT, REGION, S3, topology

STS = f"com.amazonaws.{REGION}.sts"
STREAMS = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/clicks"


def statements(endpoint: VpcEndpoint) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(endpoint.policy)["Statement"]
    return found


def test_every_endpoint_that_is_wanted_and_missing_is_made() -> None:
    made = of_kind(wanted(bare()), VpcEndpoint)

    assert {(one.name, one.type) for one in made} == {
        ("lakeferry-m1.s3-gateway", "Gateway"),
        ("lakeferry-m1.kinesis-streams", "Interface"),
        ("lakeferry-m1.sts", "Interface"),
        ("lakeferry-m1.logs", "Interface"),
        ("lakeferry-m1.databricks-workspace", "Interface"),
        ("lakeferry-m1.databricks-relay", "Interface"),
    }


def test_an_interface_endpoint_has_one_interface_in_each_zone_of_the_workers() -> None:
    kinesis = named(wanted(bare()), VpcEndpoint, ".kinesis-streams")
    zones = {one.id: one.zone for one in topology().found.subnets}

    assert sorted(zones[subnet] for subnet in kinesis.subnet_ids) == ["us-east-1a", "us-east-1b"]
    assert kinesis.private_dns


def test_subnets_that_private_dns_takes_a_service_from_are_named() -> None:
    wish = (EndpointWish("sts", "interface"),)
    base = bare()
    new = Subnet("subnet-beside", base.found.vpc.id, "us-east-1a", "", ("198.51.100.0/24",))
    found = replace(base.found, subnets=(*base.found.subnets, new))

    told = "\n".join(wanted(replace(base, found=found), endpoints=wish).notes)
    gateway = wanted(replace(base, found=found), endpoints=(EndpointWish("s3", "gateway"),)).notes

    assert "lakeferry-m1.sts answers for its service in all of" in told
    assert "subnet-beside" in told
    assert not any("answers for its service" in one for one in gateway)


def test_an_endpoint_stays_in_the_subnet_that_it_is_in_when_another_of_the_zone_comes() -> None:
    wish = (EndpointWish("sts", "interface"),)
    first = named(wanted(bare(), endpoints=wish), VpcEndpoint, ".sts")
    held = first.subnet_ids[0]
    base = with_found(endpoints=(first,))
    zone = next(one.zone for one in base.found.subnets if one.id == held)
    new = Subnet("subnet-00", base.found.vpc.id, zone, "", ("198.51.100.0/24",))
    found = replace(base.found, subnets=(new, *base.found.subnets))
    grown = replace(base, found=found, scope=("subnet-00", *base.scope))

    again = named(wanted(grown, endpoints=wish), VpcEndpoint, ".sts")

    assert again.subnet_ids == first.subnet_ids


def test_an_endpoint_is_made_where_its_service_is_offered_alone() -> None:
    wish = (EndpointWish("sts", "interface"),)
    base = with_found(endpoints=(), services=(EndpointService(STS, ("us-east-1b",)),))
    zones = {one.id: one.zone for one in base.found.subnets}

    made = wanted(base, endpoints=wish)

    (subnet,) = named(made, VpcEndpoint, ".sts").subnet_ids
    assert zones[subnet] == "us-east-1b"
    assert f"{STS} is not offered in us-east-1a: bytes from there cross zones" in made.notes


@pytest.mark.parametrize("zones", [(), ("us-east-1f",)])
def test_a_service_that_is_not_offered_here_is_refused_unless_the_endpoint_is_there(
    zones: tuple[str, ...],
) -> None:
    wish = (EndpointWish("sts", "interface"),)
    there = named(wanted(bare(), endpoints=wish), VpcEndpoint, ".sts")
    services = (EndpointService(STS, zones),)

    with pytest.raises(FerryError, match="LF-6405"):
        wanted(with_found(endpoints=(), services=services), endpoints=wish)

    kept = wanted(with_found(endpoints=(there,), services=services), endpoints=wish)
    assert named(kept, VpcEndpoint, ".sts") == there


def test_the_s3_gateway_is_on_every_route_table_of_the_workers() -> None:
    private = topology().scope
    tables = (
        RouteTable("rtb-main", "vpc", True, (), ()),
        RouteTable("rtb-own", "vpc", False, (private[0],), ()),
        RouteTable("rtb-public", "vpc", False, ("subnet-public",), ()),
    )

    made = wanted(with_found(endpoints=(), route_tables=tables))

    assert named(made, VpcEndpoint, ".s3-gateway").route_table_ids == ("rtb-main", "rtb-own")


def test_the_s3_policy_lets_through_the_named_buckets_and_the_runtime_alone() -> None:
    found = statements(named(wanted(bare()), VpcEndpoint, ".s3-gateway"))

    resources = [one for statement in found for one in statement["Resource"]]
    assert resources == [
        "arn:aws:s3:::lake/*", "arn:aws:s3:::workspace-root/*",
        "arn:aws:s3:::lake", "arn:aws:s3:::workspace-root",
        "arn:aws:s3:::databricks-prod-artifacts-us-east-1",
        "arn:aws:s3:::databricks-prod-artifacts-us-east-1/*",
    ]  # fmt: skip
    assert all(action.startswith("s3:") for one in found for action in one["Action"])
    assert not any("*" in action for one in found for action in one["Action"])


def test_without_named_buckets_the_gateway_keeps_the_services_own_policy() -> None:
    assert named(wanted(bare(), buckets=()), VpcEndpoint, ".s3-gateway").policy == ""


def test_the_kinesis_policy_lets_through_the_named_streams_and_their_consumers_alone() -> None:
    (statement,) = statements(named(wanted(bare()), VpcEndpoint, ".kinesis-streams"))

    assert statement["Resource"] == [STREAMS, f"{STREAMS}/consumer/*"]
    assert "kinesis:GetRecords" in statement["Action"]
    assert "kinesis:DeleteStream" not in statement["Action"]


def test_the_logs_policy_is_limited_to_the_account() -> None:
    (statement,) = statements(named(wanted(bare()), VpcEndpoint, ".logs"))

    assert statement["Resource"] == [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*"]


def test_databricks_endpoints_take_the_ports_of_the_control_plane_and_others_https_alone() -> None:
    made = wanted(bare())
    usual = named(made, SecurityGroup, "m1.endpoints")
    databricks = named(made, SecurityGroup, ".databricks-endpoints")

    assert [(one.first, one.last) for one in usual.ingress] == [(443, 443)]
    assert [(one.first, one.last) for one in databricks.ingress] == [
        (443, 443), (2443, 2443), (6666, 6666), (8443, 8451),
    ]  # fmt: skip
    relay = named(made, VpcEndpoint, ".databricks-relay")
    assert relay.security_groups == (databricks.name,)


def test_only_the_subnets_of_the_migration_reach_the_endpoints() -> None:
    group = named(wanted(bare()), SecurityGroup, "m1.endpoints")
    scope = topology().scope
    cidrs = [c for one in topology().found.subnets if one.id in scope for c in one.cidrs]

    assert all(rule.cidrs == tuple(sorted(cidrs)) for rule in group.ingress)


def test_more_rules_than_a_security_group_takes_are_said() -> None:
    wish = (EndpointWish("databricks-relay", "interface"),)
    base = with_found(endpoints=())
    many = tuple(
        Subnet(f"subnet-{n:02}", base.found.vpc.id, "us-east-1a", "", (f"10.0.{n}.0/24",))
        for n in range(16)
    )
    found = replace(base.found, subnets=many)

    def notes(count: int) -> list[str]:
        network = replace(base, found=found, scope=tuple(one.id for one in many[:count]))
        return [one for one in wanted(network, endpoints=wish).notes if "rules inwards" in one]

    assert notes(15) == []
    assert notes(16)[0].startswith("lakeferry-m1.databricks-endpoints gets 64 rules inwards")


def test_an_endpoint_of_others_is_used_as_it_is() -> None:
    made = wanted()

    assert not any(one.service == S3 for one in of_kind(made, VpcEndpoint))
    assert any("vpce-01" in note and "used as it is" in note for note in made.notes)


def test_ours_takes_the_route_tables_that_a_gateway_of_others_leaves_out() -> None:
    private = topology().scope
    (theirs,) = [one for one in topology().found.endpoints if one.type == "Gateway"]
    tables = (
        RouteTable("rtb-02", "vpc", True, (), ()),
        RouteTable(theirs.route_table_ids[0], "vpc", False, (private[0],), ()),
    )

    made = wanted(with_found(route_tables=tables))
    ours = named(made, VpcEndpoint, ".s3-gateway")
    both = (*with_found().found.endpoints, ours)
    again = wanted(with_found(route_tables=tables, endpoints=both))

    assert ours.route_table_ids == ("rtb-02",)
    assert any("rtb-02" in note and "takes those route tables" in note for note in made.notes)
    assert named(again, VpcEndpoint, ".s3-gateway") == ours


def test_an_endpoint_of_ours_is_wanted_again_unchanged() -> None:
    wish = (EndpointWish("sts", "interface"),)
    first = named(wanted(bare(), endpoints=wish), VpcEndpoint, ".sts")
    assert first.tags[OWNER_TAG] == "m1"

    again = named(wanted(with_found(endpoints=(first,)), endpoints=wish), VpcEndpoint, ".sts")

    assert again == first


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "eu-west-1"])
def test_databricks_services_are_known_in_some_regions(region: str) -> None:
    from lakeferry.network.services import label_of, service_name

    for kind in ("databricks-workspace", "databricks-relay"):
        service = service_name(kind, region)
        assert service is not None
        assert service.startswith(f"com.amazonaws.vpce.{region}.vpce-svc-")
        assert label_of(service) == kind


def test_a_databricks_service_that_is_not_known_here_must_be_given() -> None:
    from lakeferry.monitor.wanted.desired import desired
    from tests.monitor.wishes import full

    wish = (EndpointWish("databricks-relay", "interface"),)
    far = replace(full(endpoints=wish), region="sa-east-1")
    made = desired(bare(), far)
    assert of_kind(made, VpcEndpoint) == ()
    assert any("give it as `service`" in note for note in made.notes)

    given = (EndpointWish("databricks-relay", "interface", "com.amazonaws.vpce.x.vpce-svc-1"),)
    made = desired(bare(), replace(far, endpoints=given))
    assert named(made, VpcEndpoint, ".databricks-relay").service.endswith("vpce-svc-1")


def test_an_endpoint_that_waits_for_acceptance_is_said_with_what_brings_it() -> None:
    wish = (EndpointWish("databricks-relay", "interface"),)
    first = wanted(bare(), endpoints=wish)
    relay = named(first, VpcEndpoint, ".databricks-relay")
    waits = with_found(endpoints=(replace(relay, state="pendingAcceptance"),))
    there = with_found(endpoints=(replace(relay, state="available"),))

    assert any("must be registered" in note for note in first.notes)
    assert [n for n in wanted(waits, endpoints=wish).notes if "register" in n] == [
        f"{relay.name} waits for {relay.service} to accept it: it carries nothing and has no "
        "private DNS until then; register it in the Databricks account (`network.databricks` in "
        "the manifest has apply do it); an apply after that turns it on"
    ]
    assert not any("register" in note for note in wanted(there, endpoints=wish).notes)


def test_rules_of_a_new_endpoint_follow_when_it_has_interfaces() -> None:
    made = wanted(bare())

    assert not any("endpoint-sts" in one.name for one in made.rules.rules)
    assert any("rules, alarms and graphs of sts follow" in note for note in made.notes)
