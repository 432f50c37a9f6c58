"""What the coordinator knows of its workers: what they read and have not brought, how much each."""

from dataclasses import dataclass
from time import monotonic

from lakeferry.ingest.crew.assign import Load
from lakeferry.ingest.crew.due import Pending
from lakeferry.ingest.worker.messages import Batch, Counts, Told

RATE_S = 10.0


@dataclass(slots=True)
class _Hand:
    told_s: float  # when it spoke last
    told: Counts
    asked: int  # records that it had told of when the last flush was asked for
    landed: int  # records of its batches
    shards: set[str]
    mark_s: float  # when `mark` was taken: rates count from there
    mark: Counts
    bytes_per_s: float = 0.0


class Hands:
    """All workers of one crew. For one thread; times are of `monotonic`."""

    def __init__(self, count: int) -> None:
        now = monotonic()
        self._hands = [_Hand(now, Counts(), 0, 0, set(), now, Counts()) for _ in range(count)]
        self._last_flush_s = now
        self._since_s: float | None = None
        self._ended_since_s: float | None = None
        self._filled = False

    # --- what they said -----------------------------------------------------------------------

    def told(self, worker: int, told: Told) -> None:
        """A worker said how it is doing."""
        hand, now = self._hands[worker], monotonic()
        if told.counts.records > max(hand.asked, hand.landed) and self._since_s is None:
            # Its first record came after it spoke before.
            self._since_s = max(self._last_flush_s, hand.told_s)
        if self._ended_since_s is None and any(one.ended for one in told.lags.values()):
            self._ended_since_s = now
        hand.told_s, hand.told = now, told.counts
        if now - hand.mark_s >= RATE_S:
            hand.bytes_per_s = (told.counts.bytes_in - hand.mark.bytes_in) / (now - hand.mark_s)
            hand.mark_s, hand.mark = now, told.counts

    def filled(self) -> None:
        """An open file has its size."""
        self._filled = True

    def landed(self, worker: int, batch: Batch) -> None:
        """A worker's batch came; once no flush is open, it is known what is not flushed."""
        self._hands[worker].landed += batch.counts.records

    def flushed(self) -> None:
        """A flush was asked for of all of them."""
        self._last_flush_s = monotonic()
        self._since_s = self._ended_since_s = None
        self._filled = False
        for hand in self._hands:
            hand.asked = hand.told.records

    def pending(self, in_flight: int) -> Pending:
        """What lies between the last flush and now."""
        if not in_flight and self._since_s is not None and not self.holds_records:
            self._since_s = None  # they were read just before the flush, which brought them
        return Pending(
            self._last_flush_s, self._since_s, self._ended_since_s, self._filled, in_flight
        )

    @property
    def holds_records(self) -> bool:
        """Whether they told of records that no batch brought yet."""
        return any(hand.told.records > hand.landed for hand in self._hands)

    @property
    def records(self) -> int:
        """Of Kinesis, that they have written into files since they began, as far as they told."""
        return sum(max(hand.told.records, hand.landed) for hand in self._hands)

    # --- who reads what -----------------------------------------------------------------------

    def give(self, worker: int, shards: tuple[str, ...]) -> None:
        self._hands[worker].shards.update(shards)

    def take(self, shard_id: str) -> None:
        """A shard was read to its end, and that is committed."""
        for hand in self._hands:
            hand.shards.discard(shard_id)

    @property
    def shards(self) -> frozenset[str]:
        """That are read now."""
        return frozenset().union(*(hand.shards for hand in self._hands))

    @property
    def loads(self) -> tuple[Load, ...]:
        return tuple(Load(len(hand.shards), hand.bytes_per_s) for hand in self._hands)
