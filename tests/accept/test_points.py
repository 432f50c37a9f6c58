"""The verdicts of the workspace notebook, and that it looks at every point that README lists."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from accept import objects, points
from accept.points import EXPECTED, Point

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = [ROOT / "accept" / name for name in ("databricks_clone.py", "workspace.py")]
# The first commit of a real Databricks deep clone, cut to what is judged.
SOURCE: points.Log = {
    0: [{"metaData": {"id": "source-id"}}, {"add": {"path": "a", "dataChange": True}}]
}
CLONE: points.Log = {
    0: [
        {
            "commitInfo": {
                "operation": "CLONE",
                "operationParameters": {"source": "s", "sourceVersion": 1, "isShallow": False},
                "operationMetrics": {"sourceTableSize": "1112"},
            }
        },
        {"metaData": {"id": "clone-id"}},
        {"add": {"path": "a", "dataChange": True}},
    ]
}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_compiles_and_is_in_the_form_that_databricks_imports(notebook: Path) -> None:
    text = notebook.read_text()

    compile(text, notebook.name, "exec")

    assert text.startswith("# Databricks notebook source\n")


def test_every_point_is_looked_at_once() -> None:
    calls = [
        node.args[0].value
        for node in ast.walk(ast.parse(NOTEBOOKS[0].read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "check"
        and isinstance(node.args[0], ast.Constant)
    ]

    assert sorted(map(str, calls)) == sorted(EXPECTED)


def test_readme_lists_the_same_points() -> None:
    readme = (ROOT / "README.md").read_text()
    section = readme.partition("## Never seen on a real Databricks workspace")[2].split("\n## ")[0]

    assert re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) == list(EXPECTED)


def test_the_commit_of_a_real_deep_clone_is_recognised() -> None:
    seen, good = points.first_clone(CLONE, SOURCE)

    assert good
    assert seen["order"] == ["commitInfo", "metaData", "add"]


def test_a_clone_that_keeps_the_table_id_is_not_what_was_expected() -> None:
    _, good = points.first_clone(CLONE, {0: [{"metaData": {"id": "clone-id"}}]})

    assert not good


def test_a_second_clone_is_judged_by_what_it_adds_and_removes() -> None:
    second: list[dict[str, Any]] = [
        {"commitInfo": {"operation": "CLONE"}},
        {"add": {"path": "b", "dataChange": True}},
    ]

    seen, good = points.incremental_clone({**CLONE, 1: second}, added={"b"}, removed=set())
    _, with_a_remove = points.incremental_clone({**CLONE, 1: second}, added={"b"}, removed={"a"})

    assert good
    assert seen["operations"] == ["CLONE"]
    assert not with_a_remove


def test_a_file_with_another_deletion_vector_is_another_logical_file() -> None:
    vector = {"storageType": "u", "pathOrInlineDv": "x", "offset": 1}
    add = {"path": "a", "deletionVector": vector, "baseRowId": 5, "defaultRowCommitVersion": 2}
    log: dict[int, list[dict[str, Any]]] = {
        0: [{"add": {"path": "a"}}],
        1: [{"add": add}, {"remove": {"path": "a"}}],
    }

    assert points.logical_files(log) == {"a ux@1": add}
    assert points.row_ids(log) == [(5, 2)]


def test_the_latest_transaction_and_the_live_domains_count() -> None:
    domain = {"domain": "d", "configuration": "{}", "removed": False}
    log: dict[int, list[dict[str, Any]]] = {
        0: [{"txn": {"appId": "a", "version": 9}}, {"domainMetadata": domain}],
        1: [{"txn": {"appId": "a", "version": 3}}],
        2: [{"domainMetadata": {**domain, "removed": True}}],
    }

    assert points.transactions(log) == {"a": 3}
    assert points.domains(log) == {}


def test_an_edited_offset_names_the_other_table_and_keeps_the_rest() -> None:
    offset = {"sourceVersion": 1, "reservoirId": "old", "reservoirVersion": 9, "index": 4}
    text = 'v1\n{"batchWatermarkMs":0}\n' + json.dumps({**offset, "isStartingVersion": True})

    lines = points.edited_offset(text, table_id="new", version=1).split("\n")

    assert lines[:2] == ["v1", '{"batchWatermarkMs":0}']
    assert json.loads(lines[2]) == {
        "sourceVersion": 1,
        "reservoirId": "new",
        "reservoirVersion": 1,
        "index": -1,
        "isStartingVersion": False,
    }


def test_an_offset_of_two_sources_is_refused() -> None:
    with pytest.raises(ValueError, match="3 lines, this one 4"):
        points.edited_offset("v1\n{}\n{}\n{}", table_id="new", version=1)


def test_the_receipt_names_what_was_never_reached() -> None:
    first, second = list(EXPECTED)[:2]
    seen = [Point(first, EXPECTED[first], {}, True), Point(second, EXPECTED[second], "no", None)]

    lines = points.receipt(seen, {"runtime": "16.4"})

    assert json.loads(lines[0])["ok"] is True
    summary = json.loads(lines[-1])
    assert (summary["agree"], summary["differ"]) == (1, [])
    assert summary["not looked at"] == sorted(set(EXPECTED) - {first})


def test_objects_are_seen_through_our_own_stores(tmp_path: Path) -> None:
    log = tmp_path / "table" / "_delta_log"
    (log / "_copy_into_log").mkdir(parents=True)
    (log / "00000000000000000000.json").write_text('{"commitInfo":{}}\n{"add":{"path":"a"}}\n')
    (log / "_copy_into_log" / "state").write_bytes(b"...s3://bucket/landing/a.parquet...")
    table = str(tmp_path / "table")
    state = "_delta_log/_copy_into_log/state"

    assert objects.log(table) == {0: [{"commitInfo": {}}, {"add": {"path": "a"}}]}
    assert list(objects.digests(table, "_delta_log/_copy_into_log")) == [state]
    assert objects.find(table, "_delta_log/_copy_into_log", "s3://bucket", "gs://") == {
        state: ["s3://bucket"]
    }


def test_a_rebased_table_starts_at_its_newest_checkpoint(tmp_path: Path) -> None:
    log = tmp_path / "table" / "_delta_log"
    (log / "_sidecars").mkdir(parents=True)
    (log / "_sidecars" / "s.parquet").touch()
    for version in range(4):
        (log / f"{version:020}.json").touch()
    (log / f"{2:020}.checkpoint.parquet").touch()
    (log / f"{2:020}.{3:020}.compacted.json").touch()
    (tmp_path / "table" / "a.parquet").write_bytes(b"rows")

    start = objects.rebase(str(tmp_path / "table"), str(tmp_path / "rebased"))

    found = (path for path in (tmp_path / "rebased").rglob("*") if path.is_file())
    assert start == 2
    assert sorted(str(path.relative_to(tmp_path / "rebased")) for path in found) == [
        "_delta_log/00000000000000000002.checkpoint.parquet",
        "_delta_log/00000000000000000002.json",
        "_delta_log/_sidecars/s.parquet",
        "a.parquet",
    ]
