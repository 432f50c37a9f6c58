"""NAT instances and what belongs to them but for routes: made, changed, removed.

Everything bears its tags from the first moment on: what a cut-off run left is known as ours.

Source: EC2 API Reference, CreateNetworkInterface, AllocateAddress, CreateNatGateway, RunInstances
and their opposites; IAM API Reference, CreateInstanceProfile.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from lakeferry.aws.ensure_network import group_ids, retag, specified
from lakeferry.aws.patience import until
from lakeferry.aws.place import Place, tag_change, tag_list
from lakeferry.errors import FerryError
from lakeferry.network.nat_resources import (
    DISK_DEVICE,
    DISK_GB,
    ElasticIp,
    InstanceProfile,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.resources import OWNER_TAG

KNOWN_IN_S = 120  # a new instance profile, everywhere
GONE_IN_S = 600  # an instance that ends lets go of its interface within minutes
THERE_IN_S = 600
_NO_PROFILE = re.compile("[Ii]nstance [Pp]rofile")
_NOT_HERE = ("Unsupported", "InvalidInstanceType")
_MARK = re.compile(r"\$\{([a-z0-9_.-]+)\}")  # in user data, see `monitor.nat.names.id_mark`


# ---- instance profiles


def ensure_profile(place: Place, wanted: InstanceProfile, before: InstanceProfile | None) -> None:
    """A profile with one role, which is all that a profile can have."""
    arn, name = place.arn("iam", f"instance-profile/{wanted.name}"), wanted.name
    if before is None:
        before = _made_profile(place, wanted, arn)
    if before.role and before.role != wanted.role:
        place.ask("iam", "remove_role_from_instance_profile", arn,
                  InstanceProfileName=name, RoleName=before.role)  # fmt: skip
    if before.role != wanted.role:
        place.ask("iam", "add_role_to_instance_profile", arn,
                  InstanceProfileName=name, RoleName=wanted.role)  # fmt: skip
    change = tag_change(before.tags, wanted.tags)
    if change.put:
        place.ask("iam", "tag_instance_profile", arn,
                  InstanceProfileName=name, Tags=tag_list(change.put))  # fmt: skip
    if change.drop:
        place.ask("iam", "untag_instance_profile", arn,
                  InstanceProfileName=name, TagKeys=list(change.drop))  # fmt: skip


def _made_profile(place: Place, wanted: InstanceProfile, arn: str) -> InstanceProfile:
    """A new profile, without a role; or the one that is there, if it is ours."""
    name = wanted.name
    _, taken = place.attempt(
        "iam", "create_instance_profile", arn, ("EntityAlreadyExists",),
        InstanceProfileName=name, Tags=tag_list(wanted.tags),
    )  # fmt: skip
    if not taken:
        return InstanceProfile(name, "", wanted.tags)
    there = place.ask("iam", "get_instance_profile", arn, InstanceProfileName=name)
    profile = there["InstanceProfile"]
    tags = {one["Key"]: one["Value"] for one in profile.get("Tags", ())}
    place.check_ours(f"the instance profile `{name}`", tags)
    roles = [one["RoleName"] for one in profile["Roles"]]
    return InstanceProfile(name, roles[0] if roles else "", tags)


def remove_profile(place: Place, found: InstanceProfile) -> None:
    arn, gone = place.arn("iam", f"instance-profile/{found.name}"), ("NoSuchEntity",)
    if found.role:
        place.attempt("iam", "remove_role_from_instance_profile", arn, gone,
                      InstanceProfileName=found.name, RoleName=found.role)  # fmt: skip
    place.attempt("iam", "delete_instance_profile", arn, gone, InstanceProfileName=found.name)


# ---- interfaces


def ensure_interface(
    place: Place, wanted: NetworkInterface, before: NetworkInterface | None
) -> None:
    """An interface that forwards: it takes what is not addressed to it."""
    if before is None:
        answer = place.ask(
            "ec2", "create_network_interface", wanted.name,
            SubnetId=wanted.subnet_id, Description=wanted.description,
            Groups=_groups(place, wanted),
            ClientToken=str(uuid.uuid4()),
            TagSpecifications=specified("network-interface", wanted.name, wanted.tags),
        )  # fmt: skip
        id, checks = answer["NetworkInterface"]["NetworkInterfaceId"], True
    else:
        id, checks = before.id, before.source_dest_check
        if before.security_groups != wanted.security_groups:
            place.ask("ec2", "modify_network_interface_attribute", id,
                      NetworkInterfaceId=id, Groups=_groups(place, wanted))  # fmt: skip
        retag(place, id, wanted.tags, before.tags)
    if checks != wanted.source_dest_check:
        place.ask("ec2", "modify_network_interface_attribute", id, NetworkInterfaceId=id,
                  SourceDestCheck={"Value": wanted.source_dest_check})  # fmt: skip


def _groups(place: Place, wanted: NetworkInterface) -> list[str]:
    subnets = place.ask("ec2", "describe_subnets", wanted.subnet_id,
                        Filters=[{"Name": "subnet-id", "Values": [wanted.subnet_id]}])  # fmt: skip
    (subnet,) = subnets["Subnets"]
    return group_ids(place, subnet["VpcId"], wanted.security_groups)


def remove_interface(place: Place, found: NetworkInterface) -> None:
    """An instance that ends holds its interface for a while."""

    def gone() -> bool | None:
        _, code = place.attempt(
            "ec2", "delete_network_interface", found.id,
            ("InvalidParameterValue", "InvalidNetworkInterface.InUse",
             "InvalidNetworkInterfaceID.NotFound"),
            NetworkInterfaceId=found.id,
        )  # fmt: skip
        return None if code and "NotFound" not in code else True

    _wait(place, gone, f"the interface `{found.name}` is still in use", found.id, GONE_IN_S)


def interface_of(place: Place, name: str) -> Mapping[str, Any]:
    """EC2's answer about an interface of ours; LF-6404 where there is none."""
    answer = place.ask("ec2", "describe_network_interfaces", name, Filters=ours(place, name))
    if not answer["NetworkInterfaces"]:
        raise _not_there(place, f"the interface `{name}`")
    found: Mapping[str, Any] = answer["NetworkInterfaces"][0]
    return found


