"""Where files land: relative paths keep their names, absolute ones get one that never changes."""

from typing import Any

import pyarrow as pa
import pytest

from lakeferry.clone.landing import Roots, gathered_path, land_batch
from lakeferry.delta.actions import FILE_SCHEMA
from lakeferry.errors import FerryError

SOURCE = Roots("s3://lake/orders")


def landed(
    path: str, roots: Roots = SOURCE, vector: dict[str, Any] | None = None
) -> dict[str, Any]:
    row = {"path": path, "size": 1, "deletionVector": vector}
    batch = pa.RecordBatch.from_pylist([row], schema=FILE_SCHEMA)
    result: dict[str, Any] = land_batch(batch, roots).to_pylist()[0]
    return result


def test_a_relative_path_stays_as_it_is_written() -> None:
    found = landed("p=a%20b%252Fc/part-1.parquet")

    assert found["path"] == "p=a%20b%252Fc/part-1.parquet"
    assert found["sourceUrl"] is None


def test_an_absolute_path_below_the_source_becomes_relative_in_any_spelling() -> None:
    assert landed("s3a://lake/orders/p=1/x.parquet")["path"] == "p=1/x.parquet"


def test_a_file_elsewhere_is_gathered_under_a_name_that_its_address_gives() -> None:
    found = landed("s3://old/base/p=1/x.parquet")

    assert found["path"] == gathered_path("s3://old/base/p=1/x.parquet")
    assert found["path"].startswith("p=1/")
    assert found["path"].endswith("-x.parquet")
    assert found["sourceUrl"] == "s3://old/base/p=1/x.parquet"


def test_two_files_of_one_name_are_gathered_under_two() -> None:
    assert landed("s3://a/x.parquet")["path"] != landed("s3://b/x.parquet")["path"]


def test_the_longest_moved_prefix_wins() -> None:
    roots = Roots("s3://lake/orders", {"dbfs:/mnt": "s3://mnt", "dbfs:/mnt/base": "s3://base"})

    assert landed("dbfs:/mnt/base/x.parquet", roots)["sourceUrl"] == "s3://base/x.parquet"


def test_a_prefix_does_not_fit_half_a_name() -> None:
    roots = Roots("s3://lake/orders", {"s3://old": "s3://new"})

    assert landed("s3://older/x.parquet", roots)["sourceUrl"] == "s3://older/x.parquet"


def test_an_absolute_vector_becomes_a_relative_one_with_the_same_uuid() -> None:
    name = "deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"
    vector: dict[str, Any] = {"storageType": "p", "pathOrInlineDv": f"s3://old/base/ab/{name}"}
    vector |= {"offset": 4, "sizeInBytes": 40, "cardinality": 6}

    found = landed("x.parquet", vector=vector)

    assert found["deletionVector"]["storageType"] == "u"
    assert found["deletionVector"]["pathOrInlineDv"] == "^-aqEH.-t@S}K{vb[*k^"
    assert found["deletionVector"]["offset"] == 4
    assert found["sourceVectorUrl"] == f"s3://old/base/ab/{name}"


def test_a_shallow_clone_points_at_the_source() -> None:
    roots = Roots("/lake/o r", shallow=True)

    assert landed("p=a%20b/x.parquet", roots)["path"] == "file:///lake/o%20r/p=a%20b/x.parquet"


@pytest.mark.parametrize("path", ["../x", "a/../../x", "a//x", "%2E%2E/x", "a/./x", "./x/.."])
def test_a_path_that_climbs_or_is_empty_is_refused(path: str) -> None:
    with pytest.raises(FerryError) as refused:
        landed(path)

    assert refused.value.code == "LF-3106"
