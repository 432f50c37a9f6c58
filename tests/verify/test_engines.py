"""Other engines read the target; their rows are held against ours."""

import sys
from pathlib import Path
from typing import Any

import pytest

from lakeferry.clone.run import clone
from lakeferry.errors import FerryError
from lakeferry.verify.digest import Digest
from lakeferry.verify.engines import compare_engine
from lakeferry.verify.findings import Findings
from lakeferry.verify.report import VerifyRequest
from lakeferry.verify.row_digests import digest_target
from lakeferry.verify.run import verify
from lakeferry.verify.sides import open_sides
from tests import corpora
from tests.judges.spark_reader import spark_session
from tests.verify.tables import cloned, make_source, proof

__all__ = ["spark_session"]  # the fixture `spark`
ENGINES = ["deltalake", "duckdb"]
TABLES = [
    "delta-io+delta-kernel-rs/data/table-with-dv-small",
    "delta-io+delta-kernel-rs/data/basic_partitioned",
    "delta-io+delta-kernel-rs/golden/data-reader-primitives/delta",
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("strength", ["replayed", "rows"])
def test_another_engine_sees_the_same_rows(tmp_path: Path, engine: str, strength: str) -> None:
    report = proof(cloned(tmp_path), strength, against=engine)

    assert report.equal
    assert report.rows == 19
    assert report.checks[-1] == "engine"
    assert report.target_digest is not None
    assert not any(text.startswith("rows: what") for text in report.not_seen)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", TABLES)
def test_another_engine_sees_a_real_table_alike(tmp_path: Path, engine: str, name: str) -> None:
    source = corpora.required(corpora.DELTA / name)
    clone(str(source), str(tmp_path / "target"))

    report = verify(str(source), str(tmp_path / "target"), strength="replayed", against=engine)

    assert report.findings == ()


@pytest.mark.spark
def test_spark_sees_the_same_rows(tmp_path: Path, spark: Any) -> None:
    assert spark.version.startswith("4.")

    report = proof(cloned(tmp_path), "replayed", against="spark")

    assert report.equal
    assert report.rows == 19


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_that_the_engine_sees_otherwise_are_a_finding(tmp_path: Path, engine: str) -> None:
    source, target = cloned(tmp_path)
    sides = open_sides(VerifyRequest(str(source), str(target)))
    ours = digest_target(sides, jobs=2)
    other = Digest(ours.rows, "0" * 32, {**ours.columns, "name": "0" * 32}, ours.without)
    fewer = Digest(18, ours.whole, ours.columns, ours.without)

    values, count = Findings(), Findings()
    compare_engine(sides, values, engine=engine, ours=other)
    compare_engine(sides, count, engine=engine, ours=fewer)

    [finding] = values.finish()
    assert finding.what.startswith(f"{engine} sees other values in columns `name`; digest: ")
    [finding] = count.finish()
    assert finding.what == f"{engine} sees 19 rows, our reader 18"


@pytest.mark.parametrize(
    ("engine", "module"),
    [("deltalake", "deltalake"), ("duckdb", "duckdb"), ("spark", "pyspark.sql")],
)
def test_an_engine_that_is_not_installed_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, module: str
) -> None:
    sides = cloned(tmp_path)
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(FerryError, match=f"`{engine}` is not installed") as caught:
        proof(sides, "replayed", against=engine)

    assert caught.value.code == "LF-2001"
    assert "pip install" in caught.value.next_step


@pytest.mark.parametrize("engine", ENGINES)
def test_a_table_that_the_engine_refuses_is_an_error_not_a_difference(
    tmp_path: Path, engine: str
) -> None:
    source = make_source(tmp_path / "source")
    sides = open_sides(VerifyRequest(str(source), str(source)))
    (source / "_delta_log" / f"{0:020d}.json").write_text("{}")

    with pytest.raises(FerryError, match=f"`{engine}` cannot read") as caught:
        compare_engine(sides, Findings(), engine=engine, ours=Digest(0, "0" * 32, {}, {}))

    assert caught.value.code == "LF-2001"
