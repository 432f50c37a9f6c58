"""Schemas proposed from samples."""

from lakeferry.ingest.payload.declared_schema import ddl_text, declared_schema
from lakeferry.ingest.payload.infer import propose
from lakeferry.ingest.payload.json_rows import declare, read_page

RECORDS = [
    b'{"id": "a", "at": "2026-11-26T12:00:00.5Z", "n": 1, "geo": {"lat": 1, "cc": "de"}}',
    b'{"id": "b", "at": "2026-11-26T12:00:00+01:00", "n": 2.5, "geo": {"lat": 1.5}, "tags": []}',
    b'{"id": "c", "at": null, "n": 3, "tags": ["x"], "day": "2026-11-26", "new": null}',
]


def test_a_schema_is_the_narrowest_that_all_records_fit_into() -> None:
    found = propose(RECORDS)

    assert ddl_text(found.schema).split(",\n") == [
        "id STRING", "at TIMESTAMP", "n DOUBLE", "geo STRUCT<lat: DOUBLE, cc: STRING>",
        "tags ARRAY<STRING>", "day DATE",
    ]  # fmt: skip
    assert (found.records, found.unreadable) == (3, 0)
    assert found.notes == ("$.new: only null was seen; left out",)


def test_what_is_proposed_reads_the_sample_that_it_was_made_of() -> None:
    schema = declared_schema(ddl_text(propose(RECORDS).schema), "")

    table = read_page(RECORDS, declare(schema), new_fields="ignore")

    assert table["n"].to_pylist() == [1, 2.5, 3]


def test_records_that_are_no_objects_are_counted_and_mixed_fields_left_out() -> None:
    found = propose([b'{"a": 1, "b": {}}', b'{"a": "x"}', b"[1]", b"not json"])

    assert found.unreadable == 2
    assert len(found.schema) == 0
    assert found.notes == (
        "$.a: it is integer and text; left out",
        "$.b: an object without fields; left out",
    )


def test_a_few_values_of_another_kind_cost_no_column_and_are_told() -> None:
    found = propose([b'{"a": 1}'] * 30 + [b'{"a": 1.5}'] * 8 + [b'{"a": "x"}', b'{"a": null}'])

    assert ddl_text(found.schema) == "a DOUBLE"
    assert found.notes == ("$.a: 1 of 39 values are text; records with them would be bad",)


def test_names_that_no_schema_can_have_are_left_out() -> None:
    found = propose([b'{"id": 1, "ID": 2, "": 3, "s": {"x": 1, "X": 2}}'])

    assert declared_schema(ddl_text(found.schema), "").names == ["id", "s"]
    assert found.notes == (
        "$.ID: Delta takes it for `id`; left out", "$.: it has no name; left out",
        "$.s.X: Delta takes it for `x`; left out",
    )  # fmt: skip


def test_times_and_other_texts_together_are_text() -> None:
    found = propose([b'{"a": "2026-11-26T12:00:00Z"}', b'{"a": "soon"}'])

    assert ddl_text(found.schema) == "a STRING"


def test_a_number_that_no_long_holds_is_a_double() -> None:
    assert ddl_text(propose([b'{"a": 9223372036854775808}']).schema) == "a DOUBLE"
