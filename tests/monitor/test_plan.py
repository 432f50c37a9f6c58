"""From what was found to what is wanted: what changes, in which order, and what is left alone."""

import json
from dataclasses import replace
from typing import Any, get_args

import pytest

from lakeferry.errors import FerryError
from lakeferry.monitor.brakes import brakes, hold
from lakeferry.monitor.changes import Planned, change
from lakeferry.monitor.plan import ORDER, ProvisionPlan, counted, provision_plan, refuse_stale
from lakeferry.monitor.settings import OWNER_TAG
from lakeferry.network.nat_resources import (
    DefaultRoute,
    InstanceProfile,
    NatInstance,
    NatResource,
    NetworkInterface,
)
from lakeferry.network.resources import (
    REGION_TAG,
    Alarm,
    CompositeAlarm,
    Dashboard,
    EndpointRegistration,
    FlowLog,
    InsightRule,
    LogGroup,
    MetricQuery,
    PortRange,
    Resource,
    Role,
    SecurityGroup,
    Topic,
    VpcEndpoint,
)  # fmt: skip
from tests.monitor.wishes import bare, full, settings, wanted

OURS = {OWNER_TAG: "m1"}
THEIRS = {OWNER_TAG: "m2"}
GROUP = LogGroup("/lakeferry/m1/flow", 30, tags=OURS)
LOG = FlowLog(
    "lakeferry-m1.flow", "vpc-1", "VPC", "ALL", "cloud-watch-logs", GROUP.name, "lakeferry-m1.flow",
    ("version", "bytes"), 60, tags=OURS, id="fl-1",
)  # fmt: skip
ALARM = Alarm(
    "lakeferry-m1.stalled", "no bytes", (MetricQuery("m1", 60, 'INSIGHT_RULE_METRIC("r","Sum")'),),
    "LessThanThreshold", 1000.0, 3, 3, "breaching", tags=OURS,
)  # fmt: skip
HTTPS_IN = (PortRange("tcp", 443, 443, ("10.0.0.0/16",)),)
DOOR = SecurityGroup("lakeferry-m1.endpoints", "vpc-1", "to endpoints", HTTPS_IN, OURS, "sg-1")
STS = VpcEndpoint(
    "lakeferry-m1.sts", "vpc-1", "com.amazonaws.us-east-1.sts", "Interface", ("subnet-1",),
    security_groups=(DOOR.name,), private_dns=True, tags=OURS, id="vpce-1", state="available",
)  # fmt: skip
RELAY = EndpointRegistration("lakeferry-m1.databricks-relay", STS.name, "us-east-1", "reg-1")


def plan(*there: Planned, to: tuple[Planned, ...] = ()) -> ProvisionPlan:
    return provision_plan(to, there, settings())


def actions(made: ProvisionPlan) -> dict[str, str]:
    return {one.name: one.action for one in made.changes}


def steps(made: ProvisionPlan) -> list[str]:
    return [f"{one.act} {one.change.name}" for one in made.steps]


def allow(principal: Any, action: Any, resource: Any = "*") -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


# ---- what changes


def test_on_an_empty_network_everything_is_made_and_nothing_drifts() -> None:
    made = wanted(bare())

    first = provision_plan(made.resources, (), full())

    assert {one.action for one in first.changes} == {"create"}
    assert [one.after for one in first.changes] == list(made.resources)
    assert first.drift == ()
    assert brakes(first) == ()


def test_what_is_as_it_shall_be_is_kept_and_needs_nothing() -> None:
    again = plan(LOG, GROUP, to=(GROUP, replace(LOG, id="")))

    assert actions(again) == {GROUP.name: "keep", LOG.name: "keep"}
    assert again.is_empty
    assert again.steps == ()
    assert again.drift == ()


def test_a_change_names_each_field_with_its_values_before_and_after() -> None:
    there = replace(ALARM, threshold=5.0, tags={**OURS, "owner": "ops"})

    (one,) = plan(there, to=(ALARM,)).changes

    assert one.action == "update"
    assert [(d.field, d.before, d.after) for d in one.differences] == [
        ("threshold", 5.0, 1000.0), ("tags.owner", "ops", None),
    ]  # fmt: skip
    assert one.why == "threshold and tags differ"


