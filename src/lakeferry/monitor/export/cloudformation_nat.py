"""NAT instances and what belongs to them as resources of CloudFormation. Pure.

Default routes are not among them: CloudFormation can make a route and cannot change one that is
there. See `route_commands`.

Source: CloudFormation Template Reference, AWS::EC2::Instance, NetworkInterface, EIP,
EIPAssociation, NatGateway, AWS::IAM::InstanceProfile; User Guide, "Get a plaintext value from
Systems Manager Parameter Store".
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lakeferry.monitor.export.cloudformation_values import (
    Entry,
    Template,
    group_ids,
    logical_id,
    present,
    ref,
    script,
    tag_list,
)
from lakeferry.monitor.export.template_names import Names
from lakeferry.network.nat_resources import (
    DISK_DEVICE,
    DISK_GB,
    ElasticIp,
    InstanceProfile,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.resources import Role


def profile(names: Names, one: InstanceProfile) -> tuple[str, Template]:
    """CloudFormation has no tags of it."""
    role = names.made(Role, one.role)
    return "AWS::IAM::InstanceProfile", {
        "InstanceProfileName": one.name,
        "Roles": [ref(names, role) if role else one.role],
    }


def interface(names: Names, one: NetworkInterface) -> tuple[str, Template]:
    return "AWS::EC2::NetworkInterface", {
        "SubnetId": one.subnet_id,
        "GroupSet": group_ids(names, one.security_groups),
        "Description": one.description,
        "SourceDestCheck": one.source_dest_check,
        "Tags": tag_list(one.tags, one.name),
    }


def address(_names: Names, one: ElasticIp) -> tuple[str, Template]:
    return "AWS::EC2::EIP", {"Domain": "vpc", "Tags": tag_list(one.tags, one.name)}


def association(names: Names, one: ElasticIp) -> Iterator[Entry]:
    """What binds an address to its interface; a standby gateway takes its own itself."""
    to = names.made(NetworkInterface, one.interface)
    if to:
        properties = {"AllocationId": _allocation(names, one), "NetworkInterfaceId": ref(names, to)}
        yield (
            association_id(names, one),
            {"Type": "AWS::EC2::EIPAssociation", "Properties": properties},
        )


def association_id(names: Names, one: ElasticIp) -> str:
    return f"{logical_id(names, one)}Association"


def _allocation(names: Names, one: ElasticIp) -> Template:
    return {"Fn::GetAtt": [logical_id(names, one), "AllocationId"]}


def standby(names: Names, one: StandbyGateway) -> tuple[str, Template]:
    own = names.made(ElasticIp, one.name)
    assert isinstance(own, ElasticIp), "a standby gateway's address is made with it"
    return "AWS::EC2::NatGateway", {
        "ConnectivityType": "public",
        "AllocationId": _allocation(names, own),
        "SubnetId": one.subnet_id,
        "Tags": tag_list(one.tags, one.name),
    }


def instance(names: Names, one: NatInstance) -> tuple[str, Template]:
    """The image is looked up when the instance is made, and not again by an update of others."""
    assert one.recovery == "default", "without a launch template EC2 has its default alone"
    made, own = names.made(InstanceProfile, one.profile), names.made(NetworkInterface, one.name)
    assert own is not None, "an instance's interface is made with it"
    disk = {
        "VolumeType": "gp3",
        "VolumeSize": DISK_GB,
        "Encrypted": True,
        "DeleteOnTermination": True,
    }
    return "AWS::EC2::Instance", present(
        {
            "ImageId": one.image or f"{{{{resolve:ssm:{one.image_parameter}}}}}",
            "InstanceType": one.type,
            "IamInstanceProfile": ref(names, made) if made else one.profile,
            "NetworkInterfaces": [{"DeviceIndex": "0", "NetworkInterfaceId": ref(names, own)}],
            "BlockDeviceMappings": [{"DeviceName": DISK_DEVICE, "Ebs": disk}],
            "UserData": {"Fn::Base64": script(names, one.user_data)},
            "Monitoring": one.monitoring,
            "MetadataOptions": {
                "HttpEndpoint": "enabled",
                "HttpTokens": one.tokens,
                "HttpPutResponseHopLimit": one.hops,
            },
            "PropagateTagsToVolumeOnCreation": True,
            "Tags": tag_list(one.tags, one.name),
        }
    )


MAKERS: Mapping[type, Callable[[Names, Any], tuple[str, Template]]] = {
    InstanceProfile: profile,
    NetworkInterface: interface,
    ElasticIp: address,
    StandbyGateway: standby,
    NatInstance: instance,
}
