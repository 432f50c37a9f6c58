"""What bounds an answer besides its paths: days until the start, workers, the source's own line."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from lakeferry.cost.plan.cost_report import CostReport
from lakeferry.cost.run import CostRequest, cost_of

TODAY = date(2026, 11, 26)
PLAN: dict[str, Any] = {
    "bytes": "2 PiB", "days": 30, "from": "azure:eastus", "to": "aws:us-east-1",
}  # fmt: skip


def answered(**keys: Any) -> CostReport:
    plan = {name: one for name, one in {**PLAN, **keys}.items() if one is not None}
    return cost_of(CostRequest(keys=[(key, key, one) for key, one in plan.items()]), today=TODAY)


# ---- days until the start


def test_a_circuit_that_is_not_there_in_time_is_never_taken() -> None:
    keys: dict[str, Any] = {
        "from": "on-premises", "price": {"carrier.circuit.month": 10},
        "policy": ["no-public-ip", "no-instance"],
    }  # fmt: skip
    soon, later = answered(**keys, lead_days=10), answered(**keys, lead_days=60)

    assert soon.front is not None
    assert soon.front.chosen is not None
    assert soon.front.chosen.path == "nat_gateway"
    assert "direct_connect" not in soon.front.why
    assert soon.taken is not None
    assert soon.taken.path == "nat_gateway"
    assert later.taken is not None
    assert later.taken.path == "direct_connect"


def test_a_circuit_that_is_not_there_in_time_is_not_asked_a_price_for() -> None:
    assert not [one for one in answered(lead_days=10).hints if "ExpressRoute" in one]
    assert [one for one in answered(lead_days=10).hints if "push by public addresses" in one]


# ---- workers, and the source's line


@pytest.mark.parametrize(
    ("keys", "gbps"),
    [
        ({"workers": "c7g.2xlarge:1"}, "3.75"),  # its card
        ({"source_gbps": 1}, "1"),
    ],
)
@pytest.mark.parametrize("path", ["nat_gateway", "nat_instance", "internet_gateway"])
def test_a_route_is_no_faster_than_workers_and_the_sources_line(
    path: Any, keys: dict[str, Any], gbps: str
) -> None:
    found = answered(**keys).route(path)

    # 2 PiB and 3 % of it, at so many Gbit/s
    hours = -(-2 * 2**50 * 103 // 100 * 8 // int(float(gbps) * 10**9 * 3600))
    assert found.gbps is not None
    assert abs(float(found.gbps) - float(gbps)) < 0.001
    assert found.hours == hours
    assert found.remark.endswith("days too late")


def test_nothing_is_in_time_where_the_workers_or_the_sources_line_is_too_slow() -> None:
    for keys in ({"workers": "t4g.nano:1"}, {"source_gbps": 1}):
        found = answered(**keys)

        assert found.fault is not None
        assert found.fault.code == "LF-6521"
        assert found.decision is None


def test_endpoints_are_no_faster_than_the_workers_either() -> None:
    here = answered(workers="c7g.2xlarge:2", **{"from": "aws:us-east-1"})
    partner = answered(workers="c7g.2xlarge:2", **{"from": "partner"})

    for one in (here.route("interface_endpoint"), partner.route("privatelink")):
        assert one.gbps is not None
        assert abs(float(one.gbps) - 7.5) < 0.001


# ---- agreements


def test_credits_are_taken_off_every_path() -> None:
    plain, credited = answered().totals, answered(credits="1000.50").totals

    assert {name: usd - credited[name] for name, usd in plain.items()} == dict.fromkeys(
        plain, Decimal("1000.50")
    )


# ---- where instances and gateways cost the same


def test_8_the_answer_says_the_volume_and_the_duration_at_which_the_choice_flips() -> None:
    found = answered(
        workers="c6in.4xlarge:6", nat_instances="c7gn.large:3", overhead="3.125%", files=16_777_216
    )

    assert found.bounded is not None
    assert str(found.bounded.gb).startswith("6753.0666")  # (411.888 - 108) / 0.045
    assert found.pays_until is not None
    assert round(found.pays_until) == 230_582  # 97,320.96 / (303.888 / 720)


def test_bytes_that_cross_zones_to_one_gateway_let_instances_pay_from_fewer() -> None:
    one, three = (
        answered(nat_instances="c7gn.large:3", nat_gateways=count).bounded for count in (1, 3)
    )

    # (411.888 - 36) / (0.045 + 2/3 x 2 x 0.01), and (411.888 - 108) / 0.045
    assert one is not None
    assert three is not None
    assert str(one.gb).startswith("6443.79")
    assert str(three.gb).startswith("6753.06")


def test_a_missing_price_leaves_both_open() -> None:
    found = answered(to="aws:eu-west-1", nat_instances="c7gn.large:3")

    assert (found.bounded, found.pays_until) == (None, None)
