"""`monitor top` names who moves most, by which device, and what is wrong about it."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from lakeferry.monitor.logs.read_paths import PathReader, read_paths
from lakeferry.monitor.logs.top import BYS, Top, keys_for, leak_text, money, top
from lakeferry.network.members import members_of
from lakeferry.network.resources import PrefixList
from lakeferry.network.topology import Topology
from tests.corpora import required
from tests.monitor.wishes import with_found
from tests.network.sample_scenario import NAT_GATEWAY, REGION, S3, SAMPLE, topology

KNOWN = (
    5_832_965_067  # NAT gateway: egress of its interface, which unsolicited packets did not reach
    + 5_842_614_650  # NAT instance
    + 2_645_487_720  # S3's interface endpoint, both ways
    + 937_325_845  # Kinesis' two interfaces
    + 6_741_933_325  # S3's gateway endpoint, at the workers
    + 20_515_437  # IPv6, straight to the internet
)
BEGIN = 1_795_428_000  # of the scenario
LISTS = (PrefixList("pl-1", S3, ("52.216.0.0/15",)),)


def answer(by: str, *, encoding: str = "custom", network: Topology | None = None,
           span: tuple[int | None, int | None] = (None, None), limit: int = 20) -> Top:  # fmt: skip
    required(SAMPLE)
    network = network or topology()
    reader = PathReader.of(members_of(network), keys_for(by), start_s=span[0], end_s=span[1])
    read_paths(str(SAMPLE / encoding), reader)
    return top(
        reader.totals.table(), by, network, seconds=reader.seconds,
        leaked=reader.totals.leaked(), limit=limit,
    )  # fmt: skip


@pytest.mark.parametrize("by", BYS)
def test_the_same_bytes_are_shown_by_whatever_is_asked(by: str) -> None:
    shown = answer(by, limit=10_000)
    assert shown.others == 0
    assert sum(flow.bytes for flow in shown.flows) == shown.bytes == KNOWN
    assert sum(flow.share for flow in shown.flows) == pytest.approx(1)
    assert sum(flow.leaked for flow in shown.flows) == 1_130_145_821
    assert list(shown.flows) == sorted(shown.flows, key=lambda one: (-one.bytes, one.key))


def test_paths_are_shown_with_their_device() -> None:
    flows = answer("path").flows
    assert [(flow.path, flow.device) for flow in flows] == [
        ("s3_gateway", "vpce-01"),
        ("nat_instance", "i-e06342a37b9aace83"),
        ("nat_gateway", NAT_GATEWAY),
        ("s3_interface", "vpce-02"),
        ("kinesis", "vpce-03"),
        ("internet_gateway", ""),
    ]


def test_a_leak_is_named_with_its_subnet_and_its_price_an_hour() -> None:
    without = Topology(
        topology().found, topology().scope, topology().workers, topology().nat_gateways,
        topology().nat_instances, tuple(p for p in topology().paths if p.kind != "s3_gateway"), (),
    )  # fmt: skip
    flows = {flow.device: flow for flow in answer("path", network=without).flows}

    nat = flows[NAT_GATEWAY]
    assert nat.leaked == 621_319_811
    # 0.5787 GB at $0.045 in 1,245 s, from the first row to the last and its minute
    assert round(nat.usd_per_hour or Decimal(0), 4) == Decimal("0.0753")
    subnet = next(e.subnet_id for e in topology().found.enis if e.id == "eni-c11d654c2e6e7f947")
    assert nat.finding == f"not ours: {subnet} has no S3 endpoint route, $0.08/h"
    instance = flows["i-e06342a37b9aace83"]
    assert instance.usd_per_hour is None  # an instance is paid by the hour
    assert instance.finding.endswith("has no S3 endpoint route")


def test_a_leak_past_an_endpoint_route_says_what_it_can_be() -> None:
    flows = {flow.device: flow for flow in answer("path").flows}
    assert "reaches S3 through NAT in spite of an S3 endpoint route" in flows[NAT_GATEWAY].finding
    assert flows["vpce-01"].finding == ""


@pytest.mark.parametrize(
    ("leaks", "said"),
    [
        ({"subnet-a": 7}, "subnet-a has no S3 endpoint route"),
        ({"subnet-a": 5, "subnet-b": 7}, "subnet-b and 1 more have no S3 endpoint route"),
        ({"subnet-a": 9, "subnet-b": 7, None: 8}, "subnet-a and 2 more have no S3 endpoint route"),
    ],
)
def test_of_several_subnets_that_leak_the_greatest_is_named(
    leaks: dict[str | None, int], said: str
) -> None:
    assert leak_text(leaks, None, topology()) == f"not ours: {said}"


def test_a_log_of_version_2_shows_the_leak_by_device() -> None:
    flows = {f.device: f for f in answer("eni", encoding="v2",
                                         network=with_found(prefix_lists=LISTS)).flows}  # fmt: skip
    assert flows[NAT_GATEWAY].leaked == 621_319_811
    assert flows[NAT_GATEWAY].finding.startswith("not ours: S3 through NAT, $")


def test_a_device_is_called_by_its_name() -> None:
    (gateway,) = topology().nat_gateways
    named = replace(topology(), nat_gateways=(replace(gateway, tags={"Name": "nat-a"}),))
    flows = {flow.device: flow.name for flow in answer("path", network=named).flows}
    assert flows[NAT_GATEWAY] == "nat-a"
    assert flows["vpce-01"] == ""


def test_only_the_time_that_was_asked_for_is_counted() -> None:
    minute = answer("path", span=(BEGIN + 60, BEGIN + 120))
    assert minute.seconds == 60
    assert 0 < minute.bytes < answer("path").bytes / 10


def test_the_greatest_are_shown_and_the_others_counted() -> None:
    shown = answer("worker", limit=3)
    assert len(shown.flows) == 3
    assert shown.others == len(answer("worker", limit=1000).flows) - 3


def test_s3_is_shown_by_its_range() -> None:
    flows = answer("remote", network=with_found(prefix_lists=LISTS)).flows
    assert "52.216.0.0/15 (S3)" in {flow.key for flow in flows}


def test_no_rows_are_no_flows(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("version account-id interface-id srcaddr dstaddr bytes "
                                    "packets start\n")  # fmt: skip
    reader = PathReader.of(members_of(topology()), keys_for("dst"))
    read_paths(str(tmp_path), reader)
    shown = top(reader.totals.table(), "dst", topology(), seconds=reader.seconds)
    assert (shown.flows, shown.bytes, shown.seconds) == ((), 0, 0)


@pytest.mark.parametrize(
    ("usd", "text"),
    [("3.6", "$3.60/h"), ("0.0049", "$0.0049/h"), ("0", "$0.00/h"), ("0.076", "$0.08/h")],
)
def test_money_has_the_digits_that_it_needs(usd: str, text: str) -> None:
    assert money(Decimal(usd)) == text


def test_the_region_of_the_network_has_the_price() -> None:
    assert topology().found.vpc.region == REGION
