import datetime
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeferry.delta.actions import MAP
from lakeferry.delta.checkpoint import UnreadableCheckpoint, sidecar_names
from lakeferry.delta.log import Checkpoint, list_log, segment
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.delta.struct_stats import stats_json
from lakeferry.errors import FerryError
from lakeferry.store.local import LocalStore
from lakeferry.store.open import open_store

from .tables import (
    METADATA,
    PROTOCOL,
    Action,
    add,
    commit,
    lines,
    paths,
    rows,
    table,
    vector,
    write,
)

NAME = f"{2:020d}.checkpoint.parquet"
UUID = "80a083e8-7026-4e79-81be-64bd76c43a11"
TOP_FIELDS = {
    "protocol": pa.struct(
        [
            ("minReaderVersion", pa.int32()),
            ("minWriterVersion", pa.int32()),
            ("readerFeatures", pa.list_(pa.string())),
            ("writerFeatures", pa.list_(pa.string())),
        ]
    ),
    "metaData": pa.struct(
        [
            ("id", pa.string()),
            ("format", pa.struct([("provider", pa.string()), ("options", MAP)])),
            ("schemaString", pa.string()),
            ("partitionColumns", pa.list_(pa.string())),
            ("configuration", MAP),
        ]
    ),
    "sidecar": pa.struct([("path", pa.string()), ("sizeInBytes", pa.int64())]),
}
PLAIN_ADD = pa.struct([("path", pa.string()), ("size", pa.int64()), ("partitionValues", MAP)])


def head() -> list[dict[str, Any]]:
    state = METADATA["metaData"]
    as_pairs = {**state, "configuration": [], "format": {"provider": "parquet", "options": []}}
    return [dict(PROTOCOL), {"metaData": as_pairs}]


def parquet(
    root: Path, name: str, actions: list[Any], *, add_type: pa.DataType = PLAIN_ADD
) -> Path:
    file = root / "_delta_log" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([*TOP_FIELDS.items(), ("add", add_type)])
    pq.write_table(pa.Table.from_pylist(actions, schema=schema), file)
    return file


def read_rows(root: Path) -> list[dict[str, Any]]:
    return rows(read_snapshot(open_store(str(root))).files)


def only_row(root: Path, body: dict[str, Any], add_type: pa.DataType) -> dict[str, Any]:
    parquet(root, NAME, [*head(), {"add": body}], add_type=add_type)
    [row] = read_rows(root)
    return row


def test_columns_that_a_checkpoint_lacks_are_null(tmp_path: Path) -> None:
    row = only_row(tmp_path, {"path": "a", "size": 4, "partitionValues": [("p", None)]}, PLAIN_ADD)

    present = {name: value for name, value in row.items() if value is not None}

    assert present == {"path": "a", "size": 4, "partitionValues": {"p": None}}


def test_missing_partition_values_of_a_checkpoint_are_an_empty_map(tmp_path: Path) -> None:
    row = only_row(tmp_path, {"path": "a", "size": 4}, PLAIN_ADD)

    assert row["partitionValues"] == {}


def test_unknown_fields_of_a_checkpoint_s_add_are_kept(tmp_path: Path) -> None:
    kind = pa.struct([*PLAIN_ADD, ("later", pa.struct([("deep", pa.int64())]))])

    row = only_row(tmp_path, {"path": "a", "later": {"deep": 7}}, kind)

    assert row["extra"] == '{"later":{"deep":7}}'


def test_a_vector_without_its_youngest_fields_is_read(tmp_path: Path) -> None:
    fields = [("storageType", pa.string()), ("pathOrInlineDv", pa.string()), ("offset", pa.int64())]
    numbers = [("sizeInBytes", pa.int64()), ("cardinality", pa.int32())]
    kind = pa.struct([*PLAIN_ADD, ("deletionVector", pa.struct([*fields, *numbers]))])

    row = only_row(tmp_path, {"path": "a", "deletionVector": vector("x")}, kind)

    assert row["deletionVector"] == {**vector("x"), "maxRowIndex": None}


def test_other_string_and_map_types_of_a_checkpoint_are_read(tmp_path: Path) -> None:
    large = pa.map_(pa.large_string(), pa.large_string())
    kind = pa.struct([("path", pa.large_string()), ("partitionValues", large), ("tags", large)])

    row = only_row(tmp_path, {"path": "a", "partitionValues": [("p", "1")]}, kind)

    assert (row["path"], row["partitionValues"], row["tags"]) == ("a", {"p": "1"}, None)


