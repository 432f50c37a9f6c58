"""When a commit is due: by the age of what it would hold, its size, a shard's end, or long idling.

Times are seconds of one clock that only rises. Pure.
"""

from dataclasses import dataclass

from lakeferry.ingest.settings import Rhythm

MOST_IN_FLIGHT = 2  # epochs that were asked for and are not committed
# An end is flushed soon, for children wait for it; a doubling of a stream ends many at one time.
ENDS_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Pending:
    """What lies between the last flush and now."""

    last_flush_s: float
    since_s: float | None = None  # when the first record came after it; None: none did
    ended_since_s: float | None = None  # when the first shard was read to its end after it
    filled: bool = False  # an open file has its size
    in_flight: int = 0


def flush_due(pending: Pending, rhythm: Rhythm, now_s: float) -> bool:
    """Whether to ask the workers for their files now."""
    if pending.in_flight >= MOST_IN_FLIGHT:
        return False
    return pending.filled or now_s >= flush_at(pending, rhythm)


def flush_at(pending: Pending, rhythm: Rhythm) -> float:
    """When a flush will be due, if nothing more happens."""
    times = [pending.last_flush_s + rhythm.idle_commit_s]
    if pending.since_s is not None:
        times.append(pending.since_s + rhythm.every_s)
    if pending.ended_since_s is not None:
        times.append(pending.ended_since_s + min(ENDS_WAIT_S, rhythm.every_s))
    return min(times)
