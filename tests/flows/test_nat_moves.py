"""Default routes led over to what stands by and back, against an AWS account's emulator.

The emulator answers every command of Systems Manager with Success; other answers are recorded
shapes in `tests/aws/test_nat_path.py`.
"""

from threading import Event as Flag

import pytest

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.errors import FerryError
from lakeferry.events import ChangeApplied, Event
from lakeferry.monitor import run
from lakeferry.monitor.nat.move import MovesReport, move, plan_moves
from lakeferry.monitor.nat.moves import Direction
from lakeferry.monitor.run import MonitorRequest
from tests.flows.test_provision_nat import (
    ZONES,
    Site,
    instance,
    interface,
    made_site,
    request,
    target,
)

pytestmark = pytest.mark.server


@pytest.fixture
def site(moto_access: AwsAccess) -> Site:
    """NAT instances in two zones, and routes that lead to them."""
    made = made_site(moto_access)
    run.apply(request(moto_access, made), allow={"routes"})
    return made


def moved(asked: MonitorRequest, direction: Direction) -> MovesReport:
    return move(plan_moves(asked, direction))


def targets(access: AwsAccess, site: Site) -> list[str]:
    return [target(access, table) for table in site.tables]


def homes(access: AwsAccess) -> list[str]:
    return [interface(access, zone)["NetworkInterfaceId"] for zone in ZONES]


def test_routes_go_over_and_come_back_and_a_second_time_there_is_nothing_to_do(
    moto_access: AwsAccess, site: Site
) -> None:
    asked = request(moto_access, site)
    assert plan_moves(asked, "back").moves == ()

    over = moved(asked, "over")

    first, second = targets(moto_access, site)
    assert first == site.gateway  # of others, in the first zone: it stands by as it is
    listed = client(moto_access, "ec2").describe_nat_gateways(NatGatewayIds=[second])
    (ours,) = listed["NatGateways"]
    names = {one["Key"]: one["Value"] for one in ours["Tags"]}
    assert names["Name"] == "lakeferry-m1.nat-standby.us-east-1b"
    assert {one.move.route_table_id for one in over.done} == set(site.tables)
    assert plan_moves(asked, "over").moves == ()

    back = moved(asked, "back")

    assert targets(moto_access, site) == homes(moto_access)
    assert back.is_complete
    assert all(0 <= one.seconds < 30 for one in back.done)
    assert plan_moves(asked, "back").moves == ()
    assert run.plan(asked).plan.is_empty  # nothing is left to be mended


def test_a_plan_moves_nothing_and_says_whose_connections_break(
    moto_access: AwsAccess, site: Site
) -> None:
    before = targets(moto_access, site)

    planned = plan_moves(request(moto_access, site), "over")

    assert targets(moto_access, site) == before
    assert {one.subnet_ids for one in planned.moves} == {(one,) for one in site.private}
    assert [one.before for one in planned.moves] == homes(moto_access)


def test_one_route_table_may_be_named(moto_access: AwsAccess, site: Site) -> None:
    asked = request(moto_access, site)

    done = move(plan_moves(asked, "over", tables=(site.tables[1],)))

    assert [one.move.route_table_id for one in done.done] == [site.tables[1]]
    assert targets(moto_access, site)[0] == homes(moto_access)[0]


def test_a_route_table_of_others_is_refused(moto_access: AwsAccess, site: Site) -> None:
    with pytest.raises(FerryError, match=r"LF-6435.*rtb-none"):
        plan_moves(request(moto_access, site), "over", tables=("rtb-none",))


def test_no_route_is_led_to_an_instance_that_is_stopped(moto_access: AwsAccess, site: Site) -> None:
    asked = request(moto_access, site)
    moved(asked, "over")
    before = targets(moto_access, site)
    box = instance(moto_access, ZONES[1])["InstanceId"]
    client(moto_access, "ec2").stop_instances(InstanceIds=[box])

    with pytest.raises(FerryError, match=f"LF-6437.*{box} is stopp"):
        moved(asked, "back")

    assert targets(moto_access, site) == before  # that of the healthy instance too


