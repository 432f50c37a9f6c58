"""What one would write by hand: boto3, `json.loads`, `from_pylist`, `write_deltalake`.

    python -m bench._naive_ingest URL STREAM REGION TABLE

Reads each shard until it has caught up, and appends 100,000 rows at a time, which is kind to it. It
keeps no position, knows no parents, checks no type and starts anew after a crash.
"""

import json
import sys
from typing import Any

import boto3
import pyarrow as pa
from deltalake import write_deltalake

ROWS = 100_000  # of a commit


def read(url: str, stream: str, region: str, table: str) -> None:
    kinesis = boto3.client("kinesis", region_name=region, endpoint_url=url)
    rows: list[Any] = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        behind = 1
        while behind:
            page = kinesis.get_records(ShardIterator=iterator, Limit=3_000)
            rows += [json.loads(record["Data"]) for record in page["Records"]]
            iterator, behind = page["NextShardIterator"], page["MillisBehindLatest"]
            if len(rows) >= ROWS:
                write_deltalake(table, pa.Table.from_pylist(rows), mode="append")
                rows = []
    if rows:
        write_deltalake(table, pa.Table.from_pylist(rows), mode="append")


if __name__ == "__main__":
    read(*sys.argv[1:])
