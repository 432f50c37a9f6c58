"""What a table got by new fields is declared when reading begins anew."""

from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from lakeferry.connect.aws import AwsAccess
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.payload.columns import MOST_FIELDS, is_full
from lakeferry.ingest.payload.evolved import declared_now, grown_for
from lakeferry.ingest.payload.json_rows import OnNew
from lakeferry.ingest.payload.repair import PROVENANCE
from lakeferry.ingest.payload.row_schema import row_schema
from lakeferry.ingest.settings import Ingest, PartitionColumn, PayloadSettings, SourceSettings
from lakeferry.ingest.table.fit import table_form
from lakeferry.ingest.table.opening import change_columns
from tests.ingest.batches import opened, settings

LAT = pa.struct([("lat", pa.float64())])
BOTH = pa.struct([("lat", pa.float64()), ("lon", pa.float64())])
DECLARED = pa.schema([("id", pa.string()), ("geo", LAT), ("stops", pa.list_(LAT))])
WIDER = pa.schema(
    [("id", pa.string()), ("geo", BOTH), ("stops", pa.list_(BOTH)), ("status", pa.int64())]
)
BY_DAY = (PartitionColumn("day", "_arrival"),)


def ingest_of(table: Path, on_new: OnNew) -> Ingest:
    source = SourceSettings("clicks", endpoint_of("eu-west-1", None), AwsAccess("eu-west-1"))
    payload = PayloadSettings(DECLARED, on_new=on_new)
    return Ingest("clicks", source, settings(table, partition_by=BY_DAY), payload)


def grown_table(ingest: Ingest, schema: pa.Schema = WIDER) -> pa.Schema | None:
    """What is declared where the table has this schema by now."""
    target = opened(ingest.target, wanted=row_schema(ingest.payload))
    change_columns(target, ingest.target, pa.schema([*schema, *PROVENANCE]))
    again = opened(ingest.target, wanted=row_schema(ingest.payload))
    declared, formed = declared_now(ingest, again)
    assert declared is not None
    assert set(declared.names) <= set(formed.form.schema.names)
    return declared


def test_columns_and_fields_within_them_are_declared(tmp_path: Path) -> None:
    assert grown_table(ingest_of(tmp_path / "t", "evolve")) == WIDER


@pytest.mark.parametrize("on_new", ["ignore", "rescue"])
def test_only_a_table_that_evolves_says_what_is_declared(tmp_path: Path, on_new: OnNew) -> None:
    assert grown_table(ingest_of(tmp_path / "t", on_new)) == DECLARED


def test_a_column_that_no_json_can_fill_stays_undeclared(tmp_path: Path) -> None:
    theirs = pa.schema([*DECLARED, ("body", pa.binary())])

    assert grown_table(ingest_of(tmp_path / "t", "evolve"), theirs) == DECLARED


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("$.http.status", pa.int64()),
        ("$.geo.at.lat", pa.float64()),
        ("$.ID", pa.int64()),
        ("$.a b", pa.int64()),
        ("$.", pa.int64()),
        ("$._shardId", pa.string()),
        ("$.day", pa.string()),
        ("$.new", pa.struct([("a", pa.int64()), ("A", pa.int64())])),
        ("$.geo.Lat", pa.float64()),
    ],
)
def test_a_field_that_can_be_no_column_is_left_out_alone(
    tmp_path: Path, path: str, kind: pa.DataType
) -> None:
    ingest = ingest_of(tmp_path / "t", "evolve")
    target = opened(ingest.target, wanted=row_schema(ingest.payload))

    declared, refused = grown_for(ingest, target, DECLARED, {path: kind, "$.z": pa.bool_()})

    assert declared.names == [*DECLARED.names, "z"]
    assert refused.keys() == {path}


def test_what_the_table_generates_is_no_column_of_records(tmp_path: Path) -> None:
    ingest = ingest_of(tmp_path / "t", "evolve")
    ingest = replace(ingest, target=settings(tmp_path / "t"))
    plain = opened(ingest.target, wanted=row_schema(ingest.payload))
    rule = {"delta.generationExpression": "HOUR(_arrival)"}
    tree = orjson.loads(plain.metadata.schema_string)
    tree["fields"].append({"name": "hour", "type": "integer", "nullable": True, "metadata": rule})
    metadata = replace(plain.metadata, schema_string=orjson.dumps(tree).decode())
    form = table_form("t", metadata, row_schema(ingest.payload), (), "clicks")
    target = replace(plain, metadata=metadata, form=form)

    declared, _ = declared_now(ingest, target)
    grown, refused = grown_for(ingest, target, DECLARED, {"$.hour": pa.int32()})

    assert declared == grown == DECLARED
    assert refused.keys() == {"$.hour"}


def test_a_field_of_which_only_empty_values_were_seen_is_told(tmp_path: Path) -> None:
    ingest = ingest_of(tmp_path / "t", "evolve")
    target = opened(ingest.target, wanted=row_schema(ingest.payload))

    declared, refused = grown_for(ingest, target, DECLARED, {"$.tags": None})

    assert declared == DECLARED
    assert refused == {"$.tags": "nothing but empty values of it were seen, which tell no type"}


def test_a_table_gets_no_more_fields_than_it_may(tmp_path: Path) -> None:
    ingest = ingest_of(tmp_path / "t", "evolve")
    target = opened(ingest.target, wanted=row_schema(ingest.payload))
    types = {f"$.user{at:05}": pa.int64() for at in range(MOST_FIELDS)}

    declared, refused = grown_for(ingest, target, DECLARED, types)

    assert is_full(declared)
    assert len(declared) == MOST_FIELDS - 2  # with the fields within the declared ones
    assert refused == {}


def test_a_field_that_brings_too_many_within_it_is_left_out_alone(tmp_path: Path) -> None:
    ingest = ingest_of(tmp_path / "t", "evolve")
    target = opened(ingest.target, wanted=row_schema(ingest.payload))
    wide = pa.struct([(f"f{at}", pa.int64()) for at in range(2 * MOST_FIELDS)])

    declared, refused = grown_for(ingest, target, DECLARED, {"$.ids": wide, "$.z": pa.bool_()})

    assert declared.names == [*DECLARED.names, "z"]
    assert refused.keys() == {"$.ids"}
