"""What a run is said to have spent: by bytes and by files, whatever was left when it began."""

from decimal import Decimal
from pathlib import Path

import pytest

from lakeferry.fleet.planning.route_prices import Asked
from lakeferry.fleet.planning.run_price import unit_prices
from lakeferry.fleet.sync.budget import UnitPrice
from tests.fleet.manifests import migration
from tests.ledger.lakes import table

MANIFEST = """version: 1
name: m
target: {root: s3://new/lake, region: us-east-1}
sources: {sales: {kind: adls, root: "abfss://c@a.dfs.core.windows.net/", path: internet}}
"""
FROM = Asked(keys=[("--assume", "from", "azure:westeurope")])
GB, MB = 10**9, 10**6


def price(folder: Path, size: int, files: int) -> UnitPrice:
    """Of the route, where a run begins with one table of so much."""
    left = {"bytes": size, "files": files, "left_bytes": size, "left_files": files}
    found = unit_prices([table("sales.a", **left)], migration(folder, MANIFEST), FROM)
    return found["internet"]


def test_an_hour_that_is_begun_is_not_laid_upon_a_few_bytes(tmp_path: Path) -> None:
    one_file = price(tmp_path, MB, 1)

    # Azure's egress and the gateway's bytes: about 13 cents a GB, and no gateway's hour.
    assert Decimal("0.09") < one_file.usd(GB, 8) < Decimal("0.15")
    assert one_file.usd(MB, 1) < Decimal("0.0002")


@pytest.mark.parametrize(("size", "files"), [(1, 1), (0, 0), (MB, 1000), (1000 * GB, 8000)])
def test_what_a_run_begins_with_hardly_changes_what_later_bytes_cost(
    tmp_path: Path, size: int, files: int
) -> None:
    usual = price(tmp_path, 10_000 * GB, 80_000).usd(100 * GB, 800)

    assert Decimal("0.7") < price(tmp_path, size, files).usd(100 * GB, 800) / usual < Decimal("1.4")


def test_small_files_cost_their_requests(tmp_path: Path) -> None:
    found = price(tmp_path, 100 * GB, 800)

    assert found.usd(MB, 1000) > found.usd(MB, 1) + 900 * Decimal("0.000005")  # a PUT each
