"""Payloads of CSV -> Arrow by a declared schema: a line a row, its fields in the declared order.

A record is one line or several; there is no header. pyarrow's reader is the judge, as it is of
JSON: a line that it takes by itself is a row, whatever came with it.

Source: RFC 4180.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from lakeferry.errors import FerryError
from lakeferry.ingest import csv_refused
from lakeferry.ingest.payload import BLOCK, Unfit
from lakeferry.ingest.payload_repair import Parsed, halved, with_provenance
from lakeferry.ingest.rows import Bad, Fault, Rows

UTC_TIME = pa.timestamp("us", "UTC")
# Of a line within a record that is itself one of an aggregate: numbers above those of aggregates.
_WITHIN = 1 << 32
_ZONED = r"[T ].*(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_TOLD = re.compile(r"In CSV column #(\d+): (?:Row #\d+: )?(?:CSV conversion error to )?(.*)", re.S)
_COUNTED = re.compile(r"CSV parse error: (?:Row #\d+: )?Expected (\d+) columns, got (\d+)")
_MARK = b"\xef\xbb\xbf"
_ODD = "a quote in it is not closed"


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
    if all(one and b"\n" not in one and b"\r" not in one for one in rows.data):
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


def parse_csv(rows: Rows, schema: pa.Schema, form: CsvForm, *, provenance: bool = True) -> Parsed:
    """The rows of lines, as `lines_of` gives them; columns of `schema`, in its order.

    An empty field is null, an empty one in quotes is an empty text. A timestamp without a zone is
    UTC, with one it is converted; a boolean is `true` or `false`.
    """
    kept, table, faults = _sorted_out(rows.data, _Reader(schema, form))
    bad = sorted(faults)
    good = rows.at(kept) if bad else rows
    return Parsed(
        with_provenance(table, good) if provenance else table,
        good,
        Bad(rows.at(bad), tuple(faults[place] for place in bad)),
    )


class _Reader:
    """pyarrow's, told to take nothing that is no line of this schema."""

    def __init__(self, schema: pa.Schema, form: CsvForm) -> None:
        self.schema = schema
        self.form = form
        # The reader wants a zone where a timestamp has one; text may have it or not.
        self._types = pa.schema(
            one.with_type(pa.string()) if one.type == UTC_TIME else one for one in schema
        )

    def read(self, lines: Sequence[bytes]) -> pa.Table:
        """One row for each line. Raises Unfit."""
        if not lines:
            return self.schema.empty_table()
        try:
            table = self.texts(lines, self._types, None)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise Unfit(str(error)) from error
        if table.num_rows != len(lines):
            raise Unfit(f"{table.num_rows} lines in place of {len(lines)}")
        columns = []
        for at, (one, column) in enumerate(zip(self.schema, table.columns, strict=True)):
            try:
                columns.append(_finished(column, one))
            except pa.ArrowInvalid as error:
                raise Unfit(f"In CSV column #{at}: {error}") from error
        return pa.Table.from_arrays(columns, schema=self.schema)

    def texts(
        self,
        lines: Sequence[bytes],
        types: pa.Schema,
        wrong: Callable[[pv.InvalidRow], str] | None,
        only: str | None = None,
    ) -> pa.Table:
        """The fields of lines as these types, of one column alone if asked for.

        Raises what pyarrow raises.
        """
        joined = b"\n".join(lines)
        # Before the first line it would be stepped over, before others it is part of a field.
        if _MARK in joined and any(one.startswith(_MARK) for one in lines):
            raise pa.ArrowInvalid("a byte order mark stands before it")
        return pv.read_csv(
            pa.BufferReader(joined),
            pv.ReadOptions(
                use_threads=False,
                block_size=max(BLOCK, 2 * max(map(len, lines)) + 2),
                # Columns of one name are no matter here, a declared schema has none.
                column_names=types.names,
            ),
            pv.ParseOptions(
                delimiter=self.form.delimiter,
                newlines_in_values=joined.count(b"\n") >= len(lines),
                ignore_empty_lines=False,
                invalid_row_handler=wrong,
            ),
            pv.ConvertOptions(
                column_types=types,
                include_columns=[only] if only else [],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
                true_values=["true"],
                false_values=["false"],
            ),
        )

    def column(self, why: str) -> pa.Field:
        """The column of which the reader told; the first one where it told of none."""
        told = _TOLD.match(why)
        return self.schema.field(int(told[1]) if told else 0)

    def fault(self, why: str) -> Fault:
        """What is wrong with one line, as the reader told it."""
        if counted := _COUNTED.match(why):
            return _miscounted(counted[2], counted[1])
        if told := _TOLD.match(why):
            what = told[2].partition(" as a scalar of type ")[0]
            return Fault(what, f"$.{self.schema.names[int(told[1])]}")
        return Fault(_ODD if why.endswith(" lines in place of 1") else why)


