"""Terraform configurations read back into the values that they were made from; see `read_back`."""

import json
import re
from collections.abc import Callable, Iterator
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
    Role,
    SecurityGroup,
    Topic,
    VpcEndpoint,
)  # fmt: skip
from tests.monitor.networks import interfaces_of
from tests.monitor.read_back import (
    WHERE,
    EventRule,
    Function,
    Properties,
    Read,
    arch_of,
    aws_id,
    canonical,
    marked,
    name_in,
    named_in_text,
    port_ranges,
)  # fmt: skip
from tests.network.sample_scenario import ACCOUNT

_TEMPLATE = re.compile(r"\$\$\{|%%\{|\$\{([^}]*)\}")
_TARGETS = {
    "vpc_id": "VPC", "subnet_id": "Subnet", "eni_id": "NetworkInterface",
    "regional_nat_gateway_id": "RegionalNatGateway",
}  # fmt: skip
ALL_OPEN = {
    "protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"],
    "ipv6_cidr_blocks": [], "prefix_list_ids": [], "security_groups": [], "self": False,
    "description": "",
}  # fmt: skip


class Configuration:
    """A configuration, applied in mind."""

    def __init__(self, configuration: Properties) -> None:
        self.whole = configuration
        self.resources: dict[str, dict[str, Properties]] = configuration["resource"]
        self.variables = {name: one["default"] for name, one in configuration["variable"].items()}
        tags = configuration["provider"]["aws"]["default_tags"]["tags"]
        self.default_tags = {self.text(key): self.text(value) for key, value in tags.items()}
        self.names = {
            self._attribute(type_, label, "name")
            for type_, labels in self.resources.items()
            if type_ in READERS and type_ not in ("aws_vpc_endpoint", "aws_flow_log")
            for label in labels
        }
        self.topics = [
            self._attribute("aws_sns_topic", label, "arn")
            for label in self.resources.get("aws_sns_topic", {})
        ]

    def read(self) -> Iterator[Read]:
        for type_, reader in READERS.items():
            for label, one in self.resources.get(type_, {}).items():
                read = reader(self, label, self.value(one))
                needed = (other.split(".") for other in one.get("depends_on", ()))
                first = {self._attribute(kind, other, "name") for kind, other in needed}
                assert first == self._first(read), label
                yield read

    def _first(self, read: Read) -> set[str]:
        """What must be there before, and no reference tells: a role's policy is apart from it."""
        if isinstance(read, FlowLog):
            return {read.role} & self.names
        if isinstance(read, Function) and read.subnets:
            return {name_in(read.role)}  # it makes an interface with it
        return named_in_text(read) & self.names

    def value(self, one: Any) -> Any:
        if isinstance(one, list):
            return [self.value(each) for each in one]
        if isinstance(one, dict):
            return {self.value(key): self.value(each) for key, each in one.items()}
        return self.text(one) if isinstance(one, str) else one

    def text(self, one: str) -> Any:
        whole = re.fullmatch(r"\$\{([^}]*)\}", one)
        if whole:  # a value of any type
            return self._expression(whole[1])
        return _TEMPLATE.sub(
            lambda found: found[0][1:] if found[1] is None else str(self._expression(found[1])), one
        )

    def _expression(self, one: str) -> Any:
        test = re.fullmatch(r'var\.(\w+) == "" \? 0 : 1', one)
        if test:
            return 0 if self.variables[test[1]] == "" else 1
        picked = re.fullmatch(
            r"tolist\(aws_vpc_endpoint\.(\w+)\.network_interface_ids\)\[(\d+)\]", one
        )
        if picked:
            return self.interfaces(picked[1])[int(picked[2])]
        first, *rest = one.split(".")
        if first == "var":
            return self.variables[rest[0]]
        if first == "path":
            return "."
        if first == "data":
            return self.text(self.whole["data"][rest[0]][rest[1]].get(rest[2], rest[2]))
        label, attribute = rest
        return self._attribute(first, label, attribute)

    def interfaces(self, label: str) -> list[str]:
        """Those that an endpoint gets, as Terraform lists a set of texts."""
        arguments = self.value(self.resources["aws_vpc_endpoint"][label])
        return sorted(interfaces_of(_endpoint(self, label, arguments)))

    def _attribute(self, type_: str, label: str, attribute: str) -> str:
        one = self.resources[type_][label]
        if type_ == "aws_eip_association":
            to = one["network_interface_id"].removeprefix("${").split(".")
            return self._attribute(to[0], to[1], "name")
        if type_ in NAMED_BY_TAG:
            name = str(one["tags"]["Name"])
            starts = {"id": NAMED_BY_TAG[type_], "private_ip": "ip"}
            return aws_id(starts[attribute], name) if attribute in starts else name
        keys = ("name", "alarm_name", "dashboard_name", "function_name", "rule_name")
        name = str(next(one[key] for key in keys if key in one))
        if attribute != "arn":
            return name  # ids stand for names: our values name each other so
        return {
            "aws_iam_role": f"arn:aws:iam::{ACCOUNT}:role/{name}",
            "aws_sns_topic": f"arn:aws:sns:{WHERE}:{name}",
            "aws_cloudwatch_log_group": f"arn:aws:logs:{WHERE}:log-group:{name}",
            "aws_cloudwatch_metric_alarm": f"arn:aws:cloudwatch:{WHERE}:alarm:{name}",
            "aws_cloudwatch_composite_alarm": f"arn:aws:cloudwatch:{WHERE}:alarm:{name}",
            "aws_lambda_function": f"arn:aws:lambda:{WHERE}:function:{name}",
            "aws_cloudwatch_event_rule": f"arn:aws:events:{WHERE}:rule/{name}",
        }[type_]

    def tags(self, one: Properties) -> Properties:
        own = {key: value for key, value in one.get("tags", {}).items() if key != "Name"}
        return {**self.default_tags, **own}

    def actions(self, arns: list[str]) -> tuple[str, ...]:
        return tuple(name_in(arn) if arn in self.topics else arn for arn in arns)


