"""Structured Streaming by Spark itself: sinks and readers that stop and go on elsewhere."""

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COLUMNS = "id INT, v STRING"


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


def run_sink(spark: Any, landing: Landing, table: Path, checkpoint: Path) -> None:
    """A stream from the landing files into the table, one file a batch, until all are read."""
    stream = spark.readStream.schema(COLUMNS).option("maxFilesPerTrigger", 1)
    _drain(stream.json(str(landing.root)), table, checkpoint)


def run_reader(
    spark: Any, table: Path, out: Path, checkpoint: Path, **options: str | int | bool
) -> None:
    """A stream that reads the table and appends what it sees to `out`, until it is at the head."""
    stream = spark.readStream.format("delta").options(**options).load(str(table))
    _drain(stream, out, checkpoint)


def _drain(frame: Any, out: Path, checkpoint: Path) -> None:
    query = (
        frame.writeStream.format("delta")
        .option("checkpointLocation", str(checkpoint))
        .trigger(availableNow=True)
        .start(str(out))
    )
    try:
        query.awaitTermination()
    finally:
        query.stop()


def move_checkpoint(old: Path, new: Path, *, forget_last_batch: bool = False) -> None:
    """Copy a stopped stream's checkpoint as plain files, Hadoop's side files left out.

    `forget_last_batch`: as if the stream had been killed between the commit to the table and the
    note of it in the checkpoint, so its last batch runs again.
    """
    shutil.copytree(old, new, ignore=shutil.ignore_patterns(".*.crc"))
    if forget_last_batch:
        batches = [file for file in (new / "commits").iterdir() if file.name.isdigit()]
        max(batches, key=lambda file: int(file.name)).unlink()


def ids_in(spark: Any, table: Path) -> list[int]:
    """The ids of a table, sorted: lost and doubled ones show."""
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    return sorted(row[0] for row in spark.read.format("delta").load(str(table)).collect())
