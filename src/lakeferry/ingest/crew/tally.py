"""What a run has done so far, over all the crews that it had, as one `Progress`."""

import os
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lakeferry.ingest.crew.lag import (
    TREND_S,
    Sample,
    catch_up_s,
    furthest_behind,
    paused,
    rates,
    retention_left_s,
    table_behind_ms,
    total,
)
from lakeferry.ingest.events import Progress
from lakeferry.ingest.position.state import IngestState
from lakeferry.ingest.worker.messages import Batch, Counts, Lag, Told

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the table is, for a `Progress`."""

    version: int
    state: IngestState
    state_bytes: int
    now_ms: int  # by the service's clock
    retention_s: float


class Tally:
    """Counts of one run. For one thread."""

    def __init__(self, started_s: float) -> None:
        self._started_s = started_s
        self._before = Counts()  # of crews that are gone
        self._told: dict[int, Told] = {}
        self._samples: deque[Sample] = deque(maxlen=round(TREND_S) + 5)
        self.committed = Counts()
        self.commits = 0
        self.restarts = 0
        self.commit_s: float | None = None

    def told(self, worker: int, told: Told) -> None:
        self._told[worker] = told

    def crew_ended(self) -> None:
        """What it did counts as read; it is read again where it was not committed."""
        self._before = self.read
        self._told = {}

    def committed_batches(self, batches: Sequence[Batch], took_s: float) -> None:
        self.committed = total([self.committed, *(batch.counts for batch in batches)])
        self.commits += 1
        self.commit_s = took_s

    @property
    def read(self) -> Counts:
        return total([self._before, *(told.counts for told in self._told.values())])

    @property
    def lags(self) -> Mapping[str, Lag]:
        return {shard: lag for told in self._told.values() for shard, lag in told.lags.items()}

    def elapsed_s(self, now_s: float) -> float:
        return now_s - self._started_s

    def progress(self, now_s: float, standing: Standing, shards: int) -> Progress:
        """The sum of it; also takes the sample that later rates are made of."""
        read, lags = self.read, self.lags
        behind_ms, behind_shard = furthest_behind(lags)
        self._samples.append(Sample(now_s, read.records, read.bytes_in, behind_ms))
        samples, rate = tuple(self._samples), rates(tuple(self._samples))
        state, now_ms = standing.state, standing.now_ms
        return Progress(
            elapsed_s=self.elapsed_s(now_s),
            records_per_s=rate.records_per_s,
            bytes_per_s=rate.bytes_per_s,
            **{name: getattr(read, name) for name in Counts.__dataclass_fields__},
            rows_committed=self.committed.rows,
            commits=self.commits,
            version=standing.version,
            epoch=state.epoch,
            behind_ms=behind_ms,
            behind_shard=behind_shard,
            table_behind_ms=table_behind_ms(state, now_ms, behind_ms),
            retention_left_s=retention_left_s(state, now_ms, standing.retention_s, behind_ms),
            catch_up_s=catch_up_s(samples),
            shards=shards,
            paused=paused(lags),
            gaps=len(state.gaps),
            open_bytes=sum(told.open_bytes for told in self._told.values()),
            waiting_bytes=sum(told.waiting_bytes for told in self._told.values()),
            worker_rss=tuple(told.rss_bytes for _, told in sorted(self._told.items())),
            coordinator_rss=rss_bytes(),
            restarts=self.restarts,
            state_bytes=standing.state_bytes,
            commit_s=self.commit_s,
            lags={shard: lag.behind_ms for shard, lag in sorted(lags.items())},
        )


def rss_bytes() -> int:
    """Memory of this process that is resident; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0
