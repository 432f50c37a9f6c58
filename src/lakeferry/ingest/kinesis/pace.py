"""When a shard is asked again, and for how much: within its quota, or a share of it. Pure.

All readers of a shard that poll share 2 MB and 5 calls a second. What one takes beyond its part the
others are refused, so an ingest beside a production consumer takes a share and no more.

Source: Kinesis developer guide, "Quotas and limits"; API reference, GetRecords.
"""

from dataclasses import dataclass

from lakeferry.ingest.kinesis.wire import MOST_RECORDS

BYTES_A_SECOND = 2_000_000  # of a shard; whether AWS means 2^21 is not told, so the smaller one
CALLS_A_SECOND = 5
IDLE_S = 1.0  # between calls to a shard that is caught up
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 5.0
# Of a stream that nobody has seen yet: a second of a shard's quota if they are aggregates as large
# as the KPL makes them, 50 KiB. A thousand of those would be 10 MiB, from each of many shards.
FIRST_RECORDS = 40


@dataclass(frozen=True, slots=True)
class Pace:
    """How much of a shard's quota is ours."""

    share: float = 1.0  # above 0, up to 1
    shortest_s: float = 0.2  # between the beginnings of two calls, whatever the share
    most_records: int = MOST_RECORDS  # of one call
    idle_s: float = IDLE_S

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"a share of {self.share} is not above 0 and up to 1")

    def is_caught_up(self, behind_ms: int | None) -> bool:
        """Whether a shard is read up to now, but for what it gathers while it is left.

        Args:
            behind_ms: as a page told; None where it did not.
        """
        return behind_ms is not None and behind_ms < 1000 * self.idle_s

    def next_call(self, page_bytes: int, *, caught_up: bool) -> float:
        """Seconds from the beginning of a call to the beginning of the next one.

        Args:
            page_bytes: of data and keys; what base64 adds does not count.

        After 10 MiB the service refuses calls for 5 s; at 2 MB a second they are not made sooner.
        A shard that is caught up is left for `idle_s`: what comes meanwhile costs one call then,
        not five. An empty page of a shard that is behind is followed at once: there may be many.
        """
        calls = 1 / (CALLS_A_SECOND * self.share)
        quota = page_bytes / (BYTES_A_SECOND * self.share)
        idle = self.idle_s if caught_up else 0.0
        return max(calls, quota, idle, self.shortest_s)

    def limit(self, record_bytes: float | None) -> int:
        """How many records to ask for, so that a page is worth a second of our quota at most.

        Args:
            record_bytes: mean of what was seen; None at first, when few are asked for.
        """
        if record_bytes is None:
            return min(FIRST_RECORDS, self.most_records)
        fitting = BYTES_A_SECOND * self.share / max(1.0, record_bytes)
        return max(1, min(self.most_records, int(fitting)))


def wait_after_refusal(times: int, random: float) -> float:
    """Seconds to wait when a shard was refused `times` times in a row: more each time, and spread.

    Args:
        times: from 1.
        random: 0 to 1. Readers that were refused together must not come back together.
    """
    highest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(times, 32))
    return FIRST_WAIT_S + (highest - FIRST_WAIT_S) * random
