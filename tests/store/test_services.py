"""What single services do beyond the contract: stored checksums, copies between buckets."""

import hashlib
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from awscrt.checksums import crc32c
from botocore.stub import Stubber

from lakeferry.connect.connection import connection
from lakeferry.delta.commit import committed_by, publish
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store
from lakeferry.store.parts import part_size
from lakeferry.store.protocol import CRC64NVME, AlreadyThere, read_all
from lakeferry.store.s3 import S3
from tests.servers import Server, lossy_proxy, toxiproxy
from tests.servers.azurite import make_container
from tests.servers.fake_gcs import make_bucket

pytestmark = pytest.mark.server
BODY = bytes(range(256)) * 80_000  # 20 MB: three parts


def client_of(server: Server) -> Any:
    import boto3

    return boto3.client(
        "s3", endpoint_url=server.endpoint, region_name="us-east-1",
        aws_access_key_id=server.options["access_key_id"],
        aws_secret_access_key=server.options["secret_access_key"],
    )  # fmt: skip


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
    options = s3_server.options
    other = new_name()[:40]
    client_of(s3_server).create_bucket(Bucket=other)
    source = open_store(f"{s3_server.place}/{new_name()}", options)
    target = open_store(f"s3://{other}/table", options)
    sent = source.write("p=1/a b", [BODY], size=len(BODY))

    copied = target.copy_from(source, "p=1/a b", "p=1/a b")

    assert copied is not None
    assert copied.checksums[CRC64NVME] == sent.checksums[CRC64NVME]
    assert read_all(target, "p=1/a b") == BODY


WHOLE, PIECE = 11 << 20, 5 << 20  # bytes; in place of S3's 5 GiB and our 512 MiB


@pytest.mark.parametrize(("more", "parts"), [(-1, ""), (0, ""), (1, "3"), (PIECE, "4")])
def test_s3_copies_in_parts_what_is_too_large_for_one_request(
    s3_server: Server, more: int, parts: str
) -> None:
    folder = new_name()
    service = S3(connection("s3", s3_server.options), "lake", copy_whole=WHOLE, copy_part=PIECE)
    store = open_store(f"{s3_server.place}/{folder}", s3_server.options)
    body = BODY[: WHOLE + more]
    sent = store.write("a b", [body], size=len(body))

    copied = service.copy(service, replace(sent, path=f"{folder}/a b"), f"{folder}/p=1/b")

    assert copied is not None
    assert (copied.size, copied.checksums[CRC64NVME]) == (len(body), sent.checksums[CRC64NVME])
    # The tag of what was joined of parts ends with their number.
    assert (copied.e_tag or "").partition("-")[2] == parts
    assert read_all(store, "p=1/b") == body


def test_a_source_that_changes_while_it_is_copied_in_parts_leaves_nothing(
    s3_server: Server,
) -> None:
    folder = new_name()
    service = S3(connection("s3", s3_server.options), "lake", copy_whole=WHOLE, copy_part=PIECE)
    store = open_store(f"{s3_server.place}/{folder}", s3_server.options)
    seen = replace(store.write("a", [BODY], size=len(BODY)), path=f"{folder}/a")
    store.write("a", [BODY[::-1]], size=len(BODY))

    with pytest.raises(FerryError, match="LF-1004"):
        service.copy(service, seen, f"{folder}/b")

    assert store.head("b") is None
    assert "Uploads" not in client_of(s3_server).list_multipart_uploads(
        Bucket="lake", Prefix=f"{folder}/b"
    )


def test_a_source_that_goes_while_it_is_copied_in_parts_is_a_file_not_found(
    s3_server: Server,
) -> None:
    folder = new_name()
    service = S3(connection("s3", s3_server.options), "lake", copy_whole=WHOLE, copy_part=PIECE)
    store = open_store(f"{s3_server.place}/{folder}", s3_server.options)
    seen = replace(store.write("a", [BODY], size=len(BODY)), path=f"{folder}/a")
    store.delete("a")

    with pytest.raises(FileNotFoundError):
        service.copy(service, seen, f"{folder}/b")

    assert store.head("b") is None


# Joining parts may take longer than a network keeps silent lines: the answer is lost, the next try
# finds no upload any more, and yet all went well.


