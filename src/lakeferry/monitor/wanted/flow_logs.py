"""Flow logs and what they need: a log group, a role that may write there and nothing else.

A flow log cannot be changed. One that is there and says enough is used; its format is then the
format of the rules. Two flow logs over one interface that write to one group double every sum.

Source: VPC User Guide, "Publish flow logs to CloudWatch Logs", "Publish flow logs to Amazon S3";
CloudWatch Logs API reference, PutRetentionPolicy.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lakeferry.monitor.settings import OWNER_TAG, MonitorSettings
from lakeferry.network.fields import RECOMMENDED_FORMAT, TAG_FIELDS
from lakeferry.network.policy_text import policy_text
from lakeferry.network.resources import FlowLog, LogGroup, Role
from lakeferry.network.rule_set import fitted
from lakeferry.network.topology import Topology

RETENTIONS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)  # fmt: skip
MOST_ROLE_NAME = 64


@dataclass(frozen=True, slots=True)
class FlowLogPlan:
    """Flow logs of ours, and the format and log group that rules can count on."""

    groups: tuple[LogGroup, ...]
    roles: tuple[Role, ...]
    logs: tuple[FlowLog, ...]
    fields: tuple[str, ...]  # of the log that the rules read, in its order
    rule_groups: tuple[str, ...]  # log groups; () where nothing goes to CloudWatch Logs
    notes: tuple[str, ...]


def wanted_fields(topology: Topology, settings: MonitorSettings) -> tuple[str, ...]:
    """The format: what was chosen, else all that the rules read, version 2's fields first."""
    tags = _tag_fields(settings)
    if settings.flow_logs.fields:
        return tuple(dict.fromkeys((*settings.flow_logs.fields, *tags)))
    fields: tuple[str, ...] = RECOMMENDED_FORMAT
    if "connections" in settings.questions:
        fields = (*fields, "tcp-flags")
    if _regional(topology):
        fields = (*fields, "resource-id")
    return (*fields, *tags)


def _tag_fields(settings: MonitorSettings) -> tuple[str, ...]:
    """Those that the chosen keys fill."""
    keys = _tag_keys(settings)
    return tuple(name for kind, some in keys for name in TAG_FIELDS[kind][: len(some)])


def _tag_keys(settings: MonitorSettings) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """By whose tags they are, in the order in which AWS answers; two keys each, not more."""
    return tuple((kind, keys[:2]) for kind, keys in sorted(settings.flow_logs.tag_keys) if keys)


def _tag_notes(settings: MonitorSettings, fields: tuple[str, ...]) -> Iterator[str]:
    if _tag_keys(settings):
        yield (
            "tags in rows: whoever makes the flow log needs ec2:DescribeTags and "
            "iam:CreateServiceLinkedRole, for Auto Scaling groups autoscaling:DescribeTags and a "
            "trail of CloudTrail; values are percent-encoded"
        )
    for kind, keys in settings.flow_logs.tag_keys:
        if len(keys) > 2:
            yield f"a flow log holds two tags of {kind}: {', '.join(keys[2:])} are left out"
    for name in sorted({one for two in TAG_FIELDS.values() for one in two} & set(fields)):
        if name not in _tag_fields(settings):
            yield f"the field {name} needs the key of a tag (flow_logs.tag_keys): AWS refuses it"


