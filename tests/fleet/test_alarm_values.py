"""What the alarms of a migration are held against, as its ledger knows it."""

from decimal import Decimal
from pathlib import Path

import pytest

from lakeferry.errors import FerryError
from lakeferry.fleet.planning.route_prices import Asked
from lakeferry.fleet.planning.run_price import forecast_usd
from lakeferry.fleet.standing.alarm_values import counted, lag_ratio
from lakeferry.ledger.rows import LakeTable
from tests.fleet.manifests import migration
from tests.ledger.lakes import table

NOW = 10_000_000_000  # ms
HOUR = 3_600_000
TB = 10**12


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

    assert [one.name for one in counted(tables, {"sales"})] == ["sales.c"]


# ---- the forecast

MANIFEST = """version: 1
name: m
target: {root: s3://new/lake, region: eu-west-1}
sources: {sales: {kind: adls, root: "abfss://c@a.dfs.core.windows.net/", path: internet}}
"""
FROM = Asked(keys=[("--assume", "from", "azure:westeurope")])


def test_a_forecast_is_the_same_before_amid_and_after_what_it_foresees(tmp_path: Path) -> None:
    wanted = migration(tmp_path, MANIFEST)
    sizes = {"bytes": TB, "files": 1000}
    before = [table("sales.a", **sizes, left_bytes=TB, left_files=1000)]
    amid = [table("sales.a", **sizes, left_bytes=TB // 4, left_files=250)]
    after = [table("sales.a", **sizes, left_bytes=0, left_files=0)]

    first = forecast_usd(before, {}, wanted, FROM)

    assert first > 50
    assert forecast_usd(amid, {"internet": TB - TB // 4}, wanted, FROM) == first
    assert forecast_usd(after, {"internet": TB}, wanted, FROM) == first


def test_bytes_that_came_later_make_it_dearer_by_what_they_cost(tmp_path: Path) -> None:
    wanted = migration(tmp_path, MANIFEST)
    held_all = [held("sales.a", 0, bytes=TB, files=1000)]

    once, twice = (
        forecast_usd(held_all, {"internet": size}, wanted, FROM) for size in (TB, 2 * TB)
    )

    assert Decimal("1.9") < twice / once < Decimal("2.1")


def test_bytes_that_stay_on_a_machine_cost_nothing(tmp_path: Path) -> None:
    wanted = migration(tmp_path, MANIFEST)

    assert forecast_usd([table("sales.a", route="local")], {"local": TB}, wanted, FROM) == 0
    assert forecast_usd([], {}, wanted, FROM) == 0


def test_a_route_without_a_price_has_no_forecast(tmp_path: Path) -> None:
    wanted = migration(tmp_path, MANIFEST)

    with pytest.raises(FerryError, match="so no cost can be foreseen") as refused:
        forecast_usd([table("sales.a")], {}, wanted, Asked())

    assert refused.value.code == "LF-8022"
    assert "leave the alarm cost-forecast out" in refused.value.next_step
