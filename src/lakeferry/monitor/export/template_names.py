"""What the parts of an exported template are called, and where its texts name each other.

CloudFormation's logical ids and Terraform's labels come from the resource's name without the
deployment, so that templates of two deployments differ in their physical names alone, and the next
export of the same deployment calls everything as before.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TypeVar

from lakeferry.monitor.nat.names import id_mark
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.dashboard import dashboard_name
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
    Resource,
    Role,
    SecurityGroup,
    Topic,
    VpcEndpoint,
    key_of,
)  # fmt: skip

WORDS: Mapping[type, str] = {
    SecurityGroup: "SecurityGroup",
    VpcEndpoint: "Endpoint",
    LogGroup: "LogGroup",
    Role: "Role",
    InstanceProfile: "Profile",
    NetworkInterface: "Interface",
    ElasticIp: "Address",
    StandbyGateway: "Standby",
    NatInstance: "Instance",
    FlowLog: "FlowLog",
    InsightRule: "Rule",
    Topic: "Topic",
    Alarm: "Alarm",
    CompositeAlarm: "CompositeAlarm",
    Dashboard: "Dashboard",
}
# What a mark of `foreseen.NewNat` is of, by its kind.
OF_NAT: Mapping[str, type[Resource]] = {
    "i": NatInstance, "eni": NetworkInterface, "ip": NetworkInterface, "nat": StandbyGateway,
}  # fmt: skip
Kind = TypeVar("Kind", bound=Resource)
Text = tuple[str | Resource, ...]  # a resource stands for its own ARN

_RULE = re.compile(r'INSIGHT_RULE_METRIC\("([^"]*)"')
_ALARM = re.compile(r'ALARM\("([^"]*)"\)')

_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def dashboard_link(settings: MonitorSettings) -> str:
    """The dashboard's page in the console. It ends in the dashboard's name."""
    host, region = _CONSOLES[settings.partition], settings.region
    page = f"https://{region}.{host}/cloudwatch/home?region={region}#dashboards/dashboard/"
    return page + dashboard_name(settings)


@dataclass(frozen=True)
class Names:
    """The resources of one template, found by their names."""

    resources: tuple[Resource, ...]
    settings: MonitorSettings

    def words(self, resource: Resource) -> tuple[str, ...]:
        """What tells a resource from others of its kind; () for the only one of a deployment."""
        words = self._plain(resource)
        if self._uses[type(resource), "".join(words).lower()] == 1:
            return words
        return (*words, sha256(resource.name.encode()).hexdigest()[:8])

    @cached_property
    def _uses(self) -> Counter[tuple[type, str]]:
        """How many resources of a kind would be called the same: `a.b` and `a-b`."""
        return Counter((type(one), "".join(self._plain(one)).lower()) for one in self.resources)

    def _plain(self, resource: Resource) -> tuple[str, ...]:
        deployment = self.settings.deployment
        name = resource.name
        for start in (self.settings.prefix, f"/lakeferry/{deployment}/", f"lakeferry-{deployment}"):
            name = name.removeprefix(start)
        return tuple(re.findall(r"[A-Za-z0-9]+", name))

    def of(self, kind: type[Kind]) -> tuple[Kind, ...]:
        return tuple(one for one in self.resources if isinstance(one, kind))

    @property
    def flow_group(self) -> LogGroup | None:
        """Where flow logs of ours go."""
        return next((one for one in self.of(LogGroup) if one.name == self.settings.group), None)

    def made(self, kind: type[Resource], name: str) -> Resource | None:
        """The resource of this template that has a name; None for one of others."""
        return self._by_key.get((kind.kind_name, name))

    @cached_property
    def _by_key(self) -> Mapping[tuple[str, str], Resource]:
        return {key_of(one): one for one in self.resources}

    def needed(self, resource: Resource) -> tuple[Resource, ...]:
        """What must be there first and is named in text alone, so that nothing else tells."""
        kind: type[Resource] = InsightRule
        names: Iterable[str] = ()
        if isinstance(resource, Alarm):
            names = (name for one in resource.metrics for name in _RULE.findall(one.expression))
        elif isinstance(resource, CompositeAlarm):
            kind, names = Alarm, _ALARM.findall(resource.rule)
        elif isinstance(resource, InsightRule):
            kind, names = LogGroup, json.loads(resource.body).get("LogGroupNames", ())
        found = (self.made(kind, name) for name in sorted(set(names)))
        return tuple(one for one in found if one is not None)

    def taken(self, instance: NatInstance) -> tuple[ElasticIp, ...]:
        """The addresses of this template that an instance's interface has."""
        return tuple(one for one in self.of(ElasticIp) if one.interface == instance.name)

    def text(self, literal: str) -> Text:
        """A text cut at each ARN of something that the template makes."""
        parts = self._arns.split(literal) if self._by_arn else [literal]
        return tuple(self._by_arn.get(part, part) for part in parts if part)

    def script(self, user_data: str) -> Text:
        """User data cut at each mark of a standby gateway that the template makes."""
        marks = {id_mark(one.name): one for one in self.of(StandbyGateway)}
        if not marks:
            return (user_data,)
        any_of = "|".join(map(re.escape, sorted(marks)))
        parts = re.split(f"({any_of})", user_data)
        return tuple(marks.get(part, part) for part in parts if part)

    @cached_property
    def _by_arn(self) -> Mapping[str, Resource]:
        return {arn: one for one in self.resources for arn in self._arn(one)}

    @cached_property
    def _arns(self) -> re.Pattern[str]:
        """Whole ones: the ARN of `a.b` begins with that of `a`."""
        any_of = "|".join(map(re.escape, sorted(self._by_arn)))
        return re.compile(f"({any_of})(?![A-Za-z0-9._/-])")

    def _arn(self, resource: Resource) -> Iterator[str]:
        where = f"{self.settings.region}:{self.settings.account}"
        start = f"arn:{self.settings.partition}"
        if isinstance(resource, Topic):
            yield f"{start}:sns:{where}:{resource.name}"
        elif isinstance(resource, Alarm | CompositeAlarm):
            yield f"{start}:cloudwatch:{where}:alarm:{resource.name}"
        elif isinstance(resource, LogGroup):
            yield f"{start}:logs:{where}:log-group:{resource.name}"
