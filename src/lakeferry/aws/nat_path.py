"""Whether a NAT instance forwards, and routes led to it: what moving a route by hand needs.

An instance is asked by Systems Manager, from inside: `lakeferry-nat status` opens connections from
a namespace of the instance that stands where a private subnet would. EC2's own checks say nothing
of forwarding.

Source: EC2 API Reference, DescribeInstanceStatus, ReplaceRoute, CreateRoute; Systems Manager API
Reference, SendCommand, GetCommandInvocation (the command's exit status makes Success or Failed).
"""

import time
from dataclasses import dataclass
from typing import Literal

from lakeferry.aws.ensure_nat import interface_of
from lakeferry.aws.ensure_routes import note_before, target_named, target_now
from lakeferry.aws.place import Place
from lakeferry.errors import FerryError
from lakeferry.network.nat_resources import DefaultRoute

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
        said = str(found.get("StandardOutputContent", "")).strip()
        if status == "Success":
            return PathSeen("alive", said or f"{instance_id} says that its path is alive")
        if status == "Failed":
            return PathSeen("dead", said or f"{instance_id} says that its path is dead")
        if status not in _PENDING:
            return PathSeen("unknown", f"Systems Manager: {status} for {instance_id}")
        place.sleep(1.0)
    return PathSeen("unknown", f"{instance_id} did not answer within {ANSWERS_IN_S} s")


def lead(place: Place, route: DefaultRoute, target: str) -> float:
    """Lead a route to a target, and see that it leads there.

    Args:
        route: with the name of the interface that is its home.
        target: id of an interface or a NAT gateway.

    Returns:
        Seconds from the request until EC2 shows the route there, in use.

    Raises:
        FerryError: LF-6436 where EC2 shows another, or one that leads into nothing.
    """
    home: str = interface_of(place, route.interface)["NetworkInterfaceId"]
    now = target_now(place, route)
    if target == home:
        note_before(place, route, home, now)
    began = time.monotonic()
    place.ask(
        "ec2", "replace_route" if now else "create_route", route.route_table_id,
        RouteTableId=route.route_table_id, DestinationCidrBlock=route.destination,
        **target_named(target),
    )  # fmt: skip
    shown = target_now(place, route, active=True)
    took = time.monotonic() - began
    if shown != target:
        raise FerryError(
            "LF-6436",
            f"the default route of {route.route_table_id} leads to {shown or 'nothing'}, "
            f"not to {target}",
            place.access.shown,
            "look at the route table: its target may be gone, or somebody else moved the route too",
        )
    return took
