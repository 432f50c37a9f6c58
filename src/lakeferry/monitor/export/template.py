"""What there shall be as a template to deploy by other means: CloudFormation or Terraform. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from lakeferry.errors import FerryError
from lakeferry.monitor.export import route_commands
from lakeferry.monitor.export.keep_instances import instance_keeper
from lakeferry.monitor.export.keep_rules import Keeper, keeper
from lakeferry.monitor.export.template_cloudformation import cloudformation
from lakeferry.monitor.export.template_names import WORDS, Names
from lakeferry.monitor.export.template_terraform import AWS_PROVIDER, terraform
from lakeferry.monitor.nat.health import NatHealth, nat_health
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.desired import Desired
from lakeferry.monitor.wanted.flow_logs import bucket_policy
from lakeferry.network.nat_resources import DefaultRoute
from lakeferry.network.resources import FlowLog, Resource, VpcEndpoint
from lakeferry.network.topology import Topology

# Of one template; CloudFormation User Guide, "CloudFormation quotas".
MOST_DIRECT_BYTES = 51_200  # in the request itself; beyond that it lies in a bucket
MOST_BYTES = 1_000_000
MOST_RESOURCES = 500
MOST_PARAMETERS = 200


@dataclass(frozen=True, slots=True)
class Export:
    """One file to deploy, and what to know before."""

    text: str  # JSON, ASCII, the same for the same wish
    file_name: str
    notes: tuple[str, ...]


def export(
    desired: Desired,
    settings: MonitorSettings,
    *,
    format: Literal["cloudformation", "terraform"],
    keep_rules: bool = False,
    network: Topology | None = None,
) -> Export:
    """The template that makes what `monitor apply` would make.

    Args:
        desired: all that there shall be, as `foreseen` tells it for templates.
        settings: what it was made from.
        format: who deploys it.
        keep_rules: with the Lambda that keeps rules in step with network interfaces, and with
            the one that keeps alarms in step with tagged instances, where these are watched.
        network: in which Lambdas that look at NAT instances find their subnets; needed where
            these are asked for (`settings.nat.check`).

    Raises: LF-6411 for what does not fit a CloudFormation template, LF-6412 for what Terraform's
        provider has no argument for.
    """
    made = keeper(desired, settings) if keep_rules else None
    nodes = instance_keeper(desired, settings) if keep_rules else None
    health = nat_health(desired, settings, network) if network else None
    beside = (*_beside(made), *_beside(nodes), *_beside(health))
    names = Names((*_exported(desired), *beside), settings)
    functions = (
        *((made.function,) if made else ()),
        *((nodes.function,) if nodes else ()),
        *(health.functions if health else ()),
    )
    routes = tuple(one for one in desired.resources if isinstance(one, DefaultRoute))
    notes = (*desired.notes, *_notes(names, made), *route_commands.notes(routes))
    notes = (*notes, *(health.notes if health else ()))
    if format == "terraform":
        _has_arguments(names, settings)
        text = _text(terraform(names, functions, routes))
        return Export(text, f"lakeferry-{settings.deployment}.tf.json", notes)
    template = cloudformation(names, functions, routes)
    text = _text(template)
    _fits(template, text, settings)
    notes = (*notes, *_large(text))
    return Export(text, f"lakeferry-{settings.deployment}.template.json", notes)


def _exported(desired: Desired) -> tuple[Resource, ...]:
    return tuple(one for one in desired.resources if type(one) in WORDS)


def _beside(made: Keeper | NatHealth | None) -> tuple[Resource, ...]:
    return made.resources if made else ()


def _large(text: str) -> Iterator[str]:
    if len(text) > MOST_DIRECT_BYTES:
        yield (
            f"the template has {len(text)} bytes, and a request takes {MOST_DIRECT_BYTES}: put it "
            "into a bucket (`aws cloudformation deploy --s3-bucket BUCKET`)"
        )


def _text(template: dict[str, Any]) -> str:
    return json.dumps(template, sort_keys=True, indent=1) + "\n"


def _notes(names: Names, made: Keeper | None) -> tuple[str, ...]:
    of_interfaces = [one for one in names.of(VpcEndpoint) if one.type == "Interface"]
    later = [one.name for one in of_interfaces if not one.eni_ids]
    notes = tuple(_delivery(names))
    if made:
        return (*notes, *made.notes, *_kept(later))
    if later:
        said = (
            f"rules for {', '.join(later)} follow with the next export, or with the Lambda that "
            "keeps rules in step (--keep-rules): they need ids or addresses of interfaces"
        )
        notes = (*notes, said)
    return notes


def _delivery(names: Names) -> Iterator[str]:
    """A template's bucket policy takes the place of all that the policy says, others' too."""
    to_s3 = [one for one in names.of(FlowLog) if one.destination_type == "s3"]
    if to_s3:
        yield (
            f"the template leaves the policy of {to_s3[0].destination} as it is, for it could "
            "only replace the whole of it; where AWS does not add them itself, add these "
            f"statements: {json.dumps(json.loads(bucket_policy(names.settings))['Statement'])}"
        )


def _kept(waiting: list[str]) -> tuple[str, ...]:
    said = (
        "rules that the Lambda makes later are in no alarm, in no graph and in no template: they "
        "bear the deployment's tag, and `monitor destroy` finds them"
    )
    first = (f"the Lambda makes the rules of {', '.join(waiting)}",) if waiting else ()
    cost = (
        "the Lambda, its log and its alarm are not in the monthly cost: it runs 8,640 times in 30 "
        "days for seconds"
    )
    return (*first, said, cost)


def _has_arguments(names: Names, settings: MonitorSettings) -> None:
    tagged = [one for one in names.of(FlowLog) if one.tag_keys]
    if tagged:
        raise FerryError(
            "LF-6412",
            "the flow log's rows shall hold tags, and Terraform's AWS provider has no argument "
            "for their keys",
            f"deployment `{settings.deployment}`, {tagged[0].name}; provider {AWS_PROVIDER}",
            "export for CloudFormation, or leave out `network.flow_logs.tag_keys`",
        )


def _fits(template: dict[str, Any], text: str, settings: MonitorSettings) -> None:
    for what, count, most in (
        ("resources", len(template["Resources"]), MOST_RESOURCES),
        ("parameters", len(template["Parameters"]), MOST_PARAMETERS),
        ("bytes", len(text), MOST_BYTES),
    ):
        if count > most:
            raise FerryError(
                "LF-6411",
                f"the template has {count} {what}, and CloudFormation takes {most}",
                f"deployment `{settings.deployment}`",
                "watch fewer things in one deployment (a VPC's subnets in two, `per: vpc`, fewer "
                "questions), or export for Terraform, which has no such limit",
            )
