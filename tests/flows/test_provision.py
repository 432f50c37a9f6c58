"""Plan, apply, drift, apply, destroy: against an AWS account with a data plane, and others' things.

What the emulator lacks or takes as it comes is checked elsewhere, by botocore's own
validator and on recorded shapes:
- regional NAT gateways, kinds of interfaces (all are `interface` there), transit routes of other
  accounts: `tests/aws/test_read_network.py`, `tests/aws/test_read_transit.py`;
- requests for flow logs of regional NAT gateways, and every pattern and enumeration that its models
  have: `tests/monitor/test_aws_requests.py`;
- `GetInsightRuleReport`: `tests/aws/test_read_metrics.py`;
- the syntax of rules, metric math and dashboards: `tests/network/test_rules.py`,
  `tests/network/test_metric_math.py`, `tests/monitor/test_dashboard.py`;
- `Unsuccessful` inside a success, roles that are not known yet, endpoints that take minutes, things
  that are there already, throttling: `tests/aws/test_ensure_*.py`;
- conditions, names and ARNs in policies: `tests/monitor/test_iam.py`, as texts.
`tests/servers/moto_completed.py` adds what an apply needs and moto has not: composite alarms,
fields of endpoints and flow logs, keys of log groups, and what CloudWatch does about tags.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lakeferry.aws.ensure import ensure, remove
from lakeferry.aws.place import Place
from lakeferry.connect.aws import AwsAccess, client
from lakeferry.connect.databricks import DatabricksAccess, account_client
from lakeferry.errors import FerryError
from lakeferry.events import ChangeApplied, ChangePlanned, Event
from lakeferry.monitor import run
from lakeferry.monitor.brakes import BRAKES
from lakeferry.monitor.settings import EndpointWish, FlowLogWish
from lakeferry.network.discover import Scope
from lakeferry.network.nat_resources import NatResource
from lakeferry.network.resources import BucketPolicy, EndpointRegistration, Resource, VpcEndpoint
from tests.aws.data_plane import made_egress
from tests.flows.provisioning import (
    Cut,
    changed,
    cut_after,
    inventory,
    kinds,
    names,
    network,
    one_of_each,
    request,
    watched,
)
from tests.servers import databricks_account
from tests.servers.databricks_account import ACCOUNT_ID, TOKEN, Account
from tests.servers.moto import ACCOUNT

pytestmark = pytest.mark.server

GROUP = "/lakeferry/m1/flow"
STALLED = "lakeferry-m1.rejected"
RULE = "lakeferry-m1.workers"
ROLE = "lakeferry-m1.flow"
SILENT = "lakeferry-m1.s3-through-nat"
# NAT instances and what belongs to them: `test_provision_nat.py`.
EVERY_KIND = {one.kind_name for one in {*Resource.__args__, BucketPolicy} - {*NatResource.__args__}}


def test_a_plan_changes_nothing_and_an_apply_makes_all_of_it_once(moto_access: AwsAccess) -> None:
    asked = request(moto_access, network(moto_access))
    before = inventory(moto_access)

    first = run.plan(asked)
    assert inventory(moto_access) == before
    done = run.apply(asked, fingerprint=first.plan.fingerprint)
    made = inventory(moto_access)
    again = run.plan(asked)
    nothing = run.apply(asked)

    assert first.exit_code == 0
    assert {one.action for one in first.plan.changes} == {"create"}
    assert len(done.done) >= len(first.plan.changes) > 30
    assert done.is_complete
    assert changed(again.plan) == {}
    assert again.exit_code == 0
    assert nothing.done == ()
    assert inventory(moto_access) == made
    for key, one in before.items():
        if key.startswith("RouteTables"):  # ours is the S3 gateway where there was none
            added = [route for route in made[key]["Routes"] if route not in one["Routes"]]
            assert all(route["GatewayId"].startswith("vpce-") for route in added)
            made[key] = {**made[key], "Routes": [r for r in made[key]["Routes"] if r not in added]}
        assert made[key] == one


def test_what_was_made_is_what_aws_tells_of_it(moto_access: AwsAccess) -> None:
    asked = request(moto_access, network(moto_access))

    run.apply(asked)

    held = inventory(moto_access)
    group = held[f"logGroups {GROUP}"]
    assert group["retentionInDays"] == 30
    alarm = held["MetricAlarms lakeferry-m1.s3-through-nat"]
    assert alarm["TreatMissingData"] == "notBreaching"
    assert {one["Expression"] for one in alarm["Metrics"]} >= {
        'INSIGHT_RULE_METRIC("lakeferry-m1.leak-up","Sum")'
    }
    topics = "arn:aws:sns:us-east-1:123456789012:"
    assert alarm["AlarmActions"] == [f"{topics}alerts", f"{topics}lakeferry-m1"]
    recover = next(one for key, one in held.items() if ".nat-instance-recover" in key)
    assert (recover["MetricName"], recover["Metrics"]) == ("StatusCheckFailed_System", [])
    rule = held["InsightRules lakeferry-m1.nat-gateway-billed"]
    assert json.loads(rule["Definition"])["LogGroupNames"] == [GROUP]
    (flow,) = [
        one for key, one in held.items() if key.startswith("FlowLogs") and "m1.flow" in str(one)
    ]
    assert flow["DeliverLogsPermissionArn"] == "arn:aws:iam::123456789012:role/lakeferry-m1.flow"
    assert (flow["LogGroupName"], flow["MaxAggregationInterval"]) == (GROUP, 60)
    relay = [one for one in held.values() if "databricks-relay" in str(one.get("Tags", ""))]
    assert [len(one["NetworkInterfaceIds"]) for one in relay if "ServiceName" in one] == [2]


def test_drift_by_hand_is_named_field_by_field_and_mended(moto_access: AwsAccess) -> None:
    asked = request(moto_access, network(moto_access))
    run.apply(asked)
    whole = inventory(moto_access)

    _drift(moto_access)
    drifted = run.plan(asked)

    assert drifted.exit_code == 3
    assert changed(drifted.plan) == {
        STALLED: "update", RULE: "create", GROUP: "update", SILENT: "update", ROLE: "update",
    }  # fmt: skip
    said = {d.field: (d.before, d.after) for one in drifted.drift for d in one.differences}
    assert said == {
        "threshold": (5.0, 10.0), "retention_days": (7, 30), "actions_enabled": (False, True),
        "other_policies": (["more"], []),
    }  # fmt: skip
    assert len(run.apply(asked).done) == 5
    assert changed(run.plan(asked).plan) == {}
    assert inventory(moto_access) == whole


def _drift(access: AwsAccess) -> None:
    """What somebody does by hand in the console."""
    cloudwatch = client(access, "cloudwatch")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[STALLED])["MetricAlarms"]
    taken = (
        "AlarmName", "AlarmDescription", "ComparisonOperator", "EvaluationPeriods",
        "DatapointsToAlarm", "TreatMissingData", "AlarmActions", "OKActions", "Metrics",
    )  # fmt: skip
    cloudwatch.put_metric_alarm(Threshold=5, **{key: alarm[key] for key in taken})
    cloudwatch.delete_insight_rules(RuleNames=[RULE])
    cloudwatch.disable_alarm_actions(AlarmNames=[SILENT])
    client(access, "logs").put_retention_policy(logGroupName=GROUP, retentionInDays=7)
    client(access, "iam").put_role_policy(
        RoleName=ROLE, PolicyName="more", PolicyDocument=json.dumps({"Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}),
    )  # fmt: skip


def test_destroy_leaves_nothing_of_ours_and_everything_of_others(moto_access: AwsAccess) -> None:
    asked = request(moto_access, network(moto_access))
    before = inventory(moto_access)
    run.apply(asked)

    gone = run.destroy(asked)

    assert gone.is_complete
    assert names(inventory(moto_access), "lakeferry") == []
    assert inventory(moto_access) == before
    assert run.destroy(asked).done == ()
    assert {one.action for one in run.plan(asked).plan.changes} == {"create"}


def test_two_deployments_live_in_one_region_and_neither_touches_the_other(
    moto_access: AwsAccess,
) -> None:
    vpc = network(moto_access)
    one, other = request(moto_access, vpc), request(moto_access, vpc, "m1-b", endpoints=())
    run.apply(one)
    alone = inventory(moto_access)

    run.apply(other)

    assert changed(run.plan(one).plan) == {}
    assert changed(run.plan(other).plan) == {}
    run.destroy(other)
    assert inventory(moto_access) == alone
    run.apply(other)
    both = inventory(moto_access)
    run.destroy(one)
    assert names(inventory(moto_access), "m1-b") == names(both, "m1-b")


def test_a_deployment_moves_to_another_vpc_and_leaves_nothing_in_the_first(
    moto_access: AwsAccess,
) -> None:
    first = network(moto_access)
    before = inventory(moto_access)
    run.apply(request(moto_access, first))
    second = made_egress(moto_access)
    there = inventory(moto_access)
    moved = request(moto_access, second.vpc, "m1")

    run.apply(moved, allow=set(BRAKES))

    assert changed(run.plan(moved).plan) == {}
    run.destroy(moved)
    left = inventory(moto_access)
    assert names(left, "lakeferry") == []
    assert {key: one for key, one in left.items() if key in before} == before
    assert left.keys() <= there.keys()


def test_what_watched_a_network_that_is_gone_is_removed(moto_access: AwsAccess) -> None:
    asked = request(moto_access, network(moto_access))
    run.apply(asked)
    nowhere = replace(asked, scope=Scope(vpc="vpc-0123456789abcdef0"))

    gone = run.destroy(nowhere)

    assert gone.is_complete
    assert names(inventory(moto_access), "lakeferry") == []
    with pytest.raises(FerryError, match="LF-6351"):
        run.plan(nowhere)


# ---- plans that are not carried out


def test_a_plan_that_was_overtaken_is_refused_and_nothing_is_changed(
    moto_access: AwsAccess,
) -> None:
    asked = request(moto_access, network(moto_access))
    read = run.plan(asked).plan.fingerprint
    client(moto_access, "ec2").create_nat_gateway(
        SubnetId=client(moto_access, "ec2").describe_subnets()["Subnets"][0]["SubnetId"],
        ConnectivityType="private",
    )
    run.apply(asked)
    client(moto_access, "logs").put_retention_policy(logGroupName=GROUP, retentionInDays=7)
    before = inventory(moto_access)

    with pytest.raises(FerryError) as stale:
        run.apply(asked, fingerprint=read)

    assert (stale.value.code, stale.value.exit_code) == ("LF-2051", 2)
    assert inventory(moto_access) == before


def test_a_deletion_is_not_made_without_a_word(moto_access: AwsAccess) -> None:
    vpc = network(moto_access)
    run.apply(request(moto_access, vpc))
    fewer = request(moto_access, vpc, questions=("nat-billed", "s3-through-nat", "workers"))
    before = inventory(moto_access)

    with pytest.raises(FerryError) as held:
        run.apply(fewer)

    assert (held.value.code, held.value.exit_code) == ("LF-6402", 2)
    assert inventory(moto_access) == before
    run.apply(fewer, allow={"delete", "many"})
    assert changed(run.plan(fewer).plan) == {}


def test_another_format_replaces_the_flow_log(moto_access: AwsAccess) -> None:
    vpc = network(moto_access)
    run.apply(request(moto_access, vpc))
    (old,) = [one for one in _flow_logs(moto_access) if "m1.flow" in str(one["Tags"])]
    other = request(moto_access, vpc, flow_logs=FlowLogWish(interval_s=600))

    run.apply(other, allow={"replace"})

    (new,) = [one for one in _flow_logs(moto_access) if "m1.flow" in str(one["Tags"])]
    assert new["MaxAggregationInterval"] == 600
    assert new["FlowLogId"] != old["FlowLogId"]


def _flow_logs(access: AwsAccess) -> list[Any]:
    found: list[Any] = client(access, "ec2").describe_flow_logs()["FlowLogs"]
    return found


def test_a_name_that_others_took_is_refused_before_anything_is_made(
    moto_access: AwsAccess,
) -> None:
    asked = request(moto_access, network(moto_access))
    client(moto_access, "logs").create_log_group(logGroupName=GROUP, tags={"owner": "others"})
    before = inventory(moto_access)

    with pytest.raises(FerryError) as refused:
        run.apply(asked)

    assert (refused.value.code, refused.value.exit_code) == ("LF-6401", 2)
    assert f"log group `{GROUP}`" in refused.value.what
    assert inventory(moto_access) == before


@pytest.mark.parametrize(
    ("code", "wish"),
    [
        ("LF-6405", {"endpoints": (EndpointWish("no-such-service", "interface"),)}),
        ("LF-6406", {"notify": (f"arn:aws:sns:us-east-1:{ACCOUNT}:no-such-topic",)}),
        ("LF-6406", {"suppressor": "no-such-alarm"}),
        ("LF-6406", {"flow_logs": FlowLogWish(("s3",), bucket="arn:aws:s3:::no-such-bucket/x")}),
    ],
)
def test_what_a_wish_leans_on_and_aws_has_not_is_refused_before_anything_is_made(
    moto_access: AwsAccess, code: str, wish: dict[str, Any]
) -> None:
    asked = request(moto_access, network(moto_access), **wish)
    before = inventory(moto_access)

    for act in (run.plan, run.apply):
        with pytest.raises(FerryError) as refused:
            act(asked)
        assert (refused.value.code, refused.value.exit_code) == (code, 2)

    assert inventory(moto_access) == before


def test_flow_logs_to_s3_bring_their_statements_to_the_bucket_and_take_them_away(
    moto_access: AwsAccess,
) -> None:
    vpc, s3 = network(moto_access), client(moto_access, "s3")
    s3.create_bucket(Bucket="lake")
    theirs = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket",
              "Resource": "arn:aws:s3:::lake"}  # fmt: skip
    s3.put_bucket_policy(Bucket="lake", Policy=json.dumps({"Statement": [theirs]}))
    wish = FlowLogWish(("s3",), bucket="arn:aws:s3:::lake")
    asked = request(moto_access, vpc, flow_logs=wish, endpoints=())

    run.apply(asked)
    held = json.loads(s3.get_bucket_policy(Bucket="lake")["Policy"])["Statement"]
    assert changed(run.plan(asked).plan) == {}
    s3.put_bucket_policy(Bucket="lake", Policy=json.dumps({"Statement": [theirs, held[1]]}))
    drifted = run.plan(asked)
    assert (changed(drifted.plan), drifted.exit_code) == ({"lake": "update"}, 3)
    s3.put_bucket_policy(Bucket="lake", Policy=json.dumps({"Statement": [theirs]}))
    assert changed(run.plan(asked).plan) == {"lake": "create"}
    run.apply(asked)
    assert json.loads(s3.get_bucket_policy(Bucket="lake")["Policy"])["Statement"] == held
    run.destroy(asked)

    assert held[0] == theirs
    assert [one["Resource"] for one in held[1:]] == [
        "arn:aws:s3:::lake/AWSLogs/123456789012/*", "arn:aws:s3:::lake",
    ]  # fmt: skip
    left = json.loads(s3.get_bucket_policy(Bucket="lake")["Policy"])["Statement"]
    assert left == [theirs]


# ---- applies that do not come to their end


def test_an_apply_that_is_cut_after_every_single_request_still_gets_there(
    moto_access: AwsAccess,
) -> None:
    asked = one_of_each(moto_access, network(moto_access), bucket="lake")
    wanted = run.plan(asked).plan

    cuts = _cuts(moto_access, 1, lambda: run.apply(asked))

    assert kinds(wanted) == EVERY_KIND
    assert cuts >= len(wanted.work)
    assert changed(run.plan(asked).plan) == {}


def test_a_destroy_that_is_cut_again_and_again_still_gets_there(moto_access: AwsAccess) -> None:
    asked = one_of_each(moto_access, network(moto_access), bucket="lake")
    before = inventory(moto_access)
    made = run.apply(asked).plan

    # A role is two requests, of which the first is sent again when there is nothing left of it.
    cuts = _cuts(moto_access, 2, lambda: run.destroy(asked))

    assert kinds(made) == EVERY_KIND
    assert cuts >= len(made.work) // 2
    assert inventory(moto_access) == before
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        client(moto_access, "s3").get_bucket_policy(Bucket="lake")


def _cuts(access: AwsAccess, writes: int, act: Callable[[], object]) -> int:
    """How often `act` is cut, each time after so many writes, before it comes to its end."""
    for cuts in range(150):
        try:
            with watched(access, cut_after(writes)):
                act()
        except Cut:
            continue
        return cuts
    raise AssertionError("it does not come nearer to its end")


def test_a_stop_lets_the_change_in_hand_finish_and_begins_no_other(moto_access: AwsAccess) -> None:
    asked = request(moto_access, network(moto_access))
    stop, seen = Flag(), []

    def emit(event: Event) -> None:
        if isinstance(event, ChangeApplied):
            seen.append(event)
            if event.done == 3:
                stop.set()

    report = run.apply(asked, emit=emit, stop=stop)

    assert [one.done for one in seen] == [1, 2, 3]
    assert [one.kind for one in report.done] == ["security_group", "security_group"]
    assert report.left[0].kind == "vpc_endpoint"  # it is made, and has no private DNS yet
    assert not report.is_complete
    planned: list[Event] = []
    left = run.plan(asked, emit=planned.append)
    assert left.exit_code == 3
    assert {one.name for one in report.left} <= {
        one.name for one in planned if isinstance(one, ChangePlanned)
    }
    run.apply(asked)
    assert changed(run.plan(asked).plan) == {}


def test_what_somebody_changed_meanwhile_is_held_back_by_the_brakes_of_the_second_round(
    moto_access: AwsAccess,
) -> None:
    asked = request(moto_access, network(moto_access))
    cloudwatch = client(moto_access, "cloudwatch")

    def emit(event: Event) -> None:
        if isinstance(event, ChangeApplied) and event.kind == "dashboard":
            there = cloudwatch.describe_alarms()["MetricAlarms"]
            cloudwatch.disable_alarm_actions(AlarmNames=[one["AlarmName"] for one in there])

    report = run.apply(asked, emit=emit)

    assert not report.is_complete
    assert "held back" in report.notes[0]
    assert "--allow many" in report.notes[0]
    assert run.apply(asked, allow={"many"}).is_complete
    assert changed(run.plan(asked).plan) == {}


CHILD = """
import os, random, signal, sys, threading
from lakeferry.connect.aws import AwsAccess
from lakeferry.events import ChangeApplied
from lakeferry.monitor import run
from lakeferry.monitor.brakes import BRAKES
from tests.flows.provisioning import request
def emit(event):
    if isinstance(event, ChangeApplied) and event.done == int(sys.argv[3]):
        wait_s = random.uniform(0, 0.05)
        threading.Timer(wait_s, os.kill, (os.getpid(), signal.SIGKILL)).start()