# ---- addresses


def ensure_address(place: Place, wanted: ElasticIp, before: ElasticIp | None) -> None:
    """An address; on its interface, where it has one."""
    if before is None:
        answer = place.ask(
            "ec2", "allocate_address", wanted.name,
            Domain="vpc", TagSpecifications=specified("elastic-ip", wanted.name, wanted.tags),
        )  # fmt: skip
        id, interface = answer["AllocationId"], ""
    else:
        id, interface = before.id, before.interface
        retag(place, id, wanted.tags, before.tags)
    if wanted.interface and interface != wanted.interface:
        target = interface_of(place, wanted.interface)["NetworkInterfaceId"]
        place.ask("ec2", "associate_address", id, AllocationId=id,
                  NetworkInterfaceId=target, AllowReassociation=True)  # fmt: skip


def remove_address(place: Place, found: ElasticIp) -> None:
    """A gateway that goes keeps its address until it is gone."""
    if found.interface and found.association:
        place.attempt("ec2", "disassociate_address", found.id, ("InvalidAssociationID.NotFound",),
                      AssociationId=found.association)  # fmt: skip

    def gone() -> bool | None:
        _, code = place.attempt(
            "ec2", "release_address", found.id,
            ("InvalidAllocationID.NotFound", "InvalidIPAddress.InUse"), AllocationId=found.id,
        )  # fmt: skip
        return None if code == "InvalidIPAddress.InUse" else True

    _wait(place, gone, f"the address `{found.name}` is still in use", found.id, GONE_IN_S)


def _allocation(place: Place, name: str) -> str:
    answer = place.ask("ec2", "describe_addresses", name, Filters=ours(place, name))
    if not answer["Addresses"]:
        raise _not_there(place, f"the address `{name}`")
    id: str = answer["Addresses"][0]["AllocationId"]
    return id


