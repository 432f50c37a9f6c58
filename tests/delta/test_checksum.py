import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from lakeferry.delta.actions import DomainMetadata, Metadata, Protocol, Txn
from lakeferry.delta.checkpoint_write import CheckpointInfo
from lakeferry.delta.checksum import (
    canonical_checksum,
    checksum_differences,
    last_checkpoint_json,
    version_checksum,
)
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.store.open import open_store
from tests.corpora import DELTA, SPARK, required


@dataclass(frozen=True)
class State:
    protocol: Protocol = field(default_factory=lambda: Protocol(1, 2))
    metadata: Metadata = field(default_factory=lambda: Metadata("id", "{}", (), {}))
    txns: Mapping[str, Txn] = field(default_factory=lambda: {"app": Txn("app", 7, 8)})
    domains: Mapping[str, DomainMetadata] = field(
        default_factory=lambda: {"d": DomainMetadata("d", "{}")}
    )


EXPIRING = State(
    metadata=Metadata("id", "{}", (), {"delta.setTransactionRetentionDuration": "interval 1 day"})
)


def test_the_checksum_is_the_protocol_s_for_its_own_example() -> None:
    body = json.loads(
        """{"k0":"'v 0'","checksum":"adsaskfljadfkjadfkj","k1":{"k2":2,"k3":["v3",[1,2],"""
        """{"k4":"v4","k5":["v5","v6","v7"]}]}}"""
    )

    assert canonical_checksum(body) == "6a92d155a59bf2eecbd4b4ec7fd1f875"


def test_checksums_that_spark_wrote_are_ours_too() -> None:
    files = sorted(required(SPARK).glob("*/table/_delta_log/_last_checkpoint"))
    bodies = [json.loads(file.read_bytes()) for file in files]

    assert len(bodies) >= 4
    assert [canonical_checksum(body) for body in bodies] == [body["checksum"] for body in bodies]


def test_the_last_checkpoint_names_its_size_in_actions() -> None:
    body = json.loads(last_checkpoint_json(CheckpointInfo(4, "x", 12, 999, 10, 100)))

    assert body == {
        "version": 4,
        "size": 12,
        "sizeInBytes": 999,
        "numOfAddFiles": 10,
        "checksum": canonical_checksum(body),
    }


def test_a_version_checksum_says_what_is_known_and_nothing_else() -> None:
    body = json.loads(version_checksum(State(), files=3, bytes_in_files=30, txn_id="t"))

    assert body == {
        "txnId": "t",
        "tableSizeBytes": 30,
        "numFiles": 3,
        "numMetadata": 1,
        "numProtocol": 1,
        "setTransactions": [{"appId": "app", "version": 7, "lastUpdated": 8}],
        "domainMetadata": [{"domain": "d", "configuration": "{}", "removed": False}],
        "metadata": {
            "id": "id",
            "format": {"provider": "parquet", "options": {}},
            "schemaString": "{}",
            "partitionColumns": [],
            "configuration": {},
        },
        "protocol": {"minReaderVersion": 1, "minWriterVersion": 2},
    }


def test_transactions_are_left_out_where_readers_hide_expired_ones() -> None:
    body = json.loads(version_checksum(EXPIRING, files=3, bytes_in_files=30))

    assert "setTransactions" not in body


def test_our_own_checksum_contradicts_nothing() -> None:
    text = version_checksum(State(), files=3, bytes_in_files=30)

    assert checksum_differences(text, State(), files=3, bytes_in_files=30) == ()


def test_each_contradiction_is_named() -> None:
    text = json.dumps({"numFiles": 4, "setTransactions": [], "domainMetadata": []}).encode()

    found = checksum_differences(text, State(), files=3, bytes_in_files=30)

    assert found == ("numFiles", "setTransactions", "domainMetadata")


def test_a_damaged_checksum_contradicts_nothing() -> None:
    assert checksum_differences(b"{", State(), files=3, bytes_in_files=30) == ()
    assert checksum_differences(b"[]", State(), files=3, bytes_in_files=30) == ()


def test_every_version_checksum_of_the_corpora_agrees_with_what_we_read() -> None:
    files = sorted(required(SPARK).glob("*/*/_delta_log/0*.crc"))
    files += sorted(required(DELTA).glob("**/_delta_log/0*.crc"))
    snapshots = {
        file: read_snapshot(open_store(str(file.parents[1])), version=int(file.stem))
        for file in files
    }

    wrong = {file: _differences(file.read_bytes(), found) for file, found in snapshots.items()}

    assert len(files) > 250
    assert {file: found for file, found in wrong.items() if found} == {}


def _differences(text: bytes, snapshot: Snapshot) -> tuple[str, ...]:
    sizes = [
        size for batch in snapshot.files.batches(["size"]) for size in batch.column(0).to_pylist()
    ]
    return checksum_differences(text, snapshot, files=len(sizes), bytes_in_files=sum(sizes))