def _miscounted(found: object, declared: object) -> Fault:
    return Fault(f"{found} fields, where {declared} are declared")


def _finished(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """A column as it is declared. Raises pa.ArrowInvalid."""
    if column.null_count and not field.nullable:
        raise pa.ArrowInvalid("it is empty")
    if field.type == UTC_TIME:
        return _utc(column)
    if pa.types.is_decimal(field.type):
        column.validate(full=True)  # those with more digits than they may have are read, too
    return column


def _utc(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts as timestamps; those without a zone are UTC. Raises pa.ArrowInvalid."""
    try:
        return texts.cast(UTC_TIME)
    except pa.ArrowInvalid:
        zoned, none = pc.match_substring_regex(texts, _ZONED), pa.scalar(None, pa.string())
        bare = pc.if_else(zoned, none, texts).cast(pa.timestamp("us"))
        return pc.coalesce(
            pc.if_else(zoned, texts, none).cast(UTC_TIME), pc.assume_timezone(bare, "UTC")
        )


# --- which lines are bad --------------------------------------------------------------------


def _sorted_out(
    lines: Sequence[bytes], reader: _Reader
) -> tuple[list[int], pa.Table, dict[int, Fault]]:
    """Places of the good lines, their rows in order, and what is wrong with each other one."""
    places = list(range(len(lines)))
    sure: dict[int, Fault] = {}

    def read(places: Sequence[int]) -> pa.Table:
        return reader.read([lines[one] for one in places])

    # Most often all bad lines of a page are bad in one column.
    while True:
        try:
            return places, read(places) if sure else reader.read(lines), sure
        except Unfit as error:
            found = _sure(lines, places, reader, reader.column(str(error)))
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
    return kept, whole, sure | {place: reader.fault(why) for place, why in bad.items()}


def _sure(
    lines: Sequence[bytes], places: Sequence[int], reader: _Reader, column: pa.Field
) -> dict[int, Fault]:
    """Those of some lines that are surely bad: by the number of fields, or by one column's value.

    Nothing where that cannot be told at once.
    """
    asked = [lines[one] for one in places]
    joined = b"\n".join(asked)
    # A line that the reader takes for two could hide that it takes two for one, and then another
    # line would be told of. And it tells of a line as text, and cannot tell of bytes that are none.
    plain = joined.count(b"\n") < len(asked) and b"\r" not in joined and _is_text(joined)
    read = _read_apart(asked, reader, column.name) if plain else None
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


def _read_apart(lines: Sequence[bytes], reader: _Reader, only: str | None) -> _Apart | None:
    """The fields of lines; None where the reader does not say which lines have too many or few.

    Args:
        only: this column; None: all.
    """
    wrong: dict[int, Fault] = {}

    def note(row: pv.InvalidRow) -> str:
        wrong[(row.number or 0) - 1] = _miscounted(row.actual_columns, row.expected_columns)
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


def _suspects(lines: Sequence[bytes], reader: _Reader) -> set[int]:
    """Lines that are likely bad, found at once: a hint, which spares halving where several are."""
    # pyarrow tells of a line as text, and cannot tell of bytes that are none.
    odd = {place for place, one in enumerate(lines) if one.count(b'"') % 2 or not _is_text(one)}
    left = [place for place in range(len(lines)) if place not in odd]
    read = _read_apart([lines[one] for one in left], reader, None)
    if read is None:
        return odd
    found = odd | {left[at] for at in read.wrong}
    for one, column in zip(reader.schema, read.table.columns, strict=True):
        found |= {left[read.kept[at]] for at in _unreadable(column.combine_chunks(), one)}
    return found


def _is_text(line: bytes) -> bool:
    try:
        return line.isascii() or line.decode() is not None
    except UnicodeDecodeError:
        return False


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
                _utc(pa.chunked_array([texts]))
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
