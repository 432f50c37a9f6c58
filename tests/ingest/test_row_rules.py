"""Rows get their generated columns and keep the table's checks, or are bad ones with the reason."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from lakeferry.errors import FerryError
from lakeferry.ingest.files.partition import split
from lakeferry.ingest.kinesis.wire import Record
from lakeferry.ingest.payload.page_table import PageTable, page_form, page_table
from lakeferry.ingest.payload.rows import RAW_SCHEMA
from lakeferry.ingest.rules.row_rules import Check, Generated, Rules, with_generated
from lakeferry.ingest.rules.sql_bind import bind_condition, bind_value
from lakeferry.ingest.settings import PartitionColumn, PayloadSettings

PAYLOAD = pa.schema(
    [("id", pa.int64()), ("amount", pa.float64()), ("at", pa.timestamp("us", "UTC"))]
)
TABLE = pa.schema([*PAYLOAD, ("day", pa.date32()), ("twice", pa.int64())])


def check(name: str, text: str, schema: pa.Schema = TABLE) -> Check:
    return Check(f"the constraint `{name}`: {text}", bind_condition(text, schema))


DAY = Generated("day", bind_value("CAST(at AS DATE)", PAYLOAD, pa.date32()))
TWICE = Generated("twice", bind_value("id * 2", PAYLOAD, pa.int64()))
PAID = check("paid", "id IS NOT NULL AND amount >= 0")
RULES = Rules((DAY, TWICE), (PAID, check("recent", "day >= '2026-01-01'")))


def page(
    *data: bytes,
    rules: Rules = RULES,
    declared: pa.Schema | None = PAYLOAD,
    by: Sequence[PartitionColumn] = (),
    **settings: Any,
) -> PageTable:
    payload = PayloadSettings(declared, **settings)
    form = page_form("clicks", payload, declared, rules=rules, partition_by=by)
    records = [Record(str(at), 1_795_694_400.0, one, "key") for at, one in enumerate(data)]
    return page_table(form, "shard", records)


GOOD = b'{"id": 1, "amount": 0.5, "at": "2026-11-26T23:59:59.999Z"}'
LATE = b'{"id": 2, "amount": 1, "at": "1969-12-31T23:00:00Z"}'
UNPAID = b'{"id": 3, "amount": -1, "at": "2026-11-26T00:00:00Z"}'
NOBODY = b'{"amount": 5, "at": "2026-11-26T00:00:00Z"}'
NOWHEN = b'{"id": 4, "amount": 5}'
BEYOND = b'{"id": 9223372036854775807, "amount": 5, "at": "2026-11-26T00:00:00Z"}'
BROKEN = b'{"id": "x"}'
# In UTC that is in the year before the first; the parser takes it.
NEVER = b'{"id": 5, "amount": 1, "at": "0001-01-01T00:00:00+14:00"}'


def test_rows_get_the_columns_that_the_table_computes() -> None:
    found = page(GOOD).table

    assert str(found["day"][0].as_py()) == "2026-11-26"
    assert found["twice"].to_pylist() == [2]


def test_a_row_that_breaks_a_constraint_is_bad_and_names_it_with_its_own_record() -> None:
    found = page(GOOD, UNPAID, BROKEN, LATE, GOOD, NOBODY)

    assert found.table["id"].to_pylist() == [1, 1]
    assert found.table["_sequenceNumber"].to_pylist() == ["0", "4"]
    told = {
        data: (number, fault.error, fault.path)
        for data, number, fault in zip(
            found.bad.rows.data, found.bad.rows.sequence_numbers, found.bad.faults, strict=True
        )
    }
    paid = "it breaks the constraint `paid`: id IS NOT NULL AND amount >= 0"
    recent = "it breaks the constraint `recent`: day >= '2026-01-01'"
    assert told.pop(BROKEN)[2] == "$.id"
    assert told == {
        UNPAID: ("1", paid, None),
        LATE: ("3", recent, "$.day"),
        NOBODY: ("5", paid, None),
    }
    assert found.bad_records == 4


def test_a_condition_that_is_null_is_broken() -> None:
    assert [fault.path for fault in page(NOWHEN).bad.faults] == ["$.day"]


def test_a_row_that_breaks_several_constraints_names_them_all() -> None:
    (fault,) = page(b'{"amount": 5}').bad.faults

    assert "`paid`" in fault.error
    assert "`recent`" in fault.error


def test_a_sum_beyond_its_type_makes_one_bad_record_and_no_more() -> None:
    found = page(GOOD, BEYOND, GOOD, GOOD, UNPAID)

    assert found.table["twice"].to_pylist() == [2, 2, 2]
    assert found.bad.rows.data == [BEYOND, UNPAID]
    assert "beyond its type" in found.bad.faults[0].error


def test_a_page_of_nothing_but_bad_rows_has_all_columns_still() -> None:
    assert page(BEYOND, UNPAID).table.schema == page(GOOD).table.schema


def test_where_bad_records_end_the_ingest_a_broken_constraint_does() -> None:
    with pytest.raises(FerryError, match="breaks the constraint `paid`") as caught:
        page(GOOD, UNPAID, on_bad="fail")

    assert caught.value.code == "LF-7022"


def test_raw_rows_keep_constraints_too() -> None:
    rules = Rules(
        (
            Generated(
                "hour", bind_value("HOUR(approximateArrivalTimestamp)", RAW_SCHEMA, pa.int32())
            ),
        ),
        (check("short", "LENGTH(data) < 50", RAW_SCHEMA),),
    )

    found = page(NOWHEN, GOOD, rules=rules, declared=None)

    assert found.table["data"].to_pylist() == [NOWHEN]
    assert found.table["hour"].to_pylist() == [12]
    assert found.bad.rows.data == [GOOD]


def test_rescued_records_need_a_table_that_takes_a_row_of_nothing_but_text() -> None:
    with pytest.raises(FerryError, match="the constraint `paid`") as caught:
        page(GOOD, on_bad="rescue")

    assert caught.value.code == "LF-7021"


def test_a_rescued_record_has_the_columns_that_are_computed_of_where_it_comes_from() -> None:
    arrival = pa.schema([("_arrival", pa.timestamp("us", "UTC"))])
    hour = Generated("hour", bind_value("HOUR(_arrival)", arrival, pa.int32()))
    rules = Rules((hour,), (check("small", "id IS NULL OR id < 9"),))

    found = page(GOOD, BROKEN, rules=rules, on_bad="rescue").table

    assert found["hour"].to_pylist() == [12, 12]
    assert found["id"].to_pylist() == [1, None]


def test_a_table_without_rules_computes_nothing() -> None:
    table = pa.table({"id": [1]})

    assert with_generated(Rules(), table) is table
    assert not Rules()


@pytest.mark.parametrize(
    ("by", "rules", "path"),
    [
        (PartitionColumn("on", "at"), Rules(), "$.at"),
        (PartitionColumn("hour", "at", "hour"), Rules(), "$.at"),
        (PartitionColumn("at"), Rules(), "$.at"),
        (PartitionColumn("day"), Rules((DAY,), (PAID,)), "$.day"),
    ],
)
def test_a_record_whose_partition_the_log_has_no_form_for_is_bad_and_stops_no_other(
    by: PartitionColumn, rules: Rules, path: str
) -> None:
    found = page(GOOD, UNPAID, NEVER, GOOD, NOWHEN, rules=rules, by=[by])

    assert split(found.table, [by], pa.schema([*TABLE, ("on", pa.date32()), ("hour", pa.string())]))
    bad = dict(zip(found.bad.rows.sequence_numbers, found.bad.faults, strict=True))
    assert bad["2"].path == path
    assert "beyond the years 1 to 9999" in bad["2"].error
    assert found.table["_sequenceNumber"].to_pylist() == [
        str(at) for at in range(5) if str(at) not in bad
    ]


def test_a_rescued_record_lies_where_those_without_a_partition_do() -> None:
    found = page(GOOD, NEVER, rules=Rules(), by=[PartitionColumn("on", "at")], on_bad="rescue")

    assert found.table["at"].null_count == 1
    assert found.table["_rescued_data"][1].as_py().startswith('{"_corrupt_record":"{\\"id\\": 5')
