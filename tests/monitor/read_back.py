"""Exported templates read back into the values that they were made from.

Written apart from the code that writes them: a dropped property is a value that differs. A
reference is followed to what it would be once deployed; parameters have their defaults.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lakeferry.network.fields import parse_format
from lakeferry.network.nat_resources import (
    ElasticIp,
    InstanceProfile,
    NatInstance,
    NetworkInterface,
    StandbyGateway,
)
from lakeferry.network.resources import (
    Alarm,
    CompositeAlarm,
    Dashboard,
    FlowLog,
    InsightRule,
    LogGroup,
    MetricQuery,
    PortRange,
    Resource,
    Role,
    SecurityGroup,
    Topic,
    VpcEndpoint,
)  # fmt: skip
from tests.monitor.networks import interfaces_of
from tests.network.sample_scenario import ACCOUNT, REGION

WHERE = f"{REGION}:{ACCOUNT}"
Properties = dict[str, Any]


@dataclass(frozen=True)
class Function:
    """What the keeper of rules is, however it was deployed."""

    name: str
    description: str
    runtime: str
    handler: str
    source: str
    role: str
    timeout_s: int
    memory_mib: int
    log_group: str
    tags: Properties
    environment: Properties = field(default_factory=dict)
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class EventRule:
    name: str
    description: str
    state: str
    schedule: str
    pattern: Any
    invokes: str  # ARN of the function
    may_invoke: bool
    tags: Properties


Read = Resource | Function | EventRule


def canonical(document: Any) -> str:
    """A policy or a body, as our values hold it."""
    found = json.loads(document) if isinstance(document, str) else document
    return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def name_in(arn: str) -> str:
    return re.split("[:/]", arn)[-1]


def named_in_text(one: Read) -> set[str]:
    """What a resource names in texts alone, so that only a stated order makes it first."""
    if isinstance(one, Alarm):
        said = " ".join(query.expression for query in one.metrics)
        return set(re.findall(r'INSIGHT_RULE_METRIC\("([^"]+)"', said))
    if isinstance(one, CompositeAlarm):
        return set(re.findall(r'ALARM\("([^"]+)"\)', one.rule))
    if isinstance(one, InsightRule):
        return set(json.loads(one.body)["LogGroupNames"])
    if isinstance(one, NatInstance):
        return {one.name}  # its interface's, once that has its address
    return set()


def tag_keys(one: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    listed = one.get("TagFieldSpecifications", ())
    return tuple((each["ResourceType"], tuple(each["TagKeys"])) for each in listed)


def port_ranges(rules: list[tuple[str, int, int, str]]) -> tuple[PortRange, ...]:
    """One range for all addresses that it lets in, in the order of the first."""
    found: dict[tuple[str, int, int], list[str]] = {}
    for protocol, first, last, cidr in rules:
        found.setdefault((protocol, first, last), []).append(cidr)
    return tuple(PortRange(*ports, tuple(cidrs)) for ports, cidrs in found.items())


# ---- CloudFormation


class Stack:
    """A template, deployed in mind."""

    def __init__(self, template: Properties, parameters: Properties | None = None) -> None:
        self.resources: Properties = template["Resources"]
        self.conditions: Properties = template.get("Conditions", {})
        defaults = {name: one["Default"] for name, one in template["Parameters"].items()}
        self.parameters = {**defaults, **(parameters or {})}
        no_names = {
            "AWS::EC2::EIP", "AWS::EC2::EIPAssociation", "AWS::EC2::FlowLog",
            "AWS::EC2::VPCEndpoint", "AWS::Lambda::Permission",
            "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy",
        }  # fmt: skip
        self.names = {
            self._name(id) for id, one in self.resources.items() if one["Type"] not in no_names
        }
        self.topics = [
            self._arn(id) for id, one in self.resources.items() if one["Type"].endswith("::Topic")
        ]

    @property
    def gateways(self) -> list[str]:
        of_all = self.resources.items()
        return [self._name(id) for id, one in of_all if one["Type"] == "AWS::EC2::NatGateway"]

    def read(self) -> Iterator[Read]:
        for id, one in self.resources.items():
            reader = STACK_READERS.get(one["Type"])
            if reader:
                read = reader(self, id, self.value(one["Properties"]))
                first = {self._name(other) for other in one.get("DependsOn", ())}
                assert first == named_in_text(read) & self.names, id
                yield read

    def value(self, one: Any) -> Any:
        if isinstance(one, list):
            return [self.value(each) for each in one]
        if not isinstance(one, dict):
            return one
        if "Ref" in one:
            return self._ref(one["Ref"])
        if "Fn::GetAtt" in one:
            return self._attribute(*one["Fn::GetAtt"])
        if one.keys() & {"Fn::Base64", "Fn::Join", "Fn::Select"}:
            return self._made_of(one)
        assert not any(key.startswith("Fn::") for key in one), one
        return {key: self.value(each) for key, each in one.items()}

    def _made_of(self, one: Properties) -> Any:
        if "Fn::Base64" in one:
            return self.value(one["Fn::Base64"])
        if "Fn::Select" in one:
            number, of = one["Fn::Select"]
            return self.value(of)[number]
        between, parts = one["Fn::Join"]
        return between.join(self.value(parts))

    def holds(self, condition: str | None) -> bool:
        if condition is None:
            return True
        (test,) = self.conditions[condition]["Fn::Not"]
        left, right = self.value(test["Fn::Equals"])
        return bool(left != right)

    def of_type(self, type_: str) -> Iterator[tuple[str, Properties]]:
        for id, one in self.resources.items():
            if one["Type"] == type_ and self.holds(one.get("Condition")):
                yield id, self.value(one["Properties"])

    def _ref(self, id: str) -> Any:
        if id in self.parameters:
            return self.parameters[id]
        type_ = self.resources[id]["Type"]
        if type_ == "AWS::SNS::Topic":
            return self._arn(id)
        if type_ in ID_STARTS:
            return aws_id(ID_STARTS[type_], self._name(id))
        return self._name(id)

    def _attribute(self, id: str, name: str) -> Any:
        if name == "NetworkInterfaceIds":
            endpoint = _stack_endpoint(self, id, self.value(self.resources[id]["Properties"]))
            return interfaces_of(endpoint)
        if name in ("GroupId", "AllocationId"):
            return self._name(id)  # our values name each other by their names
        if name == "PrimaryPrivateIpAddress":
            return aws_id("ip", self._name(id))
        assert name == "Arn", name
        return self._arn(id)

    def called(self, id: str) -> str:
        """What bears one of AWS's ids, as our values call it."""
        some = (one for one, made in self.resources.items() if made["Type"] in ID_STARTS)
        return {self._ref(one): self._name(one) for one in some}[id]

    def _name(self, id: str) -> str:
        properties = self.resources[id]["Properties"]
        if self.resources[id]["Type"] == "AWS::EC2::EIPAssociation":
            return self._name(properties["NetworkInterfaceId"]["Ref"])
        if self.resources[id]["Type"] in NAMED_BY_TAG:
            return named(properties["Tags"])
        keys = ("GroupName", "LogGroupName", "RoleName", "RuleName", "TopicName", "AlarmName",
                "DashboardName", "FunctionName", "InstanceProfileName", "Name")  # fmt: skip
        return str(next(properties[key] for key in keys if key in properties))

    def _arn(self, id: str) -> str:
        name = self._name(id)
        return {
            "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{name}",
            "AWS::SNS::Topic": f"arn:aws:sns:{WHERE}:{name}",
            "AWS::CloudWatch::Alarm": f"arn:aws:cloudwatch:{WHERE}:alarm:{name}",
            "AWS::CloudWatch::CompositeAlarm": f"arn:aws:cloudwatch:{WHERE}:alarm:{name}",
            "AWS::Lambda::Function": f"arn:aws:lambda:{WHERE}:function:{name}",
            "AWS::Events::Rule": f"arn:aws:events:{WHERE}:rule/{name}",
        }[self.resources[id]["Type"]]

    def actions(self, arns: list[str]) -> tuple[str, ...]:
        """Our values name topics of ours by name, others by ARN."""
        return tuple(name_in(arn) if arn in self.topics else arn for arn in arns)