# ---- gateways that stand by


def ensure_gateway(place: Place, wanted: StandbyGateway, before: StandbyGateway | None) -> None:
    """A NAT gateway with the address of its own name, waited for: routes may need it any time."""
    if before is None:
        place.ask(
            "ec2", "create_nat_gateway", wanted.name,
            SubnetId=wanted.subnet_id, AllocationId=_allocation(place, wanted.name),
            ConnectivityType="public", ClientToken=str(uuid.uuid4()),
            TagSpecifications=specified("natgateway", wanted.name, wanted.tags),
        )  # fmt: skip
    else:
        retag(place, before.id, wanted.tags, before.tags)

    def there() -> Mapping[str, Any] | None:
        found = gateway_of(place, wanted.name)
        return found if found and found["State"] != "pending" else None

    what = f"the NAT gateway `{wanted.name}` is not available yet"
    found = _wait(place, there, what, wanted.name, THERE_IN_S)
    if found["State"] != "available":
        raise FerryError(
            "LF-6403",
            f"AWS did not make the NAT gateway `{wanted.name}`",
            f"{found.get('FailureCode', '')}: {found.get('FailureMessage', '')}; "
            f"{place.access.shown}",
            "mend what the message names, then run the same command again",
        )


def gateway_of(place: Place, name: str) -> Mapping[str, Any] | None:
    """EC2's answer about a standby gateway of ours; one that failed where no other is there."""
    answer = place.ask("ec2", "describe_nat_gateways", name, Filter=ours(place, name))
    rank = ("available", "pending", "failed")
    found = [one for one in answer["NatGateways"] if one["State"] in rank]
    return min(found, key=lambda one: rank.index(one["State"]), default=None)


def remove_gateway(place: Place, found: StandbyGateway) -> None:
    """Waited for until it is gone: its address is free then."""
    missing = ("NatGatewayNotFound", "InvalidNatGatewayID.NotFound")
    place.attempt("ec2", "delete_nat_gateway", found.id, missing, NatGatewayId=found.id)

    def gone() -> bool | None:
        answer, _ = place.attempt(
            "ec2", "describe_nat_gateways", found.id, missing, NatGatewayIds=[found.id]
        )
        return all(one["State"] == "deleted" for one in answer.get("NatGateways", ())) or None

    _wait(place, gone, f"the NAT gateway `{found.name}` is still being deleted", found.id,
          GONE_IN_S)  # fmt: skip


# ---- instances


def ensure_instance(place: Place, wanted: NatInstance, before: NatInstance | None) -> None:
    """An instance on its interface, or what EC2 lets change of the one that is there."""
    if before is None:
        _run(place, wanted)
        return
    id = before.id
    if not before.running:
        _start(place, before)
    if wanted.monitoring and not before.monitoring:
        place.ask("ec2", "monitor_instances", id, InstanceIds=[id])
    if (wanted.tokens, wanted.hops) != (before.tokens, before.hops):
        place.ask("ec2", "modify_instance_metadata_options", id, InstanceId=id,
                  HttpTokens=wanted.tokens, HttpPutResponseHopLimit=wanted.hops)  # fmt: skip
    if wanted.recovery != before.recovery:
        place.ask("ec2", "modify_instance_maintenance_options", id, InstanceId=id,
                  AutoRecovery=wanted.recovery)  # fmt: skip
    retag(place, id, wanted.tags, before.tags)


def _start(place: Place, before: NatInstance) -> None:
    """One that is about to stop can be started when it has stopped."""

    def started() -> bool | None:
        _, code = place.attempt("ec2", "start_instances", before.id, ("IncorrectInstanceState",),
                                InstanceIds=[before.id])  # fmt: skip
        return None if code else True

    _wait(place, started, f"the instance `{before.name}` cannot be started", before.id, THERE_IN_S)


