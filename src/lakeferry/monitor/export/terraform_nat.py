"""NAT instances and what belongs to them as resources of Terraform's AWS provider. Pure.

Default routes are not among them: the provider can make a route, and refuses one that is there.

Source: Terraform Registry, hashicorp/aws, aws_instance, aws_network_interface, aws_eip,
aws_eip_association, aws_nat_gateway, aws_iam_instance_profile, data aws_ssm_parameter.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lakeferry.monitor.export.template_names import Names
from lakeferry.monitor.export.terraform_values import (
    Block,
    Entry,
    group_ids,
    label_of,
    of,
    script,
    tags_of,
)
from lakeferry.network.nat_resources import (
    DISK_GB,
    ElasticIp,
    InstanceProfile,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.resources import Role


def profile(names: Names, one: InstanceProfile) -> Block:
    role = names.made(Role, one.role)
    return {
        "name": one.name,
        "role": of(names, role, "name") if role else one.role,
        "tags": tags_of(names, one.tags),
    }


def interface(names: Names, one: NetworkInterface) -> Block:
    return {
        "subnet_id": one.subnet_id,
        "security_groups": group_ids(names, one.security_groups),
        "description": one.description,
        "source_dest_check": one.source_dest_check,
        "tags": tags_of(names, one.tags, one.name),
    }


def address(names: Names, one: ElasticIp) -> Block:
    return {"domain": "vpc", "tags": tags_of(names, one.tags, one.name)}


def association(names: Names, one: ElasticIp) -> Iterator[Entry]:
    """What binds an address to its interface; a standby gateway takes its own itself."""
    to = names.made(NetworkInterface, one.interface)
    if to:
        arguments = {
            "allocation_id": of(names, one, "allocation_id"),
            "network_interface_id": of(names, to, "id"),
        }
        yield "aws_eip_association", label_of(names, one), arguments


def standby(names: Names, one: StandbyGateway) -> Block:
    own = names.made(ElasticIp, one.name)
    assert own is not None, "a standby gateway's address is made with it"
    return {
        "connectivity_type": "public",
        "allocation_id": of(names, own, "allocation_id"),
        "subnet_id": one.subnet_id,
        "tags": tags_of(names, one.tags, one.name),
    }


def instance(names: Names, one: NatInstance) -> Block:
    """A newer image makes no new instance: that one would ask for an interface that is in use."""
    made, own = names.made(InstanceProfile, one.profile), names.made(NetworkInterface, one.name)
    assert own is not None, "an instance's interface is made with it"
    looked_up = f"${{data.aws_ssm_parameter.{image_label(one)}.value}}"
    found: Block = {
        "ami": one.image or looked_up,
        "instance_type": one.type,
        "iam_instance_profile": of(names, made, "name") if made else one.profile,
        "primary_network_interface": {"network_interface_id": of(names, own, "id")},
        "root_block_device": {
            "volume_type": "gp3",
            "volume_size": DISK_GB,
            "encrypted": True,
            "delete_on_termination": True,
            "tags": tags_of(names, one.tags, one.name),
        },
        "user_data": script(names, one.user_data),
        "monitoring": one.monitoring,
        "metadata_options": {
            "http_endpoint": "enabled",
            "http_tokens": one.tokens,
            "http_put_response_hop_limit": one.hops,
        },
        "maintenance_options": {"auto_recovery": one.recovery},
        "tags": tags_of(names, one.tags, one.name),
    }
    return found if one.image else {**found, "lifecycle": {"ignore_changes": ["ami"]}}


def image_label(one: NatInstance) -> str:
    return f"image_{one.arch}"


def images(names: Names) -> Block:
    """The data that say which image is the newest."""
    by_label = {image_label(one): one for one in names.of(NatInstance) if not one.image}
    return {label: {"name": one.image_parameter} for label, one in sorted(by_label.items())}


MAKERS: Mapping[type, Callable[[Names, Any], Block]] = {
    InstanceProfile: profile,
    NetworkInterface: interface,
    ElasticIp: address,
    StandbyGateway: standby,
    NatInstance: instance,
}
