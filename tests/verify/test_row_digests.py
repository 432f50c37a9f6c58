"""The digest of all rows, and the columns, partitions and files that it names."""

import json
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from lakeferry.clone.run import clone
from lakeferry.errors import FerryError
from lakeferry.verify.row_digests import ROW_JOBS
from lakeferry.verify.run import verify
from tests import corpora
from tests.verify.tables import (
    FIRST,
    Action,
    add,
    body_of,
    cloned,
    make_source,
    proof,
    rewrite,
    rows,
    told,
    write_file,
)

TABLES = [
    "delta-io+delta-kernel-rs/data/table-with-dv-small",
    "delta-io+delta-kernel-rs/data/type-widening",
    "delta-io+delta-kernel-rs/data/partition_cm/id",
    "delta-io+delta-kernel-rs/data/basic_partitioned",
    "delta-io+delta-kernel-rs/golden/data-reader-timestamp_ntz-name-mode/delta",
    "delta-io+delta-kernel-rs/data/v2-checkpoints-parquet-with-sidecars",
    "delta-io+delta-rs/cdf-table-with-cdc-and-dvs",
]


@pytest.mark.parametrize("mode", ["snapshot", "mirror"])
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("strength", ["rows", "hashed", "replayed"])
def test_clones_of_real_tables_are_equal(
    tmp_path: Path, name: str, mode: str, strength: str
) -> None:
    source = corpora.required(corpora.DELTA / name)
    clone(str(source), str(tmp_path / "target"), mode=mode)

    report = verify(str(source), str(tmp_path / "target"), strength=strength)

    assert report.findings == ()
    assert report.rows is not None or strength == "hashed"


@pytest.mark.parametrize("strength", ["rows", "hashed", "replayed"])
def test_a_shallow_clone_as_a_source_is_read_where_its_files_were_moved(
    tmp_path: Path, strength: str
) -> None:
    home = corpora.required(corpora.SPARK / "shallow-clone")
    expected = json.loads((home / "expected.json").read_text())
    source = home / expected["table"]
    log = "".join(path.read_text() for path in sorted((source / "_delta_log").glob("*.json")))
    found = re.search(r'"path":"(file:[^"]*?/base)/', log)
    assert found
    moved = {found[1]: str(source.parent / "base")}
    clone(str(source), str(tmp_path / "target"), map_prefix=moved)

    report = verify(str(source), str(tmp_path / "target"), strength=strength, map_prefix=moved)

    assert report.findings == ()
    assert strength != "rows" or report.rows == expected["steps"][-1]["rows"]


@pytest.mark.parametrize("strength", ["listed", "replayed", "rows"])
def test_a_shallow_target_is_read_at_its_source(tmp_path: Path, strength: str) -> None:
    source, target = make_source(tmp_path / "source"), tmp_path / "target"
    clone(str(source), str(target), shallow=True)

    equal = verify(str(source), str(target), strength=strength)
    (source / FIRST).unlink()
    lost = verify(str(source), str(target)) if strength == "listed" else None

    assert equal.findings == ()
    assert lost is None or [finding.check for finding in lost.findings] == ["size"]