def test_an_instance_that_is_gone_gets_no_route(moto_access: AwsAccess, site: Site) -> None:
    asked = request(moto_access, site)
    moved(asked, "over")
    box = instance(moto_access, ZONES[0])["InstanceId"]
    client(moto_access, "ec2").terminate_instances(InstanceIds=[box])

    with pytest.raises(FerryError, match="LF-6437"):
        moved(asked, "back")


def test_nothing_goes_over_where_nothing_stands_by(moto_access: AwsAccess) -> None:
    site = made_site(moto_access)
    asked = request(moto_access, site, standby="none", check="none")
    run.apply(asked, allow={"routes"})

    with pytest.raises(FerryError, match=r"LF-6435.*nothing stands by"):
        plan_moves(asked, "over")


def test_where_instances_stand_by_a_route_goes_to_the_next_one(moto_access: AwsAccess) -> None:
    site = made_site(moto_access)
    asked = request(moto_access, site, standby="instance")
    run.apply(asked, allow={"routes"})
    table = site.tables[0]

    move(plan_moves(asked, "over", tables=(table,)))

    assert target(moto_access, table) == homes(moto_access)[1]
    moved(asked, "back")
    assert targets(moto_access, site) == homes(moto_access)


def test_a_route_does_not_go_over_to_an_instance_that_is_dead(moto_access: AwsAccess) -> None:
    site = made_site(moto_access)
    asked = request(moto_access, site, standby="instance")
    run.apply(asked, allow={"routes"})
    heir = instance(moto_access, ZONES[1])["InstanceId"]
    client(moto_access, "ec2").stop_instances(InstanceIds=[heir])

    with pytest.raises(FerryError, match=f"LF-6437.*{heir} is stopp"):
        move(plan_moves(asked, "over", tables=(site.tables[0],)))

    assert targets(moto_access, site) == homes(moto_access)


def test_without_instances_there_is_nothing_to_move(moto_access: AwsAccess) -> None:
    site = made_site(moto_access)

    with pytest.raises(FerryError, match=r"LF-6435.*is not there"):
        plan_moves(request(moto_access, site), "back")
    with pytest.raises(FerryError, match=r"LF-6435.*no NAT instance is wanted"):
        plan_moves(request(moto_access, site, kind="gateway"), "back")


def test_routes_of_instances_that_a_template_made_are_led_there_and_remembered(
    moto_access: AwsAccess, site: Site
) -> None:
    """As after a stack: all is there, routes lead where they led before, and no note says so."""
    asked = request(moto_access, site)
    ec2 = client(moto_access, "ec2")
    for zone, table in zip(ZONES, site.tables, strict=True):
        key = {"Key": f"lakeferry:before:{table}"}
        ec2.delete_tags(Resources=[interface(moto_access, zone)["NetworkInterfaceId"]], Tags=[key])
    for table in site.tables:
        ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    ec2.create_route(
        RouteTableId=site.tables[0], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=site.gateway
    )

    moved(asked, "back")

    assert targets(moto_access, site) == homes(moto_access)
    run.destroy(asked)
    assert targets(moto_access, site) == [site.gateway, ""]  # as it was found


def test_a_stop_leaves_later_routes_where_they_are(moto_access: AwsAccess, site: Site) -> None:
    asked, stop = request(moto_access, site), Flag()
    seen: list[Event] = []

    def first_one(event: Event) -> None:
        seen.append(event)
        stop.set()

    report = move(plan_moves(asked, "over"), emit=first_one, stop=stop)

    assert (len(report.done), len(report.left)) == (1, 1)
    assert not report.is_complete
    (told,) = seen
    assert isinstance(told, ChangeApplied)
    assert (told.kind, told.done, told.total) == ("default_route", 1, 2)
    assert targets(moto_access, site)[1] == homes(moto_access)[1]
