"""A page of lines of which some columns have bad values: read once, those columns as they come.

Bad lines of a stream are most often bad in the same column, page after page. That one is read as
bytes beside all others, what it surely cannot be is left out, and the rest of it is read by itself.
It takes a quarter more than a page without bad lines, where to read it again takes twice as much.
"""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from lakeferry.ingest.payload import csv_refused
from lakeferry.ingest.payload.csv_reader import UTC_TIME, CsvReader, finished, miscounted
from lakeferry.ingest.payload.json_rows import Unfit
from lakeferry.ingest.payload.rows import Fault

MOST_DOUBTED = 4  # columns
Sorted = tuple[pa.Table, dict[int, Fault]]


def sorted_out(
    lines: Sequence[bytes], reader: CsvReader, doubted: tuple[str, ...]
) -> Sorted | None:
    """The rows of the good lines in order, and what is wrong with each other one, by its place.

    Nothing where these columns, and others that turn out to have bad values, do not tell. What was
    learnt of columns is kept in the reader.
    """
    joined = plain_joined(lines)
    if joined is None:
        return None
    while len(doubted) <= MOST_DOUBTED:
        try:
            found = _read(lines, joined, reader, doubted)
        except Unfit as error:
            column = reader.column(str(error))
            if column is None or column.name in doubted:
                return None
            doubted = (*doubted, column.name)
        else:
            reader.doubted = doubted if found and found[1] else None
            return found
    return None


def _read(
    lines: Sequence[bytes], joined: bytes, reader: CsvReader, doubted: Sequence[str]
) -> Sorted | None:
    """Raises Unfit where another column has bad values; its text says which."""
    wrong: dict[int, Fault] = {}

    def note(row: pv.InvalidRow) -> str:
        wrong[(row.number or 0) - 1] = miscounted(row.actual_columns, row.expected_columns)
        return "skip"

    types = [one.with_type(pa.binary()) if one.name in doubted else one for one in reader.types]
    try:
        table = reader.texts(lines, pa.schema(types), note, plain=joined)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Unfit(str(error)) from error
    kept = np.ones(len(lines), bool)
    kept[[one for one in wrong if 0 <= one < len(lines)]] = False
    places = np.flatnonzero(kept)
    if table.num_rows != len(places) or len(lines) - len(places) != len(wrong):
        return None
    if kept[-1] and reader.has_open(lines[-1:]):
        return None
    refused = _refused(table, reader, doubted)
    faults = wrong | {int(places[at]): fault for at, fault in refused.items()}
    if refused:
        good = np.ones(table.num_rows, bool)
        good[list(refused)] = False
        table = table.filter(pa.array(good))
    whole = _finished(table, reader, doubted)
    return None if whole is None else (whole, faults)


def _refused(table: pa.Table, reader: CsvReader, doubted: Sequence[str]) -> dict[int, Fault]:
    """Rows with a value that cannot be one of its column; of several the first is told."""
    found: dict[int, Fault] = {}
    for one in reader.schema:
        if one.name in doubted:
            values = table.column(one.name).combine_chunks()
            for at in csv_refused.surely_refused(values, one):
                found.setdefault(at, csv_refused.told(values[at].as_py(), one))
    return found


def _finished(table: pa.Table, reader: CsvReader, doubted: Sequence[str]) -> pa.Table | None:
    """Columns as they are declared; None where a doubted one has more that is bad.

    Raises Unfit for all others.
    """
    columns = []
    for at, (one, column) in enumerate(zip(reader.schema, table.columns, strict=True)):
        try:
            found = _alone(column, one, reader.delimiter) if one.name in doubted else column
            columns.append(finished(found, one))
        except Unfit:
            return None
        except pa.ArrowInvalid as error:
            raise Unfit(f"In CSV column #{at}: {error}") from error
    return pa.Table.from_arrays(columns, schema=reader.schema)


def _alone(column: pa.ChunkedArray, one: pa.Field, delimiter: str) -> pa.ChunkedArray:
    """Fields as bytes, read as lines of one field each. Raises Unfit."""
    if pa.types.is_string(one.type) or one.type == UTC_TIME:
        return column.cast(pa.string())
    if pa.types.is_integer(one.type):
        figures = column.cast(pa.string())
        if pc.all(pc.ascii_is_decimal(figures)).as_py():
            with suppress(pa.ArrowInvalid):  # it is beyond its type, which the reader tells
                return figures.cast(one.type)
    values = column.combine_chunks()
    texts = values.drop_null().to_pylist()
    joined = b"".join(texts)
    if any(mark in joined for mark in (b'"', b"\r", b"\n", delimiter.encode())):
        raise Unfit("it would not be one field")
    read = CsvReader(pa.schema([one]), delimiter).read(texts).column(0)
    if len(texts) == len(values):
        return read
    valid = values.is_valid().to_numpy(zero_copy_only=False)
    return read.take(pa.array(np.cumsum(valid) - 1, mask=~valid))


def plain_joined(lines: Sequence[bytes]) -> bytes | None:
    """All lines as one text, if each is one to the reader, or a part of one: never two.

    One that it takes for two could hide that it takes two for one, and then another line would be
    told of. And it tells of a line as text, and cannot tell of bytes that are none.
    """
    if not lines:
        return None
    alone = b"".join(lines)  # a break is sooner looked for in it than counted in the other
    joined = b"\n".join([*lines, b""])
    plain = b"\n" not in alone and b"\r" not in alone and is_text(joined)
    return joined if plain else None


def is_text(line: bytes) -> bool:
    try:
        return line.isascii() or line.decode() is not None
    except UnicodeDecodeError:
        return False
