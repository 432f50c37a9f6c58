import shutil
import tempfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.delta.checkpoint_write import write_checkpoint
from lakeferry.delta.checksum import version_checksum
from lakeferry.delta.compaction import shortened
from lakeferry.delta.log import Checkpoint, LogFile, LogSegment, list_log
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store
from lakeferry.store.protocol import ObjectMeta
from tests.corpora import SPARK, required

from .tables import (
    PROTOCOL,
    Action,
    add,
    commit,
    lines,
    metadata,
    paths,
    remove,
    rows,
    spark_keys,
    table,
    vector,
    write,
)
from .test_snapshot import HISTORIES, as_action

NEVER = b"nobody reads this"


def compacted(root: Path, first: int, last: int, *actions: Action) -> Path:
    return write(root, f"{first:020d}.{last:020d}.compacted.json", lines(*actions))


def checksum(root: Path, version: int) -> None:
    """The version checksum that a writer of the table would have put, from its commits alone."""
    store = open_store(str(root))
    state = read_snapshot(store, version=version)
    sizes = [row["size"] for row in rows(state.files)]
    text = version_checksum(state, files=len(sizes), bytes_in_files=sum(sizes))
    write(root, f"{version:020d}.crc", text)


def spoil(root: Path, *versions: int) -> None:
    """Whoever reads these commits fails."""
    for version in versions:
        write(root, f"{version:020d}.json", NEVER)


def four(root: Path) -> None:
    """Versions 0 to 3 with the checksum of 3: files a, c and d are live, one txn is known."""
    txn = {"txn": {"appId": "stream", "version": 7}}
    table(root, [add("a"), add("b")], [add("c")], [remove("b"), txn], [add("d")])
    checksum(root, 3)


TXN = {"txn": {"appId": "stream", "version": 7}}


def test_a_compaction_is_read_instead_of_the_commits_that_it_covers(tmp_path: Path) -> None:
    four(tmp_path)
    compacted(tmp_path, 1, 2, add("c"), remove("b"), TXN)
    spoil(tmp_path, 1, 2)

    snapshot = read_snapshot(open_store(str(tmp_path)))

    assert paths(snapshot.files) == ["a", "c", "d"]
    assert {name: txn.version for name, txn in snapshot.txns.items()} == {"stream": 7}


def test_of_overlapping_compactions_the_longest_from_the_start_is_read(tmp_path: Path) -> None:
    four(tmp_path)
    compacted(tmp_path, 1, 2, add("wrong"))
    compacted(tmp_path, 2, 3, add("wrong"))
    compacted(tmp_path, 1, 3, add("c"), remove("b"), add("d"), TXN)
    spoil(tmp_path, 1, 2, 3)

    assert paths(read_snapshot(open_store(str(tmp_path))).files) == ["a", "c", "d"]


def test_a_compaction_hides_what_a_checkpoint_before_it_has(tmp_path: Path) -> None:
    four(tmp_path)
    store = open_store(str(tmp_path))
    start = read_snapshot(store, version=0, tombstones=True)
    write_checkpoint(store, 0, state=start, files=start.files, removes=start.removes)
    compacted(tmp_path, 1, 2, add("c"), remove("b"), TXN)
    spoil(tmp_path, 0, 1, 2)

    assert paths(read_snapshot(store).files) == ["a", "c", "d"]


@pytest.mark.parametrize(("checkpoint_bytes", "reads"), [(1 << 20, 2), ((1 << 20) + 1, 3)])
def test_where_the_check_costs_more_than_it_spares_the_commits_are_read(
    checkpoint_bytes: int, reads: int
) -> None:
    """One commit is spared, and the checkpoint would have to be read once more."""

    def file(kind: str, version: int, size: int = 100, end: int = 0) -> LogFile:
        return LogFile(kind, version, ObjectMeta(f"{kind}{version}", size), end=end)

    checkpoint = Checkpoint(6, (file("checkpoint", 6, checkpoint_bytes),))
    commits = tuple(file("commit", version) for version in (7, 8, 9))
    compaction = file("compacted", 7, end=8)
    chosen = LogSegment(commits, checkpoint, (compaction,), file("crc", 9), 9)

    assert len(shortened(chosen)) == reads


def test_a_version_within_a_compaction_is_read_from_commits(tmp_path: Path) -> None:
    four(tmp_path)
    checksum(tmp_path, 1)
    compacted(tmp_path, 1, 2, remove("b"), add("c"), TXN)

    assert paths(read_snapshot(open_store(str(tmp_path)), version=1).files) == ["a", "b", "c"]


