"""What the policies about tags allow is what is asked for, recorded at the client."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.monitor import run
from lakeferry.monitor.iam import actions_of
from lakeferry.monitor.tags import run as tags
from lakeferry.monitor.tags.rights import IMPLIED, tag_policy
from lakeferry.monitor.tags.run import TagRequest
from tests.flows.provisioning import one_of_each, watched
from tests.flows.test_provision_rights import prepared
from tests.servers.moto import ACCOUNT, forget_clients

pytestmark = pytest.mark.server

NAMES = {"monitoring": "cloudwatch", "tagging": "tag"}  # as IAM calls those who sign so


@contextmanager
def recorded(access: AwsAccess) -> Iterator[set[str]]:
    asked: set[str] = set()

    def seen(service: str, operation: str) -> None:
        asked.add(f"{NAMES.get(service, service)}:{operation}")

    with watched(access, seen):
        yield asked


def test_the_policies_hold_the_actions_that_are_asked_for_and_no_other(
    moto_access: AwsAccess,
) -> None:
    vpc = prepared(moto_access)
    asked = one_of_each(moto_access, vpc)
    run.apply(asked)
    subnet = client(moto_access, "ec2").describe_subnets(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}]
    )["Subnets"][0]["SubnetId"]
    launch = client(moto_access, "ec2").create_launch_template(
        LaunchTemplateName="nodes",
        LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "c6gn.medium"},
    )["LaunchTemplate"]["LaunchTemplateId"]
    client(moto_access, "autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="nodes", MinSize=0, MaxSize=2, VPCZoneIdentifier=subnet,
        LaunchTemplate={"LaunchTemplateId": launch, "Version": "$Default"},
    )  # fmt: skip
    wanted = {**asked.settings.tags, "team": "red"}
    settings = replace(asked.settings, tags=wanted)
    request = TagRequest(replace(asked, settings=settings), allow=frozenset({"template"}))
    known = replace(settings, account=ACCOUNT)
    forget_clients()

    with recorded(moto_access) as looking:
        report = tags.look(request)
    with recorded(moto_access) as mending:
        done = tags.mend(request, report)

    assert done.failed == ()
    assert looking == actions_of(tag_policy(known, fix=False))
    implied = {more for one in mending for more in IMPLIED.get(one, ())}
    allowed = actions_of(tag_policy(known, fix=True))
    assert looking | mending | implied == allowed
