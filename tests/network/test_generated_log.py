"""A made up flow log of a network: every byte is known before it is written."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from lakeferry.monitor.logs.read_paths import PathReader
from lakeferry.network.attribute import HELPFUL, NEEDED
from lakeferry.network.evaluate import Evaluation
from lakeferry.network.fields import CONNECTION_FORMAT, DEFAULT_FORMAT, FIELDS
from lakeferry.network.flow_batch import FlowBatch
from lakeferry.network.flow_log import ReadReport, read_flow_log
from lakeferry.network.generated_flows import GeneratedFlow, generated_flows
from lakeferry.network.generated_rows import generated_log
from lakeferry.network.members import members_of
from lakeferry.network.resources import NatGateway
from lakeferry.network.rule_report import RuleReport
from lakeferry.network.rule_set import RuleWish, rule_set
from lakeferry.network.rules import parse_rule
from lakeferry.network.topology import Topology
from tests.network.published_rules import TCP, clf, within
from tests.network.sample_scenario import topology

START = 1_700_000_040  # a whole minute
ALL_FIELDS = tuple(one for one in FIELDS)
MINUTES = 7


def regional() -> Topology:
    """The scenario with a regional NAT gateway in the place of its NAT devices."""
    base = topology()
    nat = NatGateway("nat-0123", base.found.vpc.id, "", "regional", "public", "available", ())
    way, _, *others = base.paths
    found = replace(base.found, nat_gateways=(nat,), instances=())
    paths = (replace(way, id=nat.id), *others)
    return replace(base, found=found, nat_gateways=(nat,), nat_instances=(), paths=paths)


def flows(network: Topology) -> list[GeneratedFlow]:
    return list(generated_flows(network, start_s=START, minutes=MINUTES))


def log(network: Topology, fields: Sequence[str] = CONNECTION_FORMAT) -> bytes:
    return b"".join(generated_log(network, fields, start_s=START, minutes=MINUTES))


def text_batches(body: bytes) -> Iterator[FlowBatch]:
    return read_flow_log(iter([body]), name="made", text=True, report=ReadReport())


def proven(network: Topology, fields: Sequence[str]) -> dict[str, RuleReport]:
    """What the network's own rules see in the log, by the end of their names."""
    made = rule_set(network, fields, RuleWish("lakeferry-m1.", ("/g",)))
    evaluation = Evaluation([one.rule for one in made.rules])
    for batch in text_batches(log(network, fields)):
        evaluation.add(batch)
    found = evaluation.finish()
    return {name.removeprefix("lakeferry-m1."): report for name, report in found.items()}


def carried(network: Topology, *paths: str, leaks: bool | None = None) -> int:
    """Bytes of flows on these paths, both directions."""
    return sum(
        one.up + one.down
        for one in flows(network)
        if one.path in paths and (leaks is None or leaks == one.is_s3)
    )


@pytest.mark.parametrize("network", [topology(), regional()], ids=["zonal", "regional"])
def test_every_rule_of_a_network_matches_its_generated_log(network: Topology) -> None:
    seen = proven(network, (*CONNECTION_FORMAT, "resource-id"))

    assert [name for name, report in seen.items() if not report.total] == []


def test_the_rules_count_each_generated_byte_once() -> None:
    network = topology()
    seen = proven(network, CONNECTION_FORMAT)

    assert carried(network, "nat_gateway") > 0
    assert carried(network, "nat_instance") > 0
    assert carried(network, "kinesis") > 0
    assert seen["nat-gateway-billed"].total == carried(network, "nat_gateway")
    assert seen["nat-instance-billed"].total == carried(network, "nat_instance")
    leaked = carried(network, "nat_gateway", "nat_instance", leaks=True)
    assert seen["leak-up"].total + seen["leak-down"].total == leaked
    assert seen["endpoint-kinesis-streams"].total == carried(network, "kinesis")
    up = sum(one.up for one in flows(network) if one.path == "s3_gateway")
    assert seen["s3-gateway-up"].total == up
    new = Counter(one.path for one in flows(network) if one.is_new)
    assert seen["connections-nat"].total == new["nat_gateway"] + new["nat_instance"]
    assert seen["connections-s3-gateway"].total == new["s3_gateway"]


