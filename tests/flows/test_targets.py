"""What others do to a target or its source between two clones, and tables whose files lie apart."""

import shutil
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest

import lakeferry
from lakeferry.delta.checkpoint_head import checkpoint_head
from lakeferry.delta.deletion_vector import relative_vector
from lakeferry.delta.log import commit_name, list_log
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store
from lakeferry.verify.digest import Digest, digest_batches
from lakeferry.verify.read_rows import logical_schema, read_rows
from tests.delta.tables import METADATA, PROTOCOL, Action, add, commit, metadata
from tests.flows.tables import LAST, grow, look, tree


def refused(source: Path, target: Path, **options: Any) -> FerryError:
    before = tree(open_store(str(target)))
    with pytest.raises(FerryError) as caught:
        lakeferry.clone(str(source), str(target), **options)
    assert tree(open_store(str(target))) == before
    return caught.value


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return grow(tmp_path / "source", 1)


@pytest.fixture
def target(tmp_path: Path, source: Path) -> Path:
    """A clone of the source's version 1."""
    lakeferry.clone(str(source), str(tmp_path / "target"))
    return tmp_path / "target"


# ---- foreign commits


def on_target(target: Path, *actions: Action) -> None:
    version = max(list_log(open_store(str(target))).commits) + 1
    commit(target, version, *actions)


def metadata_of(target: Path) -> Action:
    snapshot = read_snapshot(open_store(str(target)))
    changed = metadata(delta__appendOnly="false")["metaData"]
    return {"metaData": {**changed, "id": snapshot.metadata.id,
                         "schemaString": snapshot.metadata.schema_string,
                         "partitionColumns": ["p"]}}  # fmt: skip


FOREIGN: dict[str, list[Action]] = {
    "rows": [add("p=a/new.parquet", partitionValues={"p": "a"})],
    "txn": [{"txn": {"appId": "another", "version": 1}}],
    "domain": [{"domainMetadata": {"domain": "x", "configuration": "{}", "removed": False}}],
    "clustering": [{"domainMetadata": {"domain": "delta.clustering", "removed": False,
                                       "configuration": '{"clusteringColumns":[["a"]]}'}}],
    "unknown action": [{"someday": {"x": 1}}],
    "protocol": [{"protocol": {"minReaderVersion": 3, "minWriterVersion": 7,
                               "readerFeatures": ["deletionVectors", "v2Checkpoint"],
                               "writerFeatures": ["deletionVectors", "v2Checkpoint",
                                                  "domainMetadata"]}}],
}  # fmt: skip


@pytest.mark.parametrize("grown", [True, False])
@pytest.mark.parametrize("what", [*FOREIGN, "metadata"])
def test_what_others_committed_to_the_target_is_refused_and_replaced_on_demand(
    source: Path, target: Path, what: str, grown: bool
) -> None:
    on_target(target, *(FOREIGN.get(what) or [metadata_of(target)]))
    if grown:
        grow(source)

    error = refused(source, target)

    assert (error.code, error.exit_code) == ("LF-5003", 3)
    assert "version 1" in error.what
    report = lakeferry.clone(str(source), str(target), replace=True)
    assert report.target_version == 2
    # What no log can take back: a transaction that was seen, a feature that was added.
    findings = {found.check for found in lakeferry.verify(str(source), str(target)).findings}
    assert findings <= {"txn", "protocol"}
    assert lakeferry.clone(str(source), str(target)).up_to_date


def test_what_no_commit_takes_back_is_named(source: Path, target: Path) -> None:
    assert lakeferry.clone(str(source), str(target), replace=True).warnings == ()
    on_target(target, *FOREIGN["txn"])
    on_target(target, *FOREIGN["protocol"])

    report = lakeferry.clone(str(source), str(target), replace=True)

    assert report.warnings == (
        "stays at the target: txn of `another` at 1: a stream of that name skips batches up to "
        "there; features `v2Checkpoint`: readers and writers must know them",
    )


