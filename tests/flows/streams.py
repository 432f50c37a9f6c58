"""Structured Streaming by Spark itself: sinks and readers that stop and go on elsewhere."""

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COLUMNS = "id INT, v STRING"
Place = str | Path  # as Spark addresses it


@dataclass(frozen=True)
class Landing:
    """A folder where files arrive; each holds three rows with ids that no other file has."""

    root: Path

    def land(self, number: int) -> list[int]:
        """Put file `number` there; gives back the ids in it."""
        self.root.mkdir(parents=True, exist_ok=True)
        ids = [3 * number, 3 * number + 1, 3 * number + 2]
        lines = [json.dumps({"id": at, "v": f"file {number}"}) for at in ids]
        hidden = self.root / f".{number}.json"
        hidden.write_text("\n".join(lines), encoding="utf-8")
        # Spark reads files by age; several may be made within one tick of the clock.
        age_s = time.time() - 3600 + number
        os.utime(hidden, (age_s, age_s))
        hidden.rename(self.root / f"{number:04}.json")
        return ids

    @contextmanager
    def arriving(self, first: int, every_s: float = 2.0) -> Iterator[None]:
        """Files land one after another, from number `first` on, until the block ends."""
        ended = threading.Event()

        def go() -> None:
            number = first
            while not ended.wait(every_s):
                self.land(number)
                number += 1

        hand = threading.Thread(target=go, daemon=True)
        hand.start()
        try:
            yield
        finally:
            ended.set()
            hand.join()

    @property
    def ids(self) -> list[int]:
        """All that have landed, sorted."""
        return list(range(3 * len(list(self.root.glob("[0-9]*.json")))))


def run_sink(spark: Any, landing: Landing, table: Place, checkpoint: Place) -> None:
    """A stream from the landing files into the table, one file a batch, until all are read."""
    stream = spark.readStream.schema(COLUMNS).option("maxFilesPerTrigger", 1)
    _drain(stream.json(str(landing.root)), table, checkpoint)


def run_reader(
    spark: Any, table: Place, out: Place, checkpoint: Place, **options: str | int | bool
) -> None:
    """A stream that reads the table and appends what it sees to `out`, until it is at the head."""
    stream = spark.readStream.format("delta").options(**options).load(str(table))
    _drain(stream, out, checkpoint)


def live_sink(spark: Any, landing: Landing, table: Place, checkpoint: Place) -> Any:
    """A stream from the landing files into the table that goes on until it is stopped."""
    stream = spark.readStream.schema(COLUMNS).json(str(landing.root))
    return _started(stream, table, checkpoint, processingTime="1 second")


def live_reader(spark: Any, table: Place, out: Place, checkpoint: Place) -> Any:
    """A stream that appends what it reads in the table to `out` until it is stopped."""
    stream = spark.readStream.format("delta").load(str(table))
    return _started(stream, out, checkpoint, processingTime="1 second")


def has_begun(query: Any, timeout_s: float = 300) -> None:
    """Wait until it has brought a batch; to wait for all would be for ever while data arrive."""
    until = time.monotonic() + timeout_s
    while not any(one["numInputRows"] for one in query.recentProgress):
        assert query.isActive, query.exception()
        assert time.monotonic() < until, query.status
        time.sleep(0.1)


def _drain(frame: Any, out: Place, checkpoint: Place) -> None:
    query = _started(frame, out, checkpoint, availableNow=True)
    try:
        query.awaitTermination()
    finally:
        query.stop()


def _started(frame: Any, out: Place, checkpoint: Place, **trigger: str | bool) -> Any:
    return (
        frame.writeStream.format("delta")
        .option("checkpointLocation", str(checkpoint))
        .trigger(**trigger)
        .start(str(out))
    )


def forget_last_batch(spark: Any, checkpoint: Place) -> None:
    """As if the stream had been killed between the commit to the table and the note of it in the
    checkpoint, which may lie in any store that Hadoop knows: its last batch runs again."""
    folder = spark._jvm.org.apache.hadoop.fs.Path(f"{checkpoint}/commits")
    store = folder.getFileSystem(spark._jsc.hadoopConfiguration())
    found = [status.getPath() for status in store.listStatus(folder)]
    batches = [one for one in found if one.getName().isdigit()]
    store.delete(max(batches, key=lambda one: int(one.getName())), False)


def move_checkpoint(old: Path, new: Path, *, forget_last_batch: bool = False) -> None:
    """Copy a stopped stream's checkpoint as plain files, Hadoop's side files left out.

    `forget_last_batch`: as if the stream had been killed between the commit to the table and the
    note of it in the checkpoint, so its last batch runs again.
    """
    shutil.copytree(old, new, ignore=shutil.ignore_patterns(".*.crc"))
    if forget_last_batch:
        batches = [file for file in (new / "commits").iterdir() if file.name.isdigit()]
        max(batches, key=lambda file: int(file.name)).unlink()


def ids_in(spark: Any, table: Place) -> list[int]:
    """The ids of a table, sorted: lost and doubled ones show."""
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    return sorted(row[0] for row in spark.read.format("delta").load(str(table)).collect())
