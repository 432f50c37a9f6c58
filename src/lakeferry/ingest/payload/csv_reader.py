"""Lines of CSV -> Arrow by pyarrow's reader, told to take nothing that is no line of a schema.

A page's lines are read at once or not at all; which of them are bad is found by `csv_repair`.

Source: RFC 4180.
"""

import re
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from lakeferry.ingest.payload.json_rows import BLOCK, Unfit
from lakeferry.ingest.payload.rows import Fault

UTC_TIME = pa.timestamp("us", "UTC")
_ZONED = r"[T ].*(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_TOLD = re.compile(r"In CSV column #(\d+): (?:Row #\d+: )?(?:CSV conversion error to )?(.*)", re.S)
_COUNTED = re.compile(r"CSV parse error: (?:Row #\d+: )?Expected (\d+) columns, got (\d+)")
_MARK = b"\xef\xbb\xbf"
_ODD = "a quote in it is not closed"
_IN_PLACE = " lines in place of "


class CsvReader:
    """pyarrow's, told to take nothing that is no line of this schema."""

    def __init__(self, schema: pa.Schema, delimiter: str = ",") -> None:
        self.schema = schema
        self.delimiter = delimiter
        mark = re.escape(delimiter.encode())
        field = rb'(?:"[^"]*(?:""[^"]*)*"|[^"%s]*)' % mark
        self._closed = re.compile(rb"%s(?:%s%s)*" % (field, mark, field))
        # Columns that had bad values of late, which `csv_repair` reads otherwise; () where lines
        # had too few fields or too many, None where none was bad.
        self.doubted: tuple[str, ...] | None = None
        # The reader wants a zone where a timestamp has one; text may have it or not.
        self.types = pa.schema(
            one.with_type(pa.string()) if one.type == UTC_TIME else one for one in schema
        )

    def read(self, lines: Sequence[bytes]) -> pa.Table:
        """One row for each line. Raises Unfit."""
        if not lines:
            return self.schema.empty_table()
        try:
            table = self.texts(lines, self.types, None)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise Unfit(str(error)) from error
        if table.num_rows != len(lines):
            raise Unfit(f"{table.num_rows}{_IN_PLACE}{len(lines)}")
        if self.has_open(lines):
            raise Unfit(f"{len(lines) - 1}{_IN_PLACE}{len(lines)}")
        columns = []
        for at, (one, column) in enumerate(zip(self.schema, table.columns, strict=True)):
            try:
                columns.append(finished(column, one))
            except pa.ArrowInvalid as error:
                raise Unfit(f"In CSV column #{at}: {error}") from error
        return pa.Table.from_arrays(columns, schema=self.schema)

    def has_open(self, lines: Sequence[bytes]) -> bool:
        """Whether a quote is not closed in one of the lines, though they were read as so many.

        The reader takes it for closed at the end. Elsewhere its line swallows the next one, which
        the number of rows shows, unless another line has a break to make up for it.
        """
        alone = b"".join(lines)
        if b'"' not in alone:
            return False
        asked = lines if b"\n" in alone or b"\r" in alone else lines[-1:]
        return any(self._is_open(one) for one in asked)

    def _is_open(self, line: bytes) -> bool:
        if b'"' not in line or self._closed.fullmatch(line):
            return False
        as_bytes = pa.schema([(name, pa.binary()) for name in self.schema.names])
        other = self.delimiter.encode().join([b"x"] * len(self.schema))
        try:
            rows: int = self.texts([line, other], as_bytes, None).num_rows
        except pa.ArrowInvalid:
            return True
        return rows != 2

    def texts(
        self,
        lines: Sequence[bytes],
        types: pa.Schema,
        wrong: Callable[[pv.InvalidRow], str] | None,
        only: str | None = None,
        *,
        plain: bytes | None = None,
    ) -> pa.Table:
        """The fields of lines as these types, of one column alone if asked for.

        Args:
            plain: the lines, each with a line break behind it, if none of them has one within.

        Raises what pyarrow raises.
        """
        # With a break behind the last line, too: there an empty field behind a quoted one would be
        # taken for a quoted one.
        joined = b"\n".join([*lines, b""]) if plain is None else plain
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
                delimiter=self.delimiter,
                newlines_in_values=plain is None and b"\n" in b"".join(lines),
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

    def column(self, why: str) -> pa.Field | None:
        """The column of which the reader told, if it told of one."""
        told = _TOLD.match(why)
        return self.schema.field(int(told[1])) if told else None

    def fault(self, why: str) -> Fault:
        """What is wrong with one line, as the reader told it."""
        if counted := _COUNTED.match(why):
            return miscounted(counted[2], counted[1])
        if told := _TOLD.match(why):
            what = told[2].partition(" as a scalar of type ")[0]
            return Fault(what, f"$.{self.schema.names[int(told[1])]}")
        return Fault(_ODD if why.endswith(f"{_IN_PLACE}1") else why)


def miscounted(found: object, declared: object) -> Fault:
    return Fault(f"{found} fields, where {declared} are declared")


def finished(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """A column as it is declared. Raises pa.ArrowInvalid."""
    if column.null_count and not field.nullable:
        raise pa.ArrowInvalid("it is empty")
    if field.type == UTC_TIME:
        return utc(column)
    if pa.types.is_decimal(field.type):
        column.validate(full=True)  # those with more digits than they may have are read, too
    return column


def utc(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts as timestamps; those without a zone are UTC. Raises pa.ArrowInvalid."""
    try:
        return texts.cast(UTC_TIME)
    except pa.ArrowInvalid:
        zoned, none = pc.match_substring_regex(texts, _ZONED), pa.scalar(None, pa.string())
        bare = pc.if_else(zoned, none, texts).cast(pa.timestamp("us"))
        return pc.coalesce(
            pc.if_else(zoned, texts, none).cast(UTC_TIME), pc.assume_timezone(bare, "UTC")
        )
