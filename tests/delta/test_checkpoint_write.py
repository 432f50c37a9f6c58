import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lakeferry.delta.checkpoint_write import duration_ms, write_checkpoint
from lakeferry.delta.checksum import last_checkpoint_json
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.store.local import LocalStore
from lakeferry.store.open import open_store
from tests.corpora import DELTA, SPARK, required

from .tables import add, commit, metadata, paths, remove, rows, table, vector

DAY_MS = 24 * 3600 * 1000


def rewritten(snapshot: Snapshot, root: Path, *, now_ms: int = 0) -> Snapshot:
    """The table as it is after its whole log became one checkpoint."""
    store = open_store(str(root))
    write_checkpoint(
        store,
        snapshot.version,
        state=snapshot,
        files=snapshot.files,
        removes=snapshot.removes,
        now_ms=now_ms,
    )
    return read_snapshot(store, tombstones=True)


def test_a_checkpoint_alone_says_what_the_log_said(tmp_path: Path) -> None:
    source = table(
        tmp_path / "source",
        [
            add("a", partitionValues={"p": None}, tags={"t": "1"}, stats="{}", dataChange=False),
            add("b", deletionVector=vector("x"), baseRowId=3, defaultRowCommitVersion=0),
            {"txn": {"appId": "s", "version": 4, "lastUpdated": 5}},
            {"domainMetadata": {"domain": "d", "configuration": "{}", "removed": False}},
        ],
        [metadata(delta__appendOnly="false"), remove("a", partitionValues={}, size=1)],
    )
    before = read_snapshot(source, tombstones=True)

    after = rewritten(before, tmp_path / "target")

    assert after.version == 1
    assert (after.protocol, after.metadata) == (before.protocol, before.metadata)
    assert (after.txns, after.domains) == (before.txns, before.domains)
    assert after.segment.commits == ()
    assert rows(after.files) == [{**row, "dataChange": False} for row in rows(before.files)]
    assert after.removes is not None
    [tombstone] = rows(after.removes)
    assert (tombstone["path"], tombstone["deletionTimestamp"]) == ("a", 5)


def test_what_was_written_is_counted(tmp_path: Path) -> None:
    snapshot = read_snapshot(table(tmp_path / "source", [add("a", size=3), add("b", size=4)]))
    store = open_store(str(tmp_path / "target"))

    info = write_checkpoint(store, 0, state=snapshot, files=snapshot.files)

    assert (info.version, info.actions, info.add_files, info.add_bytes) == (0, 4, 2, 7)
    assert info.size_in_bytes == (tmp_path / "target" / info.path).stat().st_size
    assert json.loads(last_checkpoint_json(info))["size"] == 4


def test_expired_tombstones_are_left_out(tmp_path: Path) -> None:
    gone = [remove("old", deletionTimestamp=1), remove("new", deletionTimestamp=9 * DAY_MS),
            {"remove": {"path": "timeless"}}]  # fmt: skip
    source = table(tmp_path / "source", [add("a")], gone)

    after = rewritten(
        read_snapshot(source, tombstones=True), tmp_path / "target", now_ms=10 * DAY_MS
    )

    assert after.removes is not None
    assert paths(after.removes) == ["new"]


def test_a_table_with_v2_checkpoints_gets_their_columns(tmp_path: Path) -> None:
    source = table(tmp_path / "source", [add("a")])
    names = ["v2Checkpoint"]
    commit(
        tmp_path / "source",
        1,
        {
            "protocol": {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": names,
                "writerFeatures": names,
            }
        },
    )

    after = rewritten(read_snapshot(source), tmp_path / "target")

    [file] = (tmp_path / "target" / "_delta_log").iterdir()
    assert pq.read_schema(file).names == [
        *("txn", "add", "remove", "metaData", "protocol", "domainMetadata"),
        *("checkpointMetadata", "sidecar"),
    ]
    assert paths(after.files) == ["a"]


@pytest.mark.parametrize(
    ("interval", "ms"),
    [
        ("interval 1 week", 7 * DAY_MS),
        ("interval 7 days 12 hours", 7 * DAY_MS + DAY_MS // 2),
        ("30 minutes", 1_800_000),
        ("interval 99999999999999999999 weeks", 1 << 53),
        ("interval", None),
        ("interval 1 fortnight", None),
        ("", None),
    ],
)
def test_intervals_are_understood(interval: str, ms: int | None) -> None:
    assert duration_ms(interval) == ms


def test_every_table_of_the_corpora_survives_as_one_checkpoint(tmp_path: Path) -> None:
    kept = {}
    for index, log in enumerate(sorted(required(SPARK).glob("*/*/_delta_log"))):
        before = read_snapshot(LocalStore(str(log.parent)), tombstones=True)
        after = rewritten(before, tmp_path / str(index))
        kept[log.parent] = (
            [{**row, "dataChange": False, "extra": None} for row in rows(before.files)]
            == rows(after.files)
            and (before.metadata, before.protocol) == (after.metadata, after.protocol)
            and (before.txns, before.domains) == (after.txns, after.domains)
        )

    assert len(kept) > 30
    assert all(kept.values())


def test_deltalake_reads_the_checkpoint_that_we_write(tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    source = required(DELTA) / "delta-io+delta-rs/delta-0.8.0-partitioned"
    snapshot = read_snapshot(open_store(str(source)))

    rewritten(snapshot, tmp_path)

    found = deltalake.DeltaTable(str(tmp_path))
    assert found.version() == snapshot.version
    assert sorted(found.file_uris()) == sorted(
        str(tmp_path / path) for path in paths(snapshot.files)
    )


def test_expired_tombstones_alone_leave_no_row(tmp_path: Path) -> None:
    source = table(tmp_path / "source", [add("a")], [remove("b", deletionTimestamp=1)])

    after = rewritten(
        read_snapshot(source, tombstones=True), tmp_path / "target", now_ms=10 * DAY_MS
    )

    assert after.removes is not None
    assert paths(after.removes) == []
