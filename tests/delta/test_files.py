import errno
import gc

import numpy as np
import pyarrow as pa
import pytest

from lakeferry.delta.actions import FILE_SCHEMA
from lakeferry.delta.files import (
    BATCH_ROWS,
    FileWriter,
    JoinedFiles,
    MemoryFiles,
    SpilledFiles,
    WithoutRows,
    rebatched,
    spill,
    temporary_room,
)
from lakeferry.errors import FerryError

from .tables import paths, vector


def batch(*names: str) -> pa.RecordBatch:
    rows = [
        {"path": name, "partitionValues": [("p", None)], "deletionVector": vector("x"), "size": 1}
        for name in names
    ]
    return pa.RecordBatch.from_pylist(rows, schema=FILE_SCHEMA)


def test_a_small_set_stays_in_memory_and_can_be_read_again() -> None:
    files = spill([batch("a"), batch("b", "c")])

    assert isinstance(files, MemoryFiles)
    assert paths(files) == paths(files) == ["a", "b", "c"]


def test_a_large_set_goes_to_disk_and_reads_the_same() -> None:
    writer = FileWriter(spill_bytes=100)
    for name in "abcdef":
        writer.write(batch(name))

    files = writer.finish()

    assert isinstance(files, SpilledFiles)
    assert writer.rows == 6
    [first] = files.batches()
    assert first.schema == FILE_SCHEMA
    assert first == next(rebatched([batch(name) for name in "abcdef"], FILE_SCHEMA))
    assert [found.schema.names for found in files.batches(["size", "path"])] == [["size", "path"]]


def test_a_spilled_file_goes_when_its_set_is_forgotten() -> None:
    writer = FileWriter(spill_bytes=1)
    writer.write(batch("a"))
    files = writer.finish()
    assert isinstance(files, SpilledFiles)
    place = files._file.path
    assert place.exists()

    del files, writer
    gc.collect()

    assert not place.exists()


def test_rows_at_given_positions_are_left_out() -> None:
    files = WithoutRows(
        JoinedFiles([MemoryFiles([batch("a", "b")]), MemoryFiles([batch("c")])]), np.array([2, 0])
    )

    assert paths(files) == ["b"]


def test_batches_are_neither_tiny_nor_huge() -> None:
    tiny = [batch(str(number)) for number in range(500)]
    huge = batch(*map(str, range(BATCH_ROWS * 2 + 1)))

    assert [len(found) for found in rebatched(tiny, FILE_SCHEMA)] == [500]
    assert [len(found) for found in rebatched([huge], FILE_SCHEMA)] == [BATCH_ROWS, BATCH_ROWS, 1]
    assert list(rebatched([], FILE_SCHEMA)) == []


def test_a_full_temporary_disk_is_named() -> None:
    with pytest.raises(FerryError) as refused, temporary_room():
        raise OSError(errno.ENOSPC, "No space left on device")

    assert refused.value.code == "LF-5101"
    assert "TMPDIR" in refused.value.next_step


def test_other_faults_of_the_disk_are_not_hidden() -> None:
    with pytest.raises(PermissionError), temporary_room():
        raise PermissionError(errno.EACCES, "no")