def test_a_difference_inside_a_text_of_json_is_named_by_its_place() -> None:
    before = Topic("lakeferry-m1", allow("*", "sns:Publish", "arn:old"), tags=OURS)
    after = replace(before, policy=allow("*", "sns:Publish", "arn:new"))

    (one,) = plan(before, to=(after,)).changes

    assert [one.field for one in one.differences] == ["policy.Statement[0].Resource[0]"]


def test_a_list_within_metrics_is_compared_item_by_item() -> None:
    query = replace(ALARM.metrics[0], period_s=300)

    (one,) = plan(replace(ALARM, metrics=(query,)), to=(ALARM,)).changes

    assert [(d.field, d.before, d.after) for d in one.differences] == [
        ("metrics[0].period_s", 300, 60)
    ]


def test_what_is_of_this_deployment_and_not_wanted_goes() -> None:
    made = plan(GROUP, LOG, to=(GROUP,))

    assert actions(made) == {GROUP.name: "keep", LOG.name: "delete"}
    assert [one.why for one in made.of("delete")] == ["it is not wanted any more"]


def test_of_two_with_one_name_the_one_that_fits_is_kept() -> None:
    stale = replace(LOG, fields=("version",), id="fl-0")

    made = plan(stale, LOG, GROUP, to=(GROUP, replace(LOG, id="")))

    assert [(one.action, getattr(one.before, "id", "")) for one in made.changes] == [
        ("keep", ""), ("keep", "fl-1"), ("delete", "fl-0"),
    ]  # fmt: skip
    assert made.of("delete")[0].why == "another one of this name is kept"


@pytest.mark.parametrize(
    "changed",
    [{"traffic": "ACCEPT"}, {"interval_s": 600}, {"fields": ("version",)}, {"role": "other"},
     {"destination": "/elsewhere"}, {"resource_id": "vpc-2"}],
)  # fmt: skip
def test_a_flow_log_is_replaced_for_anything_but_its_tags(changed: dict[str, Any]) -> None:
    (one,) = plan(replace(LOG, **changed), to=(LOG,)).changes

    assert one.action == "replace"
    assert one.why == f"AWS cannot change {next(iter(changed))}"


def test_a_flow_log_with_other_tags_is_updated() -> None:
    (one,) = plan(replace(LOG, tags={**OURS, "owner": "x"}), to=(LOG,)).changes

    assert one.action == "update"


@pytest.mark.parametrize("there", [replace(STS, service="other"), replace(STS, type="Gateway")])
def test_an_endpoint_for_another_service_is_another_endpoint(there: VpcEndpoint) -> None:
    (_, one) = plan(DOOR, there, to=(DOOR, STS)).changes

    assert one.action == "replace"


# ---- what means the same


def test_a_policy_that_says_the_same_in_another_form_is_no_difference() -> None:
    ours = allow({"AWS": "*"}, ["sns:Subscribe", "sns:Publish"])
    aws = allow("*", ["sns:Publish", "sns:Subscribe"], ["*"])

    assert plan(Topic("t", aws, tags=OURS), to=(Topic("t", ours, tags=OURS),)).is_empty


def test_a_subscription_that_was_never_confirmed_and_shall_go_is_no_difference() -> None:
    ops, gone, never = (("email", f"{who}@example.com") for who in ("ops", "gone", "never"))
    wanted = (Topic("t", "{}", (ops,), OURS),)

    assert plan(Topic("t", "{}", (never, ops), OURS, (never,)), to=wanted).is_empty
    assert plan(Topic("t", "{}", (ops,), OURS, (ops,)), to=wanted).is_empty
    (change,) = plan(Topic("t", "{}", (gone, never, ops), OURS, (never,)), to=wanted).work
    assert change.differences[0].before == [list(gone), list(ops)]


def test_the_policy_that_aws_gives_an_endpoint_is_the_same_as_none() -> None:
    given = json.loads(allow("*", "*"))
    given["Version"] = "2008-10-17"

    assert plan(DOOR, replace(STS, policy=json.dumps(given)), to=(DOOR, STS)).is_empty
    assert not plan(DOOR, replace(STS, policy=allow("*", "sts:Get*")), to=(DOOR, STS)).is_empty


