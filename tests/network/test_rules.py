"""The validator: what the service accepts is accepted, what it refuses is refused by its name."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.network.rules import Filter, Rule, check_rule, check_rules, parse_rule, rule_body
from tests.corpora import required
from tests.network.insight_makers import SAMPLE
from tests.network.published_rules import PUBLISHED, Body


def codes(body: Body | str, name: str | None = None) -> list[str]:
    text = body if isinstance(body, str) else json.dumps(body)
    return [problem.code for problem in check_rule(text, name=name) if problem.rejected]


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_rule_that_aws_has_published_is_accepted(name: str) -> None:
    assert codes(PUBLISHED[name], name) == []


def test_every_rule_of_the_shared_sample_is_accepted_without_a_word() -> None:
    formats = json.loads(required(SAMPLE / "expected.json").read_text())["formats"]

    for path in sorted((SAMPLE / "rules").glob("*.json")):
        for name, body in json.loads(path.read_text()).items():
            assert check_rule(json.dumps(body), name=name, fields=formats[path.stem]) == ()


Mutation = Callable[[Any], object]


def set_(*path: str | int, to: object) -> Mutation:
    def mutate(body: Any) -> None:
        for step in path[:-1]:
            body = body[step]
        body[path[-1]] = to

    return mutate


def drop(*path: str) -> Mutation:
    def mutate(body: Any) -> None:
        for step in path[:-1]:
            body = body[step]
        del body[path[-1]]

    return mutate


def operand(**one: object) -> Mutation:
    return set_("Contribution", "Filters", 0, to={"Match": "interface_id", **one})


FILTER = {"Match": "interface_id", "In": ["eni-1"]}
MUTATIONS: dict[str, tuple[Mutation, str]] = {
    "no schema": (drop("Schema"), "MissingKey encountered at Schema"),
    "another schema": (
        set_("Schema", "Name", to="ServiceLogRule"), "InvalidSchema encountered at Schema"),
    "another version": (set_("Schema", "Version", to=2), "InvalidSchema encountered at Schema"),
    "a version that is true": (
        set_("Schema", "Version", to=True), "InvalidSchema encountered at Schema"),
    "more in the schema": (set_("Schema", "Extra", to=1), "InvalidSchema encountered at Schema"),
    "no groups": (drop("LogGroupNames"), "MissingKey encountered at LogGroupNames"),
    "empty groups": (set_("LogGroupNames", to=[]), "Empty encountered at LogGroupNames"),
    "an empty group": (set_("LogGroupNames", to=[""]), "Empty encountered at LogGroupNames[0]"),
    "groups as text": (
        set_("LogGroupNames", to="g"), "InvalidValueType encountered at LogGroupNames"),
    "a star inside a group": (
        set_("LogGroupNames", to=["a*b"]), "InvalidValue encountered at LogGroupNames[0]"),
    "names and ARNs": (
        set_("LogGroupARNs", to=["arn:aws:logs:r-1:111122223333:log-group:x"]), "ConflictingKeys"),
    "no log format": (drop("LogFormat"), "MissingKey encountered at LogFormat"),
    "another log format": (
        set_("LogFormat", to="XML"), "InvalidValueType encountered at LogFormat"),
    "another aggregate": (
        set_("AggregateOn", to="SUM"), "InvalidValueType encountered at AggregateOn"),
    "no aggregate": (drop("AggregateOn"), "MissingKey encountered at AggregateOn"),
    "an unknown key": (set_("LogStreams", to=["x"]), "UnknownKey encountered at LogStreams"),
    "no contribution": (drop("Contribution"), "MissingKey encountered at Contribution"),
    "a contribution as text": (
        set_("Contribution", to="x"), "InvalidValueType encountered at Contribution"),
    "an unknown key within": (
        set_("Contribution", "ValueKey", to="x"), "UnknownKey encountered at ValueKey"),
    "no filters": (drop("Contribution", "Filters"), "MissingKey encountered at Filters"),
    "no keys": (drop("Contribution", "Keys"), "MissingKey encountered at Keys"),
    "empty keys": (set_("Contribution", "Keys", to=[]), "Empty encountered at Keys"),
    "five keys": (
        set_("Contribution", "Keys", to=["1", "2", "3", "4", "5"]),
        "RULE_BODY_COMPLEXITY: A RuleBody must have no more than 4 Keys in the Contribution."),
    "a key twice": (
        set_("Contribution", "Keys", to=["srcaddr", "srcaddr"]), "Duplicate encountered"),
    "a key that is no text": (
        set_("Contribution", "Keys", to=[4]),
        "InvalidValueType encountered at Contribution.Keys[0]"),
    "a key that is no field": (set_("Contribution", "Keys", to=["nope"]), "UnknownField"),
    "a value that is no field": (set_("Contribution", "ValueOf", to="nope"), "UnknownField"),
    "a value that is no text": (
        set_("Contribution", "ValueOf", to=10), "InvalidValueType encountered at ValueOf"),
    "a value with Count": (
        set_("AggregateOn", to="Count"), "ValueOf is for AggregateOn Sum only"),
    "five filters": (
        set_("Contribution", "Filters", to=[FILTER] * 5), "no more than 4 Filters"),
    "a filter that is no object": (
        set_("Contribution", "Filters", to=["x"]), "InvalidValueType encountered"),
    "a filter without Match": (
        set_("Contribution", "Filters", 0, to={"In": ["x"]}), "MissingKey encountered"),
    "a filter without operator": (operand(), "MissingOperator"),
    "a filter with two operators": (operand(In=["x"], EqualTo=1), "SeveralOperators"),
    "an unknown operator": (operand(Contains=["x"]), "UnknownKey encountered"),
    "an operator in another case": (operand(in_=["x"]), "UnknownKey encountered"),
    "eleven values": (operand(In=[str(n) for n in range(11)]), "no more than 10 values"),
    "no value": (operand(In=[]), "Empty encountered at Contribution.Filters[0].In"),
    "values as text": (operand(In="x"), "InvalidValueType"),
    "values as numbers": (operand(In=[6]), "InvalidValueType"),
    "a number as text": (operand(EqualTo="6"), "InvalidValueType"),
    "a number that is true": (operand(GreaterThan=True), "InvalidValueType"),
    "a number that no double holds": (operand(LessThan=10**400), "InvalidValueType"),
    "presence as text": (operand(IsPresent="true"), "InvalidValueType"),
    "position 0": (set_("Fields", "0", to="zero"), "a position is a whole number from 1"),
    "a position as word": (set_("Fields", "one", to="x"), "a position is a whole number from 1"),
    "an empty alias": (set_("Fields", "1", to=""), "Empty encountered at Fields.1"),
    "an alias twice": (set_("Fields", "1", to="srcaddr"), "Duplicate encountered at Fields.1"),
    "an alias that is no text": (set_("Fields", "1", to=1), "InvalidValueType"),
    "fields as a list": (set_("Fields", to=["x"]), "InvalidValueType encountered at Fields"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_mutation_of_an_accepted_rule_is_refused_by_name(name: str) -> None:
    mutate, said = MUTATIONS[name]
    body = deepcopy(PUBLISHED["VPCEndpointBytesInsightRule"])
    mutate(body)

    problems = [one for one in check_rule(json.dumps(body)) if one.rejected]

    assert any(said in problem.message for problem in problems), problems
    with pytest.raises(FerryError) as caught:
        parse_rule("r", json.dumps(body))
    assert caught.value.code == "LF-6301"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("not json", "INVALID_RULE_BODY"),
        ("[]", "INVALID_RULE_BODY"),
        ('{"a": NaN}', "INVALID_RULE_BODY"),
        ("[" * 100_000, "INVALID_RULE_BODY"),
        ("", "Empty"),
        (json.dumps(PUBLISHED["AcrossAccounts"]) + " " * 8192, "TooLong"),
        (json.dumps(PUBLISHED["AcrossAccounts"]).replace("srcaddr", "sürc"), "NotAscii"),
    ],
)
def test_what_is_no_body_at_all_is_refused(text: str, code: str) -> None:
    assert code in codes(text)


def test_a_key_written_twice_is_a_warning_because_one_of_them_is_lost() -> None:
    body = json.dumps(PUBLISHED["FlowBytesBySourceAndDestination"])
    twice = body.replace('"LogFormat"', '"AggregateOn": "Count", "LogFormat"', 1)

    assert [one.code for one in check_rule(twice)] == ["RepeatedKey"]


@pytest.mark.parametrize(
    ("path", "code"),
    [("ip", "InvalidPath"), ("$", "InvalidPath"), ("$.a['b']", "UnusualPath"),
     ("$.@t", "UnusualPath"),
     ("$.a.b[0].c-d_e", None)],
)  # fmt: skip
def test_paths_of_json_rules_are_of_the_documented_form(path: str, code: str | None) -> None:
    body = deepcopy(PUBLISHED["ApiGatewayBytesByIp"])
    body["Contribution"]["Keys"] = [path]

    assert [one.code for one in check_rule(json.dumps(body))] == ([code] if code else [])


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:logs:us-west-1:1111*:log-group:x",
        "arn:aws:logs:us-west-1:111122223333:log-group:a*b",
        "MyLogGroup",
    ],
)
def test_an_arn_has_its_star_at_the_end_or_for_the_account(arn: str) -> None:
    body = {**PUBLISHED["AcrossAccounts"], "LogGroupARNs": [arn]}

    assert codes(body) == ["InvalidLogGroup"]


def test_names_have_128_printable_characters_and_better_those_of_the_console() -> None:
    body = json.dumps(PUBLISHED["AcrossAccounts"])

    assert codes(body, "x" * 129) == ["InvalidName"]
    assert codes(body, "") == ["InvalidName"]
    assert [one.code for one in check_rule(body, name='a"b c')] == ["UnusualName"]
    assert check_rule(body, name="lakeferry-m1.nat_billed") == ()


def test_more_than_a_hundred_rules_in_a_region_are_a_warning() -> None:
    bodies = {f"r{n}": json.dumps(PUBLISHED["AcrossAccounts"]) for n in range(60)}

    assert "" not in check_rules(bodies, existing=40)
    assert [one.code for one in check_rules(bodies, existing=41)[""]] == ["RulesOverQuota"]


ALIASES = st.sampled_from(["bytes", "srcaddr", "a b", "-", "x" * 20])
FILTERS = st.one_of(
    st.builds(
        lambda match, operator, texts: Filter(match, operator, texts=tuple(texts)),
        ALIASES, st.sampled_from(["In", "NotIn", "StartsWith"]),
        st.lists(st.text(max_size=5), min_size=1, max_size=10),
    ),
    st.builds(
        lambda match, operator, number: Filter(match, operator, number=number),
        ALIASES, st.sampled_from(["GreaterThan", "LessThan", "EqualTo", "NotEqualTo"]),
        st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)),
    ),
    st.builds(lambda m, p: Filter(m, "IsPresent", present=p), ALIASES, st.booleans()),
)  # fmt: skip
POSITIONS = st.permutations(["bytes", "srcaddr", "a b", "-", "x" * 20]).map(
    lambda aliases: tuple(enumerate(aliases, 3))
)


@given(
    keys=st.lists(ALIASES, min_size=1, max_size=4, unique=True),
    filters=st.lists(FILTERS, max_size=4),
    value=st.one_of(st.none(), ALIASES),
    fields=POSITIONS,
)
def test_a_rule_that_we_write_is_accepted_and_read_back_as_it_was(
    keys: list[str], filters: list[Filter], value: str | None, fields: tuple[tuple[int, str], ...]
) -> None:
    rule = Rule(
        "r", "CLF", tuple(keys), tuple(filters), value, "Sum" if value else "Count", fields,
        ("/lakeferry/flowlogs",),
    )  # fmt: skip

    assert parse_rule("r", rule_body(rule)) == rule
