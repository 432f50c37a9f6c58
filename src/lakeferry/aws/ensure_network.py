"""Security groups and VPC endpoints: made, changed, removed.

Private DNS is turned on when the endpoint is available, not before: a name that leads to an
endpoint that does not answer yet is an outage.

Source: EC2 API Reference, CreateSecurityGroup, CreateVpcEndpoint, ModifyVpcEndpoint,
DeleteVpcEndpoints (`Unsuccessful` inside an answer that is a success).
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from lakeferry.aws.patience import until
from lakeferry.aws.place import Place, tag_change, tag_list
from lakeferry.errors import FerryError
from lakeferry.network.resources import OWNER_TAG, PortRange, SecurityGroup, Tags, VpcEndpoint

GONE_IN_S = 600  # an interface endpoint takes minutes to let go of its interfaces
THERE_IN_S = 600
_NO_ENDPOINT = ("InvalidVpcEndpoint.NotFound", "InvalidVpcEndpointId.NotFound")


# ---- tags of everything in EC2


def specified(kind: str, name: str, tags: Tags) -> list[Mapping[str, Any]]:
    """`TagSpecifications` with the name as the tag Name."""
    return [{"ResourceType": kind, "Tags": tag_list({**tags, "Name": name})}]


def retag(place: Place, id: str, wanted: Tags, before: Tags) -> None:
    change = tag_change(before, wanted)
    if change.put:
        place.ask("ec2", "create_tags", id, Resources=[id], Tags=tag_list(change.put))
    if change.drop:
        keys = [{"Key": key} for key in change.drop]
        place.ask("ec2", "delete_tags", id, Resources=[id], Tags=keys)


# ---- security groups


def ensure_security_group(
    place: Place, wanted: SecurityGroup, before: SecurityGroup | None
) -> None:
    """Its rules are compared port by port and address by address; rules outwards are AWS's own."""
    if before is None:
        before = _made_group(place, wanted)
    shall, there = _entries(wanted.ingress), _entries(before.ingress)
    if missing := sorted(shall - there):
        place.ask(
            "ec2", "authorize_security_group_ingress", before.id,
            GroupId=before.id, IpPermissions=[_permission(one) for one in missing],
        )  # fmt: skip
    if strange := sorted(there - shall):
        place.ask(
            "ec2", "revoke_security_group_ingress", before.id,
            GroupId=before.id, IpPermissions=[_permission(one) for one in strange],
        )  # fmt: skip
    retag(place, before.id, wanted.tags, before.tags)


def _made_group(place: Place, wanted: SecurityGroup) -> SecurityGroup:
    """A group without rules; or the one that is there, if it is ours."""
    answer, _ = place.attempt(
        "ec2", "create_security_group", wanted.name, ("InvalidGroup.Duplicate",),
        GroupName=wanted.name, Description=wanted.description, VpcId=wanted.vpc_id,
        TagSpecifications=specified("security-group", wanted.name, wanted.tags),
    )  # fmt: skip
    if answer:
        return replace(wanted, id=answer["GroupId"], ingress=())
    (group,) = _groups(place, wanted.vpc_id, [wanted.name])
    tags = {one["Key"]: one["Value"] for one in group.get("Tags", ())}
    place.check_ours(f"the security group `{wanted.name}`", tags)
    there = _ranges(group.get("IpPermissions", ()))
    return replace(wanted, id=group["GroupId"], ingress=there, tags=tags)


def remove_security_group(place: Place, found: SecurityGroup) -> None:
    """Interfaces of an endpoint that goes hold their group for a while."""

    def gone() -> bool | None:
        _, code = place.attempt(
            "ec2", "delete_security_group", found.id,
            ("DependencyViolation", "InvalidGroup.NotFound"), GroupId=found.id,
        )  # fmt: skip
        return None if code == "DependencyViolation" else True

    what = f"the security group `{found.name}` is still in use"
    until(
        gone,
        what,
        f"{found.id}; {place.access.shown}",
        timeout_s=GONE_IN_S,
        sleep=place.sleep,
    )


Entry = tuple[str, int, int, str]  # protocol, first port, last port, address


def _entries(ranges: Iterable[PortRange]) -> set[Entry]:
    return {(one.protocol, one.first, one.last, cidr) for one in ranges for cidr in one.cidrs}