def flow_logs(topology: Topology, settings: MonitorSettings) -> FlowLogPlan:
    """What is wanted of flow logs, given those that are there."""
    fields = _kept_fields(topology, settings) or wanted_fields(topology, settings)
    wish = settings.flow_logs
    notes = [*_tag_notes(settings, fields)]
    groups: tuple[LogGroup, ...] = ()
    roles: tuple[Role, ...] = ()
    logs: list[FlowLog] = []
    rule_groups: tuple[str, ...] = ()
    if "cloudwatch" in wish.destinations:
        there = _reusable(topology, settings, fields)
        rule_groups = (there.destination if there else settings.group,)
        notes.extend(_doubles(topology, settings, rule_groups[0], there))
        if there:
            fields = there.fields
            notes.append(
                f"the flow log {there.id} says enough: used, none is made beside it; rules read "
                f"{there.destination} (`config iam` takes it as --reads {there.destination})"
            )
        else:
            groups, roles = (_group(settings, notes),), (_role(settings),)
            logs.extend(_logs(topology, settings, fields, "cloudwatch"))
    else:
        notes.append("nothing goes to CloudWatch Logs, so there are no rules and no alarms on them")
    if "s3" in wish.destinations:
        logs.extend(_logs(topology, settings, fields, "s3"))
        notes.append(
            f"{wish.bucket} must let the log delivery write: apply adds that to the bucket's "
            "policy where it may read it, and AWS itself where both are of one account"
        )
    return FlowLogPlan(groups, roles, tuple(logs), fields, rule_groups, tuple(notes))


def _kept_fields(topology: Topology, settings: MonitorSettings) -> tuple[str, ...]:
    """The format of our own flow log, where it has all that is needed.

    Another format would be another flow log, and a gap of minutes; a field too many costs less.
    """
    needed = set(wanted_fields(topology, settings))
    found = (
        log.fields
        for log in topology.found.flow_logs
        if _is_ours(log, settings) and needed <= set(log.fields)
    )
    return next(found, ()) if not settings.flow_logs.fields else ()


def _regional(topology: Topology) -> tuple[str, ...]:
    vpc = topology.found.vpc.id
    return tuple(
        one.id
        for one in topology.nat_gateways
        if one.availability == "regional" and one.vpc_id == vpc
    )


def _logs(
    topology: Topology, settings: MonitorSettings, fields: tuple[str, ...], where: str
) -> Iterator[FlowLog]:
    """One over the VPC, and one over each regional NAT gateway, whose interfaces it lacks."""
    targets = [("VPC", topology.found.vpc.id, "")]
    targets += [("RegionalNatGateway", id, f".{id}") for id in _regional(topology)]
    wish, to_s3 = settings.flow_logs, where == "s3"
    for kind, id, tail in targets:
        yield FlowLog(
            name=f"{settings.prefix}flow-{where}{tail}",
            resource_id=id,
            resource_type=kind,
            traffic="ALL",
            destination_type="s3" if to_s3 else "cloud-watch-logs",
            destination=wish.bucket if to_s3 else settings.group,
            role="" if to_s3 else role_name(settings),
            fields=fields,
            interval_s=wish.interval_s,
            file_format=wish.file_format if to_s3 else "",
            hive=to_s3,
            per_hour=to_s3,
            tags=settings.all_tags,
            tag_keys=_tag_keys(settings),
        )


def _is_ours(log: FlowLog, settings: MonitorSettings) -> bool:
    return log.tags.get(OWNER_TAG) == settings.deployment


def _reusable(
    topology: Topology, settings: MonitorSettings, fields: tuple[str, ...]
) -> FlowLog | None:
    """A flow log of others that answers all that ours would; None once ours is there."""
    if any(_is_ours(log, settings) for log in topology.found.flow_logs) or _regional(topology):
        return None
    found = (
        log
        for log in topology.found.flow_logs
        if log.resource_id == topology.found.vpc.id
        and log.traffic == "ALL"
        and log.destination_type == "cloud-watch-logs"
        and log.interval_s <= settings.flow_logs.interval_s
        and log.delivery != "FAILED"
        and OWNER_TAG not in log.tags  # another deployment's goes when that is destroyed
        and set(fields) <= set(log.fields)
        and set(_tag_keys(settings)) <= set(log.tag_keys)
        and settings.flow_logs.group in ("", log.destination)
    )
    return next(found, None)


