"""Where alarms begin."""

from decimal import Decimal

from lakeferry.monitor.wanted import thresholds
from lakeferry.network.resources import PlannedFlow
from tests.network.sample_scenario import topology


def test_a_dollar_a_day_of_leak_through_a_nat_gateway_is_15_432_099_bytes_a_minute() -> None:
    assert thresholds.leak_bytes(Decimal(1), Decimal("0.045")) == 15_432_099


def test_a_path_has_stalled_below_a_quarter_of_its_planned_rate() -> None:
    planned = (PlannedFlow("nat_gateway", 864_000_000, 86_400),)  # 10,000 bytes a second

    assert thresholds.stalled_bytes(planned, "nat_gateway", 300, devices=1) == 750_000
    assert thresholds.stalled_bytes(planned, "nat_gateway", 300, devices=3) == 250_000
    assert thresholds.stalled_bytes(planned, "kinesis", 300, devices=1) == 0


def test_a_nat_gateway_is_near_its_limits_at_four_fifths_of_them() -> None:
    assert thresholds.gateway_bytes(60) * 8 / 60 == 80e9
    assert thresholds.gateway_packets(60) == 480_000_000
    assert thresholds.gateway_connections(addresses=2, destinations=3) == 264_000


def test_a_nat_instance_is_near_its_limit_at_four_fifths_of_what_it_sustains() -> None:
    assert thresholds.instance_bytes(5, 300) * 8 / 300 == 4e9


def test_refusals_alarm_at_ten_a_minute_or_five_times_what_is_usual() -> None:
    assert thresholds.rejects() == 10
    assert thresholds.rejects(median_of_first_hour=7) == 35


def test_one_worker_dominates_at_three_times_an_equal_share() -> None:
    assert thresholds.dominant_share(12) == 0.25
    assert thresholds.dominant_share(2) == 1.0


def test_a_stream_is_read_late_long_before_its_records_are_gone() -> None:
    assert thresholds.iterator_age_ms(lag_target_s=60, retention_s=86_400) == 3_600_000
    assert thresholds.iterator_age_ms(lag_target_s=3600, retention_s=86_400) == 21_600_000


def test_planned_bytes_are_pulled_through_all_nat_devices_and_written_by_the_gateway() -> None:
    flows = thresholds.planned_flows(topology(), 10**15, days=10)

    assert flows == (
        PlannedFlow("nat_gateway", 5 * 10**14, 864_000),
        PlannedFlow("nat_instance", 5 * 10**14, 864_000),
        PlannedFlow("s3_gateway", 10**15, 864_000),
    )
