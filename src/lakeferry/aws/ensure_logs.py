"""Flow logs and what they need: log group, role; made, changed, removed.

Source: EC2 API Reference, CreateFlowLogs (`Unsuccessful` inside an answer that is a success);
CloudWatch Logs and IAM API References.
"""

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from lakeferry.aws.ensure_network import refuse_unsuccessful, retag, specified
from lakeferry.aws.patience import until
from lakeferry.aws.place import Place, tag_change, tag_list
from lakeferry.errors import FerryError
from lakeferry.network.fields import format_text
from lakeferry.network.resources import OWNER_TAG, FlowLog, LogGroup, Role

ROLE_IS_KNOWN_IN_S = 90  # usually seconds after it was made
# What EC2 says of a role that IAM has not told it about yet.
_NOT_YET = re.compile(r"assume given IAM role|DeliverLogsPermissionArn|Access Denied for Log", re.I)
_NO_LOG = ("InvalidFlowLogId.NotFound",)


# ---- log groups


def ensure_log_group(place: Place, wanted: LogGroup, before: LogGroup | None) -> None:
    arn = place.log_group(wanted.name)
    if before is None:
        before = _made_log_group(place, wanted, arn)
    if wanted.retention_days != before.retention_days:
        _retain(place, wanted, arn)
    if wanted.kms_key != before.kms_key:
        if wanted.kms_key:
            place.ask("logs", "associate_kms_key", arn,
                      logGroupName=wanted.name, kmsKeyId=wanted.kms_key)  # fmt: skip
        else:
            place.ask("logs", "disassociate_kms_key", arn, logGroupName=wanted.name)
    change = tag_change(before.tags, wanted.tags)
    if change.put:
        place.ask("logs", "tag_resource", arn, resourceArn=arn, tags=dict(change.put))
    if change.drop:
        place.ask("logs", "untag_resource", arn, resourceArn=arn, tagKeys=list(change.drop))


def _made_log_group(place: Place, wanted: LogGroup, arn: str) -> LogGroup:
    """A new group, which keeps for ever; or the one that is there, if it is ours."""
    key = {"kmsKeyId": wanted.kms_key} if wanted.kms_key else {}
    _, taken = place.attempt(
        "logs", "create_log_group", arn, ("ResourceAlreadyExistsException",),
        logGroupName=wanted.name, tags=dict(wanted.tags), **key,
    )  # fmt: skip
    if not taken:
        return LogGroup(wanted.name, None, wanted.kms_key, wanted.tags)
    tags = place.ask("logs", "list_tags_for_resource", arn, resourceArn=arn).get("tags", {})
    place.check_ours(f"the log group `{wanted.name}`", tags)
    listed = place.ask("logs", "describe_log_groups", arn, logGroupNamePrefix=wanted.name)
    there = next(one for one in listed["logGroups"] if one["logGroupName"] == wanted.name)
    return LogGroup(wanted.name, there.get("retentionInDays"), there.get("kmsKeyId", ""), tags)


def _retain(place: Place, wanted: LogGroup, arn: str) -> None:
    if wanted.retention_days is None:
        place.ask("logs", "delete_retention_policy", arn, logGroupName=wanted.name)
    else:
        place.ask("logs", "put_retention_policy", arn,
                  logGroupName=wanted.name, retentionInDays=wanted.retention_days)  # fmt: skip


def remove_log_group(place: Place, found: LogGroup) -> None:
    """With all that was logged."""
    arn = place.log_group(found.name)
    place.attempt("logs", "delete_log_group", arn, ("ResourceNotFoundException",),
                  logGroupName=found.name)  # fmt: skip


# ---- roles


def ensure_role(place: Place, wanted: Role, before: Role | None) -> None:
    """A role with one inline policy, which bears the role's name."""
    arn, name = place.role(wanted.name), wanted.name
    if before is None:
        before = _made_role(place, wanted, arn)
    if wanted.trust != before.trust:
        place.ask("iam", "update_assume_role_policy", arn,
                  RoleName=name, PolicyDocument=wanted.trust)  # fmt: skip
    if wanted.policy != before.policy:
        place.ask("iam", "put_role_policy", arn,
                  RoleName=name, PolicyName=name, PolicyDocument=wanted.policy)  # fmt: skip
    _drop_policies(place, before, set(before.other_policies) - set(wanted.other_policies))
    change = tag_change(before.tags, wanted.tags)
    if change.put:
        place.ask("iam", "tag_role", arn, RoleName=name, Tags=tag_list(change.put))
    if change.drop:
        place.ask("iam", "untag_role", arn, RoleName=name, TagKeys=list(change.drop))


def _made_role(place: Place, wanted: Role, arn: str) -> Role:
    """A new role, without a policy; or the one that is there, if it is ours."""
    _, taken = place.attempt(
        "iam", "create_role", arn, ("EntityAlreadyExists",),
        RoleName=wanted.name, AssumeRolePolicyDocument=wanted.trust, Tags=tag_list(wanted.tags),
    )  # fmt: skip
    if not taken:
        return Role(wanted.name, wanted.trust, "", wanted.tags)
    listed = place.ask("iam", "list_role_tags", arn, RoleName=wanted.name)["Tags"]
    tags = {one["Key"]: one["Value"] for one in listed}
    place.check_ours(f"the role `{wanted.name}`", tags)
    return Role(wanted.name, "", "", tags)


