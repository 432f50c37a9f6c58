"""What a snapshot clone commits: the source's state, once, and nothing when nothing is new."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lakeferry.delta.paths import decode
from lakeferry.errors import FerryError
from tests.clone.small import append, bodies, clone, commits, new_table, put_files
from tests.corpora import SPARK, required
from tests.delta.tables import METADATA, PROTOCOL, add, commit, metadata, remove, write


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return new_table(tmp_path / "source", "a", "b")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def test_the_first_clone_is_one_commit_that_says_clone(source: Path, target: Path) -> None:
    report = clone(source, target)

    (info,) = bodies(target, 0, "commitInfo")
    assert commits(target) == ["00000000000000000000.json"]
    assert info["operation"] == "CLONE"
    assert info["operationParameters"] == {
        "source": str(source),
        "sourceVersion": 0,
        "isShallow": False,
    }
    assert info["operationMetrics"]["numCopiedFiles"] == "2"
    assert info["operationMetrics"]["copiedFilesSize"] == "20"
    assert info["readVersion"] == -1
    assert sorted(body["path"] for body in bodies(target, 0, "add")) == ["a", "b"]
    assert (target / "a").read_bytes() == (source / "a").read_bytes()
    assert (report.files_copied, report.bytes_copied, report.commits) == (2, 20, 1)


def test_a_second_run_with_nothing_new_commits_nothing(source: Path, target: Path) -> None:
    clone(source, target)

    report = clone(source, target)

    assert report.up_to_date
    assert commits(target) == ["00000000000000000000.json"]


def test_only_the_change_moves(source: Path, target: Path) -> None:
    clone(source, target)
    append(source, 1, "c")

    report = clone(source, target)

    assert (report.files_copied, report.bytes_copied) == (1, 10)
    assert [body["path"] for body in bodies(target, 1, "add")] == ["c"]
    assert bodies(target, 1, "remove") == []
    assert bodies(target, 1, "metaData") == []


def test_the_commit_counts_files_bytes_and_vectors_as_databricks_does(
    source: Path, target: Path
) -> None:
    inline = {"storageType": "i", "sizeInBytes": 40, "cardinality": 6,
              "pathOrInlineDv": "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L"}  # fmt: skip
    clone(source, target)
    commit(source, 1, remove("a"), add("a", deletionVector=inline, stats='{"numRecords":50}'))
    clone(source, target)
    commit(source, 2, remove("a", deletionVector=inline), remove("b"))
    clone(source, target)

    counts = [bodies(target, version, "commitInfo")[0]["operationMetrics"] for version in (1, 2)]
    table = {"sourceTableSize": "20", "sourceNumOfFiles": "2"}
    copied = {"numCopiedFiles": "0", "copiedFilesSize": "0"}
    assert counts == [
        {**table, **copied, "numRemovedFiles": "1", "removedFilesSize": "10",
         "numDeletionVectorsAdded": "1", "numDeletionVectorsRemoved": "0"},
        {"sourceTableSize": "0", "sourceNumOfFiles": "0", **copied,
         "numRemovedFiles": "2", "removedFilesSize": "20",
         "numDeletionVectorsAdded": "0", "numDeletionVectorsRemoved": "1"},
    ]  # fmt: skip


def test_the_target_keeps_an_id_of_its_own(source: Path, target: Path) -> None:
    clone(source, target)
    commit(source, 1, metadata(delta__appendOnly="true"))

    clone(source, target)

    (first,), (second,) = bodies(target, 0, "metaData"), bodies(target, 1, "metaData")
    assert first["id"] != METADATA["metaData"]["id"]
    assert second["id"] == first["id"]
    assert second["configuration"] == {"delta.appendOnly": "true"}


def test_transactions_domains_and_unknown_actions_follow(source: Path, target: Path) -> None:
    clone(source, target)
    txn = {"appId": "stream", "version": 7, "lastUpdated": 5}
    domain = {"domain": "user.x", "configuration": "{}", "removed": False}
    commit(source, 1, {"txn": txn}, {"domainMetadata": domain}, {"futureAction": {"k": 1}})

    clone(source, target)
    clone(source, target)

    assert bodies(target, 1, "txn") == [txn]
    assert bodies(target, 1, "domainMetadata") == [domain]
    assert bodies(target, 1, "futureAction") == [{"k": 1}]
    assert len(commits(target)) == 2

    append(source, 2, "c")
    clone(source, target)

    stated_again = ("txn", "domainMetadata", "futureAction", "protocol", "metaData")
    assert [bodies(target, 2, name) for name in stated_again] == [[], [], [], [], []]


def test_a_domain_that_the_source_removed_is_removed(source: Path, target: Path) -> None:
    domain = {"domain": "user.x", "configuration": '{"last": 1}', "removed": False}
    commit(source, 1, {"domainMetadata": domain})
    clone(source, target)
    commit(source, 2, {"domainMetadata": {**domain, "configuration": "", "removed": True}})

    clone(source, target)

    assert bodies(target, 1, "domainMetadata") == [{**domain, "removed": True}]


def test_a_transaction_may_go_down(source: Path, target: Path) -> None:
    commit(source, 1, {"txn": {"appId": "stream", "version": 7}})
    clone(source, target)
    commit(source, 2, {"txn": {"appId": "stream", "version": 3}})

    clone(source, target)

    assert bodies(target, 1, "txn") == [{"appId": "stream", "version": 3}]


def test_transactions_can_be_left_out(source: Path, target: Path) -> None:
    commit(source, 1, {"txn": {"appId": "stream", "version": 7}})

    report = clone(source, target, carry_txns=False)

    assert bodies(target, 0, "txn") == []
    assert report.txns == {}
    assert "txn" not in report.kept
    assert "1 txn, left out as asked" in report.not_kept


def test_transactions_that_were_left_out_come_when_they_are_wanted(
    source: Path, target: Path
) -> None:
    txn = {"appId": "stream", "version": 7}
    commit(source, 1, {"txn": txn})
    clone(source, target, carry_txns=False)

    assert clone(source, target, carry_txns=False).up_to_date
    report = clone(source, target)

    assert bodies(target, 1, "txn") == [txn]
    assert report.txns == {"stream": 7}


def test_optimize_at_the_source_changes_no_data_at_the_target(source: Path, target: Path) -> None:
    clone(source, target)
    put_files(source, "ab")
    gone = [remove(name, dataChange=False) for name in ("a", "b")]
    commit(source, 1, *gone, add("ab", dataChange=False))

    clone(source, target)

    assert [body["dataChange"] for body in bodies(target, 1, "add")] == [False]
    assert [body["dataChange"] for body in bodies(target, 1, "remove")] == [False, False]


def test_an_optimize_of_new_rows_is_made_again_commit_by_commit(source: Path, target: Path) -> None:
    clone(source, target)
    append(source, 1, "c")
    put_files(source, "abc")
    gone = [remove(name, dataChange=False) for name in ("a", "b", "c")]
    commit(source, 2, *gone, add("abc", dataChange=False))

    report = clone(source, target)

    assert report.commits == 2
    assert [(body["path"], body["dataChange"]) for body in bodies(target, 1, "add")] == [
        ("c", True)
    ]
    assert [(body["path"], body["dataChange"]) for body in bodies(target, 2, "add")] == [
        ("abc", False)
    ]
    assert bodies(target, 2, "commitInfo")[0]["operationParameters"]["sourceVersion"] == 2


def test_rows_that_streams_need_but_vacuum_took_are_reported(source: Path, target: Path) -> None:
    clone(source, target)
    append(source, 1, "c")
    put_files(source, "abc")
    commit(source, 2, *(remove(n, dataChange=False) for n in "abc"), add("abc", dataChange=False))
    (source / "c").unlink()

    report = clone(source, target)

    assert report.commits == 1
    assert any("streams that read the target" in warning for warning in report.warnings)
    assert [body["dataChange"] for body in bodies(target, 1, "add")] == [True]


def test_an_append_only_target_refuses_such_a_break(source: Path, target: Path) -> None:
    commit(source, 1, metadata(delta__appendOnly="true"))
    clone(source, target)
    append(source, 2, "c")
    put_files(source, "abc")
    commit(source, 3, *(remove(n, dataChange=False) for n in "abc"), add("abc", dataChange=False))
    (source / "c").unlink()

    with pytest.raises(FerryError) as refused:
        clone(source, target)

    assert refused.value.code == "LF-5005"
    assert len(commits(target)) == 1
    assert clone(source, target, replace=True).commits == 1


def test_commits_of_others_on_the_target_are_refused_and_can_be_undone(
    source: Path, target: Path
) -> None:
    clone(source, target)
    append(target, 1, "foreign")

    with pytest.raises(FerryError) as refused:
        clone(source, target)

    assert (refused.value.code, refused.value.exit_code) == ("LF-5003", 3)
    assert "version 1" in refused.value.what
    clone(source, target, replace=True)
    assert [body["path"] for body in bodies(target, 2, "remove")] == ["foreign"]


def test_optimize_on_the_target_is_undone_without_copying(source: Path, target: Path) -> None:
    clone(source, target)
    put_files(target, "ab")
    gone = [remove(name, dataChange=False) for name in ("a", "b")]
    commit(target, 1, *gone, add("ab", dataChange=False))
    append(source, 1, "c")

    report = clone(source, target)

    assert (report.files_copied, report.files_present) == (1, 2)
    flags = {
        body["path"]: body["dataChange"]
        for version in (2, 3)
        for body in bodies(target, version, "add")
    }
    assert flags == {"a": False, "b": False, "c": True}


def test_a_table_re_created_under_the_same_path_is_refused(source: Path, target: Path) -> None:
    clone(source, target)
    other: dict[str, Any] = {**METADATA["metaData"], "id": "another"}
    commit(source, 0, PROTOCOL, {"metaData": other}, add("a"), add("b"))

    with pytest.raises(FerryError) as refused:
        clone(source, target)

    assert refused.value.code == "LF-4106"
    clone(source, target, replace=True)


def test_a_dry_run_writes_nothing(source: Path, target: Path) -> None:
    report = clone(source, target, dry_run=True)

    assert (report.files_copied, report.bytes_copied) == (2, 20)
    assert not target.exists()


def test_an_older_version_can_be_cloned(source: Path, target: Path) -> None:
    append(source, 1, "c")

    report = clone(source, target, version=0)

    assert report.source_version == 0
    assert not (target / "c").exists()


def test_a_shallow_clone_copies_no_data(source: Path, target: Path) -> None:
    clone(source, target, shallow=True)

    assert bodies(target, 0, "commitInfo")[0]["operationParameters"]["isShallow"] is True
    assert [body["path"] for body in bodies(target, 0, "add")] == [
        f"file://{source}/a",
        f"file://{source}/b",
    ]
    assert [path.name for path in target.iterdir()] == ["_delta_log"]


@pytest.mark.parametrize("true", ["true", "TRUE"])  # as it was typed
def test_in_commit_timestamps_are_the_targets_own(source: Path, target: Path, true: str) -> None:
    clone(source, target)
    since = "delta.inCommitTimestampEnablement"
    on = {
        "delta.enableInCommitTimestamps": true,
        f"{since}Version": "1",
        f"{since}Timestamp": "9",
    }
    body = {**METADATA["metaData"], "configuration": on}
    feature = {
        "minReaderVersion": 1,
        "minWriterVersion": 7,
        "writerFeatures": ["inCommitTimestamp"],
    }
    commit(source, 1, {"commitInfo": {"inCommitTimestamp": 9}}, {"protocol": feature},
           {"metaData": body})  # fmt: skip
    append(source, 2, "c")
    commit(source, 2, {"commitInfo": {"inCommitTimestamp": 10}}, add("c"))
    put_files(source, "c")

    clone(source, target)

    (info,), (stated,) = bodies(target, 1, "commitInfo"), bodies(target, 1, "metaData")
    assert next(iter(info)) == "inCommitTimestamp"
    assert stated["configuration"][f"{since}Version"] == "1"
    assert stated["configuration"][f"{since}Timestamp"] == str(info["inCommitTimestamp"])
    assert clone(source, target).up_to_date


def test_in_commit_timestamps_rise_though_the_clock_was_set_back(
    source: Path, target: Path
) -> None:
    on = {**METADATA["metaData"], "configuration": {"delta.enableInCommitTimestamps": "true"}}
    feature = {"minReaderVersion": 1, "minWriterVersion": 7,
               "writerFeatures": ["inCommitTimestamp"]}  # fmt: skip
    commit(source, 1, {"commitInfo": {"inCommitTimestamp": 9}}, {"protocol": feature},
           {"metaData": on})  # fmt: skip
    clone(source, target)
    [info] = bodies(target, 0, "commitInfo")
    ahead = info["inCommitTimestamp"] + 10**9
    first = target / "_delta_log" / commits(target)[0]
    first.write_text(first.read_text().replace(str(info["inCommitTimestamp"]), str(ahead), 1))
    commit(source, 2, {"commitInfo": {"inCommitTimestamp": 10}}, add("c"))
    put_files(source, "c")

    clone(source, target)

    assert bodies(target, 1, "commitInfo")[0]["inCommitTimestamp"] == ahead + 1


def test_a_row_count_that_a_checkpoint_has_lost_comes_from_the_footer(target: Path) -> None:
    clone(required(SPARK) / "struct-stats-only/table", target)

    with_vector = [add for add in bodies(target, 0, "add") if "deletionVector" in add]
    stated = [json.loads(add["stats"]) for add in with_vector]
    rows = [pq.read_metadata(target / decode(add["path"])).num_rows for add in with_vector]
    assert rows
    assert stated == [{"numRecords": number, "tightBounds": False} for number in rows]


def test_state_beside_the_log_is_carried_byte_for_byte(source: Path, target: Path) -> None:
    write(source, "_copy_into_log/0.json", b"private")

    report = clone(source, target)

    assert (target / "_delta_log/_copy_into_log/0.json").read_bytes() == b"private"
    assert report.extras == ("_delta_log/_copy_into_log/0.json",)
    write(source, "_copy_into_log/1.json", b"more")
    assert not clone(source, target).up_to_date
    assert clone(source, target).up_to_date


def test_files_that_arrived_are_not_copied_again(source: Path, target: Path) -> None:
    put_files(target, "a")

    report = clone(source, target)

    assert (report.files_copied, report.files_present) == (1, 1)


def test_a_file_of_another_size_under_the_same_name_is_not_written_over(
    source: Path, target: Path
) -> None:
    target.mkdir()
    (target / "a").write_bytes(b"mine")

    with pytest.raises(FerryError) as refused:
        clone(source, target)

    assert refused.value.code == "LF-5008"
    assert (target / "a").read_bytes() == b"mine"


def test_a_record_tells_source_version_and_checksums(source: Path, target: Path) -> None:
    clone(source, target)

    (path,) = (target / "_delta_log/_lakeferry").glob("*.json")
    record = json.loads(path.read_text())
    assert record["source_id"] == METADATA["metaData"]["id"]
    assert record["source_version"] == 0
    rows = pq.read_table(path.with_suffix(".parquet")).to_pylist()
    assert [row["path"] for row in sorted(rows, key=lambda row: row["path"])] == ["a", "b"]
    assert all(row["crc64nvme"] and row["sourceETag"] for row in rows)


def test_clone_can_be_called_twice_in_a_fresh_process(source: Path, target: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys, lakeferry; a, b = sys.argv[1:];"
        "lakeferry.clone(a, b); print(lakeferry.clone(a, b).up_to_date)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, source, target], capture_output=True, text=True, check=True
    )

    assert ended.stdout.strip() == "True"


def test_replace_brings_back_a_file_that_the_target_has_lost(source: Path, target: Path) -> None:
    clone(source, target)
    (target / "a").unlink()

    report = clone(source, target, replace=True)

    assert (target / "a").read_bytes() == (source / "a").read_bytes()
    assert (report.files_copied, report.commits, report.up_to_date) == (1, 0, False)


def test_an_older_version_is_refused_beside_copy_into_state_alone(
    source: Path, target: Path
) -> None:
    append(source, 1, "c")
    write(source, "_autostats/0.json", b"statistics")
    assert clone(source, target, version=0).extras == ("_delta_log/_autostats/0.json",)
    write(source, "_copy_into_log/0.json", b"state")

    with pytest.raises(FerryError) as refused:
        clone(source, target.parent / "other", version=0)

    assert refused.value.code == "LF-4108"


def test_a_rate_limit_holds_for_all_files_together(tmp_path: Path, target: Path) -> None:
    source = new_table(tmp_path / "four", "a", "b", "c", "d")

    report = clone(source, target, limit_bytes_per_s=50)

    assert report.bytes_copied == 40
    assert report.seconds >= 0.6  # the first ten bytes go at once
