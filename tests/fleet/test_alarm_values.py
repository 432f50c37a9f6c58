"""What the alarms of a migration are held against, as its ledger knows it."""

from decimal import Decimal
from pathlib import Path

import pytest

from lakeferry.connect.aws import AwsAccess
from lakeferry.errors import FerryError
from lakeferry.fleet.planning.route_prices import Asked
from lakeferry.fleet.planning.run_price import usd_per_byte_of_all
from lakeferry.fleet.standing.alarm_values import AlarmMetrics, forecast_usd, lag_ratio, values
from lakeferry.ledger.rows import LakeTable
from tests.fleet.manifests import migration
from tests.ledger.lakes import table

NOW = 10_000_000_000  # ms
HOUR = 3_600_000
TB = 10**12
ACCESS = AwsAccess("eu-west-1")


def held(name: str, hours_behind: float, target_h: int = 6, **other: object) -> LakeTable:
    since = None if hours_behind == 0 else NOW - round(hours_behind * HOUR)
    return table(name, held_version=3, state="synced", behind_since_ms=since,
                 lag_target_s=target_h * 3600, left_bytes=0, **other)  # fmt: skip


def test_the_table_that_is_furthest_beyond_its_own_target_counts() -> None:
    tables = [held("sales.a", 6), held("sales.b", 3, target_h=1), held("sales.c", 0)]

    assert lag_ratio(tables, NOW) == 3.0


def test_a_table_that_was_not_moved_yet_is_not_behind() -> None:
    waits = table("sales.a", lag_target_s=3600, behind_since_ms=1)

    assert lag_ratio([waits], NOW) is None
    assert lag_ratio([waits, held("sales.b", 0)], NOW) == 0.0


def test_a_table_that_is_cut_over_brings_the_alarm_to_rest() -> None:
    late = held("sales.a", 100)

    assert lag_ratio([late._replace(state="cut_over")], NOW) == 0.0


def test_tables_that_the_manifest_does_not_want_do_not_count() -> None:
    tables = [held("gone.a", 60), held("sales.b", 60)._replace(state="excluded"),
              held("sales.c", 3)]  # fmt: skip
    asked = AlarmMetrics(ACCESS, has_lag=True)

    assert values(asked, tables, {}, sources={"sales"}, now_ms=NOW) == {"LagRatio": 0.5}


def test_only_what_the_manifest_has_an_alarm_for_is_put() -> None:
    asked = AlarmMetrics(ACCESS, usd_per_byte={"internet": Decimal("0.5")})

    found = values(asked, [table("sales.a")], {"internet": 20}, sources={"sales"}, now_ms=NOW)

    assert found == {"CostForecast": 60.0}


def test_a_forecast_is_what_moved_and_what_is_left_route_by_route() -> None:
    tables = [table("sales.a", left_bytes=10), table("hr.b", left_bytes=5, route="vpn")]
    prices = {"internet": Decimal(2), "vpn": Decimal(3)}

    assert forecast_usd(tables, {"internet": 100}, prices) == 2 * (100 + 10) + 3 * 5


# ---- the prices

MANIFEST = """version: 1
name: m
target: {root: s3://new/lake, region: eu-west-1}
sources: {sales: {kind: adls, root: "abfss://c@a.dfs.core.windows.net/", path: internet}}
"""
FROM = Asked(keys=[("--assume", "from", "azure:westeurope")])


def test_the_last_bytes_do_not_make_the_whole_dearer(tmp_path: Path) -> None:
    wanted = migration(tmp_path, MANIFEST)
    before = [table("sales.a", bytes=TB, left_bytes=TB)]
    after = [table("sales.a", bytes=TB, left_bytes=1)]

    first = usd_per_byte_of_all(before, {}, wanted, FROM)
    last = usd_per_byte_of_all(after, {"internet": TB - 1}, wanted, FROM)

    assert first == last
    assert forecast_usd(after, {"internet": TB - 1}, last) == forecast_usd(before, {}, first) > 50


def test_a_route_without_a_price_has_no_forecast(tmp_path: Path) -> None:
    wanted = migration(tmp_path, MANIFEST)

    with pytest.raises(FerryError, match="so no cost can be foreseen") as refused:
        usd_per_byte_of_all([table("sales.a")], {}, wanted, Asked())

    assert refused.value.code == "LF-8022"
    assert "leave the alarm cost-forecast out" in refused.value.next_step
