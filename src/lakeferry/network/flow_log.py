"""VPC Flow Logs, whatever they are kept as -> batches of Arrow rows, in bounded memory.

How a log is kept is told by its content: Parquet; gzip or not; lines with a header, in any order
of fields; lines in the default format, or in one that is given; lines after the ISO 8601 time of
their event, as CloudWatch Logs exports them; log events as JSON. File names
tell nothing: they are often changed on the way.

Source: VPC User Guide, "Flow log files"; CloudWatch Logs User Guide, "Exporting log data".
"""

from collections.abc import Iterator, Sequence
from functools import partial

import pyarrow as pa

from lakeferry.errors import FerryError
from lakeferry.network.flow_batch import BadLine, FlowBatch, ReadReport
from lakeferry.network.flow_bytes import BLOCK, GZIP, begun, blocks, inflated
from lakeferry.network.flow_events import LONGEST, event_lines
from lakeferry.network.flow_parquet import MAGIC, read_parquet
from lakeferry.network.flow_text import INSTANT, ColumnsOf, TextReader, Wish, iso_time

__all__ = ["BadLine", "FlowBatch", "ReadReport", "read_flow_log"]

_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BLANKS = b" \t\r\n"
_OTHER_PACKING = {  # what a file begins with: what it is, and what unpacks it
    b"PK\x03\x04": ("a zip archive", "unzip"),
    b"\x28\xb5\x2f\xfd": ("compressed by zstd", "zstd -d"),
    b"BZh": ("compressed by bzip2", "bzip2 -d"),
    b"\xfd7zXZ\x00": ("compressed by xz", "xz -d"),
}


def read_flow_log(
    body: Iterator[bytes],
    *,
    name: str,
    fields: tuple[str, ...] | None = None,
    columns: Sequence[str] | ColumnsOf | None = None,
    also: Sequence[str] = (),
    text: bool = False,
    coded: bool = False,
    report: ReadReport,
) -> Iterator[FlowBatch]:
    """Read one log.

    Args:
        body: its bytes, as they are kept.
        name: what it is called in the report and in errors.
        fields: the format of a log that does not state it; a header line wins over it.
        columns: the fields to read, AWS's names; or which they are of a format; None for all.
        also: more fields, read where the log has them: the batches of two logs may differ.
        text: False: int64 and string columns, `-` is null, `start` and `end` in s. True: every
            token as it stands (`-` too; null where a line lacks it; `-` for a null of Parquet) and
            `event_ms` (int64): when the event was, by the log's own time, else by `start`.
            A line of another length is then an event too, and counted as bad nonetheless.
        coded: with `text=False`, string columns as dictionaries, which group faster.
        report: told what was met; one may serve many logs.

    Raises:
        FerryError: LF-6201 where no format is known; LF-6202 for a column that the format lacks;
            LF-6203 where no line fits; LF-6204 for a damaged log, after the rows before it,
            for UTF-16, and for another compression than gzip.
    """
    asked = columns if columns is None or callable(columns) else tuple(columns)
    wish = Wish(asked, text, coded and not text, tuple(also))
    report.sources.setdefault(name, 0)
    first, body = begun(body)
    if first.startswith(MAGIC):
        yield from read_parquet(body, name, wish, report)
        return
    if first.startswith(GZIP):
        body = inflated(body, name)
    timed, found = _text_blocks(body, name, report)
    reader = TextReader(name, fields, wish, report, timed=timed)
    for line, block in found:
        yield from reader.rows(line, block)
    reader.end()


def _text_blocks(
    body: Iterator[bytes], name: str, report: ReadReport
) -> tuple[pa.DataType | None, Iterator[tuple[int, bytes]]]:
    """Whole lines with the number of the first, and of which type a time before each line is."""
    first, body = begun(body, 64)
    if first.startswith(_UTF_16):
        raise FerryError(
            "LF-6204",
            "the log is UTF-16, and flow logs are UTF-8",
            name,
            "convert it: iconv -f UTF-16 -t UTF-8 (PowerShell's `>` writes UTF-16)",
        )
    for magic, (packed, by) in _OTHER_PACKING.items():
        if first.startswith(magic):
            said = f"the log is {packed}, and flow logs are gzip or text"
            raise FerryError("LF-6204", said, name, f"unpack it: {by}")
    start = first.removeprefix(_BOM).lstrip(_BLANKS)
    too_long = partial(_too_long, name, report)
    if start[:1] in (b"{", b"["):
        return pa.int64(), event_lines(blocks(_without_bom(body), too_long, LONGEST), name, report)
    return INSTANT if iso_time(start) else None, blocks(_without_bom(body), too_long, BLOCK)


def _without_bom(body: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in body:
        yield chunk.removeprefix(_BOM)
        break
    yield from body


def _too_long(name: str, report: ReadReport, line: int, begin: bytes) -> None:
    report.add_bad(name, line, begin, "the line does not end within 4 MiB")