run.apply(request(AwsAccess("us-east-1", endpoint=sys.argv[1]), sys.argv[2]), emit=emit)
"""


def test_a_process_that_is_killed_anywhere_leaves_what_the_next_one_goes_on_from(
    moto_access: AwsAccess,
) -> None:
    vpc = network(moto_access)
    asked = request(moto_access, vpc)
    total = len(run.plan(asked).plan.steps)

    for last in (3, 9, total // 3):
        _killed_at(moto_access, vpc, last)
    left = run.plan(asked)
    run.apply(asked)

    assert 0 < len(left.plan.of("create")) < total - 9
    assert changed(run.plan(asked).plan) == {}


def _killed_at(access: AwsAccess, vpc: str, step: int) -> None:
    """An apply in a process of its own, killed soon after it has told of a step."""
    root = Path(__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, str(access.endpoint), vpc, str(step)],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL


def test_an_error_says_how_much_was_made_and_is_kept(moto_access: AwsAccess) -> None:
    asked = request(moto_access, network(moto_access))

    def emit(event: Event) -> None:
        if isinstance(event, ChangeApplied) and event.done == 1:
            client(moto_access, "logs").create_log_group(logGroupName=GROUP)  # others, meanwhile

    with pytest.raises(FerryError, match="LF-6401") as failed:
        run.apply(asked, emit=emit)

    assert "resources were made and are kept" in failed.value.where


# ---- endpoints in a Databricks account


@pytest.fixture
def account() -> Iterator[Account]:
    with databricks_account.running() as running:
        yield running
    account_client.cache_clear()


def test_endpoints_of_databricks_are_registered_in_its_account_and_forgotten(
    moto_access: AwsAccess, account: Account
) -> None:
    registry = DatabricksAccess(ACCOUNT_ID, account.host, token=TOKEN)
    asked = replace(request(moto_access, network(moto_access)), registry=registry)
    account.register(
        {"vpc_endpoint_name": "theirs", "aws_vpc_endpoint_id": "vpce-9", "region": "us-east-1"}
    )
    ours = ["lakeferry-m1.databricks-relay", "lakeferry-m1.databricks-workspace"]

    run.apply(asked)

    assert account.names() == [*ours, "theirs"]
    assert changed(run.plan(asked).plan) == {}
    relay = next(one for one in account.endpoints if one["vpc_endpoint_name"] == ours[0])
    ec2 = client(moto_access, "ec2")
    ec2.delete_vpc_endpoints(VpcEndpointIds=[relay["aws_vpc_endpoint_id"]])
    again = run.plan(asked).plan
    actions = {one.kind: one.action for one in again.changes if one.name == ours[0]}
    assert actions == {"vpc_endpoint": "create", "endpoint_registration": "replace"}
    run.apply(asked, allow={"replace", "delete", "many"})
    assert changed(run.plan(asked).plan) == {}
    assert account.names() == [*ours, "theirs"]
    run.destroy(asked)
    assert account.names() == ["theirs"]


# ---- one write at a time


def test_what_is_made_again_or_removed_again_is_as_after_the_first_time(
    moto_access: AwsAccess,
) -> None:
    asked = request(moto_access, network(moto_access))
    run.apply(asked)
    made = [one.after for one in run.plan(asked).plan.changes]
    held = inventory(moto_access)
    place = Place(moto_access, ACCOUNT, "m1", sleep=lambda _: None)

    for one in made:
        # An endpoint has no name that AWS would refuse twice: it is known by what was read.
        if one is not None and not isinstance(
            one, VpcEndpoint | EndpointRegistration | BucketPolicy
        ):
            ensure(place, one, None)

    assert inventory(moto_access) == held
    gone = [one.before for one in run.removal(asked).changes if one.before is not None]
    run.destroy(asked)
    nothing = inventory(moto_access)
    for found in gone:
        assert not isinstance(found, EndpointRegistration | BucketPolicy)
        remove(place, found)
    assert inventory(moto_access) == nothing
