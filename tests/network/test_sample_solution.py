"""What the published AWS sample solution lacks in its rules, and that ours do it right.

Both run on the shared sample, whose truth is known to the byte. What it lacks beside rules
(conditions, names, dashboard, thresholds from a plan) is tested where those are made.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from lakeferry.monitor.proof.prove import Proofs, evaluation_of, proofs_of
from lakeferry.network.alarm_form import alarm_of
from lakeferry.network.event_columns import Number
from lakeferry.network.resources import Alarm
from lakeferry.network.rules import Filter, Rule, check_rule, parse_rule
from tests.corpora import required
from tests.network.insight_makers import SAMPLE, V2, Batch, rule, sample_batches
from tests.network.published_rules import PRIVATELINK, SAMPLE_SOLUTION, clf, within

PLACEHOLDER = "eni-01234123412341234"


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(required(SAMPLE / "expected.json").read_text())
    return found


@pytest.fixture(scope="module")
def batches() -> list[Batch]:
    return list(sample_batches("custom"))


def proven(rules: Sequence[Rule], batches: Sequence[Batch], *alarms: Alarm) -> Proofs:
    evaluation = evaluation_of(rules, alarms)
    for one in batches:
        evaluation.add(one)
    return proofs_of(evaluation, rules, alarms)


def total(one: Rule, batches: Sequence[Batch]) -> Number:
    return proven([one], batches).rules[0].report.total


def ours(
    known: Mapping[str, Any], keys: Sequence[str], *filters: Filter, value: str | None = "bytes"
) -> Rule:
    return rule(keys, *filters, value_of=value, fields=known["formats"]["custom"])


def enis(known: Mapping[str, Any], role: str) -> tuple[str, ...]:
    return tuple(eni for eni, one in known["enis"].items() if one["role"] == role)


def one_of(match: str, *texts: str) -> Filter:
    return Filter(match, "In", texts=texts)


INGRESS, EGRESS = one_of("flow-direction", "ingress"), one_of("flow-direction", "egress")
S3_UP = one_of("pkt-dst-aws-service", "S3")


def test_one_address_of_s3_shows_next_to_nothing_of_what_crosses_the_gateway_endpoint(
    known: dict[str, Any], batches: list[Batch]
) -> None:
    gateway = ours(known, ["instance-id"], EGRESS, one_of("traffic-path", "7"), S3_UP)
    to_s3 = ours(known, ["dstaddr"], EGRESS, one_of("traffic-path", "7"), S3_UP)
    theirs = parse_rule("theirs", json.dumps(clf(["srcaddr"], value="bytes")))

    found = proven([gateway], batches).rules[0].report.total
    addresses = {key for key, _ in proven([to_s3], batches).rules[0].report.ranked().top}
    seen = dict(proven([theirs], batches).rules[0].report.ranked().top)

    assert found == 6_675_181_564
    assert max(seen.get(address, 0) for address in addresses) == 46_024_807


def test_one_interface_of_an_endpoint_shows_one_zone_and_ours_all_of_them(
    known: dict[str, Any], batches: list[Batch]
) -> None:
    zones = enis(known, "kinesis_interface_endpoint")
    theirs = [
        parse_rule("r", json.dumps(clf(["srcaddr", "dstaddr"], within("interface_id", eni),
                                       value="bytes")))
        for eni in zones
    ]  # fmt: skip

    whole = total(ours(known, ["interface-id"], one_of("interface-id", *zones)), batches)

    processed = sum(
        one["BytesProcessed"]
        for name, one in known["aws_metrics_sum"].items()
        if name.startswith("kinesis_interface_endpoint/")
    )
    assert whole == processed == 937_325_845
    assert [total(one, batches) for one in theirs] == [603_999_491, 333_326_354]


def test_a_rule_on_the_placeholder_interface_is_named_with_what_the_log_holds(
    batches: list[Batch],
) -> None:
    body = clf(["srcaddr", "dstaddr"], within("interface_id", PLACEHOLDER), value="bytes")

    (proof,) = proven([parse_rule("VPCEndpointBytesInsightRule", json.dumps(body))], batches).rules

    assert proof.reason is not None
    assert proof.reason.code == "never_seen"
    assert PLACEHOLDER in proof.reason.text
    assert "eni-2ebf3b9ef45fff556" in proof.reason.text


def test_the_billed_bytes_of_a_nat_gateway_are_its_ingress_rows(
    known: dict[str, Any], batches: list[Batch]
) -> None:
    (eni,) = enis(known, "nat_gateway")
    every_row = ours(known, ["interface-id"], one_of("interface-id", eni))
    billed = ours(
        known, ["interface-id"], one_of("interface-id", eni), INGRESS, one_of("action", "ACCEPT")
    )

    assert total(billed, batches) == 5_832_969_838
    assert total(every_row, batches) == 11_665_934_905


def test_the_leak_that_no_rule_of_the_sample_looks_for_is_found_to_the_byte(
    known: dict[str, Any], batches: list[Batch]
) -> None:
    nat = one_of("interface-id", *enis(known, "nat_gateway"), *enis(known, "nat_instance"))
    up = ours(known, ["pkt-srcaddr"], nat, INGRESS, S3_UP)
    down = ours(known, ["interface-id"], nat, INGRESS, one_of("pkt-src-aws-service", "S3"))

    found = [total(up, batches), total(down, batches)]

    assert found == [1_118_956_265, 11_189_556]
    assert sum(found) == known["s3_leaked_through_nat"]["bytes"]


def test_a_field_that_the_default_format_does_not_have_is_an_error_before_deployment() -> None:
    body = json.dumps(PRIVATELINK["PrivateLinkConnectionsRule"])

    problems = check_rule(body, fields=V2)

    assert [(one.severity, one.code, one.at) for one in problems if one.severity == "error"] == [
        ("error", "UnusedPosition", "Fields.23")
    ]


@pytest.mark.parametrize("name", [n for n, b in (SAMPLE_SOLUTION | PRIVATELINK).items()
                                  if "ValueOf" not in b["Contribution"]])  # fmt: skip
def test_a_sum_of_nothing_is_pointed_at(name: str) -> None:
    body = json.dumps((SAMPLE_SOLUTION | PRIVATELINK)[name])

    assert "SumOfNothing" in [one.code for one in check_rule(body)]


def alarm(name: str, threshold: float, **more: object) -> Alarm:
    expression = f'INSIGHT_RULE_METRIC("{name}","Sum")'
    return alarm_of(
        {
            "AlarmName": f"{name}-alarm",
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Threshold": threshold,
            "EvaluationPeriods": 1,
            "Metrics": [{"Id": "m1", "Expression": expression, "Period": 60}],
            **more,
        }
    )


def test_the_alarm_of_the_sample_never_ends_and_ours_marks_the_leak(
    known: dict[str, Any], batches: list[Batch]
) -> None:
    nat = one_of("interface-id", *enis(known, "nat_gateway"), *enis(known, "nat_instance"))
    theirs = parse_rule(
        "NATInstanceBytesInsightRule",
        json.dumps(clf(["srcaddr", "dstaddr"], within("srcaddr", "10.20.1.10"), value="bytes")),
    )
    leak = ours(known, ["pkt-srcaddr"], nat, INGRESS, S3_UP)
    two_of_three = {
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "TreatMissingData": "notBreaching",
    }

    found = proven(
        [theirs, leak],
        batches,
        alarm("NATInstanceBytesInsightRule", 1000),
        alarm("r", 15_432_099, **two_of_three),
    )

    always, ours_ = found.alarms
    assert found.span_s is not None
    span = found.span_s[1] - found.span_s[0]
    assert [change.after for change in always.changes] == ["ALARM"]
    assert always.seconds_in_alarm == span - 60
    minutes = sorted(found.rules[1].report.series("Sum"))
    assert [change.after for change in ours_.changes] == ["OK", "ALARM", "OK"]
    assert ours_.changes[1].at_s == minutes[0] + 120
    assert 0 < ours_.seconds_in_alarm < span
