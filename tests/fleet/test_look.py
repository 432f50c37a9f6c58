"""A look at one table: tables with real files on this disk, nothing of ours in between."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.look import look
from lakeferry.fleet.planning.plan import planned, seen_again
from lakeferry.fleet.planning.planned import Counted, Seen
from lakeferry.fleet.standing.live_heads import with_heads
from lakeferry.fleet.standing.status import as_wanted, to_look_at, told_together
from lakeferry.ledger.rows import LakeTable
from tests.clone.small import SIZE, append, clone, new_table
from tests.delta.tables import METADATA, PROTOCOL, commit
from tests.fleet.plans import MANIFEST, found, wanted_in

ID = METADATA["metaData"]["id"]


class Scene:
    """One source's table of three files, and where it is to land."""

    def __init__(self, folder: Path, manifest: str = MANIFEST) -> None:
        self.wanted: Migration = wanted_in(folder, manifest)
        self.source = new_table(folder / "sales" / "eu" / "orders", "a", "b", "c")
        self.target = folder / "lake" / "sales" / "eu" / "orders"
        self.table: LakeTable = found(self.wanted, "sales.eu.orders")

    def look(self, **known: Any) -> Seen:
        return look(self.wanted, self.table._replace(**known))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def files(root: Path) -> list[Path]:
    return sorted(root.rglob("*")) if root.exists() else []


def test_where_nothing_lies_at_the_target_all_that_is_live_is_counted(scene: Scene) -> None:
    seen = scene.look()

    assert (seen.source_version, seen.source_id, seen.live) == (0, ID, (3 * SIZE, 3))
    assert (seen.held_version, seen.work, seen.is_current) == (None, None, False)
    assert (seen.protocol, seen.retention_s, seen.is_judged) == ("1/2", 7 * 86_400, True)


def test_a_source_that_has_not_moved_since_it_was_found_is_not_read_again(scene: Scene) -> None:
    known = scene.look(source_version=0, source_id=ID, bytes=5, files=1)

    assert (known.live, known.is_judged) == (None, False)
    assert scene.look(source_version=9, source_id=ID).live == (3 * SIZE, 3)


def test_an_increment_counts_what_is_new_and_what_is_gone(scene: Scene) -> None:
    clone(scene.source, scene.target)
    append(scene.source, 1, "d")

    seen = scene.look()

    assert (seen.source_version, seen.held_version, seen.target_version) == (1, 0, 0)
    assert seen.work == Counted(bytes=SIZE, files=1, added=1, removed=0)
    assert not seen.is_current


def test_a_target_that_holds_the_newest_version_is_current(scene: Scene) -> None:
    clone(scene.source, scene.target)

    assert (scene.look().is_current, scene.look().held_version) == (True, 0)


def test_a_look_writes_nothing(scene: Scene) -> None:
    clone(scene.source, scene.target)
    append(scene.source, 1, "d")
    before = files(scene.source), files(scene.target)

    scene.look()

    assert (files(scene.source), files(scene.target)) == before


def test_a_mirror_counts_what_its_history_holds(tmp_path: Path) -> None:
    text = MANIFEST.replace("path: internet,", "path: internet, mode: mirror,")
    scene = Scene(tmp_path, text)

    assert scene.look().work == Counted(bytes=3 * SIZE, files=3, added=3, removed=0)

    clone(scene.source, scene.target, mode="mirror")
    assert (scene.look().is_current, scene.look().held_version) == (True, 0)


def test_a_target_that_holds_another_table_is_a_fault(scene: Scene) -> None:
    new_table(scene.target, "z")

    seen = scene.look()

    assert seen.fault is not None
    assert seen.fault.code == "LF-5002"
    assert "lakeferry sync -s sales.eu.orders --replace" in seen.fault.next_step


def test_a_target_that_others_wrote_to_is_a_fault(scene: Scene) -> None:
    clone(scene.source, scene.target)
    append(scene.target, 1, "z")

    seen = scene.look()

    assert seen.fault is not None
    assert seen.fault.code == "LF-5003"


def test_a_source_that_is_not_there_is_a_fault(scene: Scene) -> None:
    seen = scene.look(source_url=f"{scene.source}-none")

    assert seen.fault is not None
    assert (seen.fault.code, seen.source_version) == ("LF-2101", None)


def test_a_table_of_an_unknown_feature_is_a_fault(scene: Scene) -> None:
    unknown = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["x-preview"],
               "writerFeatures": ["x-preview"]}  # fmt: skip
    commit(scene.source, 1, {"protocol": unknown})

    seen = scene.look()

    assert seen.fault is not None
    assert seen.fault.code == "LF-3001"


def with_schema(*columns: tuple[str, str]) -> dict[str, object]:
    fields = [{"name": name, "type": kind, "nullable": True, "metadata": {}}
              for name, kind in columns]  # fmt: skip
    text = json.dumps({"type": "struct", "fields": fields})
    return {"metaData": {**METADATA["metaData"], "schemaString": text}}


@pytest.mark.parametrize(
    ("rule", "columns", "code"),
    [
        ("none", [("id", "long"), ("more", "string")], "LF-4105"),
        ("additive", [("id", "long"), ("more", "string")], None),
        ("additive", [("id", "double")], "LF-4105"),
        ("any", [("id", "double")], None),
    ],
)
def test_a_schema_that_changed_more_than_is_accepted_is_a_fault(
    tmp_path: Path, rule: str, columns: list[tuple[str, str]], code: str | None
) -> None:
    text = MANIFEST.replace("path: internet,", f"path: internet, schema_changes: {rule},")
    scene = Scene(tmp_path, text)
    commit(scene.source, 1, with_schema(("id", "long")))
    clone(scene.source, scene.target)
    commit(scene.source, 2, with_schema(*columns))

    seen = scene.look()

    assert (seen.fault.code if seen.fault else None) == code


