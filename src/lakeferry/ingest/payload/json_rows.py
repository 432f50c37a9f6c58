"""Payloads of JSON -> Arrow by a declared schema: all of a page at once, or none of it.

pyarrow's reader is the judge of every record, for it is strict and fast. It is told nothing that
could make it say yes to what is no record: `{}{}` would be two rows, an empty record none, `{"a":`
and `{}}` together one, bytes that are no UTF-8 would land in a column of text, and `null` alone
ends the process. So records are looked at from outside first, and rows are counted after.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Literal

import pyarrow as pa
import pyarrow.json as pj

from lakeferry.errors import FerryError
from lakeferry.ingest.payload.required import demands, held_to, loosened

BLOCK = 1 << 20  # bytes; pyarrow parses one at a time, and a record must fit into it
BLANK = b" \t\r\n"  # what JSON calls white space
RESCUED = "_rescued_data"  # as Auto Loader names it
_FIRST, _LAST = itemgetter(0), itemgetter(-1)
_OPENS, _CLOSES = {ord("{")}, {ord("}")}

# What becomes of fields that were not declared: dropped; kept as JSON in a column of their own;
# told, so that the table can get columns before the page is parsed again; told, so as to stop.
OnNew = Literal["ignore", "rescue", "evolve", "fail"]


class Unfit(Exception):
    """The records cannot all be kept as declared; says nothing about which."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a payload shall be: made by `declare`."""

    schema: pa.Schema  # columns as they are stored, in order; a field that may not be null must be
    read_as: pa.Schema  # the same as pyarrow's JSON reader can take them
    on_new: OnNew = "ignore"
    names: frozenset[str] = field(default_factory=frozenset)  # of columns
    is_full: bool = False  # no field is added any more: records with new ones are bad
    decimals: tuple[str, ...] = ()  # columns with some in them


def declare(schema: pa.Schema, *, on_new: OnNew = "ignore", is_full: bool = False) -> Declared:
    """A declared schema, if payloads of JSON can be read by it.

    Known: boolean, integers of 8 to 64 bits, float, double, decimal, string, timestamp[us] with
    UTC or without a zone, lists and structs of these; date as a column, not within another.

    Raises:
        FerryError: LF-7011 for any other type.
    """
    fields = []
    for column in schema:
        is_date = pa.types.is_date32(column.type)
        if not is_date and not _is_readable(column.type):
            raise FerryError(
                "LF-7011",
                f"column `{column.name}` cannot be read from JSON",
                f"it is declared as {column.type}",
                _way_out(column.type),
            )
        # pyarrow takes days only as numbers; text is what producers write.
        read_as = pa.string() if is_date else loosened(column.type)
        fields.append(column.with_type(read_as))
    decimals = tuple(column.name for column in schema if _has_decimal(column.type))
    return Declared(schema, pa.schema(fields), on_new, frozenset(schema.names), is_full, decimals)


def _way_out(kind: pa.DataType) -> str:
    if not pa.types.is_nested(kind):
        return "declare it as a string, or take the records in raw and parse them in the table"
    # As a string every record would be bad: an object or a list is no text.
    return (
        "declare what can be read, as in STRUCT<x: STRING> or ARRAY<STRING>; or leave it out, and "
        "keep it as JSON with --on-new-fields rescue"
    )


def _has_decimal(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind):
        return _has_decimal(kind.value_type)
    if pa.types.is_struct(kind):
        return any(_has_decimal(field.type) for field in kind)
    return bool(pa.types.is_decimal(kind))


def _is_readable(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_list(kind):
        return _is_readable(kind.value_type)
    if types.is_struct(kind):
        return all(_is_readable(kind.field(at).type) for at in range(kind.num_fields))
    if types.is_timestamp(kind):
        return kind.unit == "us" and kind.tz in (None, "UTC")
    tests = (types.is_boolean, types.is_signed_integer, types.is_string, types.is_decimal128)
    return any(test(kind) for test in tests) or kind in (pa.float32(), pa.float64())


def read_page(
    data: Sequence[bytes], declared: Declared, *, new_fields: Literal["ignore", "error"]
) -> pa.Table:
    """One row for each record, columns of `declared.schema`. Raises Unfit.

    Args:
        new_fields: `error`: a field that is not declared makes the page unfit.

    A number with a fraction is no integer, text no number, a timestamp with more than microseconds
    none; a timestamp without a zone is UTC, with one it is converted.
    """
    if not data:
        return declared.schema.empty_table()
    joined = b"\n".join(data)
    _look(data, joined)
    read = pj.ReadOptions(use_threads=False, block_size=max(BLOCK, 2 * max(map(len, data)) + 2))
    parse = pj.ParseOptions(
        explicit_schema=declared.read_as,
        # Only records that are printed over several lines have more than what joins them.
        newlines_in_values=joined.count(b"\n") >= len(data),
        unexpected_field_behavior=new_fields,
    )
    try:
        table = pj.read_json(pa.BufferReader(joined), read_options=read, parse_options=parse)
        if table.num_rows != len(data):
            raise Unfit(f"{table.num_rows} JSON documents in place of {len(data)}")
        for name in declared.decimals:
            # Those with more digits than they may have are read, too.
            table.column(name).validate(full=True)
        return table if table.schema == declared.schema else _as_stored(table, declared.schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise Unfit(str(error)) from error


def _as_stored(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Columns that are read as others, as they are stored. Raises pa.ArrowInvalid."""
    columns = [
        held_to(column, one.type) if demands(one.type) else column.cast(one.type)
        for one, column in zip(schema, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _look(data: Sequence[bytes], joined: bytes) -> None:
    """Each record begins with `{` and ends with `}`, and all of them are UTF-8. Raises Unfit.

    With both ends known, what lies between `}` and `{` of two records can only be the end of one
    document: within one a `{` cannot follow, within a text a line break cannot stand. So each
    record is at least one document, and as many rows as records mean one each.
    """
    try:
        whole = set(map(_FIRST, data)) == _OPENS and set(map(_LAST, data)) == _CLOSES
    except IndexError:
        raise Unfit("an empty record is no JSON object") from None
    if not whole:
        inner = [one.strip(BLANK) or b" " for one in data]
        if set(map(_FIRST, inner)) != _OPENS or set(map(_LAST, inner)) != _CLOSES:
            raise Unfit("it is no JSON object")
    if not joined.isascii():
        try:
            joined.decode()
        except UnicodeDecodeError as error:
            raise Unfit(f"it is not UTF-8: {error.reason}") from error
