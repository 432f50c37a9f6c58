"""The fields of VPC Flow Logs, and the formats that are made of them.

Source: VPC User Guide, "Flow log records". Version 6 is the log of transit gateways.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from lakeferry.errors import FerryError


@dataclass(frozen=True, slots=True)
class FlowField:
    """One field: its name as AWS writes it, what it holds, and the version that brought it."""

    name: str
    type: Literal["int64", "string"]
    since: int


_INTEGERS = frozenset(
    [
        "version",
        "srcport",
        "dstport",
        "protocol",
        "packets",
        "bytes",
        "start",
        "end",
        "tcp-flags",
        "traffic-path",
        "encryption-status",
    ]
)
_BY_VERSION = {
    2: "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
    "start end action log-status",
    3: "vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr",
    4: "region az-id sublocation-type sublocation-id",
    5: "pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path",
    7: "ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id "
    "ecs-container-id ecs-second-container-id ecs-service-name ecs-task-definition-arn "
    "ecs-task-arn ecs-task-id",
    8: "reject-reason",
    9: "resource-id",
    10: "encryption-status",
    11: "instance-tag instance-tag-2 interface-tag interface-tag-2 asg-tag asg-tag-2 "
    "interface-type next-hop-interface-id next-hop-subnet-id next-hop-az-id next-hop-vpc-id "
    "next-hop-interface-type",
}
FIELDS: Mapping[str, FlowField] = {
    name: FlowField(name, "int64" if name in _INTEGERS else "string", version)
    for version, names in _BY_VERSION.items()
    for name in names.split()
}
DEFAULT_FORMAT = tuple(_BY_VERSION[2].split())
# The fields of version 2 come first: rules written for their positions go on working.
RECOMMENDED_FORMAT = (
    *DEFAULT_FORMAT,
    "vpc-id", "subnet-id", "instance-id", "type", "pkt-srcaddr", "pkt-dstaddr", "az-id",
    "pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path",
    "reject-reason",
)  # fmt: skip
CONNECTION_FORMAT = (*RECOMMENDED_FORMAT, "tcp-flags")
# Whose tags the fields of version 11 hold; which tags, a flow log says beside its format.
TAG_FIELDS: Mapping[str, tuple[str, str]] = {
    "auto-scaling-group": ("asg-tag", "asg-tag-2"),
    "instance": ("instance-tag", "instance-tag-2"),
    "network-interface": ("interface-tag", "interface-tag-2"),
}
_PLACE = re.compile(r"\$\{([a-z0-9-]+)\}")


def column(name: str) -> str:
    """The name of a field's column in Arrow and Parquet: `_` for `-`."""
    return name.replace("-", "_")


def is_integer(name: str) -> bool:
    """Whether a field holds integers; a field that is not known is text."""
    return name in _INTEGERS


def format_text(fields: Iterable[str]) -> str:
    """`${version} ${account-id}`: a format as `CreateFlowLogs` takes it."""
    return " ".join(f"${{{name}}}" for name in fields)


def parse_format(text: str) -> tuple[str, ...]:
    """The fields of a format: `${a} ${b}`, or plain names between blanks or commas.

    Raises:
        FerryError: LF-6201 where a field is not known, stands twice, or none is named.
    """
    names = tuple(_PLACE.sub(r" \1 ", text).replace(",", " ").split())
    unknown = [name for name in names if name not in FIELDS]
    if unknown or not names or len(set(names)) < len(names):
        what = (
            f"the flow log format names {unknown[0]!r}" if unknown else "names no or equal fields"
        )
        raise FerryError(
            "LF-6201",
            f"the flow log format cannot be read: {what}",
            text[:200],
            "write it as AWS shows it, for instance '${version} ${interface-id} ${bytes}'",
        )
    return names


def needed(fields: Iterable[str], wanted: Iterable[str], where: str) -> None:
    """Refuse a format that lacks a wanted field.

    Raises:
        FerryError: LF-6202, with the format to ask for.
    """
    have = tuple(fields)
    missing = [name for name in wanted if name not in have]
    if missing:
        raise FerryError(
            "LF-6202",
            f"the question needs {', '.join(missing)}, which this flow log does not hold",
            where,
            "a flow log cannot be changed; make a new one with the format "
            + format_text((*have, *missing)),
        )
