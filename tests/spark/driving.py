"""A query as Spark drives one, without Spark: offsets are logged, batches run, a sink keeps them.

What Spark 4.0.1 asks of a Python source, and in which order, a source told that wrote it down.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from lakeferry.demo.kinesis_feed import KEYS, Feed
from lakeferry.spark.epoch import EpochPlan, Mark
from lakeferry.spark.epochs import Epochs
from lakeferry.spark.opened import keys_for, record_of, source_of
from lakeferry.spark.options import parse_options
from lakeferry.spark.read_part import Task, read_task, tasks_of
from lakeferry.spark.record import Record

Row = tuple[str, int, int | None, bytes]  # shard, sequence and sub-sequence number, data


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
                "endpoint": self.feed.url,
                "awsAccessKey": KEYS.access_key,
                "awsSecretKey": KEYS.secret_key,
                "metadataPath": str(self.folder),
                "initialPosition": "trim_horizon",
                "maxFetchDuration": "60s",  # it ends sooner, when all is read
                "shardFetchInterval": "200ms",
                **self.given,
            }
        )
        self.record = record_of(self.options)
        self.source = source_of(self.options)
        self.keys = keys_for(self.options, self.source)

    @contextmanager
    def running(self) -> Iterator["Run"]:
        epochs = Epochs(self.options, self.source, self.keys, self.record)
        try:
            run = Run(self, epochs)
            if self.offsets:
                epochs.resume(self.offsets[-1])
            yield run
        finally:
            epochs.close()

    def read(self, task: Task, record: Record | None = None) -> Iterator[pa.RecordBatch]:
        """What one task gives on, as the worker of Spark that runs it sees it."""
        return read_task(task, self.source, self.keys, record or self.record)

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
        rows = [row for task in tasks_of(plan, self.query.options) for row in self.rows_of(task)]
        self.query.sink[plan.mark.epoch] = rows
        self.epochs.committed(plan.mark)
        return rows

    def rows_of(self, task: Task) -> list[Row]:
        found: list[Row] = []
        for batch in self.query.read(task):
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
