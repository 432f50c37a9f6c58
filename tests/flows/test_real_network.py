"""A clone crosses a real NAT, and what monitoring attributes to it are the bytes that crossed.

The kernel's own counters of each connection are written as flow records; the client's interface,
counted by its driver, is the second witness. Nothing here is made up but the interface ids.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lakeferry.monitor.logs.opening import open_logs
from lakeferry.network.fields import RECOMMENDED_FORMAT
from lakeferry.network.flow_log import ReadReport, read_flow_log
from lakeferry.network.flow_totals import FlowTotals, columns_for
from lakeferry.network.resources import Eni, Instance, Subnet, Vpc
from lakeferry.network.rule_set import RuleWish, rule_set
from lakeferry.network.topology import Found, Hop, Topology
from lakeferry.network.topology import Path as Way
from tests.servers import nat_box
from tests.servers.nat_box import (
    ACCOUNT,
    CLIENT,
    ETHERNET,
    INNER,
    INNER_ENI,
    IP_AND_TCP,
    NAT,
    NAT_SUBNET,
    OUTER,
    OUTER_ENI,
    VPC,
    WORKER,
    WORKER_ENI,
    WORKERS_SUBNET,
    Counters,
    Link,
    NatBox,
)

# One worker of several wires the network up, once.
pytestmark = [pytest.mark.server, pytest.mark.xdist_group("nat")]

FILES, SIZE = 8, 2_000_000  # bytes of each file
BUCKET_NETWORK = "203.0.113.0/24"
ARP = 28  # bytes of a request or an answer, beyond Ethernet's header
BY = ("interface-id", "flow-direction")


@dataclass(frozen=True)
class Crossing:
    """One clone across the NAT: what it says it copied, and what the network says."""

    copied: int  # bytes
    before: Counters
    after: Counters
    sent: Link  # by the client's interface, from before to after
    retransmitted: int  # segments
    start_s: int
    end_s: int

    def wire(self, way: str, what: str) -> int:
        """Packets or bytes, up or down, by the kernel's connection tracking."""
        old, new = (
            sum(int(getattr(one, f"{way}_{what}")) for one in counters.values())
            for counters in (self.before, self.after)
        )
        return new - old

    def stream(self, way: str) -> int:
        """Bytes without the headers of IP and TCP: HTTP, and in it the copied bytes."""
        return self.wire(way, "bytes") - IP_AND_TCP * self.wire(way, "packets")


@dataclass(frozen=True)
class Proven:
    """What `monitor prove` says of one rule."""

    total: int
    of: Mapping[tuple[str, ...], int]  # contributor -> its value


@pytest.fixture(scope="module")
def crossings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Crossing]]:
    """A folder to S3, and from there to another folder; "up" and "down" across the same NAT."""
    folder = tmp_path_factory.mktemp("nat")
    _make_table(folder / "table")
    with nat_box.running(folder) as box:
        there = f"{box.server.place}/table"
        yield {
            "up": _clone(box, str(folder / "table"), there, "target"),
            "down": _clone(box, there, str(folder / "back"), "source"),
        }