def test_statistics_kept_as_a_struct_become_json(tmp_path: Path) -> None:
    stats = pa.struct([("numRecords", pa.int64()), ("maxValues", pa.struct([("a", pa.date32())]))])
    kind = pa.struct([*PLAIN_ADD, ("stats", pa.string()), ("stats_parsed", stats)])
    parsed = {"numRecords": 3, "maxValues": {"a": datetime.date(2024, 1, 31)}}
    bodies = [{"path": "a", "stats_parsed": parsed}, {"path": "b", "stats": "{ }"}, {"path": "c"}]

    parquet(tmp_path, NAME, [*head(), *({"add": body} for body in bodies)], add_type=kind)

    found = [row["stats"] for row in read_rows(tmp_path)]
    assert found == ['{"numRecords":3,"maxValues":{"a":"2024-01-31"}}', "{ }", None]


def test_struct_statistics_keep_every_value_s_meaning() -> None:
    utc = datetime.UTC
    row = {
        "tightBounds": False,
        "minValues": {
            "price": Decimal("12345678901234567890.10"),
            "seen": datetime.datetime(2024, 1, 31, 1, 2, 3, 4000, tzinfo=utc),
            "exact": datetime.datetime(2024, 1, 31, 1, 2, 3, 4005, tzinfo=utc),
            "local": datetime.datetime(2024, 1, 31),
            "ratio": float("nan"),
            "text": 'q"\u2028ü',
            "nested": {"x": 1, "y": None},
            "none": None,
        },
        "nullCount": {"nested": {"x": None}},
    }
    kind = pa.struct(
        [
            ("tightBounds", pa.bool_()),
            (
                "minValues",
                pa.struct(
                    [
                        ("price", pa.decimal128(22, 2)),
                        ("seen", pa.timestamp("ns", "UTC")),
                        ("exact", pa.timestamp("us", "UTC")),
                        ("local", pa.timestamp("us")),
                        ("ratio", pa.float64()),
                        ("text", pa.string()),
                        ("nested", pa.struct([("x", pa.int32()), ("y", pa.int32())])),
                        ("none", pa.int64()),
                    ]
                ),
            ),
            ("nullCount", pa.struct([("nested", pa.struct([("x", pa.int64())]))])),
        ]
    )

    [text] = stats_json(pa.array([row], kind)).to_pylist()

    assert text == (
        '{"tightBounds":false,"minValues":{"price":12345678901234567890.10,'
        '"seen":"2024-01-31T01:02:03.004Z","exact":"2024-01-31T01:02:03.004005Z",'
        '"local":"2024-01-31T00:00:00.000","ratio":"NaN","text":"q\\"\u2028ü","nested":{"x":1}}}'
    )


def sidecar(name: str) -> Action:
    return {"sidecar": {"path": name, "sizeInBytes": 1, "modificationTime": 1}}


def test_a_v2_checkpoint_in_json_names_its_sidecars(tmp_path: Path) -> None:
    parquet(tmp_path, "_sidecars/one.parquet", [{"add": {"path": "a"}}])
    parquet(tmp_path, "_sidecars/two ü.parquet", [{"add": {"path": "b"}}])
    top = lines({"checkpointMetadata": {"version": 2}}, PROTOCOL, METADATA,
                sidecar("one.parquet"), sidecar("two%20%C3%BC.parquet"))  # fmt: skip
    write(tmp_path, f"{2:020d}.checkpoint.{UUID}.json", top)

    assert [row["path"] for row in read_rows(tmp_path)] == ["a", "b"]


def test_a_v2_checkpoint_in_json_may_hold_its_files_itself(tmp_path: Path) -> None:
    top = lines({"checkpointMetadata": {"version": 2}}, PROTOCOL, METADATA, add("a", later=1))
    write(tmp_path, f"{2:020d}.checkpoint.{UUID}.json", top)

    [row] = read_rows(tmp_path)

    assert (row["path"], row["extra"]) == ("a", '{"later":1}')


