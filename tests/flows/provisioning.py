"""What tests of provisioning share: a network, a request, and a look at all that AWS holds."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.monitor.plan import ProvisionPlan
from lakeferry.monitor.run import MonitorRequest
from lakeferry.monitor.settings import AlarmLimit, FlowLogWish, MonitorSettings
from lakeferry.monitor.wanted.alarms import ALARMS
from lakeferry.network.discover import Scope
from tests.aws.data_plane import made
from tests.monitor import wishes
from tests.monitor.wishes import full

SERVICES = (
    "autoscaling", "cloudwatch", "ec2", "iam", "kinesis", "logs", "resourcegroupstaggingapi", "s3",
    "sns", "ssm", "sts",
)  # fmt: skip
READS = re.compile(r"Describe|Get|List|Search|Head|SendCommand")  # which asks an instance
VOLATILE = re.compile(r"Time|Date|timestamp|LastModified|storedBytes|CreationToken|Revision")


def network(access: AwsAccess) -> str:
    """The VPC of a data plane with endpoints, a flow log and things of others beside it."""
    plane = made(access)
    client(access, "cloudwatch").put_insight_rule(
        RuleName="theirs", RuleDefinition="{}", RuleState="ENABLED"
    )
    client(access, "cloudwatch").put_dashboard(DashboardName="theirs", DashboardBody="{}")
    client(access, "sns").create_topic(Name="alerts")
    return plane.vpc


def request(access: AwsAccess, vpc: str, name: str = "m1", **chosen: Any) -> MonitorRequest:
    """What a person asks for: everything, in this network; the account is not given."""
    settings: MonitorSettings = replace(full(name, **chosen), account="")
    return MonitorRequest(access, Scope(vpc=vpc), settings)


def one_of_each(access: AwsAccess, vpc: str, *, bucket: str = "") -> MonitorRequest:
    """Every kind of resource, and few of each: for what is done again for every single request."""
    wanted = tuple(one for one in wishes.EVERYTHING if one.kind in ("logs", "databricks-relay"))
    alarms = {name: AlarmLimit(None) for name in ALARMS if name not in ("stalled", "rejected")}
    ours = FlowLogWish(group="/lakeferry/m1/flow")  # or that of others would do
    if bucket:
        client(access, "s3").create_bucket(Bucket=bucket)
        arn = f"arn:aws:s3:::{bucket}"
        ours = replace(ours, destinations=("cloudwatch", "s3"), bucket=arn)
    return request(
        access, vpc, endpoints=wanted, alarms=alarms, flow_logs=ours, questions=("rejected",)
    )


def kinds(plan: ProvisionPlan) -> set[str]:
    return {one.kind for one in plan.changes}


def changed(plan: ProvisionPlan) -> dict[str, str]:
    """Action by name, without what is kept."""
    return {one.name: one.action for one in plan.changes if one.action != "keep"}


# ---- all that AWS holds

Lists = tuple[str, str, str, str]  # service, operation, key of the list, key of the name
EVERYTHING: tuple[Lists, ...] = (
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "describe_flow_logs", "FlowLogs", "FlowLogId"),
    ("ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_nat_gateways", "NatGateways", "NatGatewayId"),
    ("ec2", "describe_addresses", "Addresses", "AllocationId"),
    ("ec2", "describe_volumes", "Volumes", "VolumeId"),
    ("iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iam", "list_policies", "Policies", "PolicyName"),
    ("cloudwatch", "describe_insight_rules", "InsightRules", "Name"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "describe_alarms", "CompositeAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    ("s3", "list_buckets", "Buckets", "Name"),
)


def inventory(access: AwsAccess) -> dict[str, Any]:
    """Every resource of the account that an apply could touch, as AWS tells of it, by its name."""
    found: dict[str, Any] = {}
    for service, operation, key, name in EVERYTHING:
        more = {"Scope": "Local"} if operation == "list_policies" else {}
        for one in getattr(client(access, service), operation)(**more)[key]:
            if one.get("State") != "deleted":  # moto shows deleted endpoints for ever
                found[f"{key} {one[name]}"] = _stable(one)
    return found


def _stable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stable(one) for key, one in value.items() if not VOLATILE.search(key)}
    if isinstance(value, list):
        return sorted((_stable(one) for one in value), key=str)
    return value


def names(found: dict[str, Any], start: str) -> list[str]:
    """Keys of an inventory in whose facts a name begins so."""
    return sorted(key for key, value in found.items() if start in f"{key} {value}")


# ---- requests as they leave


@contextmanager
def watched(access: AwsAccess, seen: Callable[[str, str], None]) -> Iterator[None]:
    """Tell `seen` the service and operation of each request before it is sent."""

    def before(model: Any, **_: Any) -> None:
        seen(model.service_model.signing_name, model.name)

    events = [client(access, service).meta.events for service in SERVICES]
    for one in events:
        one.register("before-call", before)
    try:
        yield
    finally:
        for one in events:
            one.unregister("before-call", before)


class Cut(Exception):
    """The line is cut: the request is not sent."""


def cut_after(writes: int) -> Callable[[str, str], None]:
    """Let so many requests through that change something, then cut."""
    left = writes

    def seen(service: str, operation: str) -> None:
        nonlocal left
        if READS.match(operation):
            return
        if left == 0:
            raise Cut(f"{service}:{operation}")
        left -= 1

    return seen