def test_a_flaw_of_the_program_is_told_of_its_table_alone(scene: Scene) -> None:
    seen = scene.look(source="nobody")  # which no ledger says of a table that is planned

    assert seen.fault is not None
    assert (seen.fault.code, "KeyError" in seen.fault.what) == ("LF-8021", True)


OWNED = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["catalogManaged"],
         "writerFeatures": ["catalogManaged"]}  # fmt: skip


@pytest.mark.parametrize("is_held", [False, True])
def test_a_table_whose_catalog_decides_is_planned_where_all_is_published(
    scene: Scene, is_held: bool
) -> None:
    if is_held:
        clone(scene.source, scene.target)
    commit(scene.source, 1, {"protocol": OWNED})
    append(scene.source, 2, "d")

    assert (scene.look().fault, scene.look().source_version) == (None, 2)

    staged = scene.source / "_delta_log" / "_staged_commits"
    staged.mkdir()
    (staged / f"{2:020d}.0b5a.json").write_text("{}")  # published since
    assert scene.look().fault is None

    (staged / f"{3:020d}.77ad.json").write_text("{}")
    seen = scene.look()
    assert seen.fault is not None
    assert (seen.fault.code, "1 of its commits" in seen.fault.what) == ("LF-8051", True)


def test_what_a_catalog_hides_of_a_table_that_is_held_is_a_fault(scene: Scene) -> None:
    commit(scene.source, 1, {"protocol": OWNED})
    clone(scene.source, scene.target, allow_features=["catalogManaged"])
    assert scene.look(protocol="3/7").is_current

    staged = scene.source / "_delta_log" / "_staged_commits"
    staged.mkdir()
    (staged / f"{2:020d}.77ad.json").write_text("{}")

    for protocol in ("3/7", ""):
        seen = scene.look(protocol=protocol)
        assert seen.fault is not None
        assert seen.fault.code == "LF-8051"
    assert scene.look(protocol="1/2").is_current  # such a table has no features


def test_a_mirror_keeps_all_that_a_table_has_so_a_catalogs_table_is_a_fault(tmp_path: Path) -> None:
    scene = Scene(tmp_path, MANIFEST.replace("path: internet,", "path: internet, mode: mirror,"))
    commit(scene.source, 1, {"protocol": OWNED})

    seen = scene.look()

    assert seen.fault is not None
    assert seen.fault.code.startswith("LF-300")


def test_a_source_within_its_target_is_a_fault(scene: Scene) -> None:
    seen = scene.look(source_url=str(scene.target))

    assert seen.fault is not None
    assert seen.fault.code == "LF-2103"


@pytest.mark.parametrize(
    ("info", "job"),
    [
        ({"job": {"jobId": "8812"}}, "job 8812"),
        ({"notebook": {"notebookId": "77"}}, "notebook 77"),
        ({"operation": "WRITE"}, ""),
        ("no object", ""),
    ],
)
def test_the_job_that_made_the_newest_commit_is_told(scene: Scene, info: object, job: str) -> None:
    commit(scene.source, 1, {"commitInfo": info})

    assert scene.look().job == job


def test_protocol_and_metadata_of_an_increment_are_those_of_the_new_version(scene: Scene) -> None:
    clone(scene.source, scene.target)
    kept = {"delta.deletedFileRetentionDuration": "interval 1 hours"}
    commit(scene.source, 1, {"metaData": {**METADATA["metaData"], "configuration": kept}})

    seen = scene.look()

    assert (seen.retention_s, seen.protocol) == (3600, "1/2")
    assert PROTOCOL["protocol"]["minReaderVersion"] == 1


def switched(scene: Scene) -> LakeTable:
    clone(scene.source, scene.target)
    return scene.table._replace(state="cut_over", held_version=0, source_version=0)


def test_who_writes_at_a_source_after_the_switch_is_named_with_what_was_written(
    scene: Scene,
) -> None:
    table = switched(scene)
    append(scene.source, 1, "d")
    append(scene.source, 2, "e")

    seen = look(scene.wanted, table)
    line = planned(scene.wanted, [table], {table.target_url: seen})[0]
    kept = seen_again(table, seen, now_ms=99)

    assert (line.action, line.code, line.bytes) == ("drifted", "LF-8086", 0)
    assert "written to after the switch: 2 commits" in line.why
    assert "by app" in line.why
    assert "lakeferry rollback -s sales.eu.orders" in line.next_step
    assert [one.code for one in to_look_at([kept])] == ["LF-8086"]
    assert told_together("", [kept], now_ms=99).needs_a_look
    assert not told_together("", as_wanted([kept], {"another"}), now_ms=99).needs_a_look


def test_a_live_look_finds_what_was_written_after_the_switch(scene: Scene) -> None:
    table = switched(scene)
    append(scene.source, 1, "d")

    live = with_heads(scene.wanted, [table], now_ms=99).tables[0]

    assert (live.source_version, live.behind_since_ms) == (1, 99)


def test_after_the_switch_a_source_may_be_compacted_or_go(scene: Scene) -> None:
    table = switched(scene)
    commit(scene.source, 1, {"commitInfo": {"operation": "OPTIMIZE"}})

    compacted = look(scene.wanted, table)
    shutil.rmtree(scene.source)
    gone = look(scene.wanted, table)

    lines = [
        planned(scene.wanted, [table], {table.target_url: one})[0] for one in (compacted, gone)
    ]
    assert [one.action for one in lines] == ["keep", "keep"]
    assert seen_again(table, compacted, now_ms=99).behind_since_ms is None
    assert seen_again(table, gone, now_ms=99) == table
