"""Where resources are made and for which deployment: requests, ARNs and tags of that place."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lakeferry.connect.aws import AwsAccess, call
from lakeferry.errors import FerryError
from lakeferry.network.resources import OWNER_TAG, Tags


@dataclass(frozen=True, slots=True)
class Place:
    """Where, as whom, and for which deployment."""

    access: AwsAccess
    account: str  # 12 digits
    deployment: str
    partition: str = "aws"  # first part of ARNs
    sleep: Callable[[float], None] = field(default=time.sleep, compare=False)  # seconds

    @property
    def region(self) -> str:
        return self.access.region

    def ask(self, service: str, operation: str, on: str, **parameters: Any) -> Mapping[str, Any]:
        """The answer to one request about `on`; raises as `connect.aws.call` does."""
        return call(self.access, service, operation, on=on, **parameters)

    def attempt(
        self, service: str, operation: str, on: str, expected: tuple[str, ...], **parameters: Any
    ) -> tuple[Mapping[str, Any], str]:
        """The answer and '', or nothing and AWS's error code where it is an expected one."""
        from botocore.exceptions import ClientError

        try:
            return call(self.access, service, operation, on=on, expected=expected, **parameters), ""
        except ClientError as error:
            return {}, str(error.response["Error"]["Code"])

    def arn(self, service: str, rest: str) -> str:
        """ARN of something in this account; IAM and dashboards have no Region."""
        everywhere = service == "iam" or rest.startswith("dashboard/")
        region = "" if everywhere else self.region
        return f"arn:{self.partition}:{service}:{region}:{self.account}:{rest}"

    def role(self, name: str) -> str:
        return self.arn("iam", f"role/{name}")

    def topic(self, name: str) -> str:
        return self.arn("sns", name)

    def log_group(self, name: str) -> str:
        return self.arn("logs", f"log-group:{name}")

    def actions(self, names: tuple[str, ...]) -> list[str]:
        """What an alarm does: ARNs as they are, names of topics of ours as ARNs."""
        return [one if one.startswith("arn:") else self.topic(one) for one in names]

    def check_ours(self, what: str, tags: Tags) -> None:
        """LF-6401 unless the tags are those of the deployment."""
        if tags.get(OWNER_TAG) == self.deployment:
            return
        raise FerryError(
            "LF-6401",
            f"{what} is there and not of this deployment",
            f"the tag `{OWNER_TAG}` says {tags.get(OWNER_TAG) or 'nothing'}, not "
            f"{self.deployment}; {self.access.shown}",
            "choose another name, remove what is there, or give it the tag if it is this "
            "deployment's",
        )


@dataclass(frozen=True, slots=True)
class TagChange:
    """What makes the tags that are there those that are wanted."""

    put: Tags
    drop: tuple[str, ...]


def tag_change(before: Tags, wanted: Tags) -> TagChange:
    """AWS's own tags and the tag Name, which is a name, are left alone."""
    put = {key: value for key, value in wanted.items() if before.get(key) != value}
    drop = sorted(key for key in before.keys() - wanted.keys() if not _kept(key))
    return TagChange(put, tuple(drop))


def tag_list(tags: Tags) -> list[Mapping[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _kept(key: str) -> bool:
    return key == "Name" or key.startswith("aws:")
