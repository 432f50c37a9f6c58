"""AWS bills as they are delivered -> Arrow batches of one form, in bounded memory.

A bill is CUR 2.0 (Data Exports) or the legacy Cost and Usage Report, as Parquet or as CSV, gzip
or zip or plain: its first bytes and its column names tell. Money and amounts are exact decimals.
CSV holds them as text. Parquet holds doubles, and of a double the shortest decimal that reads
back as the same double is taken. That is exact for whatever had at most 15 digits, so for ten
decimals of each line up to 99,999 dollars; of a longer figure it is the nearest double.

Source: Data Exports User Guide, "Cost and Usage Report (CUR) 2.0" and "Data dictionary".
"""

import codecs
import csv
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from lakeferry.cost.bill.column_values import (
    DECIMAL,
    END,
    INTERVAL,
    START,
    TAG_KEY,
    TAGS,
    column_name,
    decimals,
    interval,
    seconds_of,
    tag_of,
    text_of,
)
from lakeferry.errors import FerryError

USAGE = ("Usage", "DiscountedUsage", "SavingsPlanCoveredUsage")  # the lines that are volumes

# start, end, period: s since the epoch, end exclusive. period: of the bill, null where unknown.
# final: whether the line has an invoice's number; null where the bill has no such column.
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("period", pa.int64()),
        ("final", pa.bool_()),
        ("kind", pa.string()),
        ("account", pa.string()),
        ("product", pa.string()),
        ("usage_type", pa.string()),
        ("operation", pa.string()),
        ("resource", pa.string()),
        ("region", pa.string()),
        ("unit", pa.string()),
        ("currency", pa.string()),
        ("tag", pa.string()),
        ("amount", DECIMAL),
        ("rate", DECIMAL),
        ("cost", DECIMAL),
    ]
)

_TEXTS = {
    "id": "identity_line_item_id",
    "kind": "line_item_line_item_type",
    "account": "line_item_usage_account_id",
    "product": "line_item_product_code",
    "usage_type": "line_item_usage_type",
    "operation": "line_item_operation",
    "resource": "line_item_resource_id",
    "region": "product_region_code",
    "unit": "pricing_unit",
    "currency": "line_item_currency_code",
}
_PERIOD, _INVOICE = "bill_billing_period_start_date", "bill_invoice_id"
_AMOUNT, _COST = "line_item_usage_amount", "line_item_unblended_cost"
_RATE = "line_item_unblended_rate"
_NEEDED = (
    _TEXTS["kind"],
    _TEXTS["usage_type"],
    _TEXTS["currency"],
    START,
    END,
    _AMOUNT,
    _COST,
)
_WANTED = {*_TEXTS.values(), START, END, INTERVAL, _PERIOD, _INVOICE, _AMOUNT, _COST, _RATE}
_DAMAGED = (
    pa.ArrowInvalid,
    EOFError,
    OSError,
    UnicodeDecodeError,
    csv.Error,
    zipfile.BadZipFile,
    zlib.error,
)
_ROWS = 1 << 15  # at once
_BLOCK = 4 << 20  # bytes of CSV at once; no line is longer
_IN_MEMORY = 32 << 20  # bytes of a fetched file; a larger one goes to disk
_MOST_SAMPLES = 20


