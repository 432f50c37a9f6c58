"""Answers of EC2 as boto3 gives them: one VPC with all that the emulator lacks, and a hub.

Written after the API Reference's examples; `recorded_ec2` has botocore's model judge each.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

OWN, HUB, FAR = "111122223333", "444455556666", "777788889999"
REGION = "us-east-1"
# A Region's zones have other names in each account; the ids are the same.
ZONE_IDS = {
    OWN: {"us-east-1a": "use1-az4", "us-east-1b": "use1-az6", "us-east-1c": "use1-az1"},
    HUB: {"us-east-1a": "use1-az6", "us-east-1b": "use1-az4"},
    FAR: {"us-east-1a": "use1-az4"},
}
Item = Mapping[str, Any]


def vpc(id: str, account: str, cidr: str, **more: Any) -> Item:
    blocks = [{"AssociationId": "vpc-cidr-assoc-01", "CidrBlock": cidr,
               "CidrBlockState": {"State": "associated"}}]  # fmt: skip
    return {
        "VpcId": id, "OwnerId": account, "CidrBlock": cidr, "State": "available",
        "DhcpOptionsId": "dopt-01", "InstanceTenancy": "default", "IsDefault": False,
        "CidrBlockAssociationSet": blocks, **more,
    }  # fmt: skip


def subnet(id: str, vpc_id: str, account: str, zone: str, cidr: str) -> Item:
    return {
        "SubnetId": id, "VpcId": vpc_id, "OwnerId": account, "AvailabilityZone": zone,
        "AvailabilityZoneId": ZONE_IDS[account][zone], "CidrBlock": cidr, "State": "available",
        "AvailableIpAddressCount": 200, "MapPublicIpOnLaunch": False,
    }  # fmt: skip


def table(id: str, vpc_id: str, routes: Sequence[Item], *subnets: str, main: bool = False) -> Item:
    tied: list[Item] = [
        {"Main": False, "RouteTableAssociationId": f"rtbassoc-{one}", "RouteTableId": id,
         "SubnetId": one, "AssociationState": {"State": "associated"}}
        for one in subnets
    ]  # fmt: skip
    if main:
        tied.append({"Main": True, "RouteTableAssociationId": f"rtbassoc-{id}",
                     "RouteTableId": id, "AssociationState": {"State": "associated"}})  # fmt: skip
    local = {"DestinationCidrBlock": "10.0.0.0/8", "GatewayId": "local",
             "Origin": "CreateRouteTable", "State": "active"}  # fmt: skip
    return {"RouteTableId": id, "VpcId": vpc_id, "Associations": tied, "Routes": [local, *routes]}


def route(to: str = "0.0.0.0/0", *, state: str = "active", **target: str) -> Item:
    return {"DestinationCidrBlock": to, "Origin": "CreateRoute", "State": state, **target}


def eni(id: str, subnet_id: str, zone: str, ip: str, kind: str = "interface", **more: Any) -> Item:
    return {
        "NetworkInterfaceId": id, "SubnetId": subnet_id, "AvailabilityZone": zone,
        "VpcId": VPC, "OwnerId": OWN, "InterfaceType": kind, "PrivateIpAddress": ip,
        "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": ip}],
        "Description": "", "Groups": [], "Status": "in-use", "SourceDestCheck": kind == "interface",
        "RequesterManaged": kind != "interface", "TagSet": [], **more,
    }  # fmt: skip


def endpoint(id: str, service: str, type: str = "Interface", **more: Any) -> Item:
    return {
        "VpcEndpointId": id, "VpcEndpointType": type, "VpcId": VPC, "ServiceName": service,
        "State": "available", "OwnerId": OWN, "Tags": [], **more,
    }  # fmt: skip


# ---- one VPC: zonal and regional NAT gateways, kinds of interfaces, endpoints of all types

VPC = "vpc-0a10000000000001"
A, B, C, PUBLIC = (f"subnet-0a1000000000000{n}" for n in (1, 2, 3, 9))
ZONAL, REGIONAL = "nat-0a1000000000000a", "nat-1a1000000000000b"
S3, KINESIS, RELAY, FIREWALL = (f"vpce-0a1000000000000{n}" for n in (1, 2, 3, 4))
S3_LIST, CORPORATE = "pl-63a5400a", "pl-0a10000000000007"
WORKER, WORKER_B, LAMBDA = (f"eni-0a1000000000000{n}" for n in (1, 2, 3))
ZONAL_ENI, ZONAL_SECOND = "eni-0a100000000000a1", "eni-0a100000000000a2"
KINESIS_ENIS = ("eni-0a100000000000b1", "eni-0a100000000000b2")
V2 = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} "
    "${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)
ALLOW_ALL = (
    '{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*",'
    '"Resource":"*"}]}'
)

ONE_VPC: Mapping[str, Sequence[Item]] = {
    "DescribeVpcs": [
        vpc(
            VPC, OWN, "10.1.0.0/16", Tags=[{"Key": "Name", "Value": "lake"}],
            Ipv6CidrBlockAssociationSet=[{
                "AssociationId": "vpc-cidr-assoc-02", "Ipv6CidrBlock": "2600:1f18:1::/56",
                "Ipv6CidrBlockState": {"State": "associated"}, "NetworkBorderGroup": REGION,
            }, {
                "AssociationId": "vpc-cidr-assoc-03", "Ipv6CidrBlock": "2600:1f18:2::/56",
                "Ipv6CidrBlockState": {"State": "disassociated"},
            }],
        ),
    ],
    "DescribeSubnets": [
        subnet(C, VPC, OWN, "us-east-1c", "10.1.3.0/24"),
        subnet(A, VPC, OWN, "us-east-1a", "10.1.1.0/24"),
        subnet(B, VPC, OWN, "us-east-1b", "10.1.2.0/24"),
        subnet(PUBLIC, VPC, OWN, "us-east-1a", "10.1.9.0/28"),
    ],
    "DescribeRouteTables": [
        table("rtb-0a1000000000000a", VPC, [
            route(NatGatewayId=ZONAL),
            {"DestinationPrefixListId": S3_LIST, "GatewayId": S3, "Origin": "CreateRoute",
             "State": "active"},
            {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-0a1",
             "Origin": "CreateRoute", "State": "active"},
        ], A),
        table("rtb-0a1000000000000b", VPC, [
            route(NatGatewayId=ZONAL),
            route("10.9.0.0/16", VpcPeeringConnectionId="pcx-0a1", state="blackhole"),
        ], B),
        table("rtb-0a1000000000000c", VPC, [
            {"DestinationPrefixListId": CORPORATE, "NatGatewayId": REGIONAL,
             "Origin": "CreateRoute", "State": "active"},
        ], C),
        table("rtb-0a1000000000000e", VPC, [route(GatewayId="igw-0a1")]),
        table("rtb-0a1000000000000f", VPC, [route(GatewayId="igw-0a1")], main=True),
    ],
    "DescribeNatGateways": [
        {
            "NatGatewayId": ZONAL, "VpcId": VPC, "SubnetId": PUBLIC, "State": "available",
            "ConnectivityType": "public", "AvailabilityMode": "zonal", "NatGatewayAddresses": [
                {"AllocationId": "eipalloc-2", "NetworkInterfaceId": ZONAL_ENI,
                 "PrivateIp": "10.1.9.5", "PublicIp": "198.51.100.5", "IsPrimary": False,
                 "AssociationId": "eipassoc-2", "Status": "succeeded"},
                {"AllocationId": "eipalloc-1", "NetworkInterfaceId": ZONAL_ENI,
                 "PrivateIp": "10.1.9.4", "PublicIp": "198.51.100.4", "IsPrimary": True,
                 "AssociationId": "eipassoc-1", "Status": "succeeded"},
                {"AllocationId": "eipalloc-3", "PrivateIp": "10.1.9.6", "IsPrimary": False,
                 "Status": "failed", "FailureMessage": "no address"},
            ],
        },
        {
            "NatGatewayId": REGIONAL, "VpcId": VPC, "State": "available",
            "ConnectivityType": "public", "AvailabilityMode": "regional",
            "AutoScalingIps": "enabled", "AutoProvisionZones": "enabled",
            "RouteTableId": "rtb-0a1000000000000e", "NatGatewayAddresses": [
                {"AllocationId": "eipalloc-5", "PublicIp": "198.51.100.7", "Status": "succeeded",
                 "AvailabilityZone": "us-east-1c", "AvailabilityZoneId": "use1-az1"},
                {"AllocationId": "eipalloc-4", "PublicIp": "198.51.100.6", "Status": "succeeded",
                 "AvailabilityZone": "us-east-1a", "AvailabilityZoneId": "use1-az4"},
            ],
        },
    ],
    "DescribeNetworkInterfaces": [
        eni(
            ZONAL_ENI, PUBLIC, "us-east-1a", "10.1.9.4", "natGateway",
            Description=f"Interface for NAT Gateway {ZONAL}",
            Association={"PublicIp": "198.51.100.4", "IpOwnerId": OWN},
            Attachment={"InstanceOwnerId": "amazon-aws", "Status": "attached", "DeviceIndex": 1},
        ),
        eni(
            WORKER, A, "us-east-1a", "10.1.1.10",
            Attachment={"InstanceId": "i-0a1", "InstanceOwnerId": OWN, "Status": "attached"},
            PrivateIpAddresses=[
                {"Primary": True, "PrivateIpAddress": "10.1.1.10"},
                {"Primary": False, "PrivateIpAddress": "10.1.1.11"},
            ],
            Ipv6Addresses=[{"Ipv6Address": "2600:1f18:1::10"}],
            Groups=[{"GroupId": "sg-0a2", "GroupName": "w"}, {"GroupId": "sg-0a1",
                                                              "GroupName": "x"}],
        ),
        eni(
            WORKER_B, B, "us-east-1b", "10.1.2.10",
            Attachment={"InstanceId": "i-0a2", "InstanceOwnerId": OWN, "Status": "attached"},
        ),
        eni(LAMBDA, A, "us-east-1a", "10.1.1.40", "lambda", Description="AWS Lambda VPC ENI"),
        eni(KINESIS_ENIS[0], A, "us-east-1a", "10.1.1.20", "vpc_endpoint",
            Description=f"VPC Endpoint Interface {KINESIS}"),
        eni(KINESIS_ENIS[1], C, "us-east-1c", "10.1.3.20", "vpc_endpoint",
            Description=f"VPC Endpoint Interface {KINESIS}"),
    ],
    "DescribeInstances": [
        {"ReservationId": "r-1", "OwnerId": OWN, "Instances": [
            {"InstanceId": "i-0a1", "InstanceType": "i4i.2xlarge", "VpcId": VPC, "SubnetId": A,
             "State": {"Code": 16, "Name": "running"}, "SourceDestCheck": True,
             "Tags": [{"Key": "Vendor", "Value": "Databricks"}],
             "NetworkInterfaces": [{"NetworkInterfaceId": WORKER, "SourceDestCheck": True}]},
            {"InstanceId": "i-0a2", "InstanceType": "i4i.2xlarge", "VpcId": VPC, "SubnetId": B,
             "State": {"Code": 16, "Name": "running"}, "SourceDestCheck": True,
             "Tags": [{"Key": "Vendor", "Value": "Databricks"}],
             "NetworkInterfaces": [{"NetworkInterfaceId": WORKER_B, "SourceDestCheck": True}]},
        ]},
    ],
    "DescribeVpcEndpoints": [
        endpoint(S3, f"com.amazonaws.{REGION}.s3", "Gateway",
                 RouteTableIds=["rtb-0a1000000000000a"], PolicyDocument=ALLOW_ALL),
        endpoint(KINESIS, f"com.amazonaws.{REGION}.kinesis-streams", SubnetIds=[C, A],
                 NetworkInterfaceIds=[KINESIS_ENIS[1], KINESIS_ENIS[0]], PrivateDnsEnabled=True,
                 Groups=[{"GroupId": "sg-0a9", "GroupName": "endpoints"},
                         {"GroupId": "sg-0a8", "GroupName": "lakeferry-m1.endpoints"}],
                 PolicyDocument='{"Statement": [], "Version": "2012-10-17"}',
                 Tags=[{"Key": "Name", "Value": "lakeferry-m1.kinesis-streams"}]),
        endpoint(RELAY, f"com.amazonaws.vpce.{REGION}.vpce-svc-00018a8c3ff62ffdf", SubnetIds=[A],
                 State="PendingAcceptance", PrivateDnsEnabled=False),
        endpoint("vpce-0a1000000000000d", f"com.amazonaws.{REGION}.sts", State="Deleted"),
        endpoint(FIREWALL, f"com.amazonaws.vpce.{REGION}.vpce-svc-0fw", "GatewayLoadBalancer",
                 SubnetIds=[PUBLIC]),
    ],
    "DescribeManagedPrefixLists": [
        {"PrefixListId": S3_LIST, "PrefixListName": f"com.amazonaws.{REGION}.s3",
         "AddressFamily": "IPv4", "OwnerId": "AWS", "State": "create-complete"},
        {"PrefixListId": "pl-02cd2c6b", "PrefixListName": f"com.amazonaws.{REGION}.dynamodb",
         "AddressFamily": "IPv4", "OwnerId": "AWS", "State": "create-complete"},
        {"PrefixListId": CORPORATE, "PrefixListName": "everywhere", "AddressFamily": "IPv4",
         "OwnerId": OWN, "State": "create-complete", "MaxEntries": 1, "Version": 1},
    ],
    "GetManagedPrefixListEntries": [
        {"Cidr": "54.231.0.0/16", "_of": S3_LIST}, {"Cidr": "52.216.0.0/15", "_of": S3_LIST},
        {"Cidr": "0.0.0.0/0", "_of": CORPORATE},
    ],
    "DescribeSecurityGroups": [
        {"GroupId": "sg-0a8", "GroupName": "lakeferry-m1.endpoints", "VpcId": VPC, "OwnerId": OWN,
         "Description": "From the subnets", "IpPermissions": [
             {"IpProtocol": "tcp", "FromPort": 6666, "ToPort": 6666,
              "IpRanges": [{"CidrIp": "10.1.2.0/24"}, {"CidrIp": "10.1.1.0/24"}]},
             {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
              "IpRanges": [{"CidrIp": "10.1.1.0/24"}],
              "UserIdGroupPairs": [{"GroupId": "sg-0a1", "UserId": OWN}]},
             {"IpProtocol": "-1"},
         ]},
    ],
    "DescribeTransitGatewayVpcAttachments": [],
    "DescribeFlowLogs": [
        {"FlowLogId": "fl-0a1", "ResourceId": VPC, "TrafficType": "ACCEPT", "LogFormat": V2,
         "LogDestinationType": "cloud-watch-logs", "LogGroupName": "/network/flow",
         "DeliverLogsPermissionArn": f"arn:aws:iam::{OWN}:role/service/flow",
         "MaxAggregationInterval": 600, "FlowLogStatus": "ACTIVE", "DeliverLogsStatus": "FAILED",
         "DeliverLogsErrorMessage": "Access error"},
        {"FlowLogId": "fl-0a2", "ResourceId": A, "TrafficType": "ALL", "LogFormat": V2,
         "LogDestinationType": "cloud-watch-logs", "MaxAggregationInterval": 60,
         "LogDestination": f"arn:aws:logs:{REGION}:{OWN}:log-group:/network/flow:*",
         "FlowLogStatus": "ACTIVE", "DeliverLogsStatus": "SUCCESS"},
        {"FlowLogId": "fl-0a3", "ResourceId": VPC, "TrafficType": "ALL", "LogFormat": V2,
         "LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::flow/lake",
         "MaxAggregationInterval": 60, "FlowLogStatus": "ACTIVE", "DeliverLogsStatus": "SUCCESS",
         "DestinationOptions": {"FileFormat": "parquet", "HiveCompatiblePartitions": True,
                                "PerHourPartition": True}},
        {"FlowLogId": "fl-0b1", "ResourceId": "vpc-0b1", "TrafficType": "ALL", "LogFormat": V2,
         "LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::flow/other",
         "MaxAggregationInterval": 60, "FlowLogStatus": "ACTIVE", "DeliverLogsStatus": "SUCCESS"},
        {"FlowLogId": "fl-0b2", "ResourceId": "vpc-0b1", "TrafficType": "ALL", "LogFormat": V2,
         "LogDestinationType": "cloud-watch-logs", "LogGroupName": "/lakeferry/m1/flow",
         "MaxAggregationInterval": 60, "FlowLogStatus": "ACTIVE", "DeliverLogsStatus": "SUCCESS",
         "Tags": [{"Key": "Name", "Value": "lakeferry-m1.flow-cloudwatch"}]},
    ],
}  # fmt: skip


# ---- a spoke whose default route leads through a hub: another account's gateway and firewall

SPOKE, EGRESS = "vpc-0c10000000000001", "vpc-0d10000000000001"
SPOKE_A, SPOKE_B = "subnet-0c10000000000001", "subnet-0c10000000000002"
IN_A, IN_B, WALL_A, WALL_B, OUT_A, OUT_B = (f"subnet-0d1000000000000{n}" for n in range(1, 7))
GATEWAY, TRANSIT_TABLE = "tgw-0d10000000000001", "tgw-rtb-0d1000000000001"
SPOKE_LINK, EGRESS_LINK = "tgw-attach-0c100000000001", "tgw-attach-0d100000000001"
NAT_A, NAT_B = "nat-0d1000000000000a", "nat-0d1000000000000b"
WALLS = ("vpce-0d1000000000000a", "vpce-0d1000000000000b")
ROLE = f"arn:aws:iam::{HUB}:role/look"


def link(id: str, vpc_id: str, account: str, *, associated: bool) -> Item:
    tied = {"TransitGatewayRouteTableId": TRANSIT_TABLE, "State": "associated"}
    return {
        "TransitGatewayAttachmentId": id, "TransitGatewayId": GATEWAY,
        "TransitGatewayOwnerId": HUB, "ResourceOwnerId": account, "ResourceType": "vpc",
        "ResourceId": vpc_id, "State": "available", **({"Association": tied} if associated else {}),
    }  # fmt: skip


def vpc_link(id: str, vpc_id: str, account: str, *subnets: str) -> Item:
    return {
        "TransitGatewayAttachmentId": id, "TransitGatewayId": GATEWAY, "VpcId": vpc_id,
        "VpcOwnerId": account, "State": "available", "SubnetIds": list(subnets),
    }  # fmt: skip


SPOKE_ACCOUNT: Mapping[str, Sequence[Item]] = {
    "DescribeVpcs": [vpc(SPOKE, OWN, "10.2.0.0/16")],
    "DescribeSubnets": [
        subnet(SPOKE_A, SPOKE, OWN, "us-east-1a", "10.2.1.0/24"),  # use1-az4
        subnet(SPOKE_B, SPOKE, OWN, "us-east-1b", "10.2.2.0/24"),  # use1-az6
    ],
    "DescribeRouteTables": [table("rtb-0c1", SPOKE, [route(TransitGatewayId=GATEWAY)], main=True)],
    # The spoke sees its attachment, but not what the gateway associates it with.
    "DescribeTransitGatewayAttachments": [link(SPOKE_LINK, SPOKE, OWN, associated=False)],
    "DescribeTransitGatewayVpcAttachments": [vpc_link(SPOKE_LINK, SPOKE, OWN, SPOKE_A, SPOKE_B)],
}


def hub(
    egress_account: str = HUB, changed: Mapping[str, Sequence[Item]] = MappingProxyType({})
) -> Mapping[str, Sequence[Item]]:
    """The account that owns the gateway, and the egress VPC unless that is another's."""
    return {
        "DescribeTransitGatewayAttachments": [
            link(SPOKE_LINK, SPOKE, OWN, associated=True),
            link(EGRESS_LINK, EGRESS, egress_account, associated=True),
        ],
        "SearchTransitGatewayRoutes": [
            {"DestinationCidrBlock": "0.0.0.0/0", "Type": "static", "State": "active",
             "_of": TRANSIT_TABLE, "TransitGatewayAttachments": [
                 {"ResourceId": EGRESS, "TransitGatewayAttachmentId": EGRESS_LINK,
                  "ResourceType": "vpc"}]},
            {"DestinationCidrBlock": "10.2.0.0/16", "Type": "propagated", "State": "active",
             "_of": TRANSIT_TABLE, "TransitGatewayAttachments": [
                 {"ResourceId": SPOKE, "TransitGatewayAttachmentId": SPOKE_LINK,
                  "ResourceType": "vpc"}]},
        ],
        **(EGRESS_VPC if egress_account == HUB else {}),
        **changed,
    }  # fmt: skip


