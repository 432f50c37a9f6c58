"""Parquet tables and plain folders beside Delta tables: discovered, planned, brought over."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.program import called, json_lines
from tests.flows.fleets import append
from tests.flows.test_recompute_receipt import ALL as HASHES
from tests.flows.test_recompute_receipt import recomputed
from tests.judges.deltalake_reader import deltalake_rows
from tests.judges.duckdb_reader import duckdb_rows

MANIFEST = """
version: 1
name: beside
target: {{root: '{root}/out'}}
sources:
  a:
    kind: local
    root: '{root}/lake'
    include: ['sales.*', '/landing'{more}]
"""


class Lake:
    """A lake of many kinds, its manifest, and the program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest()
        append(self.path("sales/delta"))
        self.put("sales/orders/day=1/part-0.parquet", 0)
        self.put("sales/orders/day=2/part-0.parquet", 5)
        self.write("landing/2026/a.json", "1")
        self.write("landing/2026/b.json", "22")

    def manifest(self, more: str = "") -> None:
        text = MANIFEST.format(root=self.folder, more=more)
        (self.folder / "lakeferry.yaml").write_text(text)

    def path(self, name: str) -> Path:
        return self.folder / "lake" / name

    def put(self, name: str, first: int) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"id": range(first, first + 5)}), self.path(name))

    def write(self, name: str, text: str) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)

    def run(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        ended = called(*words, "--json", folder=self.folder)
        assert ended.returncode == code, ended.stdout + ended.stderr
        return json_lines(ended)

    def actions(self) -> dict[str, str]:
        return {line["table"]: line["action"] for line in self.run("plan")
                if line["type"] == "plan_item"}  # fmt: skip

    def out(self, name: str) -> Path:
        return self.folder / "out/a" / name


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def ids(rows: pa.Table) -> list[int]:
    return sorted(rows.column("id").to_pylist())


def test_they_are_planned_and_moved_with_the_tables_and_again(lake: Lake) -> None:
    lake.run("discover")
    assert lake.actions() == {
        "a.default.landing": "copy", "a.sales.delta": "copy", "a.sales.orders": "copy",
    }  # fmt: skip
    first = lake.run("sync", "--yes")[-1]
    kept = set(lake.actions().values())
    lake.put("sales/orders/day=2/part-0.parquet", 50)
    lake.write("landing/2027/c.json", "333")
    increments = lake.actions()
    again = lake.run("sync", "--yes")[-1]

    assert (first["synced"], again["synced"], again["current"]) == (3, 2, 1)
    assert kept == {"keep"}
    assert sorted(increments.values()) == ["increment", "increment", "keep"]
    assert again["files"] == 2
    target = lake.out("sales/orders")
    assert ids(deltalake_rows(target)) == ids(duckdb_rows(target)) == [*range(5), *range(50, 55)]


def test_a_sync_that_finds_nothing_new_takes_no_proof_away(lake: Lake) -> None:
    lake.run("discover")
    lake.run("sync", "--yes")
    lake.run("verify", "--yes")

    ended = lake.run("sync", "--yes")

    [of_all] = [one for one in lake.run("status", "--by", "state") if one["type"] == "group"]
    assert (of_all["key"], of_all["tables"]["total"]) == ("verified", 3)
    assert [one for one in ended if one["type"] == "table"] == []


def test_status_counts_them(lake: Lake) -> None:
    lake.run("discover")
    lake.run("sync", "--yes")
    told = {one["table"]: one for one in lake.run("status", "--by", "table")
            if one["type"] == "table"}  # fmt: skip
    assert {name: one["state"] for name, one in told.items()} == dict.fromkeys(told, "synced")
    assert len(told) == 3


def test_a_parquet_table_that_does_not_fit_is_blocked_and_stops_no_other(lake: Lake) -> None:
    pq.write_table(pa.table({"id": ["x"]}), lake.path("sales/orders/day=2/part-1.parquet"))
    lake.run("discover")
    report = lake.run("sync", "--yes", code=3)[-1]
    assert [(one["table"], one["code"]) for one in report["look_at"]] == [
        ("a.sales.orders", "LF-4110")
    ]
    assert report["synced"] == 2


def test_columns_that_the_manifest_does_not_accept_are_left_until_a_person_does(
    lake: Lake,
) -> None:
    text = (lake.folder / "lakeferry.yaml").read_text()
    (lake.folder / "lakeferry.yaml").write_text(f"{text}    schema_changes: none\n")
    lake.run("discover")
    lake.run("sync", "--yes")
    more = pa.table({"id": [9], "late": [1]})
    pq.write_table(more, lake.path("sales/orders/day=2/part-1.parquet"))

    report = lake.run("sync", "--yes", code=3)[-1]
    assert [one["code"] for one in report["look_at"]] == ["LF-4105"]
    lake.run("sync", "--yes", "-s", "a.sales.orders", "--accept-schema", "1")
    assert 9 in ids(deltalake_rows(lake.out("sales/orders")))


def test_a_lost_ledger_is_read_back_with_them(lake: Lake) -> None:
    lake.run("discover")
    lake.run("sync", "--yes")
    shutil.rmtree(lake.folder / ".lakeferry")
    lake.run("config", "rebuild-ledger")
    assert "copy" not in {
        action for name, action in lake.actions().items() if name != "a.default.landing"
    }
    assert lake.run("sync", "--yes")[-1]["files"] == 0


def test_the_ledger_tells_what_each_holds(lake: Lake) -> None:
    lake.run("discover")
    lake.run("sync", "--yes")
    record = json.loads((next(lake.folder.glob("out/a/**/_lakeferry/folder.json"))).read_text())
    assert (record["version"], record["files"], record["bytes"]) == (0, 2, 3)


def test_they_are_proven_file_by_file_and_a_changed_byte_is_found(lake: Lake) -> None:
    lake.run("discover")
    lake.run("sync", "--yes")

    proven = lake.run("verify", "-s", "a", "--strength", "hashed", "--yes")
    file = lake.out("default/landing/2026/b.json")
    file.write_text("23")
    differs = lake.run("verify", "-s", "a.default.*", "--strength", "hashed", "--yes", code=3)

    assert (proven[-1]["identical"], proven[-1]["different"]) == (3, 0)
    assert (differs[-1]["identical"], differs[-1]["different"]) == (0, 1)
    [before, after] = sorted(lake.out("default/landing/_lakeferry/receipts").iterdir())
    assert recomputed(after) == (0, dict.fromkeys(HASHES, "equal"))
    assert recomputed(before) == (1, dict.fromkeys(HASHES, "equal") | {"bytes_sha256": "DIFFERS"})


def test_a_proof_of_each_leaves_a_receipt_that_outlives_the_ledger(lake: Lake) -> None:
    lake.write("landing/2026/odd %20 name+ü.json", "3")
    lake.run("discover")
    lake.run("sync", "--yes")

    told = lake.run("verify", "-s", "a", "--strength", "rows", "--yes", "--report", "p.json")
    named = {one["table"]: one["receipt"] for one in told if one.get("what") == "table"}
    report = json.loads((lake.folder / "p.json").read_bytes())["tables"]
    [of_table] = lake.out("sales/orders/_delta_log/_lakeferry/receipts").iterdir()
    [of_folder] = lake.out("default/landing/_lakeferry/receipts").iterdir()
    shutil.rmtree(lake.folder / ".lakeferry")
    lake.run("config", "rebuild-ledger")

    for name, file in (("a.sales.orders", of_table), ("a.default.landing", of_folder)):
        body = file.read_bytes()
        said = json.loads(body)
        assert named[name] == hashlib.sha256(body).hexdigest()
        assert body == orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
        assert (said["table"], said["equal"], said["strength"]) == (name, True, "hashed")
        assert {**said, "receipt": named[name]} in report
        assert recomputed(file) == (0, dict.fromkeys(HASHES, "equal"))
    states = {one["table"]: (one["state"], one["strength"])
              for one in lake.run("status", "--by", "table") if one["type"] == "table"}  # fmt: skip
    assert states["a.sales.orders"] == states["a.default.landing"] == ("verified", "hashed")


def test_a_receipt_says_what_a_proof_of_files_has_not_seen(lake: Lake) -> None:
    lake.run("discover")
    lake.run("sync", "--yes")
    lake.path("landing/2026/b.json").unlink()
    lake.run("sync", "--yes")

    lake.run("verify", "-s", "a.default.*", "--strength", "listed", "--against", "duckdb", "--yes")

    [receipt] = lake.out("default/landing/_lakeferry/receipts").iterdir()
    said = json.loads(receipt.read_bytes())
    assert (said["equal"], said["against"], said["content"]["files"]) == (True, None, 2)
    assert said["not_seen"] == [
        "files of the target that the source does not have (any more): 1",
        "duckdb: it was not asked, as the source has no log",
    ]
    assert said["content"]["bytes_sha256"] is None


def test_a_source_that_has_moved_on_proves_nothing(lake: Lake) -> None:
    lake.run("discover")
    lake.run("sync", "--yes")
    lake.put("sales/orders/day=3/part-0.parquet", 70)

    ended = lake.run("verify", "-s", "a.sales.orders", "--yes", code=1)

    assert "moved on since it was synced: 1 files are new" in str(ended)