def test_a_condition_with_one_value_or_a_list_of_it_is_the_same() -> None:
    def asked(values: Any, account: str = "1") -> Topic:
        policy = json.loads(allow("*", "sns:Publish"))
        policy["Statement"][0]["Condition"] = {
            "ArnLike": {"aws:SourceArn": values}, "StringEquals": {"aws:SourceAccount": account},
        }  # fmt: skip
        return Topic("t", json.dumps(policy), tags=OURS)

    assert plan(asked("arn:a"), to=(asked(["arn:a"]),)).is_empty
    assert not plan(asked("arn:a"), to=(asked(["arn:b"]),)).is_empty
    assert not plan(asked("arn:a", "2"), to=(asked("arn:a"),)).is_empty


def test_texts_that_are_no_json_and_policies_that_are_no_policy_are_compared_as_they_are() -> None:
    board, topic = Dashboard("lakeferry-m1", "one"), Topic("t", "[1]", tags=OURS)

    assert plan(board, topic, to=(board, topic)).is_empty
    assert actions(plan(board, to=(Dashboard(board.name, "other"),))) == {board.name: "update"}
    assert actions(plan(topic, to=(replace(topic, policy="[2]"),))) == {"t": "update"}


def test_an_alarm_on_several_metrics_or_on_another_one_is_another_alarm() -> None:
    plain = MetricQuery("m1", 60, namespace="AWS/EC2", metric="NetworkIn", statistic="Sum")
    two = (plain, replace(plain, id="m2", label="out"))
    wish = replace(ALARM, metrics=two)

    assert plan(wish, to=(wish,)).is_empty
    for other in (
        (replace(plain, statistic="Maximum"),), (plain, replace(two[1], label="in")),
        (plain, replace(two[1], returned=False)),
    ):  # fmt: skip
        assert not plan(replace(wish, metrics=other), to=(wish,)).is_empty
    single = replace(ALARM, metrics=(plain,))
    louder = replace(ALARM, metrics=(replace(plain, statistic="Maximum"),))
    assert [one.field for one in plan(louder, to=(single,)).changes[0].differences] == [
        "metrics[0].statistic"
    ]
    math = replace(ALARM, metrics=(replace(ALARM.metrics[0], label="bytes"),))
    assert not plan(math, to=(ALARM,)).is_empty


def test_an_order_that_aws_does_not_promise_is_no_difference() -> None:
    two = (ALARM.metrics[0], replace(ALARM.metrics[0], id="m2", returned=False))
    wish = replace(ALARM, metrics=two, actions=("a", "b"))
    ports = (*HTTPS_IN, PortRange("tcp", 6666, 6666, ("10.0.0.0/16",)))

    assert plan(replace(wish, metrics=two[::-1], actions=("b", "a")), to=(wish,)).is_empty
    assert plan(replace(DOOR, ingress=ports[::-1]), to=(replace(DOOR, ingress=ports),)).is_empty
    assert not plan(replace(LOG, fields=LOG.fields[::-1]), GROUP, to=(GROUP, LOG)).is_empty


def test_tags_of_aws_itself_and_the_name_as_a_tag_are_no_difference() -> None:
    there = replace(STS, tags={**OURS, "Name": STS.name, "aws:cloudformation:stack-id": "x"})

    assert plan(DOOR, there, to=(DOOR, STS)).is_empty


def test_what_aws_does_not_keep_of_an_alarm_or_of_a_gateway_is_no_difference() -> None:
    plain = MetricQuery("m1", 60, namespace="AWS/EC2", metric="NetworkIn", statistic="Sum")
    wish = replace(ALARM, metrics=(replace(plain, id="x", label="bytes"),))
    gateway = replace(STS, type="Gateway", security_groups=(), private_dns=False)
    silenced = CompositeAlarm("lakeferry-m1.any", "", "ALARM(a)", suppressor="asleep", tags=OURS)
    arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:asleep"

    assert plan(replace(ALARM, metrics=(plain,)), to=(wish,)).is_empty
    assert plan(replace(gateway, private_dns=True), to=(gateway,)).is_empty
    assert plan(replace(silenced, suppressor=arn), to=(silenced,)).is_empty


# ---- whose it is


@pytest.mark.parametrize("tags", [{}, {"owner": "us"}, THEIRS])
def test_something_of_others_under_a_wanted_name_is_refused_by_name(tags: dict[str, str]) -> None:
    with pytest.raises(FerryError) as refused:
        plan(replace(GROUP, tags=tags), ALARM, to=(GROUP, LOG))

    assert (refused.value.code, refused.value.exit_code) == ("LF-6401", 2)
    assert "log group `/lakeferry/m1/flow`" in refused.value.what