def _permission(entry: Entry) -> Mapping[str, Any]:
    protocol, first, last, source = entry
    ports = {} if protocol == "-1" else {"FromPort": first, "ToPort": last}
    key, field = _SOURCES.get(source.partition("-")[0], ("IpRanges", "CidrIp"))
    if ":" in source:
        key, field = "Ipv6Ranges", "CidrIpv6"
    return {"IpProtocol": protocol, **ports, key: [{field: source}]}


_SOURCES = {
    "pl": ("PrefixListIds", "PrefixListId"),
    "sg": ("UserIdGroupPairs", "GroupId"),
}


def _ranges(permissions: Iterable[Mapping[str, Any]]) -> tuple[PortRange, ...]:
    return tuple(
        PortRange(
            one["IpProtocol"], one.get("FromPort", -1), one.get("ToPort", -1),
            tuple(each[field] for key, field in _LISTED for each in one.get(key, ())),
        )
        for one in permissions
    )  # fmt: skip


_LISTED = (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6"), *_SOURCES.values())


def _groups(place: Place, vpc_id: str, names: list[str]) -> list[Mapping[str, Any]]:
    wanted = [{"Name": "group-name", "Values": names}, {"Name": "vpc-id", "Values": [vpc_id]}]
    answer = place.ask("ec2", "describe_security_groups", ",".join(names), Filters=wanted)
    found: list[Mapping[str, Any]] = answer["SecurityGroups"]
    return found


def group_ids(place: Place, vpc_id: str, names: Iterable[str]) -> list[str]:
    """Ids of groups by name; an id stands for itself."""
    listed = list(names)
    ids = [one for one in listed if one.startswith("sg-")]
    called = [one for one in listed if not one.startswith("sg-")]
    found = {one["GroupName"]: one["GroupId"] for one in _groups(place, vpc_id, called)} if called \
        else {}  # fmt: skip
    missing = [one for one in called if one not in found]
    if missing:
        raise FerryError(
            "LF-6404",
            f"the security group `{missing[0]}` is not there yet",
            f"{vpc_id}; {place.access.shown}",
            "run the same command again: it goes on from there",
        )
    return sorted([*ids, *found.values()])


# ---- endpoints


def ensure_endpoint(place: Place, wanted: VpcEndpoint, before: VpcEndpoint | None) -> None:
    """Make an endpoint or change it, but for private DNS, which `finish_endpoint` turns on."""
    if before is None:
        _make_endpoint(place, wanted)
        return
    changed = _modification(place, wanted, before)
    if changed:
        place.ask("ec2", "modify_vpc_endpoint", before.id, VpcEndpointId=before.id, **changed)
    retag(place, before.id, wanted.tags, before.tags)


def _make_endpoint(place: Place, wanted: VpcEndpoint) -> None:
    given: dict[str, Any] = {
        "PolicyDocument": wanted.policy,
        "RouteTableIds": list(wanted.route_table_ids),
        "SubnetIds": list(wanted.subnet_ids),
        "SecurityGroupIds": group_ids(place, wanted.vpc_id, wanted.security_groups),
    }
    if wanted.type == "Interface":
        given["PrivateDnsEnabled"] = False
    place.ask(
        "ec2", "create_vpc_endpoint", wanted.name,
        VpcEndpointType=wanted.type, VpcId=wanted.vpc_id, ServiceName=wanted.service,
        # Of this request alone: a token that comes again would give back an endpoint of before.
        ClientToken=str(uuid.uuid4()),
        TagSpecifications=specified("vpc-endpoint", wanted.name, wanted.tags),
        **{key: value for key, value in given.items() if value not in ("", [])},
    )  # fmt: skip


def _modification(place: Place, wanted: VpcEndpoint, before: VpcEndpoint) -> Mapping[str, Any]:
    """What ModifyVpcEndpoint is told: what is missing and what is too much, nothing else."""
    groups, old_groups = set(wanted.security_groups), set(before.security_groups)
    ids = {
        name: group_ids(place, wanted.vpc_id, names)
        for name, names in (("Add", groups - old_groups), ("Remove", old_groups - groups))
        if names
    }
    tables, old_tables = set(wanted.route_table_ids), set(before.route_table_ids)
    subnets, old_subnets = set(wanted.subnet_ids), set(before.subnet_ids)
    given: dict[str, Any] = {
        "AddRouteTableIds": sorted(tables - old_tables),
        "RemoveRouteTableIds": sorted(old_tables - tables),
        "AddSubnetIds": sorted(subnets - old_subnets),
        "RemoveSubnetIds": sorted(old_subnets - subnets),
        "AddSecurityGroupIds": ids.get("Add"),
        "RemoveSecurityGroupIds": ids.get("Remove"),
    }
    found = {key: value for key, value in given.items() if value}
    if wanted.policy != before.policy:
        found |= {"PolicyDocument": wanted.policy} if wanted.policy else {"ResetPolicy": True}
    if before.private_dns and not wanted.private_dns:
        found["PrivateDnsEnabled"] = False
    return found


def finish_endpoint(place: Place, wanted: VpcEndpoint, *, registered: bool = False) -> bool:
    """Wait until an endpoint is available, and turn its private DNS on.

    Args:
        registered: it will be accepted, so that is waited for, too.

    Returns:
        Whether it is so now; False for one that waits for its service's owner to accept it.
    """
    where = f"{wanted.name}; {place.access.shown}"
    coming = ("pending", "pendingacceptance") if registered else ("pending",)

    def settled() -> Mapping[str, Any] | None:
        found = _endpoint(place, wanted.name)
        return found if found and found["State"].lower() not in coming else None

    found = until(
        settled,
        "the endpoint is not available yet",
        where,
        timeout_s=THERE_IN_S,
        sleep=place.sleep,
    )
    if found["State"].lower() != "available":
        return False
    if not found.get("PrivateDnsEnabled"):
        id = found["VpcEndpointId"]
        place.ask("ec2", "modify_vpc_endpoint", id, VpcEndpointId=id, PrivateDnsEnabled=True)
    return True


def endpoint_id(place: Place, name: str) -> str:
    """AWS's id of an endpoint of ours; LF-6404 where there is none."""
    found = until(
        lambda: _endpoint(place, name), f"there is no endpoint `{name}`", place.access.shown,
        timeout_s=30, sleep=place.sleep,
    )  # fmt: skip
    id: str = found["VpcEndpointId"]
    return id


def _endpoint(place: Place, name: str) -> Mapping[str, Any] | None:
    answer = place.ask(
        "ec2", "describe_vpc_endpoints", name,
        Filters=[
            {"Name": "tag:Name", "Values": [name]},
            {"Name": f"tag:{OWNER_TAG}", "Values": [place.deployment]},
        ],
    )  # fmt: skip
    alive = [one for one in answer["VpcEndpoints"] if one["State"].lower() not in _DEAD]
    return alive[0] if alive else None


_DEAD = ("deleting", "deleted", "failed", "expired")


def remove_endpoint(place: Place, found: VpcEndpoint) -> None:
    """Ask for its deletion and wait until it is gone: its routes and names are free then."""
    answer = place.ask("ec2", "delete_vpc_endpoints", found.id, VpcEndpointIds=[found.id])
    refuse_unsuccessful(answer, f"endpoint `{found.name}`", found.id, gone=_NO_ENDPOINT)

    def gone() -> bool | None:
        answer, _ = place.attempt(
            "ec2", "describe_vpc_endpoints", found.id, _NO_ENDPOINT, VpcEndpointIds=[found.id]
        )
        listed = answer.get("VpcEndpoints", ())
        return all(one["State"].lower() == "deleted" for one in listed) or None

    what = f"the endpoint `{found.name}` is still being deleted"
    until(
        gone,
        what,
        f"{found.id}; {place.access.shown}",
        timeout_s=GONE_IN_S,
        sleep=place.sleep,
    )


def refuse_unsuccessful(
    answer: Mapping[str, Any], what: str, where: str, *, gone: tuple[str, ...] = ()
) -> None:
    """LF-6403 where an answer lists what was not done, but for what is gone already."""
    for one in answer.get("Unsuccessful", ()):
        error = one.get("Error", {})
        if error.get("Code") in gone:
            continue
        raise FerryError(
            "LF-6403",
            f"AWS did not do it: {what}",
            f"{error.get('Code', '')}: {error.get('Message', '')}; {where}",
            "mend what the message names, then run the same command again",
        )