def _group(all_: Configuration, _label: str, one: Properties) -> SecurityGroup:
    assert one["egress"] == [ALL_OPEN]
    assert one["tags"]["Name"] == one["name"]
    rules = []
    for each in one["ingress"]:
        assert each.keys() == ALL_OPEN.keys()
        assert [each["prefix_list_ids"], each["security_groups"], each["self"]] == [[], [], False]
        assert not any(":" in cidr for cidr in each["cidr_blocks"])
        ports = each["protocol"], each["from_port"], each["to_port"]
        if each["protocol"] == "-1":
            assert ports[1:] == (0, 0)  # as the provider calls all ports; EC2 says -1
            ports = ("-1", -1, -1)
        rules += [(*ports, cidr) for cidr in (*each["cidr_blocks"], *each["ipv6_cidr_blocks"])]
    return SecurityGroup(
        one["name"], one["vpc_id"], one["description"], port_ranges(rules), all_.tags(one)
    )


def _endpoint(all_: Configuration, _label: str, one: Properties) -> VpcEndpoint:
    return VpcEndpoint(
        one["tags"]["Name"], one["vpc_id"], one["service_name"], one["vpc_endpoint_type"],
        tuple(one.get("subnet_ids", ())), tuple(one.get("route_table_ids", ())),
        tuple(one.get("security_group_ids", ())), one.get("private_dns_enabled", False),
        canonical(one["policy"]) if "policy" in one else "", all_.tags(one),
    )  # fmt: skip


def _log_group(all_: Configuration, _label: str, one: Properties) -> LogGroup:
    days, key = one.get("retention_in_days"), one.get("kms_key_id", "")
    return LogGroup(one["name"], days, key, all_.tags(one))


def _role(all_: Configuration, label: str, one: Properties) -> Role:
    policy = all_.value(all_.resources["aws_iam_role_policy"][label])
    assert policy["name"] == policy["role"] == one["name"]
    trust = canonical(one["assume_role_policy"])
    return Role(one["name"], trust, canonical(policy["policy"]), all_.tags(one))


def _flow_log(all_: Configuration, _label: str, one: Properties) -> FlowLog:
    ((argument, type_),) = ((key, type_) for key, type_ in _TARGETS.items() if key in one)
    options = one.get("destination_options", {})
    to_s3 = one["log_destination_type"] == "s3"
    where = one["log_destination"]
    return FlowLog(
        one["tags"]["Name"], one[argument], type_, one["traffic_type"],
        one["log_destination_type"], where if to_s3 else where.partition(":log-group:")[2],
        name_in(one.get("iam_role_arn", "")), parse_format(one["log_format"]),
        one["max_aggregation_interval"], options.get("file_format", ""),
        options.get("hive_compatible_partitions", False), options.get("per_hour_partition", False),
        all_.tags(one),
    )  # fmt: skip


def _rule(all_: Configuration, label: str, one: Properties) -> InsightRule:
    assert one["lifecycle"] == {"replace_triggered_by": [f"terraform_data.rule_{label}"]}
    seen = all_.value(all_.resources["terraform_data"][f"rule_{label}"])["input"]
    assert seen == f"{one['rule_state']} {one['rule_definition']}"
    enabled = one["rule_state"] == "ENABLED"
    return InsightRule(one["rule_name"], one["rule_definition"], enabled, all_.tags(one))


