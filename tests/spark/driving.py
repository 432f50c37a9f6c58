"""A query as Spark drives one, without Spark: offsets are logged, batches run, a sink keeps them.

What Spark 4.0.1 asks of a Python source and in which order was read off a source that wrote it down.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lakeferry.connect.aws import AwsAccess
from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.demo.kinesis_feed import KEYS, Feed
from lakeferry.ingest.settings import SourceSettings
from lakeferry.ingest.signing import endpoint_of
from lakeferry.spark.epoch import EpochPlan, Mark
from lakeferry.spark.epochs import Epochs
from lakeferry.spark.options import Options, parse_options
from lakeferry.spark.read_part import Task, read_task
from lakeferry.spark.record import Record
from lakeferry.store.open import open_store

Row = tuple[str, int, int | None, bytes]  # shard, sequence and sub-sequence number, data


def keys() -> AwsKeys:
    return KEYS


def source(feed: Feed) -> SourceSettings:
    endpoint = endpoint_of(feed.region, feed.url)
    return SourceSettings(feed.stream, endpoint, AwsAccess(feed.region), shortest_s=0.2)


def tasks(plan: EpochPlan, options: Options) -> list[Task]:
    known = plan.state.shards
    return [
        Task(
            plan.mark,
            number,
            group,
            {one: known[one] for one in group if one in known},
            options.buffer_bytes,
            options.fetch_duration_s,
        )
        for number, group in enumerate(plan.groups)
    ]


@dataclass
class Query:
    """One query with its checkpoint and its sink, which keeps a batch once, as Delta's does."""

    feed: Feed
    folder: Path
    offsets: list[Mark] = field(default_factory=list)  # as logged; the first is the beginning
    sink: dict[int, list[Row]] = field(default_factory=dict)  # by batch
    given: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.options = parse_options(
            {
                "streamName": self.feed.stream,
                "region": self.feed.region,
                "metadataPath": str(self.folder),
                "initialPosition": "trim_horizon",
                "maxFetchDuration": "2s",
                "shardFetchInterval": "200ms",
                **self.given,
            }
        )
        self.record = Record(open_store(str(self.folder)))

    @contextmanager
    def running(self) -> Iterator["Run"]:
        epochs = Epochs(self.options, source(self.feed), keys, self.record)
        try:
            run = Run(self, epochs)
            if self.offsets:
                epochs.resume(self.offsets[-1])
            yield run
        finally:
            epochs.close()

    @property
    def rows(self) -> list[Row]:
        return [row for batch in sorted(self.sink) for row in self.sink[batch]]


@dataclass
class Run:
    """From a start of the query to its end."""

    query: Query
    epochs: Epochs

    def log(self) -> EpochPlan | None:
        """One more end in the offset log, and its plan; None while there is nothing to read."""
        latest = self.epochs.latest()
        if not self.query.offsets:
            self.query.offsets.append(self.epochs.initial())
        if latest == self.query.offsets[-1]:
            return None
        self.query.offsets.append(latest)
        return self.planned()

    def planned(self) -> EpochPlan:
        """What the last logged batch reads."""
        return self.epochs.plan(*self.query.offsets[-2:])

    def finish(self, plan: EpochPlan) -> list[Row]:
        """Run all tasks of a batch and put its rows into the sink."""
        rows = [row for task in tasks(plan, self.query.options) for row in self.rows_of(task)]
        self.query.sink[plan.mark.epoch] = rows
        self.epochs.committed(plan.mark)
        return rows

    def rows_of(self, task: Task) -> list[Row]:
        found: list[Row] = []
        for batch in read_task(task, source(self.query.feed), keys, self.query.record):
            found += [
                (row["shardId"], int(row["sequenceNumber"]), row["subSequenceNumber"], row["data"])
                for row in batch.to_pylist()
            ]
        return found

    def batch(self) -> list[Row] | None:
        """The next batch from beginning to end; None while there is nothing to read."""
        plan = self.log()
        return None if plan is None else self.finish(plan)

    def until_idle(self) -> None:
        """All batches that are due."""
        while self.batch() is not None:
            pass