def test_a_compaction_at_the_head_loses_no_in_commit_timestamp(tmp_path: Path) -> None:
    stamped = metadata(delta__enableInCommitTimestamps="true")
    commit(tmp_path, 0, {"commitInfo": {"inCommitTimestamp": 100}}, PROTOCOL, stamped)
    commit(tmp_path, 1, {"commitInfo": {"inCommitTimestamp": 200}}, add("a"))
    commit(tmp_path, 2, {"commitInfo": {"inCommitTimestamp": 300}}, add("b"))
    checksum(tmp_path, 2)
    # A compaction holds no commitInfo; one that does must not be taken for the head's.
    compacted(tmp_path, 1, 2, {"commitInfo": {"inCommitTimestamp": 999}}, add("a"), add("b"))

    snapshot = read_snapshot(open_store(str(tmp_path)))

    assert (snapshot.in_commit_timestamp, snapshot.timestamp_ms) == (300, 300)


def test_row_ids_vectors_and_tags_of_a_compaction_are_kept(tmp_path: Path) -> None:
    fields = {"baseRowId": 4, "defaultRowCommitVersion": 1, "tags": {"t": "1"}, "new": [1.0]}
    table(tmp_path, [], [add("a", **fields)], [add("b", deletionVector=vector("x"))])
    checksum(tmp_path, 2)
    plain = rows(read_snapshot(open_store(str(tmp_path))).files)
    compacted(tmp_path, 1, 2, add("a", **fields), add("b", deletionVector=vector("x")))
    spoil(tmp_path, 1, 2)

    assert rows(read_snapshot(open_store(str(tmp_path))).files) == plain


# What writers in use do wrong, and what damage does: the commits decide.

ODD: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b'{"add":{"pa',
    "an action without a path": b'{"add":{"size":1}}\n',
    "another feature": lines(
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7,
                      "readerFeatures": ["x"], "writerFeatures": ["x"]}},
    ),
    "without a remove past its retention": lines(add("c"), TXN),
    "a remove behind the newer add of the same file": lines(
        add("c"), remove("b"), TXN, add("d"), remove("c")
    ),
    "without the txn": lines(add("c"), remove("b")),
    "an older txn": lines(add("c"), remove("b"), {"txn": {"appId": "stream", "version": 6}}),
    "another property": lines(add("c"), remove("b"), TXN, metadata(v="9")),
    "a file of another size": lines(add("c", size=11), remove("b"), TXN),
    "another file more": lines(add("c"), remove("b"), TXN, add("e")),
}  # fmt: skip


@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
def test_an_odd_compaction_changes_nothing_where_the_commits_are_there(
    tmp_path: Path, body: bytes
) -> None:
    four(tmp_path)
    write(tmp_path, f"{1:020d}.{2:020d}.compacted.json", body)

    snapshot = read_snapshot(open_store(str(tmp_path)))

    assert [(row["path"], row["size"]) for row in rows(snapshot.files)] == [
        ("a", 10), ("c", 10), ("d", 10),
    ]  # fmt: skip
    assert snapshot.txns["stream"].version == 7
    assert snapshot.metadata.configuration == {}


def test_a_domain_whose_removal_the_compaction_left_out_stays_removed(tmp_path: Path) -> None:
    domain = {"domain": "d", "configuration": "{}"}
    table(
        tmp_path,
        [{"domainMetadata": {**domain, "removed": False}}],
        [{"domainMetadata": {**domain, "removed": True}}],
        [add("a")],
    )
    checksum(tmp_path, 2)
    compacted(tmp_path, 1, 2, add("a"))

    assert read_snapshot(open_store(str(tmp_path))).domains == {}


def test_without_a_checksum_that_bears_it_out_no_compaction_counts(tmp_path: Path) -> None:
    four(tmp_path)
    (tmp_path / "_delta_log" / f"{3:020d}.crc").unlink()
    compacted(tmp_path, 1, 2, add("c"), TXN)

    assert paths(read_snapshot(open_store(str(tmp_path))).files) == ["a", "c", "d"]


