"""What catalogs know of a table, as somebody else's clients are told."""

from collections.abc import Callable, Mapping
from typing import Any

import boto3

from lakeferry.connect.aws import AwsAccess
from tests.judges.unity_reader import table_as_the_client_reads_it

# Names of a schema and a table -> location and properties; None where there is no such table.
Known = Callable[[str, str], tuple[str, Mapping[str, str]] | None]


def in_hive(spark: Any, uri: str) -> Known:
    """By Hive's own client, which Spark brings."""
    conf = spark._jvm.org.apache.hadoop.hive.conf.HiveConf()
    conf.set("hive.metastore.uris", uri)
    client = spark._jvm.org.apache.hadoop.hive.metastore.HiveMetaStoreClient(conf)

    def known(schema: str, table: str) -> tuple[str, Mapping[str, str]] | None:
        if not client.tableExists(schema, table):
            return None
        found = client.getTable(schema, table)
        return found.getSd().getLocation(), dict(found.getParameters())

    return known


def in_glue(access: AwsAccess) -> Known:
    """By boto3."""
    client = boto3.client("glue", endpoint_url=access.endpoint, region_name=access.region)

    def known(schema: str, table: str) -> tuple[str, Mapping[str, str]] | None:
        try:
            found = client.get_table(DatabaseName=schema, Name=table)["Table"]
        except client.exceptions.EntityNotFoundException:
            return None
        return found["StorageDescriptor"]["Location"], found["Parameters"]

    return known


def in_unity(url: str, catalog: str) -> Known:
    """By the published client."""

    def known(schema: str, table: str) -> tuple[str, Mapping[str, str]] | None:
        try:
            found = table_as_the_client_reads_it(url, f"{catalog}.{schema}.{table}")
        except RuntimeError as error:
            if "NotFoundException" not in str(error):
                raise
            return None
        return found["storage_location"], found["properties"]

    return known
