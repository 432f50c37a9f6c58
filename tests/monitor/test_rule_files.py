"""Rules and alarms are read in the forms in which people have them."""

import json
from pathlib import Path
from typing import Any

import pytest

from lakeferry.errors import FerryError
from lakeferry.monitor.proof.rule_files import read_alarms, read_rules
from tests.network.published_rules import SAMPLE_SOLUTION
from tests.network.test_alarm_state import REQUEST

BODY = SAMPLE_SOLUTION["NATGatewayBytesInsightRule"]
TEXT = json.dumps(BODY)
TEMPLATE = {
    "Resources": {
        "Rule": {
            "Type": "AWS::CloudWatch::InsightRule",
            "Properties": {"RuleName": "r", "RuleBody": TEXT, "RuleState": "ENABLED"},
        },
        "Named": {
            "Type": "AWS::CloudWatch::InsightRule",
            "Properties": {"RuleName": {"Ref": "Name"}, "RuleBody": TEXT, "RuleState": "ENABLED"},
        },
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": REQUEST},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
    }
}
JOINED = {
    "Resources": {
        "Rule": {
            "Type": "AWS::CloudWatch::InsightRule",
            "Properties": {
                "RuleName": "r",
                "RuleBody": {
                    "Fn::Join": [
                        "",
                        ['{"In":["', {"Fn::Select": [0, {"Fn::GetAtt": ["E", "Ids"]}]}, '"]}'],
                    ]
                },
            },
        }
    }
}
TERRAFORM = {
    "terraform": {},
    "resource": {
        "aws_cloudwatch_contributor_insight_rule": {
            "rule": {"rule_name": "r", "rule_definition": TEXT, "rule_state": "ENABLED"},
            "named": {"rule_name": "${var.name}.x", "rule_definition": TEXT},
        },
        "aws_cloudwatch_metric_alarm": {
            "alarm": {
                "alarm_name": "a $${b}",
                "comparison_operator": "GreaterThanThreshold",
                "evaluation_periods": 5,
                "datapoints_to_alarm": 3,
                "threshold": 7,
                "treat_missing_data": "notBreaching",
                "metric_query": [
                    {
                        "id": "m1",
                        "metric": {
                            "namespace": "AWS/NATGateway",
                            "metric_name": "PacketsDropCount",
                            "dimensions": {"NatGatewayId": "nat-1"},
                            "period": 60,
                            "stat": "Sum",
                        },
                    },
                    {"id": "e1", "expression": "m1 * 2", "period": 60, "return_data": True},
                ],
            },
            "plain": {
                "alarm_name": "plain",
                "comparison_operator": "LessThanThreshold",
                "evaluation_periods": 1,
                "threshold": 0,
                "metric_name": "ActiveConnections",
                "namespace": "AWS/PrivateLinkEndpoints",
                "dimensions": {"VPC Endpoint Id": "vpce-1"},
                "period": 60,
                "statistic": "Maximum",
            },
        },
        "aws_sns_topic": {"topic": {"name": "t"}},
    },
}


def written(path: Path, found: object) -> str:
    path.write_text(found if isinstance(found, str) else json.dumps(found))
    return str(path)


@pytest.mark.parametrize(
    ("found", "names"),
    [
        ({"a": BODY, "b": TEXT}, ["a", "b"]),
        (BODY, ["file"]),
        ({"InsightRules": [{"Name": "r", "Definition": TEXT}]}, ["r"]),
        (TEMPLATE, ["r", "Named"]),
        (TERRAFORM, ["r", "named"]),
    ],
)
def test_rules_are_bodies_by_name_in_any_form(
    tmp_path: Path, found: dict[str, Any], names: list[str]
) -> None:
    rules = read_rules(written(tmp_path / "file.json", found))

    assert list(rules) == names
    assert all(json.loads(body) == BODY for body in rules.values())


def test_a_folder_holds_a_body_a_file(tmp_path: Path) -> None:
    written(tmp_path / "b.json", BODY)
    written(tmp_path / "a.json", BODY)
    written(tmp_path / "note.txt", "no rule")

    assert list(read_rules(str(tmp_path))) == ["a", "b"]