# What AWS's ids begin with, where ids stand in texts.
ID_STARTS = {
    "AWS::EC2::Instance": "i", "AWS::EC2::NatGateway": "nat", "AWS::EC2::NetworkInterface": "eni",
    "AWS::EC2::VPCEndpoint": "vpce",
}  # fmt: skip
NAMED_BY_TAG = {"AWS::EC2::EIP", *ID_STARTS}


BACKWARDS = False


def aws_id(start: str, name: str) -> str:
    """The id that something new gets. Ids sort as names do, or backwards where a test wants it."""
    shown = bytes(255 - one for one in name.encode()) if BACKWARDS else name.encode()
    return f"{start}-{shown.hex()}"


def _tags(listed: list[Properties]) -> Properties:
    return {one["Key"]: one["Value"] for one in listed if one["Key"] != "Name"}


def named(listed: list[Properties]) -> str:
    return next((str(one["Value"]) for one in listed if one["Key"] == "Name"), "")


def _stack_group(_stack: Stack, _id: str, one: Properties) -> SecurityGroup:
    rules = []
    for each in one["SecurityGroupIngress"]:
        cidr = each["CidrIpv6"] if "CidrIpv6" in each else each["CidrIp"]
        assert (":" in cidr) == ("CidrIpv6" in each)
        all_ports = {"FromPort": -1, "ToPort": -1} if each["IpProtocol"] == "-1" else {}
        assert not all_ports or not each.keys() & all_ports
        ports = all_ports or each
        rules.append((each["IpProtocol"], ports["FromPort"], ports["ToPort"], cidr))
    assert named(one["Tags"]) == one["GroupName"]
    return SecurityGroup(
        one["GroupName"], one["VpcId"], one["GroupDescription"], port_ranges(rules),
        _tags(one["Tags"]),
    )  # fmt: skip


