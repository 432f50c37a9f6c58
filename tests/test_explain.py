"""What `explain` says of tables that others wrote."""

import json
import shutil
import time
from pathlib import Path

import pytest

import lakeferry
from lakeferry.errors import CODES, FerryError
from lakeferry.explain import TableExplanation, explain_code, explain_table
from tests import corpora
from tests.delta.tables import METADATA, PROTOCOL, add, commit, metadata, table, vector, write


def spark(name: str) -> TableExplanation:
    return explain_table(str(corpora.required(corpora.SPARK / name / "table")))


def golden(name: str) -> TableExplanation:
    return explain_table(str(corpora.required(corpora.DELTA / name)))


def actions(explained: TableExplanation) -> dict[str, str]:
    return {feature.name: feature.action for feature in explained.features}


def codes(explained: TableExplanation) -> dict[str, list[str]]:
    both = (explained.snapshot, explained.mirror)
    return {verdict.mode: [refusal.code for refusal in verdict.refusals] for verdict in both}


# ---- what a table is


def test_the_features_that_legacy_versions_imply_are_named() -> None:
    explained = spark("check-constraints")

    assert actions(explained) == dict.fromkeys(
        ("appendOnly", "checkConstraints", "invariants"), "carry"
    )


def test_files_bytes_vectors_and_deleted_rows_are_those_that_spark_counts() -> None:
    totals = spark("deletion-vectors").totals
    assert totals is not None
    cleaned = spark("log-cleaned").totals
    assert cleaned is not None

    assert (totals.files, totals.vectors, totals.deleted_rows) == (4, 0, 0)
    assert (cleaned.files, cleaned.vectors, cleaned.deleted_rows) == (4, 2, 9)


def test_an_older_version_is_explained_as_spark_saw_it() -> None:
    path = corpora.required(corpora.SPARK / "deletion-vectors")
    seen = json.loads((path / "expected.json").read_text())["steps"][1]["files"]

    totals = explain_table(str(path / "table"), version=2).totals

    assert totals is not None
    assert (totals.files, totals.bytes) == (seen["count"], seen["bytes"])
    assert (totals.vectors, totals.deleted_rows) == (seen["with_dv"], seen["deleted_rows"])


def test_each_application_that_would_go_on_is_named_with_its_version() -> None:
    streams = spark("txn-stream").streams

    assert [stream.version for stream in streams] == [2, 5]
    assert streams[1].app_id == "nightly/é app"
    assert not any(stream.expired for stream in streams)


def test_a_transaction_past_its_retention_is_told_from_a_live_one(tmp_path: Path) -> None:
    now = time.time_ns() // 1_000_000
    commit(
        tmp_path,
        0,
        PROTOCOL,
        metadata(delta__setTransactionRetentionDuration="interval 1 days"),
        {"txn": {"appId": "fresh", "version": 1, "lastUpdated": now}},
        {"txn": {"appId": "old", "version": 2, "lastUpdated": now - 90_000_000}},
        {"txn": {"appId": "undated", "version": 3}},
    )

    streams = explain_table(str(tmp_path)).streams

    assert {stream.app_id: stream.expired for stream in streams} == {
        "fresh": False,
        "old": True,
        "undated": True,
    }


def test_columns_say_how_their_values_come_about() -> None:
    identity = {column.name: column.note for column in spark("identity").columns}
    generated = {column.name: column.note for column in spark("generated-columns").columns}

    assert any(note.startswith("identity, high-water mark ") for note in identity.values())
    assert any(note.startswith("generated as ") for note in generated.values())


def test_nested_types_are_spelled_out() -> None:
    types = {column.name: column.type for column in spark("clustering").columns}

    assert types == {"a": "integer", "b": "struct<c:string>", "v": "double"}


def test_constraints_stand_apart_from_the_other_properties(tmp_path: Path) -> None:
    commit(
        tmp_path,
        0,
        PROTOCOL,
        metadata(delta__constraints__positive="amount > 0", delta__appendOnly="false"),
    )

    explained = explain_table(str(tmp_path))

    assert explained.constraints == {"positive": "amount > 0"}
    assert explained.properties == {"delta.appendOnly": "false"}


@pytest.mark.parametrize(
    ("name", "kind", "version", "cleaned"),
    [
        ("txn-stream", "classic", 4, False),
        ("multipart-checkpoint", "multi-part, 3 parts", 2, False),
        ("log-cleaned", "classic", 4, True),
        ("clustering", "none", None, False),
    ],
)
def test_the_shape_of_the_log_is_told(
    name: str, kind: str, version: int | None, cleaned: bool
) -> None:
    log = spark(name).log

    assert (log.checkpoint, log.checkpoint_version, log.cleaned) == (kind, version, cleaned)


def test_a_checkpoint_of_the_second_kind_is_named() -> None:
    assert spark("v2-checkpoint").log.checkpoint.startswith("V2, ")


def test_copy_into_state_is_a_companion_that_is_kept(tmp_path: Path) -> None:
    table(tmp_path, [add("a")])
    write(tmp_path, "_copy_into_log/0.json", b"{}")

    explained = explain_table(str(tmp_path))

    assert explained.log.companions == ("_delta_log/_copy_into_log/0.json",)
    assert explained.log.companion_bytes == 2
    assert "1 companion of the log, byte for byte" in explained.snapshot.kept


def test_unknown_actions_are_named() -> None:
    assert spark("tags-and-unknown").unknown_actions != ()


# ---- what a clone would do


def test_a_plain_table_can_be_cloned_both_ways() -> None:
    explained = spark("row-tracking")

    assert (explained.snapshot.possible, explained.mirror.possible) == (True, True)
    assert "row ids and row commit versions" in explained.snapshot.kept


