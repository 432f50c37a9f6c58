"""Where another consumer stands is read from DynamoDB, a checkpoint or a file, and looked at."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import CommitProperties, Transaction, write_deltalake

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.demo.kinesis_feed import Feed
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.position.adopt import Adopted
from lakeferry.ingest.position.adopt_read import adopt, parse_wish
from lakeferry.ingest.position.state import (
    After,
    Ended,
    FromTime,
    FromTrimHorizon,
    IngestState,
    StreamIdentity,
)
from lakeferry.ingest.settings import DedupSettings, Ingest, SourceSettings, TargetSettings
from lakeferry.store.protocol import Store, read_all
from tests.ingest import kpl

A, B, C = "shardId-000000000000", "shardId-000000000001", "shardId-000000000002"
HERE = AwsAccess("eu-west-1")
QUERY = "7d3d8c6a-0b1f-4e0e-9d5c-3a1f5a0f9a11"


@pytest.fixture
def asked(kinesis_feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    source = SourceSettings("clicks", endpoint_of("eu-west-1", kinesis_feed.url), HERE)
    return Ingest("clicks", source, TargetSettings(str(tmp_path / "table")))


def in_file(folder: Path, shards: Mapping[str, str]) -> str:
    file = folder / "positions.json"
    file.write_text(json.dumps(shards))
    return f"shards:{file}"


# --- a file, and the records that it names --------------------------------------------------


def test_the_record_that_is_named_says_up_to_when_all_was_read(
    kinesis_feed: Feed, asked: Ingest, tmp_path: Path
) -> None:
    _, second, _ = kinesis_feed.put(A, "1", "2", "3")
    asked_at = kinesis_feed.now_ms()

    found = adopt(in_file(tmp_path, {A: second}), asked)

    place = found.shards[A]
    assert isinstance(place, After)
    assert place.sequence_number == second
    assert asked_at - 10_000 < place.read_until_ms <= asked_at + 1000
    assert found.exact


def test_a_number_that_is_not_of_the_stream_is_refused(asked: Ingest, tmp_path: Path) -> None:
    with pytest.raises(FerryError, match="LF-7082"):
        adopt(in_file(tmp_path, {A: "12345"}), asked)


def test_shards_that_were_split_since_are_read_after_their_parent(
    kinesis_feed: Feed, asked: Ingest, tmp_path: Path
) -> None:
    (number,) = kinesis_feed.put(A, "1")
    kinesis_feed.split(A)

    assert set(adopt(in_file(tmp_path, {A: number}), asked).shards) == {A}
    found = adopt(in_file(tmp_path, {A: "SHARD_END", B: "TRIM_HORIZON"}), asked)
    assert found.exact
    assert isinstance(found.shards[A], Ended)
    assert isinstance(found.shards[B], FromTrimHorizon)


def test_a_record_that_retention_took_is_told(
    kinesis_feed: Feed, asked: Ingest, tmp_path: Path
) -> None:
    (number,) = kinesis_feed.put(A, "old", arrived_ms=kinesis_feed.now_ms() - 5000)
    kinesis_feed.put(A, "new")
    kinesis_feed.trim(kinesis_feed.now_ms() - 1000)

    with pytest.raises(FerryError, match="LF-7084"):
        adopt(in_file(tmp_path, {A: number}), asked)

    assert not adopt(in_file(tmp_path, {A: number}), replace(asked, on_loss="go on")).exact


def test_a_service_that_throttles_is_asked_again(
    kinesis_feed: Feed, asked: Ingest, tmp_path: Path
) -> None:
    (number,) = kinesis_feed.put(A, "1")
    kinesis_feed.throttle(0.5)

    assert adopt(in_file(tmp_path, {A: number}), asked).exact


# --- the KCL --------------------------------------------------------------------------------


@pytest.fixture
def leases(moto_access: AwsAccess, asked: Ingest) -> Ingest:
    """An ingest whose account has an empty table of leases, `clicks-app`."""
    access = replace(moto_access, region="eu-west-1")
    client(access, "dynamodb").create_table(
        TableName="clicks-app",
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return replace(asked, source=replace(asked.source, access=access))


def put_lease(ingest: Ingest, shard: str, checkpoint: str, sub: int = 0, **more: Any) -> None:
    item = {
        "leaseKey": {"S": shard},
        "leaseCounter": {"N": str(more.pop("counter", 1))},
        "checkpoint": {"S": checkpoint},
        "checkpointSubSequenceNumber": {"N": str(sub)},
        **{name: {"S": value} for name, value in more.items()},
    }
    client(ingest.source.access, "dynamodb").put_item(TableName="clicks-app", Item=item)


@pytest.mark.server
def test_an_application_of_the_kcl_is_followed(kinesis_feed: Feed, leases: Ingest) -> None:
    b, c = kinesis_feed.split(A)
    first, _ = kinesis_feed.put(b, "1", "2")
    put_lease(leases, A, "SHARD_END")
    put_lease(leases, b, first)
    put_lease(leases, c, "TRIM_HORIZON")

    found = adopt("kcl:clicks-app", leases)

    assert found.exact
    assert found.notes == ()
    assert isinstance(found.shards[A], Ended)
    assert isinstance(found.shards[c], FromTrimHorizon)
    assert isinstance(found.shards[b], After)


@pytest.mark.server
def test_an_aggregate_that_was_half_read_is_read_again(kinesis_feed: Feed, leases: Ingest) -> None:
    (number,) = kinesis_feed.put(A, kpl.aggregate([("k", b"1"), ("k", b"2"), ("k", b"3")]))

    put_lease(leases, A, number, sub=2)
    assert adopt("kcl:clicks-app", leases).exact

    put_lease(leases, A, number, sub=1)
    found = adopt("kcl:clicks-app", leases)
    assert not found.exact
    assert isinstance(found.shards[A], FromTime)


@pytest.mark.server
def test_latest_is_no_place_unless_it_is_told_when(leases: Ingest) -> None:
    put_lease(leases, A, "LATEST")

    with pytest.raises(FerryError, match="LF-7085"):
        adopt("kcl:clicks-app", leases)
    found = adopt("kcl:clicks-app", replace(leases, start="at:2026-01-01T00:00:00Z"))
    assert found.shards == {A: FromTime(1_767_225_600_000, 1_767_225_600_000)}


@pytest.mark.server
def test_an_application_that_still_runs_is_told(
    kinesis_feed: Feed, leases: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    (number,) = kinesis_feed.put(A, "1")
    put_lease(leases, A, number, leaseOwner="worker-7")

    assert adopt("kcl:clicks-app", leases, renewed_s=0.5).exact

    def renewed(_: float) -> None:
        put_lease(leases, A, number, leaseOwner="worker-7", counter=2)

    monkeypatch.setattr("lakeferry.ingest.position.adopt_read.sleep", renewed)
    with pytest.raises(FerryError, match="LF-7086"):
        adopt("kcl:clicks-app", leases)


@pytest.mark.server
def test_a_table_that_is_not_there_is_told(leases: Ingest) -> None:
    with pytest.raises(FerryError, match="clicks-missing"):
        adopt("kcl:clicks-missing", leases)


# --- checkpoints of Spark -------------------------------------------------------------------


def checkpoint(folder: Path, *, committed: int, offsets: Mapping[int, Any]) -> Path:
    """A checkpoint as Spark writes it."""
    for name in ("commits", "offsets"):
        (folder / name).mkdir(parents=True)
    (folder / "metadata").write_text(json.dumps({"id": QUERY}))
    for batch in range(committed + 1):
        (folder / "commits" / str(batch)).write_text('v1\n{"nextBatchWatermarkMs":0}')
    meta = {"batchWatermarkMs": 0, "batchTimestampMs": 1_764_000_000_000, "conf": {}}
    for batch, offset in offsets.items():
        text = "\n".join(["v1", json.dumps(meta), json.dumps(offset)])
        (folder / "offsets" / str(batch)).write_text(text)
        (folder / "offsets" / f".{batch}.crc").write_bytes(b"crc")
    return folder


def connector_offset(batch: int, **shards: str) -> dict[str, dict[str, str]]:
    found = {"metadata": {"batchId": str(batch), "streamName": "clicks"}}
    return found | {name.replace("_", "-"): after(number) for name, number in shards.items()}


def after(number: str) -> dict[str, str]:
    kind = "AFTER_SEQUENCE_NUMBER"
    return {"iteratorType": kind, "iteratorPosition": number, "subSequenceNumber": "-1",
            "isLast": "true"}  # fmt: skip


def end_of(folder: Path, batch: int, shard: str, number: str, source: str = "sources/0/") -> None:
    file = folder / f"{source}shard-source/{batch}/{shard}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"shardId": shard, **after(number)}))
    file.with_name(f".{shard}.crc").write_bytes(b"crc")


def numbers_of(found: Adopted) -> dict[str, str]:
    return {
        shard: place.sequence_number
        for shard, place in found.shards.items()
        if isinstance(place, After)
    }


def test_the_connectors_query_is_followed_from_its_last_committed_batch(
    kinesis_feed: Feed, asked: Ingest, tmp_path: Path
) -> None:
    first, second, third = kinesis_feed.put(A, "1", "2", "3")
    folder = checkpoint(
        tmp_path / "c",
        committed=1,
        offsets={
            1: connector_offset(1, shardId_000000000000=first),
            2: connector_offset(2, shardId_000000000000=second),
        },
    )
    end_of(folder, 1, A, second)
    end_of(folder, 2, A, third)  # read, but not committed

    found = adopt(f"checkpoint:{folder}", asked)

    assert numbers_of(found) == {A: second}
    assert found.exact


def test_a_batch_that_the_table_has_and_the_checkpoint_not_yet_counts(
    kinesis_feed: Feed, asked: Ingest, tmp_path: Path
) -> None:
    first, second, third = kinesis_feed.put(A, "1", "2", "3")
    offsets = {n: connector_offset(n, shardId_000000000000=first) for n in (1, 2)}
    folder = checkpoint(tmp_path / "c", committed=1, offsets=offsets)
    end_of(folder, 1, A, second)
    end_of(folder, 2, A, third)
    table(tmp_path / "table", batch=2)

    assert numbers_of(adopt(f"checkpoint:{folder}", asked)) == {A: third}


def table(folder: Path, *, batch: int) -> None:
    """A table with the `txn` that Spark's sink leaves."""
    done = CommitProperties(app_transactions=[Transaction(QUERY, batch)])
    write_deltalake(folder, pa.table({"id": ["a"]}), commit_properties=done)