@pytest.mark.parametrize("lost", ["domainMetadata", "setTransactions", "metadata", "numFiles"])
def test_a_checksum_that_does_not_state_all_bears_nothing_out(tmp_path: Path, lost: str) -> None:
    domain = {"domainMetadata": {"domain": "d", "configuration": "{}", "removed": False}}
    table(tmp_path, [domain, TXN], [add("a")], [add("b")])
    checksum(tmp_path, 2)
    crc = tmp_path / "_delta_log" / f"{2:020d}.crc"
    stated = orjson.loads(crc.read_bytes())
    compacted(tmp_path, 1, 2, add("a"), add("b"))
    spoil(tmp_path, 1, 2)
    assert paths(read_snapshot(open_store(str(tmp_path))).files) == ["a", "b"]

    del stated[lost]
    crc.write_bytes(orjson.dumps(stated))

    with pytest.raises(FerryError, match="LF-3103"):
        read_snapshot(open_store(str(tmp_path)))


def test_an_unknown_action_keeps_its_own_version(tmp_path: Path) -> None:
    table(tmp_path, [], [{"future": {"x": 1}}], [add("a")])
    checksum(tmp_path, 2)
    compacted(tmp_path, 1, 2, {"future": {"x": 1}}, add("a"))

    unknown = read_snapshot(open_store(str(tmp_path))).unknown_actions

    assert unknown == ((1, {"future": {"x": 1}}),)


def test_a_compaction_does_not_stand_for_a_commit_that_is_gone(tmp_path: Path) -> None:
    four(tmp_path)
    name = compacted(tmp_path, 1, 2, add("c"), remove("b"), TXN).name
    (tmp_path / "_delta_log" / f"{2:020d}.json").unlink()

    with pytest.raises(FerryError, match="LF-3102") as raised:
        read_snapshot(open_store(str(tmp_path)))

    assert raised.value.where.endswith(
        f"yet version 3 needs it; _delta_log/{name} covers it but may not stand alone"
    )


def test_the_compaction_of_a_table_that_spark_wrote_gives_what_spark_sees(tmp_path: Path) -> None:
    corpus = required(SPARK / "compacted-log")
    root = tmp_path / "table"
    shutil.copytree(corpus / "table", root)
    expected = orjson.loads((corpus / "expected.json").read_bytes())["steps"][-1]
    spoil(root, 1, 2, 3, 4)

    snapshot = read_snapshot(open_store(str(root)))

    assert len(spark_keys(snapshot.files)) == expected["files"]["count"]
    assert sum(row["size"] for row in rows(snapshot.files)) == expected["files"]["bytes"]
    assert snapshot.metadata.id == expected["metadata_id"]


# --- for all histories -------------------------------------------------------------------------


def reconciled(root: Path, first: int, last: int) -> list[Action]:
    """The compaction of a range, by the protocol's rules at their plainest: the last word counts.

    A file's key is path and vector; removes and removed domains stay.
    """
    found: dict[Any, Action] = {}
    for version in range(first, last + 1):
        body = (root / "_delta_log" / f"{version:020d}.json").read_bytes()
        for action in map(orjson.loads, body.splitlines()):
            [(name, value)] = action.items()
            kind = "file" if name in ("add", "remove") else name
            keys = ("path", "deletionVector", "appId", "domain")
            key = (kind, *(str(value.get(field)) for field in keys))
            found.pop(key, None)
            found[key] = action
    return list(found.values())


def facts(snapshot: Snapshot) -> tuple[Any, ...]:
    return (
        rows(snapshot.files), snapshot.txns, snapshot.domains, snapshot.metadata,
        snapshot.protocol, snapshot.version, snapshot.in_commit_timestamp,
    )  # fmt: skip


@settings(max_examples=60)
@given(HISTORIES, st.data())
def test_the_state_does_not_depend_on_compactions(history: Any, data: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        store = table(root, *([as_action(*item) for item in items] for items in history))
        head = len(history) - 1
        checksum(root, head)
        plain = facts(read_snapshot(store))
        bounds = st.tuples(st.integers(0, head), st.integers(0, head))
        ranges = [
            (first, last)
            for first, last in data.draw(st.lists(bounds, max_size=3), label="compactions")
            if first < last
        ]
        for first, last in ranges:
            compacted(root, first, last, *reconciled(root, first, last))

        assert len(list_log(store).compactions) == len(set(ranges))
        assert facts(read_snapshot(store)) == plain
        # It was by the compactions that it was read: those commits say nothing any more.
        for first, last in ranges[:1] if len(ranges) == 1 else []:
            spoil(root, *range(first, last + 1))
            assert facts(read_snapshot(store)) == plain