def _doubles(
    topology: Topology, settings: MonitorSettings, group: str, used: FlowLog | None
) -> Iterator[str]:
    for log in topology.found.flow_logs:
        if _is_ours(log, settings) or log == used:
            continue
        if log.destination_type == "cloud-watch-logs" and log.destination == group:
            yield (
                f"the flow log {log.id} over {log.resource_id} writes to {group} too: rules count "
                "its rows again, so every sum doubles; give another group or delete one of them"
            )
        elif log.resource_id == topology.found.vpc.id and used is None:
            lacking = [one for one in wanted_fields(topology, settings) if one not in log.fields]
            said = f"lacks {', '.join(lacking)}" if lacking else "goes elsewhere"
            yield (
                f"the flow log {log.id} {said}, and no flow log can be changed: a second one is "
                "made, and both are paid"
            )


# ---- log group and role


def _group(settings: MonitorSettings, notes: list[str]) -> LogGroup:
    days = settings.flow_logs.retention_days
    kept = days if days is None else next((one for one in RETENTIONS if one >= days), None)
    if kept != days:
        said = "for ever" if kept is None else f"{kept} days"
        notes.append(f"logs are kept {said}: CloudWatch Logs has no retention of {days} days")
    return LogGroup(settings.group, kept, settings.flow_logs.kms_key, settings.all_tags)


def role_name(settings: MonitorSettings) -> str:
    return fitted(f"{settings.prefix}flow", MOST_ROLE_NAME)


def _role(settings: MonitorSettings) -> Role:
    region, account, partition = settings.region, settings.account, settings.partition
    logs = f"arn:{partition}:logs:{region}:{account}:log-group:"
    trust: Mapping[str, object] = {
        "Effect": "Allow",
        "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnLike": {"aws:SourceArn": f"arn:{partition}:ec2:{region}:{account}:vpc-flow-log/*"},
        },
    }
    write: Mapping[str, object] = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        "Resource": [f"{logs}{settings.group}", f"{logs}{settings.group}:*"],
    }
    # It lists groups, so it cannot be limited to one.
    action = "logs:DescribeLogGroups"
    look = {"Effect": "Allow", "Action": action, "Resource": f"{logs}*"}
    return Role(
        role_name(settings), policy_text(trust), policy_text(write, look), settings.iam_tags
    )


def bucket_of(settings: MonitorSettings) -> str:
    """The name of the bucket that flow logs go to; '' where they go to none."""
    wish = settings.flow_logs
    return bucket_in(wish.bucket) if "s3" in wish.destinations else ""


def bucket_in(destination: str) -> str:
    """The name in a bucket's ARN, with a prefix or without."""
    return destination.rpartition(":::")[2].partition("/")[0]


def bucket_policy(settings: MonitorSettings) -> str:
    """The policy that lets AWS deliver flow logs into the bucket; canonical JSON."""
    region, account, partition = settings.region, settings.account, settings.partition
    bucket, _, prefix = settings.flow_logs.bucket.partition("/")
    objects = f"{bucket}/{prefix.rstrip('/') + '/' if prefix else ''}AWSLogs/{account}/*"
    asked = {
        "StringEquals": {"aws:SourceAccount": account},
        "ArnLike": {"aws:SourceArn": f"arn:{partition}:logs:{region}:{account}:*"},
    }
    principal = {"Service": "delivery.logs.amazonaws.com"}
    write: Mapping[str, object] = {
        "Sid": "AWSLogDeliveryWrite",
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:PutObject",
        "Resource": objects,
        "Condition": {
            **asked,
            "StringEquals": {
                "aws:SourceAccount": account,
                "s3:x-amz-acl": "bucket-owner-full-control",
            },
        },
    }
    look: Mapping[str, object] = {
        "Sid": "AWSLogDeliveryCheck",
        "Effect": "Allow",
        "Principal": principal,
        "Action": ["s3:GetBucketAcl", "s3:ListBucket"],
        "Resource": bucket,
        "Condition": asked,
    }
    return policy_text(write, look)