def test_absolute_paths_are_gathered_by_a_snapshot_and_refused_by_a_mirror() -> None:
    explained = spark("shallow-clone")

    assert codes(explained) == {"snapshot": [], "mirror": ["LF-3003"]}
    assert explained.totals is not None
    assert explained.totals.absolute_paths == 6


def test_an_absolute_path_in_an_old_commit_alone_forbids_a_mirror(tmp_path: Path) -> None:
    gone = {"remove": {"path": "file:/other/a", "deletionTimestamp": 5, "dataChange": True}}
    table(tmp_path, [add("file:/other/a")], [gone])

    explained = explain_table(str(tmp_path))

    assert explained.totals is not None
    assert explained.totals.absolute_paths == 0
    assert codes(explained) == {"snapshot": [], "mirror": ["LF-3003"]}


def test_a_vector_at_an_absolute_path_forbids_a_mirror(tmp_path: Path) -> None:
    away = {**vector("file:/other/v.bin"), "storageType": "p"}
    table(tmp_path, [add("a", deletionVector=away)])

    assert codes(explain_table(str(tmp_path))) == {"snapshot": [], "mirror": ["LF-3003"]}


def test_a_path_that_climbs_out_is_refused_in_both_modes(tmp_path: Path) -> None:
    table(tmp_path, [add("../a")])

    assert codes(explain_table(str(tmp_path))) == {
        "snapshot": ["LF-3106"],
        "mirror": ["LF-3106"],
    }


def test_a_table_of_a_catalog_is_refused_by_the_feature_s_name() -> None:
    explained = golden("delta-io+delta/kernel-benchmarks/basic_catalog_managed/delta")

    assert actions(explained)["catalogManaged"] == "drop"
    assert codes(explained) == {"snapshot": ["LF-3002"], "mirror": ["LF-3002"]}
    assert any("catalogManaged" in line for line in explained.snapshot.not_kept)


def test_a_writer_feature_that_we_do_not_know_forbids_a_snapshot_only() -> None:
    explained = golden("delta-io+delta-rs/table_with_liquid_clustering")

    assert codes(explained) == {"snapshot": ["LF-3002"], "mirror": []}
    assert "--allow-feature liquid" in explained.snapshot.refusals[0].next_step


def test_of_an_unreadable_table_all_is_told_but_its_files(tmp_path: Path) -> None:
    strange = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["fromTheFuture", "alsoNew"],
        "writerFeatures": ["fromTheFuture", "alsoNew", "appendOnly"],
    }
    txn = {"txn": {"appId": "app", "version": 7}}
    commit(tmp_path, 0, {"protocol": strange}, METADATA, txn, add("a"))

    explained = explain_table(str(tmp_path))

    assert explained.totals is None
    assert [stream.version for stream in explained.streams] == [7]
    assert actions(explained) == {
        "alsoNew": "refuse",
        "appendOnly": "carry",
        "fromTheFuture": "refuse",
    }
    assert codes(explained) == {
        "snapshot": ["LF-3001", "LF-3001"],
        "mirror": ["LF-3001", "LF-3001"],
    }


def test_an_unknown_reader_version_is_a_refusal_and_no_error() -> None:
    explained = golden("delta-io+delta-rs/simple_table_features")

    assert codes(explained) == {"snapshot": ["LF-3001"], "mirror": ["LF-3001"]}


def test_an_older_version_beside_copy_into_state_is_refused(tmp_path: Path) -> None:
    table(tmp_path, [add("a")], [add("b")])
    write(tmp_path, "_copy_into_log/0.json", b"{}")

    explained = explain_table(str(tmp_path), version=0)

    assert codes(explained) == {"snapshot": ["LF-4108"], "mirror": ["LF-4108"]}


# ---- vacuum


def test_vacuum_may_overtake_a_copy_that_takes_longer_than_removed_files_stay(
    tmp_path: Path,
) -> None:
    hour = 3600 * 125_000_000  # bytes that 1 Gbit/s moves
    short = metadata(delta__deletedFileRetentionDuration="interval 1 hours")
    commit(tmp_path, 0, PROTOCOL, short, add("a", size=2 * hour))

    risk = explain_table(str(tmp_path)).vacuum

    assert (risk.retention_s, risk.is_default, risk.at_risk) == (3600, False, True)
    assert risk.copy_s == pytest.approx(7200)


def test_a_week_is_how_long_removed_files_stay_by_default(tmp_path: Path) -> None:
    table(tmp_path, [add("a")])

    risk = explain_table(str(tmp_path)).vacuum

    assert (risk.retention_s, risk.is_default, risk.at_risk) == (7 * 24 * 3600, True, False)


# ---- clones


def test_a_clone_tells_its_last_record(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(corpora.required(corpora.SPARK / "txn-stream" / "table"), source)
    lakeferry.clone(str(source), str(tmp_path / "target"))

    record = explain_table(str(tmp_path / "target")).record

    assert record is not None
    assert (record.source, record.source_version, record.mode) == (str(source), 5, "snapshot")
    assert explain_table(str(source)).record is None


# ---- errors


def test_a_place_without_a_table_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("no table")

    with pytest.raises(FerryError) as caught:
        explain_table(str(tmp_path))

    assert caught.value.code == "LF-2102"


def test_a_place_where_nothing_lies_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(FerryError) as caught:
        explain_table(str(tmp_path / "nowhere"))

    assert caught.value.code == "LF-2101"


def test_a_code_is_explained_however_it_is_typed() -> None:
    assert explain_code("LF-3001") == explain_code(" lf-3001 ") == CODES["LF-3001"]


def test_an_unknown_code_names_the_nearest() -> None:
    with pytest.raises(FerryError) as caught:
        explain_code("LF-3009")

    assert caught.value.code == "LF-2001"
    assert "LF-300" in caught.value.where