def test_a_table_that_lacks_a_committed_batch_is_refused(asked: Ingest, tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "c", committed=4, offsets={4: connector_offset(4)})
    table(tmp_path / "table", batch=3)

    with pytest.raises(FerryError, match="LF-7083"):
        adopt(f"checkpoint:{folder}", asked)


def test_the_connectors_records_may_lie_elsewhere(
    kinesis_feed: Feed, asked: Ingest, tmp_path: Path
) -> None:
    (first,) = kinesis_feed.put(A, "1")
    offsets = {0: connector_offset(0, shardId_000000000000=first)}
    folder = checkpoint(tmp_path / "c", committed=0, offsets=offsets)
    end_of(tmp_path / "else", 0, A, first, source="")

    with pytest.raises(FerryError, match="metadataPath"):
        adopt(f"checkpoint:{folder}", asked)

    found = adopt(f"checkpoint:{folder},metadata={tmp_path / 'else'}", asked)
    assert numbers_of(found) == {A: first}


def test_lakeferrys_own_source_is_asked_where_it_recorded(asked: Ingest, tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "c", committed=0, offsets={0: {"epoch": 3, "token": "abc"}})
    (folder / "lakeferry").mkdir()
    (folder / "lakeferry" / "kept").write_text("17")

    def own(store: Store, offset: Mapping[str, Any]) -> IngestState:
        assert offset == {"epoch": 3, "token": "abc"}
        number = read_all(store, "kept").decode()
        stream = StreamIdentity("clicks")
        return IngestState(3, stream, {A: After(number, 5, 9)})

    found = adopt(f"checkpoint:{folder}", asked, own=own)

    assert found == Adopted({A: After("17", 5, 9)}, exact=True)


def test_private_positions_are_taken_by_time_with_doubles_left_out(
    asked: Ingest, tmp_path: Path
) -> None:
    folder = checkpoint(tmp_path / "c", committed=0, offsets={0: {"shardId": "who knows"}})

    with pytest.raises(FerryError, match="LF-7086"):
        adopt(f"checkpoint:{folder}", asked)

    by_number = replace(asked, dedup=DedupSettings(("sequenceNumber",), 3600))
    found = adopt(f"checkpoint:{folder}", by_number)
    begin = 1_764_000_000_000 - 15 * 60_000
    assert found.shards == {A: FromTime(begin, begin)}
    assert not found.exact
    assert "private" in found.notes[0]


def test_a_folder_that_is_no_checkpoint_is_refused(asked: Ingest, tmp_path: Path) -> None:
    with pytest.raises(FerryError, match="no batch was committed"):
        adopt(f"checkpoint:{tmp_path}", asked)


@pytest.mark.parametrize("text", ["", "kcl", "kcl:", "s3://bucket", "shards:a,metadata=b"])
def test_what_is_none_of_the_three_is_refused(text: str) -> None:
    with pytest.raises(FerryError, match="LF-7082"):
        parse_wish(text)