@pytest.mark.parametrize("name", [NAME, f"{2:020d}.checkpoint.{UUID}.parquet"])
def test_a_v2_checkpoint_in_parquet_may_have_either_name(tmp_path: Path, name: str) -> None:
    parquet(tmp_path, "_sidecars/one.parquet", [{"add": {"path": "a"}}])
    parquet(tmp_path, name, [*head(), {"sidecar": {"path": "one.parquet", "sizeInBytes": 1}}])

    assert [row["path"] for row in read_rows(tmp_path)] == ["a"]


def test_a_sidecar_outside_its_folder_is_not_followed(tmp_path: Path) -> None:
    parquet(tmp_path, "one.parquet", [{"add": {"path": "a"}}])
    write(tmp_path, f"{2:020d}.checkpoint.{UUID}.json",
          lines(PROTOCOL, METADATA, sidecar("../one.parquet")))  # fmt: skip

    with pytest.raises(FerryError, match="LF-3104"):
        read_rows(tmp_path)


def test_all_parts_of_a_checkpoint_count(tmp_path: Path) -> None:
    for part, name in enumerate("abc", start=1):
        actions = [{"add": {"path": name}}]
        file = f"{2:020d}.checkpoint.{part:010d}.0000000003.parquet"
        parquet(tmp_path, file, head() + actions if part == 2 else actions)

    assert [row["path"] for row in read_rows(tmp_path)] == ["a", "b", "c"]


def with_checkpoint(root: Path) -> Path:
    """Versions 0 to 3 as commits, and a checkpoint of version 2."""
    table(root, [add("a")], [add("b")], [add("c")], [add("d")])
    return parquet(root, NAME, [*head(), *({"add": {"path": name}} for name in "abc")])


@pytest.mark.parametrize("damage", [b"", b"PAR1 not really", None])
def test_a_damaged_checkpoint_does_not_matter_while_older_commits_are_there(
    tmp_path: Path, damage: bytes | None
) -> None:
    file = with_checkpoint(tmp_path)
    file.write_bytes(file.read_bytes()[:-30] if damage is None else damage)

    snapshot = read_snapshot(open_store(str(tmp_path)))

    assert paths(snapshot.files) == ["a", "b", "c", "d"]
    assert snapshot.segment.checkpoint is None


def test_a_damaged_checkpoint_is_named_when_older_commits_are_gone(tmp_path: Path) -> None:
    file = with_checkpoint(tmp_path)
    file.write_bytes(file.read_bytes()[:-30])
    (tmp_path / "_delta_log" / f"{1:020d}.json").unlink()

    with pytest.raises(FerryError) as refused:
        read_snapshot(open_store(str(tmp_path)))

    assert refused.value.code == "LF-3104"
    assert NAME in refused.value.where


def test_a_missing_sidecar_makes_a_checkpoint_unreadable(tmp_path: Path) -> None:
    table(tmp_path, [add("a")], [add("b")], [add("c")])
    top = lines({"checkpointMetadata": {"version": 2}}, PROTOCOL, METADATA, sidecar("gone.parquet"))
    write(tmp_path, f"{2:020d}.checkpoint.{UUID}.json", top)

    assert [row["path"] for row in read_rows(tmp_path)] == ["a", "b", "c"]

    (tmp_path / "_delta_log" / f"{0:020d}.json").unlink()
    with pytest.raises(FerryError, match="LF-3104"):
        read_rows(tmp_path)


def test_damaged_pages_are_named_when_they_are_read(tmp_path: Path) -> None:
    file = with_checkpoint(tmp_path)
    group = pq.read_metadata(file).row_group(0)
    [start] = [
        group.column(at).data_page_offset
        for at in range(group.num_columns)
        if group.column(at).path_in_schema == "add.size"
    ]
    body = bytearray(file.read_bytes())
    body[start : start + 12] = b"\xff" * 12
    file.write_bytes(body)

    with pytest.raises(FerryError) as refused:
        paths(read_snapshot(open_store(str(tmp_path))).files)

    assert refused.value.code == "LF-3104"


@pytest.mark.parametrize("hint", [b"", b"{", b'{"version":99,"size":1}', b'{"version":"x"}', b"[]"])
def test_a_wrong_last_checkpoint_does_not_matter(tmp_path: Path, hint: bytes) -> None:
    with_checkpoint(tmp_path)
    write(tmp_path, "_last_checkpoint", hint)

    assert [row["path"] for row in read_rows(tmp_path)] == ["a", "b", "c", "d"]