def _run(place: Place, wanted: NatInstance) -> None:
    request = _request(place, wanted)

    def made() -> bool | None:
        """None while the instance profile is not known everywhere."""
        try:
            _, code = place.attempt("ec2", "run_instances", wanted.name, _NOT_HERE, **request)
        except FerryError as error:
            if error.code == "LF-1206" and _NO_PROFILE.search(error.what):
                return None
            raise
        if code:
            raise _not_offered(place, wanted.type)
        return True

    what = f"EC2 cannot take the instance profile `{wanted.profile}` yet"
    _wait(place, made, what, wanted.name, KNOWN_IN_S)


def _not_offered(place: Place, type: str) -> FerryError:
    return FerryError(
        "LF-6433",
        f"EC2 does not offer {type} here",
        place.access.shown,
        "take another type (--nat-type, `network.nat.type`), or subnets of another zone",
    )


def _request(place: Place, wanted: NatInstance) -> Mapping[str, Any]:
    tagged = [
        one for kind in ("instance", "volume") for one in specified(kind, wanted.name, wanted.tags)
    ]
    disk = {"VolumeSize": DISK_GB, "VolumeType": "gp3", "Encrypted": True}
    return {
        "ImageId": wanted.image or _newest(place, wanted),
        "InstanceType": wanted.type,
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": str(uuid.uuid4()),
        "NetworkInterfaces": [
            {"DeviceIndex": 0, "NetworkInterfaceId": _free_interface(place, wanted.name)}
        ],
        "IamInstanceProfile": {"Name": wanted.profile},
        "UserData": _with_ids(place, wanted.user_data),
        "MetadataOptions": {
            "HttpTokens": wanted.tokens,
            "HttpPutResponseHopLimit": wanted.hops,
            "HttpEndpoint": "enabled",
        },
        "Monitoring": {"Enabled": wanted.monitoring},
        "MaintenanceOptions": {"AutoRecovery": wanted.recovery},
        "BlockDeviceMappings": [
            {"DeviceName": DISK_DEVICE, "Ebs": {**disk, "DeleteOnTermination": True}}
        ],
        "TagSpecifications": tagged,
    }


def _newest(place: Place, wanted: NatInstance) -> str:
    """The newest image; from then on the instance keeps it."""
    name = wanted.image_parameter
    answer = place.ask("ssm", "get_parameter", name, Name=name)
    image: str = answer["Parameter"]["Value"]
    return image


def _free_interface(place: Place, name: str) -> str:
    """The interface's id, once the instance that had it before has let go of it."""

    def free() -> str | None:
        found = interface_of(place, name)
        id: str = found["NetworkInterfaceId"]
        return id if found["Status"] == "available" else None

    return str(_wait(place, free, f"the interface `{name}` is still in use", name, GONE_IN_S))


def _with_ids(place: Place, user_data: str) -> str:
    """User data with the ids of standby gateways in place of their marks."""
    for name in sorted(set(_MARK.findall(user_data))):
        if not name.startswith("lakeferry-"):
            continue  # a variable of the script
        found = gateway_of(place, name)
        if found is None:
            raise _not_there(place, f"the NAT gateway `{name}`")
        user_data = user_data.replace(f"${{{name}}}", found["NatGatewayId"])
    return user_data


def remove_instance(place: Place, found: NatInstance) -> None:
    """Asked to end; its interface is waited for by whoever needs that."""
    place.attempt("ec2", "terminate_instances", found.id, ("InvalidInstanceID.NotFound",),
                  InstanceIds=[found.id])  # fmt: skip


# ---- parts


def ours(place: Place, name: str) -> list[Mapping[str, Any]]:
    """Filters for what bears a name and the deployment's tag."""
    return [
        {"Name": "tag:Name", "Values": [name]},
        {"Name": f"tag:{OWNER_TAG}", "Values": [place.deployment]},
    ]


def _wait(place: Place, done: Any, what: str, on: str, timeout_s: float) -> Any:
    where = f"{on}; {place.access.shown}"
    return until(done, what, where, timeout_s=timeout_s, sleep=place.sleep)


def _not_there(place: Place, what: str) -> FerryError:
    return FerryError(
        "LF-6404",
        f"{what} is not there yet",
        place.access.shown,
        "run the same command again: it goes on from there",
    )
