"""The least that a role needs to plan, apply, destroy and watch one deployment: policies. Pure.

Reading is limited to what is read, writing to names of the deployment or to what bears its tag.
AWS itself has not judged these texts; see README.

Source: Service Authorization Reference of EC2, CloudWatch, CloudWatch Logs, IAM, SNS, S3, Kinesis;
VPC User Guide, "Control the use of flow logs"; CloudWatch User Guide, "Using condition keys to
limit Contributor Insights users' access to log groups"; PrivateLink Guide, "Identity-based
policies".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from lakeferry.monitor.iam_parts import Names
from lakeferry.monitor.iam_parts import Statement as Statement  # noqa: PLC0414 - offered here too
from lakeferry.monitor.nat.iam import nat_reads, nat_writes
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.monitor.wanted.notify import topic

Step = Literal["plan", "apply", "destroy", "watch"]
STEPS: tuple[Step, ...] = ("plan", "apply", "destroy", "watch")
OF_EVERY_DEPLOYMENT = "lakeferry-*"  # names that are read, to tell ours from others'

# What AWS asks for beside the action of a request itself.
IMPLIED: Mapping[str, tuple[str, ...]] = {
    "ec2:CreateFlowLogs": ("iam:PassRole", "logs:CreateLogDelivery", "logs:DeleteLogDelivery"),
    "ec2:CreateVpcEndpoint": ("route53:AssociateVPCWithHostedZone",),
    "ec2:RunInstances": ("iam:PassRole",),
    "ec2:CreateNatGateway": ("iam:CreateServiceLinkedRole",),
}


def least_policy(
    settings: MonitorSettings,
    step: Step,
    *,
    log_groups: Sequence[str] = (),
    roles: Sequence[str] = (),
) -> Mapping[str, Any]:
    """A policy document.

    Args:
        settings: with the account's 12 digits.
        step: 'apply' holds 'plan' and what 'destroy' removes, for a change can be a replacement;
            'watch' holds 'plan' and reads rows, reports and metrics.
        log_groups: whose rows rules and who watches may read, where a flow log of others is used;
            (): the deployment's own.
        roles: ARNs to take in other accounts, where a way out leads through them.
    """
    names = Names(settings)
    found = [*(_leanings(names) if step in ("plan", "apply") else ()), *_reads(names, roles)]
    groups = tuple(log_groups) or (settings.group,)
    if step == "watch":
        found += _looks(names, groups)
    elif step != "plan":
        found += _writes(names, groups, make=step == "apply")
    return {"Version": "2012-10-17", "Statement": [one.body for one in found]}


def actions_of(policy: Mapping[str, Any]) -> frozenset[str]:
    """Every action that a document allows."""
    return frozenset(one for statement in policy["Statement"] for one in statement["Action"])


# ---- reading


def _reads(names: Names, roles: Sequence[str]) -> Iterator[Statement]:
    yield Statement(
        "Look",
        (
            "cloudwatch:DescribeInsightRules", "cloudwatch:ListDashboards",
            "ec2:DescribeAddresses", "ec2:DescribeFlowLogs", "ec2:DescribeInstances",
            "ec2:DescribeManagedPrefixLists",
            "ec2:DescribeNatGateways", "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
            "ec2:DescribeTransitGatewayAttachments", "ec2:DescribeTransitGatewayVpcAttachments",
            "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs", "ec2:GetManagedPrefixListEntries",
            "ec2:SearchTransitGatewayRoutes", "iam:ListRoles", "sns:ListTopics",
            "sts:GetCallerIdentity",
        ),
        ("*",),  # these know no narrower resource
    )  # fmt: skip
    yield Statement(
        "LookAtLogGroups",
        ("logs:DescribeLogGroups", "logs:ListTagsForResource"),
        (names.arn("logs", "log-group:*"),),
    )
    yield Statement(
        "LookAtDeployments",
        (
            "cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard",
            "cloudwatch:ListTagsForResource", "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:ListRoleTags",
            "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:ListTagsForResource",
        ),
        (
            names.arn("cloudwatch", "alarm:*"),  # a list by prefix asks for all of them
            names.arn("cloudwatch", f"insight-rule/{OF_EVERY_DEPLOYMENT}"),
            names.arn("cloudwatch", f"dashboard/{OF_EVERY_DEPLOYMENT}", region=False),
            names.arn("iam", f"role/{OF_EVERY_DEPLOYMENT}", region=False),
            names.arn("sns", OF_EVERY_DEPLOYMENT),
        ),
    )  # fmt: skip
    yield from nat_reads(names)
    if roles:
        yield Statement("LookBeyond", ("sts:AssumeRole",), tuple(roles))


def _leanings(names: Names) -> Iterator[Statement]:
    """What a plan asks about that it does not make."""
    by_lambda = names.wants_nat and names.settings.nat.check == "lambda"  # by EC2's endpoint
    if by_lambda or any(one.type == "interface" for one in names.settings.endpoints):
        services = ("ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpointServices")
        yield Statement("LookAtServices", services, ("*",))
    if names.wants_nat:
        yield Statement("LookAtTypes", ("ec2:DescribeInstanceTypeOfferings",), ("*",))
    watched = names.settings.watched_streams
    if watched:
        streams = tuple(names.arn("kinesis", f"stream/{one}") for one in sorted(watched))
        yield Statement("LookAtStreams", ("kinesis:DescribeStreamSummary",), streams)
    if names.bucket:
        yield Statement("LookAtBucket", ("s3:GetBucketPolicy",), (names.bucket,))


def _looks(names: Names, log_groups: Sequence[str]) -> Iterator[Statement]:
    """What `monitor top | watch | alarms | series` ask for beside discovery."""
    yield Statement("ReadRows", ("logs:FilterLogEvents",), names.groups(*log_groups))
    yield Statement("ReadReports", ("cloudwatch:GetInsightRuleReport",), (names.rules,))
    yield Statement("ReadMetrics", ("cloudwatch:GetMetricData",), ("*",))
    if names.bucket:
        yield Statement("ListBucket", ("s3:ListBucket",), (names.bucket,))
        yield Statement("ReadBucket", ("s3:GetObject",), (f"{names.bucket}/*",))


# ---- making, changing, removing


def _writes(names: Names, log_groups: Sequence[str], *, make: bool) -> Iterator[Statement]:
    """What changes something; without `make` only what removes it."""
    yield from _network(names, make=make)
    yield from nat_writes(names, make=make)
    if make:
        yield from _helpers(names)
        yield Statement(
            "PutRules",
            ("cloudwatch:PutInsightRule",),
            (names.rules,),
            # Whoever may put a rule may read every log group by it.
            {
                "ForAllValues:StringEqualsIgnoreCase": {
                    "cloudwatch:requestInsightRuleLogGroups": list(log_groups)
                }
            },
        )
    yield Statement(
        "LogGroup",
        _some(_LOG_GROUP, make=make, remove=("logs:DeleteLogGroup",)),
        names.groups(names.settings.group),
    )
    yield Statement(
        "Role",
        _some(_ROLE, make=make, remove=_NO_ROLE),
        (names.role, names.nat_role) if names.wants_nat else (names.role,),
    )
    # An apply always leaves a dashboard, so it removes none.
    removed = _NOT_WATCHING if make else (*_NOT_WATCHING, "cloudwatch:DeleteDashboards")
    yield Statement(
        "Watching",
        _some(_WATCHING, make=make, remove=removed),
        (names.rules, names.alarms, names.dashboard),
    )
    if topic(names.settings):
        yield Statement("Topic", _some(_TOPIC, make=make, remove=("sns:DeleteTopic",)),
                        (names.topic,))  # fmt: skip
    if names.bucket:
        yield Statement("Bucket", _BUCKET, (names.bucket,))


_LOG_GROUP = (
    "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteRetentionPolicy",
    "logs:DisassociateKmsKey", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource",
)  # fmt: skip
_ROLE = (
    "iam:CreateRole", "iam:PutRolePolicy", "iam:TagRole", "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
)  # fmt: skip
_NO_ROLE = ("iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy")
_WATCHING = (
    "cloudwatch:PutCompositeAlarm", "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm",
    "cloudwatch:TagResource", "cloudwatch:UntagResource",
)  # fmt: skip
_NOT_WATCHING = ("cloudwatch:DeleteAlarms", "cloudwatch:DeleteInsightRules")
_TOPIC = (
    "sns:CreateTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource",
    "sns:Unsubscribe", "sns:UntagResource",
)  # fmt: skip
_BUCKET = ("s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy")
_MADE_IN_NETWORK = ("ec2:CreateFlowLogs", "ec2:CreateSecurityGroup", "ec2:CreateVpcEndpoint")
_REMOVED_FROM_NETWORK = (
    "ec2:DeleteFlowLogs", "ec2:DeleteSecurityGroup", "ec2:DeleteVpcEndpoints",
)  # fmt: skip
_CHANGED_IN_NETWORK = (
    "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags", "ec2:DeleteTags",
    "ec2:ModifyVpcEndpoint", "ec2:RevokeSecurityGroupIngress",
)  # fmt: skip


def _some(made: tuple[str, ...], *, make: bool, remove: tuple[str, ...]) -> tuple[str, ...]:
    return (*made, *remove) if make else remove


def _network(names: Names, *, make: bool) -> Iterator[Statement]:
    ours = names.ec2("security-group", "vpc-endpoint", "vpc-flow-log")
    if make:
        yield Statement("MakeInNetwork", _MADE_IN_NETWORK, ours, names.becomes_ours)
        yield Statement(
            "TagWhatIsMade",
            ("ec2:CreateTags",),
            ours,
            {"StringEquals": {
                "ec2:CreateAction": [one.partition(":")[2] for one in _MADE_IN_NETWORK]
            }},
        )  # fmt: skip
        yield Statement(
            "UseOfNetwork",
            (*_MADE_IN_NETWORK, "ec2:ModifyVpcEndpoint"),
            names.ec2("natgateway", "route-table", "security-group", "subnet", "vpc"),
        )
    changed = _some(_CHANGED_IN_NETWORK, make=make, remove=_REMOVED_FROM_NETWORK)
    yield Statement("OursInNetwork", changed, ours, names.is_ours)


def _helpers(names: Names) -> Iterator[Statement]:
    """What AWS asks for beside the requests' own actions: see IMPLIED."""
    yield Statement(
        "PassRole",
        ("iam:PassRole",),
        (names.role,),
        {"StringEquals": {"iam:PassedToService": "vpc-flow-logs.amazonaws.com"}},
    )
    yield Statement(
        "ForFlowLogsAndEndpoints",
        (
            "logs:CreateLogDelivery", "logs:DeleteLogDelivery",
            "route53:AssociateVPCWithHostedZone",
        ),
        ("*",),
    )  # fmt: skip
    kinds = {kind for kind, keys in names.settings.flow_logs.tag_keys if keys}
    if kinds:
        tags = ("ec2:DescribeTags", "autoscaling:DescribeTags")
        yield Statement("TagsInRows", tags if "auto-scaling-group" in kinds else tags[:1], ("*",))
        linked = names.arn("iam", "role/aws-service-role/*", region=False)
        yield Statement("LinkRole", ("iam:CreateServiceLinkedRole",), (linked,))