def _back() -> Item:
    return route("10.2.0.0/16", TransitGatewayId=GATEWAY)


EGRESS_VPC: Mapping[str, Sequence[Item]] = {
    "DescribeVpcs": [vpc(EGRESS, HUB, "10.3.0.0/16")],
    "DescribeSubnets": [
        subnet(IN_A, EGRESS, HUB, "us-east-1b", "10.3.1.0/28"),  # use1-az4, in another name
        subnet(IN_B, EGRESS, HUB, "us-east-1a", "10.3.2.0/28"),  # use1-az6
        subnet(WALL_A, EGRESS, HUB, "us-east-1b", "10.3.3.0/28"),
        subnet(WALL_B, EGRESS, HUB, "us-east-1a", "10.3.4.0/28"),
        subnet(OUT_A, EGRESS, HUB, "us-east-1b", "10.3.5.0/28"),
        subnet(OUT_B, EGRESS, HUB, "us-east-1a", "10.3.6.0/28"),
    ],
    "DescribeRouteTables": [
        table("rtb-0d1", EGRESS, [route(GatewayId=WALLS[0])], IN_A),
        table("rtb-0d2", EGRESS, [route(GatewayId=WALLS[1])], IN_B),
        table("rtb-0d3", EGRESS, [route(NatGatewayId=NAT_A), _back()], WALL_A),
        table("rtb-0d4", EGRESS, [route(NatGatewayId=NAT_B), _back()], WALL_B),
        table("rtb-0d5", EGRESS, [route(GatewayId="igw-0d1")], main=True),
    ],
    "DescribeNatGateways": [
        {"NatGatewayId": id, "VpcId": EGRESS, "SubnetId": where, "State": "available",
         "ConnectivityType": "public", "NatGatewayAddresses": []}
        for id, where in ((NAT_A, OUT_A), (NAT_B, OUT_B))
    ],
    "DescribeVpcEndpoints": [
        {"VpcEndpointId": id, "VpcEndpointType": "GatewayLoadBalancer", "VpcId": EGRESS,
         "ServiceName": f"com.amazonaws.vpce.{REGION}.vpce-svc-0d1", "State": "available",
         "SubnetIds": [where], "OwnerId": HUB}
        for id, where in zip(WALLS, (WALL_A, WALL_B), strict=True)
    ],
    "DescribeTransitGatewayVpcAttachments": [vpc_link(EGRESS_LINK, EGRESS, HUB, IN_A, IN_B)],
}  # fmt: skip


