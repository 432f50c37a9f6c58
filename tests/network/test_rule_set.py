"""The rules that a network asks for, evaluated on the sample whose answers are known."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pytest

from lakeferry.network.evaluate import Evaluation
from lakeferry.network.fields import DEFAULT_FORMAT, RECOMMENDED_FORMAT
from lakeferry.network.resources import NatAddress, NatGateway
from lakeferry.network.rule_report import RuleReport
from lakeferry.network.rule_set import QUESTIONS, RuleSet, RuleWish, json_path, rule_set
from lakeferry.network.rules import check_rule
from lakeferry.network.topology import Path, Topology
from tests.network.sample_scenario import NAT_GATEWAY, TextRows, expected, text_rows, topology

V2, CUSTOM = DEFAULT_FORMAT, RECOMMENDED_FORMAT
WISH = RuleWish("lakeferry-m1.", ("/lakeferry/m1/flow",))


def wanted(
    fields: Sequence[str] = CUSTOM, network: Topology | None = None, **wish: object
) -> RuleSet:
    return rule_set(network or topology(), fields, replace(WISH, **wish))  # type: ignore[arg-type]


def reports(made: RuleSet, rows: TextRows) -> dict[str, RuleReport]:
    evaluation = Evaluation([one.rule for one in made.rules])
    evaluation.add(rows)
    found = evaluation.finish()
    return {name.removeprefix("lakeferry-m1."): report for name, report in found.items()}


def totals(made: RuleSet, encoding: str) -> dict[str, int | float]:
    found = reports(made, text_rows(encoding))
    return {name: int(report.total) for name, report in found.items()}


KNOWN = {
    "nat-gateway-billed": 5_832_969_838,  # 5,893,326,443 - 60,361,376 skipped + 4,771 unsolicited
    "leak-up": 1_118_956_265,
    "leak-down": 11_189_556,
    "s3-gateway-up": 6_675_181_564,
    "s3-down": 77_941_317,
    "endpoint-s3": 2_645_487_720,
    "rejects": 54,
    "skipped": 2,
}


@pytest.mark.parametrize(("rule", "total"), KNOWN.items())
@pytest.mark.parametrize("encoding", ["custom", "v11"])
def test_every_rule_gives_the_known_number_to_the_byte(
    encoding: str, rule: str, total: int
) -> None:
    made = wanted(text_rows(encoding).fields)

    assert totals(made, encoding)[rule] == total


def test_the_bytes_of_a_nat_gateway_are_those_that_its_metrics_count() -> None:
    found = totals(wanted(), "custom")
    metrics = expected()["aws_metrics_sum"][NAT_GATEWAY]
    billed = metrics["BytesInFromSource"] + metrics["BytesInFromDestination"]
    skipped = expected()["skipped_bytes_at_nat_eni"]["eni-2ebf3b9ef45fff556"] // 2

    assert found["nat-gateway-billed"] == billed - skipped + 4_771


def test_the_two_leak_rules_together_are_the_leak() -> None:
    found = totals(wanted(), "custom")

    assert found["leak-up"] + found["leak-down"] == expected()["s3_leaked_through_nat"]["bytes"]


def test_a_leak_names_the_workers_that_leak() -> None:
    leak = reports(wanted(), text_rows("custom"))["leak-up"]

    by_worker = expected()["s3_leaked_through_nat"]["by_worker_eni"]
    assert {key for (key,) in leak.shares} == {expected()["enis"][eni]["ip"] for eni in by_worker}


def test_the_endpoint_rule_sees_every_zone_and_is_the_billed_number() -> None:
    found = totals(wanted(), "custom")
    metrics = expected()["aws_metrics_sum"]
    kinesis = [one["BytesProcessed"] for name, one in metrics.items() if "kinesis" in name]

    assert found["endpoint-kinesis-streams"] == sum(kinesis)


def test_workers_are_covered_without_being_listed() -> None:
    made = wanted()
    workers = next(one for one in made.rules if one.question == "workers")

    assert len(reports(made, text_rows("custom"))["workers"].shares) == 8
    assert "eni-" not in workers.body
    assert not any(eni.instance_id in workers.body for eni in topology().workers)


def test_senders_and_receivers_at_nat_devices_add_up_to_what_came_in_and_went_out() -> None:
    found = totals(wanted(), "custom")
    devices = [one for one in expected()["enis"].values() if one["role"].startswith("nat_")]

    assert found["nat-bytes-by-src"] == sum(one["ingress"] for one in devices)
    assert found["nat-bytes-by-dst"] == sum(one["egress"] for one in devices)


def test_an_odd_order_of_fields_gives_the_same_numbers() -> None:
    odd = text_rows("odd")
    lacking = replace(topology(), scope=topology().scope)

    found = totals(wanted(odd.fields, lacking), "odd")

    assert found["nat-gateway-billed"] == KNOWN["nat-gateway-billed"]
    assert found["leak-up"] == KNOWN["leak-up"]
    assert "s3-down" not in found  # it lacks subnet-id


# ---- the default format


def test_with_the_default_format_the_billed_bytes_are_told_by_the_devices_address() -> None:
    found = totals(wanted(V2), "v2")

    assert found["nat-gateway-billed"] == KNOWN["nat-gateway-billed"]
    assert found["nat-bytes-by-src"] == totals(wanted(), "custom")["nat-bytes-by-src"]
    assert found["nat-bytes-by-dst"] == totals(wanted(), "custom")["nat-bytes-by-dst"]
    assert found["endpoint-s3"] == KNOWN["endpoint-s3"]
    assert found["rejects"] == 54
    assert found["skipped"] == 2


def test_with_the_default_format_it_says_what_cannot_be_answered_and_which_fields_would() -> None:
    made = wanted(V2)

    missing: dict[str, set[str]] = {}
    for one in made.unanswerable:
        missing.setdefault(one.question, set()).update(one.needs)
    assert {"pkt-dst-aws-service", "pkt-src-aws-service"} <= missing["s3-through-nat"]
    assert {"traffic-path", "pkt-dst-aws-service"} <= missing["s3-gateway"]
    assert "subnet-id" in missing["workers"]
    assert not any("leak" in one.name or "gateway-up" in one.name for one in made.rules)


def test_without_tcp_flags_connections_in_use_stand_in_for_new_ones() -> None:
    made = wanted()

    rough = {one.instead: one.needs for one in made.unanswerable if one.question == "connections"}
    assert rough["lakeferry-m1.active-connections-nat"] == ("tcp-flags",)
    assert rough["lakeferry-m1.active-connections-kinesis-streams"] == ("tcp-flags",)


# ---- new connections


def rows(*lines: str, fields: Sequence[str]) -> TextRows:
    tokens = [line.split() for line in lines]
    columns: dict[str, pa.Array] = {
        name.replace("-", "_"): pa.array([row[index] for row in tokens], pa.string())
        for index, name in enumerate(fields)
    }
    columns["event_ms"] = pa.array([0] * len(tokens), pa.int64())
    return TextRows(tuple(fields), pa.RecordBatch.from_pydict(columns))


CONNECTION = ("interface-id", "srcaddr", "flow-direction", "action", "pkt-dstaddr", "tcp-flags")
NAT_ENI, WORKER = "eni-2ebf3b9ef45fff556", "198.18.0.1"
KINESIS_ENI = "eni-174855dff291f7492"


def connections(rule: str, *lines: str) -> dict[tuple[str, ...], int]:
    report = reports(wanted(CONNECTION), rows(*lines, fields=CONNECTION))[rule]
    return {key: sum(int(s.value) for s in one.values()) for key, one in report.shares.items()}


def test_a_syn_without_its_answer_opens_a_connection_whatever_came_in_the_same_minute() -> None:
    lines = [
        f"{KINESIS_ENI} {WORKER} ingress ACCEPT 198.18.0.60 {flags}"
        for flags in ("2", "3", "6", "7")
    ]

    assert connections("connections-kinesis-streams", *lines) == {(KINESIS_ENI, WORKER): 4}


def test_answers_and_connections_that_go_on_or_end_are_not_new() -> None:
    lines = [
        f"{KINESIS_ENI} {WORKER} ingress ACCEPT 198.18.0.60 {flags}"
        for flags in ("0", "1", "4", "5", "18", "19", "22", "23", "-")
    ]

    assert connections("connections-kinesis-streams", *lines) == {}


def test_a_connection_through_a_nat_device_counts_once_and_for_its_worker() -> None:
    nat = expected()["enis"][NAT_ENI]["ip"]
    lines = (
        f"{NAT_ENI} {WORKER} ingress ACCEPT 20.60.1.1 2",  # worker to NAT
        f"{NAT_ENI} {nat} egress ACCEPT 20.60.1.1 2",  # the same, NAT to host
        f"{NAT_ENI} 20.60.1.1 ingress ACCEPT {nat} 18",  # its answer
        f"{NAT_ENI} 203.0.113.9 ingress ACCEPT {nat} 2",  # unsolicited
    )

    assert connections("connections-nat", *lines) == {(NAT_ENI, WORKER): 1}


def test_refused_connections_are_counted_by_interface_and_source() -> None:
    made = wanted((*CUSTOM, "tcp-flags"))
    rule = next(one for one in made.rules if one.name.endswith("rejected-connections"))

    assert rule.rule.keys == ("interface-id", "srcaddr")
    assert [one.match for one in rule.rule.filters] == ["action", "protocol", "tcp-flags"]


# ---- grouping, names, forms


def crowded(devices: int) -> Topology:
    base = topology()
    gateways = tuple(
        NatGateway(
            f"nat-{number:017x}", base.found.vpc.id, "subnet-1", "zonal", "public", "available",
            (NatAddress(f"eni-{number:017x}", f"198.18.1.{number}", "", "us-east-1a"),),
        )
        for number in range(1, devices + 1)
    )  # fmt: skip
    return replace(base, nat_gateways=gateways)


def test_interfaces_are_grouped_by_ten() -> None:
    made = wanted(network=crowded(23))

    billed = [one for one in made.rules if ".nat-gateway-billed" in one.name]
    assert [one.name for one in billed] == [
        "lakeferry-m1.nat-gateway-billed",
        "lakeferry-m1.nat-gateway-billed.2",
        "lakeferry-m1.nat-gateway-billed.3",
    ]
    assert [len(one.watched) for one in billed] == [10, 10, 3]


def test_each_interface_has_its_own_rule_where_that_is_asked_for() -> None:
    made = wanted(per="eni")

    kinesis = [one for one in made.rules if ".endpoint-kinesis" in one.name]
    assert [one.watched for one in kinesis] == [(KINESIS_ENI,), ("eni-c7196bf7dafdb41d0",)]
    found = totals(made, "custom")
    assert found[f"endpoint-kinesis-streams.{KINESIS_ENI}"] == 603_999_491


def test_interfaces_are_grouped_after_all_where_the_quota_asks_for_it() -> None:
    made = wanted(network=crowded(30), per="eni", other_rules=10)

    assert len(made.rules) <= 90
    assert "interfaces are grouped" in made.notes[0]


def test_too_many_rules_of_others_are_said() -> None:
    assert "pass the quota of 100" in wanted(other_rules=95).notes[0]


def regional() -> Topology:
    base = topology()
    nat = NatGateway("nat-0123", base.found.vpc.id, "", "regional", "public", "available", ())
    return replace(base, nat_gateways=(nat,), nat_instances=())


def test_a_regional_nat_gateway_is_told_by_its_resource_id() -> None:
    made = wanted((*CUSTOM, "resource-id"), regional())

    billed = next(one for one in made.rules if one.question == "nat-billed")
    assert billed.rule.keys == ("resource-id",)
    assert billed.rule.filters[0].match == "resource-id"
    assert billed.rule.filters[0].texts == ("nat-0123",)


def test_a_regional_nat_gateway_is_out_of_sight_without_resource_id() -> None:
    made = wanted(CUSTOM, regional())

    assert not any(one.question == "nat-billed" for one in made.rules)
    assert {"resource-id"} <= {name for one in made.unanswerable for name in one.needs}


def test_a_nat_gateway_in_another_vpc_is_said_to_be_out_of_sight() -> None:
    far = replace(topology().nat_gateways[0], vpc_id="vpc-far")

    made = wanted(network=replace(topology(), nat_gateways=(far,)))

    assert any("vpc-far" in one.what for one in made.unanswerable)
    assert not any("nat-gateway-billed" in one.name for one in made.rules)


def test_only_the_questions_that_are_asked_become_rules() -> None:
    made = wanted(questions=("rejected",))

    assert [one.question for one in made.rules] == ["rejected"]
    assert {one.question for one in wanted((*CUSTOM, "tcp-flags")).rules} == set(QUESTIONS)


def test_a_vpc_without_endpoints_has_no_endpoint_rules_and_no_gateway_rule() -> None:
    bare = replace(topology(), found=replace(topology().found, endpoints=()))

    names = {one.name for one in wanted(network=bare).rules}

    assert not any("endpoint" in name or "s3-gateway" in name for name in names)


def test_a_gateway_endpoint_that_is_about_to_be_made_has_its_rule_already() -> None:
    bare = replace(topology(), found=replace(topology().found, endpoints=()))

    names = {one.name for one in wanted(network=bare, s3_gateway=True).rules}

    assert "lakeferry-m1.s3-gateway-up" in names


def test_a_path_that_can_be_the_internet_gateways_is_not_taken_for_the_endpoints() -> None:
    """2 is the endpoint on older instances; beside an internet gateway it can be either."""
    direct = Path("internet_gateway", "", topology().scope[:1], ())

    def paths(network: Topology) -> tuple[str, ...]:
        (rule,) = (one.rule for one in wanted(network=network).rules
                   if one.rule.name.endswith("s3-gateway-up"))  # fmt: skip
        return next(one.texts for one in rule.filters if one.match == "traffic-path")

    assert paths(topology()) == ("2", "7")
    assert paths(replace(topology(), paths=(*topology().paths, direct))) == ("7",)


def test_every_rule_stays_within_the_limits_of_contributor_insights() -> None:
    for one in wanted((*CUSTOM, "tcp-flags"), crowded(25)).rules:
        assert 1 <= len(one.rule.keys) <= 4
        assert len(one.rule.filters) <= 4
        assert all(1 <= len(f.texts) <= 10 for f in one.rule.filters if f.operator != "EqualTo")
        assert len(one.body) <= 8192
        assert one.body.isascii()


@pytest.mark.parametrize("fields", [V2, CUSTOM, (*CUSTOM, "tcp-flags")])
def test_every_rule_passes_the_check_against_its_format(fields: tuple[str, ...]) -> None:
    for one in wanted(fields).rules:
        assert check_rule(one.body, name=one.name, fields=fields) == (), one.name


def test_rules_can_read_events_in_json() -> None:
    made = wanted(V2, log_format="JSON", questions=("rejected",))

    body = json.loads(made.rules[0].body)
    assert body["LogFormat"] == "JSON"
    assert "Fields" not in body
    assert body["Contribution"]["Keys"] == ["$.interfaceId", "$.srcAddr"]


def test_json_paths_are_those_of_the_vpc_parser() -> None:
    assert json_path("pkt-dst-aws-service") == "$.pktDstAwsService"
    assert json_path("dstaddr") == "$.dstAddr"
    assert json_path("bytes") == "$.bytes"
