"""The source as Spark 4 knows it: `spark.dataSource.register(KinesisSource)`. pyspark is here only.

Spark has `Epochs` in one process beside the driver for as long as a query runs, and `read_task` in
the workers. What goes between them is pickled: options, tasks, no connection.

Source: pyspark.sql.datasource, DataSource and DataSourceStreamReader.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition

from lakeferry.errors import FerryError
from lakeferry.ingest.payload.rows import RAW_SCHEMA
from lakeferry.spark.epoch_text import mark_of, offset_of
from lakeferry.spark.epochs import Epochs
from lakeferry.spark.opened import keys_for, record_of, source_of
from lakeferry.spark.options import Options, parse_options
from lakeferry.spark.read_part import Task, read_task, tasks_of

NAME = "lakeferry_kinesis"
SCHEMA = (
    "partitionKey STRING, data BINARY, stream STRING, shardId STRING, sequenceNumber STRING, "
    "approximateArrivalTimestamp TIMESTAMP, subSequenceNumber BIGINT"
)


class KinesisSource(DataSource):  # type: ignore[misc]
    """`spark.readStream.format("lakeferry_kinesis")`: one stream, as raw rows."""

    @classmethod
    def name(cls) -> str:
        return NAME

    def schema(self) -> str:
        parse_options(dict(self.options))  # what is wrong is told by `load()`, not by the query
        return SCHEMA

    def streamReader(self, schema: Any) -> "KinesisReader":
        if list(schema.fieldNames()) != RAW_SCHEMA.names:
            raise FerryError(
                "LF-7071",
                "the rows of a stream have a schema of their own",
                f"asked for: {', '.join(schema.fieldNames())}",
                "leave `.schema(...)` out and parse `data` with from_json",
            )
        return KinesisReader(parse_options(dict(self.options)))


class Share(InputPartition):  # type: ignore[misc]
    """One task of a batch."""

    def __init__(self, task: Task) -> None:
        self.task = task


class KinesisReader(DataSourceStreamReader):  # type: ignore[misc]
    """One query's reader: on the driver while it runs, and anew in each task."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._epochs: Epochs | None = None  # of the driver; never pickled after it is made

    def initialOffset(self) -> dict[str, Any]:
        return offset_of(self._driver().initial())

    def latestOffset(self) -> dict[str, Any]:
        return offset_of(self._driver().latest())

    def partitions(self, start: Mapping[str, Any], end: Mapping[str, Any]) -> list[Share]:
        first, last = mark_of(start), mark_of(end)
        if first == last:
            # How Spark tells a source, after a restart, where its checkpoint ends.
            self._driver().resume(last)
            return []
        plan = self._driver().plan(first, last)
        return [Share(task) for task in tasks_of(plan, self._options)]

    def read(self, partition: Share) -> Iterator[pa.RecordBatch]:
        options = self._options
        source = source_of(options)
        return read_task(partition.task, source, keys_for(options, source), record_of(options))

    def commit(self, end: Mapping[str, Any]) -> None:
        self._driver().committed(mark_of(end))

    def stop(self) -> None:
        if self._epochs is not None:
            self._epochs.close()

    def _driver(self) -> Epochs:
        if self._epochs is None:
            options = self._options
            source = source_of(options)
            self._epochs = Epochs(options, source, keys_for(options, source), record_of(options))
        return self._epochs
