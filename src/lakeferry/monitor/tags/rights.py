"""The least that a role needs to look at tags and to put them: policies. Pure.

Whoever may put tags may put any, and tags are what others' policies go by; so only the keys that
are wanted are allowed.

Source: Service Authorization Reference of EC2 (`aws:TagKeys`), EC2 Auto Scaling, Resource Groups
Tagging API ("you also need the permission to tag of the resource's own service").
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lakeferry.aws.read import READ_ACTIONS
from lakeferry.monitor.iam import Statement, least_policy
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.notify import topic_name

LOOK = (
    "autoscaling:DescribeAutoScalingGroups", "ec2:DescribeAddresses",
    "ec2:DescribeLaunchTemplateVersions", "ec2:DescribeVolumes",
)  # fmt: skip
# What AWS asks for beside the action of a request itself.
IMPLIED: Mapping[str, tuple[str, ...]] = {
    "tag:TagResources": ("cloudwatch:TagResource", "logs:TagResource", "sns:TagResource"),
}
_TAGGED = (
    "elastic-ip", "instance", "natgateway", "network-interface", "security-group", "volume",
    "vpc-endpoint", "vpc-flow-log",
)  # fmt: skip


def tag_policy(
    settings: MonitorSettings, *, fix: bool, roles: Sequence[str] = ()
) -> Mapping[str, Any]:
    """A policy document for `monitor tags`, and with `fix` for its --fix.

    Args:
        settings: with the account's 12 digits; their tags are the keys that may be put.
        roles: ARNs to take in other accounts, where a way out leads through them.
    """
    base = least_policy(settings, "plan", roles=roles)
    more = [Statement("LookAtTagged", LOOK, ("*",)), *(_puts(settings) if fix else ())]
    return {**base, "Statement": [*_looks(base), *(one.body for one in more)]}


def _looks(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Of what a plan asks for, what reading the network does."""
    asked = {*READ_ACTIONS, "sts:AssumeRole"}
    for one in plan["Statement"]:
        if kept := [action for action in one["Action"] if action in asked]:
            yield {**one, "Action": kept}


def _puts(settings: MonitorSettings) -> Iterator[Statement]:
    def arn(service: str, rest: str) -> str:
        here = f"{settings.region}:{settings.account}"
        return f"arn:{settings.partition}:{service}:{here}:{rest}"

    keys = sorted(one for one in settings.tags if one != "Name")
    only = {"ForAllValues:StringEquals": {"aws:TagKeys": keys}}
    ec2 = tuple(arn("ec2", f"{kind}/*") for kind in _TAGGED)
    yield Statement("PutTags", ("ec2:CreateTags",), ec2, only)
    group = arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/*")
    yield Statement("PutTagsOnGroups", ("autoscaling:CreateOrUpdateTags",), (group,), only)
    yield Statement(
        "PutTagsIntoTemplates",
        ("ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate"),
        (arn("ec2", "launch-template/*"),),
    )
    yield Statement("PutTagsOnOurs", ("tag:TagResources",), ("*",), only)
    log_group = arn("logs", f"log-group:{settings.group}")
    yield Statement(
        "TagOurs",
        IMPLIED["tag:TagResources"],
        (
            arn("cloudwatch", f"insight-rule/{settings.prefix}*"),
            arn("cloudwatch", f"alarm:{settings.prefix}*"),
            log_group,
            f"{log_group}:*",
            arn("sns", topic_name(settings)),
        ),
        only,
    )
