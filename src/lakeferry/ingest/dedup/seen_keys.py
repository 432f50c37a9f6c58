"""A set of hashed keys, each with a bucket of time: eight bytes a key, tens of millions of them.

Keys lie sorted in one array that is cut into 2**20 parts by the first bits of a key, which so need
no room; the word that is kept has 56 more bits of it and the bucket. New keys are moved into the
array in place, so that no second one is needed. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
Parts = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

RING = 256  # buckets that a word can tell apart
PART_BITS = 20
REST_BITS = 12
_PARTS = 1 << PART_BITS
_BUCKET = np.uint64(RING - 1)
_BLOCK = 1 << 16  # words that are moved at once: 512 KiB, which a core's cache holds


@dataclass(frozen=True, slots=True)
class Keys:
    """Hashed keys: arrays of equal length."""

    parts: Parts  # 0 .. 2**20 - 1
    words: Words  # 56 bits of the key, 8 of its bucket

    def __len__(self) -> int:
        return len(self.parts)

    def at(self, places: Places | Mask | slice) -> "Keys":
        return Keys(self.parts[places], self.words[places])

    @property
    def short(self) -> Words:
        """All of the part and 44 bits of the word in one number."""
        return (self.parts.astype(np.uint64) << np.uint64(44)) | (self.words >> np.uint64(20))

    @property
    def rest(self) -> Places:
        """The bits of the key that its short number lacks."""
        return ((self.words >> np.uint64(8)) & np.uint64((1 << REST_BITS) - 1)).astype(np.int64)

    def sorted(self) -> "Keys":
        """By part and word; keys that agree in their short number may lie in wrong order."""
        return self.at(np.argsort(self.short))


def keys_of(chain: Words, total: Words, buckets: Places) -> Keys:
    """Keys in the order of their rows.

    Args:
        chain: the number whose first 56 bits are kept.
        total: the number whose first 20 bits are the part.
        buckets: of time.
    """
    ring = (buckets & (RING - 1)).astype(np.uint64)
    parts = (total >> np.uint64(64 - PART_BITS)).astype(np.int32)
    return Keys(parts, (chain & ~_BUCKET) | ring)


def joined(some: Sequence[Keys]) -> Keys:
    """All of them, one after the other."""
    if not some:
        return Keys(np.zeros(0, np.int32), np.zeros(0, np.uint64))
    parts = np.concatenate([one.parts for one in some])
    return Keys(parts, np.concatenate([one.words for one in some]))


class SeenKeys:
    """Keys that are looked up many at once, added, and let go by the age of their bucket."""

    def __init__(self) -> None:
        self._words: Words = np.zeros(0, np.uint64)
        self._starts: npt.NDArray[np.int32] = np.zeros(_PARTS + 1, np.int32)
        self._steps = 0  # of a search in the fullest part

    def __len__(self) -> int:
        return len(self._words)

    def find(self, keys: Keys, buckets: Places, reach: int) -> Mask:
        """Which keys are there in a bucket at most `reach` away from their own."""
        found = np.zeros(len(keys), np.bool_)
        if not len(self) or not len(keys):
            return found
        at = self._lower(keys)
        ends = self._starts[keys.parts + 1]
        rows = np.flatnonzero(at < ends)
        # A key that came again after its window lies there twice.
        while len(rows):
            there = self._words[at[rows]]
            same = (there ^ keys.words[rows]) <= _BUCKET
            rows, there = rows[same], there[same]
            age = (buckets[rows] - (there & _BUCKET).astype(np.int64)) & (RING - 1)
            found[rows[(age <= reach) | (age >= RING - reach)]] = True
            at[rows] += 1
            rows = rows[at[rows] < ends[rows]]
        return found

    def _lower(self, keys: Keys) -> Places:
        """The place of the first word that is not below each key: of its part, or at its end."""
        low = self._starts[keys.parts].astype(np.int64)
        size = self._starts[keys.parts + 1] - low
        wanted = keys.words & ~_BUCKET
        # Of `size` words from `low` on, one of them or the next is sought; a half goes each step.
        for _ in range(self._steps):
            half = (size + 1) >> 1
            last = np.maximum(low + half, 1) - 1
            below = self._words.take(last) < wanted
            below &= size > 0
            low += half * below
            size -= half
        return low

    def add(self, keys: Keys) -> None:
        """Take in keys that are sorted, whether or not they are there already."""
        more = len(keys)
        if not more:
            return
        end = len(self)
        places = np.zeros(more, np.int32)
        for first in range(0, more if end else 0, _BLOCK):
            some = slice(first, first + _BLOCK)
            places[some] = self._lower(keys.at(some))
        self._words.resize(end + more, refcheck=False)
        last = more
        # From the end on, so that nothing is overwritten that was not moved yet.
        while last:
            begin = max(0, end - _BLOCK)
            first = int(np.searchsorted(places[:last], begin)) if begin else 0
            new = places[first:last] - begin + np.arange(last - first)
            merged = np.empty(end - begin + last - first, np.uint64)
            is_old = np.ones(len(merged), np.bool_)
            is_old[new] = False
            merged[new] = keys.words[first:last]
            merged[is_old] = self._words[begin:end]
            self._words[begin + first : end + last] = merged
            end, last = begin, first
        counts = np.bincount(keys.parts, minlength=_PARTS)
        self._starts[1:] += np.cumsum(counts, dtype=np.int32)
        self._measure()

    def drop(self, oldest: int, dead: int) -> None:
        """Let keys go whose bucket is one of the `dead` that lie before `oldest`.

        Buckets are known only up to RING: one that is older than that is taken for a newer one.
        """
        kept = 0
        starts = self._starts.copy()
        for begin in range(0, len(self), _BLOCK):
            block = self._words[begin : begin + _BLOCK]
            before_oldest = (oldest - (block & _BUCKET).astype(np.int64)) & (RING - 1)
            alive = (before_oldest == 0) | (before_oldest > dead)
            first, last = np.searchsorted(self._starts, [begin, begin + len(block)])
            before = np.concatenate([[0], np.cumsum(alive)])
            starts[first:last] = kept + before[self._starts[first:last] - begin]
            left = block[alive]
            self._words[kept : kept + len(left)] = left
            kept += len(left)
        starts[self._starts == len(self)] = kept
        self._starts = starts
        self._words.resize(kept, refcheck=False)
        self._measure()

    def take_all(self) -> Keys:
        """The keys, sorted; none is left."""
        parts = np.repeat(np.arange(_PARTS, dtype=np.int32), np.diff(self._starts))
        keys = Keys(parts, self._words)
        self._words, self._starts = np.zeros(0, np.uint64), np.zeros_like(self._starts)
        self._steps = 0
        return keys

    def _measure(self) -> None:
        self._steps = int(np.diff(self._starts).max()).bit_length()
