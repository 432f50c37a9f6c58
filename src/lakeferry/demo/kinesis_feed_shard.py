"""One shard of the feed: its records, put or made, its place in the lineage, its quota."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from lakeferry.demo.kinesis_feed_load import STEP, Load, Shelf

MIB = 1 << 20
PAGE_BYTES = 10 * MIB  # of data and keys, in one answer
WINDOW_MS = 1_000  # over which quotas are counted
CALLS, BYTES = 5, 2 * MIB  # of a shard in that time


@dataclass(frozen=True, slots=True)
class Body:
    """An answer, made while it is sent: nobody may need more memory for it than for a piece."""

    size: int  # bytes
    pieces: Iterable[bytes]  # to be taken once


def whole(body: bytes) -> Body:
    return Body(len(body), (body,))


@dataclass(frozen=True, slots=True)
class Put:
    """One record that somebody put."""

    number: int
    arrived_ms: int
    size: int  # of data and key
    data: bytes
    key: str
    text: bytes  # as GetRecords has it


@dataclass
class Shard:
    """Mutable; guarded by the lock of its feed."""

    number: int  # 0 is the first of the stream
    hash_range: tuple[int, int]
    began_ms: int
    parents: tuple[str, ...] = ()
    shelf: Shelf | None = None  # of made records; a shard has one kind of records
    puts: list[Put] = field(default_factory=list)
    closed_ms: int | None = None
    children: list["Shard"] = field(default_factory=list)
    trimmed: int = 0  # records that retention took
    # Places that answers took along, first and last, both within; in order, apart from each other.
    served: list[tuple[int, int]] = field(default_factory=list)
    ended: int = 0  # answers that told the end
    calls_ms: list[int] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)  # when, bytes
    closed_until_ms: int = 0  # after a page beyond a second's quota

    @property
    def shard_id(self) -> str:
        return f"shardId-{self.number:012}"

    @property
    def base(self) -> int:
        """The first sequence number: 56 digits, above all of older shards."""
        return 49 * 10**54 + self.began_ms * 10**40 + self.number * 10**32 + 7411021575989138

    @property
    def last_number(self) -> int | None:
        """What ListShards calls the ending number: beyond any record. None while it is open."""
        return None if self.closed_ms is None else self.base + 10**32 - STEP

    # --- records --------------------------------------------------------------------------

    def count(self, now_ms: int) -> int:
        """Records that have arrived, those that retention took among them."""
        if self.shelf is None:
            return len(self.puts)
        until = now_ms if self.closed_ms is None else min(now_ms, self.closed_ms)
        return self.shelf.load.count(self.began_ms, until)

    def put(self, data: bytes, key: str, arrived_ms: int) -> str:
        """Append a record; its sequence number."""
        number = self.base + (len(self.puts) + 1) * STEP
        text = msgspec.json.encode(
            {
                "SequenceNumber": str(number),
                "ApproximateArrivalTimestamp": arrived_ms / 1000,
                "Data": data,
                "PartitionKey": key,
            }
        )
        size = len(data) + len(key.encode())
        self.puts.append(Put(number, arrived_ms, size, data, key, text))
        return str(number)

    def arrived_ms(self, place: int) -> int:
        if self.shelf is None:
            return self.puts[place].arrived_ms
        return int(self.shelf.load.arrivals(self.began_ms, place, 1)[0])

    def place_of(self, number: int) -> int:
        """The first record with this sequence number or a higher one."""
        return max(0, -((self.base - number) // STEP) - 1)

    def place_at(self, at_ms: int, now_ms: int) -> int:
        """The first record that arrived at a time or later; the count where there is none."""
        if self.shelf is not None:
            place = self.shelf.load.place_at(self.began_ms, at_ms)
            return max(self.trimmed, min(place, self.count(now_ms)))
        for place in range(self.trimmed, len(self.puts)):
            if self.puts[place].arrived_ms >= at_ms:
                return place
        return len(self.puts)

    def fitting(self, first: int, most: int, now_ms: int) -> tuple[int, int]:
        """How many records from a place on go into one answer, and their bytes."""
        there = min(most, self.count(now_ms) - first)
        if there <= 0:
            return 0, 0
        if self.shelf is not None:
            each = self.shelf.record_bytes
            taken = max(1, min(there, PAGE_BYTES // each))
            return taken, taken * each
        total = 0
        for taken, one in enumerate(self.puts[first : first + there]):
            if taken and total + one.size > PAGE_BYTES:
                return taken, total
            total += one.size
        return there, total

    def text(self, first: int, records: int) -> Body:
        """The JSON of records in a row, commas between."""
        if self.shelf is not None:
            return Body(self.shelf.text_bytes(records), self.shelf.text(first, records))
        return whole(b",".join([one.text for one in self.puts[first : first + records]]))

    def note(self, first: int, records: int) -> None:
        """Keep in mind that an answer took these along."""
        last = first + records - 1
        apart = [run for run in self.served if run[1] < first - 1 or run[0] > last + 1]
        met = [run for run in self.served if run[1] >= first - 1 and run[0] <= last + 1]
        low, high = min([first, *(run[0] for run in met)]), max([last, *(run[1] for run in met)])
        self.served = sorted([*apart, (low, high)])

    # --- quota ----------------------------------------------------------------------------

    def refuses(self, now_ms: int) -> bool:
        """Whether a call now is one too many; if not, it is counted."""
        since = now_ms - WINDOW_MS
        self.calls_ms = [at for at in self.calls_ms if at > since]
        self.sizes = [(at, size) for at, size in self.sizes if at > since]
        over = sum(size for _, size in self.sizes) > BYTES
        if len(self.calls_ms) >= CALLS or over or now_ms < self.closed_until_ms:
            return True
        self.calls_ms.append(now_ms)
        return False

    def charge(self, size: int, now_ms: int) -> None:
        """Count the bytes of an answer; one beyond a second's worth closes the shard a while."""
        self.sizes.append((now_ms, size))
        if size > BYTES:
            self.closed_until_ms = now_ms + size * 1000 // BYTES


def made_shard(
    number: int,
    hash_range: tuple[int, int],
    began_ms: int,
    *,
    parents: tuple[str, ...] = (),
    load: Load | None = None,
    generation: int = 0,
) -> Shard:
    """A shard, of made records where there is a load."""
    shard = Shard(number, hash_range, began_ms, parents)
    if load is not None:
        shard.shelf = Shelf(load, generation, number, began_ms, shard.base)
    return shard