def _stack_endpoint(_stack: Stack, _id: str, one: Properties) -> VpcEndpoint:
    return VpcEndpoint(
        named(one["Tags"]), one["VpcId"], one["ServiceName"], one["VpcEndpointType"],
        tuple(one.get("SubnetIds", ())), tuple(one.get("RouteTableIds", ())),
        tuple(one.get("SecurityGroupIds", ())), one.get("PrivateDnsEnabled", False),
        canonical(one["PolicyDocument"]) if "PolicyDocument" in one else "", _tags(one["Tags"]),
    )  # fmt: skip


def _stack_log_group(_stack: Stack, _id: str, one: Properties) -> LogGroup:
    return LogGroup(
        one["LogGroupName"], one.get("RetentionInDays"), one.get("KmsKeyId", ""), _tags(one["Tags"])
    )


def _stack_role(_stack: Stack, _id: str, one: Properties) -> Role:
    (policy,) = one["Policies"]
    assert policy["PolicyName"] == one["RoleName"]
    trust, rights = one["AssumeRolePolicyDocument"], policy["PolicyDocument"]
    return Role(one["RoleName"], canonical(trust), canonical(rights), _tags(one["Tags"]))


def _stack_flow_log(_stack: Stack, _id: str, one: Properties) -> FlowLog:
    options = one.get("DestinationOptions", {})
    return FlowLog(
        named(one["Tags"]), one["ResourceId"], one["ResourceType"], one["TrafficType"],
        one["LogDestinationType"], one.get("LogGroupName") or one["LogDestination"],
        name_in(one.get("DeliverLogsPermissionArn", "")), parse_format(one["LogFormat"]),
        one["MaxAggregationInterval"], options.get("FileFormat", ""),
        options.get("HiveCompatiblePartitions", False), options.get("PerHourPartition", False),
        _tags(one["Tags"]), tag_keys(one),
    )  # fmt: skip


def _stack_rule(_stack: Stack, _id: str, one: Properties) -> InsightRule:
    return InsightRule(
        one["RuleName"], one["RuleBody"], one["RuleState"] == "ENABLED", _tags(one["Tags"])
    )


def _stack_topic(stack: Stack, id: str, one: Properties) -> Topic:
    arn = stack.value({"Ref": id})
    ((_, policy),) = stack.of_type("AWS::SNS::TopicPolicy")
    assert policy["Topics"] == [arn]
    told = []
    for subscription, each in stack.of_type("AWS::SNS::Subscription"):
        raw = stack.resources[subscription]
        assert raw["Condition"] == f"Has{raw['Properties']['Endpoint']['Ref']}"  # '' is nobody
        told += [each] if each["TopicArn"] == arn else []
    who = tuple((each["Protocol"], each["Endpoint"]) for each in told)
    return Topic(one["TopicName"], canonical(policy["PolicyDocument"]), who, _tags(one["Tags"]))