# ---- a VPC that its owner, the hub, shares: we are shown subnets, tables and what is ours in it

SHARED_WITH_US: Mapping[str, Sequence[Item]] = {
    "DescribeVpcs": [vpc(SPOKE, HUB, "10.2.0.0/16")],
    "DescribeSubnets": SPOKE_ACCOUNT["DescribeSubnets"],
    "DescribeRouteTables": [table("rtb-0c1", SPOKE, [route(NatGatewayId=NAT_A)], main=True)],
    "DescribeNetworkInterfaces": [{**eni(WORKER, SPOKE_A, "us-east-1a", "10.2.1.9"),
                                   "VpcId": SPOKE}],
}  # fmt: skip
OWNED_BY_HUB: Mapping[str, Sequence[Item]] = {
    **SHARED_WITH_US,
    "DescribeNetworkInterfaces": [
        {**eni(ZONAL_ENI, SPOKE_B, "us-east-1b", "10.2.2.4", "natGateway"), "VpcId": SPOKE}
    ],
    "DescribeNatGateways": [
        {"NatGatewayId": NAT_A, "VpcId": SPOKE, "SubnetId": SPOKE_B, "State": "available",
         "AvailabilityMode": "regional", "NatGatewayAddresses": []},
    ],
    "DescribeFlowLogs": [
        {"FlowLogId": "fl-0c1", "ResourceId": SPOKE, "TrafficType": "ALL", "LogFormat": V2,
         "LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::flow/lake",
         "MaxAggregationInterval": 60, "FlowLogStatus": "ACTIVE", "DeliverLogsStatus": "SUCCESS"},
    ],
}  # fmt: skip