def test_what_others_have_is_in_no_change() -> None:
    others = (
        replace(GROUP, name="/theirs", tags=THEIRS), InsightRule("lakeferry-m1.rule", "{}"),
        Dashboard("lakeferry-m1-stalled", "{}"), Dashboard("lakeferry-m", "{}"),
        CompositeAlarm("lakeferry-m1-b.stalled", "", "ALARM(a)"),
        CompositeAlarm("lakeferry-m1.mine", "", "ALARM(a)", tags=THEIRS),
        EndpointRegistration("lakeferry-m10.databricks-relay", "vpce-1", "us-east-1"),
        replace(STS, state="Deleting"),
    )  # fmt: skip

    assert plan(*others).changes == ()


def test_dashboards_and_composite_alarms_without_tags_are_ours_by_name() -> None:
    board = Dashboard("lakeferry-m1", "{}")
    composite = CompositeAlarm("lakeferry-m1.stalled", "", "ALARM(a)")

    assert actions(plan(board, composite, RELAY)) == {
        board.name: "delete", composite.name: "delete", RELAY.name: "delete",
    }  # fmt: skip


@pytest.mark.parametrize(
    "theirs",
    [
        Dashboard("lakeferry-m1", '{"widgets":[{"properties":{"region":"eu-west-1"}}]}'),
        Role("lakeferry-m1.flow", "{}", "", {**OURS, REGION_TAG: "eu-west-1"}),
        InstanceProfile("lakeferry-m1.nat", "r", {**OURS, REGION_TAG: "eu-west-1"}),
    ],
)
def test_what_is_of_all_regions_and_serves_another_one_is_not_ours(theirs: Planned) -> None:
    here = Dashboard("lakeferry-m1", '{"region":"us-east-1","x":{"region":"eu-west-1"}}')

    assert plan(theirs).changes == ()
    with pytest.raises(FerryError, match="of another Region"):
        plan(theirs, to=(theirs,))
    role = Role("lakeferry-m1.flow", "{}", "", OURS)
    assert actions(plan(here, role)) == {here.name: "delete", role.name: "delete"}


# ---- in which order


def test_things_are_made_after_what_they_name_and_removed_before_it() -> None:
    made = wanted(bare()).resources
    built = provision_plan(made, (), full())
    torn = provision_plan((), made, full())

    assert [one.change.after for one in built.steps if one.act == "make"] == list(made)
    order = [one.change.key for one in torn.steps if not isinstance(one.change.before, VpcEndpoint)]
    kinds = [kind for kind, _ in order]
    assert kinds == sorted(kinds, key=[one.kind_name for one in reversed(made)].index)


def test_a_replacement_goes_before_it_is_made_so_that_no_row_counts_twice() -> None:
    made = plan(GROUP, replace(LOG, interval_s=600), to=(GROUP, LOG))

    assert steps(made) == [f"remove {LOG.name}", f"make {LOG.name}"]


def test_what_hangs_on_a_replaced_group_is_replaced_with_it() -> None:
    there = (replace(DOOR, description="old"), STS, RELAY)

    made = plan(*there, to=(DOOR, STS, RELAY))

    assert set(actions(made).values()) == {"replace"}
    assert made.changes[1].why == f"{DOOR.name}, which it holds, is replaced"
    assert steps(made) == [
        f"remove {RELAY.name}", f"remove {STS.name}", f"remove {DOOR.name}",
        f"make {DOOR.name}", f"make {STS.name}", f"make {RELAY.name}", f"finish {STS.name}",
    ]  # fmt: skip


def test_an_endpoint_that_goes_makes_room_and_a_group_that_goes_waits() -> None:
    other = replace(STS, name="lakeferry-m1.other")

    made = plan(DOOR, STS, to=(replace(other, security_groups=()),))

    assert steps(made) == [
        f"remove {STS.name}", f"make {other.name}", f"finish {other.name}", f"remove {DOOR.name}",
    ]  # fmt: skip


def test_an_endpoint_is_finished_when_all_else_is_made_because_it_takes_minutes() -> None:
    quiet = replace(STS, name="lakeferry-m1.s3", private_dns=False)

    made = plan(to=(DOOR, STS, quiet, GROUP, ALARM))

    assert [one for one in steps(made) if one.startswith("finish")] == [f"finish {STS.name}"]
    assert steps(made)[-1] == f"finish {STS.name}"


