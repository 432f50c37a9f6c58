"""NAT instances planned, applied, lost, drifted, destroyed: against an AWS account's emulator.

What the emulator lacks of them is in `tests/servers/moto_nat.py`: interfaces that an ended instance
lets go of, maintenance options, detailed monitoring. Checks always pass there at once; how long an
instance is waited for, and what a route waits for, is in `tests/aws/test_ensure_nat.py`.
"""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.errors import FerryError
from lakeferry.monitor import run
from lakeferry.monitor.iam import Step
from lakeferry.monitor.run import MonitorRequest
from lakeferry.monitor.settings import AlarmLimit, NatWish
from lakeferry.monitor.wanted.alarms import ALARMS
from lakeferry.network.discover import Scope
from lakeferry.network.resources import PlannedFlow
from tests.flows.provisioning import Cut, changed, cut_after, inventory, names, watched
from tests.flows.test_provision_rights import Judge, granted, implied, judge, recorded
from tests.monitor.wishes import settings

pytestmark = pytest.mark.server
__all__ = ["judge"]  # a fixture

ZONES = ("us-east-1a", "us-east-1b")
ALL = {"routes", "delete", "replace", "many"}
# Alarms of other things, and rules, are tested elsewhere, and each is a request.
LOUD = ("nat-instance-recover", "nat-standby-bytes")
QUIET = {name: AlarmLimit(None) for name in ALARMS if name not in LOUD}
OWN = "lakeferry-m1.nat"
PLANNED = (PlannedFlow("nat_gateway", 10**14, 30 * 86_400),)


@dataclass(frozen=True, slots=True)
class Site:
    """Ids of a VPC with two zones: the first goes out by a NAT gateway, the second not at all."""

    vpc: str
    private: tuple[str, ...]
    public: tuple[str, ...]
    tables: tuple[str, ...]
    gateway: str


@pytest.fixture
def site(moto_access: AwsAccess) -> Site:
    return made_site(moto_access)


def made_site(access: AwsAccess, zones: tuple[str, ...] = ZONES) -> Site:
    ec2 = client(access, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zone)["Subnet"]
        for n, zone in enumerate((*zones, *zones))
    ]
    ids = [one["SubnetId"] for one in subnets]
    internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
    outward = _table(ec2, vpc, ids[2:])
    ec2.create_route(RouteTableId=outward, DestinationCidrBlock="0.0.0.0/0", GatewayId=internet)
    tables = [_table(ec2, vpc, [id]) for id in ids[:2]]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=ids[2], AllocationId=address)["NatGateway"]
    ec2.create_route(
        RouteTableId=tables[0], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=made["NatGatewayId"]
    )
    return Site(vpc, tuple(ids[:2]), tuple(ids[2:]), tuple(tables), made["NatGatewayId"])


def _table(ec2: Any, vpc: str, subnets: list[str]) -> str:
    id: str = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    for subnet in subnets:
        ec2.associate_route_table(RouteTableId=id, SubnetId=subnet)
    return id


def request(access: AwsAccess, site: Site, **nat: Any) -> MonitorRequest:
    """A few rules and alarms, and NAT instances."""
    wish = NatWish(**{"kind": "instance", "type": "c7gn.large", **nat})
    chosen = replace(settings("m1", nat=wish, questions=("rejected",), alarms=QUIET), account="")
    return MonitorRequest(access, Scope(vpc=site.vpc), chosen)


def target(access: AwsAccess, table: str) -> str:
    """Where a table's default route leads; '' where it has none."""
    (found,) = client(access, "ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"]
    for one in found["Routes"]:
        if one.get("DestinationCidrBlock") == "0.0.0.0/0":
            return str(one.get("NatGatewayId") or one.get("NetworkInterfaceId"))
    return ""


