"""Every byte is counted once: by its path, where it is billed, whatever the log is kept as."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.monitor.logs.opening import open_logs
from lakeferry.network.attribute import BY_PATH, HELPFUL, NEEDED
from lakeferry.network.flow_batch import FlowBatch
from lakeferry.network.flow_log import ReadReport, read_flow_log
from lakeferry.network.flow_totals import MINUTE
from lakeferry.network.members import Member, Members, Way, members_of
from lakeferry.network.path_totals import PathTotals
from tests.corpora import required
from tests.network.sample_scenario import NAT_GATEWAY, SAMPLE, expected, topology

ALL = ["custom", "odd", "v11", "cwl", "parquet"]
BEGIN = 1_795_428_000
NAT, INSTANCE = NAT_GATEWAY, "i-e06342a37b9aace83"


def totals_of_sample(encoding: str, by: tuple[str, ...] = BY_PATH, **options: Any) -> PathTotals:
    totals = PathTotals(members_of(topology()), by, **options)
    for batch in _sample(encoding):
        totals.add(batch)
    return totals


def _sample(encoding: str) -> Iterator[FlowBatch]:
    required(SAMPLE)
    fields = tuple(expected()["formats"]["custom"]) if encoding == "cwl" else None
    for name, body in open_logs(str(SAMPLE / encoding)):
        yield from read_flow_log(
            body, name=name, fields=fields, columns=NEEDED, also=HELPFUL, coded=True,
            report=ReadReport(),
        )  # fmt: skip


def by(totals: PathTotals, *keys: str) -> dict[Any, int]:
    found: Counter[Any] = Counter()
    for row in totals.table().to_pylist():
        found[tuple(row[key] for key in keys) if len(keys) > 1 else row[keys[0]]] += row["bytes"]
    return dict(found)


# ---- the scenario, whose truth is known


@pytest.mark.parametrize("encoding", [*ALL, "v2"])
def test_a_nat_device_carried_what_its_metrics_say_but_for_skipped_records(encoding: str) -> None:
    totals = totals_of_sample(encoding)
    paths = by(totals, "device")

    for device, eni in ((NAT, "eni-2ebf3b9ef45fff556"), (INSTANCE, "eni-22a68ee68ef619975")):
        metrics = expected()["aws_metrics_sum"][device]
        billed = metrics["BytesInFromSource"] + metrics["BytesInFromDestination"]
        skipped = expected()["skipped_bytes_at_nat_eni"][eni]  # of the two sides together
        assert paths[device] == billed - skipped // 2
    assert totals.not_forwarded() == {NAT: 4771, INSTANCE: 0}
    assert totals.skipped == {"eni-2ebf3b9ef45fff556": 1, "eni-22a68ee68ef619975": 1}
    assert totals.rejected_bytes == sum(
        eni["reject_ingress"] + eni["reject_egress"] for eni in expected()["enis"].values()
    )


@pytest.mark.parametrize("encoding", ALL)
def test_bytes_to_s3_are_told_apart_by_gateway_endpoint_and_leak(encoding: str) -> None:
    totals = totals_of_sample(encoding, ("path", "device", "interface", "direction", "leak"))
    rows = totals.table().to_pylist()

    gateway = {
        eni: {
            {"up": "egress", "down": "ingress"}[row["direction"]]: row["bytes"]
            for row in rows
            if row["path"] == "s3_gateway" and row["interface"] == eni
        }
        for eni in expected()["s3_gateway_endpoint"]
    }
    assert gateway == expected()["s3_gateway_endpoint"]
    leaked: Counter[str] = Counter()
    for row in rows:
        leaked[row["interface"]] += row["bytes"] if row["leak"] else 0
    assert +leaked == expected()["s3_leaked_through_nat"]["by_nat_eni"]
    assert totals.leaked() == {NAT: 621_319_811, INSTANCE: 508_826_010}


@pytest.mark.parametrize("encoding", [*ALL, "v2"])
def test_an_endpoint_carried_what_it_processed(encoding: str) -> None:
    found = by(totals_of_sample(encoding), "path", "interface")

    processed = {
        (role.replace("s3_interface_endpoint", "s3_interface").split("_inter")[0], eni): sums
        for name, sums in expected()["aws_metrics_sum"].items()
        if "/" in name
        for role, eni in [name.split("/")]
    }
    assert len(processed) == 3
    for (role, eni), sums in processed.items():
        path = "s3_interface" if role.startswith("s3") else role
        assert found[path, eni] == sums["BytesProcessed"]


@pytest.mark.parametrize("encoding", ALL)
def test_a_leak_is_known_by_the_workers_that_made_it(encoding: str) -> None:
    found = by(totals_of_sample(encoding, ("worker", "leak")), "worker", "leak")
    ids = {eni.id: eni.instance_id for eni in topology().found.enis}

    leaked = {worker: octets for (worker, leak), octets in found.items() if leak}
    known = expected()["s3_leaked_through_nat"]["by_worker_eni"]
    assert leaked == {ids[eni]: octets for eni, octets in known.items()}


def test_workers_pulled_through_nat_what_the_scenario_sent() -> None:
    table = totals_of_sample("custom", ("worker", "path", "direction", "leak")).table()
    ids = {eni.id: eni.instance_id for eni in topology().found.enis}
    skipped = {"eni-86973fe5c022697f6", "eni-99c58aa70a90d4198"}  # their flows lost records too

    pulled: Counter[str] = Counter()
    for row in table.to_pylist():
        if row["path"].startswith("nat_") and row["direction"] == "down" and not row["leak"]:
            pulled[row["worker"]] += row["bytes"]
    for eni, octets in expected()["pulled_from_sources_bytes"].items():
        lost = octets - pulled[ids[eni]]
        assert lost >= 0
        assert lost == 0 or lost < 70_000_000 or eni in skipped


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(50, 2000))
def test_the_order_and_the_cuts_of_rows_change_nothing(seed: int, size: int) -> None:
    whole = pa.Table.from_batches([one.rows for one in _sample("custom")]).combine_chunks()
    order = list(range(whole.num_rows))
    Random(seed).shuffle(order)
    totals = PathTotals(members_of(topology()))
    for batch in whole.take(order).combine_chunks().to_batches(max_chunksize=size):
        totals.add(FlowBatch((), batch, "log"))

    assert _sorted(totals.table()) == _sorted(totals_of_sample("custom").table())


def test_little_room_for_what_waits_changes_nothing_where_rows_come_in_order() -> None:
    totals = PathTotals(members_of(topology()), most_waiting=400)
    for batch in _sample("custom"):
        for at in range(0, batch.rows.num_rows, 100):
            totals.add(replace(batch, rows=batch.rows.slice(at, 100)))

    assert _sorted(totals.table()) == _sorted(totals_of_sample("custom").table())


def test_minutes_that_were_taken_out_and_those_that_stay_are_all_of_it() -> None:
    totals = PathTotals(members_of(topology()))
    taken: list[pa.Table] = []
    for batch in _sample("custom"):  # files of five minutes
        totals.add(batch)
        newest = max(batch.rows["start"].to_pylist())
        taken.append(totals.drain(newest - 400))

    assert min(totals.table()[MINUTE].to_pylist()) > BEGIN + 600
    assert _added(*taken, totals.table()) == _added(totals_of_sample("custom").table())


def _added(*tables: pa.Table) -> dict[tuple[Any, ...], int]:
    found: Counter[tuple[Any, ...]] = Counter()
    for table in tables:
        for row in table.to_pylist():
            found[tuple(row[key] for key in BY_PATH)] += row["bytes"]
    return dict(found)


def _sorted(table: pa.Table) -> list[str]:
    return sorted(str(sorted(row.items())) for row in table.to_pylist())


# ---- single rows

MEMBERS = Members(
    interfaces={
        one.id: one
        for one in (
            Member("eni-w", "other", "", "", "subnet-1", ("10.0.1.5",), "i-worker"),
            Member("eni-old", "other", "", "", "subnet-2", ("10.0.2.5",), "i-old"),
            Member("eni-nat", "nat", "nat_gateway", "nat-1", "subnet-9", ("10.0.0.9",)),
            Member("eni-in", "nat", "nat_instance", "i-nat", "subnet-9", ("10.0.0.20",)),
            Member("eni-out", "nat", "nat_instance", "i-nat", "subnet-9", ("10.0.0.21",)),
            Member("eni-sts", "endpoint", "sts", "vpce-3", "subnet-1", ("10.0.1.60",)),
        )
    },
    regional=("nat-r",),
    inside=("10.0.0.0/16", "2001:db8::/56"),
    s3=("52.216.0.0/15",),
    out={"subnet-1": Way("nat_gateway", "nat-1"), "subnet-2": Way("transit_gateway", "tgw-1")},
    to_s3={"subnet-1": Way("s3_gateway", "vpce-1"), "subnet-2": Way("s3_gateway", "vpce-1")},
)
FULL = (
    "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start action log-status "
    "subnet-id pkt-srcaddr pkt-dstaddr pkt-src-aws-service pkt-dst-aws-service flow-direction "
    "traffic-path"
)
V2 = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start action log-status"
HOST = "203.0.113.5"
LATER = 1_700_000_060


def totals_of(lines: str, header: str = FULL, keys: tuple[str, ...] = BY_PATH) -> PathTotals:
    totals = PathTotals(MEMBERS, keys)
    body = f"{header}\n{lines}\n".encode()
    for batch in read_flow_log(
        iter([body]), name="log", columns=NEEDED, also=HELPFUL, coded=True, report=ReadReport()
    ):
        totals.add(batch)
    return totals


def row(
    eni: str, src: str, dst: str, octets: int, direction: str, *, path: str = "-",
    pkt: tuple[str, str] | None = None, service: str = "", ports: str = "40000 443",
    start: int = 1_700_000_000,
) -> str:  # fmt: skip
    """A row of FULL. `service` is that of the far end's packet address."""
    services = f"{service or '-'} -" if direction == "ingress" else f"- {service or '-'}"
    of, to = pkt or (src, dst)
    return (
        f"{eni} {src} {dst} {ports} 6 1 {octets} {start} ACCEPT OK - {of} {to} {services} "
        f"{direction} {path}"
    )


