"""The encryption of what is written, as a server of S3 is told it, and in which requests."""

import uuid
from urllib.parse import urlsplit

import pytest

from lakeferry.connect.aws import AwsAccess
from lakeferry.connect.connection import connection
from lakeferry.connect.s3_encryption import Encryption, encryption_of
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store
from lakeferry.store.s3 import S3
from lakeferry.store.sealed import otherwise_sealed
from tests.servers import Server, lossy_proxy
from tests.store.test_storage_class import client

KEY = "arn:aws:kms:us-east-1:111122223333:key/9a77c0de-0000-4000-8000-1234567890ab"
KMS = {"sse": "aws:kms", "kms_key": KEY}
SAID = "x-amz-server-side-encryption"
MIB = 1 << 20


@pytest.fixture
def small_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies over 6 MiB go in parts."""
    monkeypatch.setattr(S3.__init__, "__kwdefaults__", {
        **(S3.__init__.__kwdefaults__ or {}), "copy_whole": 6 * MIB, "copy_part": 5 * MIB,
    })  # fmt: skip


def write_all_ways(url: str, options: dict[str, str]) -> None:
    """One object by each kind of request that makes one."""
    store = open_store(url, {**options, "large_commit_bytes": str(5 * MIB)})
    store.write("small", [b"x"], size=1)
    store.write("large", (bytes(MIB) for _ in range(9)), size=9 * MIB)
    store.put_if_absent("_delta_log/small.json", [b"{}"], size_hint=2)
    store.put_if_absent("_delta_log/large.json", iter([bytes(3 * MIB)] * 2), size_hint=6 * MIB)
    store.copy_from(store, "small", "copy")
    store.copy_from(store, "large", "copy-in-parts")


WRITTEN = ("small", "large", "_delta_log/small.json", "_delta_log/large.json", "copy",
           "copy-in-parts")  # fmt: skip


@pytest.mark.server
@pytest.mark.usefixtures("small_copies")
def test_every_object_has_it_however_it_was_made(moto_access: AwsAccess) -> None:
    bucket, s3 = f"sse-{uuid.uuid4().hex}", client(moto_access)
    s3.create_bucket(Bucket=bucket)

    write_all_ways(f"s3://{bucket}/t", {"endpoint": moto_access.endpoint or "", **KMS})

    heads = {path: s3.head_object(Bucket=bucket, Key=f"t/{path}") for path in WRITTEN}
    found = {
        path: (one.get("ServerSideEncryption"), one.get("SSEKMSKeyId"))
        for path, one in heads.items()
    }
    assert found == dict.fromkeys(WRITTEN, ("aws:kms", KEY))


@pytest.mark.server
def test_an_object_that_has_another_is_told(moto_access: AwsAccess) -> None:
    bucket = f"sse-{uuid.uuid4().hex}"
    client(moto_access).create_bucket(Bucket=bucket)
    options = {"endpoint": moto_access.endpoint or ""}
    other = f"{KEY[:-2]}cd"
    for name, said in (("asked", KMS), ("other", {**KMS, "kms_key": other}), ("none", {})):
        store = open_store(f"s3://{bucket}/t", {**options, **said})
        for path in (f"part-{name}", f"_delta_log/{name}"):
            store.write(path, [b"x"], size=1)

    found = dict(otherwise_sealed(open_store(f"s3://{bucket}/t", {**options, **KMS})))

    told = {"asked": None, "other": f"with the key {other}", "none": "nothing, not aws:kms"}
    assert found == {
        f"{folder}{name}": how for name, how in told.items() for folder in ("part-", "_delta_log/")
    }
    assert list(otherwise_sealed(open_store(f"s3://{bucket}/t", options))) == []


@pytest.mark.server
@pytest.mark.usefixtures("small_copies")
def test_it_is_said_where_an_object_or_an_upload_begins_and_nowhere_else(
    s3_server: Server,
) -> None:
    port = urlsplit(s3_server.endpoint).port or 0
    name = uuid.uuid4().hex
    with lossy_proxy.running(port) as proxy:
        options = {**s3_server.options, "endpoint": f"http://127.0.0.1:{proxy.port}"}
        write_all_ways(f"{s3_server.place}/{name}", {**options, **KMS})

    told = {SAID: "aws:kms", f"{SAID}-aws-kms-key-id": KEY, f"{SAID}-bucket-key-enabled": "true"}
    beginners = set()
    for request, headers in proxy.asked:
        said = {header: text for header, text in headers.items() if header.startswith(SAID)}
        if said:
            assert said == told, request
            method, _, path = request.partition(" ")
            beginners.add(f"{method} {path.partition(f'{name}/')[2].removesuffix('=')}")
    assert beginners == {
        "PUT small", "PUT _delta_log/small.json", "PUT copy", "POST large?uploads",
        "POST _delta_log/large.json?uploads", "POST copy-in-parts?uploads",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, None),
        ({"sse": "none"}, None),
        ({"sse": "AES256"}, Encryption("AES256")),
        ({"sse": "aws:kms"}, Encryption("aws:kms", None, True)),
        ({**KMS, "bucket_key": "false"}, Encryption("aws:kms", KEY, False)),
        ({"sse": "aws:kms:dsse", "kms_key": KEY}, Encryption("aws:kms:dsse", KEY)),
    ],
)
def test_only_a_key_of_kms_has_a_bucket_key_and_it_has_one_unless_told_not_to(
    options: dict[str, str], said: Encryption | None
) -> None:
    assert encryption_of(connection("s3", options)) == said


def test_what_does_not_go_together_is_refused_before_anything_is_asked() -> None:
    for options in ({"sse": "kms"}, {"kms_key": KEY}, {"sse": "AES256", "kms_key": KEY},
                    {"sse": "aws:kms:dsse", "bucket_key": "true"}):  # fmt: skip
        with pytest.raises(FerryError) as refused:
            open_store("s3://b/t", options)
        assert refused.value.code == "LF-2001"
