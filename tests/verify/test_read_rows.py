"""Our reader of rows: small tables made here; real ones of `shared/corpora` are in test_judges."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.store.local import LocalStore
from lakeferry.store.protocol import OnMeta, Store
from lakeferry.verify import read_rows as rows_module
from lakeferry.verify.read_rows import Elsewhere, live_files, logical_schema, read_rows, row_reader

# Rows 3, 4, 7, 11, 18 and 29: the example of the Delta protocol, "Deletion Vector Format".
VECTOR = {
    "storageType": "i",
    "pathOrInlineDv": "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
    "sizeInBytes": 40,
    "cardinality": 6,
}
DELETED = {3, 4, 7, 11, 18, 29}


def field(name: str, kind: Any, **metadata: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "nullable": True, "metadata": metadata}


def add(path: str, size: int, **rest: Any) -> dict[str, Any]:
    always = {"partitionValues": {}, "modificationTime": 0, "dataChange": True}
    return {"add": {"path": path, "size": size, **always, **rest}}


def make_table(
    root: Path,
    fields: list[dict[str, Any]],
    adds: list[dict[str, Any]],
    *,
    partitioned_by: tuple[str, ...] = (),
    configuration: Mapping[str, str] | None = None,
) -> None:
    """A table of one commit. Every feature is allowed to it that a reader may meet here."""
    features = ["columnMapping", "deletionVectors", "timestampNtz", "typeWidening"]
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7}
    metadata = {
        "id": "t",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
        "partitionColumns": list(partitioned_by),
        "configuration": dict(configuration or {}),
    }
    actions = [
        {"protocol": {**protocol, "readerFeatures": features, "writerFeatures": features}},
        {"metaData": metadata},
        *adds,
    ]
    log = root / "_delta_log"
    log.mkdir(parents=True)
    text = "".join(json.dumps(action) + "\n" for action in actions)
    (log / f"{0:020}.json").write_text(text)


def write_file(root: Path, name: str, table: pa.Table, *, group_rows: int = 100) -> int:
    """A Parquet file below `root`; its size in bytes."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=group_rows)
    return path.stat().st_size


def read(
    root: Path,
    *,
    columns: list[str] | None = None,
    batch_rows: int = 65_536,
    elsewhere: Elsewhere | None = None,
) -> pa.Table:
    store = LocalStore(str(root))
    snapshot = read_snapshot(store)
    batches = read_rows(
        store, snapshot, columns=columns, batch_rows=batch_rows, elsewhere=elsewhere
    )
    names = logical_schema(snapshot)
    wanted = names if columns is None else pa.schema([names.field(name) for name in columns])
    return pa.Table.from_batches(list(batches), wanted)


def test_a_column_added_later_is_null_in_older_files(tmp_path: Path) -> None:
    older = write_file(tmp_path, "a.parquet", pa.table({"id": [1]}))
    newer = write_file(tmp_path, "b.parquet", pa.table({"new": ["x"], "id": [2]}))
    make_table(
        tmp_path,
        [field("id", "long"), field("new", "string")],
        [add("a.parquet", older), add("b.parquet", newer)],
    )

    assert read(tmp_path).to_pylist() == [{"id": 1, "new": None}, {"id": 2, "new": "x"}]


def test_partition_values_come_from_the_log_also_where_files_hold_the_column(
    tmp_path: Path,
) -> None:
    size = write_file(tmp_path, "p=9/a.parquet", pa.table({"id": [1], "p": [9]}))
    make_table(
        tmp_path,
        [field("p", "integer"), field("id", "long")],
        [add("p=9/a.parquet", size, partitionValues={"p": "5"})],
        partitioned_by=("p",),
    )

    assert read(tmp_path).to_pylist() == [{"p": 5, "id": 1}]


def test_a_table_of_partition_columns_alone_has_as_many_rows_as_its_files(tmp_path: Path) -> None:
    size = write_file(tmp_path, "a.parquet", pa.table({"other": range(30)}))
    make_table(
        tmp_path,
        [field("p", "string")],
        [add("a.parquet", size, partitionValues={"p": "x"}, deletionVector=VECTOR)],
        partitioned_by=("p",),
    )

    found = read(tmp_path, batch_rows=7)

    assert found.column("p").to_pylist() == ["x"] * 24


