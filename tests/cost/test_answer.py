"""The whole answer to a plan: what is chosen where nobody says, hints, and what lies beside."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from lakeferry.cost.path.money import exact
from lakeferry.cost.path.total import price
from lakeferry.cost.plan.cost_report import CostReport
from lakeferry.cost.plan.keys import KEYS
from lakeferry.cost.run import CostRequest, cost_of

TODAY = date(2026, 11, 26)
PLAN: dict[str, Any] = {
    "bytes": "2 PiB", "days": 30, "from": "azure:eastus", "to": "aws:us-east-1",
}  # fmt: skip


def answered(**keys: Any) -> CostReport:
    plan = {**PLAN, **keys}
    typed = [(key, key, value) for key, value in plan.items() if value is not None]
    return cost_of(CostRequest(keys=typed), today=TODAY)


def hint(found: CostReport, word: str) -> str:
    return next((one for one in found.hints if word in one), "")


# ---- what nobody said


def test_workers_are_the_cheapest_that_carry_the_rate_with_head_room() -> None:
    found = answered().migration

    # 7.16 Gbit/s: three c7g.2xlarge of 3.75 and 0.29 an hour, at 70 %
    assert found is not None
    assert (found.worker_type, found.workers) == ("c7g.2xlarge", 3)


def test_workers_may_be_left_out() -> None:
    found = answered(workers="none").migration

    assert found is not None
    assert found.workers == 0
    assert answered(workers="none").route("nat_gateway").quote.of("workers") == 0


def test_nat_instances_carry_the_plan_with_one_of_them_lost() -> None:
    found = answered()

    assert [(one.type, one.count) for one in found.sizes[:3]] == [
        ("c8gn.medium", 6), ("c7gn.medium", 6), ("c6gn.medium", 9),
    ]  # fmt: skip
    assert found.route("nat_instance").remark == ""


def test_nobody_is_offered_hundreds_of_nano_instances() -> None:
    assert all(one.count <= 24 for one in answered(bytes="20 PiB").sizes)


def test_connections_bound_nat_instances_before_bandwidth_does() -> None:
    found = answered(connections=200_000, connections_to_one=200_000, bytes="2 TiB")

    # 200,000 of 0.70 x 64,512 ports: five left when one is lost, six in three zones
    assert {(one.count, one.bound_by) for one in found.sizes} == {(6, "ports to one destination")}
    assert found.kernel is not None
    assert (found.kernel.ports_needed, found.kernel.addresses) == (40_000, 1)
    assert hint(found, "NAT gateways lack 35,000 ports")  # three have 165,000


def test_few_connections_carry_five_gbps_each() -> None:
    assert hint(answered(connections=1), "too few connections for the rate, 1:")
    assert hint(answered(connections=2), "too few connections") == ""


def test_the_loss_of_one_instance_is_replayed() -> None:
    found = answered(nat_instances="c7gn.large:3", outage_minutes=20, dark_minutes=8)

    assert found.lost is not None
    assert (found.lost.loss.minutes, found.lost.loss.dark) == (20, 8)
    assert 8 < found.lost.replay.longest_delay < 13


def test_credit_is_counted_on_only_where_it_is_named() -> None:
    slow = {"nat_instances": "c6gn.medium:3", "days": 1, "bytes": "60 TiB"}
    plain, bursting = answered(**slow), answered(**slow, nat_credit="10 TiB")

    assert plain.route("nat_instance").hours == 32  # 4.8 Gbit/s for 61.8 TiB
    assert bursting.route("nat_instance").hours == 24


def test_what_was_taken_is_said() -> None:
    assumed = answered().assumed

    assert "3 x c7g.2xlarge as workers, the cheapest that do" in assumed
    assert "files of 128 MiB" in assumed
    assert answered(files=10**7, overhead=0).assumed[-1].startswith("no date")


# ---- the table and the front


def test_a_route_costs_what_its_path_costs_for_as_long_as_it_lasts() -> None:
    found = answered(nat_instances="t4g.nano:3")
    slow = found.route("nat_instance")
    assert found.migration is not None
    lasting = found.migration.lasting(found.migration.span.lasting(slow.hours))

    assert slow.hours > 720 * 60
    assert slow.quote.total == price(lasting, found.book, "nat_instance").total


def test_a_stream_is_in_the_table_and_in_the_front_alike() -> None:
    plain, streaming = answered(), answered(records_a_day=10**9, shards=24)
    more = Decimal("986.902294921875")

    for one, other in zip(plain.routes, streaming.routes, strict=True):
        with exact():
            assert other.quote.total - one.quote.total == more
    assert plain.front is not None
    assert streaming.front is not None
    with exact():
        assert streaming.front.points[0].quote.total - plain.front.points[0].quote.total == more


def test_what_waits_and_what_fails_is_in_the_front_as_in_the_table() -> None:
    plan = {
        "failures_a_month": "0.2", "delay_usd_hour": 120, "deadline": 60,
        "nat_instances": "c7gn.large:3", "days": 29,
    }  # fmt: skip
    plain, told = answered(**plan), answered(**{**plan, "failures_a_month": 0})
    assert plain.front is not None
    assert told.front is not None
    (one,) = [p for p in plain.front.points if (p.path, p.scale) == ("nat_instance", 1)]
    lines = {line.price_id: line.usd for line in one.quote.lines}

    # 7 of 7.16 Gbit/s: 737 hours, 41 more than 29 days; 0.2 x 3 x 5 minutes x 120 in 720 hours,
    # and as many minutes of a third of 2,160,066.56 GB by the standby gateway, at 0.045
    assert one.hours == 737
    assert lines["delay"] == 41 * 120
    bytes_usd = 3 * Decimal("2160066.56") / (720 * 60 * 3) * Decimal("0.045")
    assert round(lines["failures"] or 0, 4) == round(Decimal(6) / 720 * 737 + bytes_usd, 4)
    (free,) = [p for p in told.front.points if (p.path, p.scale) == ("nat_instance", 1)]
    assert "failures" not in {line.price_id for line in free.quote.lines}


def test_routes_are_sorted_and_lower_bounds_stand_among_them() -> None:
    totals = [one.quote.total for one in answered().routes]

    assert totals == sorted(totals)


def test_what_may_be_cheaper_once_a_price_is_known_is_named_with_how_to_give_it() -> None:
    circuit = hint(answered(), "pull by ExpressRoute is")
    assert "below what is taken without its 2 missing prices: give" in circuit
    assert "--price carrier.circuit.month=USD" in circuit
    assert "--push-usd-hour USD" in hint(answered(policy="no-public-ip"), "push by ExpressRoute is")


def test_one_missing_price_is_told_up_to_which_the_path_is_cheaper() -> None:
    ireland = {"to": "aws:eu-west-1", "policy": "no-public-ip", "workers": "c6in.2xlarge:3"}
    found = answered(**ireland, nat_instances="c7gn.xlarge:6")

    assert found.taken is not None
    assert found.taken.path == "nat_gateway"
    said = hint(found, "pull by NAT instances is")
    limit = Decimal(said.partition("is above ")[2].partition(" each")[0].replace(",", ""))
    dear, fair = (
        answered(**ireland, nat_instances="c7gn.xlarge:6", price={"aws.ebs.gp3.eu-west-1": usd})
        for usd in (limit * Decimal("1.05"), limit * Decimal("0.95"))
    )
    assert fair.taken is not None
    assert dear.taken is not None
    assert (fair.taken.path, dear.taken.path) == ("nat_instance", "nat_gateway")


def test_a_worker_beside_the_source_with_a_price_and_a_rate_is_a_choice() -> None:
    found = answered(push_usd_hour="0.80", push_gbps=5, workers="c6in.4xlarge:6")

    assert found.taken is not None
    assert (found.taken.placement, found.taken.path) == ("push", "internet_gateway")
    assert found.taken.gbps == 30


def test_a_push_whose_rate_nobody_knows_says_so() -> None:
    assert "its rate is not known" in answered().route("internet_gateway", "push").remark


def test_the_line_of_the_source_bounds_every_route() -> None:
    found = answered(source_gbps=2, push_usd_hour="0.80")

    assert found.front is not None
    assert {one.gbps for one in found.front.points} == {Decimal(2)}
    assert found.front.chosen is None


# ---- prices


def test_a_discount_on_everything_spares_what_has_its_own() -> None:
    plain, less = answered(), answered(discount={"*": "50%", "AmazonS3": "10%"})
    assert answered(discount="50%").totals == answered(discount={"*": "50%"}).totals

    def usd(found: CostReport, id: str) -> Decimal:
        (line,) = [one for one in found.route("nat_gateway").quote.lines if one.price_id == id]
        assert line.usd is not None
        return line.usd

    for id, share in (("aws.natgw.gb.us-east-1", "0.5"), ("aws.s3.put.us-east-1", "0.9")):
        with exact():
            assert usd(less, id) == usd(plain, id) * Decimal(share)
    assert usd(less, "azure.egress.mgn.eastus") == usd(plain, "azure.egress.mgn.eastus")


def test_free_tiers_are_off_unless_asked_for() -> None:
    watched = {"alarms": 12, "rules": 1, "log_records": 10**6}
    off, on = answered(**watched), answered(**watched, free_tier=True)

    with exact():
        less = off.route("nat_gateway").quote.of("monitoring") - on.route("nat_gateway").quote.of(
            "monitoring"
        )
    assert less == Decimal("1.52")  # ten metrics of alarms, one rule, a million events


def test_a_spot_price_of_an_hour_is_given_by_its_id() -> None:
    found = answered(
        workers="c6in.4xlarge:6", price={"aws.ec2.hour.c6in.4xlarge.us-east-1": "0.30"}
    )

    assert found.route("nat_gateway").quote.of("workers") == Decimal("1296.00")


def test_egress_at_cost_has_the_price_that_the_cloud_said() -> None:
    asked = answered(egress_waiver="eu_at_cost", **{"from": "azure:westeurope"})
    told = answered(
        egress_waiver="eu_at_cost", egress_usd_per_gb="0.01", **{"from": "azure:westeurope"}
    )

    assert "azure.egress.eu_at_cost.westeurope" in [
        line.price_id for line in asked.route("nat_gateway").quote.unpriced
    ]
    assert told.route("nat_gateway").quote.of("source egress") == Decimal("20971.52")


# ---- hints


def test_in_europe_the_end_of_switching_charges_is_named() -> None:
    assert "January 2027" in hint(answered(**{"from": "azure:westeurope"}), "EU Data Act")
    assert hint(answered(), "EU Data Act") == ""


def test_above_500_tb_a_month_egress_is_negotiated() -> None:
    assert hint(answered(), "Microsoft negotiates")
    assert hint(answered(bytes="400 TiB"), "Microsoft negotiates") == ""
    # 2 PiB over five months are 410 TiB in each
    assert hint(answered(days=150, start="2027-01-01"), "Microsoft negotiates") == ""


def test_on_premises_nobody_bills_the_leaving_and_nothing_is_hinted_of_it() -> None:
    found = answered(**{"from": "on-premises"})

    assert found.route("nat_gateway").quote.of("source egress") == 0
    assert hint(found, "egress") == ""


def test_bytes_of_the_same_region_take_the_gateway_endpoint() -> None:
    found = answered(**{"from": "aws:us-east-1"})

    assert found.taken is not None
    assert found.taken.path == "s3_gateway"
    assert found.decision is not None
    assert "for nothing: always" in found.decision.reason


# ---- keys


@pytest.mark.parametrize("name", KEYS)
def test_every_key_says_what_it_is_for_in_one_line(name: str) -> None:
    key = KEYS[name]

    assert key.about
    assert not key.about.endswith(".")
    assert key.least <= key.most
