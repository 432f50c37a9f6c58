"""Pages into the open files of the table and of its quarantine table, and what that counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

import pyarrow as pa

from lakeferry.errors import FerryError
from lakeferry.ingest.dedup.seen_before import remember
from lakeferry.ingest.dedup.window import Window
from lakeferry.ingest.files.data_file import ClosedFile, OpenFiles
from lakeferry.ingest.payload.page_table import PageForm, PageTable, Types, page_form, page_table
from lakeferry.ingest.payload.repair import PROVENANCE
from lakeferry.ingest.payload.rows import ARRIVAL_COLUMNS, Bad, quarantine_table
from lakeferry.ingest.settings import Ingest
from lakeferry.ingest.worker.batch import WINDOW, BadRatio, unknown_to
from lakeferry.ingest.worker.inbox import Fetched
from lakeferry.ingest.worker.messages import ShardStart, TableForm
from lakeferry.store.open import open_store

# A field is asked for again as long as it is no column: another worker's question may have been
# answered before ours. What is none after so many answers will not be one.
MOST_ASKED = 8
MOST_KNOWN = 10_000  # names that were asked for; the coordinator has told of those left out by then
LOOK_EVERY_S = 60.0  # at a page, for fields that are ignored
FILLED_TIMES = 4  # the size of a file: all open ones together, of many partitions


@dataclass(frozen=True, slots=True)
class Closed:
    """The files of one batch, on this machine's disk."""

    files: tuple[ClosedFile, ...]
    rejected: tuple[ClosedFile, ...]


@dataclass(slots=True)
class Written:
    """What went into files since the worker began."""

    records: int = 0
    rows: int = 0
    bad: int = 0
    doubles: int = 0
    out_of_range: int = 0


