"""What the names in a folder say of it."""

import pytest

from lakeferry.fleet.discovery.folder_kind import (
    ending_of,
    is_hidden,
    newest_metadata,
    partition_columns,
)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("part-0.snappy.parquet", "parquet"),
        ("a.PARQ", "parquet"),
        ("a.json.gz", "json"),
        ("a.gz", "gz"),
        ("000000_0", ""),
        (".hidden", ""),
        ("what.a sentence that is no ending", ""),
    ],
)
def test_the_ending_of_a_file_is_that_of_what_was_compressed(name: str, ending: str) -> None:
    assert ending_of(name) == ending


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("a.parquet", ()),
        ("day=1/hour=2/a.parquet", ("day", "hour")),
        ("day=/a.parquet", ("day",)),
        ("day=1/other/a.parquet", None),
        ("day=1/_temporary/a.parquet", None),
    ],
)
def test_partition_columns_are_told_by_every_folder_of_a_file(
    path: str, columns: tuple[str, ...] | None
) -> None:
    assert partition_columns(path) == columns


def test_a_folder_of_a_partition_is_seen_though_its_column_begins_with_an_underscore() -> None:
    assert (is_hidden("_c=1"), is_hidden("_temporary"), is_hidden(".x")) == (False, True, True)


def test_the_newest_metadata_file_is_that_of_the_greatest_number() -> None:
    names = ["v9.metadata.json", "v10.metadata.json", "snap-1.avro", "version-hint.text"]

    assert newest_metadata(names) == "v10.metadata.json"
    assert newest_metadata(["00009-aa.metadata.json", "00010-bb.metadata.json"]) == (
        "00010-bb.metadata.json"
    )
    assert newest_metadata(["metadata.json", "notes.txt"]) is None