def test_a_file_that_is_no_json_is_a_body_for_the_validator_to_refuse(tmp_path: Path) -> None:
    assert read_rules(written(tmp_path / "r.json", "{no json")) == {"r": "{no json"}


def test_no_rules_is_an_error(tmp_path: Path) -> None:
    half = {"Resources": {"Rule": {"Type": "AWS::CloudWatch::InsightRule", "Properties": {}}}}
    for place in (
        str(tmp_path),
        str(tmp_path / "nowhere"),
        written(tmp_path / "empty.json", "{}"),
        written(tmp_path / "half.json", half),
    ):
        with pytest.raises(FerryError) as caught:
            read_rules(place)
        assert caught.value.code == "LF-6305"


@pytest.mark.parametrize(
    "found",
    [REQUEST, [REQUEST], {"leak": REQUEST}, {"MetricAlarms": [REQUEST]}, TEMPLATE],
)
def test_alarms_are_requests_in_any_form(tmp_path: Path, found: object) -> None:
    (alarm,) = read_alarms(written(tmp_path / "alarms.json", found))

    assert (alarm.name, alarm.periods, alarm.datapoints) == ("leak", 3, 2)


def test_a_file_without_alarms_is_an_error(tmp_path: Path) -> None:
    for found in ("no json", '{"leak": {"Threshold": 1}}'):
        with pytest.raises(FerryError) as caught:
            read_alarms(written(tmp_path / "alarms.json", found))
        assert caught.value.code == "LF-6304"


def test_an_alarm_on_a_metric_that_rules_have_not_is_refused(tmp_path: Path) -> None:
    metric = {"Id": "m1", "Expression": "insight_rule_metric( \"r\", 'Bogus' ) * 8"}

    with pytest.raises(FerryError) as caught:
        read_alarms(written(tmp_path / "alarms.json", {**REQUEST, "Metrics": [metric]}))

    assert (caught.value.code, caught.value.exit_code) == ("LF-6303", 2)
    assert "alarm `leak`" in caught.value.where


def test_alarms_of_a_terraform_template_are_read_as_aws_gets_them(tmp_path: Path) -> None:
    with_queries, plain = read_alarms(written(tmp_path / "alarms.tf.json", TERRAFORM))

    assert (with_queries.name, with_queries.threshold) == ("a ${b}", 7)
    assert (with_queries.periods, with_queries.datapoints) == (5, 3)
    counted, doubled = with_queries.metrics
    assert (counted.metric, counted.dimensions) == (
        "PacketsDropCount",
        (("NatGatewayId", "nat-1"),),
    )
    assert (counted.returned, doubled.returned, doubled.expression) == (False, True, "m1 * 2")
    assert (plain.missing, plain.metrics[0].statistic) == ("missing", "Maximum")


def test_what_a_template_joins_into_a_body_is_named_by_what_gives_it(tmp_path: Path) -> None:
    place = tmp_path / "template.json"
    place.write_text(json.dumps(JOINED))

    (body,) = read_rules(str(place)).values()

    assert json.loads(body) == {"In": ["{'Fn::Select': [0, {'Fn::GetAtt': ['E', 'Ids']}]}"]}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("template.yml", "Resources:\n  Rule:\n    Type: AWS::CloudWatch::InsightRule\n", "YAML"),
        ("plan.json", '{"format": "lakeferry.monitor-plan/1", "changes": []}', "a plan"),
        ("network.json", '{"format": "lakeferry.topology/1"}', "a network"),
    ],
)
def test_a_file_of_another_kind_is_named_for_what_it_is(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(FerryError, match=said) as caught:
        read_rules(str(tmp_path / name))

    assert caught.value.code == "LF-6305"


@pytest.mark.parametrize(
    "text",
    ["5", "null", "[5]", '{"a": 5}', '{"MetricAlarms": 5}', '{"Resources": 5}',
     '{"Resources": {"a": 5}}', '{"resource": {"aws_cloudwatch_metric_alarm": 5}}', "{"],
)  # fmt: skip
def test_a_file_that_holds_no_alarm_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "alarms.json").write_text(text)

    with pytest.raises(FerryError) as caught:
        read_alarms(str(tmp_path / "alarms.json"))

    assert caught.value.code == "LF-6304"
