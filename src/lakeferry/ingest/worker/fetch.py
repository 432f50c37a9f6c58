"""Threads that read shards: each with one connection and some shards, one request at a time.

A thread asks whichever of its shards is due, so a shard that is refused waits alone; a page goes to
the inbox whole or not at all. When enough bytes wait there, nobody is asked: the stream keeps what
is not read.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Condition, Thread
from time import monotonic

from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.connection import Kinesis, Refused, Unanswered
from lakeferry.ingest.kinesis.lasting_keys import LastingKeys
from lakeferry.ingest.kinesis.pace import Pace
from lakeferry.ingest.kinesis.reading import (
    Reading,
    after_page,
    after_refusal,
    after_silence,
    fresh_records,
    is_final,
    paced,
    with_iterator,
)
from lakeferry.ingest.kinesis.refusal_text import refusal_error
from lakeferry.ingest.kinesis.wire import Refusal
from lakeferry.ingest.settings import SourceSettings
from lakeferry.ingest.worker.inbox import Failed, Fetched, Inbox

# A page of 2 MB takes a service some 50 ms, and a shard that is behind has one for us each second.
# A few shards get more threads than they need, for a page that is late holds up all of a thread.
SHARDS_A_THREAD = 8
FEW_SHARDS, FEW_THREADS = 4, 4
FIRST_BYTES = 3 << 20  # that an answer may have while none was seen: a second of a quota, in base64
# Of what gives keys: to be asked again. All others say that the keys will not come.
_TRANSIENT = frozenset(["LF-1204", "LF-1205"])


@dataclass(slots=True)
class Tally:
    """What a thread did since it began; written by it alone."""

    bytes_in: int = 0
    calls: int = 0
    empty: int = 0
    throttled: int = 0
    expired: int = 0
    iterators: int = 0  # that were got


class Fetchers:
    """All fetching threads of a worker; used by its main thread."""

    def __init__(self, source: SourceSettings, keys: Callable[[], AwsKeys], inbox: Inbox) -> None:
        self._source, self._keys, self._inbox = source, LastingKeys(keys), inbox
        self._threads: list[_Fetcher] = []

    def read(self, reading: Reading) -> None:
        """One more shard, by the thread that has fewest, or by another one."""
        least = min(self._threads, key=_Fetcher.count, default=None)
        most = FEW_SHARDS if len(self._threads) < FEW_THREADS else SHARDS_A_THREAD
        if least is None or least.count() >= most:
            least = _Fetcher(self._source, self._keys, self._inbox)
            self._threads.append(least)
            least.start()
        least.add(reading)

    def stop(self) -> None:
        """No further request is begun; the one on its way may still give a page."""
        for thread in self._threads:
            thread.stop()

    @property
    def ended(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def tally(self) -> Tally:
        """The sum of what all threads did."""
        found = [thread.tally for thread in self._threads]
        return Tally(
            sum(one.bytes_in for one in found),
            sum(one.calls for one in found),
            sum(one.empty for one in found),
            sum(one.throttled for one in found),
            sum(one.expired for one in found),
            sum(one.iterators for one in found),
        )

    def paused(self) -> Mapping[str, str]:
        """Why shards are not read, of those that are not."""
        return {
            one.shard_id: one.paused
            for thread in self._threads
            for one in thread.readings()
            if one.paused
        }


class _Fetcher(Thread):
    def __init__(self, source: SourceSettings, keys: LastingKeys, inbox: Inbox) -> None:
        super().__init__(name="fetch", daemon=True)
        self._source, self._keys, self._inbox = source, keys, inbox
        self._pace = Pace(source.share, source.shortest_s, source.most_records, source.idle_s)
        self._line = Kinesis(source.endpoint, keys)
        self._changed = Condition()  # of shards, or of the will to go on
        self._readings: dict[str, Reading] = {}
        self._stopped = False
        self._largest = FIRST_BYTES  # of the answers of late
        # Mean of a page's records, the most of late: what a shard is asked for that has told none.
        self._record_bytes: float | None = None
        self.tally = Tally()

    def count(self) -> int:
        return len(self._readings)

    def readings(self) -> list[Reading]:
        with self._changed:
            return list(self._readings.values())

    def add(self, reading: Reading) -> None:
        with self._changed:
            self._readings[reading.shard_id] = reading
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def run(self) -> None:
        try:
            while (reading := self._next_due()) is not None:
                size = self._largest
                if self._inbox.reserve(size, lambda: self._stopped):
                    self._keep(self._asked(reading))
                    self._inbox.release(size)
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self._inbox.put(Failed(error))
        finally:
            self._line.close()

    def _next_due(self) -> Reading | None:
        """The shard that is due longest, as soon as one is; None when it is over."""
        with self._changed:
            while not self._stopped:
                first = min(self._readings.values(), key=lambda one: one.due_s, default=None)
                left = None if first is None else first.due_s - monotonic()
                if first is not None and left is not None and left <= 0:
                    return first
                self._changed.wait(left)
        return None

    def _keep(self, reading: Reading) -> None:
        with self._changed:
            if reading.ended:
                del self._readings[reading.shard_id]
            else:
                self._readings[reading.shard_id] = reading

    def _asked(self, reading: Reading) -> Reading:
        """One request for a shard, and what follows of its answer. Raises FerryError."""
        operation = "GetShardIterator" if reading.iterator is None else "GetRecords"
        try:
            if reading.iterator is None:
                iterator = self._line.iterator(self._source.stream, reading.shard_id, reading.place)
                self.tally.iterators += 1
                return with_iterator(reading, iterator, monotonic())
            return self._page(reading, reading.iterator)
        except Refused as error:
            return self._refused(reading, error.refusal, operation)
        except Unanswered as error:
            return after_silence(reading, str(error), monotonic(), random.random())
        except FerryError as error:
            if error.code not in _TRANSIENT:
                raise
            return after_silence(reading, error.what, monotonic(), random.random())

    def _page(self, reading: Reading, iterator: str) -> Reading:
        begun, bytes_before = monotonic(), self._line.bytes_in
        self.tally.calls += 1
        each = reading.record_bytes or self._record_bytes
        page = self._line.records(iterator, limit=self._pace.limit(each))
        size = self._line.bytes_in - bytes_before
        self.tally.bytes_in += size
        self._largest = max(size, int(0.9 * self._largest))
        self.tally.empty += not page.records
        fresh = fresh_records(reading.place, page.records)
        after = after_page(reading, page, fresh, self._line.service_ms)
        behind_ms = page.millis_behind_latest
        self._inbox.put_page(
            Fetched(reading.shard_id, fresh, after.place, behind_ms, size, reading.place)
        )
        taken = sum([len(one.data) + len(one.partition_key) for one in page.records])
        if page.records:
            self._record_bytes = max(taken / len(page.records), 0.9 * (self._record_bytes or 0.0))
        return paced(after, page, taken, begun, self._pace)

    def _refused(self, reading: Reading, refusal: Refusal, operation: str) -> Reading:
        now = monotonic()
        self.tally.throttled += refusal.remedy == "wait"
        self.tally.expired += refusal.remedy == "new iterator"
        if is_final(reading, refusal, now):
            if refusal.remedy == "new credentials" and self._keys.trouble is not None:
                raise self._keys.trouble  # why there are no newer ones says more
            raise refusal_error(refusal, self._source, operation)
        return after_refusal(reading, refusal, now, random.random())
