"""API requests from a Kinesis stream into a Delta table, on Spark >= 4.0 with lakeferry's source.

    spark-submit --packages io.delta:delta-spark_2.13:4.0.1 \\
        --py-files requests_table.py on_spark.py \\
        --stream requests --region eu-west-1 --lake s3a://lake/requests

Every machine of the cluster needs `pip install lakeferry`.
"""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql.streaming import StreamingQuery
from requests_table import TwoTables

QUERY = "api-requests"


def start(spark: SparkSession, asked: argparse.Namespace) -> StreamingQuery:
    """The query, running."""
    from lakeferry.spark.source import KinesisSource

    spark.dataSource.register(KinesisSource)
    checkpoint = f"{asked.lake}/_checkpoint"
    options = {
        "streamName": asked.stream,
        "region": asked.region,
        "initialPosition": asked.initial_position,
        "metadataPath": f"{checkpoint}/lakeferry",
    }
    if asked.endpoint:  # of a VPC endpoint without private DNS
        options["endpoint"] = asked.endpoint
    raw = spark.readStream.format("lakeferry_kinesis").options(**options).load()
    batches = TwoTables(f"{asked.lake}/requests", f"{asked.lake}/requests_rejected")
    writer = raw.writeStream.queryName(QUERY).option("checkpointLocation", checkpoint)
    if asked.available_now:
        writer = writer.trigger(availableNow=True)
    else:
        writer = writer.trigger(processingTime=asked.every)
    return writer.foreachBatch(batches).start()


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="API requests from Kinesis into Delta")
    parser.add_argument("--stream", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--lake", required=True, help="folder of tables and checkpoint")
    parser.add_argument("--endpoint", help="URL of a VPC endpoint without private DNS")
    parser.add_argument("--initial-position", default="latest")
    parser.add_argument("--every", default="60 seconds", help="between commits")
    parser.add_argument("--available-now", action="store_true", help="read what is there, and end")
    return parser.parse_args(given)


if __name__ == "__main__":
    start(SparkSession.builder.appName(QUERY).getOrCreate(), arguments()).awaitTermination()
