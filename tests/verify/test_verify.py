"""What every strength finds, and that weaker ones say what they did not look at."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakeferry
from lakeferry.clone.run import clone
from lakeferry.errors import FerryError
from lakeferry.events import Checked, Event, Noted
from lakeferry.verify.report import STRENGTHS
from lakeferry.verify.run import verify
from tests.verify.tables import (
    FIRST,
    SECOND,
    VECTOR_FILE,
    add,
    body_of,
    cloned,
    field,
    flip_byte,
    make_source,
    proof,
    rewrite,
    rows,
    told,
    write_commit,
)


@pytest.mark.parametrize("mode", ["snapshot", "mirror"])
@pytest.mark.parametrize("strength", STRENGTHS)
def test_a_fresh_clone_is_equal_at_every_strength(tmp_path: Path, strength: str, mode: str) -> None:
    sides = cloned(tmp_path, mode=mode)

    report = proof(sides, strength)

    assert report.findings == ()
    assert report.equal
    assert (report.source_version, report.target_version, report.files) == (0, 0, 2)
    assert report.not_seen
    assert {"txn", "domain", "files", "size"} < set(report.checks)


def test_listed_reads_no_data_and_rows_counts_all(tmp_path: Path) -> None:
    sides = cloned(tmp_path)

    listed, by_rows = proof(sides, "listed"), proof(sides, "rows")

    assert (listed.bytes_read, listed.rows) == (0, None)
    assert by_rows.rows == 19
    assert by_rows.source_digest == by_rows.target_digest != None  # noqa: E711
    assert by_rows.bytes_read > sum((sides[0] / path).stat().st_size for path in (FIRST, SECOND))


def test_each_check_is_told_as_it_ends(tmp_path: Path) -> None:
    source, target = cloned(tmp_path)
    (target / FIRST).unlink()
    events: list[Event] = []

    report = verify(str(source), str(target), on_event=events.append)

    checked = [event for event in events if isinstance(event, Checked)]
    assert tuple(event.what for event in checked if event.what != "history") == report.checks
    assert [event.what for event in checked if not event.equal] == ["size"]


def test_a_flipped_byte_is_found_by_hashed_and_named_by_listed_as_not_seen(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    flip_byte(sides[1] / FIRST, 40)

    listed, hashed = proof(sides, "listed"), proof(sides, "hashed")

    assert listed.equal
    assert any(text.startswith("bytes") for text in listed.not_seen)
    assert told(hashed) == [("bytes", FIRST)]
    assert not any(text.startswith("bytes: a file") for text in hashed.not_seen)


@pytest.mark.parametrize("path", [FIRST, VECTOR_FILE])
def test_a_missing_file_is_found_by_listed(tmp_path: Path, path: str) -> None:
    sides = cloned(tmp_path)
    (sides[1] / path).unlink()

    report = proof(sides, "listed")

    assert told(report) == [("size", path)]


@pytest.mark.parametrize("path", [FIRST, VECTOR_FILE])
def test_a_cut_file_is_found_by_listed(tmp_path: Path, path: str) -> None:
    sides = cloned(tmp_path)
    body = (sides[1] / path).read_bytes()
    (sides[1] / path).write_bytes(body[:-1])

    [finding] = proof(sides, "listed").findings

    assert (finding.check, finding.path) == ("size", path)
    assert f"{len(body) - 1} bytes" in finding.what


def test_of_many_files_one_listing_finds_the_missing_and_the_cut(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    make_source(source, *[add(source, f"region=eu/{n}.parquet", rows(n)) for n in range(1, 300)])
    clone(str(source), str(target))
    (target / "region=eu/7.parquet").unlink()
    (target / "region=eu/8.parquet").write_bytes(b"PAR1")

    report = verify(str(source), str(target))

    assert sorted(told(report)) == [("size", f"region=eu/{n}.parquet") for n in (7, 8)]


def test_a_hundred_findings_are_told_and_the_rest_counted(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    make_source(source, *[add(source, f"region=eu/{n}.parquet", rows(n)) for n in range(1, 151)])
    clone(str(source), str(target))
    for n in range(1, 151):
        (target / f"region=eu/{n}.parquet").unlink()

    report = verify(str(source), str(target))

    assert len(report.findings) == 100
    assert report.findings[-1].what == "and 51 more of this kind"


def test_a_commit_of_someone_else_is_a_finding(tmp_path: Path) -> None:
    source, target = cloned(tmp_path)
    write_commit(target, 1, [add(target, "region=eu/more.parquet", rows(1))])

    report = verify(str(source), str(target))

    assert told(report) == [("commits", None), ("files", "region=eu/more.parquet")]
    assert report.target_version == 1


def test_the_version_that_the_clone_holds_is_compared_while_the_source_moves_on(
    tmp_path: Path,
) -> None:
    source, target = cloned(tmp_path)
    write_commit(source, 1, [add(source, "region=eu/more.parquet", rows(1))])

    held = verify(str(source), str(target))
    newest = verify(str(source), str(target), version=1)

    assert (held.source_version, held.equal) == (0, True)
    assert (newest.source_version, newest.equal) == (1, False)


def test_without_a_record_the_heads_are_compared_by_the_rules_of_snapshot(tmp_path: Path) -> None:
    source, target = cloned(tmp_path)
    for path in (target / "_delta_log" / "_lakeferry").iterdir():
        path.unlink()
    write_commit(source, 1, [{"txn": {"appId": "stream", "version": 9}}])

    report = verify(str(source), str(target))

    assert report.source_version == 1
    assert {finding.check for finding in report.findings} == {"txn"}


def test_a_clone_of_a_clone_is_held_against_the_first_table(tmp_path: Path) -> None:
    source, middle = cloned(tmp_path)
    last = tmp_path / "last"
    clone(str(middle), str(last))

    report = verify(str(source), str(last), strength="rows")

    assert report.equal


def test_a_record_of_a_version_that_only_the_clone_between_has_means_nothing_here(
    tmp_path: Path,
) -> None:
    source, middle = cloned(tmp_path)
    write_commit(middle, 1, [{"commitInfo": {"operation": "OPTIMIZE"}}])
    last = tmp_path / "last"
    clone(str(middle), str(last))

    report = verify(str(source), str(last), strength="rows")

    assert (report.source_version, report.equal) == (0, True)


def test_a_txn_that_was_left_out_on_purpose_is_told_and_no_finding(tmp_path: Path) -> None:
    sides = cloned(tmp_path, carry_txns=False)
    events: list[Event] = []

    report = proof(sides, "listed", on_event=events.append)

    assert report.findings == ()
    assert report.not_seen[0] == "1 txn that the clone left out on purpose (--no-txn)"
    assert [event.message for event in events if isinstance(event, Noted)] == [
        "1 txn are not at the target: its clone left them out (--no-txn)"
    ]


def test_another_txn_than_the_source_s_is_a_finding_though_others_were_left_out(
    tmp_path: Path,
) -> None:
    source, target = cloned(tmp_path)
    domain = {"domain": "d", "configuration": "{}", "removed": False}
    write_commit(
        source, 1, [{"txn": {"appId": "stream", "version": 9}}, {"domainMetadata": domain}]
    )
    clone(str(source), str(target), carry_txns=False)

    report = proof((source, target), "listed")

    assert report.findings[0].what == "txn of `stream`, version: 9 at the source, 7 at the target"


def shredded(root: Path) -> Path:
    """One file whose variant column keeps its numbers in a typed column."""
    parts = [("metadata", pa.binary()), ("value", pa.binary()), ("typed_value", pa.int64())]
    rows = [{"metadata": b"\x01\x00\x00", "value": None, "typed_value": 7}]
    root.mkdir()
    pq.write_table(pa.table({"v": pa.array(rows, pa.struct(parts))}), root / "a.parquet")
    features = ["variantType", "variantShredding-preview"]
    schema = {"type": "struct", "fields": [field("v", "variant")]}
    size = (root / "a.parquet").stat().st_size
    write_commit(
        root,
        0,
        [
            {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7,
                          "readerFeatures": features, "writerFeatures": features}},
            {"metaData": {"id": "t", "format": {"provider": "parquet", "options": {}},
                          "schemaString": json.dumps(schema), "partitionColumns": [],
                          "configuration": {}}},
            {"add": {"path": "a.parquet", "partitionValues": {}, "size": size,
                     "modificationTime": 1, "dataChange": True}},
        ],
    )  # fmt: skip
    return root


def test_shredded_variants_are_cloned_and_hashed_and_refused_by_name_as_rows(
    tmp_path: Path,
) -> None:
    source, target = shredded(tmp_path / "source"), tmp_path / "target"
    clone(str(source), str(target))

    assert proof((source, target), "hashed").equal
    with pytest.raises(FerryError, match="column `v`: a variant is stored shredded") as caught:
        proof((source, target), "rows")

    assert caught.value.code == "LF-4109"
    assert "--strength hashed" in caught.value.next_step


def test_an_extra_txn_may_be_that_of_the_table_that_was_replaced(tmp_path: Path) -> None:
    source = make_source(tmp_path / "source")
    target = make_source(tmp_path / "target", {"txn": {"appId": "old", "version": 1}})
    clone(str(source), str(target), replace=True)

    assert verify(str(source), str(target)).equal


def test_a_mirrors_commit_that_changed_is_found(tmp_path: Path) -> None:
    sides = cloned(tmp_path, mode="mirror")
    log = sides[1] / "_delta_log" / f"{0:020d}.json"
    log.write_bytes(log.read_bytes().replace(b'"createdTime":1', b'"createdTime":2'))

    listed = proof(sides, "listed")
    hashed = proof(sides, "hashed")

    assert told(listed) == [("metadata", None)]
    assert told(hashed) == [("metadata", None), ("bytes", f"_delta_log/{0:020d}.json")]


def test_a_mirror_must_have_the_files_of_older_versions_and_all_commits(tmp_path: Path) -> None:
    source, target = make_source(tmp_path / "source"), tmp_path / "target"
    removed = {"remove": {"path": FIRST, "deletionTimestamp": 1, "dataChange": True}}
    cdc = {"cdc": {"path": "_change_data/c.parquet", "partitionValues": {}, "size": 4}}
    (source / "_change_data").mkdir()
    (source / "_change_data/c.parquet").write_bytes(b"PAR1")
    write_commit(source, 1, [removed, cdc])
    clone(str(source), str(target), mode="mirror")
    assert verify(str(source), str(target)).equal
    (target / FIRST).unlink()
    (target / "_change_data/c.parquet").write_bytes(b"PAR")

    lost = verify(str(source), str(target))
    (source / FIRST).unlink()
    vacuumed = verify(str(source), str(target))

    assert sorted(told(lost)) == [("history", "_change_data/c.parquet"), ("history", FIRST)]
    assert told(vacuumed) == [("history", "_change_data/c.parquet")]


def test_a_mirror_is_compared_at_the_version_asked_for(tmp_path: Path) -> None:
    source, target = make_source(tmp_path / "source"), tmp_path / "target"
    write_commit(source, 1, [add(source, "region=eu/more.parquet", rows(1))])
    clone(str(source), str(target), mode="mirror")

    report = verify(str(source), str(target), version=0)

    assert (report.source_version, report.target_version, report.equal) == (0, 0, True)


def test_a_mirror_that_was_written_to_is_found(tmp_path: Path) -> None:
    source, target = cloned(tmp_path, mode="mirror")
    written = {"appId": "stream", "version": 8, "lastUpdated": 1_700_000_000_000}
    write_commit(target, 1, [{"txn": written}])

    report = verify(str(source), str(target))

    assert told(report) == [("commits", None), ("commits", None), ("txn", None)]


def test_carried_state_that_went_is_found(tmp_path: Path) -> None:
    source, target = make_source(tmp_path / "source"), tmp_path / "target"
    state = source / "_delta_log" / "_copy_into_log" / "0.json"
    state.parent.mkdir()
    state.write_text("{}")
    clone(str(source), str(target))
    assert verify(str(source), str(target)).equal
    (target / "_delta_log" / "_copy_into_log" / "0.json").unlink()

    report = verify(str(source), str(target))

    assert told(report) == [("companions", "_delta_log/_copy_into_log/0.json")]


@pytest.mark.parametrize(
    "options", [{"strength": "surely"}, {"digest": "md5"}, {"against": "hive"}]
)
def test_an_unknown_strength_digest_or_engine_is_refused(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    with pytest.raises(FerryError, match="is not one of") as caught:
        verify(str(tmp_path / "a"), str(tmp_path / "b"), **options)

    assert caught.value.code == "LF-2001"


def test_a_target_that_is_no_table_is_an_error_not_a_finding(tmp_path: Path) -> None:
    source = make_source(tmp_path / "source")
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "note.txt").write_text("no table")

    with pytest.raises(FerryError) as caught:
        verify(str(source), str(tmp_path / "target"))

    assert caught.value.code == "LF-2102"


def test_both_sides_may_be_paths(tmp_path: Path) -> None:
    source, target = make_source(tmp_path / "source"), tmp_path / "target"
    lakeferry.clone(source, target)

    assert lakeferry.verify(source, target).equal


def test_a_side_where_nothing_lies_is_an_error_of_its_own(tmp_path: Path) -> None:
    source = make_source(tmp_path / "source")

    with pytest.raises(FerryError) as caught:
        verify(str(source), str(tmp_path / "nowhere"))

    assert (caught.value.code, caught.value.exit_code) == ("LF-2101", 2)


def test_a_source_version_that_is_gone_is_an_error(tmp_path: Path) -> None:
    source, target = make_source(tmp_path / "source"), tmp_path / "target"
    for version in (1, 2):
        write_commit(source, version, [{"txn": {"appId": "stream", "version": 7 + version}}])
    clone(str(source), str(target))
    (source / "_delta_log" / f"{2:020d}.json").unlink()

    with pytest.raises(FerryError) as caught:
        verify(str(source), str(target))

    assert caught.value.code == "LF-2105"


def test_nothing_is_written_by_a_verification(tmp_path: Path) -> None:
    source, target = cloned(tmp_path)
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))

    for strength in STRENGTHS:
        verify(str(source), str(target), strength=strength)

    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


def test_the_first_finding_is_the_error_of_a_script(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    assert proof(sides, "listed").raise_for_difference().equal
    rewrite(sides[1], lambda actions: body_of(actions, "txn").update(version=8))

    with pytest.raises(FerryError, match="stream") as caught:
        proof(sides, "listed").raise_for_difference()

    assert (caught.value.code, caught.value.exit_code) == ("LF-6001", 3)
