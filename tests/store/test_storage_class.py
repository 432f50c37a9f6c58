"""The storage class of what is written, as an S3 server is told it; logs keep the bucket's own."""

import uuid

import boto3
import pytest

from lakeferry.connect.aws import AwsAccess
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store
from lakeferry.store.s3 import S3

pytestmark = pytest.mark.server
LARGE = 20 << 20  # bytes; goes up in parts


@pytest.fixture
def bucket(moto_access: AwsAccess) -> str:
    name = f"classes-{uuid.uuid4().hex}"
    client(moto_access).create_bucket(Bucket=name)
    return name


def client(access: AwsAccess):  # type: ignore[no-untyped-def]
    return boto3.client(
        "s3", endpoint_url=access.endpoint, region_name="us-east-1", aws_access_key_id="test",
        aws_secret_access_key="test",
    )  # fmt: skip


def options(access: AwsAccess, storage_class: str) -> dict[str, str]:
    return {"endpoint": access.endpoint or "", "region": "us-east-1",
            "storage_class": storage_class}  # fmt: skip


def test_files_and_copies_have_it_and_logs_do_not(
    moto_access: AwsAccess, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(f"s3://{bucket}/t", options(moto_access, "STANDARD_IA"))
    store.write("small.parquet", [b"x"], size=1)
    store.write("large.parquet", (bytes(1 << 20) for _ in range(20)), size=LARGE)
    store.write("_delta_log/_lakeferry/record.json", [b"{}"], size=2)
    store.put_if_absent("_delta_log/00000000000000000000.json", [b"{}"], size_hint=2)
    store.copy_from(store, "small.parquet", "copy.parquet")
    monkeypatch.setattr(S3.__init__, "__kwdefaults__", {
        **(S3.__init__.__kwdefaults__ or {}), "copy_whole": 1 << 20, "copy_part": 8 << 20,
    })  # fmt: skip
    parts = open_store(f"s3://{bucket}/t", options(moto_access, "STANDARD_IA"))
    parts.copy_from(parts, "large.parquet", "large-copy.parquet")

    listed = client(moto_access).list_objects_v2(Bucket=bucket)["Contents"]

    found = {one["Key"].removeprefix("t/"): one["StorageClass"] for one in listed}
    assert found == {
        "small.parquet": "STANDARD_IA", "large.parquet": "STANDARD_IA",
        "copy.parquet": "STANDARD_IA", "large-copy.parquet": "STANDARD_IA",
        "_delta_log/_lakeferry/record.json": "STANDARD",
        "_delta_log/00000000000000000000.json": "STANDARD",
    }  # fmt: skip


def test_an_archive_is_refused_by_name(moto_access: AwsAccess, bucket: str) -> None:
    with pytest.raises(FerryError, match="`DEEP_ARCHIVE` is no storage class in which a table"):
        open_store(f"s3://{bucket}/t", options(moto_access, "DEEP_ARCHIVE"))


def test_stores_that_have_none_refuse_the_option() -> None:
    with pytest.raises(FerryError) as refused:
        open_store("hdfs://cluster/t", {"storage_class": "STANDARD"})
    assert refused.value.code == "LF-2001"
