"""The least that leading default routes over and back takes of a role: policies. Pure.

Source: Service Authorization Reference of EC2 (ReplaceRoute by route table; interfaces by their
tags) and of Systems Manager (SendCommand: the document, and instances by their tags;
GetCommandInvocation is limited by nothing).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from lakeferry.monitor.iam import Statement, least_policy
from lakeferry.monitor.iam_parts import Names
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.network.resources import OWNER_TAG


def move_policy(
    settings: MonitorSettings, step: Literal["failback", "failover"], roles: Sequence[str] = ()
) -> Mapping[str, Any]:
    """A policy document for `monitor failback`, or `monitor failover`.

    Args:
        settings: with the account's 12 digits.
        roles: ARNs to take in other accounts, where a way out leads through them.
    """
    base = least_policy(settings, "plan", roles=roles)
    names = Names(settings)
    more = _back(names) if step == "failback" else _over(names)
    return {**base, "Statement": [*base["Statement"], *(one.body for one in more)]}


def _over(names: Names) -> Iterator[Statement]:
    yield Statement("MoveRoutes", ("ec2:ReplaceRoute",), names.ec2("route-table"))
    if names.settings.nat.standby == "instance":  # which is asked for its path
        yield from _asks(names)


def _back(names: Names) -> Iterator[Statement]:
    yield Statement("MoveRoutes", ("ec2:CreateRoute", "ec2:ReplaceRoute"), names.ec2("route-table"))
    yield Statement(
        "NoteOnInterfaces", ("ec2:CreateTags",), names.ec2("network-interface"), names.is_ours
    )
    yield from _asks(names)


def _asks(names: Names) -> Iterator[Statement]:
    settings = names.settings
    yield Statement("LookAtChecks", ("ec2:DescribeInstanceStatus",), ("*",))
    document = f"arn:{settings.partition}:ssm:{settings.region}::document/AWS-RunShellScript"
    yield Statement("RunOneCommand", ("ssm:SendCommand",), (document,))
    yield Statement(
        "OnOurInstances",
        ("ssm:SendCommand",),
        names.ec2("instance"),
        {"StringEquals": {f"ssm:resourceTag/{OWNER_TAG}": settings.deployment}},
    )
    yield Statement("ReadItsAnswer", ("ssm:GetCommandInvocation",), ("*",))