def test_the_composite_alarm_lets_go_of_an_alarm_before_it_goes() -> None:
    both = CompositeAlarm("lakeferry-m1.any", "", "ALARM(a) OR ALARM(b)", tags=OURS)
    one = replace(both, rule="ALARM(a)")

    assert steps(plan(both, ALARM, to=(one,))) == [f"make {both.name}", f"remove {ALARM.name}"]


# ---- drift, brakes, stale plans


def test_whatever_is_missing_of_a_deployment_that_is_there_is_drift() -> None:
    made = plan(GROUP, to=(GROUP, LOG))

    assert [one.name for one in made.drift] == [LOG.name]


def test_a_deletion_and_a_replacement_need_a_word_each() -> None:
    made = plan(replace(LOG, interval_s=600), ALARM, GROUP, to=(GROUP, LOG))

    with pytest.raises(FerryError) as held:
        hold(made, ())

    assert (held.value.code, held.value.exit_code) == ("LF-6402", 2)
    assert held.value.what == (
        f"not applied without a word: 1 deleted ({ALARM.name}); 1 replaced ({LOG.name})"
    )
    assert held.value.next_step == "if that is meant: --allow delete,replace"
    with pytest.raises(FerryError, match="1 replaced"):
        hold(made, {"delete"})
    hold(made, {"delete", "replace"})


def test_a_brake_names_three_and_counts_the_rest() -> None:
    three, four = plan(*alarms(3)), plan(*alarms(4))

    assert brakes(three)[0].what.endswith("(lakeferry-m1.a2, lakeferry-m1.a1, lakeferry-m1.a0)")
    assert brakes(four)[0].what == (
        "4 deleted (lakeferry-m1.a3, lakeferry-m1.a2, lakeferry-m1.a1 and 1 more)"
    )
    assert {one.kind for one in four.changes} == {"alarm"}


def alarms(count: int, *, other: int = 0) -> tuple[Alarm, ...]:
    """So many alarms, the first `other` of them with another threshold."""
    return tuple(
        replace(ALARM, name=f"lakeferry-m1.a{n}", threshold=5.0 if n < other else 1000.0)
        for n in range(count)
    )


@pytest.mark.parametrize(
    ("there", "other", "said"),
    [(10, 3, ()), (10, 4, ("4 of 10, 40% of what is there would change, over 30%",)), (9, 9, ())],
)
def test_more_than_30_percent_of_10_or_more_need_a_word(
    there: int, other: int, said: tuple[str, ...]
) -> None:
    made = plan(*alarms(there, other=other), to=alarms(there))

    assert tuple(one.what for one in brakes(made)) == said


def test_a_plan_of_before_is_refused_and_says_what_there_is_to_do_now() -> None:
    before, now = plan(GROUP, to=(GROUP, LOG)), plan(to=(GROUP, LOG))

    refuse_stale(before, before.fingerprint)
    refuse_stale(before, before.fingerprint[:8].upper())
    with pytest.raises(FerryError) as stale:
        refuse_stale(now, before.fingerprint)

    assert (stale.value.code, stale.value.exit_code) == ("LF-2051", 2)
    assert "2 to create" in stale.value.where
    with pytest.raises(FerryError, match="stale"):
        refuse_stale(before, before.fingerprint[:7])


def test_the_fingerprint_tells_what_is_there_apart_even_where_nothing_is_to_be_done() -> None:
    one, other = plan(LOG, to=(LOG,)), plan(replace(LOG, id="fl-2"), to=(LOG,))

    assert one.is_empty
    assert other.is_empty
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint == plan(LOG, to=(LOG,)).fingerprint


def test_states_and_sizes_that_change_by_themselves_are_not_in_the_fingerprint() -> None:
    later = plan(replace(ALARM, state="ALARM"), replace(GROUP, stored_bytes=7), to=(GROUP, ALARM))

    assert later.fingerprint == plan(ALARM, GROUP, to=(GROUP, ALARM)).fingerprint


def test_a_plan_is_counted_in_words() -> None:
    assert counted(plan(ALARM, to=(GROUP,))) == "1 to create, 1 to delete"
    assert counted(plan()) == ""