def test_a_projection_reads_only_what_is_asked_for(tmp_path: Path) -> None:
    with_checkpoint(tmp_path)
    commit(tmp_path, 4, {"remove": {"path": "b"}})

    files = read_snapshot(open_store(str(tmp_path))).files

    batches = list(files.batches(["size"]))
    assert sum(batch.num_rows for batch in batches) == 3
    assert {tuple(batch.schema.names) for batch in batches} == {("size",)}


def test_a_sidecar_may_be_named_by_its_whole_address(tmp_path: Path) -> None:
    parquet(tmp_path, "_sidecars/one.parquet", [{"add": {"path": "a"}}])
    address = f"file:{tmp_path}/_delta_log/_sidecars/one.parquet"
    write(tmp_path, f"{2:020d}.checkpoint.{UUID}.json", lines(PROTOCOL, METADATA, sidecar(address)))

    assert [row["path"] for row in read_rows(tmp_path)] == ["a"]


def test_a_broken_json_checkpoint_does_not_matter_while_commits_are_there(tmp_path: Path) -> None:
    table(tmp_path, [add("a")], [add("b")], [add("c")])
    write(tmp_path, f"{2:020d}.checkpoint.{UUID}.json", b'{"protocol":')

    assert [row["path"] for row in read_rows(tmp_path)] == ["a", "b", "c"]


def test_a_checkpoint_whose_adds_have_no_path_is_unreadable(tmp_path: Path) -> None:
    parquet(
        tmp_path, NAME, [*head(), {"add": {"size": 1}}], add_type=pa.struct({"size": pa.int64()})
    )

    with pytest.raises(FerryError, match="LF-3104"):
        read_rows(tmp_path)


def test_a_checkpoint_without_any_file_action_is_an_empty_table(tmp_path: Path) -> None:
    parquet(tmp_path, NAME, head())

    assert read_rows(tmp_path) == []


def test_binary_bounds_become_text_and_unknown_kinds_are_a_bug() -> None:
    kind = pa.struct([("minValues", pa.struct([("b", pa.binary())]))])

    assert stats_json(pa.array([{"minValues": {"b": b"ab"}}], kind)).to_pylist() == [
        '{"minValues":{"b":"ab"}}'
    ]
    with pytest.raises(TypeError):
        stats_json(pa.array([{"d": datetime.timedelta(1)}], pa.struct([("d", pa.duration("s"))])))


def test_a_top_file_without_columns_for_files_is_read(tmp_path: Path) -> None:
    parquet(tmp_path, "_sidecars/one.parquet", [{"add": {"path": "a"}}])
    file = parquet(tmp_path, NAME, [*head(), {"sidecar": {"path": "one.parquet"}}])
    pq.write_table(pq.read_table(file).drop_columns(["add"]), file)

    assert [row["path"] for row in read_rows(tmp_path)] == ["a"]


class Unreachable(LocalStore):
    """A folder that can be listed but not read."""

    def read(self, path: str, **_: Any) -> Iterator[bytes]:
        raise FerryError("LF-1003", "no answer", path, "try again")


def test_a_store_that_does_not_answer_is_no_damaged_checkpoint(tmp_path: Path) -> None:
    with_checkpoint(tmp_path)

    with pytest.raises(FerryError, match="LF-1003"):
        read_snapshot(Unreachable(str(tmp_path)))


def checkpoint_of(root: Path) -> Checkpoint:
    found = segment(list_log(open_store(str(root)))).checkpoint
    assert found is not None
    return found


def test_the_sidecars_of_a_checkpoint_can_be_named_without_reading_them(tmp_path: Path) -> None:
    top = lines(PROTOCOL, METADATA, sidecar("one.parquet"), sidecar("a%20b.parquet"))
    write(tmp_path, f"{2:020d}.checkpoint.{UUID}.json", top)

    names = sidecar_names(open_store(str(tmp_path)), checkpoint_of(tmp_path))

    assert names == ("one.parquet", "a b.parquet")


def test_sidecars_of_a_cut_checkpoint_cannot_be_named(tmp_path: Path) -> None:
    write(tmp_path, NAME, b"PAR1")

    with pytest.raises(UnreadableCheckpoint, match="4 bytes"):
        sidecar_names(open_store(str(tmp_path)), checkpoint_of(tmp_path))
