"""Of a folder, the newest delivery of each period is the bill, and all of it or none."""

import json

import pytest

from lakeferry.cost.bill.delivery import choose, is_manifest
from lakeferry.errors import FerryError

OCT = "cur/lake/data/BILLING_PERIOD=2026-10"
OLD, NEW = "2026-10-08T04:11:00.000Z-1f0e", "2026-11-03T09:30:00.000Z-77aa"
LEGACY = "cur/lake/20261001-20261101"


def manifest(*files: str, key: str = "dataFiles") -> bytes:
    return json.dumps({key: list(files)}).encode()


def test_files_without_a_period_are_all_read() -> None:
    found = choose(["a.csv.gz", "b.parquet", "README.md"], {})

    assert (found.files, found.replaced) == (("a.csv.gz", "b.parquet"), ())


def test_a_newer_delivery_replaces_the_whole_period() -> None:
    paths = [
        f"{OCT}/{OLD}/lake-00001.csv.gz",
        f"{OCT}/{OLD}/lake-00002.csv.gz",
        f"{OCT}/{NEW}/lake-00001.csv.gz",
    ]

    found = choose(paths, {})

    assert found.files == (paths[2],)
    assert found.replaced == tuple(paths[:2])


def test_each_period_has_its_own_newest_delivery() -> None:
    september = f"cur/lake/data/BILLING_PERIOD=2026-09/{OLD}/lake-00001.parquet"
    october = f"{OCT}/{NEW}/lake-00001.parquet"

    found = choose([october, september], {})

    assert found.files == (september, october)
    assert found.periods == ("2026-09", "2026-10")


def test_the_manifest_says_which_files_are_the_bill() -> None:
    paths = [f"{LEGACY}/4b7c/lake-00001.csv.gz", f"{LEGACY}/9d01/lake-00001.csv.gz"]
    manifests = {f"{LEGACY}/lake-Manifest.json": manifest(paths[0], key="reportKeys")}

    found = choose(paths, manifests)

    assert (found.files, found.replaced) == ((paths[0],), (paths[1],))


def test_the_manifest_of_the_period_goes_before_those_of_its_versions() -> None:
    paths = [f"{LEGACY}/4b7c/lake-00001.csv.gz", f"{LEGACY}/9d01/lake-00001.csv.gz"]
    manifests = {
        f"{LEGACY}/9d01/lake-Manifest.json": manifest(paths[1], key="reportKeys"),
        f"{LEGACY}/lake-Manifest.json": manifest(paths[0], key="reportKeys"),
    }

    assert choose(paths, manifests).files == (paths[0],)


def test_a_copy_may_keep_only_the_ends_of_the_paths() -> None:
    manifests = {"lake-Manifest.json": manifest(f"s3://bills/{OCT}/lake-00001.snappy.parquet")}

    assert choose(["lake-00001.snappy.parquet"], manifests).files == ("lake-00001.snappy.parquet",)


def test_a_half_delivered_bill_is_refused_by_the_name_of_what_is_missing() -> None:
    first, second = f"{OCT}/lake-00001.csv.gz", f"{OCT}/lake-00002.csv.gz"
    manifests = {
        "cur/lake/metadata/BILLING_PERIOD=2026-10/lake-Manifest.json": manifest(first, second)
    }

    with pytest.raises(FerryError, match="1 of its 2 files are not there") as caught:
        choose([first], manifests)

    assert caught.value.code == "LF-6604"
    assert second in caught.value.where


def test_a_period_with_a_manifest_and_no_file_is_half_delivered() -> None:
    manifests = {f"{OCT}/lake-Manifest.json": manifest(f"{OCT}/lake-00001.csv.gz")}

    with pytest.raises(FerryError, match="LF-6604"):
        choose([], manifests)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"dataFiles": 3}', b"{}"])
def test_a_manifest_that_cannot_be_read_is_refused(content: bytes) -> None:
    with pytest.raises(FerryError, match="LF-6604"):
        choose([f"{OCT}/lake-00001.csv.gz"], {f"{OCT}/lake-Manifest.json": content})


def test_deliveries_that_cannot_be_ordered_are_refused() -> None:
    paths = [f"{LEGACY}/4b7c/lake-00001.csv.gz", f"{LEGACY}/9d01/lake-00001.csv.gz"]

    with pytest.raises(FerryError, match="2 deliveries of 2026-10") as caught:
        choose(paths, {})

    assert caught.value.code == "LF-6605"


def test_a_manifest_is_told_by_its_name() -> None:
    assert is_manifest(f"{LEGACY}/lake-Manifest.json")
    assert not is_manifest(f"{LEGACY}/lake-00001.csv.gz")
