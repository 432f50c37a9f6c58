"""The same by Spark: our source, the payload by `from_json`, a Delta sink, one `availableNow`.

python -m bench._spark_ingest URL STREAM REGION FOLDER     the table is FOLDER/table
"""

import sys
from pathlib import Path

from bench._ingest_ways import DDL
from tests.flows.spark_query import load, start
from tests.judges.spark_reader import session


def read(url: str, stream: str, region: str, folder: str) -> None:
    spark = session()
    frame = load(spark, url, stream, region, Path(folder))
    from pyspark.sql.functions import col, from_json

    event = from_json(col("data").cast("string"), DDL).alias("event")
    place = ("shardId", "sequenceNumber", "approximateArrivalTimestamp")
    rows = frame.select(event, *place).select("event.*", *place)
    start(rows, Path(folder), availableNow=True).awaitTermination()
    spark.stop()


if __name__ == "__main__":
    read(*sys.argv[1:])