def test_the_four_rows_of_a_nat_gateway_are_two_counts_up_and_down() -> None:
    found = totals_of(
        "\n".join(
            (
                row("eni-nat", "10.0.1.5", "10.0.0.9", 100, "ingress", pkt=("10.0.1.5", HOST)),
                row("eni-nat", "10.0.0.9", HOST, 100, "egress", path="8"),
                row("eni-nat", HOST, "10.0.0.9", 7, "ingress", ports="443 40000"),
                row("eni-nat", "10.0.0.9", "10.0.1.5", 7, "egress", pkt=(HOST, "10.0.1.5")),
                row("eni-w", "10.0.1.5", HOST, 100, "egress", path="1"),
                row("eni-w", HOST, "10.0.1.5", 7, "ingress", ports="443 40000"),
            )
        ),
        keys=("path", "direction", "worker", "remote", "src", "dst", MINUTE),
    )
    assert found.table().drop(["packets", "records"]).to_pylist() == [
        {"path": "nat_gateway", "direction": "up", "worker": "i-worker", "remote": HOST,
         "src": "10.0.1.5", "dst": HOST, "minute": 1_699_999_980, "bytes": 100},
        {"path": "nat_gateway", "direction": "down", "worker": "i-worker", "remote": HOST,
         "src": HOST, "dst": "10.0.1.5", "minute": 1_699_999_980, "bytes": 7},
    ]  # fmt: skip


