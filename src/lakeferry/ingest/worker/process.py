"""A worker process: pages of its shards into files, batches of files to the coordinator.

One thread, this one, parses and writes; others fetch, upload, and listen to the pipe. It commits
nothing and decides nothing about the table: whatever it cannot go on with it tells and ends, and
all that it did not report is void.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing.connection import Connection
from threading import Event, Thread
from time import monotonic

import pyarrow as pa

from lakeferry.connect.aws_keys import keys_of
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.reading import Reading
from lakeferry.ingest.position.state import Ended, Position
from lakeferry.ingest.settings import Ingest
from lakeferry.ingest.worker.batch import Progress, less
from lakeferry.ingest.worker.fetch import Fetchers
from lakeferry.ingest.worker.inbox import Failed, Fetched, Inbox, News, ParentGone
from lakeferry.ingest.worker.memory import hold_little, memory_bytes
from lakeferry.ingest.worker.messages import (
    Batch,
    Broken,
    Counts,
    Drain,
    Filled,
    Flush,
    Ignored,
    Lag,
    NewColumns,
    Read,
    Reform,
    ShardStart,
    TableForm,
    Told,
)
from lakeferry.ingest.worker.page_writer import PageWriter
from lakeferry.ingest.worker.reports import Reports
from lakeferry.ingest.worker.send_files import Sender, Unsent
from lakeferry.store.open import open_store

TOLD_EVERY_S = 1.0  # or as often as commits are wished for: they wait for word of a record
DRAINED_S = 0.02  # between two looks whether all that was fetched is written
# A shard that is asked is asked once a second; one that was not for so long lags behind more.
UNASKED_S = 5.0
MOST_FILLED = 2  # times the size of a file: then pages wait until a flush takes the files away


def work(
    pipe: Connection,
    ingest: Ingest,
    form: TableForm,
    rejected: TableForm | None,
    declared: pa.Schema | None,
) -> None:
    """Read shards as the coordinator orders, until it drains this worker or is no more.

    Args:
        pipe: orders come in, reports go out.
        form: of the table as it is now.
        rejected: of the quarantine table; None: bad records are rescued, or end the ingest.
        declared: columns of the payload; None: raw rows.
    """
    hold_little()
    reports = Reports(pipe)
    reports.start()
    try:
        writer = PageWriter(ingest, form, rejected, declared)
        _Worker(pipe, reports, ingest, writer, form, rejected).run()
    except FerryError as error:
        reports.say(Broken(error))
    finally:
        reports.end()


@dataclass(slots=True)
class _Shard:
    start: ShardStart
    behind_ms: int | None = None
    told_s: float = 0.0
    is_behind: bool = True  # its last page was not an empty one of now


class _Worker:
    def __init__(
        self,
        pipe: Connection,
        reports: Reports,
        ingest: Ingest,
        writer: PageWriter,
        form: TableForm,
        rejected: TableForm | None,
    ) -> None:
        self._pipe, self._reports = pipe, reports
        self._ingest, self._writer = ingest, writer
        self._inbox = Inbox(ingest.source.buffer_bytes)
        self._fetchers = Fetchers(ingest.source, keys_of(ingest.source.access), self._inbox)
        options = ingest.target.options
        self._sender = Sender(
            self._inbox,
            cache(partial(open_store, form.url, options)),
            None if rejected is None else cache(partial(open_store, rejected.url, options)),
        )
        self._progress = Progress()
        self._shards: dict[str, _Shard] = {}
        self._held: Fetched | None = None  # waits for columns
        self._filled = False  # and told
        self._unsent = 0  # batches
        self._draining, self._last, self._over = False, False, False
        self._last_flush: Flush | None = None
        self._told_s = monotonic()
        self._tell_every_s = min(TOLD_EVERY_S, ingest.rhythm.every_s)
        self._is_behind = True  # one of the shards is
        self._reported = Counts()  # up to the last batch
        self._iterators = 0  # that were got up to then

    def run(self) -> None:
        self._sender.start()
        Thread(target=self._listen, name="orders", daemon=True).start()
        self._tell()
        try:
            while not self._over:
                until = self._told_s + self._tell_every_s
                if self._draining:
                    until = min(until, monotonic() + DRAINED_S)
                found = self._inbox.take(until, pages=self._takes_pages())
                if isinstance(found, Fetched):
                    self._parse(found)
                elif found is not None:
                    self._obey(found)
                if monotonic() - self._told_s >= self._tell_every_s:
                    self._writer.hold(self._progress.read_until_ms)
                    self._tell()
                self._end_if_drained()
        finally:
            self._fetchers.stop()
            self._sender.end()

    def _listen(self) -> None:
        try:
            while True:
                self._inbox.put(self._pipe.recv())
        except (EOFError, OSError):
            self._inbox.put(ParentGone())

    # --- orders -----------------------------------------------------------------------------

    def _obey(self, news: News) -> None:
        match news:
            case Read(shards, epoch):
                self._writer.epoch = epoch
                with self._telling():
                    self._writer.remember(shards)
                for start in shards:
                    self._begin(start)
            case Flush():
                self._flush(news)
            case Reform(form, declared):
                self._writer.reform(form, declared)
                held, self._held = self._held, None
                if held is not None:
                    self._parse(held)
            case Drain():
                self._draining = True
                self._fetchers.stop()
            case Batch():
                self._unsent -= 1
                self._reports.say(news)
            case Failed(error):
                raise error
            case ParentGone():
                self._over = True

    def _begin(self, start: ShardStart) -> None:
        self._progress.begin(start)
        self._shards[start.shard_id] = _Shard(start, told_s=monotonic())
        self._fetchers.read(Reading(start.shard_id, start.place))

    def _flush(self, order: Flush) -> None:
        if self._draining and self._last_flush is None:
            self._last_flush = order  # until all that was fetched is written
        else:
            self._cut(order)

    def _cut(self, order: Flush) -> None:
        """All that is written up to here becomes a batch, which is sent when it is uploaded."""
        closed = self._writer.close(order.epoch)
        newest, oldest = self._progress.newest_ms, self._progress.oldest_ms
        spans = self._progress.cut()
        for span in spans:
            if isinstance(span.ends, Ended):
                del self._shards[span.shard_id]
        now = self._counts()
        counts, self._reported = less(now, self._reported), now
        before, self._iterators = self._iterators, self._fetchers.tally.iterators
        renewed = self._iterators > before
        batch = Batch(order.epoch, (), (), spans, counts, newest, oldest, renewed)
        self._filled = False
        self._unsent += 1
        self._sender.send(Unsent(batch, closed.files, closed.rejected))

    def _end_if_drained(self) -> None:
        if self._last_flush is not None and not self._last and self._is_drained():
            self._last = True
            self._cut(self._last_flush)
        if self._last and not self._unsent:
            self._over = True

    def _is_drained(self) -> bool:
        """Whether all that was fetched is written, or as much as can be.

        A page that waits for new columns ends it: that one and all behind it come again in the
        next run.
        """
        if self._held is not None:
            return True
        return self._fetchers.ended and not self._inbox.has_pages

    # --- pages ------------------------------------------------------------------------------

    def _takes_pages(self) -> bool:
        if self._held is not None or self._last:
            return False
        return self._draining or not self._writer.is_filled(MOST_FILLED)

    def _parse(self, page: Fetched) -> None:
        shard = self._shards[page.shard_id]
        if page.records:
            new = self._writer.write(page, shard.start)
            if new:
                self._held = page
                self._reports.say(NewColumns(new))
                return
            ignored = self._writer.taken_ignored()
            if ignored:
                self._reports.say(Ignored(ignored))
        self._progress.advance(page)
        shard.behind_ms, shard.told_s = page.behind_ms, monotonic()
        shard.is_behind = page.behind_ms != 0 or bool(page.records)
        if isinstance(page.ends, Ended) or self._just_caught_up():
            self._tell()
        if not self._filled and self._writer.is_filled():
            self._filled = True
            self._reports.say(Filled())

    # --- how it is doing --------------------------------------------------------------------

    def _just_caught_up(self) -> bool:
        """Whether no shard is behind any more, for the first time since one was.

        A run with `once` ends when the coordinator hears of it, so that is told at once.
        """
        if not self._ingest.once:
            return False
        was_behind = self._is_behind
        self._is_behind = any(
            shard.is_behind and not isinstance(self._progress.shards[shard_id], Ended)
            for shard_id, shard in self._shards.items()
        )
        return was_behind and not self._is_behind

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Tell while this thread does something that may take long; it changes nothing else."""
        done = Event()

        def tell() -> None:
            while not done.wait(TOLD_EVERY_S):
                self._tell()

        teller = Thread(target=tell, name="tell", daemon=True)
        teller.start()
        try:
            yield
        finally:
            done.set()
            teller.join()

    def _tell(self) -> None:
        self._told_s = monotonic()
        paused, stands = self._fetchers.paused(), self._progress.shards
        lags = {
            shard_id: Lag(
                _behind(shard, stands[shard_id], self._told_s),
                paused.get(shard_id, ""),
                isinstance(stands[shard_id], Ended),
                stands[shard_id].read_until_ms,
            )
            for shard_id, shard in self._shards.items()
        }
        self._reports.say(
            Told(
                self._counts(),
                lags,
                self._writer.open_bytes,
                self._inbox.waiting_bytes,
                memory_bytes(),
            )
        )

    def _counts(self) -> Counts:
        fetched, written = self._fetchers.tally, self._writer.written
        return Counts(
            written.records,
            written.rows,
            written.bad,
            written.doubles,
            written.out_of_range,
            fetched.bytes_in,
            fetched.calls,
            fetched.empty,
            fetched.throttled,
            fetched.expired,
        )


def _behind(shard: _Shard, stands: Position, now_s: float) -> int | None:
    """What the shard last told, and longer where nothing came of it since: paused, or held back."""
    silent_s = now_s - shard.told_s
    if shard.behind_ms is None or silent_s < UNASKED_S or isinstance(stands, Ended):
        return shard.behind_ms
    return shard.behind_ms + round(silent_s * 1000)
