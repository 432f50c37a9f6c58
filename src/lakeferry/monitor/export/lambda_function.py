"""A Lambda that templates make, with what starts it. Pure.

Source: CloudFormation Template Reference, AWS::Lambda::Function, AWS::Events::Rule.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from lakeferry.network.resources import LogGroup, Role, Tags

RUNTIME = "python3.13"
MOST_FUNCTION_NAME = 64
MOST_EVENT_RULE_NAME = 64
# What the names of resources of functions begin with, after the deployment's.
FUNCTIONS_OWN = (
    "keep-instances", "keep-rules", "nat-health", "nat-on-standby", "nat-path-dead",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts the Lambda."""

    word: str  # 'Schedule', 'Calls'
    name: str
    description: str
    schedule: str = ""  # 'rate(5 minutes)'; '' for one that waits for events
    pattern: Mapping[str, Any] | None = None

    @property
    def pattern_text(self) -> str:
        return json.dumps(self.pattern, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class LambdaFunction:
    """One function. Role, log group and security groups are resources beside it."""

    words: tuple[str, ...]  # ('keep', 'rules'): what templates call it
    name: str
    description: str
    timeout_s: int
    memory_mib: int
    source: str  # Python
    role: Role
    group: LogGroup
    triggers: tuple[Trigger, ...]
    tags: Tags
    environment: Mapping[str, str] = field(default_factory=dict)  # with marks of new ids
    subnet_ids: tuple[str, ...] = ()  # (): not in the VPC
    security_groups: tuple[str, ...] = ()  # names of ours


def function_name(deployment: str, tail: str) -> str:
    """Lambda takes no dot, which is what tells other names of a deployment from another's."""
    name = f"lakeferry-{deployment}-{tail}"
    if len(name) <= MOST_FUNCTION_NAME:
        return name
    return f"{name[: MOST_FUNCTION_NAME - 13]}-{sha256(name.encode()).hexdigest()[:12]}"