def test_a_change_of_nothing_to_nothing_cannot_be_made() -> None:
    with pytest.raises(AssertionError):
        _ = change(None, None).key


def test_an_endpoint_that_lacks_its_private_dns_alone_is_finished() -> None:
    made = plan(DOOR, replace(STS, private_dns=False), to=(DOOR, STS))

    assert steps(made) == [f"make {STS.name}", f"finish {STS.name}"]
    assert "finish" not in str(steps(plan(DOOR, replace(STS, policy="{}"), to=(DOOR, STS))))


@pytest.mark.parametrize("state", ["pendingAcceptance", "PendingAcceptance", "rejected"])
def test_an_endpoint_that_waits_to_be_accepted_lacks_private_dns_and_is_no_drift(
    state: str,
) -> None:
    waits = replace(STS, private_dns=False, state=state)
    other = replace(waits, policy="{}")

    assert plan(DOOR, waits, to=(DOOR, STS)).is_empty
    (changed,) = plan(DOOR, other, to=(DOOR, STS)).work
    assert (changed.why, changed.before) == ("policy differs", other)


def test_an_endpoint_that_is_registered_now_is_finished() -> None:
    waits = replace(STS, private_dns=False, state="pendingAcceptance")

    made = plan(DOOR, waits, to=(DOOR, STS, RELAY))

    assert steps(made)[-1] == f"finish {STS.name}"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("tags", {**OURS, "owner": "me"}, "tags differ"),
        ("private_dns", False, "private_dns differs"),
        ("policy", "{}", "policy differs"),
    ],
)
def test_a_change_says_what_differs_in_a_sentence(field: str, value: object, said: str) -> None:
    (changed,) = plan(DOOR, replace(STS, **{field: value}), to=(DOOR, STS)).work  # type: ignore[arg-type]

    assert changed.why == said


@pytest.mark.parametrize("state", ["expired", "rejected"])
def test_a_registration_that_serves_nobody_is_made_anew(state: str) -> None:
    (anew,) = plan(DOOR, STS, replace(RELAY, state=state), to=(DOOR, STS, RELAY)).work

    assert (anew.action, anew.why) == ("replace", f"Databricks calls it {state}")
    assert plan(DOOR, STS, replace(RELAY, state="available"), to=(DOOR, STS, RELAY)).is_empty


def test_every_kind_of_resource_has_its_place_in_the_order() -> None:
    assert set(ORDER) == {*get_args(Planned)}
    made = {type(one) for one in wanted(bare()).resources}
    assert made == {*get_args(Resource)} - {*get_args(NatResource)}


def test_a_newer_image_is_no_drift_and_another_instance_takes_it() -> None:
    box = NatInstance("n", "c7gn.large", "arm64", "ami-1", "p", "script", tags=OURS, id="i-1")
    asked = replace(box, image="", id="")

    assert plan(box, to=(asked,)).is_empty
    (one,) = plan(box, to=(replace(asked, type="c7gn.xlarge"),)).changes
    assert (one.action, one.differences[0].field, one.after) == (
        "replace", "type", replace(asked, type="c7gn.xlarge"),
    )  # fmt: skip
    (given,) = plan(box, to=(replace(asked, image="ami-2"),)).changes
    assert (given.action, given.why) == ("replace", "AWS cannot change image")


def test_routes_go_first_and_come_last_and_stand_aside_while_an_instance_is_replaced() -> None:
    eni = NetworkInterface("n", "subnet-1", (), "", tags=OURS, id="eni-1")
    box = NatInstance("n", "c7gn.large", "arm64", "ami-1", "p", "script", tags=OURS, id="i-1")
    way = DefaultRoute("r", "rtb-1", "n", tags=OURS, before="nat-9")
    larger = replace(box, image="", type="c7gn.xlarge")

    made = plan(eni, box, way, STS, DOOR, to=(DOOR, STS, eni, larger, way))
    gone = plan(eni, box, way, STS, DOOR)

    assert steps(made) == ["remove r", "remove n", "make n", "make r"]
    assert steps(gone) == ["remove r", f"remove {STS.name}", "remove n", "remove n",
                           f"remove {DOOR.name}"]  # fmt: skip
    assert [one.kind for one in brakes(made)] == ["replace", "routes"]
    assert [one.kind for one in brakes(plan(box, eni, to=(eni, replace(box, id=""), way)))] == [
        "routes"
    ]
