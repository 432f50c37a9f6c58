"""Whether a NAT instance forwards, asked before a route is led to it.

An instance is asked by Systems Manager, from inside: `lakeferry-nat status` opens connections from
a namespace of the instance that stands where a private subnet would. EC2's own checks say nothing
of forwarding.

Source: EC2 API Reference, DescribeInstanceStatus; Systems Manager API Reference, SendCommand,
GetCommandInvocation (the command's exit status makes Success or Failed).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lakeferry.aws.place import Place

STATUS = "/usr/local/sbin/lakeferry-nat status"
ANSWERS_IN_S = 30  # the instance's own look takes a second
_PENDING = ("Pending", "InProgress", "Delayed")
_NO_ANSWER = ("InvalidInstanceId", "InvocationDoesNotExist", "UnsupportedPlatformType")


@dataclass(frozen=True, slots=True)
class PathSeen:
    """What is known of the path through an instance."""

    state: Literal["alive", "dead", "unknown"]
    said: str  # what says so


def path_of(place: Place, instance_id: str) -> PathSeen:
    """EC2's checks, then the instance's own look at its path."""
    if not instance_id:
        return PathSeen("dead", "no instance is on the interface")
    answer = place.ask(
        "ec2", "describe_instance_status", instance_id, InstanceIds=[instance_id],
        IncludeAllInstances=True,
    )  # fmt: skip
    for one in answer["InstanceStatuses"]:
        if one["InstanceState"]["Name"] != "running":
            return PathSeen("dead", f"{instance_id} is {one['InstanceState']['Name']}")
        checks = {one["InstanceStatus"]["Status"], one["SystemStatus"]["Status"]}
        if checks != {"ok"}:
            return PathSeen("dead", f"EC2's checks of {instance_id}: {', '.join(sorted(checks))}")
        return _asked(place, instance_id)
    return PathSeen("dead", f"{instance_id} is gone")


def _asked(place: Place, instance_id: str) -> PathSeen:
    answer, code = place.attempt(
        "ssm", "send_command", instance_id, _NO_ANSWER,
        InstanceIds=[instance_id], DocumentName="AWS-RunShellScript",
        Parameters={"commands": [STATUS], "executionTimeout": [str(ANSWERS_IN_S)]},
        TimeoutSeconds=ANSWERS_IN_S,
    )  # fmt: skip
    if code:
        return PathSeen("unknown", f"{instance_id} is not known to Systems Manager ({code})")
    command = answer["Command"]["CommandId"]
    for _ in range(ANSWERS_IN_S):
        found, _ = place.attempt(
            "ssm", "get_command_invocation", instance_id, _NO_ANSWER,
            CommandId=command, InstanceId=instance_id,
        )  # fmt: skip
        status = found.get("Status", "Pending")
        said = _said(found)
        if status == "Success":
            return PathSeen("alive", said or f"{instance_id} says that its path is alive")
        if status == "Failed":
            return PathSeen("dead", said or f"{instance_id} says that its path is dead")
        if status not in _PENDING:
            return PathSeen("unknown", f"Systems Manager: {status} for {instance_id}")
        place.sleep(1.0)
    return PathSeen("unknown", f"{instance_id} did not answer within {ANSWERS_IN_S} s")


def _said(invocation: Mapping[str, Any]) -> str:
    """What the command printed; what went wrong where the first boot did not even install it."""
    parts = ("StandardOutputContent", "StandardErrorContent")
    printed = (str(invocation.get(one, "")).strip() for one in parts)
    return next((one for one in printed if one), "")
