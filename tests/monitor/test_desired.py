"""All that there shall be, taken together."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lakeferry.monitor.settings import OWNER_TAG, EndpointWish
from lakeferry.monitor.wanted.desired import Desired, desired
from lakeferry.network.resources import (
    REGION_TAG,
    Alarm,
    CompositeAlarm,
    Dashboard,
    FlowLog,
    InsightRule,
    LogGroup,
    Role,
    SecurityGroup,
    Topic,
    VpcEndpoint,
    key_of,
)  # fmt: skip
from lakeferry.network.rules import check_rule
from tests.monitor.wishes import bare, full, named, of_kind, wanted
from tests.network.sample_scenario import topology
from tests.network.test_rule_set import V2, crowded

IDENT = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)
ORDER = (
    SecurityGroup, VpcEndpoint, LogGroup, Role, FlowLog, InsightRule, Topic, Alarm, CompositeAlarm,
    Dashboard,
)  # fmt: skip


def keys(made: Desired) -> set[tuple[str, str]]:
    return {key_of(one) for one in made.resources}


@given(one=IDENT, other=IDENT)
@hypothesis_settings(max_examples=40, deadline=None)
def test_two_deployments_never_share_a_name(one: str, other: str) -> None:
    if one != other:
        assert not keys(desired(bare(), full(one))) & keys(desired(bare(), full(other)))


@pytest.mark.parametrize(("one", "other"), [("m1", "m1-stalled"), ("m1", "m1-leak"), ("a", "a-b")])
def test_a_name_that_continues_another_shares_nothing_with_it(one: str, other: str) -> None:
    assert not keys(desired(bare(), full(one))) & keys(desired(bare(), full(other)))


@given(IDENT)
@hypothesis_settings(max_examples=20, deadline=None)
def test_every_name_is_one_that_aws_takes(deployment: str) -> None:
    made = desired(crowded(12), replace(full(deployment), per="eni"))
    longest = {"insight_rule": 128, "alarm": 255, "composite_alarm": 255, "role": 64}

    for kind, name in keys(made):
        assert len(name) <= longest.get(kind, 255), name
    assert len(keys(made)) == len(made.resources)


def test_a_resource_comes_after_those_that_it_names() -> None:
    kinds = [ORDER.index(type(one)) for one in wanted(bare()).resources]

    assert kinds == sorted(kinds)
    assert set(kinds) == set(range(len(ORDER)))


def test_everything_bears_our_tag_and_the_manifests() -> None:
    for one in wanted(bare()).resources:
        of_all_regions = {REGION_TAG: "us-east-1"} if isinstance(one, Role) else {}
        assert one.tags == {
            OWNER_TAG: "m1", "owner": "data-platform", "map-migrated": "migABCDE12345",
            **of_all_regions,
        }  # fmt: skip


def test_the_same_network_and_choice_give_the_same_answer() -> None:
    assert wanted() == wanted()


def test_what_was_made_is_wanted_again_unchanged() -> None:
    first = wanted(bare())
    base = bare()
    there = replace(
        base.found,
        endpoints=of_kind(first, VpcEndpoint),
        flow_logs=of_kind(first, FlowLog),
        log_groups=of_kind(first, LogGroup),
        rules=of_kind(first, InsightRule),
        alarms=of_kind(first, Alarm),
    )

    again = desired(replace(base, found=there), full())

    assert again.resources == first.resources


def test_every_rule_passes_the_check_against_the_format_that_it_reads() -> None:
    for network in (topology(), bare(), crowded(25)):
        made = wanted(network)
        for rule in of_kind(made, InsightRule):
            assert check_rule(rule.body, name=rule.name, fields=made.fields) == (), rule.name


def test_every_policy_and_body_is_canonical_json() -> None:
    for text in texts(wanted(bare())):
        assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


def texts(made: Desired) -> Iterator[str]:
    for one in made.resources:
        for name in ("body", "policy", "trust"):
            text = getattr(one, name, "")
            if text:
                yield text


def test_the_default_format_leaves_questions_open_and_says_which_fields_would_close_them() -> None:
    from lakeferry.monitor.settings import FlowLogWish

    made = wanted(flow_logs=FlowLogWish(fields=V2))

    assert {"s3-through-nat", "s3-gateway", "workers", "connections"} <= {
        one.question for one in made.unanswerable
    }
    assert not any("s3-through-nat" in one.name for one in of_kind(made, Alarm))


def test_a_gateway_for_dynamodb_gets_no_rule_of_s3() -> None:
    made = wanted(bare(), endpoints=(EndpointWish("dynamodb", "gateway"),))

    assert [one.service[-8:] for one in of_kind(made, VpcEndpoint)] == ["dynamodb"]
    assert not any("s3-gateway" in one.name for one in of_kind(made, InsightRule))


def test_a_question_that_is_not_known_is_said() -> None:
    made = wanted(questions=("rejected", "bogus"))

    assert [one.name for one in of_kind(made, InsightRule)] == ["lakeferry-m1.rejects"]
    assert any("no rules for bogus" in note for note in made.notes)


def test_rules_of_others_count_towards_the_quota_and_ours_do_not() -> None:
    mine = of_kind(wanted(), InsightRule)
    others = tuple(InsightRule(f"other-{n}", "{}") for n in range(90))
    base = topology()

    made = wanted(replace(base, found=replace(base.found, rules=(*others, *mine))))

    assert any("beside 90 others" in note for note in made.notes)


def test_a_deployment_in_another_partition_has_that_partitions_arns() -> None:
    made = desired(bare(), replace(full(), region="cn-north-1"))

    assert "arn:aws-cn:logs:cn-north-1" in named(made, Role, ".flow").policy
    assert "arn:aws:" not in "".join(texts(made)).replace("arn:aws:sns:us-east-1", "")
