"""What is next for a shard after each answer: another page, a pause, a new iterator, its end.

Pure: time, chance and the service's clock are arguments. A `Reading` stands after the last record
that is in memory, committed or not; that is where a new iterator begins when one expires.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lakeferry.ingest.kinesis.pace import Pace, wait_after_refusal
from lakeferry.ingest.kinesis.wire import Record, RecordsPage, Refusal
from lakeferry.ingest.position.state import After, Ended, FromTrimHorizon, Position

LONG_S = 30.0  # without an answer that helps; then it is told why
PATIENCE_S = 30.0  # with keys or a clock that are refused, before the ingest stops
PAUSE_S = 10.0  # between two looks whether a shard can be decrypted again
# The service's `Date` is whole seconds, and is written after the shard was looked at.
DATE_ERROR_MS = 1_000


@dataclass(frozen=True, slots=True)
class Reading:
    """One shard, as far as it is read in memory."""

    shard_id: str
    place: Position
    due_s: float = 0.0  # when it is asked next, by the clock of the caller
    iterator: str | None = None  # None: one must be got first
    record_bytes: float | None = None  # mean of the last pages
    caught_up: bool = False  # its last page left nothing, or little
    refused: int = 0  # times in a row
    refused_since_s: float | None = None
    paused: str = ""  # why it is not read: told to people

    @property
    def ended(self) -> bool:
        return isinstance(self.place, Ended)


def with_iterator(reading: Reading, iterator: str, now_s: float) -> Reading:
    """An iterator was got: the shard is due at once. It helped only when a page comes by it."""
    return replace(reading, iterator=iterator, due_s=now_s)


def without_iterator(reading: Reading, now_s: float) -> Reading:
    """The iterator expired: another is got at once, after the last record in memory."""
    return replace(reading, iterator=None, due_s=now_s)


def fresh_records(place: Position, records: list[Record]) -> list[Record]:
    """The records that were not read before; a server that repeats itself doubles none."""
    if not records or not isinstance(place, After):
        return records
    last = int(place.sequence_number)
    if int(records[0].sequence_number) > last:  # sequence numbers rise within a shard
        return records
    return [one for one in records if int(one.sequence_number) > last]


def after_page(
    reading: Reading, page: RecordsPage, fresh: Sequence[Record], service_ms: int
) -> Reading:
    """Where a shard stands after a page; when it is due is said by `paced`.

    Args:
        fresh: the page's records that were not read before.
        service_ms: the service's clock when it answered, since the epoch. Ours may be wrong.
    """
    before = reading.place
    told_ms = _read_until(page, service_ms)
    if page.next_shard_iterator is None and not page.records and before.read_until_ms:
        told_ms = before.read_until_ms  # it was closed since; its children's records begin there
    until = _until(before, told_ms, bool(fresh))
    count = (before.records if isinstance(before, After) else 0) + len(fresh)
    place: Position
    if page.next_shard_iterator is None:
        children = tuple(sorted(one.shard_id for one in page.child_shards))
        place = Ended(until, children, count)
    elif fresh:
        place = After(fresh[-1].sequence_number, until, count)
    else:
        place = replace(before, read_until_ms=until)
    return replace(
        reading,
        place=place,
        iterator=page.next_shard_iterator,
        refused=0,
        refused_since_s=None,
        paused="",
    )


def _until(before: Position, told_ms: int, found: bool) -> int:
    """It only rises, but for the first record of a shard that is read from its oldest.

    Before that what is older than the start counts as not asked for; from then on it is a backlog
    of which the table has as much as was read.
    """
    if found and told_ms and isinstance(before, FromTrimHorizon):
        return told_ms
    return max(before.read_until_ms, told_ms)


def _read_until(page: RecordsPage, service_ms: int) -> int:
    """Up to when nothing is missing: the last record's arrival; of none, now less how far behind.

    Not now where there are records: they may be the last of a shard that was closed long ago, and
    whatever came since then came to its children. Arrivals do not rise strictly.
    """
    told = (
        service_ms if page.millis_behind_latest is None else service_ms - page.millis_behind_latest
    )
    if page.records:
        return min(told, page.records[-1].arrival_ms) - DATE_ERROR_MS
    return 0 if page.millis_behind_latest is None else told - DATE_ERROR_MS


def paced(
    reading: Reading, page: RecordsPage, page_bytes: int, begun_s: float, pace: Pace
) -> Reading:
    """When the shard is asked next, and how large its records are.

    Args:
        page_bytes: of data and keys.
        begun_s: when the call was begun.

    A shard that is left for a while since it has caught up is asked once more before: what it has
    gathered meanwhile is little, and only a page without records tells that all is read.
    """
    caught_up = pace.is_caught_up(page.millis_behind_latest)
    wait = pace.next_call(page_bytes, caught_up=caught_up and reading.caught_up)
    seen = reading.record_bytes
    if page.records:
        mean = page_bytes / len(page.records)
        # The larger of the two rules: a page that is too large is refused 5 s, a small one is not.
        seen = mean if seen is None else max(mean, 0.75 * seen + 0.25 * mean)
    return replace(reading, due_s=begun_s + wait, record_bytes=seen, caught_up=caught_up)


def after_refusal(reading: Reading, refusal: Refusal, now_s: float, random: float) -> Reading:
    """What a shard does about a refusal that is not the end of the ingest; see `is_final`.

    Args:
        random: 0 to 1.
    """
    if refusal.remedy == "new iterator" and reading.iterator is not None and not reading.refused:
        return replace(without_iterator(reading, now_s), refused=1, refused_since_s=now_s)
    said = f"{refusal.kind or refusal.status}: {' '.join(refusal.message.split())}".rstrip(": ")
    waiting = _waiting(reading, said, now_s, random)
    if refusal.remedy == "new iterator":
        return replace(waiting, iterator=None)
    if refusal.remedy == "pause the shard":
        wait = PAUSE_S * (0.5 + random / 2)
        return replace(waiting, due_s=now_s + wait, paused=said)
    return waiting


def after_silence(reading: Reading, why: str, now_s: float, random: float) -> Reading:
    """No whole answer came: the same is asked again, later."""
    return _waiting(reading, f"no answer: {why}", now_s, random)


def _waiting(reading: Reading, why: str, now_s: float, random: float) -> Reading:
    since = now_s if reading.refused_since_s is None else reading.refused_since_s
    times = reading.refused + 1
    long = now_s - since >= LONG_S
    return replace(
        reading,
        due_s=now_s + wait_after_refusal(times, random),
        refused=times,
        refused_since_s=since,
        paused=f"{why} (for {now_s - since:.0f} s)" if long else reading.paused,
    )


def is_final(reading: Reading, refusal: Refusal, now_s: float) -> bool:
    """Whether a refusal ends the ingest: at once, or after keys or clock were refused for long."""
    if refusal.remedy == "stop":
        return True
    if refusal.remedy not in ("new credentials", "correct the clock"):
        return False
    since = reading.refused_since_s
    return since is not None and now_s - since >= PATIENCE_S