def _topic(all_: Configuration, label: str, one: Properties) -> Topic:
    arn = f"arn:aws:sns:{WHERE}:{one['name']}"
    policy = all_.value(all_.resources["aws_sns_topic_policy"][label])
    assert policy["arn"] == arn
    told = [
        all_.value(each) for each in all_.resources.get("aws_sns_topic_subscription", {}).values()
    ]
    who = [
        (each["protocol"], each["endpoint"])
        for each in told
        if each["topic_arn"] == arn and each["count"] == 1
    ]
    return Topic(one["name"], canonical(policy["policy"]), tuple(who), all_.tags(one))


def _alarm(all_: Configuration, _label: str, one: Properties) -> Alarm:
    assert one["actions_enabled"] is True
    metrics = tuple(_query(each) for each in one.get("metric_query", ())) or (
        _metric(one, "m1", one["metric_name"], one["statistic"], True),
    )
    return Alarm(
        one["alarm_name"], one["alarm_description"], metrics, one["comparison_operator"],
        one["threshold"], one["evaluation_periods"], one["datapoints_to_alarm"],
        one["treat_missing_data"], all_.actions(one.get("alarm_actions", [])),
        all_.actions(one.get("ok_actions", [])), all_.tags(one),
    )  # fmt: skip


def _query(one: Properties) -> MetricQuery:
    label, returned = one.get("label", ""), one["return_data"]
    if "expression" in one:
        return MetricQuery(
            one["id"], one["period"], one["expression"], label=label, returned=returned
        )
    return _metric(one["metric"], one["id"], label, one["metric"]["stat"], returned)


def _metric(one: Properties, id: str, label: str, statistic: str, returned: bool) -> MetricQuery:
    return MetricQuery(
        id, one["period"], "", one["namespace"], one["metric_name"],
        tuple(sorted(one["dimensions"].items())), statistic, label, returned,
    )  # fmt: skip


def _composite(all_: Configuration, _label: str, one: Properties) -> CompositeAlarm:
    none = {"alarm": "", "wait_period": 0, "extension_period": 0}
    suppressor = one.get("actions_suppressor", none)
    assert one["actions_enabled"] is True
    assert suppressor["wait_period"] == suppressor["extension_period"]
    return CompositeAlarm(
        one["alarm_name"], one["alarm_description"], one["alarm_rule"],
        all_.actions(one.get("alarm_actions", [])), all_.actions(one.get("ok_actions", [])),
        suppressor["alarm"], suppressor["wait_period"], all_.tags(one),
    )  # fmt: skip


def _dashboard(_all: Configuration, _label: str, one: Properties) -> Dashboard:
    return Dashboard(one["dashboard_name"], one["dashboard_body"])


def _function(all_: Configuration, label: str, one: Properties) -> Function:
    archive = all_.value(all_.whole["data"]["archive_file"][label])
    inside = one.get("vpc_config", {"subnet_ids": (), "security_group_ids": ()})
    assert archive["source_content_filename"] == "index.py"
    assert one["filename"] == f"{archive['output_path']}"
    assert one["source_code_hash"] == "output_base64sha256"
    assert one["logging_config"]["log_format"] == "Text"
    return Function(
        one["function_name"], one["description"], one["runtime"], one["handler"],
        archive["source_content"], one["role"], one["timeout"], one["memory_size"],
        one["logging_config"]["log_group"], all_.tags(one),
        one.get("environment", {}).get("variables", {}),
        tuple(inside["subnet_ids"]), tuple(inside["security_group_ids"]),
    )  # fmt: skip


def _event_rule(all_: Configuration, label: str, one: Properties) -> EventRule:
    target = all_.value(all_.resources["aws_cloudwatch_event_target"][label])
    assert target["rule"] == one["name"]
    assert target["target_id"].startswith(("keep-instances", "keep-rules", "nat-health-"))
    allowed = all_.value(all_.resources["aws_lambda_permission"][label])
    may = (
        allowed["source_arn"] == f"arn:aws:events:{WHERE}:rule/{one['name']}"
        and target["arn"].endswith(f":{allowed['function_name']}")
        and allowed["principal"] == "events.amazonaws.com"
        and allowed["action"] == "lambda:InvokeFunction"
    )
    pattern = one.get("event_pattern")
    return EventRule(
        one["name"], one["description"], one["state"], one.get("schedule_expression", ""),
        json.loads(pattern) if pattern else None, target["arn"], may, all_.tags(one),
    )  # fmt: skip