def test_several_foreign_commits_are_all_named(source: Path, target: Path) -> None:
    for _ in range(3):
        on_target(target, *FOREIGN["txn"])

    assert "versions 1, 2, 3" in refused(source, target).what


def test_a_vacuum_of_the_target_is_nothing_foreign(source: Path, target: Path) -> None:
    on_target(target, {"commitInfo": {"operation": "VACUUM START"}})
    on_target(target, {"commitInfo": {"operation": "VACUUM END"}})

    assert lakeferry.clone(str(source), str(target)).commits == 0
    report = lakeferry.clone(str(grow(source)), str(target))

    assert (report.commits, report.files_copied) == (1, 3)
    assert look(target) == look(source)


def test_foreign_commits_that_log_cleanup_took_count_as_foreign(source: Path, target: Path) -> None:
    on_target(target, *FOREIGN["rows"])
    on_target(target, {"commitInfo": {"operation": "VACUUM END"}})
    checkpoint_head(open_store(str(target)), 2, now_ms=0)
    for version in (0, 1):
        (target / "_delta_log" / commit_name(version)).unlink()

    assert refused(source, target).code == "LF-5003"


# ---- another source


@pytest.mark.parametrize("last", [LAST, 0])  # 0: it has not the version that was cloned
def test_a_table_re_created_under_the_same_path_is_another_table(
    source: Path, target: Path, last: int
) -> None:
    shutil.rmtree(source)
    grow(source, last)
    first = source / "_delta_log" / commit_name(0)
    first.write_bytes(first.read_bytes().replace(b"5fba94ed", b"00000000"))

    error = refused(source, target)

    assert error.code == "LF-4106"
    assert "00000000" in error.what
    lakeferry.clone(str(source), str(target), replace=True)
    assert look(target) == look(source)


def test_a_source_that_went_back_is_refused_and_taken_on_demand(tmp_path: Path) -> None:
    source, target = grow(tmp_path / "source"), tmp_path / "target"
    lakeferry.clone(str(source), str(target))
    for version in (2, LAST):
        (source / "_delta_log" / commit_name(version)).unlink()

    error = refused(source, target)

    assert error.code == "LF-4104"
    assert "1" in error.what
    report = lakeferry.clone(str(source), str(target), replace=True)
    assert report.files_copied == 1  # the one that version 2 removed never came
    assert look(target) == look(source)


@pytest.mark.parametrize("mode", ["snapshot", "mirror"])
def test_another_table_at_the_target_is_refused(tmp_path: Path, source: Path, mode: str) -> None:
    other = tmp_path / "other"
    lakeferry.clone(str(grow(tmp_path / "second")), str(other))
    shutil.rmtree(other / "_delta_log" / "_lakeferry")

    assert refused(source, other, mode=mode).code == "LF-5002"


def test_a_source_whose_log_was_cleaned_since_goes_on(source: Path, target: Path) -> None:
    grow(source)
    checkpoint_head(open_store(str(source)), LAST, now_ms=0)
    for version in range(LAST):
        (source / "_delta_log" / commit_name(version)).unlink()

    report = lakeferry.clone(str(source), str(target))

    assert report.files_copied == 3
    assert look(target) == look(source)
    assert lakeferry.clone(str(source), str(target)).up_to_date


# ---- files that lie apart


def rows_of(table: Path) -> Digest:
    store = open_store(str(table))
    snapshot = read_snapshot(store)
    return digest_batches(logical_schema(snapshot), read_rows(store, snapshot))


def data_files(table: Path) -> list[str]:
    return [path for path in tree(open_store(str(table))) if not path.startswith("_delta_log")]


def test_a_shallow_clone_copies_nothing_and_is_read_through_to_the_source(tmp_path: Path) -> None:
    source, target = grow(tmp_path / "source"), tmp_path / "shallow"

    report = lakeferry.clone(str(source), str(target), shallow=True)

    assert (report.files_copied, report.bytes_copied) == (0, 0)
    assert data_files(target) == []
    assert rows_of(target) == rows_of(source)
    assert lakeferry.clone(str(source), str(target), shallow=True).up_to_date


