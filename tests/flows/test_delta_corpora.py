"""Every table that other projects publish, cloned in both modes, as many readers see it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lakeferry
from lakeferry.delta.features import effective_features
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.store.local import LocalStore
from lakeferry.verify.digest import digest_batches
from lakeferry.verify.read_rows import logical_schema
from tests import corpora
from tests.flows.compare import carried, digest, look, state
from tests.flows.growing import files_below
from tests.judges.spark_reader import spark_rows, spark_session, spark_state
from tests.judges.test_judges import READERS, limits, published_tables

__all__ = ["spark_session"]  # the fixture `spark`

MODES = ("snapshot", "mirror")
KERNEL = "delta-io+delta-kernel-rs"
GOLDEN = f"{KERNEL}/golden"
RUST = "delta-io+delta-rs"
# Its only unknown feature is a writer's; a mirror has the source's own bytes, so may go on.
LIQUID = f"{RUST}/table_with_liquid_clustering"
CATALOG = "delta-io+delta/kernel-benchmarks/basic_catalog_managed/delta"
CLONED = [str(table["table"]) for table in published_tables() if table["table"] != LIQUID]

# What each damaged, cut or unknown table is told: (snapshot, mirror).
REFUSED = {
    f"{KERNEL}/data/with_checkpoint_no_last_checkpoint": ("LF-4101", "LF-4101"),
    f"{GOLDEN}/checkpoint/delta": ("LF-4101", "LF-4101"),
    f"{GOLDEN}/data-reader-absolute-paths-escaped-chars/delta": ("LF-3105", "LF-3105"),
    f"{GOLDEN}/delete-re-add-same-file-different-transactions/delta": ("LF-4101", "LF-4101"),
    f"{GOLDEN}/deltalog-commit-info/delta": ("LF-3105", "LF-3105"),
    f"{GOLDEN}/deltalog-invalid-protocol-version/delta": ("LF-3001", "LF-3001"),
    f"{GOLDEN}/deltalog-state-reconstruction-from-checkpoint-missing-metadata/delta": (
        "LF-3105",
        "LF-3105",
    ),
    f"{GOLDEN}/deltalog-state-reconstruction-from-checkpoint-missing-protocol/delta": (
        "LF-3105",
        "LF-3105",
    ),
    f"{GOLDEN}/deltalog-state-reconstruction-without-metadata/delta": ("LF-3105", "LF-3105"),
    f"{GOLDEN}/deltalog-state-reconstruction-without-protocol/delta": ("LF-3105", "LF-3105"),
    f"{GOLDEN}/log-replay-special-characters-b/delta": ("LF-4101", "LF-4101"),
    f"{GOLDEN}/update-deleted-directory/delta": ("LF-3105", "LF-3105"),
    f"{GOLDEN}/versions-not-contiguous/delta": ("LF-3102", "LF-3102"),
    f"{RUST}/checkpoint_with_partitions": ("LF-4101", "LF-4101"),
    f"{RUST}/checkpoints": ("LF-4101", "LF-4101"),
    f"{RUST}/checkpoints_vacuumed": ("LF-4101", "LF-4101"),
    f"{RUST}/latest_not_checkpointed": ("LF-4101", "LF-4101"),
    f"{RUST}/simple_table_features": ("LF-3001", "LF-3001"),
    f"{RUST}/spark-variant-stable-feature-checkpoint": ("LF-4101", "LF-4101"),
    f"{RUST}/table-with-domain-metadata": ("LF-4101", "LF-4101"),
    f"{RUST}/with_checkpoint_no_last_checkpoint": ("LF-4101", "LF-4101"),
    CATALOG: ("LF-3002", "LF-3002"),
    # Their vector or files are named by an absolute path: no mirror, whatever else is wrong.
    "delta-io+delta/spark/table-with-dv-special-char": ("LF-4101", "LF-3003"),
}
# The log's two spellings of its one file mean one file, which was removed: nothing is live.
EMPTY_BUT_ABSOLUTE = [
    f"{GOLDEN}/canonicalized-paths-{kind}/delta"
    for kind in ("normal-a", "normal-b", "special-a", "special-b")
]
# One table for each feature that the published tables have, and those that no other judge reads.
SEEN_BY_SPARK = {
    f"{KERNEL}/data/app-txn-checkpoint": "txn, a classic checkpoint",
    f"{KERNEL}/data/cdf-table-with-cdc-and-dvs": "changeDataFeed, deletionVectors",
    f"{KERNEL}/data/v2-checkpoints-parquet-with-sidecars": "v2Checkpoint, appendOnly, invariants",
    f"{GOLDEN}/basic-with-vacuum-protocol-check-feature/delta": "vacuumProtocolCheck",
    f"{GOLDEN}/dv-with-columnmapping/delta": "columnMapping, deletionVectors",
    f"{RUST}/cdc_ict_table": "inCommitTimestamp",
    f"{RUST}/checkpoint-v2-table": "identityColumns, v2Checkpoint",
    f"{RUST}/spark-shredded-variant-preview-delta": "variantShredding-preview, variantType",
    f"{RUST}/spark-variant-checkpoint": "variantType-preview",
    f"{RUST}/table_with_partitioning_mapping": "checkConstraints, generatedColumns, columnMapping",
    f"{RUST}/table_with_edge_timestamps": "INT96 beyond 2262",
    f"{GOLDEN}/data-reader-timestamp_ntz-id-mode/delta": "column mapping by id",
    f"{GOLDEN}/parquet-all-types-legacy-format/delta": "legacy list and map layouts",
    "delta-io+delta/spark/dbr_8_1_generated_columns": "generatedColumns of writer 4",
}

# The oldest version of which the log and all files are left; 0 for all others.
OLDEST_WHOLE = {
    f"{KERNEL}/data/table-with-cdf": 1,
    f"{GOLDEN}/deltalog-getChanges/delta": 1,
    f"{GOLDEN}/log-replay-special-characters-a/delta": 1,
    f"{GOLDEN}/log-replay-special-characters/delta": 1,
    f"{GOLDEN}/snapshot-vacuumed/delta": 5,
    f"{RUST}/checkpoint-cdf-table": 3,
    f"{RUST}/checkpoint-v2-table": 9,  # state beside the log belongs to the newest version
    f"{RUST}/delta-live-table": 1,  # version 0 has no metadata
}

Cloned = Callable[[str, str], Path]


@pytest.fixture(name="cloned", scope="module")
def clones_made_once(tmp_path_factory: pytest.TempPathFactory) -> Cloned:
    """Table and mode -> the root of its clone."""
    folder, made = tmp_path_factory.mktemp("clones"), dict[tuple[str, str], Path]()

    def cloned(name: str, mode: str) -> Path:
        if (name, mode) not in made:
            root = folder / str(len(made))
            lakeferry.clone(str(corpora.DELTA / name), str(root), mode=mode, jobs=4)
            made[name, mode] = root
        return made[name, mode]

    return cloned


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CLONED)
def test_a_clone_of_a_published_table_is_that_table(name: str, mode: str, cloned: Cloned) -> None:
    source, target = look(corpora.DELTA / name), look(cloned(name, mode))

    assert state(target) == state(source)
    found = lakeferry.verify(source.url, target.url, strength="rows")
    assert (found.equal, found.findings) == (True, ())
    assert mode == "snapshot" or target.metadata.id == source.metadata.id
    assert mode == "mirror" or target.version == 0
    again = lakeferry.clone(str(corpora.DELTA / name), str(cloned(name, mode)), mode=mode)
    assert again.up_to_date


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CLONED)
def test_a_clone_follows_a_published_table_through_its_versions(
    name: str, mode: str, tmp_path: Path
) -> None:
    home, target = corpora.DELTA / name, tmp_path / "clone"
    first, head = OLDEST_WHOLE.get(name, 0), look(home).version
    stride = max(1, (head - first) // 4)

    for version in sorted({*range(first, head, stride), head}):
        report = lakeferry.clone(str(home), str(target), mode=mode, version=version, jobs=2)

        assert report.source_version == version
        then = read_snapshot(LocalStore(str(home)), version=version)
        assert state(look(target)) == state(then)
    assert digest(look(target)) == digest(look(home))


def judged() -> list[Any]:
    """One parameter for each reader and table; known limits of a reader are expected to fail."""
    return [
        pytest.param(name, reader, id=f"{reader}-{name}", marks=limits(reader, name))
        for reader in READERS
        for name in CLONED
    ]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("name", "reader"), judged())
def test_another_reader_sees_the_source_at_its_clone(
    name: str, reader: str, mode: str, cloned: Cloned
) -> None:
    source = look(corpora.DELTA / name)
    root = cloned(name, mode)

    theirs = digest_batches(logical_schema(source), READERS[reader](root).to_batches())

    assert theirs == digest(source)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CLONED)
def test_delta_rs_sees_schema_configuration_and_txn_of_the_source(
    name: str, mode: str, cloned: Cloned
) -> None:
    from deltalake import DeltaTable

    source, target = DeltaTable(str(corpora.DELTA / name)), DeltaTable(str(cloned(name, mode)))

    ours, theirs = source.metadata(), target.metadata()
    assert theirs.configuration == carried(ours.configuration, mode)
    assert theirs.partition_columns == ours.partition_columns
    assert (theirs.name, theirs.description) == (ours.name, ours.description)
    assert json.loads(target.schema().to_json()) == json.loads(source.schema().to_json())
    apps = look(corpora.DELTA / name).txns
    assert {app: target.transaction_version(app) for app in apps} == {
        app: source.transaction_version(app) for app in apps
    }
    assert len(target.file_uris()) == len(source.file_uris())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_damaged_or_unknown_table_is_refused_with_its_code(
    name: str, mode: str, tmp_path: Path
) -> None:
    corpora.required(corpora.DELTA)
    target = tmp_path / "clone"

    with pytest.raises(lakeferry.FerryError) as caught:
        lakeferry.clone(str(corpora.DELTA / name), str(target), mode=mode)

    assert caught.value.code == REFUSED[name][MODES.index(mode)]
    assert not (target / "_delta_log").exists()  # whoever reads there finds no table


@pytest.mark.parametrize("name", EMPTY_BUT_ABSOLUTE)
def test_a_table_whose_removed_file_has_two_spellings_is_empty(name: str, tmp_path: Path) -> None:
    corpora.required(corpora.DELTA)
    source, target = str(corpora.DELTA / name), tmp_path / "clone"

    report = lakeferry.clone(source, str(target))

    assert (report.source_num_of_files, report.files_copied) == (0, 0)
    assert list(look(target).files.batches()) == []
    with pytest.raises(lakeferry.FerryError) as caught:
        lakeferry.clone(source, str(tmp_path / "mirror"), mode="mirror")
    assert caught.value.code == "LF-3003"


def test_an_unknown_writer_feature_is_cloned_only_when_named(tmp_path: Path) -> None:
    source = look(corpora.required(corpora.DELTA) / LIQUID)

    with pytest.raises(lakeferry.FerryError, match='"liquid"') as caught:
        lakeferry.clone(source.url, str(tmp_path / "refused"))
    lakeferry.clone(source.url, str(tmp_path / "named"), allow_features=["liquid"])
    lakeferry.clone(source.url, str(tmp_path / "mirror"), mode="mirror")

    assert caught.value.code == "LF-3002"
    assert not files_below(tmp_path / "refused")
    for target in (look(tmp_path / "named"), look(tmp_path / "mirror")):
        assert state(target) == state(source)
        assert digest(target) == digest(source)


def test_published_commits_of_a_catalog_s_table_are_cloned_when_accepted(tmp_path: Path) -> None:
    home = corpora.required(corpora.DELTA) / CATALOG
    accepted = frozenset({"catalogManaged"})

    lakeferry.clone(str(home), str(tmp_path / "clone"), allow_features=accepted)

    source = read_snapshot(LocalStore(str(home)), allow_features=accepted)
    target = look(tmp_path / "clone")  # its own log is the whole truth
    assert digest(target) == digest(source)
    assert effective_features(target.protocol) == effective_features(source.protocol) - accepted


@pytest.mark.spark
@pytest.mark.parametrize("name", sorted(SEEN_BY_SPARK))
def test_spark_sees_the_source_at_its_clone(spark: Any, name: str, cloned: Cloned) -> None:
    corpora.required(corpora.DELTA)
    source = look(corpora.DELTA / name)
    ours = digest(source)

    for mode in MODES:
        theirs = digest_batches(
            logical_schema(source), spark_rows(spark, cloned(name, mode)).to_batches()
        )
        assert ours.differences(theirs) == ()
        assert theirs == ours
        seen = spark_state(spark, cloned(name, mode), anew=False)
        assert seen.metadata["schemaString"] == source.metadata.schema_string
        assert seen.metadata["configuration"] == carried(source.metadata.configuration, mode)
        assert seen.metadata["partitionColumns"] == list(source.metadata.partition_columns)
        assert {app: txn["version"] for app, txn in seen.txns.items()} == {
            app: txn.version for app, txn in source.txns.items()
        }
