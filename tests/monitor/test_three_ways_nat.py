"""NAT instances by CloudFormation and by Terraform: what an apply makes, property by property."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from lakeferry.monitor.export.foreseen import foreseen
from lakeferry.monitor.export.template import Export, export
from lakeferry.monitor.nat.health import nat_health
from lakeferry.monitor.plan import provision_plan
from lakeferry.monitor.wanted.alarm_parts import plain_metric
from lakeferry.network.nat_resources import DefaultRoute, InstanceProfile, NatResource
from lakeferry.network.resources import Alarm, InsightRule, Resource, key_of
from tests.judges.cfn_lint import lint
from tests.monitor import read_back
from tests.monitor.nat_networks import Case, arrived, cases
from tests.monitor.read_back import EventRule, Function, Stack, aws_id
from tests.monitor.read_back_terraform import Configuration
from tests.monitor.terraform_arguments import faults
from tests.monitor.test_three_ways import compared as plainly

CASES = cases()
COMMAND = re.compile(
    r"aws ec2 replace-route --region us-east-1 --route-table-id (rtb-\w+) "
    r"--destination-cidr-block (\S+) --network-interface-id (eni-\w+)"
)


def compared(resources: Iterable[Any]) -> dict[tuple[str, str], dict[str, object]]:
    """Ids stand in a rule in the order of whoever wrote it, which says nothing."""
    found = plainly(resources)
    for fields in found.values():
        body = fields.get("body")
        if isinstance(body, dict) and "Contribution" in body:
            for one in body["Contribution"]["Filters"]:
                one.update({key: sorted(one[key]) for key in ("In", "NotIn") if key in one})
    return found


def exported(case: Case, format: str) -> Export:
    made = foreseen(*case)
    return export(made, case[1], format=format, network=case[0])  # type: ignore[arg-type]


def made_by_apply(case: Case) -> Sequence[Resource]:
    """All but routes, which no template moves, and what a template cannot name yet."""
    of_apply = (one for one in arrived(case).resources if not isinstance(one, DefaultRoute))
    resources: list[Resource] = list(of_apply)
    looking = nat_health(foreseen(*case), case[1], case[0])
    resources += looking.resources if looking else ()
    if case[1].per != "eni":
        return resources
    late = {one.name for one in resources if isinstance(one, InsightRule) and ".eni-" in one.name}
    return [one for one in resources if one.name not in late and not _reads(one, late)]


def _reads(one: Resource, rules: set[str]) -> bool:
    said = " ".join(each.expression for each in one.metrics) if isinstance(one, Alarm) else ""
    return any(f'"{name}"' in said for name in rules)


def resources_of(template: Stack | Configuration) -> list[Resource]:
    return [one for one in template.read() if not isinstance(one, Function | EventRule)]


@pytest.mark.parametrize("name", CASES)
def test_cloudformation_makes_what_a_direct_apply_makes(name: str) -> None:
    case = CASES[name]
    stack = Stack(json.loads(exported(case, "cloudformation").text))
    # CloudFormation has no tags of an instance profile.
    wanted = [
        replace(one, tags={}) if isinstance(one, InstanceProfile) else one
        for one in made_by_apply(case)
    ]

    assert compared(resources_of(stack)) == compared(wanted)


@pytest.mark.parametrize("name", CASES)
def test_terraform_makes_what_a_direct_apply_makes(name: str) -> None:
    case = CASES[name]
    configuration = Configuration(json.loads(exported(case, "terraform").text))

    assert compared(resources_of(configuration)) == compared(made_by_apply(case))


@pytest.mark.parametrize("format", ["cloudformation", "terraform"])
@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][1].per != "eni"])
def test_once_a_template_is_deployed_a_plan_asks_for_its_routes_alone(
    name: str, format: str
) -> None:
    """The Lambda's own things are not taken away by a plan, which wants none of them."""
    case = CASES[name]
    made = json.loads(exported(case, format).text)
    found = resources_of(Stack(made) if format == "cloudformation" else Configuration(made))
    wanted = arrived(case).resources

    plan = provision_plan(wanted, found, case[1])

    routes = {key_of(one) for one in wanted if isinstance(one, DefaultRoute)}
    assert {one.key for one in plan.work} == routes
    assert {one.action for one in plan.work} == {"create"}