def _drop_policies(place: Place, role: Role, names: Iterable[str]) -> None:
    """Policies that somebody else gave to a role of ours: with them it could do more, or not go."""
    arn, gone = place.role(role.name), ("NoSuchEntity",)
    for one in sorted(names):
        if one.startswith("arn:"):
            place.attempt("iam", "detach_role_policy", arn, gone,
                          RoleName=role.name, PolicyArn=one)  # fmt: skip
        else:
            place.attempt("iam", "delete_role_policy", arn, gone,
                          RoleName=role.name, PolicyName=one)  # fmt: skip


def remove_role(place: Place, found: Role) -> None:
    arn, gone = place.role(found.name), ("NoSuchEntity",)
    _drop_policies(place, found, found.other_policies)
    place.attempt("iam", "delete_role_policy", arn, gone,
                  RoleName=found.name, PolicyName=found.name)  # fmt: skip
    place.attempt("iam", "delete_role", arn, gone, RoleName=found.name)


# ---- flow logs


def ensure_flow_log(place: Place, wanted: FlowLog, before: FlowLog | None) -> None:
    """A new flow log, or other tags for the one that is there: nothing else can be changed.

    A role that was made a moment ago is waited for.
    """
    if before is not None:
        retag(place, before.id, wanted.tags, before.tags)
        return
    request = _request(place, wanted)
    until(
        lambda: _created(place, wanted, request),
        f"EC2 cannot take the role `{wanted.role}` to deliver with",
        f"{wanted.name}; {place.access.shown}",
        timeout_s=ROLE_IS_KNOWN_IN_S,
        sleep=place.sleep,
    )


def _request(place: Place, wanted: FlowLog) -> Mapping[str, Any]:
    found: dict[str, Any] = {
        "ResourceIds": [wanted.resource_id],
        "ResourceType": wanted.resource_type,
        "TrafficType": wanted.traffic,
        "LogDestinationType": wanted.destination_type,
        "LogFormat": format_text(wanted.fields),
        "MaxAggregationInterval": wanted.interval_s,
        "TagSpecifications": specified("vpc-flow-log", wanted.name, wanted.tags),
        # Of these tries alone: a token that comes again would give back a flow log of before.
        "ClientToken": str(uuid.uuid4()),
    }
    if wanted.tag_keys:
        found["TagFieldSpecifications"] = [
            {"ResourceType": kind, "TagKeys": list(keys)} for kind, keys in wanted.tag_keys
        ]
    if wanted.destination_type == "s3":
        found["LogDestination"] = wanted.destination
        found["DestinationOptions"] = {  # all three, or the service refuses
            "FileFormat": wanted.file_format,
            "HiveCompatiblePartitions": wanted.hive,
            "PerHourPartition": wanted.per_hour,
        }
    else:
        found["LogGroupName"] = wanted.destination
        found["DeliverLogsPermissionArn"] = place.role(wanted.role)
    return found


def _created(place: Place, wanted: FlowLog, request: Mapping[str, Any]) -> bool | None:
    """Whether the flow log is there; None while its role is not known everywhere."""
    try:
        answer = place.ask("ec2", "create_flow_logs", wanted.name, **request)
    except FerryError as error:
        if error.code == "LF-1206" and "FlowLogAlreadyExists" in error.what:
            return _is_ours(place, wanted)
        if error.code == "LF-1206" and wanted.role and _NOT_YET.search(error.what):
            return None
        raise
    failed = [one.get("Error", {}).get("Message", "") for one in answer.get("Unsuccessful", ())]
    if wanted.role and failed and all(_NOT_YET.search(one) for one in failed):
        return None
    refuse_unsuccessful(answer, f"flow log `{wanted.name}`", wanted.resource_id)
    return True


def _is_ours(place: Place, wanted: FlowLog) -> bool:
    """LF-6401 unless the flow log that stands in the way is the one that is wanted."""
    answer = place.ask(
        "ec2", "describe_flow_logs", wanted.name,
        Filters=[{"Name": "resource-id", "Values": [wanted.resource_id]}],
    )  # fmt: skip
    tags = [{one["Key"]: one["Value"] for one in log.get("Tags", ())} for log in answer["FlowLogs"]]
    ours = [one for one in tags if one.get("Name") == wanted.name]
    place.check_ours(f"a flow log over {wanted.resource_id} to the same place", {
        OWNER_TAG: ours[0].get(OWNER_TAG, "") if ours else "",
    })  # fmt: skip
    return True


def remove_flow_log(place: Place, found: FlowLog) -> None:
    answer, _ = place.attempt("ec2", "delete_flow_logs", found.id, _NO_LOG, FlowLogIds=[found.id])
    refuse_unsuccessful(answer, f"flow log `{found.name}`", found.id, gone=_NO_LOG)
