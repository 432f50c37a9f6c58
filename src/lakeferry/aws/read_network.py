"""EC2's answers as values: what is in a VPC, and which way its bytes can go.

Source: EC2 API Reference, the `Describe...` actions; every one is read page by page.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from lakeferry.connect.aws import AwsAccess, pages
from lakeferry.network.resources import (
    NO_TAGS,
    Eni,
    Instance,
    NatAddress,
    NatGateway,
    PortRange,
    PrefixList,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    Tags,
    Vpc,
    VpcEndpoint,
)

OURS = "lakeferry-"  # begins the name of everything that we make
PAGE = {"PageSize": 1000}
SMALL_PAGE = {"PageSize": 100}  # most of route tables and prefix lists
_GONE = ("deleted", "failed", "expired")  # states of endpoints that carry nothing

Answer = Mapping[str, Any]


def filters(**wanted: Sequence[str]) -> list[dict[str, Any]]:
    """`vpc_id=[...]` as EC2 takes it: names with `-`, each with its values."""
    return [
        {"Name": name.replace("_", "-"), "Values": list(values)} for name, values in wanted.items()
    ]


def tag_filters(tags: Tags) -> list[dict[str, Any]]:
    return [{"Name": f"tag:{key}", "Values": [value]} for key, value in sorted(tags.items())]


def _of_vpc(vpc_id: str, tags: Tags) -> list[dict[str, Any]]:
    """What is in a VPC, or in any, and bears the tags."""
    return [*(filters(vpc_id=[vpc_id]) if vpc_id else ()), *tag_filters(tags)]


def tags_of(found: Iterable[Answer]) -> Tags:
    return {one["Key"]: one["Value"] for one in found}


def canonical(text: str | Mapping[str, Any]) -> str:
    """JSON with sorted keys and no blanks; text that is no JSON stays as it is."""
    try:
        value = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return str(text)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def find_vpcs(access: AwsAccess, wanted: Sequence[Answer]) -> tuple[Vpc, ...]:
    """VPCs by filters."""
    found = pages(
        access, "ec2", "describe_vpcs", "Vpcs", Filters=list(wanted), PaginationConfig=PAGE
    )
    return tuple(sorted((_vpc(one, access.region) for one in found), key=_id))


def _vpc(one: Answer, region: str) -> Vpc:
    more = _blocks(one, "CidrBlock")
    six = _blocks(one, "Ipv6CidrBlock")
    cidrs = tuple(dict.fromkeys([one["CidrBlock"], *sorted(more), *sorted(six)]))
    return Vpc(one["VpcId"], cidrs, one["OwnerId"], region, tags_of(one.get("Tags", ())))


def _blocks(one: Answer, kind: str) -> list[str]:
    """Address blocks in force; one that was taken away is listed for a while."""
    tied = one.get(f"{kind}AssociationSet", ())
    return [
        block[kind]
        for block in tied
        if block.get(f"{kind}State", {}).get("State", "associated") in ("associated", "associating")
    ]


def find_subnets(access: AwsAccess, wanted: Sequence[Answer]) -> tuple[Subnet, ...]:
    found = pages(
        access, "ec2", "describe_subnets", "Subnets", Filters=list(wanted), PaginationConfig=PAGE
    )
    return tuple(sorted((_subnet(one) for one in found), key=_id))


def _subnet(one: Answer) -> Subnet:
    blocks = [one["CidrBlock"]] if one.get("CidrBlock") else []
    blocks += _blocks(one, "Ipv6CidrBlock")
    return Subnet(
        id=one["SubnetId"],
        vpc_id=one["VpcId"],
        zone=one["AvailabilityZone"],
        zone_id=one.get("AvailabilityZoneId", ""),
        cidrs=tuple(blocks),
        tags=tags_of(one.get("Tags", ())),
    )


def find_enis(access: AwsAccess, wanted: Sequence[Answer]) -> tuple[Eni, ...]:
    found = pages(
        access, "ec2", "describe_network_interfaces", "NetworkInterfaces",
        Filters=list(wanted), PaginationConfig=PAGE,
    )  # fmt: skip
    return tuple(sorted((_eni(one) for one in found), key=_id))


def _eni(one: Answer) -> Eni:
    primary = one.get("PrivateIpAddress", "")
    more = sorted(address["PrivateIpAddress"] for address in one.get("PrivateIpAddresses", ()))
    six = sorted(address["Ipv6Address"] for address in one.get("Ipv6Addresses", ()))
    attached = one.get("Attachment", {})
    return Eni(
        id=one["NetworkInterfaceId"],
        vpc_id=one.get("VpcId", ""),
        subnet_id=one.get("SubnetId", ""),
        zone=one.get("AvailabilityZone", ""),
        kind=one.get("InterfaceType", "interface"),
        private_ip=primary,
        ips=tuple(dict.fromkeys(ip for ip in (primary, *more, *six) if ip)),
        public_ip=one.get("Association", {}).get("PublicIp", ""),
        instance_id=attached.get("InstanceId", ""),
        owner_id=one.get("OwnerId", ""),
        source_dest_check=one.get("SourceDestCheck", True),
        security_group_ids=tuple(sorted(group["GroupId"] for group in one.get("Groups", ()))),
        description=one.get("Description", ""),
        tags=tags_of(one.get("TagSet", ())),
    )


def find_route_tables(access: AwsAccess, vpc_id: str) -> tuple[RouteTable, ...]:
    found = pages(
        access, "ec2", "describe_route_tables", "RouteTables",
        Filters=filters(vpc_id=[vpc_id]), PaginationConfig=SMALL_PAGE,
    )  # fmt: skip
    return tuple(sorted((_route_table(one) for one in found), key=_id))


def _route_table(one: Answer) -> RouteTable:
    tied = [link for link in one.get("Associations", ()) if _holds(link)]
    return RouteTable(
        id=one["RouteTableId"],
        vpc_id=one["VpcId"],
        is_main=any(link.get("Main") for link in tied),
        subnet_ids=tuple(sorted(link["SubnetId"] for link in tied if link.get("SubnetId"))),
        routes=tuple(sorted(_routes(one.get("Routes", ())), key=_route_order)),
        tags=tags_of(one.get("Tags", ())),
    )


def _holds(link: Answer) -> bool:
    """Whether an association is in force; one that is being replaced is listed beside the new."""
    return link.get("AssociationState", {}).get("State", "associated") in (
        "associated",
        "associating",
    )


_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
# An instance as target is also answered with its interface, which stays when the instance goes.
_TARGETS = (
    "NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId",
    "VpcPeeringConnectionId", "EgressOnlyInternetGatewayId", "LocalGatewayId", "CarrierGatewayId",
    "CoreNetworkArn", "OdbNetworkArn", "GatewayId",
)  # fmt: skip


def _routes(found: Iterable[Answer]) -> Iterator[Route]:
    for one in found:
        destination = next((one[name] for name in _DESTINATIONS if one.get(name)), "")
        yield Route(
            destination, target_of(one), one.get("State", "active"), one.get("InstanceId", "")
        )


def target_of(route: Answer) -> str:
    """What a route leads to; '' for nothing that is known here."""
    found: str = next((route[name] for name in _TARGETS if route.get(name)), "")
    return found


def _route_order(route: Route) -> tuple[str, str]:
    return route.destination, route.target


def find_nat_gateways(
    access: AwsAccess, vpc_id: str, subnets: Iterable[Subnet]
) -> tuple[NatGateway, ...]:
    """Those that are there or on their way. The parameter is `Filter`, unlike everywhere else."""
    zones = {one.id: one.zone for one in subnets}
    states = ["available", "pending"]
    found = pages(
        access, "ec2", "describe_nat_gateways", "NatGateways",
        Filter=filters(vpc_id=[vpc_id], state=states), PaginationConfig=PAGE,
    )  # fmt: skip
    return tuple(sorted((_nat_gateway(one, zones) for one in found), key=_id))


def _nat_gateway(one: Answer, zones: Mapping[str, str]) -> NatGateway:
    subnet = one.get("SubnetId", "")
    held = [address for address in one.get("NatGatewayAddresses", ()) if _carries(address)]
    # The primary address first: it is the one that flow logs show.
    held.sort(key=lambda address: (not address.get("IsPrimary", True), *_address_order(address)))
    return NatGateway(
        id=one["NatGatewayId"],
        vpc_id=one["VpcId"],
        subnet_id=subnet,
        availability=one.get("AvailabilityMode", "zonal"),
        connectivity=one.get("ConnectivityType", "public"),
        state=one["State"],
        addresses=tuple(
            NatAddress(
                eni_id=address.get("NetworkInterfaceId", ""),
                private_ip=address.get("PrivateIp", ""),
                public_ip=address.get("PublicIp", ""),
                zone=address.get("AvailabilityZone") or zones.get(subnet, ""),
            )
            for address in held
        ),
        tags=tags_of(one.get("Tags", ())),
        route_table_id=one.get("RouteTableId", ""),
    )


def _carries(address: Answer) -> bool:
    return address.get("Status", "succeeded") in ("succeeded", "associating", "assigning")


def _address_order(address: Answer) -> tuple[str, str, str]:
    zone, private = address.get("AvailabilityZone", ""), address.get("PrivateIp", "")
    return zone, private, address.get("PublicIp", "")


def find_instances(access: AwsAccess, wanted: Sequence[Answer]) -> tuple[Instance, ...]:
    """Instances that are not terminated, nor about to be."""
    alive = filters(instance_state_name=["pending", "running", "stopping", "stopped"])
    found = pages(
        access, "ec2", "describe_instances", "Reservations",
        Filters=[*wanted, *alive], PaginationConfig=PAGE,
    )  # fmt: skip
    every = (_instance(one) for reservation in found for one in reservation["Instances"])
    return tuple(sorted(every, key=_id))


def _instance(one: Answer) -> Instance:
    enis = one.get("NetworkInterfaces", ())
    checks = [eni.get("SourceDestCheck", True) for eni in enis]
    return Instance(
        id=one["InstanceId"],
        vpc_id=one.get("VpcId", ""),
        subnet_id=one.get("SubnetId", ""),
        kind=one["InstanceType"],
        state=one["State"]["Name"],
        eni_ids=tuple(sorted(eni["NetworkInterfaceId"] for eni in enis)),
        source_dest_check=all(checks) if checks else one.get("SourceDestCheck", True),
        tags=tags_of(one.get("Tags", ())),
    )


def find_endpoints(
    access: AwsAccess, vpc_id: str = "", *, tags: Tags = NO_TAGS
) -> tuple[VpcEndpoint, ...]:
    """Endpoints of all types; those that were deleted or failed carry nothing and are left out."""
    found = pages(
        access, "ec2", "describe_vpc_endpoints", "VpcEndpoints",
        Filters=_of_vpc(vpc_id, tags), PaginationConfig=PAGE,
    )  # fmt: skip
    kept = (_endpoint(one) for one in found if one.get("State", "").lower() not in _GONE)
    return tuple(sorted(kept, key=_id))


def _endpoint(one: Answer) -> VpcEndpoint:
    tags = tags_of(one.get("Tags", ()))
    return VpcEndpoint(
        name=tags.get("Name", ""),
        vpc_id=one["VpcId"],
        service=one.get("ServiceName", ""),
        type=one.get("VpcEndpointType", "Interface"),
        subnet_ids=tuple(sorted(one.get("SubnetIds", ()))),
        route_table_ids=tuple(sorted(one.get("RouteTableIds", ()))),
        security_groups=tuple(sorted(group_called(group) for group in one.get("Groups", ()))),
        private_dns=one.get("PrivateDnsEnabled", False),
        policy=_endpoint_policy(one.get("PolicyDocument", "")),
        tags=tags,
        id=one["VpcEndpointId"],
        state=one.get("State", ""),
        eni_ids=tuple(sorted(one.get("NetworkInterfaceIds", ()))),
        owner_id=one.get("OwnerId", ""),
    )


def group_called(group: Answer) -> str:
    """The name of a group of ours, the id of others'."""
    name: str = group.get("GroupName", "")
    return name if name.startswith(OURS) else group["GroupId"]


