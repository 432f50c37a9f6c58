"""Files of an ingest: all rows, each in its partition, in row groups, with a bound on memory."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.delta.scratch import scratch_folder
from lakeferry.ingest.files.data_file import Bounds, ClosedFile, OpenFiles, upload
from lakeferry.ingest.settings import PartitionColumn
from lakeferry.ingest.worker.messages import TableForm
from lakeferry.store.local import LocalStore
from tests.ingest.written_table import by_deltalake, by_duckdb, commit, written

SCHEMA = pa.schema([("p", pa.string()), ("n", pa.int64())])
BY_P = TableForm("t", SCHEMA, (PartitionColumn("p"),), stats_columns=("n",), name="clicks")
PLAIN = TableForm("t", SCHEMA, (), name="clicks")


def rows(*pairs: tuple[str | None, int]) -> pa.Table:
    return pa.table({"p": [one for one, _ in pairs], "n": [two for _, two in pairs]}, schema=SCHEMA)


def numbers(count: int, key: str = "a") -> pa.Table:
    return rows(*((key, number) for number in range(count)))


def content(closed: Sequence[ClosedFile]) -> dict[str | None, list[int]]:
    """Of each partition its numbers, file by file; the files are removed."""
    found: dict[str | None, list[int]] = {}
    for file in closed:
        found.setdefault(file.partition["p"], []).extend(
            pq.read_table(file.scratch, partitioning=None)["n"].to_pylist()
        )
        file.scratch.unlink()
    return found


def groups(closed: ClosedFile) -> list[int]:
    footer = pq.read_metadata(closed.scratch)
    closed.scratch.unlink()
    return [footer.row_group(at).num_rows for at in range(footer.num_row_groups)]


# --- which rows are in which file ---------------------------------------------------------------


def test_a_file_holds_the_rows_of_one_partition_without_its_column() -> None:
    files = OpenFiles(BY_P)

    files.append(rows(("a", 1), ("b", 2), ("a", 3)))
    first, second = files.close()

    assert first.partition == {"p": "a"}
    assert (first.rows, second.rows) == (2, 1)
    assert pq.read_schema(first.scratch).names == ["n"]
    assert orjson.loads(second.stats)["minValues"] == {"n": 2}
    assert content([first, second]) == {"a": [1, 3], "b": [2]}


def test_after_close_rows_go_into_new_files() -> None:
    files = OpenFiles(PLAIN)

    files.append(numbers(3))
    first = files.close()
    files.append(numbers(2))
    second = files.close()

    assert [one.rows for one in (*first, *second)] == [3, 2]
    assert first[0].target != second[0].target
    assert files.close() == ()
    groups(first[0])
    groups(second[0])


def test_a_computed_partition_column_need_not_be_among_the_rows() -> None:
    schema = pa.schema([("at", pa.timestamp("us", "UTC")), ("day", pa.date32())])
    form = TableForm("t", schema, (PartitionColumn("day", of="at"),), name="x")
    files = OpenFiles(form)

    files.append(pa.table({"at": pa.array([0], pa.timestamp("us", "UTC"))}))
    (closed,) = files.close()

    assert closed.partition == {"day": "1970-01-01"}
    assert closed.target.startswith("day=1970-01-01/part-x-00000-")
    closed.scratch.unlink()


def test_columns_that_rows_lack_are_null_and_their_order_is_free() -> None:
    files = OpenFiles(PLAIN)

    files.append(pa.table({"n": pa.array([1], pa.int32())}))
    files.append(pa.table({"n": [2], "p": ["x"]}))
    (closed,) = files.close()

    assert pq.read_table(closed.scratch).to_pylist() == [{"p": None, "n": 1}, {"p": "x", "n": 2}]
    closed.scratch.unlink()


def test_the_name_of_a_file_says_whose_it_is_and_is_never_used_twice() -> None:
    names = set()
    for _ in range(2):
        files = OpenFiles(PLAIN)
        files.append(numbers(1))
        (closed,) = files.close()
        closed.scratch.unlink()
        names.add(closed.target)

    assert len(names) == 2
    assert all(one.startswith("part-clicks-00000-") for one in names)
    assert all(one.endswith(".zstd.parquet") for one in names)


SMALL = st.builds(
    Bounds,
    group_rows=st.integers(1, 5),
    group_bytes=st.integers(1, 200),
    waiting_bytes=st.integers(0, 200),
    files=st.integers(1, 3),
)
PAGES = st.lists(
    st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(0, 99)), max_size=12),
    max_size=6,
)


@given(PAGES, SMALL)
def test_no_row_is_lost_or_doubled_and_order_is_kept_within_bounds_of_any_size(
    pages: list[list[tuple[str | None, int]]], bounds: Bounds
) -> None:
    files = OpenFiles(BY_P, bounds)
    wanted: dict[str | None, list[int]] = {}
    for page in pages:
        files.append(rows(*page))
        for key, number in page:
            wanted.setdefault(key, []).append(number)

    closed = files.close()

    assert sum(file.rows for file in closed) == sum(map(len, pages))
    assert content(closed) == wanted


# --- how much is held ---------------------------------------------------------------------------


def test_a_row_group_is_written_as_soon_as_it_is_full() -> None:
    files = OpenFiles(PLAIN, Bounds(group_rows=100))

    for _ in range(7):
        files.append(numbers(30))
    before = files.bytes_written
    (closed,) = files.close()

    assert before > 0
    assert groups(closed) == [120, 90]


def test_a_row_group_of_large_rows_is_full_by_its_bytes() -> None:
    files = OpenFiles(PLAIN, Bounds(group_bytes=20_000))

    files.append(rows(("x" * 15_000, 1)))
    assert files.bytes_written == 0
    files.append(rows(("x" * 15_000, 2)))
    assert files.bytes_written > 0
    (closed,) = files.close()

    assert groups(closed) == [2]


def test_of_many_partitions_the_largest_is_written_when_all_of_them_hold_too_much() -> None:
    files = OpenFiles(BY_P, Bounds(group_rows=100, waiting_bytes=1000))

    for _ in range(20):
        files.append(rows(*((key, number) for number in range(25) for key in "abcd")))
        assert files.waiting_bytes <= 1000 + rows(*(("a", 0),) * 100).nbytes
    closed = files.close()

    assert [file.rows for file in closed] == [500] * 4
    assert content(closed).keys() == set("abcd")


def test_rows_that_wait_do_not_keep_rows_in_memory_that_are_written() -> None:
    files = OpenFiles(BY_P, Bounds(group_rows=10_000))
    before = pa.total_allocated_bytes()

    for number in range(20):
        files.append(pa.concat_tables([numbers(10_000, "many"), rows(("few", number))]))
    held = pa.total_allocated_bytes() - before
    files.discard()

    assert held < 1 << 20


def test_with_too_many_open_files_the_fullest_is_closed() -> None:
    files = OpenFiles(BY_P, Bounds(group_rows=10, waiting_bytes=0, files=2))

    files.append(numbers(10, "small"))
    files.append(numbers(10, "large"))
    files.append(numbers(10, "large"))
    files.append(numbers(10, "third"))
    files.append(numbers(10, "large"))
    closed = files.close()

    first = closed[0]
    assert (first.partition["p"], first.rows) == ("large", 20)
    assert len(closed) == 4
    assert len(content(closed)["large"]) == 30


def test_what_is_discarded_leaves_nothing_behind() -> None:
    files = OpenFiles(BY_P, Bounds(group_rows=10, files=1))
    files.append(numbers(10, "a"))
    files.append(numbers(10, "b"))
    before = set(scratch_folder().iterdir())

    files.discard()

    assert len(before - set(scratch_folder().iterdir())) == 2
    assert files.close() == ()


FULL = """
import resource
from tests.ingest.test_data_file import OpenFiles, PLAIN, numbers
from lakeferry.errors import FerryError

