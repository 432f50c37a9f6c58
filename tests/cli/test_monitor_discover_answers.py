"""A network for people: its paths, what a GB of each costs, and what is odd about it."""

from dataclasses import replace

import pytest

from lakeferry.cli.monitor.discover_answers import topology_lines
from lakeferry.network.fields import DEFAULT_FORMAT
from lakeferry.network.resources import FlowLog
from lakeferry.network.topology import Finding, Hop, Path, Topology
from tests.network.sample_scenario import topology

SIGNS = {"ok": "✓", "warning": "▲", "error": "✗"}
LOST = Path(
    "transit_gateway",
    "tgw-1",
    ("subnet-1", "subnet-2"),
    (Hop("transit_gateway", "tgw-1"), Hop("vpc", "vpc-9", account="444455556666")),
    lost_at="no role is given for account 444455556666: give --beyond 444455556666=ROLE",
)
FAILED = FlowLog(
    "", "vpc-1", "VPC", "ALL", "cloud-watch-logs", "/flow", "role", DEFAULT_FORMAT, 600,
    id="fl-1", delivery="FAILED", error="Access error",
)  # fmt: skip


def network() -> Topology:
    """The sample's, with a way that is lost and a flow log that fails."""
    base = topology()
    odd = Finding("flow-log-fails", "warning", "fl-1", "it is delivered no more", "mend its role")
    return replace(
        base,
        paths=(*base.paths, LOST),
        findings=(odd,),
        found=replace(base.found, flow_logs=(FAILED,)),
    )


def test_each_path_has_its_price() -> None:
    lines = topology_lines(network(), SIGNS, 250)
    (gateway,) = [line for line in lines if line.startswith("  NAT gateway")]

    assert "0.045" in gateway
    assert network().nat_gateways[0].id in gateway


def test_it_says_where_sight_was_lost() -> None:
    lines = topology_lines(network(), SIGNS, 250)

    assert (
        "  ? transit gateway tgw-1: no role is given for account 444455556666: "
        "give --beyond 444455556666=ROLE"
    ) in lines


def test_a_flow_log_that_fails_says_so() -> None:
    (row,) = [line for line in topology_lines(network(), SIGNS, 250) if "fl-1  " in line]

    assert row.split()[-3:] == ["FAILED:", "Access", "error"]
    assert "600 s" in row


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_it_fits_the_screen(width: int) -> None:
    assert [one for one in topology_lines(network(), SIGNS, width) if len(one) > width] == []