def test_a_copy_in_parts_whose_last_answer_was_lost_is_a_copy(s3_server: Server) -> None:
    folder = new_name()
    store = open_store(f"{s3_server.place}/{folder}", s3_server.options)
    seen = replace(store.write("a", [BODY], size=len(BODY)), path=f"{folder}/a")

    with lossy_proxy.running(s3_server.port) as network:
        options = {**s3_server.options, "endpoint": f"http://127.0.0.1:{network.port}"}
        service = S3(connection("s3", options), "lake", copy_whole=WHOLE, copy_part=PIECE)
        network.lose.append("POST uploadId=")
        copied = service.copy(service, seen, f"{folder}/b")

    assert network.lost == ["200"]
    assert copied is not None
    assert copied.size == len(BODY)
    assert read_all(store, "b") == BODY


def test_a_large_commit_whose_last_answer_was_lost_is_ours(s3_server: Server) -> None:
    folder = new_name()
    line = b'{"commitInfo":{"txnId":"ours"}}\n'
    body = line + b" " * (7 << 20)

    with lossy_proxy.running(s3_server.port) as network:
        endpoint = {"endpoint": f"http://127.0.0.1:{network.port}"}
        options = {**s3_server.options, **endpoint, "large_commit_bytes": str(6 << 20)}
        store = open_store(f"{s3_server.place}/{folder}", options)
        network.lose.append("POST uploadId=")
        publish(store, 0, lambda: [body], txn_id="ours", size_hint=len(body))

    assert network.lost == ["200"]
    assert committed_by(open_store(store.url, s3_server.options), 0) == "ours"


def test_an_object_whose_parts_are_still_being_joined_is_waited_for(s3_server: Server) -> None:
    with lossy_proxy.running(s3_server.port) as network:
        options = {**s3_server.options, "endpoint": f"http://127.0.0.1:{network.port}"}
        store = open_store(f"{s3_server.place}/{new_name()}", options)
        network.early.append("POST uploadId=")

        written = store.write("a", [BODY], size=len(BODY))

        assert network.early == []
        assert written.e_tag == store.head("a").e_tag  # type: ignore[union-attr]


def test_bodies_are_sent_as_slowly_as_the_link_is(s3_server: Server, tmp_path: Path) -> None:
    """Where no byte comes for 20 s a reader gives up; one body of 8 MiB takes longer here."""
    with toxiproxy.running(tmp_path, upstream_port=s3_server.port) as network:
        network.spoil("bandwidth", stream="upstream", rate=360)  # KB/s
        options = {**s3_server.options, "endpoint": f"http://127.0.0.1:{network.port}"}
        store = open_store(f"{s3_server.place}/{new_name()}", options)
        started = time.monotonic()

        store.write("a", [BODY[: 8 << 20]], size=8 << 20)

    assert 20 < time.monotonic() - started < 60


@pytest.mark.parametrize(
    ("size", "bytes_a_part"),
    [(1, 8 << 20), (9_000 * (8 << 20), 8 << 20), (9_000 * (8 << 20) + 1, (8 << 20) + 1)],
)
def test_the_largest_objects_go_in_larger_parts(size: int, bytes_a_part: int) -> None:
    assert part_size(size, 8 << 20) == bytes_a_part


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


def test_a_server_that_refuses_the_condition_of_a_delete_is_asked_what_is_there_first() -> None:
    keys = {"access_key_id": "any", "secret_access_key": "any"}
    nowhere = {"endpoint": "http://127.0.0.1:9", "region": "us-east-1", **keys}
    service = S3(connection("s3", nowhere), "lake")
    told = {"Bucket": "lake", "Key": "a"}
    seen = {"ContentLength": 1, "ETag": '"one"', "LastModified": datetime.now(UTC)}
    with Stubber(service._client()) as server:
        for _ in range(2):
            server.add_response("head_object", seen, {**told, "ChecksumMode": "ENABLED"})
        server.add_client_error(
            "delete_object", "NotImplemented", http_status_code=501,
            expected_params={**told, "IfMatch": '"one"'},
        )  # fmt: skip
        server.add_response("delete_object", {}, told)
        with pytest.raises(AlreadyThere):
            service.delete("a", "another")
        service.delete("a", "one")
        server.assert_no_pending_responses()
