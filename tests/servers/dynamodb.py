"""A table of DynamoDB in moto, as Delta Lake's `S3DynamoDBLogStore` makes it: the commit lock."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.store.commit_lock import Entry
from tests.servers import Server, deaf_proxy

TABLE = "delta_log"


@contextmanager
def locked(server: Server, access: AwsAccess) -> Iterator[Server]:
    """The same server of S3, deaf to conditions, and a new table where its writers meet."""
    lock = make_table(access)
    with deaf_proxy.running(server.port) as port:
        endpoint = f"http://127.0.0.1:{port}"
        yield replace(
            server, options={**server.options, "endpoint": endpoint, "commit_lock": lock}
        )  # fmt: skip


def make_table(access: AwsAccess) -> str:
    """The table, new and empty; its address for a store's `commit_lock`."""
    client(access, "dynamodb").create_table(
        TableName=TABLE,
        AttributeDefinitions=[
            {"AttributeName": "tablePath", "AttributeType": "S"},
            {"AttributeName": "fileName", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "tablePath", "KeyType": "HASH"},
            {"AttributeName": "fileName", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return f"dynamodb://{TABLE}?region={access.region}&endpoint={access.endpoint}"


def entries(access: AwsAccess) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """What it holds, by table and file."""
    found = client(access, "dynamodb").scan(TableName=TABLE)["Items"]
    return {(one["tablePath"]["S"], one["fileName"]["S"]): one for one in found}


def enter(access: AwsAccess, entry: Entry) -> None:
    """As another writer does, whatever is there."""
    client(access, "dynamodb").put_item(TableName=TABLE, Item=entry.item())