def test_another_reader_reads_a_shallow_clone_too(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "shallow"
    lakeferry.clone(str(source), str(target), shallow=True)

    query = "select count(*) n, sum(id) s from t"
    counts = [
        deltalake.QueryBuilder().register("t", deltalake.DeltaTable(str(table))).execute(query)
        for table in (source, target)
    ]

    first, second = (pa.table(found.read_all()).to_pylist() for found in counts)
    assert first == second


def test_a_deep_clone_of_a_shallow_one_gathers_files_and_vectors(tmp_path: Path) -> None:
    """The second clone finds the same names again, so nothing moves twice."""
    source, shallow, target = grow(tmp_path / "source"), tmp_path / "shallow", tmp_path / "deep"
    lakeferry.clone(str(source), str(shallow), shallow=True)

    first = lakeferry.clone(str(shallow), str(target))
    second = lakeferry.clone(str(shallow), str(target))

    assert first.files_copied == 6
    assert second.up_to_date
    assert rows_of(target) == rows_of(source)
    shutil.rmtree(source)
    shutil.rmtree(shallow)
    assert rows_of(target).rows > 0
    paths = [path for batch in read_snapshot(open_store(str(target))).files.batches(["path"])
             for path in batch.column("path").to_pylist()]  # fmt: skip
    assert not [path for path in paths if "://" in path or path.startswith("/")]


def test_a_shallow_clone_whose_source_moved_is_gathered_by_a_prefix(tmp_path: Path) -> None:
    source, shallow, target = grow(tmp_path / "source"), tmp_path / "shallow", tmp_path / "deep"
    lakeferry.clone(str(source), str(shallow), shallow=True)
    rows = rows_of(source)
    source.rename(tmp_path / "moved")

    with pytest.raises(FerryError) as caught:
        lakeferry.clone(str(shallow), str(target))
    moved = {str(source): str(tmp_path / "moved")}
    lakeferry.clone(str(shallow), str(target), map_prefix=moved)

    assert caught.value.code == "LF-4101"
    assert rows_of(target) == rows


def test_a_vector_by_absolute_path_lands_as_a_relative_one(tmp_path: Path) -> None:
    source, shallow, target = grow(tmp_path / "source"), tmp_path / "shallow", tmp_path / "deep"
    lakeferry.clone(str(source), str(shallow), shallow=True)

    lakeferry.clone(str(shallow), str(target))

    vectors = [
        vector
        for batch in read_snapshot(open_store(str(target))).files.batches(["deletionVector"])
        for vector in batch.column("deletionVector").drop_null().to_pylist()
    ]
    file = next(source.glob("deletion_vector_*.bin"))
    assert [(vector["storageType"], vector["pathOrInlineDv"]) for vector in vectors] == [
        ("u", relative_vector(f"file://{file}"))
    ]
    assert (target / file.name).read_bytes() == file.read_bytes()


def test_a_mirror_of_a_shallow_clone_is_refused_with_its_reason(
    tmp_path: Path, source: Path
) -> None:
    lakeferry.clone(str(source), str(tmp_path / "shallow"), shallow=True)

    error = refused(tmp_path / "shallow", tmp_path / "mirror", mode="mirror")

    assert error.code == "LF-3003"
    assert "--mode snapshot" in error.next_step


@pytest.mark.parametrize("scheme", ["", "file:", "file://", "file://localhost"])
def test_absolute_paths_below_the_source_itself_become_relative(
    tmp_path: Path, scheme: str
) -> None:
    table, target = tmp_path / "table", tmp_path / "target"
    commit(table, 0, PROTOCOL, METADATA, add(f"{scheme}{table}/a.parquet"))
    (table / "a.parquet").write_bytes(b"0123456789")

    lakeferry.clone(str(table), str(target))

    files = read_snapshot(open_store(str(target))).files
    paths = [path for batch in files.batches(["path"]) for path in batch.column("path").to_pylist()]
    assert paths == ["a.parquet"]
    assert (target / "a.parquet").exists()
