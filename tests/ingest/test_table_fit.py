"""Rows fit a table or are refused with what is wrong and the way out; files get its form."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest

from lakeferry.delta.actions import Metadata, Protocol
from lakeferry.errors import FerryError
from lakeferry.ingest.payload.repair import PROVENANCE
from lakeferry.ingest.settings import PartitionColumn
from lakeferry.ingest.table.fit import refuse_unwritable, table_form
from lakeferry.ingest.worker.messages import TableForm

WANTED = pa.schema([("id", pa.int64()), ("at", pa.timestamp("us", "UTC"))])
ID = {"name": "id", "type": "long", "nullable": True, "metadata": {}}
AT = {"name": "at", "type": "timestamp", "nullable": True, "metadata": {}}


def column(
    name: str, kind: Any = "string", *, nullable: bool = True, **notes: Any
) -> dict[str, Any]:
    dotted = {key.replace("__", "."): value for key, value in notes.items()}
    return {"name": name, "type": kind, "nullable": nullable, "metadata": dotted}


def table(*columns: Mapping[str, Any], by: tuple[str, ...] = (), **configuration: str) -> Metadata:
    text = json.dumps({"type": "struct", "fields": list(columns)})
    dotted = {key.replace("__", "."): value for key, value in configuration.items()}
    return Metadata("t", text, by, dotted)


def form(metadata: Metadata, *by: PartitionColumn, wanted: pa.Schema = WANTED) -> TableForm:
    return table_form("s3://lake/t", metadata, wanted, by, "clicks")


def refused(metadata: Metadata, *by: PartitionColumn, wanted: pa.Schema = WANTED) -> FerryError:
    with pytest.raises(FerryError) as caught:
        form(metadata, *by, wanted=wanted)
    return caught.value


# --- columns --------------------------------------------------------------------------------


def test_files_have_the_columns_of_the_rows_in_the_order_of_the_table() -> None:
    found = form(table(AT, column("note"), ID))

    assert found.schema.names == ["at", "id"]
    assert found.name == "clicks"


def test_a_column_that_the_table_lacks_is_named() -> None:
    error = refused(table(ID))

    assert error.code == "LF-7041"
    assert "lacks the column `at`" in str(error)


def test_of_a_table_without_a_place_for_where_rows_come_from_both_ways_out_are_told() -> None:
    error = refused(table(ID, AT), wanted=pa.schema([*WANTED, *PROVENANCE]))

    assert "lacks the column `_shardId`" in error.what
    assert "--no-provenance" in error.next_step
    assert "ADD COLUMNS (_shardId STRING, _sequenceNumber STRING, " in error.next_step


def test_a_column_that_is_spelt_otherwise_is_named_as_it_is_there() -> None:
    assert "it has `At`" in str(refused(table(ID, {**AT, "name": "At"})))


def test_a_column_of_another_type_is_named_with_both_types() -> None:
    assert "`id` is of type int32, not int64" in str(refused(table({**ID, "type": "integer"}, AT)))


def test_a_column_that_rows_lack_must_not_be_obligatory() -> None:
    error = refused(table(ID, AT, column("note", nullable=False)))

    assert "`note` may not be null, and rows lack it" in str(error)


def test_an_obligatory_column_asks_for_rows_that_always_have_it() -> None:
    must = {**ID, "nullable": False}
    sure = pa.schema([pa.field("id", pa.int64(), nullable=False), WANTED.field("at")])

    assert "declare `id` as NOT NULL" in str(refused(table(must, AT)))
    assert not form(table(must, AT), wanted=sure).schema.field("id").nullable


def test_columns_of_kinesis_are_never_null() -> None:
    wanted = pa.schema([("shardId", pa.string())])

    assert not form(table(column("shardId", nullable=False)), wanted=wanted).schema[0].nullable


STRUCT = {
    "type": "struct",
    "fields": [column("a", "long"), column("b", "string")],
}


def test_within_structs_the_same_rules_hold() -> None:
    less = pa.schema([("s", pa.struct([("a", pa.int64())]))])
    more = pa.schema([("s", pa.struct([("a", pa.int64()), ("z", pa.int64())]))])
    other = pa.schema([("s", pa.struct([("a", pa.string())]))])

    assert form(table(column("s", STRUCT)), wanted=less).schema.field("s").type.num_fields == 1
    assert "`s.z`" in str(refused(table(column("s", STRUCT)), wanted=more))
    assert "`s.a` is of type" in str(refused(table(column("s", STRUCT)), wanted=other))


def test_a_list_without_nulls_asks_for_lists_without_nulls() -> None:
    strict = {"type": "array", "elementType": "long", "containsNull": False}
    wanted = pa.schema([("l", pa.list_(pa.int64()))])
    sure = pa.schema([("l", pa.list_(pa.field("item", pa.int64(), nullable=False)))])

    assert "`l` may hold no nulls" in str(refused(table(column("l", strict)), wanted=wanted))
    assert form(table(column("l", strict)), wanted=sure).schema.names == ["l"]


# --- rules of columns -----------------------------------------------------------------------


def test_a_default_that_rows_would_have_to_get_is_refused_by_name() -> None:
    error = refused(table(ID, AT, column("extra", "long", CURRENT_DEFAULT="0")))

    assert error.code == "LF-7042"
    assert "`extra` has a default, 0" in str(error)


def test_a_default_of_a_column_that_rows_have_binds_nobody() -> None:
    assert form(table({**ID, "metadata": {"CURRENT_DEFAULT": "0"}}, AT)).schema.names == [
        "id",
        "at",
    ]


def test_a_length_that_is_not_checked_is_refused_where_rows_have_the_column() -> None:
    short = {**column("v"), "metadata": {"__CHAR_VARCHAR_TYPE_STRING": "varchar(3)"}}
    wanted = pa.schema([*WANTED, pa.field("v", pa.string())])

    assert form(table(ID, AT, short)).schema.names == ["id", "at"]
    assert "limited in length: varchar(3)" in str(refused(table(ID, AT, short), wanted=wanted))


@pytest.mark.parametrize(
    "name", ["icebergCompatV2", "catalogManaged", "collations", "materializePartitionColumns", "x"]
)
def test_a_feature_that_we_do_not_write_under_is_refused_by_name(name: str) -> None:
    protocol = Protocol(3, 7, frozenset(), frozenset({name}))

    with pytest.raises(FerryError, match=f"has the feature `{name}`") as caught:
        refuse_unwritable(protocol, "s3://lake/t")

    assert caught.value.code == "LF-7042"


def test_tables_of_all_legacy_versions_may_be_written_and_of_none_that_comes() -> None:
    for writer in range(2, 7):
        refuse_unwritable(Protocol(1 if writer < 5 else 2, writer), "s3://lake/t")
    with pytest.raises(FerryError, match="LF-7042"):
        refuse_unwritable(Protocol(3, 8), "s3://lake/t")


# --- partitions -----------------------------------------------------------------------------

DAY = column("day", "date")


def test_a_partition_column_of_the_rows_needs_no_word() -> None:
    assert form(table(ID, AT, by=("id",))).partition_by == (PartitionColumn("id"),)


def test_a_computed_partition_column_is_part_of_the_form() -> None:
    found = form(table(ID, AT, DAY, by=("day",)), PartitionColumn("day", "at"))

    assert found.schema.field("day").type == pa.date32()
    assert found.partition_by == (PartitionColumn("day", "at"),)


def test_how_rows_come_by_a_partition_value_must_be_said() -> None:
    there = table(ID, AT, DAY, by=("day",))
    arriving = pa.schema([*WANTED, ("_arrival", pa.timestamp("us", "UTC"))])

    assert "--partition-by day=date(COLUMN)" in str(refused(there))
    assert "--partition-by day=date(_arrival)" in str(refused(there, wanted=arriving))


def test_a_generated_date_says_it_itself() -> None:
    day = column("day", "date", delta__generationExpression="CAST(at AS DATE)")
    hour = column("h", delta__generationExpression="DATE_FORMAT(at, 'yyyy-MM-dd-HH')")

    found = form(table(ID, AT, day, hour, by=("day", "h")))

    assert found.partition_by == (PartitionColumn("day", "at"), PartitionColumn("h", "at", "hour"))


def test_another_partitioning_than_the_tables_is_refused() -> None:
    error = refused(table(ID, AT, DAY, by=("day",)), PartitionColumn("id"))

    assert "partitioned by day, not by id" in str(error)


def test_the_type_of_a_computed_partition_column_must_be_that_of_the_table() -> None:
    text = column("day", "string")

    assert "`day`" in str(refused(table(ID, AT, text, by=("day",)), PartitionColumn("day", "at")))


# --- names, ids, statistics -----------------------------------------------------------------


def test_mapped_columns_keep_their_names_and_ids_at_every_depth() -> None:
    def named(body: dict[str, Any], number: int) -> dict[str, Any]:
        notes = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": f"c{number}"}
        return {**body, "metadata": notes}

    inner = {"type": "struct", "fields": [named(column("a", "long"), 3)]}
    items = {"type": "array", "elementType": inner, "containsNull": True}
    metadata = table(named(ID, 1), named(column("l", items), 2), delta__columnMapping__mode="name")
    wanted = pa.schema([("id", pa.int64()), ("l", pa.list_(pa.struct([("a", pa.int64())])))])

    found = form(metadata, wanted=wanted)

    assert found.physical == {"id": "c1", "l": "c2", "l.element.a": "c3"}
    assert found.field_ids == {"id": 1, "l": 2, "l.element.a": 3}


def test_statistics_are_kept_of_the_first_32_leaves_of_the_table() -> None:
    wide = [column(f"c{at}", "long") for at in range(31)]

    found = form(table(*wide, column("s", STRUCT), ID, AT))

    assert found.stats_columns == ()
    assert form(table(ID, *wide, AT)).stats_columns == ("id",)


def test_the_table_says_of_which_columns_statistics_are_kept() -> None:
    named = table(ID, AT, column("s", STRUCT), delta__dataSkippingStatsColumns="`at`, s")
    wanted = pa.schema([*WANTED, pa.field("s", pa.struct([("a", pa.int64())]))])

    assert form(named).stats_columns == ("at",)
    assert form(named, wanted=wanted).stats_columns == ("at", "s.a")
    assert form(table(ID, AT, delta__dataSkippingNumIndexedCols="1")).stats_columns == ("id",)
    assert form(table(ID, AT, delta__dataSkippingNumIndexedCols="-1")).stats_columns == ("id", "at")