def test_equal_rows_in_another_order_differ_in_bytes_alone(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    path = sides[1] / FIRST
    size = path.stat().st_size
    assert write_file(path, rows(*reversed(range(1, 11)))) == size

    by_rows, hashed = proof(sides, "rows"), proof(sides, "hashed")

    assert by_rows.equal
    assert any(text.startswith("bytes") for text in by_rows.not_seen)
    assert told(hashed) == [("bytes", FIRST)]


def test_other_rows_of_equal_size_are_named_by_column_partition_and_file(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    path = sides[1] / FIRST
    size = path.stat().st_size
    other = rows(*range(1, 11)).set_column(1, "name", pa.array([f"m{n}" for n in range(10)]))
    assert write_file(path, other) == size

    listed, by_rows = proof(sides, "listed"), proof(sides, "rows")

    assert listed.equal
    assert any(text.startswith("rows") for text in listed.not_seen)
    assert told(by_rows) == [("rows", None), ("rows", FIRST)]
    whole, file = (finding.what for finding in by_rows.findings)
    assert whole.startswith("19 rows on both sides; columns that differ: `name`; digest: ")
    assert file == "partition region=eu: 10 rows on both sides; columns that differ: `name`"
    assert by_rows.source_digest != by_rows.target_digest


def test_values_that_moved_between_rows_are_found(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    table = rows(*range(1, 11))
    swapped = table.set_column(1, "name", pa.array(list(reversed(table["name"].to_pylist()))))
    write_file(sides[1] / FIRST, swapped)

    assert told(proof(sides, "rows"))[-1] == ("rows", FIRST)


def test_a_partition_value_changed_in_the_log_shows_in_its_column(tmp_path: Path) -> None:
    sides = cloned(tmp_path)

    def move(actions: list[Action]) -> None:
        body_of(actions, "add", path=FIRST)["partitionValues"] = {"region": "xx"}

    rewrite(sides[1], move)

    found = proof(sides, "rows").findings

    assert [finding.check for finding in found] == ["files", "rows", "rows"]
    assert found[-1].what.endswith("columns that differ: `region`")


def test_rows_that_one_side_lacks_are_counted(tmp_path: Path) -> None:
    source, target = cloned(tmp_path)
    rewrite(target, lambda actions: [*actions, add(target, "region=eu/x.parquet", rows(1, 2))])

    report = verify(str(source), str(target), strength="rows")

    assert told(report) == [("files", "region=eu/x.parquet"), ("rows", None)]
    assert report.findings[1].what.startswith("19 rows at the source, 21 at the target")


def test_a_target_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    path = sides[1] / FIRST
    path.write_bytes(b"x" * path.stat().st_size)

    report = proof(sides, "rows")

    assert told(report) == [("rows", FIRST), ("rows", None)]
    assert report.target_digest is None
    assert report.rows is None


def test_a_source_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    sides = cloned(tmp_path)
    path = sides[0] / FIRST
    path.write_bytes(b"x" * path.stat().st_size)

    with pytest.raises(FerryError) as caught:
        proof(sides, "rows")

    assert caught.value.code == "LF-4109"


def test_more_than_a_hundred_files_that_differ_are_counted(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    make_source(source, *[add(source, f"region=eu/{n}.parquet", rows(n)) for n in range(1, 121)])
    clone(str(source), str(target))
    for n in range(1, 121):
        write_file(target / f"region=eu/{n}.parquet", rows(n + 200))

    report = verify(str(source), str(target), strength="rows", jobs=2 * ROW_JOBS)

    assert len(report.findings) == 100
    assert report.findings[-1].what == "and 22 more of this kind"


def test_the_schema_of_each_side_reads_its_own_files(tmp_path: Path) -> None:
    sides = cloned(tmp_path)

    def rename(actions: list[Action]) -> None:
        body = body_of(actions, "metaData")
        body["schemaString"] = body["schemaString"].replace('"name": "name"', '"name": "title"')

    rewrite(sides[1], rename)

    found = proof(sides, "rows").findings

    assert {finding.check for finding in found} == {"schema", "rows"}
    assert "`name`, `title`" in found[0].what
    assert any("`name`, `title`" in finding.what for finding in found if finding.check == "rows")


def test_rows_of_a_table_without_files_are_equal(tmp_path: Path) -> None:
    source, target = make_source(tmp_path / "source"), tmp_path / "target"
    rewrite(source, lambda actions: [each for each in actions if "add" not in each])
    shutil.rmtree(source / "region=eu")
    clone(str(source), str(target))

    for strength in ("listed", "hashed", "replayed", "rows"):
        assert verify(str(source), str(target), strength=strength).equal
