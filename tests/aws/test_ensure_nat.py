"""NAT instances: what is waited for, what is told of a refusal, and what is never overwritten."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from lakeferry.aws.ensure import ensure, remove
from lakeferry.aws.ensure_routes import set_aside
from lakeferry.aws.place import Place
from lakeferry.network.nat_resources import (
    NO_ROUTE,
    RECORD,
    DefaultRoute,
    ElasticIp,
    InstanceProfile,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)
from tests.aws.ensuring import OURS, TAGS, THEIRS, refused, stubbed

NAME, STANDBY = "lakeferry-m1.nat.us-east-1a", "lakeferry-m1.nat-standby.us-east-1a"
ENI = NetworkInterface(NAME, "subnet-1", ("lakeferry-m1.nat",), "", tags=OURS, id="eni-1")
BOX = NatInstance(
    NAME, "c7gn.large", "arm64", "", "lakeferry-m1.nat", f"to=${{{STANDBY}}} $HOME ${{HOME}}",
    tags=OURS, id="i-1",
)  # fmt: skip
SPARE = StandbyGateway(STANDBY, "subnet-1", OURS, "nat-1", "available")
ROUTE = DefaultRoute("lakeferry-m1.nat.rtb-1", "rtb-1", NAME, tags=OURS, before="nat-9")
PROFILE = InstanceProfile("lakeferry-m1.nat", "lakeferry-m1.nat", OURS)


def interfaces(
    status: str = "available", instance: str = "", tags: list[dict[str, str]] = TAGS
) -> dict[str, Any]:
    found: dict[str, Any] = {"NetworkInterfaceId": "eni-1", "Status": status, "TagSet": tags}
    if instance:
        found["Attachment"] = {"InstanceId": instance}
    return {"NetworkInterfaces": [found]}


def gateways(state: str, id: str = "nat-1", **more: str) -> dict[str, Any]:
    return {"NatGateways": [{"NatGatewayId": id, "State": state, **more}]}


def route(**target: str) -> dict[str, Any]:
    found = [{"DestinationCidrBlock": "0.0.0.0/0", **target}] if target else []
    local = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}
    return {"RouteTables": [{"RouteTableId": "rtb-1", "Routes": [local, *found]}]}


def up(checks: str = "ok") -> dict[str, Any]:
    one = {
        "InstanceState": {"Name": "running"}, "InstanceStatus": {"Status": checks},
        "SystemStatus": {"Status": "ok"},
    }  # fmt: skip
    return {"InstanceStatuses": [one]}


def asked(ssm: Stubber, said: str) -> None:
    """The instance is asked for its path, and says so."""
    ssm.add_response("send_command", {"Command": {"CommandId": "c" * 36}})
    ssm.add_response("get_command_invocation", {"Status": said})


# ---- instances


def test_another_instance_waits_until_the_interface_is_free_and_the_profile_is_known(
    place: Place, slept: list[float]
) -> None:
    parameter = {"Parameter": {"Value": "ami-1"}}
    with stubbed("ec2") as ec2, stubbed("ssm") as ssm:
        ssm.add_response("get_parameter", parameter, {"Name": BOX.image_parameter})
        ec2.add_response("describe_network_interfaces", interfaces("in-use"))
        ec2.add_response("describe_network_interfaces", interfaces())
        ec2.add_response("describe_nat_gateways", gateways("available"))
        ec2.add_client_error(
            "run_instances", "InvalidParameterValue",
            "Value (lakeferry-m1.nat) for parameter iamInstanceProfile.name is invalid. Invalid "
            "IAM Instance Profile name",
        )  # fmt: skip
        ec2.add_response("run_instances", {"Instances": []}, _run())
        ensure(place, BOX, None)

    assert len(slept) == 2


def _run() -> dict[str, Any]:
    named = sorted([*TAGS, {"Key": "Name", "Value": NAME}], key=lambda one: one["Key"])
    disk = {
        "VolumeSize": 8, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True,
    }  # fmt: skip
    return {
        "ImageId": "ami-1", "InstanceType": "c7gn.large", "MinCount": 1, "MaxCount": 1,
        "ClientToken": ANY, "IamInstanceProfile": {"Name": "lakeferry-m1.nat"},
        "NetworkInterfaces": [{"DeviceIndex": 0, "NetworkInterfaceId": "eni-1"}],
        "UserData": ANY,
        "MetadataOptions": {
            "HttpTokens": "required", "HttpPutResponseHopLimit": 1, "HttpEndpoint": "enabled",
        },
        "Monitoring": {"Enabled": True},
        "MaintenanceOptions": {"AutoRecovery": "default"},
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": disk}],
        "TagSpecifications": [
            {"ResourceType": kind, "Tags": named} for kind in ("instance", "volume")
        ],
    }  # fmt: skip


def test_user_data_hold_the_ids_of_gateways_and_keep_the_words_of_the_script(
    place: Place,
) -> None:
    seen: list[str] = []
    with stubbed("ec2") as ec2, stubbed("ssm") as ssm:
        ssm.add_response("get_parameter", {"Parameter": {"Value": "ami-1"}})
        ec2.add_response("describe_network_interfaces", interfaces())
        ec2.add_response("describe_nat_gateways", gateways("available", "nat-77"))
        ec2.add_response("run_instances", {"Instances": []})
        ec2.client.meta.events.register(
            "provide-client-params.ec2.RunInstances",
            lambda params, **_: seen.append(params["UserData"]),
        )
        ensure(place, BOX, None)

    assert seen == ["to=nat-77 $HOME ${HOME}"]


def test_a_type_that_ec2_does_not_offer_is_refused_by_name(place: Place) -> None:
    with stubbed("ec2") as ec2, stubbed("ssm") as ssm, refused("LF-6433"):
        ssm.add_response("get_parameter", {"Parameter": {"Value": "ami-1"}})
        ec2.add_response("describe_network_interfaces", interfaces())
        ec2.add_response("describe_nat_gateways", gateways("available"))
        ec2.add_client_error("run_instances", "Unsupported", "not in your zone")
        ensure(place, BOX, None)


def test_one_that_is_about_to_stop_is_started_when_it_has_stopped(
    place: Place, slept: list[float]
) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_client_error("start_instances", "IncorrectInstanceState", "stopping")
        ec2.add_response("start_instances", {}, {"InstanceIds": ["i-1"]})
        ensure(place, BOX, replace(BOX, running=False))

    assert len(slept) == 1


# ---- what belongs to them


def test_a_profile_of_another_deployment_is_refused(place: Place) -> None:
    theirs = {
        "InstanceProfileName": PROFILE.name, "Path": "/", "InstanceProfileId": "A" * 20,
        "Arn": f"arn:aws:iam::111122223333:instance-profile/{PROFILE.name}",
        "CreateDate": "2026-11-26T00:00:00Z", "Roles": [], "Tags": THEIRS,
    }  # fmt: skip
    with stubbed("iam") as iam, refused("LF-6401"):
        iam.add_client_error("create_instance_profile", "EntityAlreadyExists")
        iam.add_response("get_instance_profile", {"InstanceProfile": theirs})
        ensure(place, PROFILE, None)


def test_an_interface_and_an_address_in_use_are_asked_again(
    place: Place, slept: list[float]
) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_client_error("delete_network_interface", "InvalidParameterValue", "in use")
        ec2.add_client_error("delete_network_interface", "InvalidNetworkInterface.InUse")
        ec2.add_response("delete_network_interface", {})
        remove(place, ENI)
        ec2.add_client_error("release_address", "InvalidIPAddress.InUse")
        ec2.add_client_error("release_address", "InvalidAllocationID.NotFound")
        remove(place, ElasticIp(STANDBY, tags=OURS, id="eipalloc-1"))

    assert len(slept) == 3


def test_a_gateway_that_failed_is_an_error_with_awss_reason(place: Place) -> None:
    failed = gateways(
        "failed", FailureCode="InsufficientFreeAddressesInSubnet", FailureMessage="no room"
    )
    with stubbed("ec2") as ec2, refused("InsufficientFreeAddressesInSubnet: no room"):
        ec2.add_response("describe_addresses", {"Addresses": [{"AllocationId": "eipalloc-1"}]})
        ec2.add_response("create_nat_gateway", {})
        ec2.add_response("describe_nat_gateways", failed)
        ensure(place, SPARE, None)


def test_a_gateway_is_waited_for_until_it_is_there_and_until_it_is_gone(
    place: Place, slept: list[float]
) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response("describe_addresses", {"Addresses": [{"AllocationId": "eipalloc-1"}]})
        ec2.add_response("create_nat_gateway", {})
        ec2.add_response("describe_nat_gateways", gateways("pending"))
        ec2.add_response("describe_nat_gateways", gateways("available"))
        ensure(place, SPARE, None)
        ec2.add_response("delete_nat_gateway", {})
        ec2.add_response("describe_nat_gateways", gateways("deleting"))
        ec2.add_response("describe_nat_gateways", gateways("deleted"))
        remove(place, SPARE)

    assert len(slept) == 2


# ---- routes


def test_a_route_moves_when_the_path_through_the_instance_is_alive_and_its_target_is_noted(
    place: Place, slept: list[float]
) -> None:
    with stubbed("ec2") as ec2, stubbed("ssm") as ssm:
        ec2.add_response("describe_route_tables", route(NatGatewayId="nat-9"))
        for _ in range(2):
            ec2.add_response("describe_network_interfaces", interfaces("in-use", "i-1"))
        ec2.add_response("describe_instance_status", up("initializing"))
        for said in ("Failed", "Success"):  # EC2's checks say nothing of forwarding
            ec2.add_response("describe_network_interfaces", interfaces("in-use", "i-1"))
            ec2.add_response("describe_instance_status", up())
            asked(ssm, said)
        ec2.add_response("describe_network_interfaces", interfaces())
        ec2.add_response("describe_nat_gateways", gateways("available"))
        note = {"Key": f"{RECORD}rtb-1", "Value": "nat-9"}
        ec2.add_response("create_tags", {}, {"Resources": ["eni-1"], "Tags": [note]})
        ec2.add_response(
            "replace_route", {},
            {"RouteTableId": "rtb-1", "DestinationCidrBlock": "0.0.0.0/0",
             "NetworkInterfaceId": "eni-1"},
        )  # fmt: skip
        ensure(place, ROUTE, None)

    assert len(slept) == 2


def test_a_path_that_never_comes_alive_gets_no_route_and_the_reason_is_told(
    place: Place,
) -> None:
    with stubbed("ec2") as ec2, stubbed("ssm") as ssm:
        ec2.add_response("describe_route_tables", route(NatGatewayId="nat-9"))
        ec2.add_response("describe_network_interfaces", interfaces("in-use", "i-1"))
        for _ in range(43):  # within 10 minutes, at most 15 s apart
            ec2.add_response("describe_network_interfaces", interfaces("in-use", "i-1"))
            ec2.add_response("describe_instance_status", up())
            ssm.add_client_error("send_command", "InvalidInstanceId")
        with refused("LF-6404.*not known to be alive") as told:
            ensure(place, ROUTE, None)

    assert "i-1 is not known to Systems Manager" in told.value.where
    assert "its routes were not moved" in told.value.where
    assert "failback --unproven" in told.value.next_step


def test_no_word_is_offered_for_a_path_that_is_dead(place: Place) -> None:
    with stubbed("ec2") as ec2, stubbed("ssm"):
        ec2.add_response("describe_route_tables", route(NatGatewayId="nat-9"))
        ec2.add_response("describe_network_interfaces", interfaces("in-use", "i-1"))
        for _ in range(43):
            ec2.add_response("describe_network_interfaces", interfaces("in-use", "i-1"))
            ec2.add_response("describe_instance_status", up("impaired"))
        with refused("LF-6404.*not known to be alive") as told:
            ensure(place, ROUTE, None)

    assert "cloud-init-output.log" in told.value.next_step
    assert "--unproven" not in told.value.next_step


def test_a_route_that_leads_there_already_is_not_asked_about(place: Place) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response("describe_route_tables", route(NetworkInterfaceId="eni-1"))
        ec2.add_response("describe_network_interfaces", interfaces("in-use", "i-1"))
        ensure(place, ROUTE, None)


def test_a_route_that_failed_over_is_led_back_and_its_note_is_not_overwritten(
    place: Place,
) -> None:
    with stubbed("ec2") as ec2, stubbed("ssm") as ssm:
        ec2.add_response("describe_route_tables", route(NatGatewayId="nat-1"))
        for _ in range(2):
            ec2.add_response("describe_network_interfaces", interfaces("in-use", "i-1"))
        ec2.add_response("describe_instance_status", up())
        asked(ssm, "Success")
        ec2.add_response("describe_network_interfaces", interfaces())
        ec2.add_response("describe_nat_gateways", gateways("available"))
        ec2.add_response("replace_route", {})
        ensure(place, ROUTE, ROUTE)


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ("nat-9", "NatGatewayId"), ("eni-9", "NetworkInterfaceId"), ("i-9", "InstanceId"),
        ("igw-9", "GatewayId"), ("vgw-9", "GatewayId"), ("tgw-9", "TransitGatewayId"),
        ("pcx-9", "VpcPeeringConnectionId"), ("vpce-9", "VpcEndpointId"),
        ("arn:aws:networkmanager::1:core-network/c", "CoreNetworkArn"),
    ],
)  # fmt: skip
def test_a_route_is_given_back_to_whatever_it_led_to(place: Place, target: str, field: str) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response("describe_route_tables", route(NetworkInterfaceId="eni-1"))
        ec2.add_response("describe_network_interfaces", interfaces())
        ec2.add_response("describe_nat_gateways", {"NatGateways": []})
        if target.startswith("nat-"):
            ec2.add_response("describe_nat_gateways", gateways("available", target))
        ec2.add_response(
            "replace_route", {},
            {"RouteTableId": "rtb-1", "DestinationCidrBlock": "0.0.0.0/0", field: target},
        )  # fmt: skip
        ec2.add_response("describe_network_interfaces", interfaces())
        ec2.add_response("delete_tags", {})
        remove(place, replace(ROUTE, before=target))


def test_a_route_that_was_not_there_before_is_deleted(place: Place) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response("describe_route_tables", route(NetworkInterfaceId="eni-1"))
        ec2.add_response("describe_network_interfaces", interfaces())
        ec2.add_response("describe_nat_gateways", {"NatGateways": []})
        ec2.add_response("delete_route", {})
        ec2.add_response("describe_network_interfaces", {"NetworkInterfaces": []})
        remove(place, replace(ROUTE, before=NO_ROUTE))


@pytest.mark.parametrize(
    ("before", "there", "said"),
    [
        ("nat-9", gateways("deleted", "nat-9"), "led to nat-9 before, which is gone"),
        ("nat-9", {"NatGateways": []}, "led to nat-9 before, which is gone"),
        ("eni-9", None, "led to eni-9 before, which is gone"),
        ("", None, "has no note of where it led before"),
    ],
)
def test_a_route_that_cannot_be_given_back_stays_and_the_person_is_told(
    place: Place, before: str, there: dict[str, Any] | None, said: str
) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response("describe_route_tables", route(NetworkInterfaceId="eni-1"))
        ec2.add_response("describe_network_interfaces", interfaces())
        ec2.add_response("describe_nat_gateways", {"NatGateways": []})
        if there is not None:
            ec2.add_response("describe_nat_gateways", there)
        elif before:
            ec2.add_client_error("replace_route", "InvalidNetworkInterfaceID.NotFound")
        with refused("LF-6439") as error:
            remove(place, replace(ROUTE, before=before))

    assert said in error.value.what
    assert "delete-route --route-table-id rtb-1" in error.value.next_step


def test_a_route_that_somebody_else_moved_is_theirs(place: Place) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response("describe_route_tables", route(NatGatewayId="nat-theirs"))
        ec2.add_response("describe_network_interfaces", interfaces())
        ec2.add_response("describe_nat_gateways", gateways("available"))
        ec2.add_response("describe_network_interfaces", {"NetworkInterfaces": []})
        remove(place, ROUTE)


def test_a_route_does_not_stand_aside_on_a_gateway_that_was_deleted(place: Place) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response("describe_nat_gateways", {"NatGateways": []})
        ec2.add_response("describe_route_tables", route(NetworkInterfaceId="eni-1"))
        ec2.add_response("describe_nat_gateways", gateways("deleted", "nat-9"))
        set_aside(place, ROUTE, STANDBY)


@pytest.mark.parametrize(
    ("there", "target"), [(gateways("available"), "nat-1"), ({"NatGateways": []}, "nat-9")]
)
def test_a_route_stands_aside_to_what_stands_by_or_to_what_it_led_to_before(
    place: Place, there: dict[str, Any], target: str
) -> None:
    with stubbed("ec2") as ec2:
        ec2.add_response("describe_nat_gateways", there)
        ec2.add_response("describe_route_tables", route(NetworkInterfaceId="eni-1"))
        ec2.add_response("describe_nat_gateways", gateways("available", target))
        ec2.add_response(
            "replace_route", {},
            {"RouteTableId": "rtb-1", "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": target},
        )  # fmt: skip
        set_aside(place, ROUTE, STANDBY)