@dataclass(frozen=True, slots=True)
class BillFile:
    """One file of a bill, and how to open it."""

    name: str
    open: Callable[[], BinaryIO]  # may be called again


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row of a bill that was left out, and why."""

    source: str
    row: int | None  # from 1, the header being row 1 of CSV; None: not known
    text: str
    reason: str


@dataclass(slots=True)
class BillReport:
    """What was met while a bill was read."""

    rows: int = 0  # good ones, duplicates among them
    duplicates: int = 0
    malformed: int = 0
    samples: list[BadRow] = field(default_factory=list)  # the first few malformed
    sources: dict[str, int] = field(default_factory=dict)  # good rows by file
    unnumbered: bool = False  # some file has no line ids: its duplicates cannot be told

    def add_bad(self, source: str, row: int | None, text: str, reason: str) -> None:
        self.malformed += 1
        if len(self.samples) < _MOST_SAMPLES:
            self.samples.append(BadRow(source, row, text[:200], reason))


def read_lines(file: BillFile, report: BillReport) -> Iterator[pa.RecordBatch]:
    """The lines of one file, in `SCHEMA`; malformed rows are left out, counted and named.

    Raises:
        FerryError: LF-6601 for a damaged file, after what came before; LF-6602 where it is no
            bill or lacks a column that cannot be done without.
    """
    from isal import isal_zlib

    broken = cast(type[Exception], isal_zlib.error)  # its stub says otherwise
    report.sources.setdefault(file.name, 0)
    try:
        with _opened(file) as (kind, body):
            read = _parquet if kind == "parquet" else _csv
            for batch in read(body, file, report):
                report.rows += batch.num_rows
                report.sources[file.name] += batch.num_rows
                yield batch
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except (*_DAMAGED, broken) as error:
        raise FerryError(
            "LF-6601",
            f"a file of the bill is damaged or cut short: {str(error)[:200]}",
            file.name,
            "fetch it again; AWS rewrites the files of a period, so fetch all of that period",
        ) from error


@contextmanager
def _opened(file: BillFile) -> Iterator[tuple[str, Any]]:
    from isal import igzip

    with file.open() as raw:
        first = raw.read(4)
        raw.seek(0)
        if first.startswith(b"PAR1"):
            yield "parquet", raw
        elif first.startswith(b"\x1f\x8b"):
            with cast(Any, igzip).IGzipFile(mode="rb", fileobj=raw) as body:
                yield "csv", body
        elif first.startswith(b"PK\x03\x04"):
            with _unzipped(raw) as body:
                yield "csv", body
        else:
            yield "csv", io.BufferedReader(cast(io.RawIOBase, raw))


def _unzipped(raw: BinaryIO) -> IO[bytes]:
    try:
        packed = zipfile.ZipFile(raw)
        (name,) = packed.namelist()
        return packed.open(name)
    except (ValueError, NotImplementedError, RuntimeError) as error:
        # Whatever a directory of nonsense makes of itself; AWS zips one file, unencrypted.
        raise zipfile.BadZipFile(
            f"the zip does not hold one file that can be read: {error}"
        ) from error


class _Text:
    """Bytes that are UTF-8, or an error: Arrow cannot tell of a malformed row that is not."""

    closed = False

    def __init__(self, body: Any) -> None:
        self._body = body
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def read(self, size: int) -> bytes:
        found: bytes = self._body.read(size)
        self._decoder.decode(found, final=not found)
        return found


def _columns(written: Sequence[str], name: str) -> dict[str, str]:
    """The columns to read, by the name of CUR 2.0."""
    found = {column_name(one): one for one in written}
    absent = [one for one in _NEEDED if one not in found]
    if absent:
        focus = "BilledCost" in written
        raise FerryError(
            "LF-6602",
            "this is a FOCUS export" if focus else "this is no AWS bill that can be read",
            f"{name}: it lacks {', '.join(absent)}",
            "export COST_AND_USAGE_REPORT (CUR 2.0) with these columns, by the hour and with "
            "resource ids",
        )
    tags = {TAGS, f"{TAGS}_{TAG_KEY}"}
    return {one: as_written for one, as_written in found.items() if one in _WANTED | tags}


def _csv(body: Any, file: BillFile, report: BillReport) -> Iterator[pa.RecordBatch]:
    line = body.readline(1 << 20).decode("utf-8-sig")
    written = next(csv.reader([line]), [])
    columns = _columns(written, file.name)
    misfits: list[int] = []

    def skipped(row: Any) -> str:
        number = row.number + 1  # Arrow numbers what it is given, which begins after the header
        misfits.append(number)
        reason = f"it has {row.actual_columns} columns where the header has {row.expected_columns}"
        report.add_bad(file.name, number, row.text, reason)
        return "skip"

    try:
        opened = pa.csv.open_csv(
            pa.PythonFile(_Text(body), "r"),
            read_options=pa.csv.ReadOptions(
                use_threads=False, column_names=written, block_size=_BLOCK
            ),
            parse_options=pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skipped),
            convert_options=pa.csv.ConvertOptions(
                include_columns=list(columns.values()),
                column_types=dict.fromkeys(columns.values(), pa.string()),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):  # a bill of an hour without usage
            return
        raise
    row = 2
    for batch in opened:
        named = dict(zip(columns, (batch[one] for one in columns.values()), strict=True))
        # A row's number is known as long as no row before it was left out by Arrow.
        first = row if not misfits else None
        row += batch.num_rows
        yield _in_form(named, batch.num_rows, file.name, first, report)


def _parquet(body: Any, file: BillFile, report: BillReport) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(body, pre_buffer=False, page_checksum_verification=True) as opened:
        columns = _columns(opened.schema_arrow.names, file.name)
        row = 1
        for batch in opened.iter_batches(_ROWS, columns=list(columns.values()), use_threads=False):
            batch.validate(full=True)  # Arrow takes any bytes for text until they are looked at
            named = dict(zip(columns, (batch[one] for one in columns.values()), strict=True))
            yield _in_form(named, batch.num_rows, file.name, row, report)
            row += batch.num_rows


def _in_form(
    columns: dict[str, pa.Array], rows: int, name: str, first: int | None, report: BillReport
) -> pa.RecordBatch:
    made: dict[str, pa.Array] = {
        one: text_of(columns.get(source), rows) for one, source in _TEXTS.items()
    }
    report.unnumbered |= "identity_line_item_id" not in columns
    made["start"], made["end"] = interval(columns, rows)
    made["period"] = seconds_of(columns.get(_PERIOD), rows)
    made["final"] = (
        pc.greater(pc.utf8_length(text_of(columns[_INVOICE], rows)), 0)
        if _INVOICE in columns
        else pa.nulls(rows, pa.bool_())
    )
    made["tag"] = tag_of(columns, rows)
    volume = pc.is_in(made["kind"], pa.array(USAGE))
    amount = text_of(columns[_AMOUNT], rows)
    # A tax or a fee may have no amount; a volume may not.
    blank = pc.and_(pc.equal(amount, ""), pc.invert(volume))
    made["amount"] = decimals(pc.if_else(blank, "0", amount))
    made["cost"] = decimals(text_of(columns[_COST], rows))
    made["rate"] = decimals(text_of(columns.get(_RATE), rows))
    batch = pa.RecordBatch.from_arrays([made[one] for one in SCHEMA.names], schema=SCHEMA)
    return _good(batch, name, first, report)


def _good(batch: pa.RecordBatch, name: str, first: int | None, report: BillReport) -> Any:
    """The rows that can be read; the others are counted and named."""
    checks = {
        "start": "its time is none, or ends before it starts",
        "amount": "its usage amount is no number",
        "cost": "its cost is no number",
    }
    good = pa.array([True] * batch.num_rows, pa.bool_())
    for column in checks:
        good = pc.and_(good, pc.is_valid(batch[column]))
    if pc.all(good).as_py() is not False:
        return batch
    for at, fits in enumerate(good.to_pylist()):
        if not fits:
            why = next(text for one, text in checks.items() if not batch[one][at].is_valid)
            text = ", ".join(str(batch[one][at]) for one in ("id", "kind", "usage_type"))
            report.add_bad(name, None if first is None else first + at, text, why)
    return batch.filter(good)


def local_file(path: str) -> BillFile:
    """A file on this machine."""

    def opened() -> BinaryIO:
        return Path(path).open("rb")

    return BillFile(path, opened)


def fetched_file(name: str, body: Callable[[], Iterator[bytes]]) -> BillFile:
    """A file of a store, kept in memory while it is read, or on disk where it is large.

    Args:
        body: fetches its bytes; a new fetch each time.
    """

    def opened() -> BinaryIO:
        kept = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (whoever reads closes it)
        kept.writelines(body())
        kept.seek(0)
        return cast(BinaryIO, kept)

    return BillFile(name, opened)
