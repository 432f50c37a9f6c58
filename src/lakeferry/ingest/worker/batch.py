"""What a worker read since its last batch, shard by shard: the spans of the batch to come."""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lakeferry.ingest.payload.rows import Bad
from lakeferry.ingest.position.state import After, Ended, Position, Span
from lakeferry.ingest.worker.inbox import Fetched
from lakeferry.ingest.worker.messages import Counts, RowKey, ShardStart

WINDOW = 100_000  # records, of which a part may be bad


@dataclass(slots=True)
class Progress:
    """The shards that a worker reads: from where to where since the last batch. Parsed pages only,
    so that it never is ahead of the files.
    """

    _begun: dict[str, Position] = field(default_factory=dict)
    _ends: dict[str, Position] = field(default_factory=dict)
    _records: dict[str, int] = field(default_factory=dict)
    _first: dict[str, str] = field(default_factory=dict)
    newest_ms: int | None = None  # arrivals since the last batch
    oldest_ms: int | None = None

    def begin(self, start: ShardStart) -> None:
        self._begun[start.shard_id] = self._ends[start.shard_id] = start.place

    def advance(self, page: Fetched) -> None:
        """A page is in the files, all of it.

        Raises:
            RuntimeError: it does not follow the page before, so records would be lost or doubled.
        """
        shard_id = page.shard_id
        if page.begins != self._ends[shard_id]:
            stands = self._ends[shard_id]
            raise RuntimeError(f"{shard_id}: a page from {page.begins} on follows {stands}")
        self._ends[shard_id] = page.ends
        if not page.records:
            return
        self._records[shard_id] = self._records.get(shard_id, 0) + len(page.records)
        self._first.setdefault(shard_id, page.records[0].sequence_number)
        # Arrivals rise but for a few; of a page its ends are looked at.
        one, other = page.records[0].arrival_ms, page.records[-1].arrival_ms
        oldest, newest = min(one, other), max(one, other)
        self.oldest_ms = oldest if self.oldest_ms is None else min(oldest, self.oldest_ms)
        self.newest_ms = newest if self.newest_ms is None else max(newest, self.newest_ms)

    def cut(self) -> tuple[Span, ...]:
        """The spans up to here, in the order of shard ids; the next ones begin where these end.

        A shard that was read to its end is in this batch for the last time.
        """
        spans = tuple(
            Span(
                shard_id,
                self._begun[shard_id],
                ends,
                self._records.get(shard_id, 0),
                self._first.get(shard_id),
            )
            for shard_id, ends in sorted(self._ends.items())
        )
        self._ends = {span.shard_id: span.ends for span in spans if not _is_over(span)}
        self._begun = dict(self._ends)
        self._records, self._first = {}, {}
        self.newest_ms = self.oldest_ms = None
        return spans

    @property
    def shards(self) -> Mapping[str, Position]:
        """Where each shard stands, as far as it is in the files."""
        return self._ends

    @property
    def read_until_ms(self) -> int:
        """Up to when all shards are read that have not ended; 0 where there is none."""
        open_ones = [one for one in self._ends.values() if not isinstance(one, Ended)]
        return min((one.read_until_ms for one in open_ones), default=0)


def _is_over(span: Span) -> bool:
    return isinstance(span.ends, Ended)


class BadRatio:
    """How many of the last records were bad."""

    def __init__(self, most: float) -> None:
        self._most = most
        self._pages: deque[tuple[int, int]] = deque()  # records and bad ones of each
        self.records = self.bad = 0  # of the window

    def add(self, records: int, bad: int) -> bool:
        """Count a page; whether too many are bad. Fewer records than the window's are not judged
        by their ratio: as many bad ones as a whole window may have are too many of them, too.
        """
        self._pages.append((records, bad))
        self.records += records
        self.bad += bad
        while self.records - self._pages[0][0] >= WINDOW:
            old, was_bad = self._pages.popleft()
            self.records -= old
            self.bad -= was_bad
        return self.bad > self._most * max(WINDOW, self.records)


def unknown_to(place: Position | None, known: Collection[RowKey] | None, bad: Bad) -> Bad:
    """The bad rows that a quarantine table does not have yet.

    Args:
        place: where it stands.
        known: those that it has beyond where the other table stands; None: all up to its place.
    """
    if known is not None:
        keys = zip(bad.rows.sequence_numbers, bad.rows.sub_sequences, strict=True)
        return _at(bad, [at for at, key in enumerate(keys) if key not in known]) if known else bad
    if isinstance(place, Ended):
        return Bad(bad.rows.at(()), ())
    if not isinstance(place, After) or not bad.faults:
        return bad
    last = int(place.sequence_number)
    numbers = bad.rows.sequence_numbers
    return _at(bad, [at for at in range(len(numbers)) if int(numbers[at]) > last])


def _at(bad: Bad, places: Sequence[int]) -> Bad:
    return Bad(bad.rows.at(places), tuple(bad.faults[at] for at in places))


def less(now: Counts, before: Counts) -> Counts:
    """What was counted between `before` and `now`."""
    names = Counts.__dataclass_fields__
    return replace(now, **{name: getattr(now, name) - getattr(before, name) for name in names})
