"""What CloudWatch accepts and a flow log of the given format never matches, or not as meant."""

from dataclasses import replace

import pytest

from lakeferry.network.rules import Filter, Rule, check_rule, rule_body
from tests.network.insight_makers import V2, rule

CUSTOM = (*V2, "vpc-id", "subnet-id", "instance-id", "traffic-path", "flow-direction")
OK = Filter("log-status", "In", texts=("OK",))


def flags(one: Rule, fields: tuple[str, ...] = CUSTOM) -> list[tuple[str, str]]:
    found = check_rule(rule_body(one), fields=fields)
    assert not any(problem.rejected for problem in found)
    # Rules of these tests that name no log group read all.
    return [(one.severity, one.code) for one in found if one.code != "EveryLogGroup"]


def filtered(match: str, operator: str, *texts: str, number: float = 0) -> Rule:
    return rule(["srcaddr"], Filter(match, operator, texts=texts, number=number), OK, fields=CUSTOM)


def test_a_rule_that_fits_has_no_problem() -> None:
    assert flags(filtered("interface-id", "In", "eni-0a1b2c3d")) == []
    assert flags(rule(["srcaddr"], OK, value_of="bytes")) == []


@pytest.mark.parametrize(
    "one",
    [
        filtered("interface-id", "In", "nat-gateway"),
        filtered("interface-id", "In", "ENI-0a1b2c3d"),
        filtered("action", "In", "Reject"),
        filtered("action", "In", "DENY", "REJECTED"),
        filtered("log-status", "In", "ok"),
        filtered("flow-direction", "In", "Egress"),
        filtered("traffic-path", "In", "9"),
        filtered("protocol", "In", "TCP"),
        filtered("dstport", "In", "https"),
        filtered("srcaddr", "In", "52.216.0.0/15"),
        filtered("instance-id", "In", "worker-1"),
        filtered("vpc-id", "In", "subnet-0a1b2c3d"),
        filtered("interface-id", "EqualTo", number=1),
        filtered("srcaddr", "GreaterThan", number=10),
        rule(["srcaddr"], OK, Filter("action", "IsPresent", present=False), fields=CUSTOM),
        rule(
            ["srcaddr"],
            Filter("interface-id", "In", texts=("eni-1",)),
            Filter("interface-id", "In", texts=("eni-2",)),
            fields=CUSTOM,
        ),
        rule(
            ["srcaddr"],
            Filter("traffic-path", "EqualTo", number=7),
            Filter("flow-direction", "In", texts=("ingress",)),
            fields=CUSTOM,
        ),
    ],
)
def test_a_rule_that_can_never_match_is_an_error_with_its_own_code(one: Rule) -> None:
    assert ("error", "NeverMatches") in flags(one)


def test_one_impossible_value_among_others_is_a_warning() -> None:
    assert flags(filtered("action", "In", "REJECT", "DENY")) == [("warning", "ValueNeverWritten")]
    assert flags(filtered("action", "NotIn", "Reject")) == [("warning", "ValueNeverWritten")]


def test_a_position_beyond_the_format_is_an_error() -> None:
    one = rule(
        ["srcaddr"],
        OK,
        fields=(*V2, *(f"x{n}" for n in range(8)), "tcp-flag"),
    )
    used = replace(one, keys=("tcp-flag",))

    assert flags(replace(one, fields=(*one.fields[:14], one.fields[22])), V2) == [
        ("error", "UnusedPosition")
    ]
    assert ("error", "FieldNotInFormat") in flags(used, V2)
    assert ("error", "FieldNotInFormat") in flags(Rule("r", "CLF", ("23",), (), fields=()), V2)


def test_an_alias_that_is_a_fields_name_must_stand_at_that_field() -> None:
    moved = Rule("r", "CLF", ("srcaddr",), (), fields=((5, "srcaddr"),))
    renamed = Rule("r", "CLF", ("from",), (OK,), fields=((4, "from"), (14, "log-status")))

    assert ("error", "AliasElsewhere") in flags(moved, V2)
    assert flags(renamed, V2) == []


def test_an_alias_with_underscores_is_recognised() -> None:
    moved = Rule("r", "CLF", ("interface_id",), (), fields=((2, "interface_id"),))

    assert ("error", "AliasElsewhere") in flags(moved, V2)


def test_a_field_that_this_format_lacks_is_recognised_too() -> None:
    wrong = Rule("r", "CLF", ("traffic-path",), (OK,), fields=((2, "traffic-path"), (14, "s")))
    wrong = replace(wrong, filters=(Filter("s", "In", texts=("OK",)),))

    assert ("error", "AliasElsewhere") in flags(wrong, V2)


def test_a_value_must_be_a_number_and_better_one_that_adds_up() -> None:
    assert flags(rule(["srcaddr"], OK, value_of="action")) == [("error", "ValueNotNumeric")]
    assert flags(rule(["srcaddr"], OK, value_of="dstport")) == [("warning", "SumOfLabels")]


def test_counting_rows_without_traffic_is_a_warning() -> None:
    counts = rule(["srcaddr"], Filter("interface-id", "In", texts=("eni-1",)))

    assert flags(counts) == [("warning", "CountsNoData")]
    assert flags(replace(counts, filters=(*counts.filters, OK))) == []
    assert flags(rule(["srcaddr"], Filter("interface-id", "In", texts=("eni-1",)),
                      value_of="bytes")) == []  # fmt: skip


def test_traffic_path_without_egress_counts_the_dashes_of_ingress_rows() -> None:
    key = rule(["traffic-path"], OK, fields=CUSTOM)
    egress = Filter("flow-direction", "In", texts=("egress",))

    assert flags(key) == [("warning", "PathOfIngress")]
    assert flags(filtered("traffic-path", "NotIn", "7")) == [("warning", "PathOfIngress")]
    assert flags(replace(key, filters=(OK, egress))) == []
    assert flags(filtered("traffic-path", "In", "7")) == []


def test_a_json_rule_reads_no_flow_log() -> None:
    assert flags(Rule("r", "JSON", ("$.a",))) == [("error", "OtherLogFormat")]


def test_presence_of_a_field_of_the_format_says_nothing() -> None:
    one = rule(["srcaddr"], OK, Filter("action", "IsPresent"))

    assert flags(one) == [("warning", "AlwaysMatches")]


TAGGED = (*V2, "instance-tag")


@pytest.mark.parametrize("operator", ["In", "StartsWith"])
def test_a_tag_is_compared_as_it_is_written_percent_encoded(operator: str) -> None:
    def code(text: str) -> list[tuple[str, str]]:
        one = Filter("instance-tag", operator, texts=(text,))
        return flags(rule(["srcaddr"], one, OK, fields=TAGGED), TAGGED)

    assert code("mig-7") == code("cost center") == code("mig%2d7") == [("error", "NeverMatches")]
    assert code("mig%2D7") == code("plain_7") == code("50%25") == []


def test_the_encoded_form_of_a_tag_is_offered() -> None:
    one = Filter("instance-tag", "In", texts=("cost center/a:b=c-d",))

    found = check_rule(rule_body(rule(["srcaddr"], one, OK, fields=TAGGED)), fields=TAGGED)

    (said,) = [problem.message for problem in found if problem.code == "NeverMatches"]
    assert said.endswith("write cost%20center%2Fa%3Ab%3Dc%2Dd")
