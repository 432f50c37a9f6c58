from pathlib import Path

import pytest

from lakeferry.delta.commit_read import read_commit
from lakeferry.delta.log import list_log
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store
from tests.corpora import SPARK, required

from .tables import add, remove, table


def test_a_commit_is_read_as_it_stands(tmp_path: Path) -> None:
    cdc = {"path": "_change_data/x", "partitionValues": {}, "size": 1, "dataChange": False}
    store = table(
        tmp_path,
        [],
        [
            {"commitInfo": {"operation": "MERGE"}},
            remove("a", extendedFileMetadata=True, size=4, partitionValues={"p": "1"}),
            add("b"),
            add("a"),
            {"cdc": cdc},
            {"later": {"x": 1}},
            {"domainMetadata": {"domain": "d", "configuration": "{}", "removed": True}},
        ],
    )

    commit = read_commit(store, 1)

    assert (commit.version, commit.commit_info) == (1, {"operation": "MERGE"})
    assert (commit.protocol, commit.metadata, commit.txns) == (None, None, {})
    assert commit.cdc == (cdc,)
    assert commit.unknown == ({"later": {"x": 1}},)
    assert commit.domains["d"].removed
    [adds], [removes] = list(commit.adds), list(commit.removes)
    assert adds.column("path").to_pylist() == ["b", "a"]
    [gone] = removes.to_pylist(maps_as_pydicts="strict")
    assert (gone["path"], gone["size"], gone["deletionTimestamp"]) == ("a", 4, 5)
    assert gone["partitionValues"] == {"p": "1"}


def test_a_commit_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FerryError) as refused:
        read_commit(table(tmp_path, []), 7)

    assert refused.value.code == "LF-2105"


def test_change_data_files_are_kept_as_they_are() -> None:
    store = open_store(str(required(SPARK) / "change-data-feed/table"))

    found = [cdc for version in range(5) for cdc in read_commit(store, version).cdc]

    assert found
    assert all(cdc["path"].startswith("_change_data/") for cdc in found)


def test_a_commit_that_goes_away_while_the_log_is_read_is_named(tmp_path: Path) -> None:
    store = table(tmp_path, [add("a")], [add("b")])
    listing = list_log(store)
    (tmp_path / "_delta_log" / f"{1:020d}.json").unlink()

    with pytest.raises(FerryError) as refused:
        read_snapshot(store, listing=listing)

    assert refused.value.code == "LF-3102"


def test_a_large_commit_is_streamed_and_reads_the_same(tmp_path: Path) -> None:
    stats = '{"numRecords":1}' + " " * 1000
    store = table(tmp_path, [add(f"f{number}", stats=stats) for number in range(1_500)])

    snapshot = read_snapshot(store)

    assert sum(len(batch) for batch in snapshot.files.batches(["path"])) == 1_500
