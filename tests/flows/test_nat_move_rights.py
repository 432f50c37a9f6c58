"""What the policies for leading routes allow is what is asked for, recorded at the client."""

from dataclasses import replace

import pytest

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.monitor import run
from lakeferry.monitor.iam import actions_of, least_policy
from lakeferry.monitor.nat.move import move, plan_moves
from lakeferry.monitor.nat.move_rights import move_policy
from tests.flows.test_provision_nat import made_site, request
from tests.flows.test_provision_rights import recorded
from tests.servers.moto import ACCOUNT

pytestmark = pytest.mark.server


def test_the_policies_allow_what_is_asked_for_and_no_more(moto_access: AwsAccess) -> None:
    site = made_site(moto_access)
    asked = request(moto_access, site)
    run.apply(asked, allow={"routes"})
    settings = replace(asked.settings, account=ACCOUNT)
    looking = set(actions_of(least_policy(settings, "plan")))

    with recorded(moto_access) as over:
        move(plan_moves(asked, "over"))
    # One route as it is beside a template that was just deployed: to be made, its past to be noted.
    client(moto_access, "ec2").delete_route(
        RouteTableId=site.tables[1], DestinationCidrBlock="0.0.0.0/0"
    )
    with recorded(moto_access) as back:
        move(plan_moves(asked, "back"))

    may_over = set(actions_of(move_policy(settings, "failover")))
    may_back = set(actions_of(move_policy(settings, "failback")))
    assert over <= may_over
    assert back <= may_back
    assert may_over - looking == over - looking == {"ec2:ReplaceRoute"}
    assert may_back - looking == back - looking == {
        "ec2:CreateRoute", "ec2:CreateTags", "ec2:DescribeInstanceStatus", "ec2:ReplaceRoute",
        "ssm:GetCommandInvocation", "ssm:SendCommand",
    }  # fmt: skip


def test_where_instances_stand_by_the_policy_lets_them_be_asked(moto_access: AwsAccess) -> None:
    site = made_site(moto_access)
    asked = request(moto_access, site, standby="instance")
    run.apply(asked, allow={"routes"})
    settings = replace(asked.settings, account=ACCOUNT)
    looking = set(actions_of(least_policy(settings, "plan")))

    with recorded(moto_access) as over:
        move(plan_moves(asked, "over", tables=site.tables[:1]))

    assert set(actions_of(move_policy(settings, "failover"))) - looking == over - looking == {
        "ec2:DescribeInstanceStatus", "ec2:ReplaceRoute", "ssm:GetCommandInvocation",
        "ssm:SendCommand",
    }  # fmt: skip


def test_a_command_is_run_on_instances_of_the_deployment_alone(moto_access: AwsAccess) -> None:
    settings = replace(request(moto_access, made_site(moto_access)).settings, account=ACCOUNT)
    statements = {one["Sid"]: one for one in move_policy(settings, "failback")["Statement"]}

    assert statements["RunOneCommand"]["Resource"] == [
        "arn:aws:ssm:us-east-1::document/AWS-RunShellScript"
    ]
    assert statements["OnOurInstances"]["Condition"] == {
        "StringEquals": {"ssm:resourceTag/lakeferry:deployment": "m1"}
    }
    assert statements["NoteOnInterfaces"]["Condition"] == {
        "StringEquals": {"aws:ResourceTag/lakeferry:deployment": "m1"}
    }
