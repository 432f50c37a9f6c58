"""A stream and a reader of it, in memory, for laws that hold for any lineage and any progress."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lakeferry.ingest.crew.gone import forgettable, losses
from lakeferry.ingest.crew.joining import next_state
from lakeferry.ingest.crew.loss import accepted
from lakeferry.ingest.kinesis.lineage import (
    Shard,
    first_missed,
    first_positions,
    older_missed,
    readable,
)
from lakeferry.ingest.position.state import (
    After,
    Ended,
    FromTime,
    FromTrimHorizon,
    IngestState,
    Missed,
    Position,
    Span,
    StreamIdentity,
)
from lakeferry.ingest.position.text import parse_state, state_text

LAST = 2**16 - 1  # the hash keys of this stream: 0 to LAST
BITS = 16


@dataclass
class Stream:
    """Shards with their records. Time is the number of what happened so far."""

    shards: dict[str, Shard] = field(default_factory=dict)
    records: dict[str, list[int]] = field(default_factory=dict)  # time and number of each
    keys: dict[int, int] = field(default_factory=dict)  # record -> its hash key
    unlisted: set[str] = field(default_factory=set)
    left_out: int = 0  # by listings of now: the bit of each shard
    now: int = 0

    def add(self, parents: tuple[str, ...], hash_range: tuple[int, int]) -> None:
        name = f"shardId-{len(self.shards):012}"
        self.shards[name] = Shard(name, parents, hash_range)
        self.records[name] = []

    def open(self) -> list[Shard]:
        alive = [shard for shard in self.shards.values() if not shard.closed]
        return sorted(alive, key=lambda shard: shard.hash_range)

    def put(self, key: int) -> None:
        (home,) = (one for one in self.open() if one.hash_range[0] <= key <= one.hash_range[1])
        self.now += 1
        self.records[home.shard_id].append(self.now)
        self.keys[self.now] = key

    def split(self, choice: int) -> None:
        shard = self.open()[choice % len(self.open())]
        first, last = shard.hash_range
        if first < last:
            self._close(shard)
            middle = (first + last) // 2
            self.add((shard.shard_id,), (first, middle))
            self.add((shard.shard_id,), (middle + 1, last))

    def merge(self, choice: int) -> None:
        alive = self.open()
        if len(alive) > 1:
            one, other = (alive[choice % (len(alive) - 1) + step] for step in (0, 1))
            self._close(one)
            self._close(other)
            self.add((one.shard_id, other.shard_id), (one.hash_range[0], other.hash_range[1]))

    def _close(self, shard: Shard) -> None:
        self.now += 1
        self.shards[shard.shard_id] = Shard(shard.shard_id, shard.parents, shard.hash_range, True)

    def children(self, name: str) -> tuple[str, ...]:
        return tuple(one.shard_id for one in self.shards.values() if name in one.parents)

    def listed(self) -> dict[str, Shard]:
        return {
            name: one
            for place, (name, one) in enumerate(self.shards.items())
            if name not in self.unlisted and not self.left_out >> place % BITS & 1
        }


@dataclass
class Reader:
    """Reads a stream as an ingest does: in memory ahead, in the table behind, and it may crash."""

    stream: Stream
    state: IngestState
    began: int  # the time then
    read: dict[str, Span] = field(default_factory=dict)  # not committed yet
    held: dict[str, list[int]] = field(default_factory=dict)  # the records of those
    rows: list[int] = field(default_factory=list)  # in the table
    history: list[IngestState] = field(default_factory=list)  # of each commit
    ended: set[str] = field(default_factory=set)  # shards whose end is in the table, or was
    late: bool = False  # a shard was given up, so children may be read before it
    noted: dict[str, Missed] = field(default_factory=dict)  # not committed yet

    @classmethod
    def begin(cls, stream: Stream, place: FromTrimHorizon | FromTime) -> "Reader":
        listed = stream.listed()
        first = first_positions(listed, place, stream.now)
        missed = first_missed(listed, place, stream.now)
        state = IngestState(0, StreamIdentity("s"), first, missed=missed)
        return cls(stream, state, stream.now, history=[state], late=bool(missed))

    @property
    def committed(self) -> Mapping[str, Position]:
        return self.state.shards

    @property
    def missed(self) -> Mapping[str, Missed]:
        return {**self.noted, **self.state.missed}

    def step(self, choice: int, most: int) -> bool:
        """Read up to some records of one shard that may be read. False: there is nothing new."""
        ready = list(readable(self.stream.listed(), self.committed, self.missed).items())
        for offset in range(len(ready)):
            name, place = ready[(choice + offset) % len(ready)]
            if self._read(name, place, most):
                return True
        return False

    def _read(self, name: str, place: Position, most: int) -> bool:
        assert self.late or self.ended.issuperset(self.stream.shards[name].parents)
        begun = self.committed.keys() | self.read.keys()
        self.noted |= older_missed(self.stream.listed(), begun, self.missed, [name])
        before = self.read.get(name) or Span(name, place, place, 0)
        at = before.ends
        if isinstance(at, Ended):
            return False
        left = [one for one in self.stream.records[name] if is_behind(one, at)]
        took = left[:most]
        count = (at.records if isinstance(at, After) else 0) + len(took)
        ends: Position = After(str(took[-1]), took[-1], count) if took else at
        if len(took) == len(left) and self.stream.shards[name].closed:
            ends = Ended(self.stream.now, self.stream.children(name), count)
        if ends == at:
            return False
        first = before.first or (str(took[0]) if took else None)
        self.read[name] = Span(name, before.begins, ends, before.records + len(took), first)
        self.held.setdefault(name, []).extend(took)
        return True

    def commit(self) -> None:
        before = replace(self.state, missed=self.missed)
        self.state = next_state(before, tuple(self.read.values()), self.stream.listed())
        self.history.append(self.state)
        self.ended |= {one for one, span in self.read.items() if isinstance(span.ends, Ended)}
        for name in sorted(self.held):
            self.rows += self.held[name]
        self.read, self.held, self.noted = {}, {}, {}

    def crash(self) -> None:
        self.read, self.held, self.noted = {}, {}, {}
        self.state = parse_state(state_text(self.state), "the table")

    def give_up(self) -> None:
        """Accept that all is lost that the listing of now lacks."""
        self.crash()
        listed = self.stream.listed()
        found = losses(listed, self.committed, 0, self.state.missed)
        gone = [gap for gap in found if gap.shard_id not in listed]
        if gone:
            self.late = True
            self.state = accepted(self.state, gone, listed, now_ms=self.stream.now)
            self.history.append(self.state)

    def retention(self, choice: int) -> None:
        """The stream stops to list an oldest shard; the reader forgets what it may."""
        done = [one for one, place in self.state.places.items() if isinstance(place, Ended)]
        if done:
            name = sorted(done)[choice % len(done)]
            if all(one in self.stream.unlisted for one in self.stream.shards[name].parents):
                self.stream.unlisted.add(name)
        # What a listing leaves out is not out of retention.
        there = self.committed.keys() - self.stream.unlisted
        gone = forgettable(self.stream.listed(), self.committed, ended_now=there)
        gone = frozenset() if self.state.missed else gone
        kept = {name: place for name, place in self.committed.items() if name not in gone}
        self.state = replace(self.state, shards=kept)

    def drain(self) -> None:
        """Read and commit until nothing is left, by listings that are whole."""
        self.stream.left_out = 0
        while self.step(0, 10**6) or self.read:
            self.commit()


def is_behind(record: int, place: Position) -> bool:
    """Whether a shard gives this record to one who stands there."""
    match place:
        case After(number):
            return record > int(number)
        case FromTime(at_ms):
            return record >= at_ms
        case _:
            return True
