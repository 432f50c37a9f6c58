"""What single services do beyond the contract: stored checksums, copies between buckets."""

import hashlib
import uuid
from pathlib import Path

import pytest
from awscrt.checksums import crc32c

from lakeferry.store.open import open_store
from lakeferry.store.protocol import CRC64NVME, read_all
from tests.servers import Server
from tests.servers.azurite import make_container
from tests.servers.fake_gcs import make_bucket

pytestmark = pytest.mark.server
BODY = bytes(range(256)) * 80_000  # 20 MB: three parts


def new_name() -> str:
    return f"b{uuid.uuid4().hex}"


@pytest.mark.parametrize("body", [b"123456789", BODY])
def test_s3_stores_and_tells_the_checksum_of_the_whole_body(s3_server: Server, body: bytes) -> None:
    store = open_store(f"{s3_server.place}/{new_name()}", s3_server.options)
    sent = store.write("a", [body[:7], body[7:]], size=len(body))

    found = store.head("a", checksums=True)

    assert found is not None
    assert found.size == len(body)
    assert found.checksums[CRC64NVME] == sent.checksums[CRC64NVME]


def test_s3_stores_the_checksum_of_a_large_commit_too(s3_server: Server) -> None:
    options = {**s3_server.options, "large_commit_bytes": str(6 << 20)}
    store = open_store(f"{s3_server.place}/{new_name()}", options)
    store.put_if_absent("log/1.json", [BODY], size_hint=len(BODY))
    again = store.write("same", [BODY], size=len(BODY))

    found = store.head("log/1.json", checksums=True)

    assert found is not None
    assert found.checksums[CRC64NVME] == again.checksums[CRC64NVME]


def test_a_server_without_checksums_is_served_without(s3_server: Server) -> None:
    options = {**s3_server.options, "checksum": "none", "large_commit_bytes": str(6 << 20)}
    store = open_store(f"{s3_server.place}/{new_name()}", options)

    store.write("a", [BODY], size=len(BODY))
    store.put_if_absent("b", [BODY], size_hint=len(BODY))

    assert read_all(store, "a") == BODY
    assert read_all(store, "b") == BODY


def test_a_token_of_the_environment_is_not_mixed_with_a_given_key(
    s3_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of another key")
    store = open_store(f"{s3_server.place}/{new_name()}", s3_server.options)

    store.write("a", [b"x"], size=1)

    assert read_all(store, "a") == b"x"


def test_keys_come_from_a_profile(
    s3_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = (s3_server.options[name] for name in ("access_key_id", "secret_access_key"))
    (tmp_path / "credentials").write_text(
        f"[lake]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    options = {"endpoint": s3_server.endpoint, "region": "us-east-1", "profile": "lake"}

    store = open_store(f"{s3_server.place}/{new_name()}", options)
    store.write("a", [b"x"], size=1)

    assert store.head("a", checksums=True) is not None


def test_s3_copies_between_buckets_of_one_endpoint(s3_server: Server) -> None:
    import boto3

    options = s3_server.options
    other = new_name()[:40]
    boto3.client(
        "s3", endpoint_url=s3_server.endpoint, region_name="us-east-1",
        aws_access_key_id=options["access_key_id"],
        aws_secret_access_key=options["secret_access_key"],
    ).create_bucket(Bucket=other)  # fmt: skip
    source = open_store(f"{s3_server.place}/{new_name()}", options)
    target = open_store(f"s3://{other}/table", options)
    sent = source.write("p=1/a b", [BODY], size=len(BODY))

    copied = target.copy_from(source, "p=1/a b", "p=1/a b")

    assert copied is not None
    assert copied.checksums[CRC64NVME] == sent.checksums[CRC64NVME]
    assert read_all(target, "p=1/a b") == BODY


def test_azure_copies_between_containers_of_one_account(azure_server: Server) -> None:
    other = new_name()[:40]
    make_container(azure_server.endpoint, other)
    source = open_store(f"{azure_server.place}/{new_name()}", azure_server.options)
    target = open_store(f"az://{other}/table", azure_server.options)
    source.write("p=1/a b", [BODY], size=len(BODY))

    copied = target.copy_from(source, "p=1/a b", "p=1/a b")

    assert copied is not None
    assert copied.size == len(BODY)
    assert read_all(target, "p=1/a b") == BODY


def test_gcs_copies_between_buckets_and_keeps_two_checksums(gcs_server: Server) -> None:
    other = new_name()[:40]
    make_bucket(gcs_server.endpoint, other)
    source = open_store(f"{gcs_server.place}/{new_name()}", gcs_server.options)
    target = open_store(f"gs://{other}/table", gcs_server.options)
    source.write("p=1/a b", [BODY], size=len(BODY))

    copied = target.copy_from(source, "p=1/a b", "p=1/a b")

    found = target.head("p=1/a b", checksums=True)
    assert copied is not None
    assert found is not None
    assert found.checksums["crc32c"] == f"{crc32c(BODY):08x}"
    assert found.checksums["md5"] == hashlib.md5(BODY).hexdigest()