class PageWriter:
    """For one thread.

    Args:
        rejected: form of the quarantine table; None: bad records are rescued, or end the ingest.
    """

    def __init__(
        self,
        ingest: Ingest,
        form: TableForm,
        rejected: TableForm | None,
        declared: pa.Schema | None,
    ) -> None:
        self._ingest, self._form = ingest, form
        self._window = None if ingest.dedup is None else Window(ingest.dedup)
        self._pages = _page_form(ingest, form, declared)
        self._files = OpenFiles(form)
        self._closed: tuple[ClosedFile, ...] = ()  # of a form that the table had before
        self._rejected = None if rejected is None else OpenFiles(rejected)
        self._ratio = BadRatio(ingest.payload.most_bad)
        self._asked: dict[tuple[str, bool], int] = {}
        self._look_s = monotonic()  # when a page is to be looked at next
        self._ignored: set[str] = set()
        self.epoch = 1  # of the flush to come
        self.written = Written()

    def remember(self, starts: Sequence[ShardStart]) -> None:
        """Know the keys that the table has of what may come twice from these shards on.

        Raises what `seen_before.remember` raises.
        """
        if self._window is not None and self._ingest.dedup is not None:
            store = open_store(self._form.url, self._ingest.target.options)
            remember(self._window, self._ingest.dedup, store, self._form, starts)

    def hold(self, read_until_ms: int) -> None:
        """The slowest shard stands here: no key is forgotten that may come there again."""
        if self._window is not None:
            self._window.hold(read_until_ms)

    def write(self, page: Fetched, start: ShardStart) -> Types:
        """Write all of a page and return nothing; or nothing of it, and return its new fields.

        Raises:
            FerryError: LF-7021 to LF-7024, what `page_table`, `Window.fresh` and
                `OpenFiles.append` raise.
        """
        found = page_table(
            self._pages, page.shard_id, page.records, start.hash_range, looks=self._looks()
        )
        self._ignored.update(found.ignored)
        new = {path: kind for path, kind in found.new_fields.items() if self._asks(path, kind)}
        if new:
            return new
        self._judge(page, found)
        table = self._without_doubles(found.table)
        self._files.append(table)
        self._reject(found.bad, start)
        self.written.records += len(page.records)
        self.written.rows += table.num_rows
        self.written.doubles += found.table.num_rows - table.num_rows
        self.written.bad += len(found.bad.faults)
        self.written.out_of_range += found.out_of_range
        return {}

    def taken_ignored(self) -> tuple[str, ...]:
        """Fields that were seen since this was asked last and are in no column."""
        found, self._ignored = tuple(sorted(self._ignored)), set()
        return found

    def _looks(self) -> bool:
        """Whether the page is one of the few that are looked at for fields that are ignored."""
        now = monotonic()
        if self._ingest.payload.on_new != "ignore" or now < self._look_s:
            return False
        self._look_s = now + LOOK_EVERY_S
        return True

    def reform(self, form: TableForm, declared: pa.Schema | None) -> None:
        """The table has another form. What was written before still fits it: it lacks columns."""
        self._pages = _page_form(self._ingest, form, declared)
        if form != self._form:
            self._form = form
            self._closed += self._files.close()
            self._files = OpenFiles(form)

    def close(self, epoch: int) -> Closed:
        """All files of a batch; what is written from here on goes into new ones."""
        self.epoch = epoch + 1
        files, self._closed = self._closed + self._files.close(), ()
        return Closed(files, () if self._rejected is None else self._rejected.close())

    @property
    def open_bytes(self) -> int:
        """Of Parquet, in all files that are not closed."""
        return self._files.open_bytes + sum(file.size for file in self._closed)

    def is_filled(self, times: int = 1) -> bool:
        """Whether a file has its full size, or so many times that, or all of them together."""
        full = self._ingest.rhythm.file_bytes * times
        return self._files.bytes_written >= full or self.open_bytes >= FILLED_TIMES * full

    def _asks(self, path: str, kind: pa.DataType | None) -> bool:
        """What was empty at first is asked for anew once it has a type."""
        asked = (path, kind is None)
        if asked not in self._asked and len(self._asked) >= MOST_KNOWN:
            return False
        self._asked[asked] = self._asked.get(asked, 0) + 1
        return self._asked[asked] <= MOST_ASKED

    def _judge(self, page: Fetched, found: PageTable) -> None:
        rows = found.table.num_rows + len(found.bad.rows)
        if self._ratio.add(rows, found.bad_records):
            most = self._ingest.payload.most_bad
            raise FerryError(
                "LF-7024",
                f"{self._ratio.bad:,} of the last {self._ratio.records:,} records are bad",
                f"{page.shard_id} of stream {self._ingest.source.stream}; at most "
                f"{most * 100:g}% of {WINDOW:,} may be{_last_fault(found)}",
                "a schema that is wrong makes all records bad: mend it (`--infer` proposes one), "
                "or raise the limit (`--max-bad`); what was committed stays, the records come "
                "again",
            )

    def _without_doubles(self, table: pa.Table) -> pa.Table:
        if self._window is None or not table.num_rows:
            return table
        arrival = next(one for one in ARRIVAL_COLUMNS if one in table.column_names)
        arrivals = table[arrival].cast(pa.int64()).to_numpy() // 1000
        return table.filter(self._window.fresh(table, arrivals))

    def _reject(self, bad: Bad, start: ShardStart) -> None:
        """Into quarantine with what does not lie there already, after a crash between commits."""
        if self._rejected is None or not bad.faults:
            return
        new = unknown_to(start.rejected_place, start.rejected, bad)
        if new.faults:
            stream = self._ingest.source.stream
            self._rejected.append(quarantine_table(new, stream, self.epoch))


def _page_form(ingest: Ingest, form: TableForm, declared: pa.Schema | None) -> PageForm:
    """Rows say where they come from if the table does, or a partition or the window needs it."""
    own = {one.name for one in PROVENANCE}
    needed = ingest.dedup is not None or any(one.of in own for one in form.partition_by)
    return page_form(
        ingest.source.stream,
        ingest.payload,
        declared,
        out_of_range=ingest.source.out_of_range,
        provenance=ingest.payload.provenance or needed,
        rules=form.rules,
        partition_by=form.partition_by,
    )


def _last_fault(found: PageTable) -> str:
    """What is wrong with one of them: those of this batch are in no table yet."""
    if not found.bad.faults:
        return ""
    last = found.bad.faults[-1]
    return f"; the last one: {last.error}" + (f" at {last.path}" if last.path else "")
