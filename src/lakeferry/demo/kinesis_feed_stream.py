"""One stream of the feed: shards and lineage, iterators, pages, retention, and the truth of it all.

Behaves as Kinesis does, its traps among it: a number that retention took gives the head without a
word, the last number of a closed shard is refused, an empty page is no end.

Source: Kinesis Data Streams API Reference 2013-12-02.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import md5
from itertools import chain, pairwise
from typing import Any

import orjson

from lakeferry.demo.kinesis_feed_load import Load
from lakeferry.demo.kinesis_feed_shard import Body, Shard, made_shard
from lakeferry.ingest.kinesis.aggregate import HIGHEST_HASH

ACCOUNT = "000000000000"
HOUR_MS = 3_600_000
TOKEN_MS = 300_000  # how long a page of ListShards may be followed


class Fault(Exception):
    """What an answer other than 200 says."""

    def __init__(self, kind: str, message: str, status: int = 400) -> None:
        super().__init__(kind, message, status)
        self.kind, self.message, self.status = kind, message, status


@dataclass(frozen=True, slots=True)
class ShardTruth:
    """What a shard holds and what was taken from it; places count from 0."""

    shard_id: str
    parents: tuple[str, ...]
    first: int  # the oldest that retention left
    due: int  # records that have arrived so far: places below this
    served: tuple[tuple[int, int], ...]  # runs, first and last, both within
    closed: bool


@dataclass
class Stream:
    """Mutable; guarded by the lock of its feed. `now_ms`: the service's time."""

    name: str
    region: str
    now_ms: Callable[[], int]
    generation: int = 0  # how many of this name there were before
    load: Load | None = None  # None: it has what is put
    retention_hours: int = 24
    iterator_ms: int = 300_000  # how long an iterator lives
    quota: bool = True  # 5 calls and 2 MB a second and shard
    max_record_bytes: int = 1 << 20
    horizon_ms: int = 0  # retention took what arrived before this, however short it was
    shards: list[Shard] = field(default_factory=list)
    created_ms: int = 0
    _asked: int = 0

    def begin(self, shards: int) -> None:
        """Open so many shards of equal parts."""
        self.created_ms = self.now_ms()
        edges = [(HIGHEST_HASH + 1) * at // shards for at in range(shards + 1)]
        for first, end in pairwise(edges):
            self._open((first, end - 1), (), self.load)

    @property
    def arn(self) -> str:
        return f"arn:aws:kinesis:{self.region}:{ACCOUNT}:stream/{self.name}"

    @property
    def stream_id(self) -> str:
        """24 characters, of this stream alone."""
        seed = f"{self.name}/{self.generation}/{self.created_ms}".encode()
        return md5(seed, usedforsecurity=False).hexdigest()[:24]

    def open_shards(self) -> list[Shard]:
        found = [shard for shard in self.shards if shard.closed_ms is None]
        return sorted(found, key=lambda shard: shard.hash_range)

    def shard(self, shard_id: str) -> Shard:
        """Raises Fault."""
        for shard in self.shards:
            if shard.shard_id == shard_id and not self._gone(shard):
                return shard
        raise Fault(
            "ResourceNotFoundException",
            f"Shard {shard_id} in stream {self.name} under account {ACCOUNT} does not exist",
        )

    # --- lineage --------------------------------------------------------------------------

    def _open(
        self, hash_range: tuple[int, int], parents: tuple[Shard, ...], load: Load | None
    ) -> Shard:
        number = len(self.shards)
        names = tuple(one.shard_id for one in parents)
        began = max([self.now_ms(), *(one.began_ms + 1 for one in parents)])
        shard = made_shard(number, hash_range, began, parents=names, load=load,
                           generation=self.generation)  # fmt: skip
        self.shards.append(shard)
        for parent in parents:
            parent.children.append(shard)
        return shard

    def _close(self, shard: Shard) -> None:
        if shard.closed_ms is not None:
            raise Fault("ResourceInUseException", f"Shard {shard.shard_id} is not open")
        shard.closed_ms = self.now_ms()

    def split(self, shard_id: str, at: int | None = None, load: Load | None = None) -> list[str]:
        """Close a shard for two. `at`: the second's first hash key; None: in the middle.

        `load`: of each child; None: half the rate of the parent, without a backlog.
        """
        parent = self.shard(shard_id)
        first, last = parent.hash_range
        middle = (first + last + 1) // 2 if at is None else at
        if not first < middle <= last:
            raise Fault("InvalidArgumentException", f"NewStartingHashKey {middle} is not within")
        self._close(parent)
        own = load or _share(parent, 0.5)
        ranges = ((first, middle - 1), (middle, last))
        return [self._open(one, (parent,), own).shard_id for one in ranges]

    def merge(self, one_id: str, other_id: str, load: Load | None = None) -> str:
        """Close two neighbours for one."""
        one, other = self.shard(one_id), self.shard(other_id)
        low, high = sorted((one.hash_range, other.hash_range))
        if low[1] + 1 != high[0]:
            raise Fault(
                "InvalidArgumentException", f"Shards {one_id} and {other_id} are not adjacent"
            )
        self._close(one)
        self._close(other)
        halves = [half for half in (_share(one, 1), _share(other, 1)) if half]
        own = load
        if own is None and halves:
            own = replace(halves[0], rate=sum(half.rate for half in halves))
        return self._open((low[0], high[1]), (one, other), own).shard_id

    def resize(self, shards: int) -> None:
        """Double the open shards, or halve them; the service has no other way in one step."""
        now = self.open_shards()
        if shards == 2 * len(now):
            for shard in now:
                self.split(shard.shard_id)
        elif 2 * shards == len(now):
            for one, other in zip(now[::2], now[1::2], strict=True):
                self.merge(one.shard_id, other.shard_id)
        else:
            raise Fault("InvalidArgumentException", f"{len(now)} shards to {shards}: not by two")

    # --- retention ------------------------------------------------------------------------

    def horizon(self) -> int:
        return max(self.horizon_ms, self.now_ms() - self.retention_hours * HOUR_MS)

    def _gone(self, shard: Shard) -> bool:
        return shard.closed_ms is not None and shard.closed_ms < self.horizon()

    def _trim(self, shard: Shard) -> None:
        now, horizon = self.now_ms(), self.horizon()
        if shard.trimmed < shard.count(now) and shard.arrived_ms(shard.trimmed) < horizon:
            shard.trimmed = shard.place_at(horizon, now)

    # --- writing --------------------------------------------------------------------------

    def put(
        self, key: str, data: bytes, *, hash_key: str | None = None, arrived_ms: int | None = None
    ) -> tuple[str, str]:
        """Append a record where its key belongs; shard and sequence number. Raises Fault."""
        if not 1 <= len(key) <= 256:
            raise Fault("ValidationException", "PartitionKey must have 1 to 256 characters")
        if len(data) > self.max_record_bytes:
            raise Fault("ValidationException", f"Data is longer than {self.max_record_bytes}")
        digest = md5(key.encode(), usedforsecurity=False).digest()
        place = int(hash_key) if hash_key else int.from_bytes(digest, "big")
        for shard in self.open_shards():
            if shard.hash_range[0] <= place <= shard.hash_range[1]:
                return shard.shard_id, self.put_into(shard, key, data, arrived_ms)
        raise Fault("InvalidArgumentException", f"ExplicitHashKey {place} is of no shard")

    def put_into(self, shard: Shard, key: str, data: bytes, arrived_ms: int | None = None) -> str:
        """Append a record to this shard, wherever its key belongs."""
        if shard.shelf is not None or shard.closed_ms is not None:
            raise Fault("InvalidArgumentException", f"{shard.shard_id} takes no records")
        return shard.put(data, key, self.now_ms() if arrived_ms is None else arrived_ms)

    # --- reading --------------------------------------------------------------------------

    def iterator(
        self, shard_id: str, kind: str, number: str | None = None, at_ms: int | None = None
    ) -> str:
        """Where to read from. Raises Fault."""
        shard = self.shard(shard_id)
        self._trim(shard)
        now = self.now_ms()
        match kind:
            case "TRIM_HORIZON":
                place = shard.trimmed
            case "LATEST":
                place = shard.count(now)
            case "AT_TIMESTAMP" if at_ms is not None:
                if at_ms > now:
                    raise Fault("InvalidArgumentException", f"Timestamp {at_ms} is to come")
                place = shard.place_at(at_ms, now)
            case "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER" if number is not None:
                asked = self._number(shard, number)
                place = shard.place_of(asked + (kind == "AFTER_SEQUENCE_NUMBER"))
            case _:
                raise Fault("ValidationException", f"ShardIteratorType {kind} lacks its value")
        return self._token(shard, place)

    def _number(self, shard: Shard, number: str) -> int:
        asked, last = int(number), shard.last_number
        if last is not None and asked == last:
            raise Fault(
                "InvalidArgumentException",
                f"StartingSequenceNumber {number} used in GetShardIterator on shard "
                f"{shard.shard_id} reached max possible value for the shard",
            )
        if not shard.base <= asked < shard.base + 10**32:
            raise Fault(
                "InvalidArgumentException",
                f"StartingSequenceNumber {number} used in GetShardIterator on shard "
                f"{shard.shard_id} in stream {self.name} under account {ACCOUNT} is invalid "
                "because it did not come from this stream.",
            )
        return asked

    def _token(self, shard: Shard, place: int) -> str:
        self._asked += 1
        inner = [self.stream_id, shard.number, place, self.now_ms(), self._asked, "." * 80]
        return b64encode(orjson.dumps(inner)).decode()

    def place(self, iterator: str) -> tuple[Shard, int]:
        """What an iterator means. Raises Fault."""
        _, number, place, made_ms, *_ = opened(iterator)
        late = self.now_ms() - made_ms
        if late > self.iterator_ms:
            raise Fault(
                "ExpiredIteratorException",
                f"Iterator expired. The iterator was created {late} ms ago, which is further than "
                f"the tolerated delay of {self.iterator_ms} milliseconds.",
            )
        shard = self.shards[number]
        if self._gone(shard):
            raise Fault("ResourceNotFoundException", f"Shard {shard.shard_id} does not exist")
        self._trim(shard)
        return shard, max(place, shard.trimmed)

    def page(self, shard: Shard, place: int, most: int) -> Body:
        """The answer to GetRecords. Raises Fault where the quota is used up."""
        now = self.now_ms()
        if self.quota and shard.refuses(now):
            raise Fault(
                "ProvisionedThroughputExceededException",
                f"Rate exceeded for shard {shard.shard_id} in stream {self.name} under account "
                f"{ACCOUNT}.",
            )
        taken, size = shard.fitting(place, most, now)
        shard.charge(size, now)
        after, count = place + taken, shard.count(now)
        if taken:
            shard.note(place, taken)
        left: dict[str, Any] = {"MillisBehindLatest": 0}
        if after < count:
            left["MillisBehindLatest"] = max(1, now - shard.arrived_ms(after))
        if shard.closed_ms is not None and after >= count:
            left["NextShardIterator"] = None
            left["ChildShards"] = [_child(one) for one in shard.children]
        else:
            left["NextShardIterator"] = self._token(shard, after)
        begin, end = b'{"Records":[', b"]," + orjson.dumps(left)[1:]
        text = shard.text(place, taken)
        return Body(len(begin) + text.size + len(end), chain((begin,), text.pieces, (end,)))

    def truth(self) -> Mapping[str, ShardTruth]:
        """Of each shard that ever was, those that retention took among them."""
        now = self.now_ms()
        found = {}
        for shard in self.shards:
            self._trim(shard)
            found[shard.shard_id] = ShardTruth(
                shard.shard_id, shard.parents, shard.trimmed, shard.count(now),
                tuple(shard.served), shard.closed_ms is not None,
            )  # fmt: skip
        return found

    # --- listing --------------------------------------------------------------------------

    def listed(self, kind: str, at_ms: int | None = None, after: str = "") -> list[Shard]:
        """The shards that a ShardFilter lets through, by id."""
        horizon = self.horizon()
        there = [shard for shard in self.shards if not self._gone(shard)]
        match kind:
            case "AFTER_SHARD_ID":
                return [shard for shard in there if shard.shard_id > after]
            case "AT_LATEST":
                return [shard for shard in there if shard.closed_ms is None]
            case "AT_TRIM_HORIZON" | "AT_TIMESTAMP":
                at = max(self.created_ms, horizon if at_ms is None else at_ms)
                return [one for one in there if one.began_ms <= at <= (one.closed_ms or at)]
            case "FROM_TIMESTAMP" if at_ms is not None:
                return [one for one in there if (one.closed_ms or at_ms) >= at_ms]
            case _:
                return there


def opened(iterator: str) -> list[Any]:
    """What stands in an iterator: id of the stream, shard, place, when, which. Raises Fault."""
    try:
        inner = orjson.loads(b64decode(iterator, validate=True))
    except ValueError as error:
        raise Fault("InvalidArgumentException", "Invalid ShardIterator.") from error
    return list(inner)


def _share(shard: Shard, part: float) -> Load | None:
    if shard.shelf is None:
        return None
    load = shard.shelf.load
    return replace(load, backlog=0, rate=load.rate * part, most=None)


def _child(shard: Shard) -> dict[str, Any]:
    return {
        "ShardId": shard.shard_id,
        "ParentShards": list(shard.parents),
        "HashKeyRange": hash_keys(shard),
    }


def hash_keys(shard: Shard) -> dict[str, str]:
    """As the service writes them."""
    first, last = shard.hash_range
    return {"StartingHashKey": str(first), "EndingHashKey": str(last)}
