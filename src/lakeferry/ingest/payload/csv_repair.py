"""A page of lines with bad ones: all good rows kept, each bad line told apart.

The same reader that refused the page refuses the line alone, or it has a value that the reader
would surely refuse; so a line is judged alike whatever came with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from lakeferry.ingest.payload import csv_doubted, csv_refused
from lakeferry.ingest.payload.csv_doubted import is_text, plain_joined
from lakeferry.ingest.payload.csv_reader import UTC_TIME, CsvReader, miscounted, utc
from lakeferry.ingest.payload.json_rows import Unfit
from lakeferry.ingest.payload.repair import halved
from lakeferry.ingest.payload.rows import Fault

Sorted = tuple[pa.Table, dict[int, Fault]]


def sorted_out(lines: Sequence[bytes], reader: CsvReader) -> Sorted:
    """The rows of the good lines in order, and what is wrong with each other one, by its place."""
    doubted = reader.doubted
    if doubted is None:
        try:
            return reader.read(lines), {}
        except Unfit as error:
            told = reader.column(str(error))
            doubted = () if told is None else (told.name,)
    return csv_doubted.sorted_out(lines, reader, doubted) or _halved(lines, reader)


def _halved(lines: Sequence[bytes], reader: CsvReader) -> Sorted:
    """The same where no hint tells which lines are bad: by halves, until each is alone."""
    places = list(range(len(lines)))
    sure: dict[int, Fault] = {}

    def read(places: Sequence[int]) -> pa.Table:
        return reader.read([lines[one] for one in places])

    # Most often all bad lines of a page are bad in one column.
    while True:
        try:
            return read(places) if sure else reader.read(lines), sure
        except Unfit as error:
            found = _sure(
                lines, places, reader, reader.column(str(error)) or reader.schema.field(0)
            )
        if not found:
            break
        sure |= found
        places = [one for one in places if one not in found]
    suspects = {places[one] for one in _suspects([lines[one] for one in places], reader)}
    good, bad = halved([one for one in places if one not in suspects], read)
    cleared: list[int] = []
    for place in sorted(suspects):
        try:
            read([place])
            cleared.append(place)
        except Unfit as error:
            bad[place] = str(error)
    kept = sorted([*good.places, *cleared])
    whole = good.table if good.table is not None and not cleared else read(kept)
    return whole, sure | {place: reader.fault(why) for place, why in bad.items()}


def _sure(
    lines: Sequence[bytes], places: Sequence[int], reader: CsvReader, column: pa.Field
) -> dict[int, Fault]:
    """Those of some lines that are surely bad: by the number of fields, or by one column's value.

    Nothing where that cannot be told at once.
    """
    asked = [lines[one] for one in places]
    read = _read_apart(asked, reader, column.name) if plain_joined(asked) is not None else None
    if read is None:
        return {}
    found = {places[at]: fault for at, fault in read.wrong.items()}
    values = read.table.column(0).combine_chunks()
    try:
        refused = csv_refused.surely_refused(values, column)
    except pa.ArrowInvalid:
        return found
    return found | {
        places[read.kept[at]]: csv_refused.told(values[at].as_py(), column) for at in refused
    }


@dataclass(frozen=True, slots=True)
class _Apart:
    """Fields as bytes, whatever they should be."""

    table: pa.Table
    kept: Sequence[int]  # places of its rows
    wrong: Mapping[int, Fault]  # of lines with another number of fields


def _read_apart(lines: Sequence[bytes], reader: CsvReader, only: str | None) -> _Apart | None:
    """The fields of lines; None where the reader does not say which lines have too many or few.

    Args:
        only: this column; None: all.
    """
    wrong: dict[int, Fault] = {}

    def note(row: pv.InvalidRow) -> str:
        wrong[(row.number or 0) - 1] = miscounted(row.actual_columns, row.expected_columns)
        return "skip"

    as_bytes = pa.schema([(name, pa.binary()) for name in reader.schema.names])
    try:
        table = reader.texts(lines, as_bytes, note, only) if lines else None
    except pa.ArrowInvalid:
        return None
    if table is None or table.num_rows + len(wrong) != len(lines):
        return None
    if not all(0 <= one < len(lines) for one in wrong):
        return None
    kept = [one for one in range(len(lines)) if one not in wrong] if wrong else range(len(lines))
    return _Apart(table, kept, wrong)


def _suspects(lines: Sequence[bytes], reader: CsvReader) -> set[int]:
    """Lines that are likely bad, found at once: a hint, which spares halving where several are."""
    # pyarrow tells of a line as text, and cannot tell of bytes that are none.
    odd = {place for place, one in enumerate(lines) if one.count(b'"') % 2 or not is_text(one)}
    left = [place for place in range(len(lines)) if place not in odd]
    read = _read_apart([lines[one] for one in left], reader, None)
    if read is None:
        return odd
    found = odd | {left[at] for at in read.wrong}
    for one, column in zip(reader.schema, read.table.columns, strict=True):
        found |= {left[read.kept[at]] for at in _unreadable(column.combine_chunks(), one)}
    return found


def _unreadable(values: pa.Array, field: pa.Field) -> list[int]:
    """Places of values that cannot be cast, by halves; nulls that may not be."""
    if not field.nullable and values.null_count:
        return pc.indices_nonzero(values.is_null()).to_pylist()  # type: ignore[no-any-return]
    waiting, found = [(0, len(values))] if len(values) else [], []
    while waiting:
        first, count = waiting.pop()
        try:
            texts = values.slice(first, count).cast(pa.string())
            if field.type == UTC_TIME:
                utc(pa.chunked_array([texts]))
            elif pa.types.is_boolean(field.type):
                if not pc.all(pc.is_in(texts, pa.array(["true", "false", None]))).as_py():
                    raise pa.ArrowInvalid
            else:
                texts.cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            if count == 1:
                found.append(first)
            else:
                half = count // 2
                waiting += [(first, half), (first + half, count - half)]
    return found