@pytest.mark.parametrize("format", ["cloudformation", "terraform"])
def test_ids_may_sort_as_they_like(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template is written in the order of names, an apply knows ids: neither is drift."""
    monkeypatch.setattr(read_back, "BACKWARDS", True)
    case = CASES["two zones"]
    made = json.loads(exported(case, format).text)
    found = resources_of(Stack(made) if format == "cloudformation" else Configuration(made))

    plan = provision_plan(arrived(case).resources, found, case[1])

    assert {one.kind for one in plan.work} == {"default_route"}


def test_a_destroy_takes_what_is_the_lambda_s_too() -> None:
    case = CASES["a Lambda looks"]
    found = resources_of(Stack(json.loads(exported(case, "cloudformation").text)))

    plan = provision_plan((), found, case[1])

    assert {one.key for one in plan.of("delete")} == {key_of(one) for one in found}


@pytest.mark.parametrize("name", CASES)
def test_cfn_lint_has_nothing_to_say(name: str) -> None:
    assert lint(exported(CASES[name], "cloudformation").text) == []


@pytest.mark.server
@pytest.mark.parametrize("name", CASES)
def test_the_provider_knows_every_argument_and_misses_none(name: str) -> None:
    made = json.loads(exported(CASES[name], "terraform").text)

    assert [
        fault
        for type_, labels in made["resource"].items()
        for one in labels.values()
        for fault in faults(type_, one)
    ] == []


@pytest.mark.parametrize("name", CASES)
def test_routes_are_moved_by_a_person_whose_commands_are_outputs(name: str) -> None:
    case = CASES[name]
    wanted = {
        (one.route_table_id, one.destination, aws_id("eni", one.interface))
        for one in arrived(case).resources
        if isinstance(one, DefaultRoute)
    }
    template = json.loads(exported(case, "cloudformation").text)
    stack = Stack(template)
    said = [stack.value(one["Value"]) for one in template["Outputs"].values()]
    configuration = Configuration(json.loads(exported(case, "terraform").text))
    moves = configuration.value(configuration.whole["output"]["move_routes"]["value"])

    assert wanted
    assert {found for one in said for found in COMMAND.findall(str(one))} == wanted
    assert {found for one in moves.values() for found in COMMAND.findall(one)} == wanted
    types = {one["Type"] for one in template["Resources"].values()}
    assert not any("Route" in one for one in types)
    assert any(
        "leaves default routes as they are" in one for one in exported(case, "terraform").notes
    )


@pytest.mark.parametrize("format", ["cloudformation", "terraform"])
def test_recovery_is_a_plain_metric_alarm_of_an_instance_that_the_template_makes(
    format: str,
) -> None:
    """EC2's own actions take no metric math."""
    found = {one.name: one for one in _read("two zones", format) if isinstance(one, Alarm)}
    for zone in ("us-east-1a", "us-east-1b"):
        alarm = found[f"lakeferry-m1.nat-instance-recover.{zone}"]
        metric = plain_metric(alarm)

        assert metric is not None
        assert metric.metric == "StatusCheckFailed_System"
        instance = aws_id("i", f"lakeferry-m1.nat.{zone}")
        assert metric.dimensions == (("InstanceId", instance),)
        assert alarm.actions[0] == "arn:aws:automate:us-east-1:ec2:recover"
        assert (alarm.datapoints, alarm.periods) == (2, 2)


@pytest.mark.parametrize("format", ["cloudformation", "terraform"])
def test_bytes_of_a_standby_that_the_template_makes_are_told_by_a_plain_alarm(format: str) -> None:
    found = {one.name: one for one in _read("two zones", format) if isinstance(one, Alarm)}
    metric = plain_metric(found["lakeferry-m1.nat-standby-bytes.us-east-1b"])

    assert metric is not None
    assert metric.metric == "BytesOutToDestination"
    standby = aws_id("nat", "lakeferry-m1.nat-standby.us-east-1b")
    assert metric.dimensions == (("NatGatewayId", standby),)


def test_recovery_is_said_as_cloudformation_says_a_plain_metric() -> None:
    resources = json.loads(exported(CASES["two zones"], "cloudformation").text)["Resources"]
    alarm = resources["AlarmNatInstanceRecoverUsEast1a"]["Properties"]

    assert "Metrics" not in alarm
    assert alarm["Dimensions"] == [
        {"Name": "InstanceId", "Value": {"Ref": "InstanceNatUsEast1a"}}
    ]  # fmt: skip
    assert "arn:aws:automate:us-east-1:ec2:recover" in alarm["AlarmActions"]


@pytest.mark.parametrize("format", ["cloudformation", "terraform"])
@pytest.mark.parametrize("name", CASES)
def test_no_mark_is_left_in_what_is_deployed(name: str, format: str) -> None:
    text = exported(CASES[name], format).text

    assert "<of " not in text
    assert "${lakeferry" not in text


def test_every_kind_that_belongs_to_nat_instances_is_in_some_case() -> None:
    kinds = {type(one) for case in CASES.values() for one in arrived(case).resources}

    assert set(NatResource.__args__) <= kinds


def _read(name: str, format: str) -> list[Any]:
    made = json.loads(exported(CASES[name], format).text)
    return list((Stack(made) if format == "cloudformation" else Configuration(made)).read())
