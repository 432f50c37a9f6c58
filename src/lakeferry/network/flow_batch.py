"""What reading flow logs gives: batches of rows, and a report of what was met."""

from dataclasses import dataclass, field

import pyarrow as pa

_MOST_SAMPLES = 20
_MOST_TEXT = 200  # characters of a bad line that are shown


@dataclass(frozen=True, slots=True)
class FlowBatch:
    """Some rows of one source.

    fields: the whole format of the log, AWS's names in order. rows: the columns that were asked
    for, named with `_` for `-`.
    """

    fields: tuple[str, ...]
    rows: pa.RecordBatch
    source: str


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that does not fit its format."""

    source: str
    line: int  # from 1; of a Parquet file: the row
    text: str
    reason: str


@dataclass(slots=True)
class ReadReport:
    """What was met, over all sources that were read with it."""

    records: int = 0  # rows handed over
    bad_lines: int = 0
    bad_samples: list[BadLine] = field(default_factory=list)  # the first few
    by_status: dict[str, int] = field(default_factory=dict)  # rows by log-status
    sources: dict[str, int] = field(default_factory=dict)  # rows by source
    formats: dict[tuple[str, ...], int] = field(default_factory=dict)  # rows by format
    begun: dict[tuple[str, ...], str] = field(default_factory=dict)  # first source of each format

    def add_bad(self, source: str, line: int, text: bytes, reason: str) -> None:
        self.bad_lines += 1
        if len(self.bad_samples) < _MOST_SAMPLES:
            shown = text[: 4 * _MOST_TEXT].decode(errors="replace")[:_MOST_TEXT]
            self.bad_samples.append(BadLine(source, line, shown, reason))

    def add_rows(self, source: str, fields: tuple[str, ...], count: int) -> None:
        self.records += count
        self.sources[source] = self.sources.get(source, 0) + count
        self.formats[fields] = self.formats.get(fields, 0) + count
        self.begun.setdefault(fields, source)

    def add_statuses(self, counts: dict[str, int]) -> None:
        for status, count in counts.items():
            self.by_status[status] = self.by_status.get(status, 0) + count
