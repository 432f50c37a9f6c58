"""A table of DynamoDB in moto, as Delta Lake's `S3DynamoDBLogStore` makes it: the commit lock."""

from collections.abc import Mapping
from typing import Any

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.store.commit_lock import Entry

TABLE = "delta_log"


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
