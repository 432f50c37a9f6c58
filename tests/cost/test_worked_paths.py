"""The worked examples of cost.md section 5: each path, its break-even, requests, streams."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lakeferry.cost.path.break_even import (
    break_even,
    capacity_gb,
    circuit_or_internet,
    endpoint_or_gateway,
    instance_or_gateway,
)
from lakeferry.cost.path.egress import source_egress
from lakeferry.cost.path.migration import MIB, NatInstances, Placement, Source, Watching
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.paths import (
    crossing_zones,
    direct_connect,
    expressroute,
    interconnect,
    interface_endpoint,
    nat_gateway,
    nat_instance,
    privatelink,
    public_addresses,
    s3_gateway,
    standby,
)
from lakeferry.cost.path.requests import requests
from lakeferry.cost.path.span import Span, from_date, of_hours, typical_month
from lakeferry.cost.path.stream import Stream, shards_needed, stream, stream_endpoint
from lakeferry.cost.path.watching import watching
from lakeferry.errors import FerryError
from tests.cost.plans import BOOK, GIB, PIB, TWO_PIB, US, of_gb, total

PLACEMENTS: tuple[Placement, ...] = ("pull", "push")

THIRTY_DAYS = of_hours(30 * 24)
MONTH = typical_month()
P_GW = Decimal("0.045")


def instances(count: int, type: str, span: Span) -> Decimal:
    return total(nat_instance(BOOK, US, NatInstances(type, count), span))


def starts(number: Decimal, text: str) -> bool:
    """`text` are the first digits of a number that does not end."""
    return str(number).startswith(text)


def test_5_1_three_nat_gateways_carry_2_pib() -> None:
    lines = nat_gateway(BOOK, US, 3, THIRTY_DAYS, [2 * PIB])

    assert total(lines[:2]) == Decimal("108.00")
    assert total(lines[2:]) == Decimal("94371.84")
    assert total(lines) == Decimal("94479.84")


def test_5_2_three_nat_instances_and_what_waits_for_them() -> None:
    lines = nat_instance(BOOK, US, NatInstances("c7gn.large", 3, disk_gb=8), THIRTY_DAYS)
    waiting = standby(BOOK, US, 3, THIRTY_DAYS)

    assert [line.usd for line in lines] == [
        Decimal("269.568"),
        Decimal("10.80"),
        Decimal("1.92"),
    ]
    assert total(lines) == Decimal("282.288")
    assert (total(waiting[:2]), total(waiting[2:])) == (Decimal("108.00"), Decimal("21.60"))
    assert total(waiting) == Decimal("129.60")
    assert total((*lines, *waiting)) == Decimal("411.888")


def test_5_3_one_instance_against_one_gateway() -> None:
    gateway = total(nat_gateway(BOOK, US, 1, MONTH))
    one = instances(1, "c7gn.large", MONTH)

    assert (one, gateway) == (Decimal("95.394"), Decimal("36.50"))
    assert starts(instance_or_gateway(one, gateway, P_GW), "1308.7555")


def test_5_3_the_same_with_its_standby_gateway_kept() -> None:
    gateway = total(nat_gateway(BOOK, US, 1, MONTH))
    kept = instances(1, "c7gn.large", MONTH) + gateway

    assert kept == Decimal("131.894")
    assert starts(instance_or_gateway(kept, gateway, P_GW), "2119.8666")


def test_5_3_three_zones_each_with_standby() -> None:
    gateways = total(nat_gateway(BOOK, US, 3, MONTH))
    kept = instances(3, "c7gn.large", MONTH) + total(standby(BOOK, US, 3, MONTH))

    assert (kept, gateways) == (Decimal("417.582"), Decimal("109.50"))
    assert starts(instance_or_gateway(kept, gateways, P_GW), "6846.2666")


def test_5_3_the_smallest_instance_wins_from_the_first_byte_up_to_what_it_can_carry() -> None:
    smallest = instances(1, "t4g.nano", MONTH)
    gateway = total(nat_gateway(BOOK, US, 1, MONTH))
    sustained = BOOK.instance("t4g.nano").internet_gbps

    assert smallest == Decimal("7.356")
    assert instance_or_gateway(smallest, gateway, P_GW) < 0
    assert capacity_gb(sustained, 720) == Decimal("9655.95245361328125")


def test_5_4_an_interface_endpoint_pays_for_itself() -> None:
    endpoint = total(interface_endpoint(BOOK, US, 3, MONTH))
    per_gb = BOOK.of("aws.vpce.gb", US).first_usd

    assert endpoint == Decimal("21.90")
    assert per_gb is not None
    assert starts(endpoint_or_gateway(endpoint, per_gb, P_GW), "625.714")


def test_5_5_two_thirds_of_2_pib_between_zones_cost_more_than_any_instance() -> None:
    crossing = crossing_zones(BOOK, US, [2 * PIB * 2 // 3])

    assert starts(total(crossing), "27962.0266")


def test_5_6_s3_bytes_through_nat_are_a_leak_that_a_free_endpoint_ends() -> None:
    gigabytes = [40_000 * GIB]

    assert of_gb("aws.natgw.gb.us-east-1", 40_000) == Decimal("1800.00")
    assert total(s3_gateway(BOOK, US, gigabytes)) == 0


@pytest.mark.parametrize(
    ("objects", "size", "part", "each", "all", "usd"),
    [
        (16_777_216, 128 * MIB, 8 * MIB, 18, 301_989_888, "1509.94944"),
        (16_777_216, 128 * MIB, 64 * MIB, 4, 67_108_864, "335.54432"),
        (16_777_216, 128 * MIB, 128 * MIB, 1, 16_777_216, "83.88608"),
        (2_097_152, 1024 * MIB, 8 * MIB, 130, 272_629_760, "1363.1488"),
        (2_097_152, 1024 * MIB, 64 * MIB, 18, 37_748_736, "188.74368"),
        (2_097_152, 1024 * MIB, 256 * MIB, 6, 12_582_912, "62.91456"),
    ],
)
def test_5_7_requests_by_part(
    objects: int, size: int, part: int, each: int, all: int, usd: str
) -> None:
    assert requests(size, part) == each
    assert objects * each == all
    assert of_gb("aws.s3.put.us-east-1", all) == Decimal(usd)


def test_5_7_reads_in_ranges_of_8_mib() -> None:
    ranges = 2 * PIB // (8 * MIB)

    assert ranges == 268_435_456
    assert of_gb("aws.s3.get.us-east-1", ranges) == Decimal("107.3741824")


@pytest.mark.parametrize(
    ("size", "part", "next_step"),
    [
        (5 * 2**40, 64 * MIB, "at least 549,755,814 bytes"),  # 81,920 parts
        (1024 * MIB, 4 * MIB, "at least 5,242,880 bytes"),
        (20 * 2**30, 6 * 2**30, "at most 5,368,709,120 bytes"),
    ],
)
def test_5_7_parts_that_s3_does_not_take_are_refused(size: int, part: int, next_step: str) -> None:
    with pytest.raises(FerryError) as error:
        requests(size, part)

    assert error.value.code == "LF-6505"
    assert next_step in error.value.next_step


def test_5_8_a_thousand_million_flow_records() -> None:
    lines = watching(Watching(log_records=10**9), BOOK, US, THIRTY_DAYS)
    by_item = {line.item: line for line in lines}
    ingested, kept = by_item["flow log, ingested"], by_item["flow log, kept, GB-months"]

    assert starts(ingested.quantity, "139.698")
    assert starts(ingested.usd or Decimal(0), "69.849193")
    assert starts(kept.usd or Decimal(0), "4.190951")


def test_5_8_sixty_thousand_vended_gb_in_one_month() -> None:
    assert of_gb("aws.cw.vended.us-east-1", 60_000) == Decimal("12728.00")


def test_5_8_six_rules_that_match_everything_cost_more_than_the_log() -> None:
    wanted = Watching(log_records=10**9, rules=6)
    lines = watching(wanted, BOOK, US, THIRTY_DAYS)
    by_id = {line.price_id: line.usd for line in lines}

    assert by_id["aws.cw.ci_rule.us-east-1"] == Decimal("3.00")
    assert by_id["aws.cw.ci_event.us-east-1"] == Decimal("120.00")


def test_a_book_with_free_tiers_takes_them_off_each_month() -> None:
    generous = replace(BOOK, free_tier=True)
    wanted = Watching(log_records=10**6, rules=1, alarms=12, dashboards=1)
    by_id = {line.price_id: line.usd for line in watching(wanted, generous, US, THIRTY_DAYS)}

    assert by_id["aws.cw.ci_rule.us-east-1"] == 0
    assert by_id["aws.cw.ci_event.us-east-1"] == 0
    assert by_id["aws.cw.alarm.us-east-1"] == Decimal("0.20")
    assert by_id["aws.cw.dashboard.us-east-1"] == 0


def test_each_calendar_month_has_its_own_free_alarms_rules_and_dashboards() -> None:
    generous = replace(BOOK, free_tier=True)
    wanted = Watching(rules=2, alarms=12, dashboards=4)
    span = from_date(datetime(2026, 12, 1, tzinfo=UTC), 62 * 24)  # December and January

    usd = {line.item: line.usd for line in watching(wanted, generous, US, span)}

    # in each of two months 12 - 10 alarms at 0.10, 2 - 1 rules at 0.50, 4 - 3 dashboards at 3.00
    assert usd["metrics that alarms read"] == Decimal("0.40")
    assert usd["insight rules"] == Decimal("1.00")
    assert usd["dashboards"] == Decimal("6.00")


def test_5_8_alarms_and_a_dashboard() -> None:
    lines = watching(Watching(alarms=12, dashboards=1), BOOK, US, THIRTY_DAYS)

    assert [line.usd for line in lines] == [Decimal("1.20"), Decimal("3.00")]


# ---- 5.9 Kinesis: 10^9 records of 1 KiB a day for 30 days

DAILY = 10**9
A_MONTH = Stream(records=30 * DAILY, record_bytes=1024, shards=24)


def test_5_9_by_shards() -> None:
    shards, units = stream(A_MONTH, BOOK, US, THIRTY_DAYS)
    packed = Stream(records=30 * DAILY, record_bytes=1024, shards=24, packed=25)

    assert shards.usd == Decimal("259.20")
    assert (units.quantity, units.usd) == (Decimal(3 * 10**10), Decimal("420.00"))
    assert stream(packed, BOOK, US, THIRTY_DAYS)[1].usd == Decimal("16.80")


def test_5_9_on_demand() -> None:
    wanted = Stream(records=30 * DAILY, record_bytes=1024, mode="on_demand")
    lines = stream(wanted, BOOK, US, THIRTY_DAYS)

    assert [line.usd for line in lines] == [
        Decimal("28.80"),
        Decimal("2288.818359375"),
        Decimal("1144.4091796875"),
    ]
    assert total(lines) == Decimal("3462.0275390625")


def test_on_demand_each_record_that_comes_in_is_rounded_up_to_a_kib() -> None:
    small = Stream(records=30 * DAILY, record_bytes=600, mode="on_demand")
    packed = Stream(records=30 * DAILY, record_bytes=600, mode="on_demand", packed=40)

    _, rounded, out = stream(small, BOOK, US, THIRTY_DAYS)
    assert rounded.usd == Decimal("2288.818359375")  # as of 1,024 bytes
    assert out.usd == Decimal("670.552253723144531250")
    # 24,000 bytes are 24 units, 24,576 bytes.
    assert stream(packed, BOOK, US, THIRTY_DAYS)[1].usd == Decimal("1373.291015625")


def test_5_9_its_endpoint() -> None:
    hours, gigabytes = stream_endpoint(A_MONTH, BOOK, US, 3, THIRTY_DAYS)

    assert gigabytes.usd == Decimal("286.102294921875")
    assert hours.usd == Decimal("21.60")


def test_5_9_shards_for_the_average_rate() -> None:
    with exact():
        average = Decimal(DAILY) / 86_400

    assert round(average) == 11_574
    assert shards_needed(average, 1024) == 12


def test_5_11_a_private_circuit_at_the_marginal_tier() -> None:
    internet = BOOK.at("azure.egress.mgn.eastus").last_usd
    private = BOOK.at("azure.er.metered.zone1.eastus").last_usd

    assert internet is not None
    assert private is not None
    assert circuit_or_internet(Decimal(1000), internet, private) == 40_000


# ---- the other paths


def test_a_break_even_of_equal_prices_a_gb_does_not_exist() -> None:
    assert break_even(Decimal(10), P_GW, Decimal(5), P_GW) is None


def test_endpoints_climb_one_ladder_together() -> None:
    used = 1_048_576 * GIB
    (_, gb) = interface_endpoint(BOOK, US, 3, THIRTY_DAYS, [100 * GIB], used=used)

    assert gb.usd == Decimal("0.600")


def test_privatelink_costs_what_an_endpoint_costs() -> None:
    there = privatelink(BOOK, US, 3, THIRTY_DAYS, [PIB])

    assert total(there) == total(interface_endpoint(BOOK, US, 3, THIRTY_DAYS, [PIB]))
    assert total(there) == Decimal("21.60") + Decimal("10485.76")


def test_public_addresses_cost_their_hours() -> None:
    assert total(public_addresses(BOOK, US, 6, THIRTY_DAYS)) == Decimal("21.60")


def test_a_direct_connect_into_aws_is_its_port_and_what_the_carrier_asks() -> None:
    port, carrier = direct_connect(BOOK, 10, THIRTY_DAYS)

    assert port.usd == Decimal("1620.00")
    assert carrier.usd is None


def test_an_expressroute_is_a_circuit_to_ask_for_and_a_gateway_by_the_hour() -> None:
    circuit, units, connection = expressroute(BOOK, 5, THIRTY_DAYS)

    assert circuit.usd is None
    assert units.usd == Decimal("1512.00")  # 5 x 720 x 0.42
    assert connection.usd == Decimal("36.00")


def test_an_interconnect_has_no_price_and_still_appears() -> None:
    (line,) = interconnect(BOOK, 10, THIRTY_DAYS)

    assert (line.usd, line.confidence) == (None, "missing")


def test_5_7_one_put_takes_five_gib_at_most() -> None:
    five = 5 * GIB

    assert requests(five, part=5 * GIB) == 1
    assert requests(five + 1, part=64 * MIB, single_put=100 * GIB) == 83  # 81 parts, and 2
    with pytest.raises(FerryError, match="take parts of at most 5,368,709,120 bytes"):
        requests(five + 1, part=1024 * GIB)


# ---- streams that are kept, and read by several


def streamed(**more: object) -> dict[str, Decimal | None]:
    wanted = Stream(30 * DAILY, 1024, shards=24, **more)  # type: ignore[arg-type]
    return {line.item: line.usd for line in stream(wanted, BOOK, US, THIRTY_DAYS)}


def test_section_3_kinesis_keeps_records_by_the_shard_to_seven_days_and_by_the_gb_beyond() -> None:
    week, month = streamed(kept_days=7), streamed(kept_days=30)

    # 24 shards x 720 h x 0.02; 28,610.229... GB for 23 of 30 days at 0.023
    assert week["Kinesis retention to 7 days, shard-hours"] == Decimal("345.60")
    assert not [item for item in week if "GB-months" in item]
    assert month["Kinesis retention to 7 days, shard-hours"] == Decimal("345.60")
    assert month["Kinesis retention after 7 days, GB-months"] == Decimal("504.49371337890625")


def test_on_demand_what_is_kept_beyond_a_day_has_no_price_here_and_is_never_free() -> None:
    day, month = streamed(mode="on_demand"), streamed(mode="on_demand", kept_days=30)

    assert not [item for item in day if "retention" in item]
    assert month["Kinesis retention after a day, GB-months"] is None
    assert month["Kinesis retention after 7 days, GB-months"] == Decimal("504.49371337890625")


def test_on_demand_who_reads_by_fan_out_does_not_pay_for_reading_twice() -> None:
    usd = streamed(mode="on_demand", consumers=3, fan_out=1)

    # 28,610.229... GB: two readers at 0.04, one at 0.05
    assert usd["Kinesis on demand, out"] == Decimal("2288.818359375")
    assert usd["Kinesis on demand, fan-out"] == Decimal("1430.511474609375")


def test_vended_logs_climb_on_from_what_others_have_delivered_in_the_month() -> None:
    used = {"aws.cw.vended.us-east-1": 10_240 * GIB}
    wanted = Watching(log_records=GIB, record_bytes=1_000)
    (usd, *_) = (line.usd for line in watching(wanted, BOOK, US, THIRTY_DAYS, used))

    assert usd == Decimal("250.00")  # 1,000 GB at 0.25 and none at 0.50


def test_what_a_machine_of_google_sends_is_priced_as_that_and_not_as_storage() -> None:
    plan = replace(TWO_PIB, source=Source("gcp", "us-central1"))
    ids = {
        placement: source_egress(plan, BOOK, "internet_gateway", placement)[0].price_id
        for placement in PLACEMENTS
    }

    assert ids == {
        "pull": "gcp.egress.gcs.us-central1",
        "push": "gcp.egress.internet.us-central1",
    }
