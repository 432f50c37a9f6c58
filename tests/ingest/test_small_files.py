"""Commits that scatter rows over many small files are told of, with the column that does it."""

import pyarrow as pa

from lakeferry.ingest.files.small_files import scattered
from lakeferry.ingest.settings import PartitionColumn
from lakeferry.ingest.worker.messages import DataFile, TableForm

MIB = 1 << 20
DAY, TENANT = PartitionColumn("day", "_arrival"), PartitionColumn("tenant")
FORM = TableForm("/t", pa.schema([]), (DAY, TENANT), {"tenant": "col-7"})
PLAIN = TableForm("/t", pa.schema([]), ())


def files(count: int, size: int) -> list[DataFile]:
    return [
        DataFile(f"f{at}", size, 10, {"day": "2026-11-26", "col-7": str(at)}, "{}", 0)
        for at in range(count)
    ]


def test_many_small_files_are_told_with_the_column_of_most_values() -> None:
    told = scattered(files(200, MIB), FORM, 128 * MIB)

    assert told is not None
    assert told.message == (
        "one commit wrote 200 files of 1.0 MB on average: the partition column `tenant` has 200 "
        "values in it"
    )
    assert "--flush" in told.next_step


def test_few_files_or_large_ones_or_such_without_partitions_are_no_news() -> None:
    assert scattered(files(63, MIB), FORM, 128 * MIB) is None
    assert scattered(files(200, 8 * MIB), FORM, 128 * MIB) is None
    assert scattered(files(200, MIB), PLAIN, 128 * MIB) is None
    assert scattered([], FORM, 128 * MIB) is None
