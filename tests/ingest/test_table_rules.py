"""A table's metadata says what its rows must be; what cannot be kept is refused by name."""

import json
from typing import Any

import pyarrow as pa
import pytest

from lakeferry.ingest.rules.row_rules import Rules, with_generated
from lakeferry.ingest.rules.table_rules import rules_told
from lakeferry.ingest.settings import PartitionColumn
from lakeferry.ingest.upkeep.join_files import joined_form
from tests.ingest.test_table_fit import AT, ID, WANTED, column, form, refused, table

DAY = column("day", "date", delta__generationExpression="cast(AT as date)")
YEAR = column("y", "integer", delta__generationExpression="YEAR(at)")
MUST = {**YEAR, "nullable": False}


def invariant(text: str) -> dict[str, Any]:
    return {"delta__invariants": json.dumps({"expression": {"expression": text}})}


def what(rules: Rules) -> list[str]:
    return [check.what for check in rules.checks]


def test_a_generated_column_is_computed_and_written_though_rows_lack_it() -> None:
    found = form(table(ID, AT, YEAR))
    moment = pa.array([0], pa.timestamp("us", "UTC"))

    assert found.schema.field("y").type == pa.int32()
    assert [one.name for one in found.rules.generated] == ["y"]
    assert with_generated(found.rules, pa.table({"at": moment}))["y"].to_pylist() == [1970]


def test_a_generated_column_partitions_rows() -> None:
    found = form(table(ID, AT, YEAR, by=("y",)))

    assert found.partition_by == (PartitionColumn("y"),)
    assert [one.name for one in found.rules.generated] == ["y"]


def test_a_generated_day_is_computed_when_rows_are_sorted() -> None:
    found = form(table(ID, AT, DAY, by=("day",)))

    assert found.partition_by == (PartitionColumn("day", "at"),)
    assert found.rules == Rules()


def test_a_day_that_a_constraint_reads_is_computed_before() -> None:
    recent = {"delta__constraints__recent": "day > '2026-01-01'"}
    plain = column("day", "date")

    generated = form(table(ID, AT, DAY, by=("day",), **recent))
    asked = form(table(ID, AT, plain, by=("day",), **recent), PartitionColumn("day", "at"))

    assert [one.name for one in generated.rules.generated] == ["day"]
    assert generated.rules == asked.rules


def test_a_generated_column_that_rows_bring_is_compared() -> None:
    wanted = pa.schema([*WANTED, ("y", pa.int32())])

    found = form(table(ID, AT, YEAR, by=("y",)), wanted=wanted)

    assert found.partition_by == (PartitionColumn("y"),)
    assert not found.rules.generated
    assert what(found.rules) == ["the generation of `y`: YEAR(at)"]


def test_a_column_that_is_computed_and_may_not_be_null_is_a_check() -> None:
    day = {**column("day", "date"), "nullable": False}

    found = form(table(ID, AT, MUST))
    asked = form(table(ID, AT, day, by=("day",)), PartitionColumn("day", "at"))

    assert not found.schema.field("y").nullable
    assert what(found.rules) == ["NOT NULL of `y`"]
    assert what(asked.rules) == ["NOT NULL of `day`"]
    assert [one.name for one in asked.rules.generated] == ["day"]


def test_constraints_and_invariants_are_checks_by_their_names() -> None:
    strict = {**column("id", "long", **invariant("id > 3"))}

    found = form(table(strict, AT, delta__constraints__old="at < '2100-01-01'"))

    assert what(found.rules) == [
        "the invariant of `id`: id > 3",
        "the constraint `old`: at < '2100-01-01'",
    ]


def test_a_constraint_may_read_a_column_that_rows_lack_and_the_table_computes() -> None:
    found = form(table(ID, AT, YEAR, delta__constraints__late="y > 2000"))

    assert what(found.rules) == ["the constraint `late`: y > 2000"]


def test_a_constraint_that_no_row_can_keep_is_refused() -> None:
    error = refused(table(ID, AT, column("note"), delta__constraints__noted="note IS NOT NULL"))

    assert error.code == "LF-7041"
    assert "no row can keep the constraint `noted`: note IS NOT NULL" in str(error)
    assert form(table(ID, AT, column("note"), delta__constraints__not="note IS NULL")).rules


def test_what_a_generated_column_is_computed_of_must_come() -> None:
    error = refused(
        table(ID, AT, column("e"), column("f", delta__generationExpression="SUBSTR(e, 1)"))
    )

    assert error.code == "LF-7041"
    assert "no column `e`, which `f` is computed of: SUBSTR(e, 1)" in str(error)


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (column("x", delta__generationExpression="UUID()"), "`x` is generated: UUID(); `UUID`"),
        (column("x", "long", delta__generationExpression="YEAR(at)"), "it gives int32"),
        (column("x", delta__generationExpression="SUBSTRING(y, 1)"), "no column `y`"),
        (column("x", "long", **invariant("id RLIKE 'a'")), "`x` has an invariant"),
        (column("x", "long", delta__invariants="{}"), "`x` has an invariant: {}"),
        (column("x", "long", delta__identity__start=1), "`x` is an identity column: 1"),
    ],
)
def test_a_rule_that_is_not_kept_is_refused_with_its_text(extra: Any, told: str) -> None:
    error = refused(table(ID, AT, YEAR, extra))

    assert error.code == "LF-7042"
    assert told in str(error)


def test_a_constraint_that_is_not_kept_is_refused_with_its_text_and_the_way_out() -> None:
    error = refused(table(ID, AT, delta__constraints__odd="id IN (SELECT 1)"))

    assert error.code == "LF-7042"
    assert "the constraint `odd`: id IN (SELECT 1); `SELECT` is not understood" in str(error)
    assert "DROP CONSTRAINT odd" in str(error)


def test_an_invariant_within_a_struct_is_refused() -> None:
    inner = {"type": "struct", "fields": [column("a", "long", **invariant("s.a > 3"))]}

    assert "a field of its column `s` has an invariant" in str(
        refused(table(ID, AT, column("s", inner)))
    )


def test_another_partitioning_than_the_generated_one_is_refused() -> None:
    error = refused(table(ID, AT, YEAR, by=("y",)), PartitionColumn("y", "at"))

    assert error.code == "LF-7042"
    assert "`y` is generated: YEAR(at)" in str(error)
    assert form(table(ID, AT, YEAR, by=("y",)), PartitionColumn("y")).partition_by


def test_what_a_table_generates_and_checks_is_told() -> None:
    told = rules_told(table(ID, AT, YEAR, delta__constraints__old="id > 0"))

    assert told == "the table generates `y`, of times in UTC; records that break `old` are bad ones"
    assert rules_told(table(ID, AT)) == ""


def test_small_files_of_a_table_with_rules_are_joined_as_others_are() -> None:
    metadata = table(ID, AT, YEAR, DAY, by=("day",), delta__constraints__old="id > 0")

    assert joined_form("s3://lake/t", metadata, "clicks").schema.names == ["id", "at", "y"]
