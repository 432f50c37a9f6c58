"""The servers as fixtures: one per run and worker, the heavy one per run. See tests/conftest.py."""

import os
from collections.abc import Iterator

import pytest

from lakeferry.connect.aws import AwsAccess
from lakeferry.demo.kinesis_feed import Feed
from tests.servers import (
    Server,
    azurite,
    fake_gcs,
    hdfs,
    hive_metastore,
    kinesalite,
    kinesis_local,
    moto,
    versitygw,
)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with versitygw.running(tmp_path_factory.mktemp("versitygw")) as server:
        yield server


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with azurite.running(tmp_path_factory.mktemp("azurite")) as server:
        yield server


@pytest.fixture(scope="session")
def gcs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with fake_gcs.running(tmp_path_factory.mktemp("fake-gcs")) as server:
        yield server


@pytest.fixture(scope="session")
def hdfs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        run = run.parent  # each worker has a folder of its own below the run's
    with hdfs.shared(run / "hdfs") as server:
        yield server


@pytest.fixture(scope="session")
def hive_metastore_server(
    tmp_path_factory: pytest.TempPathFactory, s3_server: Server
) -> Iterator[Server]:
    with hive_metastore.running(tmp_path_factory.mktemp("hive-metastore"), s3=s3_server) as server:
        yield server


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with moto.running(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of nobody, to sign with; no profile of this machine has a say."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
def moto_access(moto_server: Server, keys: None) -> AwsAccess:  # noqa: ARG001
    """An empty AWS account. Its clients outlive the test, for each takes a second to make: a test
    that takes roles or keys of its own calls `moto.forget_clients` before and after."""
    return moto.emptied(moto_server)


@pytest.fixture(scope="session")
def kinesalite_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with kinesalite.running(tmp_path_factory.mktemp("kinesalite")) as server:
        yield server


@pytest.fixture(scope="session")
def kinesis_local_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with kinesis_local.running(tmp_path_factory.mktemp("kinesis-local")) as server:
        yield server


@pytest.fixture
def kinesis_feed() -> Iterator[Feed]:
    """Our own Kinesis: a stream `clicks` of one shard that holds what is put."""
    with Feed() as feed:
        yield feed