def test_a_nat_device_that_is_not_logged_is_counted_at_its_workers() -> None:
    found = totals_of(
        row("eni-w", "10.0.1.5", HOST, 100, "egress", path="1")
        + "\n"
        + row("eni-w", HOST, "10.0.1.5", 7, "ingress", ports="443 40000")
    )
    assert by(found, "path", "device", "interface", "direction") == {
        ("nat_gateway", "nat-1", "eni-w", "up"): 100,
        ("nat_gateway", "nat-1", "eni-w", "down"): 7,
    }


def test_a_nat_instance_with_two_interfaces_counts_its_inner_one() -> None:
    found = totals_of(
        "\n".join(
            (
                row("eni-in", "10.0.1.5", "10.0.0.20", 100, "ingress", pkt=("10.0.1.5", HOST)),
                row("eni-out", "10.0.0.21", HOST, 100, "egress", path="8"),
                row("eni-out", HOST, "10.0.0.21", 7, "ingress"),
                row("eni-in", "10.0.0.20", "10.0.1.5", 7, "egress", pkt=(HOST, "10.0.1.5")),
            )
        )
    )
    assert by(found, "device", "interface") == {("i-nat", "eni-in"): 107}
    assert found.not_forwarded() == {"i-nat": 0}


def test_what_a_nat_gateway_dropped_is_not_counted() -> None:
    found = totals_of(row("eni-nat", "198.51.100.66", "10.0.0.9", 60, "ingress"))
    assert found.table().num_rows == 0
    assert found.not_forwarded() == {"nat-1": 60}


