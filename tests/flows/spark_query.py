"""A query of our source into a Delta table, in a test's session or in a process that can be killed.

python -m tests.flows.spark_query URL STREAM REGION FOLDER
"""

import sys
from pathlib import Path
from typing import Any

from lakeferry.demo.kinesis_feed import KEYS, Feed
from tests.judges.spark_reader import session


def load(spark: Any, url: str, stream: str, region: str, folder: Path) -> Any:
    """The stream as a streaming DataFrame."""
    from lakeferry.spark.source import KinesisSource

    spark.dataSource.register(KinesisSource)
    options = {
        "streamName": stream,
        "region": region,
        "endpoint": url,
        "initialPosition": "trim_horizon",
        "metadataPath": str(folder / "checkpoint" / "lakeferry"),
        "shardFetchInterval": "500ms",
        "awsAccessKey": KEYS.access_key,
        "awsSecretKey": KEYS.secret_key,
    }
    return spark.readStream.format("lakeferry_kinesis").options(**options).load()


def start(frame: Any, folder: Path, **trigger: Any) -> Any:
    """Write a streaming DataFrame to `folder/table`, from the checkpoint beside it."""
    checkpoint = str(folder / "checkpoint")
    writer = frame.writeStream.format("delta").option("checkpointLocation", checkpoint)
    return writer.trigger(**trigger).start(str(folder / "table"))


def start_on(spark: Any, feed: Feed, folder: Path, **trigger: Any) -> Any:
    """The query of a feed."""
    return start(load(spark, feed.url, feed.stream, feed.region, folder), folder, **trigger)


def main() -> None:
    url, stream, region, folder = sys.argv[1:]
    frame = load(session(), url, stream, region, Path(folder))
    start(frame, Path(folder), processingTime="0 seconds").awaitTermination()


if __name__ == "__main__":
    main()
