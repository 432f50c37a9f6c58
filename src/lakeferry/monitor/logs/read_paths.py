"""Feed flow logs to totals by path: opened by `monitor/logs/opening.py`, never held as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event as Flag

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.monitor.logs.opening import LogEvents, open_logs
from lakeferry.network.attribute import BY_PATH, HELPFUL, NEEDED
from lakeferry.network.flow_batch import FlowBatch
from lakeferry.network.flow_log import ReadReport, read_flow_log
from lakeferry.network.members import Members
from lakeferry.network.path_totals import PathTotals
from lakeferry.store.open import NO_OPTIONS


@dataclass(slots=True)
class PathReader:
    """Totals that grow as logs are read, and what was met on the way."""

    totals: PathTotals
    report: ReadReport
    start_s: int | None = None  # rows that begin before it are left out
    end_s: int | None = None  # likewise from it on
    first_s: int | None = None  # begin of the first row that was counted
    last_s: int | None = None  # and of the last

    @classmethod
    def of(
        cls,
        members: Members,
        by: Sequence[str] = BY_PATH,
        *,
        start_s: int | None = None,
        end_s: int | None = None,
    ) -> "PathReader":
        return cls(PathTotals(members, by), ReadReport(), start_s, end_s)

    @property
    def seconds(self) -> float:
        """What the rows span, at least a minute; from what was asked where it is bounded."""
        first = self.first_s if self.start_s is None else self.start_s
        last = self.last_s if self.end_s is None else self.end_s
        if self.first_s is None or self.last_s is None or first is None or last is None:
            return 0
        return max(60, last - first + (60 if self.end_s is None else 0))

    def add(self, batch: FlowBatch) -> None:
        """Take what of a batch begins in the time that is asked for."""
        rows = batch.rows
        if self.start_s is not None:
            rows = rows.filter(pc.greater_equal(rows["start"], self.start_s))
        if self.end_s is not None:
            rows = rows.filter(pc.less(rows["start"], self.end_s))
        if not rows.num_rows:
            return
        self._widen(rows)
        self.take(FlowBatch(batch.fields, rows, batch.source))

    def take(self, batch: FlowBatch) -> None:
        """Count rows of the time that is asked for."""
        self.totals.add(batch)

    def _widen(self, rows: pa.RecordBatch) -> None:
        found = pc.min_max(rows["start"]).as_py()
        if found["min"] is not None:
            first = found["min"] if self.first_s is None else min(self.first_s, found["min"])
            last = found["max"] if self.last_s is None else max(self.last_s, found["max"])
            self.first_s, self.last_s = first, last


def read_paths(
    place: str,
    reader: PathReader,
    *,
    fields: tuple[str, ...] | None = None,
    options: Mapping[str, str] = NO_OPTIONS,
    log_events: LogEvents | None = None,
    generated: LogEvents | None = None,
    stop: Flag | None = None,
    beside: tuple[str, ...] = (),
) -> None:
    """Read all logs at a place.

    Args:
        place: a file, a folder, `s3://...`, `log-group:NAME`, or `-` for standard input; where
            `generated` makes it up, `generated:`.
        fields: the format of logs that do not state it, as those of a log group.
        beside: fields that the reader takes too, where a log has them.

    Raises:
        FerryError: LF-6205 where nothing is found; those of `read_flow_log`.
        KeyboardInterrupt: `stop` was set.
    """
    span = (reader.start_s, reader.end_s)
    for name, body in open_logs(
        place, options, log_events=log_events, generated=generated, span_s=span
    ):
        for batch in read_flow_log(
            body, name=name, fields=fields, columns=NEEDED, also=(*HELPFUL, *beside), coded=True,
            report=reader.report,
        ):  # fmt: skip
            reader.add(batch)
            if stop is not None and stop.is_set():
                raise KeyboardInterrupt
