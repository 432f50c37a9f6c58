"""How an ingest goes, as Prometheus metrics. Names and labels are an interface.

They are listed in docs/guides/ingest-a-stream.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeferry.ingest.events import Began, Event, Progress

if TYPE_CHECKING:
    from prometheus_client.core import Metric

PREFIX = "lakeferry_ingest_"
# Counters of `Progress`, with what each counts.
_COUNTERS = {
    "records": "Kinesis records that were read.",
    "rows": "Rows that were written, committed or not.",
    "rows_committed": "Rows that the table has.",
    "bad": "Records that went to quarantine.",
    "doubles": "Rows left out, as their key was seen.",
    "out_of_range": "User records of aggregates that belong to another shard.",
    "bytes_in": "Bodies of Kinesis' answers, about what an endpoint bills.",
    "calls": "GetRecords calls.",
    "empty": "Calls that gave no record.",
    "throttled": "Calls that were refused as too many.",
    "expired": "Shard iterators that expired.",
    "commits": "Versions of the table that were made.",
    "restarts": "Times that reading began anew from what is committed.",
}
_GAUGES = {
    "records_per_second": ("records_per_s", "Kinesis records, over the last seconds."),
    "version": ("version", "Of the table."),
    "epoch": ("epoch", "Commits of this ingest since its beginning."),
    "behind_seconds": ("behind_ms", "How far the shard that is furthest behind is read."),
    "table_behind_seconds": ("table_behind_ms", "Age of what the table has all of."),
    "retention_left_seconds": ("retention_left_s", "Until the stream forgets what was not read."),
    "catch_up_seconds": ("catch_up_s", "Until all is read that is there, at the present rates."),
    "shards": ("shards", "That are read."),
    "gaps": ("gaps", "Spans of records that went unread, as was accepted."),
    "open_bytes": ("open_bytes", "Of Parquet that is not committed."),
    "waiting_bytes": ("waiting_bytes", "Of pages that wait to be parsed."),
    "coordinator_rss_bytes": ("coordinator_rss", "Memory of the coordinator."),
    "state_bytes": ("state_bytes", "Of the positions, as they were last committed."),
    "commit_seconds": ("commit_s", "How long the last commit took."),
}


@dataclass(slots=True, eq=False)  # registries keep collectors by identity
class IngestMetrics:
    """A collector of prometheus-client; what it shows is of one moment."""

    began: Began | None = None
    progress: Progress | None = None

    def take(self, event: Event) -> None:
        """Remember what is to be shown."""
        match event:
            case Began():
                self.began = event
            case Progress():
                self.progress = event
            case _:
                pass

    def collect(self) -> "Iterator[Metric]":
        if self.progress is not None and self.began is not None:
            yield from _metrics(self.began, self.progress)


def _metrics(began: Began, progress: Progress) -> "Iterator[Metric]":
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    labels, values = ["ingest", "stream", "table"], [began.ingest, began.stream, began.table]
    for name, about in _COUNTERS.items():
        counter = CounterMetricFamily(PREFIX + name, about, labels=labels)
        counter.add_metric(values, getattr(progress, name))
        yield counter
    for name, (key, about) in _GAUGES.items():
        gauge = GaugeMetricFamily(PREFIX + name, about, labels=labels)
        value = getattr(progress, key)
        if value is not None:  # what is not known is left out: 0 would be a lie
            gauge.add_metric(values, value / 1000 if key.endswith("_ms") else value)
        yield gauge
    behind = GaugeMetricFamily(
        PREFIX + "shard_behind_seconds", "How far a shard is read.", labels=[*labels, "shard"]
    )
    for shard, ms in sorted(progress.lags.items()):
        if ms is not None:
            behind.add_metric([*values, shard], ms / 1000)
    yield behind
    paused = GaugeMetricFamily(
        PREFIX + "shard_paused", "1 for a shard that is not read now.", labels=[*labels, "shard"]
    )
    for shard in sorted(progress.paused):
        paused.add_metric([*values, shard], 1)
    yield paused
    memory = GaugeMetricFamily(
        PREFIX + "worker_rss_bytes", "Memory of a worker.", labels=[*labels, "worker"]
    )
    for number, rss in enumerate(progress.worker_rss):
        memory.add_metric([*values, str(number)], rss)
    yield memory