def _stack_alarm(stack: Stack, _id: str, one: Properties) -> Alarm:
    assert one["ActionsEnabled"] == "true"
    metrics = tuple(_stack_query(each) for each in one.get("Metrics", ())) or (
        MetricQuery(
            "m1", one["Period"], "", one["Namespace"], one["MetricName"],
            _stack_dimensions(one), one["Statistic"], one["MetricName"],
        ),
    )  # fmt: skip
    return Alarm(
        one["AlarmName"], one["AlarmDescription"], metrics, one["ComparisonOperator"],
        one["Threshold"], one["EvaluationPeriods"], one["DatapointsToAlarm"],
        one["TreatMissingData"], stack.actions(one.get("AlarmActions", [])),
        stack.actions(one.get("OKActions", [])), _tags(one["Tags"]),
    )  # fmt: skip


def _stack_dimensions(one: Properties) -> tuple[tuple[str, str], ...]:
    return tuple((each["Name"], each["Value"]) for each in one["Dimensions"])


def _stack_query(one: Properties) -> MetricQuery:
    label, returned = one.get("Label", ""), one["ReturnData"]
    if "Expression" in one:
        return MetricQuery(
            one["Id"], one["Period"], one["Expression"], label=label, returned=returned
        )
    stat = one["MetricStat"]
    metric = stat["Metric"]
    return MetricQuery(
        one["Id"], stat["Period"], "", metric["Namespace"], metric["MetricName"],
        _stack_dimensions(metric), stat["Stat"], label, returned,
    )  # fmt: skip


def _stack_composite(stack: Stack, _id: str, one: Properties) -> CompositeAlarm:
    assert one["ActionsEnabled"] == "true"
    wait = one.get("ActionsSuppressorWaitPeriod", 0)
    assert one.get("ActionsSuppressorExtensionPeriod", 0) == wait
    return CompositeAlarm(
        one["AlarmName"], one["AlarmDescription"], one["AlarmRule"],
        stack.actions(one.get("AlarmActions", [])), stack.actions(one.get("OKActions", [])),
        one.get("ActionsSuppressor", ""), wait, _tags(one["Tags"]),
    )  # fmt: skip


def _stack_dashboard(_stack: Stack, _id: str, one: Properties) -> Dashboard:
    return Dashboard(one["DashboardName"], one["DashboardBody"], _tags(one["Tags"]))


def _stack_function(_stack: Stack, _id: str, one: Properties) -> Function:
    assert one["LoggingConfig"]["LogFormat"] == "Text"
    inside = one.get("VpcConfig", {"SubnetIds": (), "SecurityGroupIds": ()})
    return Function(
        one["FunctionName"], one["Description"], one["Runtime"], one["Handler"],
        one["Code"]["ZipFile"], one["Role"], one["Timeout"], one["MemorySize"],
        one["LoggingConfig"]["LogGroup"], _tags(one["Tags"]),
        one.get("Environment", {}).get("Variables", {}),
        tuple(inside["SubnetIds"]), tuple(inside["SecurityGroupIds"]),
    )  # fmt: skip


def _stack_event_rule(stack: Stack, id: str, one: Properties) -> EventRule:
    (target,) = one["Targets"]
    assert target["Id"].startswith(("keep-instances", "keep-rules", "nat-health-"))
    arn = stack.value({"Fn::GetAtt": [id, "Arn"]})
    allowed = [each for _, each in stack.of_type("AWS::Lambda::Permission")]
    may = any(
        each["SourceArn"] == arn
        and target["Arn"].endswith(f":{each['FunctionName']}")
        and each["Principal"] == "events.amazonaws.com"
        and each["Action"] == "lambda:InvokeFunction"
        for each in allowed
    )
    return EventRule(
        one["Name"], one["Description"], one["State"], one.get("ScheduleExpression", ""),
        one.get("EventPattern"), target["Arn"], may, _tags(one["Tags"]),
    )  # fmt: skip


# ---- NAT instances


def marked(script: str, gateways: Iterable[str]) -> str:
    """User data with marks for the ids of standby gateways, as our values hold it."""
    for name in gateways:
        script = script.replace(aws_id("nat", name), f"${{{name}}}")
    return script