def test_a_regional_nat_gateway_is_known_by_its_resource_id() -> None:
    line = row("-", "10.0.1.5", "10.0.0.99", 100, "ingress", pkt=("10.0.1.5", HOST))
    found = totals_of(f"{line} nat-r", f"{FULL} resource-id")
    assert by(found, "path", "device", "interface", "direction") == {
        ("nat_gateway", "nat-r", "nat-r", "up"): 100
    }


@pytest.mark.parametrize(
    ("stated", "service", "remote", "path"),
    [
        ("7", "S3", HOST, "s3_gateway"),
        ("2", "S3", HOST, "s3_gateway"),  # an instance that is not built on Nitro
        ("2", "", HOST, "internet_gateway"),
        ("8", "S3", "52.216.1.1", "internet_gateway"),
        ("7", "DYNAMODB", HOST, "dynamodb_gateway"),
        ("3", "", HOST, "virtual_private_gateway"),
        ("4", "", HOST, "peering"),
        ("1", "S3", "52.216.1.1", "nat_gateway"),  # it leaks, whatever the routes say today
        ("-", "", "52.216.1.1", "s3_gateway"),  # by its address and the routes
        ("-", "", HOST, "nat_gateway"),
        ("1", "", "10.0.9.9", "vpc"),
    ],
)
def test_the_path_of_a_worker_s_row(stated: str, service: str, remote: str, path: str) -> None:
    up = row("eni-w", "10.0.1.5", remote, 9, "egress", path=stated, service=service)
    found = by(totals_of(up), "path")
    assert found == {path: 9}


def test_what_comes_back_takes_the_way_of_what_was_sent_by_the_same_ports() -> None:
    s3 = "52.216.1.1"
    found = totals_of(
        "\n".join(
            (
                row("eni-w", s3, "10.0.1.5", 1, "ingress", ports="443 40000"),
                row("eni-w", s3, "10.0.1.5", 2, "ingress", ports="443 40001"),
                row("eni-w", "10.0.1.5", s3, 10, "egress", path="7", ports="40000 443"),
                row(
                    "eni-w",
                    "10.0.1.5",
                    s3,
                    20,
                    "egress",
                    path="8",
                    ports="40001 443",
                    start=1_700_000_060,
                ),
                row("eni-w", s3, "10.0.1.5", 4, "ingress", ports="443 55555"),  # by the last one
            )
        )
    )
    assert by(found, "path", "direction") == {
        ("s3_gateway", "up"): 10, ("internet_gateway", "up"): 20,
        ("s3_gateway", "down"): 1, ("internet_gateway", "down"): 6,
    }  # fmt: skip


def test_of_ports_that_were_used_again_on_another_way_the_time_decides() -> None:
    s3 = "52.216.1.1"
    found = totals_of(
        "\n".join(
            (
                row("eni-w", "10.0.1.5", s3, 10, "egress", path="7"),
                row("eni-w", s3, "10.0.1.5", 1, "ingress", ports="443 40000"),
                row("eni-w", "10.0.1.5", s3, 20, "egress", path="8", start=LATER + 600),
                row("eni-w", s3, "10.0.1.5", 2, "ingress", ports="443 40000", start=LATER + 660),
            )
        )
    )
    assert by(found, "path", "direction") == {
        ("s3_gateway", "up"): 10, ("internet_gateway", "up"): 20,
        ("s3_gateway", "down"): 1, ("internet_gateway", "down"): 2,
    }  # fmt: skip


def test_between_two_minutes_the_one_before_decides() -> None:
    s3 = "52.216.1.1"
    found = totals_of(
        "\n".join(
            (
                row("eni-w", "10.0.1.5", s3, 10, "egress", path="7", start=LATER),
                row("eni-w", "10.0.1.5", s3, 20, "egress", path="8", start=LATER + 120),
                row("eni-w", s3, "10.0.1.5", 1, "ingress", ports="443 40000", start=LATER + 60),
            )
        )
    )
    assert by(found, "path", "direction")["s3_gateway", "down"] == 1