def interface(access: AwsAccess, zone: str) -> Any:
    (found,) = client(access, "ec2").describe_network_interfaces(
        Filters=[{"Name": "tag:Name", "Values": [f"{OWN}.{zone}"]}]
    )["NetworkInterfaces"]
    return found


def standing_by(access: AwsAccess, zone: str) -> Any:
    (found,) = client(access, "ec2").describe_nat_gateways(
        Filter=[{"Name": "tag:Name", "Values": [f"{OWN}-standby.{zone}"]}]
    )["NatGateways"]
    return found


def instance(access: AwsAccess, zone: str) -> Any:
    found = client(access, "ec2").describe_instances(Filters=[
        {"Name": "tag:Name", "Values": [f"{OWN}.{zone}"]},
        {"Name": "instance-state-name", "Values": ["running", "stopped"]},
    ])  # fmt: skip
    (one,) = [one for each in found["Reservations"] for one in each["Instances"]]
    return one


def test_an_apply_makes_instances_and_moves_the_routes_and_a_second_one_has_nothing_to_do(
    moto_access: AwsAccess, site: Site
) -> None:
    asked = request(moto_access, site)
    before = inventory(moto_access)

    first = run.plan(asked)
    assert inventory(moto_access) == before
    with pytest.raises(FerryError, match=r"LF-6402.*2 default routes moved"):
        run.apply(asked)
    assert inventory(moto_access) == before
    done = run.apply(asked, fingerprint=first.plan.fingerprint, allow={"routes"})

    assert first.exit_code == 0
    assert done.is_complete
    again = run.plan(asked)
    assert (changed(again.plan), again.exit_code) == ({}, 0)
    for zone, table in zip(ZONES, site.tables, strict=True):
        eni = interface(moto_access, zone)
        assert target(moto_access, table) == eni["NetworkInterfaceId"]
        assert eni["SourceDestCheck"] is False
        assert eni["Attachment"]["InstanceId"] == instance(moto_access, zone)["InstanceId"]
        assert eni["Association"]["PublicIp"]
    box = instance(moto_access, "us-east-1a")
    assert (box["MetadataOptions"]["HttpTokens"], box["Monitoring"]["State"]) == (
        "required", "enabled",
    )  # fmt: skip
    assert "KeyName" not in box
    (disk,) = client(moto_access, "ec2").describe_volumes(
        VolumeIds=[box["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]]
    )["Volumes"]
    assert (disk["VolumeType"], disk["Size"], disk["Encrypted"]) == ("gp3", 8, True)
    assert {"Key": "lakeferry:deployment", "Value": "m1"} in disk["Tags"]


def test_alarms_on_new_instances_follow_in_the_same_apply(
    moto_access: AwsAccess, site: Site
) -> None:
    run.apply(request(moto_access, site), allow={"routes"})

    alarms = client(moto_access, "cloudwatch").describe_alarms()["MetricAlarms"]
    recover = next(one for one in alarms if one["AlarmName"].endswith("recover.us-east-1a"))
    assert recover["MetricName"] == "StatusCheckFailed_System"
    assert recover["AlarmActions"][0] == "arn:aws:automate:us-east-1:ec2:recover"
    box = instance(moto_access, "us-east-1a")["InstanceId"]
    assert recover["Dimensions"] == [{"Name": "InstanceId", "Value": box}]
    assert recover["EvaluationPeriods"] == 2
    standby = standing_by(moto_access, "us-east-1b")["NatGatewayId"]
    told = {one["AlarmName"]: one["Dimensions"] for one in alarms if "standby" in one["AlarmName"]}
    assert told == {
        f"lakeferry-m1.nat-standby-bytes.{zone}": [{"Name": "NatGatewayId", "Value": id}]
        for zone, id in zip(ZONES, (site.gateway, standby), strict=True)
    }


def test_from_gateways_to_instances_takes_the_word_for_routes_and_no_other(
    moto_access: AwsAccess, site: Site
) -> None:
    plain = request(moto_access, site)
    asked = replace(plain, settings=replace(plain.settings, alarms={}, planned=PLANNED))

    done = run.apply(asked, allow={"routes"})

    assert done.is_complete
    assert {one.action for one in done.done} <= {"create", "update"}
    assert changed(run.plan(asked).plan) == {}
    kept = [one.name for one in run.plan(asked).plan.of("keep") if one.kind == "alarm"]
    assert "lakeferry-m1.stalled.us-east-1b" in kept


def test_a_destroy_gives_the_routes_back_and_leaves_nothing(
    moto_access: AwsAccess, site: Site
) -> None:
    asked = request(moto_access, site)
    before = inventory(moto_access)
    run.apply(asked, allow={"routes"})

    gone = run.destroy(asked)

    assert [one.kind for one in gone.done[:2]] == ["default_route", "default_route"]
    assert target(moto_access, site.tables[0]) == site.gateway
    assert target(moto_access, site.tables[1]) == ""
    left = inventory(moto_access)
    assert names(left, "lakeferry") == []
    assert left == before
    assert run.destroy(asked).done == ()


def test_an_instance_that_ended_is_drift_and_made_again_on_the_same_interface(
    moto_access: AwsAccess, site: Site
) -> None:
    asked = request(moto_access, site)
    run.apply(asked, allow={"routes"})
    eni, box = interface(moto_access, "us-east-1b"), instance(moto_access, "us-east-1b")
    client(moto_access, "ec2").terminate_instances(InstanceIds=[box["InstanceId"]])

    drifted = run.plan(asked)

    assert drifted.exit_code == 3
    assert changed(drifted.plan)[f"{OWN}.us-east-1b"] == "create"
    run.apply(asked, allow=ALL)
    again = interface(moto_access, "us-east-1b")
    assert again["NetworkInterfaceId"] == eni["NetworkInterfaceId"]
    assert again["Association"]["PublicIp"] == eni["Association"]["PublicIp"]
    assert instance(moto_access, "us-east-1b")["InstanceId"] != box["InstanceId"]
    assert changed(run.plan(asked).plan) == {}


def by_hand(access: AwsAccess) -> None:
    """Changes in the console, to all that only a hand can change."""
    ec2 = client(access, "ec2")
    eni, box = interface(access, "us-east-1a"), instance(access, "us-east-1a")
    ec2.modify_network_interface_attribute(
        NetworkInterfaceId=eni["NetworkInterfaceId"], SourceDestCheck={"Value": True}
    )
    ec2.modify_instance_metadata_options(InstanceId=box["InstanceId"], HttpTokens="optional")
    ec2.unmonitor_instances(InstanceIds=[box["InstanceId"]])
    ec2.modify_instance_maintenance_options(InstanceId=box["InstanceId"], AutoRecovery="disabled")
    ec2.stop_instances(InstanceIds=[box["InstanceId"]])
    ec2.disassociate_address(AssociationId=eni["Association"]["AssociationId"])


def test_what_somebody_changes_by_hand_is_drift_and_mended(
    moto_access: AwsAccess, site: Site
) -> None:
    asked = request(moto_access, site)
    run.apply(asked, allow={"routes"})
    by_hand(moto_access)

    drifted = run.plan(asked)

    said = {each.field for one in drifted.drift for each in one.differences}
    assert drifted.exit_code == 3
    assert said >= {
        "source_dest_check", "tokens", "monitoring", "recovery", "running", "interface",
    }  # fmt: skip
    run.apply(asked, allow=ALL)
    assert changed(run.plan(asked).plan) == {}


def test_a_route_that_failed_over_is_shown_and_led_back_on_a_word(
    moto_access: AwsAccess, site: Site
) -> None:
    asked = request(moto_access, site)
    run.apply(asked, allow={"routes"})
    ec2, table = client(moto_access, "ec2"), site.tables[1]
    standby = standing_by(moto_access, "us-east-1b")
    ec2.replace_route(
        RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=standby["NatGatewayId"]
    )

    moved = run.plan(asked)

    (route,) = moved.drift  # and no alarm, that which tells of it least of all
    assert route.kind == "default_route"
    assert [(one.before, one.after) for one in route.differences] == [
        ("lakeferry-m1.nat-standby.us-east-1b", f"{OWN}.us-east-1b")
    ]
    run.apply(asked, allow=ALL)
    eni = interface(moto_access, "us-east-1b")
    assert target(moto_access, table) == eni["NetworkInterfaceId"]
    run.destroy(asked)
    assert target(moto_access, table) == ""  # as it was at first, and not the standby


def test_a_route_that_somebody_took_back_is_not_touched_by_a_destroy(
    moto_access: AwsAccess, site: Site
) -> None:
    asked = request(moto_access, site)
    run.apply(asked, allow={"routes"})
    client(moto_access, "ec2").create_route(
        RouteTableId=site.tables[0], DestinationCidrBlock="10.99.0.0/16", NatGatewayId=site.gateway
    )
    client(moto_access, "ec2").replace_route(
        RouteTableId=site.tables[1], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=site.gateway
    )

    run.destroy(asked)

    assert target(moto_access, site.tables[1]) == site.gateway
    assert target(moto_access, site.tables[0]) == site.gateway


def test_another_type_takes_another_instance_and_the_route_stands_aside_meanwhile(
    moto_access: AwsAccess, site: Site
) -> None:
    asked = request(moto_access, site)
    run.apply(asked, allow={"routes"})
    larger = request(moto_access, site, type="c7gn.xlarge")
    moves: list[str] = []

    planned = run.plan(larger)
    assert changed(planned.plan)[f"{OWN}.{site.tables[0]}"] == "replace"
    with watched(moto_access, lambda _, operation: moves.append(operation)):
        run.apply(larger, allow=ALL)

    acts = [one for one in moves if one in ("ReplaceRoute", "TerminateInstances", "RunInstances")]
    assert acts == [
        "ReplaceRoute", "ReplaceRoute", "TerminateInstances", "TerminateInstances",
        "RunInstances", "RunInstances", "ReplaceRoute", "ReplaceRoute",
    ]  # fmt: skip
    assert instance(moto_access, "us-east-1a")["InstanceType"] == "c7gn.xlarge"
    assert changed(run.plan(larger).plan) == {}
    run.destroy(larger)
    assert target(moto_access, site.tables[0]) == site.gateway


def test_subnets_that_lose_their_way_out_while_an_instance_is_made_anew_are_named(
    moto_access: AwsAccess, site: Site
) -> None:
    """The first table led to a gateway of others before; the second had no default route."""
    run.apply(request(moto_access, site, standby="instance"), allow={"routes"})

    bare = run.plan(request(moto_access, site, standby="instance", type="c7gn.xlarge"))
    run.apply(request(moto_access, site), allow=ALL)
    covered = run.plan(request(moto_access, site, type="c7gn.xlarge"))

    (told,) = (one.what for one in bare.brakes if one.kind == "routes")
    assert f"of which {site.tables[1]} can stand aside on nothing" in told
    (quiet,) = (one.what for one in covered.brakes if one.kind == "routes")
    assert "stand aside" not in quiet


def test_a_type_that_a_zone_does_not_offer_is_refused_before_anything_is_made(
    moto_access: AwsAccess,
) -> None:
    site = made_site(moto_access, ("us-east-1a", "us-east-1e"))

    with pytest.raises(FerryError, match=r"LF-6433 EC2 does not offer c7gn\.large in us-east-1e"):
        run.plan(request(moto_access, site))


def test_the_lambda_is_not_made_by_an_apply(moto_access: AwsAccess, site: Site) -> None:
    asked = request(moto_access, site, check="lambda")

    assert run.plan(asked).exit_code == 0
    with pytest.raises(FerryError, match="LF-6434"):
        run.apply(asked, allow=ALL)


def test_whoever_turns_instances_off_gets_the_routes_back_and_keeps_the_watch(
    moto_access: AwsAccess, site: Site
) -> None:
    run.apply(request(moto_access, site), allow={"routes"})
    off = request(moto_access, site, kind="gateway")

    run.apply(off, allow=ALL)

    assert changed(run.plan(off).plan) == {}
    assert target(moto_access, site.tables[0]) == site.gateway
    assert names(inventory(moto_access), f"{OWN}.us-east-1a") == []


def test_an_apply_and_a_destroy_that_are_cut_after_each_request_still_get_there(
    moto_access: AwsAccess, site: Site
) -> None:
    asked = request(moto_access, site)
    before = inventory(moto_access)

    made = _cuts(moto_access, 1, lambda: run.apply(asked, allow=ALL))
    assert changed(run.plan(asked).plan) == {}
    gone = _cuts(moto_access, 3, lambda: run.destroy(asked))

    assert made > 30
    assert gone > 5
    assert inventory(moto_access) == before


def _cuts(access: AwsAccess, writes: int, act: Any) -> int:
    """How often `act` is cut, each time after so many writes, before it comes to its end."""
    for cuts in range(150):
        try:
            with watched(access, cut_after(writes)):
                act()
        except Cut:
            continue
        return cuts
    raise AssertionError("it does not come nearer to its end")


# ---- rights


def test_the_policies_hold_what_nat_instances_ask_for_and_no_more(
    moto_access: AwsAccess, site: Site
) -> None:
    asked = request(moto_access, site)
    tagged = replace(asked, settings=replace(asked.settings, tags={"owner": "data"}))
    off = request(moto_access, site, kind="gateway")

    with recorded(moto_access) as applying:
        run.apply(asked, allow=ALL)
        by_hand(moto_access)
        run.apply(tagged, allow=ALL)
        run.apply(asked, allow=ALL)
        run.apply(off, allow=ALL)
    run.apply(asked, allow=ALL)
    with recorded(moto_access) as planning:
        run.plan(asked)
    with recorded(moto_access) as destroying:
        run.destroy(asked)

    hands = {"ec2:StopInstances", "ec2:UnmonitorInstances"}
    steps: tuple[tuple[Step, set[str]], ...] = (
        ("plan", planning), ("apply", (applying | implied(applying)) - hands),
        ("destroy", destroying),
    )  # fmt: skip
    for step, seen in steps:
        usual = granted(_without(asked), step)
        assert seen - usual == granted(asked, step) - usual, step


def _without(asked: MonitorRequest) -> MonitorRequest:
    return replace(asked, settings=replace(asked.settings, nat=NatWish()))


def test_with_the_policies_everything_is_allowed(
    moto_access: AwsAccess, site: Site, judge: Judge
) -> None:
    asked = request(moto_access, site)

    judge.allow(granted(asked, "plan"))
    first = run.plan(asked)
    judge.allow(granted(asked, "apply"))
    run.apply(asked, fingerprint=first.plan.fingerprint, allow={"routes"})
    judge.allow(granted(asked, "plan"))
    assert changed(run.plan(asked).plan) == {}
    judge.allow(granted(asked, "destroy"))
    assert run.destroy(asked).is_complete


@pytest.mark.parametrize("missing", ["ec2:RunInstances", "ec2:ReplaceRoute", "ssm:SendCommand"])
def test_an_action_that_is_taken_away_is_named(
    moto_access: AwsAccess, site: Site, judge: Judge, missing: str
) -> None:
    asked = request(moto_access, site)
    judge.allow(granted(asked, "apply") - {missing})

    with pytest.raises(FerryError, match="LF-1203") as refused:
        run.apply(asked, allow={"routes"})

    assert f"may not {missing}" in refused.value.what
    assert f'"Action":"{missing}"' in refused.value.next_step
