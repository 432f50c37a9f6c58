"""How far behind an ingest is, and how long it may be before the stream forgets what it lacks.

A stream forgets by its retention. What counts is not how far was read but how far the table has it:
a crash goes back to that. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lakeferry.ingest.position.state import Ended, IngestState
from lakeferry.ingest.worker.messages import Counts, Lag

WINDOW_S = 10.0  # of rates
TREND_S = 60.0  # of the estimate when it has caught up


@dataclass(frozen=True, slots=True)
class Sample:
    """How much was read up to a moment."""

    at_s: float  # of a clock that only rises
    records: int
    bytes_in: int
    behind_ms: int | None


@dataclass(frozen=True, slots=True)
class Rates:
    """Of the last seconds."""

    records_per_s: float = 0.0
    bytes_per_s: float = 0.0


def rates(samples: Sequence[Sample]) -> Rates:
    """Between the newest sample and the oldest one within the window; 0 of a single one."""
    recent = _within(samples, WINDOW_S)
    if len(recent) < 2:
        return Rates()
    first, last = recent[0], recent[-1]
    seconds = last.at_s - first.at_s
    # A crew that began anew counts from zero.
    records, size = last.records - first.records, last.bytes_in - first.bytes_in
    return Rates(max(0, records) / seconds, max(0, size) / seconds)


def catch_up_s(samples: Sequence[Sample]) -> float | None:
    """Seconds until nothing is left behind, as fast as it became less of late; None: never.

    0 where nothing is behind. More records than are read may come in: then the lag does not fall.
    """
    if not samples or samples[-1].behind_ms is None:
        return None
    last = samples[-1]
    if last.behind_ms == 0:
        return 0.0
    known = [one for one in _within(samples, TREND_S) if one.behind_ms is not None]
    gained_ms = (known[0].behind_ms or 0) - (last.behind_ms or 0)
    seconds = last.at_s - known[0].at_s
    if gained_ms <= 0 or seconds <= 0:
        return None
    return (last.behind_ms or 0) / (gained_ms / seconds)


def _within(samples: Sequence[Sample], seconds: float) -> Sequence[Sample]:
    since = samples[-1].at_s - seconds if samples else 0.0
    found = [one for one in samples if one.at_s >= since]
    # Two samples of one moment say nothing about a rate.
    return found if found and found[-1].at_s > found[0].at_s else found[-1:]


def furthest_behind(lags: Mapping[str, Lag]) -> tuple[int | None, str]:
    """Milliseconds and the shard; None and '' while no shard has told."""
    told = [(lag.behind_ms, shard) for shard, lag in lags.items() if lag.behind_ms is not None]
    return max(told, default=(None, ""), key=lambda one: one[0])


def paused(lags: Mapping[str, Lag]) -> dict[str, str]:
    """The shards that are not read now, and why; in the order of their ids."""
    return {shard: lag.paused for shard, lag in sorted(lags.items()) if lag.paused}


def table_behind_ms(
    state: IngestState, now_ms: int, read_behind_ms: int | None = None
) -> int | None:
    """Age of the moment up to which the table has everything; None where all shards are ended.

    Args:
        read_behind_ms: how far behind is what was read: the table has no more than that. Of a
            backlog that is begun, no position tells it before the first commit.
    """
    open_until = [
        place.read_until_ms for place in state.shards.values() if not isinstance(place, Ended)
    ]
    return max(read_behind_ms or 0, now_ms - min(open_until)) if open_until else None


def retention_left_s(
    state: IngestState, now_ms: int, retention_s: float, read_behind_ms: int | None = None
) -> float | None:
    """Seconds until the stream forgets what the table has not; below 0 it may have begun to."""
    behind = table_behind_ms(state, now_ms, read_behind_ms)
    return None if behind is None else retention_s - behind / 1000


def total(counts: Sequence[Counts]) -> Counts:
    """The sum of what workers did."""
    names = Counts.__dataclass_fields__
    return Counts(**{name: sum(getattr(one, name) for one in counts) for name in names})