files = OpenFiles(PLAIN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    files.append(numbers(200_000))
except FerryError as error:
    print(error.code)
"""


def test_a_full_disk_is_said_to_be_one() -> None:
    told = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=False)

    assert told.stdout == "LF-5101\n"


# --- what is in a file --------------------------------------------------------------------------


def test_times_are_microseconds_of_64_bits_and_only_columns_of_few_values_have_a_dictionary() -> (
    None
):
    table = pa.table(
        {
            "at": pa.array(range(1000), pa.timestamp("us", "UTC")),
            "shard": ["shardId-000000000001"] * 1000,
            "text": [f"{number}" for number in range(1000)],
            "in": pa.array([{"few": n % 3, "many": n} for n in range(1000)]),
            "tags": [["a", "b"]] * 1000,
        }
    )
    files = OpenFiles(TableForm("t", table.schema, ()))

    files.append(table)
    (closed,) = files.close()

    group = pq.read_metadata(closed.scratch).row_group(0)
    found = {column["path_in_schema"]: column for column in group.to_dict()["columns"]}
    with_dictionary = {name for name, one in found.items() if "RLE_DICTIONARY" in one["encodings"]}
    assert found["at"]["physical_type"] == "INT64"
    assert found["text"]["compression"] == "ZSTD"
    assert with_dictionary == {"shard", "in.few", "tags.list.element"}
    closed.scratch.unlink()


def field(name: str, kind: Any, number: int, physical: str) -> dict[str, Any]:
    mapping = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": physical}
    return {"name": name, "type": kind, "nullable": True, "metadata": mapping}


@pytest.mark.parametrize("mode", ["name", "id"])
def test_other_readers_find_mapped_columns_by_name_and_by_id(tmp_path: Path, mode: str) -> None:
    inner = pa.struct([("lat", pa.float64()), ("tags", pa.list_(pa.struct([("k", pa.string())])))])
    schema = pa.schema([("day", pa.string()), ("geo", inner), ("n", pa.int64())])
    form = TableForm(
        "t",
        schema,
        (PartitionColumn("day"),),
        physical={
            "day": "col-1",
            "geo": "col-2",
            "geo.lat": "col-3",
            "geo.tags": "col-4",
            "geo.tags.element.k": "col-5",
            "n": "col-6",
        },
        field_ids={
            "day": 1,
            "geo": 2,
            "geo.lat": 3,
            "geo.tags": 4,
            "geo.tags.element.k": 5,
            "n": 6,
        },
        stats_columns=("geo.lat", "geo.tags", "n"),
    )
    element = {"type": "struct", "fields": [field("k", "string", 5, "col-5")]}
    tags = {"type": "array", "elementType": element, "containsNull": True}
    geo = {
        "type": "struct",
        "fields": [field("lat", "double", 3, "col-3"), field("tags", tags, 4, "col-4")],
    }
    logged = [
        field("day", "string", 1, "col-1"),
        field("geo", geo, 2, "col-2"),
        field("n", "long", 6, "col-6"),
    ]
    told: list[dict[str, Any]] = [
        {"day": "monday", "geo": {"lat": 1.5, "tags": [{"k": "x"}, {"k": None}]}, "n": 1},
        {"day": "tuesday", "geo": None, "n": 2},
        {"day": "tuesday", "geo": {"lat": None, "tags": None}, "n": 3},
    ]

    files = written(tmp_path / "t", form, pa.Table.from_pylist(told, schema=schema))
    configuration = {"delta.columnMapping.mode": mode, "delta.columnMapping.maxColumnId": "6"}
    commit(tmp_path / "t", form, files, logged, configuration)

    assert files[0].partition == {"col-1": "monday"}
    assert orjson.loads(files[0].stats)["minValues"] == {"col-2": {"col-3": 1.5}, "col-6": 1}
    assert orjson.loads(files[1].stats)["nullCount"]["col-2"] == {"col-3": 2, "col-4": 2}
    question = "SELECT * FROM t WHERE n >= 1 ORDER BY n"
    assert by_duckdb(tmp_path / "t", question) == told
    assert by_deltalake(tmp_path / "t", question) == told
    assert by_duckdb(tmp_path / "t", "SELECT n FROM t WHERE geo.lat > 1") == [{"n": 1}]


def test_an_upload_is_the_whole_file_and_leaves_none_here(tmp_path: Path) -> None:
    files = OpenFiles(BY_P)
    files.append(numbers(1000, "a/b"))
    (closed,) = files.close()

    found = upload(LocalStore(str(tmp_path)), closed)

    assert not closed.scratch.exists()
    assert found.path == closed.target
    assert found.path.startswith("p=a%2Fb/part-clicks-")
    assert found.size == (tmp_path / found.path).stat().st_size
    assert pq.read_metadata(tmp_path / found.path).num_rows == found.rows == 1000
