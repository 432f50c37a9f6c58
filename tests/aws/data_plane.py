"""A data plane, made in an AWS account: two zones, a NAT gateway, a NAT instance, endpoints."""

from dataclasses import dataclass
from typing import Any

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.network.fields import RECOMMENDED_FORMAT, format_text

ZONES = ("us-east-1a", "us-east-1b")
WORKER_TAGS = {"Vendor": "Databricks", "ClusterId": "1124-1"}
TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"vpc-flow-logs.amazonaws.com"}}]}'
)


@dataclass(frozen=True, slots=True)
class DataPlane:
    """Ids of what was made."""

    vpc: str
    private: tuple[str, str]  # subnets; the first goes out by the gateway, the second by the box
    public: tuple[str, str]
    tables: tuple[str, str]  # of the private subnets
    nat_gateway: str
    nat_instance: str
    internet_gateway: str
    s3: str  # gateway endpoint, on the first table alone
    kinesis: str  # interface endpoint in both zones
    sts: str  # in the first zone alone
    workers: tuple[str, ...]  # interfaces
    flow_log: str


@dataclass(frozen=True, slots=True)
class Egress:
    """A VPC that others send through: a NAT gateway, and a subnet in which they come in."""

    vpc: str
    entered: str
    nat_gateway: str


def made(access: AwsAccess) -> DataPlane:
    ec2 = client(access, "ec2")
    vpc = _vpc(ec2, "10.0.0.0/16")
    private = tuple(_subnet(ec2, vpc, f"10.0.{n}.0/24", ZONES[n]) for n in (0, 1))
    public = tuple(_subnet(ec2, vpc, f"10.0.{10 + n}.0/28", ZONES[n]) for n in (0, 1))
    internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
    _table(ec2, vpc, public, GatewayId=internet)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=public[0], AllocationId=address)
    nat = gateway["NatGateway"]["NatGatewayId"]
    box = _instances(ec2, public[1], 1, {"Name": "nat"})[0]
    ec2.modify_instance_attribute(InstanceId=box["InstanceId"], SourceDestCheck={"Value": False})
    forwarding = box["NetworkInterfaces"][0]["NetworkInterfaceId"]
    ec2.modify_network_interface_attribute(
        NetworkInterfaceId=forwarding, SourceDestCheck={"Value": False}
    )
    tables = (
        _table(ec2, vpc, private[:1], NatGatewayId=nat),
        _table(ec2, vpc, private[1:], NetworkInterfaceId=forwarding),
    )
    workers = [one for id in private for one in _instances(ec2, id, 2, WORKER_TAGS)]
    return DataPlane(
        vpc=vpc,
        private=(private[0], private[1]),
        public=(public[0], public[1]),
        tables=tables,
        nat_gateway=nat,
        nat_instance=box["InstanceId"],
        internet_gateway=internet,
        s3=_endpoint(ec2, vpc, "s3", VpcEndpointType="Gateway", RouteTableIds=tables[:1]),
        kinesis=_interface(ec2, vpc, "kinesis-streams", private),
        sts=_interface(ec2, vpc, "sts", private[:1]),
        workers=tuple(sorted(one["NetworkInterfaces"][0]["NetworkInterfaceId"] for one in workers)),
        flow_log=_flow_log(access, ec2, vpc),
    )  # fmt: skip


def made_egress(access: AwsAccess) -> Egress:
    ec2 = client(access, "ec2")
    vpc = _vpc(ec2, "10.9.0.0/16")
    entered, public = (_subnet(ec2, vpc, f"10.9.{n}.0/28", ZONES[0]) for n in (0, 1))
    internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
    _table(ec2, vpc, (public,), GatewayId=internet)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)
    nat = gateway["NatGateway"]["NatGatewayId"]
    _table(ec2, vpc, (entered,), NatGatewayId=nat)
    return Egress(vpc, entered, nat)


def _vpc(ec2: Any, cidr: str) -> str:
    id: str = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=id, EnableDnsHostnames={"Value": True})
    return id


def _subnet(ec2: Any, vpc: str, cidr: str, zone: str) -> str:
    made = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)
    id: str = made["Subnet"]["SubnetId"]
    return id


def _table(ec2: Any, vpc: str, subnets: tuple[str, ...], **target: str) -> str:
    id: str = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=id, DestinationCidrBlock="0.0.0.0/0", **target)
    for subnet in subnets:
        ec2.associate_route_table(RouteTableId=id, SubnetId=subnet)
    return id


def _instances(ec2: Any, subnet: str, count: int, tags: dict[str, str]) -> list[Any]:
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    run = ec2.run_instances(
        ImageId="ami-12c6146b", InstanceType="c6gn.medium", MinCount=count, MaxCount=count,
        SubnetId=subnet, TagSpecifications=[{"ResourceType": "instance", "Tags": listed}],
    )  # fmt: skip
    found: list[Any] = run["Instances"]
    return found


def _interface(ec2: Any, vpc: str, service: str, subnets: tuple[str, ...]) -> str:
    return _endpoint(
        ec2, vpc, service, VpcEndpointType="Interface", SubnetIds=list(subnets),
        PrivateDnsEnabled=True,
    )  # fmt: skip


def _endpoint(ec2: Any, vpc: str, service: str, **more: Any) -> str:
    name = f"com.amazonaws.us-east-1.{service}"
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=name, **more)
    id: str = made["VpcEndpoint"]["VpcEndpointId"]
    return id


def _flow_log(access: AwsAccess, ec2: Any, vpc: str) -> str:
    client(access, "logs").create_log_group(logGroupName="/network/flow")
    role = client(access, "iam").create_role(RoleName="flow", AssumeRolePolicyDocument=TRUST)
    made = ec2.create_flow_logs(
        ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", LogGroupName="/network/flow",
        LogDestinationType="cloud-watch-logs", DeliverLogsPermissionArn=role["Role"]["Arn"],
        LogFormat=format_text(RECOMMENDED_FORMAT), MaxAggregationInterval=60,
    )  # fmt: skip
    assert not made["Unsuccessful"]
    id: str = made["FlowLogIds"][0]
    return id
