"""The small Lambda that looks at each NAT instance's path once a minute, and what it needs. Pure.

One function for each NAT instance, in a private subnet behind it. It reaches EC2 by the `ec2`
endpoint, so a dead path does not keep it from moving the routes; see `health_lambda`.

Source: Lambda Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC"
(rights for its interfaces, and how to keep the function's own code from them); EventBridge User
Guide, "Schedule expressions" (once a minute at most); CloudWatch User Guide, "Embedding metrics
within logs".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from lakeferry.errors import FerryError
from lakeferry.monitor.export.foreseen import NewNat
from lakeferry.monitor.export.lambda_function import (
    MOST_EVENT_RULE_NAME,
    LambdaFunction,
    Trigger,
    function_name,
)
from lakeferry.monitor.nat.moves import standby_of
from lakeferry.monitor.nat.names import MOST_ROLE_NAME, nat_name
from lakeferry.monitor.nat.user_data import default_targets
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.alarm_parts import LESS, Kind, alarm, service_metric
from lakeferry.monitor.wanted.desired import Desired
from lakeferry.network.nat_resources import (
    DefaultRoute,
    NatInstance,
    NetworkInterface,
)
from lakeferry.network.policy_text import policy_text
from lakeferry.network.resources import Alarm, LogGroup, Resource, Role, SecurityGroup
from lakeferry.network.rule_set import fitted
from lakeferry.network.topology import Topology
from lakeferry.network.ways import table_of

RETENTION_DAYS = 30
METRICS = "Lakeferry"  # namespace
# Of interfaces in the VPC: Lambda itself makes them, with the function's role.
INTERFACES = (
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
)  # fmt: skip
_WRITES = tuple(one for one in INTERFACES if "Describe" not in one)
LOOK = ("ec2:DescribeInstanceStatus", "ec2:DescribeNatGateways", "ec2:DescribeRouteTables")
MOVE = ("ec2:ReplaceRoute",)


@dataclass(frozen=True, slots=True)
class NatHealth:
    """The functions and all that they share."""

    functions: tuple[LambdaFunction, ...]
    group: LogGroup
    role: Role
    door: SecurityGroup
    alarms: tuple[Alarm, ...]
    notes: tuple[str, ...]

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Those that are like other resources of the deployment."""
        return self.door, self.group, self.role, *self.alarms


def nat_health(wanted: Desired, settings: MonitorSettings, topology: Topology) -> NatHealth | None:
    """The Lambda of a deployment; None where it is not asked for, or there is nothing to look at.

    Raises:
        FerryError: LF-6431 where no subnet leads to a NAT instance by its tables.
    """
    names = [one.name for one in wanted.resources if isinstance(one, NatInstance)]
    if settings.nat.check != "lambda" or not names:
        return None
    group = _log_group(settings)
    labels = {name: name.removeprefix(nat_name(settings, "")) for name in names}
    called = {name: _called(settings, label) for name, label in labels.items()}
    role = _role(wanted, settings, group, tuple(called.values()))
    door = SecurityGroup(
        f"{settings.prefix}nat-health", wanted.vpc_id,
        "Of the Lambda that looks at NAT instances: nothing comes in", (), settings.all_tags,
    )  # fmt: skip
    functions = tuple(
        LambdaFunction(
            words=("nat", "health", *label.replace(".", "-").split("-")),
            name=called[name],
            description=f"Moves routes off the NAT instance of {label} when it is dead",
            timeout_s=45,
            memory_mib=128,
            source=_source(),
            role=role,
            group=group,
            triggers=(_trigger(settings, label),),
            tags=settings.all_tags,
            environment=_environment(name, label, wanted, settings, topology),
            subnet_ids=(_subnet(name, wanted, topology),),
            security_groups=(door.name,),
        )
        for name, label in labels.items()
    )
    alarms = (one for name in names for one in _alarms(settings, labels[name], called[name]))
    return NatHealth(functions, group, role, door, tuple(alarms), tuple(_notes(settings, names)))


def _called(settings: MonitorSettings, label: str) -> str:
    return function_name(settings.deployment, f"nat-health-{label.replace('.', '-')}")


def _log_group(settings: MonitorSettings) -> LogGroup:
    return LogGroup(
        f"/lakeferry/{settings.deployment}/nat-health",
        RETENTION_DAYS,
        settings.flow_logs.kms_key,
        settings.all_tags,
    )


def _source() -> str:
    here = files("lakeferry.monitor.nat")
    return here.joinpath("health_lambda.py").read_text(encoding="utf-8")


def _trigger(settings: MonitorSettings, label: str) -> Trigger:
    name = fitted(f"{settings.prefix}nat-health.{label}", MOST_EVENT_RULE_NAME)
    return Trigger("Schedule", name, "Looks at a NAT instance's path", "rate(1 minute)")