def _endpoint_policy(text: str) -> str:
    """Canonical JSON; '' for the policy that an endpoint has when none was given."""
    if not text:
        return ""
    try:
        statements = json.loads(text)["Statement"]
    except (ValueError, KeyError, TypeError):
        return text
    (only,) = statements if isinstance(statements, list) and len(statements) == 1 else (None,)
    if isinstance(only, dict):
        said = {key: value for key, value in only.items() if key != "Sid"}
        if said == {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}:
            return ""
    return canonical(text)


def find_security_groups(
    access: AwsAccess, vpc_id: str = "", *, tags: Tags = NO_TAGS
) -> tuple[SecurityGroup, ...]:
    found = pages(
        access, "ec2", "describe_security_groups", "SecurityGroups",
        Filters=_of_vpc(vpc_id, tags), PaginationConfig=PAGE,
    )  # fmt: skip
    return tuple(sorted((_security_group(one) for one in found), key=_id))


def _security_group(one: Answer) -> SecurityGroup:
    ranges = (_port_range(rule) for rule in one.get("IpPermissions", ()))
    return SecurityGroup(
        name=one["GroupName"],
        vpc_id=one.get("VpcId", ""),
        description=one.get("Description", ""),
        ingress=tuple(sorted(ranges, key=lambda rule: (rule.protocol, rule.first, rule.last))),
        tags=tags_of(one.get("Tags", ())),
        id=one["GroupId"],
    )