@pytest.fixture(scope="module")
def logs(crossings: dict[str, Crossing], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of flow logs for each crossing."""
    root = tmp_path_factory.mktemp("logs")
    for way, crossing in crossings.items():
        (root / way).mkdir()
        nat_box.write_log(_records(crossing), root / way / "minute.log.gz")
    return root


@pytest.fixture(scope="module")
def proofs(crossings: dict[str, Crossing], logs: Path) -> dict[str, dict[str, Proven]]:
    return {way: _prove(logs / way) for way in crossings}


@pytest.mark.parametrize("way", ["up", "down"])
def test_the_bytes_that_rules_attribute_are_the_copied_ones_and_measured_headers(
    crossings: dict[str, Crossing], proofs: dict[str, dict[str, Proven]], way: str
) -> None:
    crossing, back = crossings[way], {"up": "down", "down": "up"}[way]

    billed = proofs[way]["nat-instance-billed"]

    wire = {one: crossing.wire(one, "bytes") for one in ("up", "down")}
    assert billed.of == {(INNER_ENI,): wire["up"], (OUTER_ENI,): wire["down"]}
    headers = IP_AND_TCP * crossing.wire(way, "packets")
    http = crossing.stream(way) - crossing.copied
    sys.stdout.write(  # `pytest -rP` shows it
        f"\n{way}: copied {crossing.copied:,} B; on the wire {wire[way]:,} B that way, "
        f"{wire[back]:,} B the other way; headers of IP and TCP {headers:,} B "
        f"({headers / crossing.copied:.2%}), HTTP {http:,} B ({http / crossing.copied:.2%}), "
        f"all {wire[way] / crossing.copied - 1:.2%}; {crossing.retransmitted} segments sent again"
    )
    # What was sent again crossed, and is billed, twice.
    again = crossing.retransmitted * 1500
    assert 0 <= http <= crossing.copied // 100 + again
    assert 0 <= crossing.stream(back) <= crossing.copied // 100 + again


@pytest.mark.parametrize("way", ["up", "down"])
def test_the_workers_own_interface_counted_the_same(
    crossings: dict[str, Crossing], proofs: dict[str, dict[str, Proven]], logs: Path, way: str
) -> None:
    crossing = crossings[way]

    rows = _totals(logs / way)
    attributed = proofs[way]["workers"]

    link = crossing.sent
    for one, packets, octets in (
        ("up", link.sent_packets, link.sent_bytes),
        ("down", link.received_packets, link.received_bytes),
    ):
        arp = packets - crossing.wire(one, "packets")
        assert 0 <= arp <= 8
        seen = octets - ETHERNET * packets - ARP * arp
        assert rows[WORKER_ENI, "egress" if one == "up" else "ingress"] == seen
    assert attributed.of == {(WORKER,): crossing.wire("down", "bytes")}


def test_every_byte_is_in_three_rows_and_the_rule_of_the_nat_counts_it_once(
    crossings: dict[str, Crossing], logs: Path
) -> None:
    rows = _totals(logs)
    proven = _prove(logs)

    crossed = sum(one.wire(way, "bytes") for one in crossings.values() for way in ("up", "down"))
    assert sum(rows.values()) == 3 * crossed
    assert proven["nat-instance-billed"].total == crossed
    by_source = proven["nat-bytes-by-src"].of
    assert by_source.keys() == {(INNER_ENI, CLIENT), (OUTER_ENI, nat_box.SERVER)}


def test_a_bucket_that_is_reached_through_the_nat_is_a_leak_and_another_host_is_none(
    crossings: dict[str, Crossing], proofs: dict[str, dict[str, Proven]], tmp_path: Path
) -> None:
    nat_box.write_log(_records(crossings["up"], BUCKET_NETWORK), tmp_path / "minute.log.gz")

    leak, none = _prove(tmp_path), proofs["up"]

    up, down = (crossings["up"].wire(way, "bytes") for way in ("up", "down"))
    assert leak["leak-up"].of == {(CLIENT,): up}
    assert leak["leak-down"].of == {(OUTER_ENI,): down}
    assert leak["leak-up"].total + leak["leak-down"].total == up + down
    assert (none["leak-up"].total, none["leak-down"].total) == (0, 0)
    assert none["nat-instance-billed"] == leak["nat-instance-billed"]


def _clone(box: NatBox, source: str, target: str, store: str) -> Crossing:
    options = [f"--{store}-option={name}={value}" for name, value in box.server.options.items()]
    program = [sys.executable, "-m", "lakeferry.cli.main", "clone", "--json"]
    command = box.command("client", *program, source, target, *options)
    before, link, again, start_s = box.counters(), box.link(), box.retransmitted(), int(time.time())
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stderr
    last = json.loads(ended.stdout.splitlines()[-1])
    sent = Link(*(new - old for new, old in zip(_counts(box.link()), _counts(link), strict=True)))
    return Crossing(
        last["bytes_copied"], before, box.counters(), sent, box.retransmitted() - again,
        start_s, int(time.time()),
    )  # fmt: skip


def _counts(link: Link) -> tuple[int, int, int, int]:
    return link.sent_packets, link.sent_bytes, link.received_packets, link.received_bytes


def _records(crossing: Crossing, *s3_prefixes: str) -> list[dict[str, str]]:
    return nat_box.records(
        crossing.before, crossing.after, crossing.start_s, crossing.end_s, s3_prefixes
    )


def _make_table(root: Path) -> None:
    """A Delta table of random files: a clone copies them, it does not open them."""
    schema = '{"type":"struct","fields":[]}'
    lines: list[dict[str, object]] = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {"metaData": {"id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9", "partitionColumns": [],
                      "format": {"provider": "parquet", "options": {}}, "schemaString": schema,
                      "configuration": {}}},
    ]  # fmt: skip
    log = root / "_delta_log"
    log.mkdir(parents=True)
    for number in range(FILES):
        name = f"part-{number}.parquet"
        (root / name).write_bytes(os.urandom(SIZE))
        body = {"path": name, "partitionValues": {}, "size": SIZE, "modificationTime": 1}
        lines.append({"add": {**body, "dataChange": True}})
    (log / f"{0:020}.json").write_text("".join(json.dumps(line) + "\n" for line in lines))


def _totals(folder: Path) -> Counter[tuple[str, str]]:
    """Bytes by interface and direction, by our own reader."""
    totals, found = FlowTotals(BY), Counter[tuple[str, str]]()
    for name, body in open_logs(str(folder)):
        for batch in read_flow_log(
            body, name=name, columns=columns_for(BY), coded=True, report=ReadReport()
        ):
            totals.add(batch)
    for row in totals.table().to_pylist():
        found[row["interface_id"], row["flow_direction"]] += row["bytes"]
    return found


def _prove(folder: Path) -> dict[str, Proven]:
    """What `monitor prove` says of every rule of this network."""
    rules = folder.parent / f"{folder.name}-rules"
    rules.mkdir(exist_ok=True)
    made = rule_set(_topology(), RECOMMENDED_FORMAT, RuleWish("", ("/lakeferry/flow",)))
    for wanted in made.rules:
        (rules / f"{wanted.name}.json").write_text(wanted.body)
    command = [sys.executable, "-m", "lakeferry.cli.main", "monitor", "prove", "--json",
               str(rules), str(folder)]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode in (0, 3), ended.stderr  # 3: rules of what is not here match nothing
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    reports = {line["rule"]: line["report"] for line in lines if line["type"] == "rule_report"}
    return {
        rule: Proven(
            report["AggregateValue"],
            {
                tuple(one["Keys"]): one["ApproximateAggregateValue"]
                for one in report["Contributors"]
            },
        )
        for rule, report in reports.items()
    }


def _topology() -> Topology:
    """What discovery would find: one worker, and a NAT instance with an inner and an outer ENI."""
    worker = Eni(WORKER_ENI, VPC, WORKERS_SUBNET, "us-east-1a", "interface", CLIENT, (CLIENT,),
                 instance_id=WORKER, owner_id=ACCOUNT)  # fmt: skip
    inner, outer = (
        Eni(id, VPC, NAT_SUBNET, "us-east-1a", "interface", ip, (ip,), instance_id=NAT,
            owner_id=ACCOUNT, source_dest_check=False)
        for id, ip in ((INNER_ENI, INNER), (OUTER_ENI, OUTER))
    )  # fmt: skip
    nat = Instance(NAT, VPC, NAT_SUBNET, "c7gn.large", "running", (INNER_ENI, OUTER_ENI), False)
    subnets = (
        Subnet(WORKERS_SUBNET, VPC, "us-east-1a", "use1-az1", ("10.61.0.0/24",)),
        Subnet(NAT_SUBNET, VPC, "us-east-1a", "use1-az1", (BUCKET_NETWORK,)),
    )
    found = Found(Vpc(VPC, ("10.61.0.0/16",), ACCOUNT, "us-east-1"), subnets=subnets,
                  enis=(worker, inner, outer), instances=(nat,))  # fmt: skip
    way = Way("nat_instance", NAT, (WORKERS_SUBNET,), (Hop("nat_instance", NAT),))
    return Topology(found, (WORKERS_SUBNET,), (worker,), (), (nat,), (way,), ())
