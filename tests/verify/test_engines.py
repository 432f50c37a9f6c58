"""Other engines read the target; their rows are held against ours."""

import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lakeferry.clone.run import clone
from lakeferry.errors import FerryError
from lakeferry.verify.digest import Digest
from lakeferry.verify.engine_places import place_of
from lakeferry.verify.engines import compare_engine
from lakeferry.verify.findings import Findings
from lakeferry.verify.report import VerifyReport, VerifyRequest
from lakeferry.verify.row_digests import digest_target
from lakeferry.verify.run import verify
from lakeferry.verify.sides import open_sides
from tests import corpora
from tests.flows.tables import grow
from tests.judges.spark_reader import spark_session
from tests.servers import Server
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


# ---- stores that an engine must be given keys for


@dataclass(frozen=True)
class Away:
    """The table's clone in a service, and what opens it."""

    source: str
    target: str
    options: Mapping[str, str]

    def proof(self, engine: str, **options: str) -> VerifyReport:
        return verify(
            self.source, self.target, strength="replayed", against=engine,
            target_options={**self.options, **options},
        )  # fmt: skip


def away(
    tmp_path: Path, server: Server, name: str = "orders", make: Callable[[Path], Path] = make_source
) -> Away:
    source = str(make(tmp_path / "source"))
    place = f"{server.place}/{uuid.uuid4().hex}/{name}"
    clone(source, place, target_options=server.options)
    return Away(source, place, server.options)


@pytest.mark.server
@pytest.mark.parametrize("engine", ENGINES)
def test_another_engine_reads_a_clone_in_s3(tmp_path: Path, s3_server: Server, engine: str) -> None:
    report = away(tmp_path, s3_server).proof(engine)

    assert report.findings == ()
    assert (report.rows, report.checks[-1]) == (19, "engine")


@pytest.mark.server
@pytest.mark.parametrize("engine", ENGINES)
def test_another_engine_has_the_keys_of_the_environment_where_no_option_gives_them(
    tmp_path: Path, s3_server: Server, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a profile, which only boto3's chain knows."""
    place = away(tmp_path, s3_server)
    key, secret = (s3_server.options[name] for name in ("access_key_id", "secret_access_key"))
    (tmp_path / "credentials").write_text(
        f"[lake]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "lake")
    options = {"endpoint": s3_server.endpoint, "region": "us-east-1"}

    report = replace(place, options=options).proof(engine)

    assert (report.findings, report.rows) == ((), 19)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("url", ["s3://lake/a%20b", "/lake/a%20b", "file:///lake/a%2520b"])
def test_a_path_with_a_percent_sign_is_not_left_to_an_engine_that_decodes_it(
    engine: str, url: str
) -> None:
    with pytest.raises(FerryError, match=f"`{engine}` may take this path for another one") as told:
        place_of(url, {}, engine=engine)

    assert told.value.code == "LF-2001"
    assert place_of("/lake/a%20b", {}, engine="spark").url == "/lake/a%20b"


@pytest.mark.server
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["a b", "t=ü+z", "a#b"])
def test_a_path_with_other_odd_characters_is_that_path(
    tmp_path: Path, s3_server: Server, engine: str, name: str
) -> None:
    report = away(tmp_path, s3_server, name, lambda root: grow(root, 1)).proof(engine)

    assert (report.findings, report.rows) == ((), 160)


@pytest.mark.server
def test_deltalake_reads_a_clone_in_azure(tmp_path: Path, azure_server: Server) -> None:
    report = away(tmp_path, azure_server).proof("deltalake")

    assert (report.findings, report.rows) == ((), 19)


@pytest.mark.parametrize(
    ("engine", "url", "able"),
    [
        ("duckdb", "az://lake/orders", "ask `deltalake`;"),
        ("spark", "s3://lake/orders", "ask `deltalake` or `duckdb`;"),
        ("deltalake", "hdfs://namenode:8020/orders", "no engine can here;"),
        ("deltalake", "gs://lake/orders", "no engine can here;"),
    ],
)
def test_a_store_that_an_engine_cannot_read_is_named_with_those_that_can(
    engine: str, url: str, able: str
) -> None:
    with pytest.raises(FerryError, match=f"`{engine}` cannot read a table in such a store") as told:
        place_of(url, {}, engine=engine)

    assert told.value.code == "LF-2001"
    assert told.value.next_step.startswith(able)


@pytest.mark.server
def test_no_error_of_an_engine_shows_a_key(tmp_path: Path, s3_server: Server) -> None:
    place = away(tmp_path, s3_server)
    sides = open_sides(VerifyRequest(place.source, place.target, target_options=place.options))
    odd = replace(sides, target_options={**place.options, "secret_access_key": "it's'); oops"})

    for engine in ENGINES:
        with pytest.raises(FerryError, match="cannot read the table") as told:
            compare_engine(odd, Findings(), engine=engine, ours=Digest(0, "0" * 32, {}, {}))
        assert "oops" not in str(told.value)
        assert "syntax" not in str(told.value)


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