def _port_range(rule: Answer) -> PortRange:
    sources = [one["CidrIp"] for one in rule.get("IpRanges", ())]
    sources += [one["CidrIpv6"] for one in rule.get("Ipv6Ranges", ())]
    sources += [one["PrefixListId"] for one in rule.get("PrefixListIds", ())]
    sources += [one.get("GroupId", "") for one in rule.get("UserIdGroupPairs", ())]
    return PortRange(
        protocol=rule["IpProtocol"],
        first=rule.get("FromPort", -1),
        last=rule.get("ToPort", -1),
        cidrs=tuple(sorted(sources)),
    )


def find_prefix_lists(access: AwsAccess, tables: Iterable[RouteTable]) -> tuple[PrefixList, ...]:
    """S3's list of the Region, and those that routes name, with their entries."""
    named = {route.destination for table in tables for route in table.routes}
    named = {one for one in named if one.startswith("pl-")}
    found = pages(
        access, "ec2", "describe_managed_prefix_lists", "PrefixLists",
        PaginationConfig=SMALL_PAGE,
    )  # fmt: skip
    s3 = f"com.amazonaws.{access.region}.s3"
    kept = (one for one in found if one["PrefixListId"] in named or one.get("PrefixListName") == s3)
    return tuple(sorted((_prefix_list(access, one) for one in kept), key=_id))


def _prefix_list(access: AwsAccess, one: Answer) -> PrefixList:
    id = one["PrefixListId"]
    entries = pages(
        access, "ec2", "get_managed_prefix_list_entries", "Entries",
        on=one.get("PrefixListArn", id), PrefixListId=id, PaginationConfig=SMALL_PAGE,
    )  # fmt: skip
    cidrs = tuple(sorted(entry["Cidr"] for entry in entries))
    return PrefixList(id, one.get("PrefixListName", ""), cidrs)


def _id(one: Any) -> str:
    found: str = one.id
    return found
