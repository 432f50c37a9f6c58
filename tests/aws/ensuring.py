"""What tests of `aws.ensure` share. Nothing is sent: botocore judges requests and answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.stub import Stubber

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.errors import FerryError
from lakeferry.network.resources import OWNER_TAG, PortRange, SecurityGroup

ACCESS = AwsAccess("us-east-1", endpoint="http://127.0.0.1:9")  # nobody answers there
ACCOUNT = "111122223333"
OURS = {OWNER_TAG: "m1"}
TAGS = [{"Key": OWNER_TAG, "Value": "m1"}]
THEIRS = [{"Key": OWNER_TAG, "Value": "m2"}]
DOOR = SecurityGroup(
    "lakeferry-m1.endpoints", "vpc-1", "to endpoints",
    (PortRange("tcp", 443, 443, ("10.0.0.0/16", "2001:db8::/56")),), OURS, "sg-1",
)  # fmt: skip


@contextmanager
def stubbed(service: str) -> Iterator[Stubber]:
    """Answers in the order in which they are asked for; none may be left."""
    with Stubber(client(ACCESS, service)) as stub:
        yield stub
        stub.assert_no_pending_responses()


def refused(code: str) -> Any:
    return pytest.raises(FerryError, match=code)


def unsuccessful(code: str, message: str) -> dict[str, Any]:
    return {"Unsuccessful": [{"ResourceId": "vpc-1", "Error": {"Code": code, "Message": message}}]}
