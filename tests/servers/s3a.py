"""Hadoop's own way to a server of S3: the S3A file system, for Spark and for a Hive metastore."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.servers import PROGRAMS, Server, require


def jars() -> list[Path]:
    """S3A and the parts of AWS's SDK that it needs; none where they are not installed."""
    return sorted(PROGRAMS["s3a-jars"][0].parent.glob("*.jar"))


def beside_hadoop() -> list[str]:
    """The class path of a program that has an older Hadoop: Spark's, for S3A fits its own only."""
    require("s3a-jars")
    hadoop = require("spark").parent / "pyspark/jars"
    found = [*jars(), *sorted(hadoop.glob("hadoop-client-*.jar"))]
    return [str(jar) for jar in found]


def settings(server: Server) -> Mapping[str, str]:
    """How it reaches the server's bucket; other buckets may be others'."""
    bucket = server.place.removeprefix("s3://")
    said = {
        "endpoint": server.endpoint,
        "endpoint.region": server.options["region"],
        "access.key": server.options["access_key_id"],
        "secret.key": server.options["secret_access_key"],
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "path.style.access": "true",
        "connection.ssl.enabled": "false",
    }
    return {f"fs.s3a.bucket.{bucket}.{key}": value for key, value in said.items()}


def reach(spark: Any, server: Server) -> None:
    """Let a session of Spark read and write `s3a://BUCKET/...`; skips where it lacks the jars."""
    require("s3a-jars")
    hadoop = spark._jsc.hadoopConfiguration()
    for key, value in settings(server).items():
        hadoop.set(key, value)


def address(url: str) -> str:
    """`s3://bucket/path` as Hadoop spells it; others as they are."""
    return url.replace("s3://", "s3a://", 1)
