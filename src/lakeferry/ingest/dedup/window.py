"""Which rows bring a key for the first time within a window of time. Pure.

A window belongs to one worker. What it promises: of two rows of one key that this worker reads and
whose arrivals lie within the window, the second is left out. A producer that sends again after a
timeout uses the same partition key, so the same shard and the same worker. It does not see rows
that other workers read: a key that comes by two shards is found only where both have one worker.

Nothing of it is kept beside the table. A worker that begins, or is given a child of a shard that
another one read, takes the keys of the table's newest rows (`seen_before`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lakeferry.ingest.dedup.key_hash import has_whole_key, key_hashes, refuse_unfit, seeds
from lakeferry.ingest.dedup.seen_keys import (
    REST_BITS,
    RING,
    Keys,
    Places,
    SeenKeys,
    joined,
    keys_of,
)
from lakeferry.ingest.settings import DedupSettings

# Records of one aggregate share a number: where it is part of the key, so is the place among them.
_WITHIN: Final = {
    "sequenceNumber": "subSequenceNumber",
    "_sequenceNumber": "_subSequenceNumber",
}
REACH: Final = 20  # buckets that make a window
_DEAD = REACH  # buckets that are let go at once
_MOST_BUCKETS = RING - REACH - _DEAD - 2  # of time that are held, however far shards are apart
_YOUNG_SHARE = 16  # of the old keys, so large a part is moved to them at once


@dataclass(frozen=True, slots=True)
class Steps:
    """How many keys are gathered before they are moved."""

    tail: int = 1 << 17  # from the dictionary of the newest to the young ones
    young: int = 1 << 18  # from these to the old ones, at least


def key_columns(asked: Sequence[str], there: Sequence[str]) -> tuple[str, ...]:
    """All columns of the key, of those that are there; a place in no aggregate is a value, too."""
    more = [_WITHIN[one] for one in asked if one in _WITHIN]
    return (*asked, *(one for one in more if one in there and one not in asked))


class Window:
    """The keys of the rows that came within the window. Not safe across threads.

    A row is left out if a row of its key was kept that arrived at most the window before or after
    it; up to a twentieth of the window more may count as within it. Time is the arrival at Kinesis,
    never a clock of ours. Rows that were left out do not prolong the window of their key. A row
    with a null in its key is always kept, but for the place in an aggregate (`key_columns`).

    Keys are kept as hashes of 76 bits by seeds of the moment, eight bytes each. That a row is left
    out for a key that is not its own has odds of n / 2**76, n the keys within the window: with
    35 million of them and 57,870 rows a second, once in 1,200 years.
    """

    def __init__(
        self,
        settings: DedupSettings,
        random: np.random.Generator | None = None,
        steps: Steps = Steps(),
    ) -> None:
        self._steps = steps
        self._columns = settings.columns
        self._bucket_ms = max(1, -(-settings.window_s * 1000 // REACH))
        most = len(settings.columns) + len(_WITHIN)
        self._seeds = seeds(most, random or np.random.default_rng())
        self._old, self._young = SeenKeys(), SeenKeys()
        self._tail: dict[int, int] = {}  # short number of a key -> its bucket, and its rest
        self._waiting: list[Keys] = []  # the keys of the tail
        self._newest: int | None = None  # bucket that a row was of
        self._held: int | None = None  # bucket of the slowest shard
        self._oldest: int | None = None  # bucket whose keys are held

    def __len__(self) -> int:
        """Keys that are held; some may be older than the window."""
        return len(self._old) + len(self._young) + len(self._tail)

    def since_ms(self, arrival_ms: int) -> int:
        """The earliest arrival of a row whose double may arrive at `arrival_ms`."""
        return (arrival_ms // self._bucket_ms - REACH) * self._bucket_ms

    def hold(self, read_until_ms: int) -> None:
        """The slowest shard stands here: what is within a window of it is not let go.

        Without it the newest arrival decides, and a shard that lags by more than a window behind
        another one finds no doubles. Held are at most ten windows.
        """
        self._held = read_until_ms // self._bucket_ms

    def fresh(self, table: pa.Table, arrivals_ms: npt.ArrayLike) -> pa.BooleanArray:
        """Which rows are to be kept, in their order; their keys are seen from now on.

        Args:
            table: rows in the order in which they came; has the columns of the key.
            arrivals_ms: of each row at Kinesis, since the epoch.

        A page of thousands of rows costs less a row than one of a few.

        Raises:
            FerryError: LF-7081 for a column that cannot be a key.
        """
        refuse_unfit(table.schema, self._columns)
        kept = np.ones(table.num_rows, np.bool_)
        if not table.num_rows:
            return pa.array(kept)
        buckets = np.asarray(arrivals_ms, np.int64) // self._bucket_ms
        self._advance(int(buckets.max()))
        # What came too late to be known, and rows without a key, are kept and not remembered.
        told = [one for one in self._columns if one not in _WITHIN.values()]
        asked = has_whole_key(table, told) & (buckets >= (self._oldest or 0))
        columns = key_columns(self._columns, table.column_names)
        keys = keys_of(*key_hashes(table, columns, self._seeds), buckets)
        seen = self._old.find(keys, buckets, REACH) | self._young.find(keys, buckets, REACH)
        rows = np.flatnonzero(asked & ~seen)
        new = self._first(keys.at(rows), buckets[rows])
        kept[asked] = False
        kept[rows[new]] = True
        self._waiting.append(keys.at(rows[new]))
        if len(self._tail) >= self._steps.tail:
            self._move()
        return pa.array(kept)

    def _first(self, keys: Keys, buckets: Places) -> Places:
        """Places of the keys that are not in the tail, which are in it from now on."""
        tail, numbers = self._tail, keys.short.tolist()
        told = ((buckets << REST_BITS) | keys.rest).tolist()
        all_new = dict(zip(numbers, told, strict=True))
        if len(all_new) == len(numbers) and tail.keys().isdisjoint(all_new):
            tail |= all_new
            return np.arange(len(numbers))
        new = []
        for place, (number, one) in enumerate(zip(numbers, told, strict=True)):
            before = tail.get(number)
            if before is None or not _is_double(before, one):
                tail[number] = one
                new.append(place)
        return np.array(new, np.int64)

    def _move(self) -> None:
        """The tail becomes part of the young keys, and these in time of the old."""
        self._young.add(joined(self._waiting).sorted())
        self._waiting, self._tail = [], {}
        if len(self._young) > max(self._steps.young, len(self._old) // _YOUNG_SHARE):
            self._old.add(self._young.take_all())

    def _advance(self, bucket: int) -> None:
        """Let go what no row can be a double of, now that a row of this bucket came."""
        self._newest = max(bucket, self._newest or bucket)
        slowest = self._newest if self._held is None else min(self._held, self._newest)
        oldest = max(slowest, self._newest - _MOST_BUCKETS) - REACH
        if self._oldest is None:
            self._oldest = oldest
        if oldest <= self._oldest:
            return
        self._move()
        while self._oldest < oldest and len(self):
            self._oldest = min(oldest, self._oldest + _DEAD)
            self._young.drop(self._oldest, _DEAD)
            self._old.drop(self._oldest, _DEAD)
        self._oldest = oldest


def _is_double(before: int, one: int) -> bool:
    """Of two keys with one short number: whether the rest is equal, too, and the time near."""
    same = not (before ^ one) & ((1 << REST_BITS) - 1)
    return same and abs((before >> REST_BITS) - (one >> REST_BITS)) <= REACH
