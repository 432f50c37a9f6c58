"""A table is made so that any writer can go on with it, and grows without harm to what is there."""

import json
from itertools import count
from typing import Any

import pyarrow as pa
import pytest

from lakeferry.delta.actions import Metadata, Protocol
from lakeferry.errors import FerryError
from lakeferry.ingest.settings import PartitionColumn
from lakeferry.ingest.table.new_table import first_actions, with_columns

URL = "s3://lake/t"
WANTED = pa.schema([("id", pa.int64()), ("at", pa.timestamp("us", "UTC"))])


def made(
    wanted: pa.Schema = WANTED, *by: PartitionColumn, domains: bool = False
) -> tuple[Protocol, Metadata]:
    return first_actions(URL, wanted, by, table_id="t", now_ms=7, with_domains=domains)


def names(text: str) -> list[str]:
    return [field["name"] for field in json.loads(text)["fields"]]


# --- the first metadata ---------------------------------------------------------------------


def test_a_table_needs_no_feature_that_its_columns_do_not_need() -> None:
    protocol, metadata = made()

    assert protocol == Protocol(1, 2)
    assert (metadata.id, metadata.created_time) == ("t", 7)
    assert metadata.configuration == {"delta.checkpointInterval": "100"}


def test_a_domain_for_positions_is_the_one_feature_that_is_asked_for() -> None:
    protocol, _ = made(domains=True)

    assert (protocol.min_reader_version, protocol.reader_features) == (1, None)
    wanted = frozenset({"appendOnly", "invariants", "domainMetadata"})
    assert protocol.writer_features == wanted


@pytest.mark.parametrize(
    "kind", [pa.timestamp("us"), pa.list_(pa.struct([("a", pa.timestamp("us"))]))]
)
def test_a_timestamp_without_a_zone_needs_its_feature_at_any_depth(kind: pa.DataType) -> None:
    protocol, _ = made(pa.schema([("t", kind)]))

    assert protocol.reader_features == frozenset({"timestampNtz"})
    assert "timestampNtz" in (protocol.writer_features or ())


def test_a_computed_partition_column_stands_behind_the_others() -> None:
    _, metadata = made(WANTED, PartitionColumn("hour", "at", "hour"))

    assert names(metadata.schema_string) == ["id", "at", "hour"]
    assert metadata.partition_columns == ("hour",)


@pytest.mark.parametrize("name", ["two words", "a,b", "a=b", ""])
def test_a_name_that_parquet_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(FerryError, match="cannot be a column") as caught:
        made(pa.schema([(name, pa.int64())]))

    assert caught.value.code == "LF-7041"


def test_names_that_differ_by_case_alone_are_refused() -> None:
    with pytest.raises(FerryError, match="by case alone"):
        made(pa.schema([("id", pa.int64()), ("ID", pa.int64())]))


def test_a_type_that_delta_lacks_is_refused_with_its_place() -> None:
    with pytest.raises(FerryError, match=r"`s\.n` is of the type uint8") as caught:
        made(pa.schema([("s", pa.struct([("n", pa.uint8())]))]))

    assert caught.value.code == "LF-7048"


# --- new columns ----------------------------------------------------------------------------


def grown(metadata: Metadata, wanted: pa.Schema) -> Metadata:
    numbers = count(1)
    return with_columns(URL, Protocol(1, 2), metadata, wanted, lambda: f"col-{next(numbers)}")


def test_nothing_new_changes_nothing() -> None:
    _, metadata = made()

    assert grown(metadata, WANTED) is metadata


def test_new_columns_come_behind_and_may_be_null() -> None:
    _, metadata = made()
    wanted = pa.schema([pa.field("new", pa.string(), nullable=False), *WANTED])

    fields = json.loads(grown(metadata, wanted).schema_string)["fields"]

    assert [field["name"] for field in fields] == ["id", "at", "new"]
    assert fields[2]["nullable"]


def test_new_fields_are_found_within_structs_and_lists_of_structs() -> None:
    before = pa.schema(
        [("s", pa.struct([("a", pa.int64())])), ("l", pa.list_(pa.struct([("a", pa.int64())])))]
    )
    more = pa.struct([("a", pa.int64()), ("b", pa.string())])
    _, metadata = made(before)

    tree = json.loads(
        grown(metadata, pa.schema([("s", more), ("l", pa.list_(more))])).schema_string
    )

    struct, items = tree["fields"][0]["type"], tree["fields"][1]["type"]["elementType"]
    assert [field["name"] for field in struct["fields"]] == ["a", "b"]
    assert [field["name"] for field in items["fields"]] == ["a", "b"]


def mapped() -> Metadata:
    notes = {"delta.columnMapping.id": 4, "delta.columnMapping.physicalName": "col-old"}
    field: dict[str, Any] = {"name": "id", "type": "long", "nullable": True, "metadata": notes}
    text = json.dumps({"type": "struct", "fields": [field]})
    mode = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "9"}
    return Metadata("t", text, (), mode)


def test_of_a_mapped_table_ids_go_on_and_old_names_stay() -> None:
    wanted = pa.schema([("id", pa.int64()), ("two words", pa.struct([("a", pa.int64())]))])

    found = grown(mapped(), wanted)

    old, new = json.loads(found.schema_string)["fields"]
    assert old == json.loads(mapped().schema_string)["fields"][0]
    assert new["metadata"] == {
        "delta.columnMapping.id": 10,
        "delta.columnMapping.physicalName": "col-1",
    }
    assert new["type"]["fields"][0]["metadata"]["delta.columnMapping.id"] == 11
    assert found.configuration["delta.columnMapping.maxColumnId"] == "11"


def test_a_new_column_that_differs_by_case_alone_is_refused() -> None:
    _, metadata = made()

    with pytest.raises(FerryError, match="by case alone"):
        grown(metadata, pa.schema([("ID", pa.int64())]))


def test_a_new_column_of_a_type_that_needs_a_feature_is_refused() -> None:
    _, metadata = made()

    with pytest.raises(FerryError, match="needs the feature timestampNtz"):
        grown(metadata, pa.schema([("t", pa.timestamp("us"))]))
