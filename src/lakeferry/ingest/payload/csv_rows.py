"""Payloads of CSV -> Arrow by a declared schema: a line a row, its fields in the declared order.

A record is one line or several; there is no header. pyarrow's reader is the judge, as it is of
JSON: a line that it takes by itself is a row, whatever came with it.

Source: RFC 4180.
"""

from dataclasses import dataclass

import pyarrow as pa

from lakeferry.errors import FerryError
from lakeferry.ingest.payload.csv_reader import CsvReader
from lakeferry.ingest.payload.csv_repair import sorted_out
from lakeferry.ingest.payload.repair import Parsed, with_provenance
from lakeferry.ingest.payload.rows import Bad, Fault, Rows

# Of a line within a record that is itself one of an aggregate: numbers above those of aggregates.
_WITHIN = 1 << 32


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How lines are written."""

    delimiter: str = ","


def refuse_nested(schema: pa.Schema) -> None:
    """LF-7011 for a type that no field of a line can hold."""
    types = pa.types
    tests = (types.is_boolean, types.is_signed_integer, types.is_string, types.is_decimal128)
    for column in schema:
        kind = column.type
        if any(test(kind) for test in tests) or kind in (pa.float32(), pa.float64(), pa.date32()):
            continue
        if types.is_timestamp(kind) and kind.unit == "us" and kind.tz in (None, "UTC"):
            continue
        raise FerryError(
            "LF-7011",
            f"column `{column.name}` cannot be read from CSV",
            f"it is declared as {kind}",
            "declare it as a string, or take the records in raw and parse them in the table",
        )


# --- lines ----------------------------------------------------------------------------------


def lines_of(rows: Rows) -> tuple[Rows, Bad]:
    """A row for each line that is not empty; a record without any is bad.

    Lines of a record that has several are told apart by their sub-sequence number, from 0 on. In an
    aggregate they get numbers above all that records of aggregates have, so that none is twice.
    """
    text = b"".join(rows.data)
    if all(rows.data) and b"\n" not in text and b"\r" not in text:
        return rows, Bad(rows.at(()), ())
    places: list[int] = []
    data: list[bytes] = []
    subs: list[int | None] = []
    empty: list[int] = []
    for place, one in enumerate(rows.data):
        lines, sub = _split(one), rows.sub_sequences[place]
        if not lines:
            empty.append(place)
        places += [place] * len(lines)
        data += lines
        if len(lines) == 1:
            subs.append(sub)
        else:
            first = 0 if sub is None else (sub + 1) * _WITHIN
            subs += range(first, first + len(lines))
    kept = rows.at(places)
    faults = (Fault("it has no line"),) * len(empty)
    split = Rows(
        rows.shard_id,
        data,
        kept.partition_keys,
        kept.sequence_numbers,
        subs,
        kept.arrivals_ms,
    )
    return split, Bad(rows.at(empty), faults)


def _split(record: bytes) -> list[bytes]:
    """Lines without their ends; a line break between quotes is part of a field."""
    if b'"' not in record:
        return [line for line in record.splitlines() if line]
    found: list[bytes] = []
    open_line = b""
    for part in record.splitlines(keepends=True):
        open_line += part
        if open_line.count(b'"') % 2 == 0:
            found.append(open_line.rstrip(b"\r\n"))
            open_line = b""
    return [line for line in (*found, open_line.rstrip(b"\r\n")) if line]


# --- rows -----------------------------------------------------------------------------------


def parse_csv(rows: Rows, reader: CsvReader, *, provenance: bool = True) -> Parsed:
    """The rows of lines, as `lines_of` gives them; columns of `reader.schema`, in its order.

    Args:
        reader: the same for all pages of a stream: it learns which columns have bad values.

    An empty field is null, an empty one in quotes is an empty text. A timestamp without a zone is
    UTC, with one it is converted; a boolean is `true` or `false`.
    """
    table, faults = sorted_out(rows.data, reader)
    bad = sorted(faults)
    good = rows.without(bad) if bad else rows
    return Parsed(
        with_provenance(table, good) if provenance else table,
        good,
        Bad(rows.at(bad), tuple(faults[place] for place in bad)),
    )