def test_bytes_by_path_are_those_of_the_generated_flows() -> None:
    network = topology()
    reader = PathReader.of(members_of(network), ("path",))
    batches = read_flow_log(
        iter([log(network)]), name="made", columns=NEEDED, also=HELPFUL, report=ReadReport()
    )
    for batch in batches:
        reader.add(batch)

    table = reader.totals.table().to_pylist()
    found = Counter[str]()
    for row in table:
        found[row["path"]] += row["bytes"]
    wanted = Counter[str]()
    for flow in flows(network):
        wanted[flow.path] += flow.up + flow.down
    assert {path: found[path] for path in wanted} == dict(wanted)


@pytest.mark.parametrize("fields", [DEFAULT_FORMAT, ALL_FIELDS], ids=["v2", "all"])
def test_any_format_can_be_written(fields: Sequence[str]) -> None:
    report = ReadReport()
    for _ in read_flow_log(iter([log(topology(), fields)]), name="made", report=report):
        pass

    assert report.bad_lines == 0
    assert set(report.by_status) == {"OK", "SKIPDATA"}
    assert list(report.formats) == [tuple(fields)]


def test_an_endpoint_in_a_zone_without_workers_has_no_data() -> None:
    network = topology()
    first = network.scope[:1]
    some = tuple(one for one in network.workers if one.subnet_id in first)
    report = ReadReport()

    quiet = log(replace(network, scope=first, workers=some))
    for _ in read_flow_log(iter([quiet]), name="made", report=report):
        pass

    assert report.by_status["NODATA"] > 0


def test_a_subnet_without_workers_gets_a_stand_in() -> None:
    empty = replace(topology(), workers=())

    seen = proven(empty, CONNECTION_FORMAT)

    assert {one.worker.subnet_id for one in flows(empty)} == set(empty.scope)
    assert seen["workers"].total > 0


def test_what_is_planned_is_what_is_sent() -> None:
    network = topology()
    planned = generated_flows(
        network, start_s=START, minutes=1, rates={"s3_gateway": 6_000_000_000}
    )

    up = sum(one.up for one in planned if one.path == "s3_gateway")
    assert 0 <= 6_000_000_000 - up < 100


def test_equal_networks_give_equal_logs() -> None:
    assert log(topology()) == log(topology())


def test_the_samples_connection_rule_counts_rows_and_ours_the_connections_that_open() -> None:
    network = topology()
    kinesis = next(one for one in network.found.endpoints if one.service.endswith("streams"))
    theirs = [
        parse_rule(
            eni, json.dumps(clf(["interface_id", "srcaddr"], within("interface_id", eni), TCP))
        )
        for eni in kinesis.eni_ids
    ]
    evaluation = Evaluation(theirs)
    for batch in text_batches(log(network)):
        evaluation.add(batch)
    rows = sum(one.total for one in evaluation.finish().values())
    ours = proven(network, CONNECTION_FORMAT)["connections-kinesis-streams"]

    here = [one for one in flows(network) if one.path == "kinesis"]
    opened = Counter(one.worker.ip for one in here if one.is_new)
    assert rows == 2 * len(here)  # each minute of each connection, both directions, new or not
    assert ours.total == sum(opened.values()) < len(here)
    by_source = Counter[str]()
    for (_, source), one in ours.shares.items():
        by_source[source] += sum(int(share.value) for share in one.values())
    assert by_source == opened


def test_refused_connections_are_reproduced_by_source_and_answers_are_no_connections() -> None:
    network = topology()
    refused = proven(network, CONNECTION_FORMAT)["rejected-connections"]

    assert [key[1] for key in refused.shares] == ["198.51.100.7"]
    assert refused.total == 2  # one in five minutes of seven