# ---- where, and what it looks at


def _tables(name: str, wanted: Desired) -> tuple[str, ...]:
    routes = (one for one in wanted.resources if isinstance(one, DefaultRoute))
    return tuple(sorted(one.route_table_id for one in routes if one.interface == name))


def _subnet(name: str, wanted: Desired, topology: Topology) -> str:
    """A private subnet that goes out by the instance, in its zone where there is one."""
    own = _tables(name, wanted)
    zones = {one.id: one.zone for one in topology.found.subnets}
    at = next(
        one.subnet_id
        for one in wanted.resources
        if isinstance(one, NetworkInterface) and one.name == name
    )
    found = [
        id
        for id in topology.scope
        if (table := table_of(topology.found, id)) is not None and table.id in own
    ]
    if not found:
        raise FerryError(
            "LF-6431",
            f"the Lambda that looks at {name} has no subnet: none in question is of "
            f"{', '.join(own)}",
            topology.found.vpc.id,
            "name a private subnet of these route tables (`network.subnets`, --subnet)",
        )
    return min(found, key=lambda id: (zones.get(id) != zones.get(at), id))


def _environment(
    name: str, label: str, wanted: Desired, settings: MonitorSettings, topology: Topology
) -> Mapping[str, str]:
    hosts = (one.partition(":")[0] for one in default_targets(settings.region))
    return {
        "DEPLOYMENT": settings.deployment,
        "NAT_PATH": label,
        "NAT_INTERFACE": NewNat("eni", name).mark,
        "STANDBY": standby_of(name, wanted, settings, topology),
        "ROUTE_TABLES": ",".join(_tables(name, wanted)),
        "URLS": ",".join(f"https://{one}/" for one in hosts),
    }


# ---- what it may do, and what is told


def _role(
    wanted: Desired, settings: MonitorSettings, group: LogGroup, functions: Sequence[str]
) -> Role:
    start, where = f"arn:{settings.partition}", f"{settings.region}:{settings.account}"
    routes = [one for one in wanted.resources if isinstance(one, DefaultRoute)]
    tables = sorted(f"{start}:ec2:{where}:route-table/{one.route_table_id}" for one in routes)
    own = [f"{start}:lambda:{where}:function:{name}" for name in functions]
    statements = (
        _statement("Look", LOOK, ["*"]),
        _statement("MoveRoutes", MOVE, tables),
        _statement("InterfacesOfLambda", INTERFACES, ["*"]),
        {
            **_statement("ButNotItsCode", _WRITES, ["*"]),
            "Effect": "Deny",
            "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": own}},
        },
        _statement(
            "Log",
            ("logs:CreateLogStream", "logs:PutLogEvents"),
            [f"{start}:logs:{where}:log-group:{group.name}:*"],
        ),
    )
    principal = {"Service": "lambda.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    name = fitted(f"{settings.prefix}nat-health", MOST_ROLE_NAME)
    return Role(name, policy_text(trust), policy_text(*statements), settings.iam_tags)


def _statement(sid: str, actions: Sequence[str], resources: Sequence[str]) -> dict[str, object]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _alarms(settings: MonitorSettings, label: str, function: str) -> Iterator[Alarm]:
    path = {"Deployment": settings.deployment, "NatPath": label}
    dead = Kind(60, 2, 3, "breaching", comparison=LESS)
    yield alarm(
        settings, f"nat-path-dead.{label}",
        f"nothing answers through the NAT of {label}, or nobody looks any more",
        (service_metric(METRICS, "PathAlive", path, "Maximum", 60),), 1, dead,
    )  # fmt: skip
    yield alarm(
        settings, f"nat-on-standby.{label}",
        f"routes do not lead to the NAT instance of {label}: what stands by carries them, for "
        "dollars a GB; `lakeferry monitor failback` leads them back",
        (service_metric(METRICS, "OnStandby", path, "Maximum", 60),), 0,
        Kind(60, 1, 1, "notBreaching"),
    )  # fmt: skip
    failed = service_metric("AWS/Lambda", "Errors", {"FunctionName": function}, "Sum", 300)
    yield alarm(
        settings, f"nat-health-failed.{label}",
        f"the Lambda that looks at the NAT of {label} failed: see its log", (failed,), 0,
        Kind(300, 1, 1, "notBreaching"),
    )  # fmt: skip


def _notes(settings: MonitorSettings, names: Sequence[str]) -> Iterator[str]:
    yield (
        f"the {len(names)} Lambdas that look at NAT instances, their log, metrics and alarms are "
        "not in the monthly cost: each runs 43,800 times a month for about a second and has three "
        "metrics"
    )
    yield "until routes lead to the NAT instances, the alarms nat-on-standby are in ALARM"
    if settings.nat.standby == "none":
        yield "nothing stands by: the Lambdas tell that a path is dead, and move nothing"