def test_traffic_between_workers_is_counted_where_it_was_sent() -> None:
    found = totals_of(
        row("eni-w", "10.0.1.5", "10.0.2.5", 50, "egress", path="1")
        + "\n"
        + row("eni-old", "10.0.1.5", "10.0.2.5", 50, "ingress")
    )
    assert by(found, "path", "interface") == {("vpc", "eni-w"): 50}


def test_bytes_of_an_endpoint_are_counted_at_its_interface_alone() -> None:
    found = totals_of(
        row("eni-w", "10.0.1.5", "10.0.1.60", 5, "egress", path="1")
        + "\n"
        + row("eni-sts", "10.0.1.5", "10.0.1.60", 5, "ingress"),
        keys=("path", "device", "direction", "worker", "port"),
    )
    assert by(found, "path", "device", "direction", "worker", "port") == {
        ("sts", "vpce-3", "up", "i-worker", 443): 5
    }


def test_s3_through_nat_is_known_by_address_where_no_service_is_stated() -> None:
    s3 = "52.217.8.8"
    lines = "\n".join(
        (
            row("eni-nat", "10.0.1.5", "10.0.0.9", 100, "ingress", pkt=("10.0.1.5", s3)),
            row("eni-nat", "10.0.0.9", s3, 100, "egress", path="8"),
            row("eni-nat", s3, "10.0.0.9", 7, "ingress", ports="443 40000"),
            row("eni-nat", "10.0.0.9", "10.0.1.5", 7, "egress", pkt=(s3, "10.0.1.5")),
        )
    )
    found = totals_of(lines, keys=("leak", "remote", "subnet"))
    assert by(found, "leak", "remote", "subnet") == {(True, "52.216.0.0/15 (S3)", "subnet-1"): 107}
    assert found.leaked() == {"nat-1": 107}


def test_a_log_of_version_2_shows_the_leak_on_the_outer_side() -> None:
    s3 = "52.217.8.8"
    found = totals_of(
        "\n".join(
            f"eni-nat {of} {to} 40000 443 6 1 {octets} 1700000000 ACCEPT OK"
            for of, to, octets in (
                ("10.0.1.5", "10.0.0.9", 100), ("10.0.0.9", s3, 100),
                (s3, "10.0.0.9", 7), ("10.0.0.9", "10.0.1.5", 7),
            )
        ),
        V2,
    )  # fmt: skip
    assert by(found, "path", "direction") == {
        ("nat_gateway", "up"): 100,
        ("nat_gateway", "down"): 7,
    }
    assert found.leaked() == {"nat-1": 107}


def test_an_interface_that_came_after_discovery_is_a_worker_s() -> None:
    line = "eni-new 10.0.1.77 10.0.2.5 40000 443 6 1 9 1700000000 ACCEPT OK"
    out = "eni-new 10.0.1.77 52.216.1.1 40000 443 6 1 8 1700000000 ACCEPT OK"
    found = totals_of(f"{line}\n{out}", V2, ("path", "worker"))
    assert by(found, "path", "worker") == {("unknown", "10.0.1.77"): 8}
    assert found.undirected == 1  # between two addresses of the VPC nothing tells


def test_refused_lost_and_empty_rows_carry_no_bytes() -> None:
    found = totals_of(
        "eni-w 10.0.1.5 203.0.113.5 1 2 6 1 50 1700000000 REJECT OK\n"
        "eni-w - - - - - - - 1700000000 - SKIPDATA\n"
        "eni-w - - - - - - - 1700000000 - NODATA",
        V2,
    )
    assert found.table().num_rows == 0
    assert (found.rejected_bytes, found.skipped) == (50, {"eni-w": 1})


@pytest.mark.parametrize("direction", ["egress", "ingress"])
def test_a_row_that_does_not_say_when_it_was_is_told_and_not_counted(direction: str) -> None:
    ends = ("10.0.1.5", HOST) if direction == "egress" else (HOST, "10.0.1.5")
    fine = row("eni-w", *ends, 9, direction)

    found = totals_of(f"{fine}\n{fine.replace(' 1700000000 ', ' - ')}")

    assert sum(by(found, "path").values()) == 9
    assert (found.undirected, found.rejected_bytes) == (1, 0)
