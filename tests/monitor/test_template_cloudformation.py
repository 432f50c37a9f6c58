"""CloudFormation templates: what cfn-lint, the service's limits and a person ask of them."""

import ast
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from lakeferry.errors import FerryError
from lakeferry.monitor.export.keep_rules import keeper
from lakeferry.monitor.export.template import Export, export
from lakeferry.monitor.export.template_names import Names
from lakeferry.monitor.wanted.desired import desired
from lakeferry.network.resources import Alarm, CompositeAlarm, InsightRule, Topic
from lakeferry.network.rules import check_rule
from tests.judges.cfn_lint import lint
from tests.monitor.networks import cases, template_of, wanted_of
from tests.monitor.read_back import Stack
from tests.monitor.test_desired import IDENT
from tests.monitor.wishes import bare, full
from tests.network.sample_scenario import topology
from tests.network.test_rule_set import crowded

CASES = cases()
FEW = ("all there is", "flow logs to S3 alone")


def exported(name: str, *, keep_rules: bool = True) -> Export:
    wanted, settings = template_of(CASES[name]), CASES[name][1]
    return export(wanted, settings, format="cloudformation", keep_rules=keep_rules)


def template(name: str, *, keep_rules: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(exported(name, keep_rules=keep_rules).text)
    return found


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a template."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value:
        if isinstance(one, dict | list):
            yield from objects(one)


# ---- the judges


@pytest.mark.parametrize(
    ("name", "keep_rules"), [(name, True) for name in CASES] + [(name, False) for name in FEW]
)
def test_cfn_lint_has_nothing_to_say(name: str, keep_rules: bool) -> None:
    found = lint(exported(name, keep_rules=keep_rules).text)

    assert [str(one) for one in found] == []


@pytest.mark.parametrize(
    ("type_", "key"),
    [
        ("AWS::CloudWatch::InsightRule", "RuleState"), ("AWS::EC2::FlowLog", "ResourceId"),
        ("AWS::IAM::Role", "AssumeRolePolicyDocument"), ("AWS::Lambda::Function", "Role"),
    ],
)  # fmt: skip
def test_cfn_lint_misses_what_is_required(type_: str, key: str) -> None:
    made = template("all there is")
    one = next(one for one in made["Resources"].values() if one["Type"] == type_)
    del one["Properties"][key]

    assert any(key in str(said) for said in lint(json.dumps(made)))


@pytest.mark.parametrize("name", CASES)
def test_every_rule_body_is_one_that_cloudwatch_takes(name: str) -> None:
    rules = [one for one in Stack(template(name)).read() if isinstance(one, InsightRule)]

    for rule in rules:
        found = check_rule(rule.body, name=rule.name, fields=wanted_of(CASES[name]).fields)
        assert found == (), rule.name
    assert bool(rules) == (name != "flow logs to S3 alone")


# ---- the language


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_substituted_so_fields_of_a_flow_log_stay_as_they_are(name: str) -> None:
    made = template(name)

    assert not any("Fn::Sub" in one for one in objects(made))
    for one in made["Resources"].values():
        if one["Type"] == "AWS::EC2::FlowLog":
            assert one["Properties"]["LogFormat"].startswith("${version} ${account-id} ")


@pytest.mark.parametrize("name", CASES)
def test_what_the_template_makes_is_never_named_by_a_written_arn(name: str) -> None:
    """But in what a rule's, alarm's or role's condition says of names yet to come."""
    made = template(name)
    resources = made["Resources"].values()
    prefix = CASES[name][1].prefix
    names = [
        one["Properties"].get("AlarmName") or one["Properties"].get("TopicName")
        for one in resources
    ]

    text = json.dumps(made)
    assert not any(f':{one}"' in text or f':{one}\\"' in text for one in names if one)
    assert prefix in text


def test_an_alarm_whose_name_continues_anothers_is_named_by_its_own_reference() -> None:
    wanted, settings = wanted_of(CASES["all there is"]), CASES["all there is"][1]
    names = Names(wanted.resources, settings)
    start = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:lakeferry-m1.stalled"
    short = names.made(CompositeAlarm, "lakeferry-m1.stalled")
    (long,) = (one for one in names.of(Alarm) if one.name.startswith("lakeferry-m1.stalled."))
    tail = long.name.removeprefix("lakeferry-m1.stalled")

    assert names.text(f'["{start}{tail}","{start}"]') == ('["', long, '","', short, '"]')
    assert names.text(f"{start}{tail}x") == (f"{start}{tail}x",)


@pytest.mark.parametrize("name", CASES)
def test_the_text_is_ascii_ends_in_a_line_and_is_the_same_each_time(name: str) -> None:
    one, other = exported(name), exported(name)

    assert one == other
    assert one.text.isascii()
    assert one.text.endswith("}\n")


@pytest.mark.parametrize("name", CASES)
def test_every_resource_that_can_bear_tags_bears_them(name: str) -> None:
    without = {
        "AWS::SNS::TopicPolicy", "AWS::SNS::Subscription", "AWS::Lambda::Permission",
    }  # fmt: skip
    wanted = CASES[name][1].all_tags

    for id, one in template(name)["Resources"].items():
        if one["Type"] not in without:
            tags = {tag["Key"]: tag["Value"] for tag in one["Properties"]["Tags"]}
            assert tags.items() >= wanted.items(), id


# ---- two deployments


@given(one=IDENT, other=IDENT)
@hypothesis_settings(max_examples=10, deadline=None)
def test_templates_of_two_deployments_share_no_name_and_call_all_alike(
    one: str, other: str
) -> None:
    if one != other:
        first, second = (_of_deployment(name) for name in (one, other))
        assert first.resources.keys() == second.resources.keys()
        assert not first.names & second.names


def _of_deployment(name: str) -> Stack:
    settings = full(name)
    text = export(
        desired(bare(), settings), settings, format="cloudformation", keep_rules=True
    ).text
    return Stack(json.loads(text))


def test_names_that_differ_in_their_signs_alone_have_two_logical_ids() -> None:
    streams = ("orders.v1", "orders-v1", "Orders_V1")
    settings = full(streams=streams)
    text = export(desired(topology(), settings), settings, format="cloudformation").text

    ids = [id for id in json.loads(text)["Resources"] if id.startswith("AlarmStreamBehind")]
    assert len({id.lower() for id in ids}) == len(ids) == 3
    assert all(id.isalnum() for id in ids)


# ---- what a person may choose


def test_the_parameters_are_state_actions_retention_and_who_is_told() -> None:
    parameters = template("many who are told")["Parameters"]

    assert {name: one["Default"] for name, one in parameters.items()} == {
        "RuleState": "ENABLED", "AlarmActions": "true", "LogRetentionDays": 30,
        "Subscriber1": "a@example.com", "Subscriber2": "b@example.com",
        "Subscriber3": "https://example.com/hook?a=b%{c}",
    }  # fmt: skip


def test_an_address_that_is_emptied_is_not_told() -> None:
    chosen = {"Subscriber1": "", "Subscriber2": "c@example.com", "RuleState": "DISABLED"}
    stack = Stack(template("many who are told"), chosen)

    read = list(stack.read())

    (topic,) = (one for one in read if isinstance(one, Topic))
    assert topic.subscriptions == (
        ("email", "c@example.com"), ("https", "https://example.com/hook?a=b%{c}"),
    )  # fmt: skip
    assert not any(one.enabled for one in read if isinstance(one, InsightRule))


def test_the_outputs_are_the_dashboard_the_topic_and_the_log_group() -> None:
    made = template("all there is")
    stack = Stack(made)

    assert {name: stack.value(one["Value"]) for name, one in made["Outputs"].items()} == {
        "DashboardLink": "https://us-east-1.console.aws.amazon.com/cloudwatch/home"
        "?region=us-east-1#dashboards/dashboard/lakeferry-m1",
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:lakeferry-m1",
        "LogGroupName": "/lakeferry/m1/flow",
    }


# ---- limits


def test_a_template_beyond_a_request_says_that_it_needs_a_bucket() -> None:
    large, small = exported("all there is"), exported("a gateway endpoint alone", keep_rules=False)

    said = f"the template has {len(large.text)} bytes, and a request takes 51200"
    assert said in large.notes[-1]
    assert len(small.text) <= 51_200
    assert not any("bucket (" in note for note in small.notes)


def test_more_than_500_resources_are_refused_by_cloudformation_and_not_by_terraform() -> None:
    settings = full()
    many = desired(crowded(95), settings)

    with pytest.raises(FerryError) as refused:
        export(many, settings, format="cloudformation")

    assert refused.value.code == "LF-6411"
    assert "resources, and CloudFormation takes 500" in refused.value.what
    assert export(many, settings, format="terraform").file_name == "lakeferry-m1.tf.json"


def test_more_than_a_megabyte_is_refused() -> None:
    settings = full(tags={f"key-{n}": "v" * 256 for n in range(45)})
    many = desired(crowded(20), settings)

    with pytest.raises(FerryError, match="bytes, and CloudFormation takes 1000000"):
        export(many, settings, format="cloudformation")


def test_the_policy_of_a_bucket_is_left_alone_and_what_it_must_say_is_told() -> None:
    made = exported("flow logs to S3 alone", keep_rules=False)

    assert "AWS::S3::BucketPolicy" not in made.text
    (said,) = (one for one in made.notes if "leaves the policy of" in one)
    statements = json.loads(said.partition("add these statements: ")[2])
    assert [one["Sid"] for one in statements] == ["AWSLogDeliveryWrite", "AWSLogDeliveryCheck"]
    assert not any("leaves the policy of" in one for one in exported("all there is").notes)


# ---- the keeper's source


@pytest.mark.parametrize("name", CASES)
def test_the_keepers_source_stands_by_itself(name: str) -> None:
    source = keeper(wanted_of(CASES[name]), CASES[name][1]).source

    imported = {
        name.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert {one.partition(".")[0] for one in imported} - sys.stdlib_module_names == {"boto3"}
    assert source.isascii()
    assert not re.search(r"[$%]\{", source)  # a template to one of the two
    assert len(source) < 4_000_000


def test_the_keeper_keeps_what_names_interfaces_and_nothing_else() -> None:
    case = CASES["all there is"]
    source = keeper(wanted_of(case), case[1]).source
    plan = _plan(source)

    watched = {one.name for one in wanted_of(case).rules.rules if one.watched}
    kept = {family["name"] for family in plan["families"]}
    new = {"sts", "logs", "databricks-relay", "databricks-workspace"}  # the template makes them
    assert kept == watched | {
        f"lakeferry-m1.{what}-{service}" for service in new for what in ("endpoint", "connections")
    }
    assert plan["vpc"] == topology().found.vpc.id
    assert plan["subnets"] == list(topology().scope)
    assert {one.name for one in wanted_of(case).rules.rules} == set(plan["made"])


def _plan(source: str) -> dict[str, Any]:
    """What stands in `PLAN = json.loads('...')`."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "PLAN":
            call = node.value
            assert isinstance(call, ast.Call)
            found: dict[str, Any] = json.loads(ast.literal_eval(call.args[0]))
            return found
    raise AssertionError("no plan")