def test_asked_for_no_column_it_still_counts_rows(tmp_path: Path) -> None:
    size = write_file(tmp_path, "a.parquet", pa.table({"id": range(30)}))
    make_table(tmp_path, [field("id", "long")], [add("a.parquet", size, deletionVector=VECTOR)])
    store = LocalStore(str(tmp_path))

    batches = list(read_rows(store, read_snapshot(store), columns=[]))

    assert sum(batch.num_rows for batch in batches) == 24
    assert all(batch.num_columns == 0 for batch in batches)


@pytest.fixture(scope="module")
def with_vector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 rows in row groups of 9; rows of the protocol's example are deleted."""
    root = tmp_path_factory.mktemp("vector")
    nested = pa.array([{"n": [i] * (i % 3)} for i in range(40)])
    size = write_file(root, "a.parquet", pa.table({"id": range(40), "s": nested}), group_rows=9)
    array = {"type": "array", "elementType": "long", "containsNull": True}
    make_table(
        root,
        [field("id", "long"), field("s", {"type": "struct", "fields": [field("n", array)]})],
        [add("a.parquet", size, deletionVector=VECTOR)],
    )
    return root


@given(batch_rows=st.integers(1, 50))
def test_a_deletion_vector_counts_rows_over_batches_and_row_groups(
    with_vector: Path, batch_rows: int
) -> None:
    found = read(with_vector, batch_rows=batch_rows)

    kept = [i for i in range(40) if i not in DELETED]
    assert found.to_pylist() == [{"id": i, "s": {"n": [i] * (i % 3)}} for i in kept]


def test_columns_are_given_in_the_order_of_the_schema(with_vector: Path) -> None:
    store = LocalStore(str(with_vector))

    reader = row_reader(store, read_snapshot(store), columns=["s", "id"])

    assert reader.schema.names == ["id", "s"]


def test_a_column_that_the_table_lacks_is_a_mistake(with_vector: Path) -> None:
    store = LocalStore(str(with_vector))

    with pytest.raises(KeyError, match="nope"):
        row_reader(store, read_snapshot(store), columns=["id", "nope"])


def test_columns_mapped_by_id_are_found_in_renamed_files(tmp_path: Path) -> None:
    swapped = pa.schema(
        [
            pa.field("a", pa.int64(), metadata={"PARQUET:field_id": "2"}),
            pa.field("b", pa.int64(), metadata={"PARQUET:field_id": "1"}),
        ]
    )
    size = write_file(tmp_path, "x.parquet", pa.table({"a": [2], "b": [1]}, schema=swapped))
    plain = write_file(tmp_path, "y.parquet", pa.table({"col-a": [1], "col-b": [2]}))
    make_table(
        tmp_path,
        [
            field("a", "long", **mapped(1, "col-a")),
            field("b", "long", **mapped(2, "col-b")),
        ],
        [add("x.parquet", size), add("y.parquet", plain)],
        configuration={"delta.columnMapping.mode": "id"},
    )

    assert read(tmp_path).to_pylist() == [{"a": 1, "b": 2}, {"a": 1, "b": 2}]


def mapped(number: int, physical: str) -> dict[str, Any]:
    return {
        "delta.columnMapping.id": number,
        "delta.columnMapping.physicalName": physical,
    }


def test_names_with_dots_are_not_taken_for_nested_fields(tmp_path: Path) -> None:
    stored = pa.table({"a.b": [1], "a": [{"b": 2}]})
    size = write_file(tmp_path, "x.parquet", stored)
    inner = {"type": "struct", "fields": [field("b", "long")]}
    make_table(tmp_path, [field("a", inner), field("a.b", "long")], [add("x.parquet", size)])

    assert read(tmp_path).to_pylist() == [{"a": {"b": 2}, "a.b": 1}]


def test_a_path_is_decoded_once(tmp_path: Path) -> None:
    size = write_file(tmp_path, "p=a b%2Fc/x+y.parquet", pa.table({"id": [1]}))
    make_table(tmp_path, [field("id", "long")], [add("p=a%20b%252Fc/x+y.parquet", size)])

    assert read(tmp_path).num_rows == 1


def test_an_absolute_path_outside_is_opened_where_it_says(tmp_path: Path) -> None:
    size = write_file(tmp_path / "other", "a b.parquet", pa.table({"id": [1]}))
    root = tmp_path / "table"
    outside = f"file:{tmp_path}/other/a%20b.parquet"
    make_table(root, [field("id", "long")], [add(outside, size)])

    assert read(root).to_pylist() == [{"id": 1}]