def arch_of(image: str, kind: str) -> str:
    """By what a parameter ends with, or by the family of the type: `c7gn` is Graviton."""
    known = next((one for one in ("arm64", "x86_64") if image.endswith(one)), "")
    return known or ("arm64" if re.match(r"[a-z]+\d+g", kind) else "x86_64")


def _stack_profile(_stack: Stack, _id: str, one: Properties) -> InstanceProfile:
    (role,) = one["Roles"]
    return InstanceProfile(one["InstanceProfileName"], role)


def _stack_interface(_stack: Stack, _id: str, one: Properties) -> NetworkInterface:
    return NetworkInterface(
        named(one["Tags"]), one["SubnetId"], tuple(one["GroupSet"]), one["Description"],
        one["SourceDestCheck"], _tags(one["Tags"]),
    )  # fmt: skip


def _stack_address(stack: Stack, id: str, one: Properties) -> ElasticIp:
    assert one["Domain"] == "vpc"
    bound = [each for _, each in stack.of_type("AWS::EC2::EIPAssociation")]
    name = named(one["Tags"])
    own = [each for each in bound if each["AllocationId"] == name]
    at = [stack.called(each["NetworkInterfaceId"]) for each in own]
    taken = [each for _, each in stack.of_type("AWS::EC2::NatGateway")]
    assert len(at) + sum(each["AllocationId"] == name for each in taken) == 1, id
    return ElasticIp(name, "".join(at), _tags(one["Tags"]))


def _stack_standby(_stack: Stack, _id: str, one: Properties) -> StandbyGateway:
    name = named(one["Tags"])
    assert (one["ConnectivityType"], one["AllocationId"]) == ("public", name)
    return StandbyGateway(name, one["SubnetId"], _tags(one["Tags"]))


def _stack_instance(stack: Stack, _id: str, one: Properties) -> NatInstance:
    name = named(one["Tags"])
    (card,) = one["NetworkInterfaces"]
    assert card == {"DeviceIndex": "0", "NetworkInterfaceId": aws_id("eni", name)}
    (disk,) = one["BlockDeviceMappings"]
    wanted = {"VolumeType": "gp3", "VolumeSize": 8, "Encrypted": True, "DeleteOnTermination": True}
    assert disk == {"DeviceName": "/dev/xvda", "Ebs": wanted}
    assert one["PropagateTagsToVolumeOnCreation"] is True
    metadata, image = one["MetadataOptions"], one["ImageId"]
    assert metadata["HttpEndpoint"] == "enabled"
    found = re.fullmatch(r"\{\{resolve:ssm:([a-z0-9/_-]+)\}\}", image)
    made = NatInstance(
        name, one["InstanceType"], arch_of(found[1] if found else "", one["InstanceType"]),
        "" if found else image, one["IamInstanceProfile"],
        marked(one["UserData"], stack.gateways), one["Monitoring"],
        metadata["HttpTokens"], metadata["HttpPutResponseHopLimit"], tags=_tags(one["Tags"]),
    )  # fmt: skip
    assert not found or found[1] == made.image_parameter
    return made


STACK_READERS: dict[str, Callable[[Stack, str, Properties], Read]] = {
    "AWS::EC2::SecurityGroup": _stack_group,
    "AWS::EC2::VPCEndpoint": _stack_endpoint,
    "AWS::Logs::LogGroup": _stack_log_group,
    "AWS::IAM::Role": _stack_role,
    "AWS::EC2::FlowLog": _stack_flow_log,
    "AWS::CloudWatch::InsightRule": _stack_rule,
    "AWS::SNS::Topic": _stack_topic,
    "AWS::CloudWatch::Alarm": _stack_alarm,
    "AWS::CloudWatch::CompositeAlarm": _stack_composite,
    "AWS::CloudWatch::Dashboard": _stack_dashboard,
    "AWS::Lambda::Function": _stack_function,
    "AWS::Events::Rule": _stack_event_rule,
    "AWS::IAM::InstanceProfile": _stack_profile,
    "AWS::EC2::NetworkInterface": _stack_interface,
    "AWS::EC2::EIP": _stack_address,
    "AWS::EC2::NatGateway": _stack_standby,
    "AWS::EC2::Instance": _stack_instance,
}
