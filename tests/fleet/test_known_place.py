"""Where a table of a catalog lies."""

import pytest

from lakeferry.catalog.tables import CatalogTable
from lakeferry.fleet.discovery.found import Remark
from lakeferry.fleet.discovery.known_place import KnownPlace, path_below, place_of, place_to_look


@pytest.mark.parametrize(
    ("location", "root", "folder"),
    [
        ("s3://lake/sales/orders/", "s3://lake", "sales/orders"),
        ("abfss://c@a.dfs.core.windows.net/x", "abfss://c@a.dfs.core.windows.net", "x"),
        ("wasbs://c@a.blob.core.windows.net/x", "abfss://c@a.dfs.core.windows.net", "x"),
        ("hdfs://nn:8020/warehouse/x", "hdfs://nn:8020", "warehouse/x"),
        ("file:/data/a%20b", "/", "data/a b"),
        ("file:///data/x", "/", "data/x"),
        ("/data/x", "/", "data/x"),
        ("s3://lake", "s3://lake", ""),
        ("dbfs:/mnt/sales/eu/x", "s3://sales", "eu/x"),
        ("dbfs:/mnt/sales", "s3://sales", ""),
        ("dbfs:/mnt/salesroom/x", "gs://room", "x"),
    ],
)
def test_a_location_is_a_place_in_a_store(location: str, root: str, folder: str) -> None:
    mounts = {"/mnt/sales": "s3://sales", "/mnt/salesroom": "gs://room/"}

    assert place_of(location, mounts, "a.b") == KnownPlace(root, folder)


def test_the_folder_of_a_partition_is_what_its_metastore_says_sign_by_sign() -> None:
    place = place_of("file:/data/at=10%3A00", {}, "a.b", is_uri=False)

    assert place == KnownPlace("/", "data/at=10%3A00")


@pytest.mark.parametrize(
    ("location", "step"),
    [
        ("dbfs:/mnt/other/x", "add it to the source"),
        ("dbfs:/user/hive/warehouse/x", "carry it to a place that can be read"),
        ("nowhere", "register it with a whole address"),
    ],
)
def test_a_place_that_cannot_be_reached_says_what_to_do(location: str, step: str) -> None:
    remark = place_of(location, {}, "a.b")

    assert isinstance(remark, Remark)
    assert (remark.code, remark.next_step.startswith(step)) == ("LF-8053", True), remark


def test_what_the_catalog_itself_could_not_reach_is_told_in_its_words() -> None:
    known = CatalogTable(
        "", "a", "b", "unknown", "", problem="its folder is gone", next_step="mend"
    )

    assert place_to_look(known, {}) == Remark("LF-8053", "its folder is gone", "mend")


def test_views_and_other_formats_are_looked_at_nowhere() -> None:
    assert place_to_look(CatalogTable("", "a", "b", "view", ""), {}) is None
    assert place_to_look(CatalogTable("", "a", "b", "csv", "s3://lake/x"), {}) is None


@pytest.mark.parametrize(
    ("url", "root", "path"),
    [
        ("s3://lake/a/b", "s3a://lake/", "a/b"),
        ("s3://lake", "s3://lake/", ""),
        ("s3://lake/ab", "s3://lake/a", None),
        ("abfss://c@a.dfs.core.windows.net/x", "abfss://c@a.blob.core.windows.net/", "x"),
        ("/data/x", "file:/data", "x"),
        ("s3://lake/a", None, None),
        ("s3://other/a", "s3://lake", None),
    ],
)
def test_a_place_lies_below_a_root_in_whatever_spelling(
    url: str, root: str | None, path: str | None
) -> None:
    assert path_below(url, root) == path