def test_the_caller_may_say_where_absolute_paths_lie(tmp_path: Path) -> None:
    size = write_file(tmp_path / "moved", "a.parquet", pa.table({"id": [1]}))
    root = tmp_path / "table"
    make_table(root, [field("id", "long")], [add("s3://gone/old/a.parquet", size)])
    asked: list[str] = []

    def elsewhere(uri: str) -> tuple[Store, str]:
        asked.append(uri)
        return LocalStore(str(tmp_path / "moved")), "a.parquet"

    assert read(root, elsewhere=elsewhere).num_rows == 1
    assert asked == ["s3://gone/old/a.parquet"]


class CountingStore(LocalStore):
    """Remembers the sizes of what was read."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.ranges: list[int] = []

    def read(
        self,
        path: str,
        *,
        start: int = 0,
        end: int | None = None,
        if_match: str | None = None,
        on_meta: OnMeta | None = None,
    ) -> Iterator[bytes]:
        chunks = super().read(path, start=start, end=end, if_match=if_match, on_meta=on_meta)
        body = b"".join(chunks)
        self.ranges.append(len(body))
        yield body


def test_a_large_file_is_read_by_row_group_and_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "_WHOLE_BYTES", 1)
    noise = pa.array([f"{i * 2654435761 % 4294967291:x}" * 8 for i in range(20_000)])
    size = write_file(
        tmp_path, "x.parquet", pa.table({"id": range(20_000), "t": noise}), group_rows=2_000
    )
    make_table(
        tmp_path,
        [field("id", "long"), field("t", "string")],
        [add("x.parquet", size, deletionVector=VECTOR)],
    )
    store = CountingStore(str(tmp_path))
    snapshot = read_snapshot(store)
    store.ranges.clear()

    found = pa.Table.from_batches(read_rows(store, snapshot, columns=["id"]))

    assert found.column("id").to_pylist() == [i for i in range(20_000) if i not in DELETED]
    assert sum(store.ranges) < size / 2
    assert max(store.ranges) <= 64 << 10  # the footer; each row group's column is smaller


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    make_table(tmp_path, [field("id", "long")], [add("gone.parquet", 5)])

    with pytest.raises(FerryError, match=r"gone\.parquet") as caught:
        read(tmp_path)

    assert caught.value.code == "LF-4101"


def test_a_missing_deletion_vector_is_no_empty_one(tmp_path: Path) -> None:
    size = write_file(tmp_path, "a.parquet", pa.table({"id": [1]}))
    vector = {**VECTOR, "storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 1}
    make_table(tmp_path, [field("id", "long")], [add("a.parquet", size, deletionVector=vector)])

    with pytest.raises(FerryError, match="deletion vector is not there") as caught:
        read(tmp_path)

    assert caught.value.code == "LF-4101"


def test_a_partition_value_of_a_wrong_type_is_named(tmp_path: Path) -> None:
    size = write_file(tmp_path, "a.parquet", pa.table({"id": [1]}))
    make_table(
        tmp_path,
        [field("id", "long"), field("p", "date")],
        [add("a.parquet", size, partitionValues={"p": "soon"})],
        partitioned_by=("p",),
    )

    with pytest.raises(FerryError, match="column `p`: the partition value `soon`") as caught:
        read(tmp_path)

    assert caught.value.code == "LF-4109"


def test_a_file_of_another_size_is_refused(tmp_path: Path) -> None:
    size = write_file(tmp_path, "a.parquet", pa.table({"id": [1]}))
    make_table(tmp_path, [field("id", "long")], [add("a.parquet", size + 1)])

    with pytest.raises(FerryError) as caught:
        read(tmp_path)

    assert caught.value.code == "LF-4103"


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nonsense PAR1")
    make_table(tmp_path, [field("id", "long")], [add("a.parquet", 18)])

    with pytest.raises(FerryError, match=r"a\.parquet") as caught:
        read(tmp_path)

    assert caught.value.code == "LF-4109"


def test_a_column_of_a_wrong_type_is_named(tmp_path: Path) -> None:
    size = write_file(tmp_path, "a.parquet", pa.table({"id": ["not a number"]}))
    make_table(tmp_path, [field("id", "long")], [add("a.parquet", size)])

    with pytest.raises(FerryError, match="column `id`") as caught:
        read(tmp_path)

    assert caught.value.code == "LF-4109"


def test_files_can_be_read_one_by_one(with_vector: Path) -> None:
    store = LocalStore(str(with_vector))
    snapshot = read_snapshot(store)

    [file] = live_files(snapshot)
    batches = list(row_reader(store, snapshot).read(file))

    assert file.deletion_vector is not None
    assert sum(batch.num_rows for batch in batches) == 34
