"""Flow log lines -> Arrow rows. Whole blocks are parsed by Arrow; only odd lines one by one.

A block that Arrow refuses, or that holds what Arrow would read wrongly (two blanks in a row, a
header line, a hexadecimal number), is cut into small parts, and only the parts that are still odd
are looked at line by line: such lines are mended where they can be read in one way, else bad.
"""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from lakeferry.errors import FerryError
from lakeferry.network.fields import DEFAULT_FORMAT, FIELDS, column, format_text, is_integer, needed
from lakeferry.network.flow_batch import FlowBatch, ReadReport
from lakeferry.network.flow_bytes import has_blank_pair, parts

MS_FROM = 10**11  # a time above it is in milliseconds
TIME = "@time"  # before each line of a log that states the time of its events: ms, or ISO 8601
_ABSENT = "\0"  # stands for a token that a short line lacks
_SMALL = 64 << 10  # bytes that are looked at line by line
_NUMBER = re.compile(rb"-?\d{1,18}")
_ISO = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
# Blanks in a row, and at the begin and end of a line: to Arrow there is an empty token.
_ODD_PAIRS = tuple(int.from_bytes(two, sys.byteorder) for two in (b"  ", b" \n", b"\n ", b" \r"))
_CODED = pa.dictionary(pa.int32(), pa.string())
_INSTANT = pa.timestamp("ms", tz="UTC")