# ---- NAT instances

# What AWS's ids begin with, by types whose name is a tag.
NAMED_BY_TAG = {
    "aws_eip": "", "aws_instance": "i", "aws_nat_gateway": "nat", "aws_network_interface": "eni",
    "aws_vpc_endpoint": "vpce",
}  # fmt: skip
RECORDS = {"key_prefixes": ["lakeferry:before:"]}


def _profile(all_: Configuration, _label: str, one: Properties) -> InstanceProfile:
    return InstanceProfile(one["name"], one["role"], all_.tags(one))


def _interface(all_: Configuration, _label: str, one: Properties) -> NetworkInterface:
    assert all_.whole["provider"]["aws"]["ignore_tags"] == RECORDS
    return NetworkInterface(
        one["tags"]["Name"], one["subnet_id"], tuple(one["security_groups"]), one["description"],
        one["source_dest_check"], all_.tags(one),
    )  # fmt: skip


def _address(all_: Configuration, label: str, one: Properties) -> ElasticIp:
    assert one["domain"] == "vpc"
    name = one["tags"]["Name"]
    bound = all_.value(all_.resources.get("aws_eip_association", {}).get(label, {}))
    taken = [all_.value(each) for each in all_.resources.get("aws_nat_gateway", {}).values()]
    assert bool(bound) + sum(each["allocation_id"] == name for each in taken) == 1
    assert not bound or bound["allocation_id"] == name
    interfaces = [
        each["tags"]["Name"] for each in all_.resources.get("aws_network_interface", {}).values()
    ]
    called = {aws_id("eni", each): each for each in interfaces}
    at = called[bound["network_interface_id"]] if bound else ""
    return ElasticIp(name, at, all_.tags(one))


def _standby(all_: Configuration, _label: str, one: Properties) -> StandbyGateway:
    name = one["tags"]["Name"]
    assert (one["connectivity_type"], one["allocation_id"]) == ("public", name)
    return StandbyGateway(name, one["subnet_id"], all_.tags(one))


def _instance(all_: Configuration, label: str, one: Properties) -> NatInstance:
    name, metadata, image = one["tags"]["Name"], one["metadata_options"], one["ami"]
    assert one["primary_network_interface"] == {"network_interface_id": aws_id("eni", name)}
    gateways = all_.resources.get("aws_nat_gateway", {}).values()
    script = marked(one["user_data"], [each["tags"]["Name"] for each in gateways])
    disk = dict(one["root_block_device"])
    assert all_.tags(disk) == all_.tags(one)
    assert disk.pop("tags")["Name"] == name
    assert disk == {
        "volume_type": "gp3", "volume_size": 8, "encrypted": True, "delete_on_termination": True,
    }  # fmt: skip
    assert metadata["http_endpoint"] == "enabled"
    looked_up = image == "value"  # of the data that the label names
    assert (one.get("lifecycle") == {"ignore_changes": ["ami"]}) == looked_up
    data = all_.whole["data"]["aws_ssm_parameter"] if looked_up else {}
    raw = all_.resources["aws_instance"][label]["ami"]
    parameter = data[raw.split(".")[2]]["name"] if looked_up else ""
    made = NatInstance(
        name, one["instance_type"], arch_of(parameter, one["instance_type"]),
        "" if looked_up else image, one["iam_instance_profile"], script,
        one["monitoring"], metadata["http_tokens"], metadata["http_put_response_hop_limit"],
        one["maintenance_options"]["auto_recovery"], all_.tags(one),
    )  # fmt: skip
    assert not looked_up or parameter == made.image_parameter
    return made


READERS: dict[str, Callable[[Configuration, str, Properties], Read]] = {
    "aws_security_group": _group,
    "aws_vpc_endpoint": _endpoint,
    "aws_cloudwatch_log_group": _log_group,
    "aws_iam_role": _role,
    "aws_flow_log": _flow_log,
    "aws_cloudwatch_contributor_insight_rule": _rule,
    "aws_sns_topic": _topic,
    "aws_cloudwatch_metric_alarm": _alarm,
    "aws_cloudwatch_composite_alarm": _composite,
    "aws_cloudwatch_dashboard": _dashboard,
    "aws_lambda_function": _function,
    "aws_cloudwatch_event_rule": _event_rule,
    "aws_iam_instance_profile": _profile,
    "aws_network_interface": _interface,
    "aws_eip": _address,
    "aws_nat_gateway": _standby,
    "aws_instance": _instance,
}
