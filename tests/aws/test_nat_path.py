"""What an instance says of its path, and a route that was led: recorded shapes of AWS's answers."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from lakeferry.aws.nat_path import STATUS, PathSeen, lead, path_of
from lakeferry.aws.place import Place
from lakeferry.errors import FerryError
from lakeferry.monitor.nat.move import MovesPlan, move
from lakeferry.monitor.nat.moves import RouteMove
from lakeferry.network.nat_resources import DefaultRoute
from tests.aws.ensuring import TAGS, refused, stubbed

BOX, ENI, STANDBY, TABLE = "i-1", "eni-1", "nat-1", "rtb-1"
NAME = "lakeferry-m1.nat.us-east-1a"
ROUTE = DefaultRoute("lakeferry-m1.nat.rtb-1", TABLE, NAME)
MOVE = RouteMove(ROUTE.name, TABLE, ("subnet-1",), "0.0.0.0/0", STANDBY, ENI, NAME, BOX)


@contextmanager
def both() -> Iterator[tuple[Stubber, Stubber]]:
    with ExitStack() as stack:
        yield stack.enter_context(stubbed("ec2")), stack.enter_context(stubbed("ssm"))


def checks(ec2: Stubber, state: str = "running", system: str = "ok", box: str = "ok") -> None:
    ec2.add_response(
        "describe_instance_status",
        {
            "InstanceStatuses": [
                {
                    "InstanceId": BOX,
                    "InstanceState": {"Code": 16, "Name": state},
                    "InstanceStatus": {"Status": box},
                    "SystemStatus": {"Status": system},
                }
            ]
        },
        {"InstanceIds": [BOX], "IncludeAllInstances": True},
    )


def command(ssm: Stubber) -> None:
    asked = {
        "InstanceIds": [BOX], "DocumentName": "AWS-RunShellScript", "TimeoutSeconds": 30,
        "Parameters": {"commands": [STATUS], "executionTimeout": ["30"]},
    }  # fmt: skip
    ssm.add_response("send_command", {"Command": {"CommandId": "c" * 36}}, asked)


def invocation(ssm: Stubber, status: str, said: str = "", wrong: str = "") -> None:
    ssm.add_response(
        "get_command_invocation",
        {"CommandId": "c" * 36, "InstanceId": BOX, "Status": status,
         "StandardOutputContent": said, "StandardErrorContent": wrong},
        {"CommandId": "c" * 36, "InstanceId": BOX},
    )  # fmt: skip


def test_an_instance_that_says_its_path_is_alive_is_believed(place: Place) -> None:
    with both() as (ec2, ssm):
        checks(ec2)
        command(ssm)
        invocation(ssm, "Success", 'lakeferry-nat: {"path": "alive"}\n')

        assert path_of(place, BOX) == PathSeen("alive", 'lakeferry-nat: {"path": "alive"}')


def test_one_whose_own_look_fails_is_dead_though_the_machine_is_well(place: Place) -> None:
    with both() as (ec2, ssm):
        checks(ec2)
        command(ssm)
        invocation(ssm, "Failed", 'lakeferry-nat: {"path": "dead"}')

        assert path_of(place, BOX).state == "dead"


def test_a_first_boot_that_failed_is_told_by_what_is_not_there(place: Place) -> None:
    missing = "/var/lib/amazon/ssm/_script.sh: line 1: /usr/local/sbin/lakeferry-nat: No such file"
    with both() as (ec2, ssm):
        checks(ec2)
        command(ssm)
        invocation(ssm, "Failed", "", f"{missing}\n")

        assert path_of(place, BOX) == PathSeen("dead", missing)


def test_an_answer_is_waited_for(place: Place, slept: list[float]) -> None:
    with both() as (ec2, ssm):
        checks(ec2)
        command(ssm)
        # Just sent, the command is known to no instance yet.
        ssm.add_client_error("get_command_invocation", "InvocationDoesNotExist")
        invocation(ssm, "InProgress")
        invocation(ssm, "Success")

        assert path_of(place, BOX).state == "alive"
    assert len(slept) == 2


def test_no_answer_in_time_is_not_known(place: Place, slept: list[float]) -> None:
    with both() as (ec2, ssm):
        checks(ec2)
        command(ssm)
        for _ in range(30):
            invocation(ssm, "Pending")

        assert path_of(place, BOX) == PathSeen("unknown", "i-1 did not answer within 30 s")
    assert sum(slept) == 30


@pytest.mark.parametrize("status", ["TimedOut", "Cancelled"])
def test_a_command_that_never_ran_says_nothing(place: Place, status: str) -> None:
    with both() as (ec2, ssm):
        checks(ec2)
        command(ssm)
        invocation(ssm, status)

        assert path_of(place, BOX).state == "unknown"


def test_one_that_systems_manager_does_not_know_cannot_be_asked(place: Place) -> None:
    with both() as (ec2, ssm):
        checks(ec2)
        ssm.add_client_error("send_command", "InvalidInstanceId")

        seen = path_of(place, BOX)

    assert seen.state == "unknown"
    assert "Systems Manager" in seen.said


@pytest.mark.parametrize(
    ("health", "said"),
    [
        ({"state": "stopped"}, "stopped"),
        ({"system": "impaired"}, "impaired"),
        ({"box": "initializing"}, "initializing"),
    ],
)
def test_a_machine_that_fails_a_check_is_not_asked(
    place: Place, health: dict[str, str], said: str
) -> None:
    with both() as (ec2, _):
        checks(ec2, **health)

        seen = path_of(place, BOX)

    assert (seen.state, said in seen.said) == ("dead", True)


def test_an_interface_without_an_instance_is_a_dead_path(place: Place) -> None:
    assert path_of(place, "").state == "dead"


# ---- routes


def interface(ec2: Stubber) -> None:
    eni = {"NetworkInterfaceId": ENI, "TagSet": TAGS, "Status": "in-use"}
    ec2.add_response("describe_network_interfaces", {"NetworkInterfaces": [eni]}, {"Filters": ANY})


def table(ec2: Stubber, target: str, state: str = "active") -> None:
    kind = "NatGatewayId" if target.startswith("nat-") else "NetworkInterfaceId"
    route = {"DestinationCidrBlock": "0.0.0.0/0", kind: target, "State": state}
    ec2.add_response(
        "describe_route_tables",
        {"RouteTables": [{"RouteTableId": TABLE, "Routes": [route]}]},
        {"RouteTableIds": [TABLE]},
    )


def ours(ec2: Stubber) -> None:
    """What is asked for before a note is written: which targets are of the deployment."""
    eni = {"NetworkInterfaceId": ENI, "TagSet": TAGS}
    gateway = {"NatGatewayId": STANDBY, "Tags": TAGS}
    ec2.add_response("describe_network_interfaces", {"NetworkInterfaces": [eni]})
    ec2.add_response("describe_nat_gateways", {"NatGateways": [gateway]})


def replaced(ec2: Stubber, **target: str) -> None:
    asked: dict[str, Any] = {"RouteTableId": TABLE, "DestinationCidrBlock": "0.0.0.0/0", **target}
    ec2.add_response("replace_route", {}, asked)


def led_back(ec2: Stubber) -> None:
    interface(ec2)
    table(ec2, STANDBY)
    ours(ec2)
    replaced(ec2, NetworkInterfaceId=ENI)
    table(ec2, ENI)


def test_a_route_is_led_and_looked_at(place: Place) -> None:
    with stubbed("ec2") as ec2:
        led_back(ec2)

        assert 0 <= lead(place, ROUTE, ENI) < 5


def test_a_route_that_leads_into_nothing_afterwards_is_said(place: Place) -> None:
    with stubbed("ec2") as ec2:
        interface(ec2)
        table(ec2, STANDBY)
        ours(ec2)
        replaced(ec2, NetworkInterfaceId=ENI)
        table(ec2, ENI, "blackhole")

        with refused("LF-6436"):
            lead(place, ROUTE, ENI)


def test_a_path_that_is_dead_once_it_carries_loses_its_route_again(place: Place) -> None:
    later = RouteMove("later", "rtb-2", ("subnet-2",), "0.0.0.0/0", STANDBY, ENI, NAME, BOX)
    alive = PathSeen("alive", "")
    planned = MovesPlan(place, "back", (MOVE, later), (alive, alive), {ENI: BOX})
    with both() as (ec2, ssm):
        led_back(ec2)
        checks(ec2)
        command(ssm)
        invocation(ssm, "Failed", "path dead")
        interface(ec2)
        table(ec2, ENI)
        replaced(ec2, NatGatewayId=STANDBY)
        table(ec2, STANDBY)

        with pytest.raises(FerryError) as said:
            move(planned)

    assert said.value.code == "LF-6437"
    assert "leads to nat-1 again; later ones were not moved" in said.value.where


def test_a_path_that_cannot_be_asked_gets_a_route_by_a_word_alone(place: Place) -> None:
    planned = MovesPlan(place, "back", (MOVE,), (PathSeen("unknown", "not known"),), {ENI: BOX})
    with stubbed("ec2"), refused("LF-6437"):
        move(planned)

    with both() as (ec2, ssm):
        led_back(ec2)
        checks(ec2)
        ssm.add_client_error("send_command", "InvalidInstanceId")
        report = move(planned, unproven=True)

    assert report.is_complete


def test_no_word_leads_a_route_to_a_path_that_is_dead(place: Place) -> None:
    planned = MovesPlan(place, "back", (MOVE,), (PathSeen("dead", "it is stopped"),), {ENI: BOX})

    with stubbed("ec2"), refused("LF-6437"):
        move(planned, unproven=True)