ColumnsOf = Callable[[tuple[str, ...]], Sequence[str]]  # of a format, the fields to read


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a log."""

    columns: tuple[str, ...] | ColumnsOf | None  # AWS's names; None for all
    text: bool  # every token as written, and when each event was
    coded: bool  # text columns as dictionaries
    also: tuple[str, ...] = ()  # more columns, of a log that has them

    def wanted(self, fields: tuple[str, ...]) -> tuple[str, ...]:
        """The columns to read of a log with these fields; some may not be among them."""
        if self.columns is None:
            return fields
        columns = self.columns(fields) if callable(self.columns) else self.columns
        more = (one for one in self.also if one in fields)
        return tuple(dict.fromkeys((*columns, *more)))


class TextReader:
    """Reads the lines of one source; the format may change where a header line stands."""

    def __init__(
        self,
        name: str,
        fields: tuple[str, ...] | None,
        wish: Wish,
        report: ReadReport,
        *,
        timed: pa.DataType | None = None,
    ) -> None:
        self._name, self._wish, self._report = name, wish, report
        self._given = fields
        self._timed = timed  # the type of TIME; None where lines do not begin with it
        self._fields: tuple[str, ...] = ()
        self._read: tuple[str, ...] = ()
        self._header = b""  # the line that named the fields, if one did
        self._fitting = self._misfits = 0
        self._first_misfit = ""  # its line and what is wrong with it

    def rows(self, line: int, block: bytes) -> Iterator[FlowBatch]:
        """The rows of a block of whole lines, of which the first has the number `line`."""
        if not self._fields:
            line, block = self._begin(line, block)
        if not self._fields or not block:
            return
        found = self._in_one_go(block)
        if found is not None:
            self._fitting += found.num_rows
            yield from self._batch(found)
            return
        # A line of megabytes cannot be cut, so it comes as one part again.
        cut = tuple(parts(line, block, _SMALL // 2)) if len(block) > _SMALL else ()
        if len(cut) > 1:
            for at, part in cut:
                yield from self.rows(at, part)
        else:
            yield from self._mended(line, block)

    def _in_one_go(self, block: bytes) -> pa.RecordBatch | None:
        """The rows of a block; None where a line has to be looked at."""
        if _is_odd(block) or not _is_utf8(block):
            return None
        found = self._parsed(block)
        if found is None and self._header and self._header in block:
            # Logs that were put together repeat their header. A blank line in its place keeps the
            # numbers of lines, and Arrow skips it.
            again = b"\n" + self._header + b"\n"
            found = self._parsed((b"\n" + block).replace(again, b"\n\n"))
        return found

    def end(self) -> None:
        """Refuse a log of which no line fits. Raises LF-6203."""
        if self._misfits and not self._fitting:
            raise FerryError(
                "LF-6203",
                f"no line has the {len(self._fields)} fields of its format",
                f"{self._name}{self._first_misfit}; the format: {' '.join(self._fields)[:300]}",
                "give the format (--format) in which the log was written",
            )

    def _begin(self, line: int, block: bytes) -> tuple[int, bytes]:
        """Find the format; what follows the header line, where there is one."""
        lines = [raw.split() for raw in block.split(b"\n", 100)[:100]]
        blank = next((at for at, tokens in enumerate(lines) if tokens), len(lines))
        lines = [self._values(tokens) for tokens in lines if tokens]
        if not lines:
            return line, b""
        if is_header(lines[0]):
            self._use(tuple(token.decode(errors="replace") for token in lines[0]))
            *_, self._header, rest = (block + b"\n").split(b"\n", blank + 1)
            return line + blank + 1, rest
        if self._given is None and not any(len(one) == len(DEFAULT_FORMAT) for one in lines):
            raise FerryError(
                "LF-6201",
                f"the log states no format, and its first line has {len(lines[0])} fields where "
                f"the default format has {len(DEFAULT_FORMAT)}",
                self._name,
                f"give the format (--format), for instance '{format_text(DEFAULT_FORMAT)}'",
            )
        self._use(self._given or DEFAULT_FORMAT)
        return line, block

    def _use(self, fields: tuple[str, ...]) -> None:
        if len(set(fields)) < len(fields):
            raise FerryError(
                "LF-6201",
                "the header of the log names a field twice",
                f"{self._name}: {' '.join(fields)[:300]}",
                "give the format (--format), and take the header line out",
            )
        wanted = self._wish.wanted(fields)
        needed(fields, wanted, self._name)
        extra = [name for name in ("log-status",) if name in fields]
        if self._wish.text:
            extra += [TIME] if self._timed else [name for name in ("start",) if name in fields]
        self._fields = fields
        self._read = tuple(dict.fromkeys((*wanted, *extra))) or fields[:1]

    def _values(self, tokens: list[bytes]) -> list[bytes]:
        return tokens[1:] if self._timed else tokens

    def _type(self, name: str) -> pa.DataType:
        if name == TIME:
            return self._timed
        if self._wish.text:
            return pa.string()
        if is_integer(name):
            return pa.int64()
        return _CODED if self._wish.coded or name == "log-status" else pa.string()

    def _parsed(self, block: bytes, *, mended: bool = False) -> pa.RecordBatch | None:
        """The rows of a block; None where a line does not fit."""
        names = [TIME, *self._fields] if self._timed else list(self._fields)
        absent = [_ABSENT] if self._wish.text else ["-"]
        try:
            table = csv.read_csv(
                pa.BufferReader(block),
                read_options=csv.ReadOptions(
                    use_threads=False, column_names=names, block_size=len(block) + 1
                ),
                parse_options=csv.ParseOptions(delimiter=" ", quote_char=False),
                convert_options=csv.ConvertOptions(
                    include_columns=self._read,
                    column_types={name: self._type(name) for name in self._read},
                    check_utf8=False,  # it is, in columns that are not read, too
                    null_values=absent,
                    strings_can_be_null=mended or not self._wish.text,
                ),
            )
        except pa.ArrowInvalid:
            return None
        if not table.num_rows:
            return None
        (batch,) = table.combine_chunks().to_batches()
        return None if not mended and self._holds_header(batch) else batch

    def _holds_header(self, batch: pa.RecordBatch) -> bool:
        """Whether a line names its fields. Where a column holds integers, parsing refuses it."""
        if not self._wish.text and any(map(is_integer, self._read)):
            return False
        name = "log-status" if "log-status" in self._read else self._read[0]
        found = batch[name]
        if pa.types.is_dictionary(found.type):
            found = found.dictionary
        return bool(pc.any(pc.equal(found, name)).as_py())

    def _mended(self, line: int, block: bytes) -> Iterator[FlowBatch]:
        good: list[bytes] = []
        for number, raw in enumerate(block.split(b"\n"), line):
            tokens = raw.split()
            if not tokens:
                continue
            if is_header(self._values(tokens)):
                yield from self._joined(good)
                good = []
                self._use(tuple(one.decode(errors="replace") for one in self._values(tokens)))
                self._header = raw
                continue
            fitted = self._fit(number, raw, tokens)
            if fitted is not None:
                good.append(fitted)
        yield from self._joined(good)

    def _joined(self, lines: list[bytes]) -> Iterator[FlowBatch]:
        if not lines:
            return
        batch = self._parsed(b"\n".join(lines) + b"\n", mended=True)
        assert batch is not None, "mended lines fit"
        yield from self._batch(batch)

    def _fit(self, number: int, raw: bytes, tokens: list[bytes]) -> bytes | None:
        """The line as Arrow reads it rightly; None for a bad one."""
        count = len(self._fields)
        before = 1 if self._timed else 0
        if len(tokens) > before + count and tokens[before + count].startswith(b"#"):
            tokens = tokens[: before + count]  # a remark, as AWS's own examples have
        reason = self._fault(raw, tokens[before:])
        short = len(tokens) != before + count
        if reason:
            self._report.add_bad(self._name, number, raw, reason)
            # To a rule, a line of any length is an event: what it lacks is absent.
            self._misfits += 1
            self._first_misfit = self._first_misfit or f":{number}: {reason}"
            if not (self._wish.text and short and reason.startswith("it has")):
                return None
            missing = before + count - len(tokens)
            tokens = tokens[: before + count] + [_ABSENT.encode()] * missing
        else:
            self._fitting += 1
        if before and not self._is_time(tokens[0]):
            tokens[0] = _ABSENT.encode()
        return b" ".join(tokens)

    def _fault(self, raw: bytes, values: list[bytes]) -> str:
        try:
            raw.decode()
        except UnicodeDecodeError:
            return "it is not UTF-8"
        if len(values) != len(self._fields):
            return f"it has {len(values)} fields where the format has {len(self._fields)}"
        if self._wish.text:
            return ""
        for name, value in zip(self._fields, values, strict=True):
            wanted = name in self._read and is_integer(name)
            if wanted and value != b"-" and not _NUMBER.fullmatch(value):
                return f"{name} is no number"
        return ""

    def _is_time(self, token: bytes) -> bool:
        return bool((_ISO if self._timed == _INSTANT else _NUMBER).fullmatch(token))

    def _batch(self, rows: pa.RecordBatch) -> Iterator[FlowBatch]:
        self._report.add_rows(self._name, self._fields, rows.num_rows)
        if "log-status" in self._read:
            self._report.add_statuses(statuses(rows["log-status"]))
        wanted = self._wish.wanted(self._fields)
        columns = {column(name): self._column(rows, name) for name in wanted}
        if self._wish.text:
            columns["event_ms"] = self._event_ms(rows)
        yield FlowBatch(self._fields, pa.RecordBatch.from_pydict(columns), self._name)

    def _column(self, rows: pa.RecordBatch, name: str) -> pa.Array:
        found = rows[name]
        if name in ("start", "end") and not self._wish.text:
            return seconds(found)
        if pa.types.is_dictionary(found.type) and not self._wish.coded:
            return found.cast(pa.string())
        return found

    def _event_ms(self, rows: pa.RecordBatch) -> pa.Int64Array:
        if self._timed:
            return rows[TIME].cast(pa.int64())
        if "start" not in self._fields:
            return pa.nulls(rows.num_rows, pa.int64())
        return milliseconds(rows["start"])


def is_header(tokens: list[bytes]) -> bool:
    """Whether a line names fields: the first, and at least half of all."""
    if not tokens or tokens[0].decode(errors="replace") not in FIELDS:
        return False
    return 2 * sum(token.decode(errors="replace") in FIELDS for token in tokens) >= len(tokens)


def iso_time(line: bytes) -> bool:
    """Whether a line begins with the time of its event, as exports of CloudWatch Logs do."""
    return bool(_ISO.match(line))


INSTANT = _INSTANT


def statuses(found: pa.Array) -> dict[str, int]:
    """How often each text stands in a column."""
    if pa.types.is_dictionary(found.type):  # codes are counted without hashing them
        texts = found.dictionary.to_pylist()
        if len(texts) == 1:  # nearly always OK
            return {text: len(found) - found.null_count for text in texts if text}
        codes = np.asarray(found.indices.drop_null())
        numbers = np.bincount(codes, minlength=len(texts)).tolist()
        counted: dict[str, int] = {}
        for text, number in zip(texts, numbers, strict=True):
            if text and number:
                counted[text] = counted.get(text, 0) + number
        return counted
    counts = pc.value_counts(found)
    texts, numbers = counts.field("values").to_pylist(), counts.field("counts").to_pylist()
    return {str(text): number for text, number in zip(texts, numbers, strict=True) if text}


def seconds(found: pa.Int64Array) -> pa.Int64Array:
    """Times in s; some records carry ms."""
    greatest = pc.max(found).as_py()
    if greatest is None or greatest <= MS_FROM:
        return found
    return pc.if_else(pc.greater(found, MS_FROM), pc.divide(found, 1000), found)


def milliseconds(texts: pa.StringArray) -> pa.Int64Array:
    """Times of `start`, in s or ms, as ms; null where there is none."""
    fine = pc.and_(pc.ascii_is_decimal(texts), pc.less_equal(pc.binary_length(texts), 15))
    times = pc.if_else(fine, texts, pa.scalar(None, pa.string())).cast(pa.int64())
    return pc.if_else(pc.greater(times, MS_FROM), times, pc.multiply(times, 1000))


def _is_utf8(block: bytes) -> bool:
    if block.isascii():  # nearly always
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_odd(block: bytes) -> bool:
    """Whether Arrow would read something else than stands there."""
    if (b"x" in block and b" 0x" in block) or (b"X" in block and b" 0X" in block):
        return True
    if b"\t" in block or block[:1] == b" " or block[-1:] == b" ":
        return True
    if not has_blank_pair(block):  # nearly always, and four times as fast to see
        return False
    even = np.frombuffer(block, np.uint16, len(block) // 2)
    odd = np.frombuffer(block, np.uint16, (len(block) - 1) // 2, 1)
    return any(bool((pairs == odd_pair).any()) for pairs in (even, odd) for odd_pair in _ODD_PAIRS)
