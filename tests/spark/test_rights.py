"""As whom a query reads: as a role, which keys of its options may take."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeferry.connect.aws import AwsAccess, call
from lakeferry.spark.epochs import Epochs
from lakeferry.spark.opened import keys_for, record_of, source_of
from lakeferry.spark.options import Options, parse_options
from lakeferry.spark.read_part import read_task, tasks_of
from tests.servers.moto import forget_clients

pytestmark = pytest.mark.server
ROLE = "arn:aws:iam::123456789012:role/reader"


@pytest.fixture
def account(moto_access: AwsAccess) -> Iterator[AwsAccess]:
    """An account with a stream of five records."""
    forget_clients()
    call(moto_access, "kinesis", "create_stream", StreamName="clicks", ShardCount=1)
    for number in range(5):
        call(
            moto_access, "kinesis", "put_record", StreamName="clicks", Data=str(number).encode(),
            PartitionKey="user-1",
        )  # fmt: skip
    yield moto_access
    forget_clients()


def options(account: AwsAccess, folder: Path, **given: str) -> Options:
    assert account.endpoint
    least = {
        "streamName": "clicks",
        "region": account.region,
        "endpoint": account.endpoint,
        "stsEndpoint": account.endpoint,
        "metadataPath": str(folder),
        "initialPosition": "trim_horizon",
        "maxFetchDuration": "1s",
    }
    return parse_options({**least, **given})


def caller(asked: Options) -> str:
    """Who signs the requests of a query, as STS knows them."""
    from boto3 import Session

    keys = keys_for(asked, source_of(asked))()
    session = Session(keys.access_key, keys.secret_key, keys.token, asked.region)
    arn: str = session.client("sts", endpoint_url=asked.sts_endpoint).get_caller_identity()["Arn"]
    return arn


@pytest.mark.parametrize("own", [{}, {"awsAccessKey": "AKIAX", "awsSecretKey": "own"}])
def test_a_query_reads_as_its_role(account: AwsAccess, tmp_path: Path, own: dict[str, str]) -> None:
    named = {"roleArn": ROLE, "roleExternalId": "lake", "roleSessionName": "nightly"}
    asked = options(account, tmp_path, **named, **own)
    source = source_of(asked)
    signs, record = keys_for(asked, source), record_of(asked)
    epochs = Epochs(asked, source, signs, record)
    try:
        end = epochs.latest()
        plan = epochs.plan(epochs.initial(), end)
    finally:
        epochs.close()

    batches = [one for task in tasks_of(plan, asked)
               for one in read_task(task, source, signs, record)]  # fmt: skip
    found = [value for batch in batches for value in batch.column("data").to_pylist()]
    assert found == [b"0", b"1", b"2", b"3", b"4"]
    assert caller(asked) == "arn:aws:sts::123456789012:assumed-role/reader/nightly"


def test_keys_of_a_role_are_taken_once(account: AwsAccess, tmp_path: Path) -> None:
    """A process of Spark's that reads one task after the other asks STS once."""
    own = {"awsAccessKey": "AKIAX", "awsSecretKey": "own", "roleArn": ROLE}
    first, second = (options(account, tmp_path, **own) for _ in range(2))

    assert keys_for(first, source_of(first))() == keys_for(second, source_of(second))()
