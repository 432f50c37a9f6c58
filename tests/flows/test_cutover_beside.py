"""Parquet tables and plain folders switched to targets and back; judged by what lies there."""

import shutil
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from lakeferry.catalog.reading import list_tables
from lakeferry.connect.databricks import workspace_client
from lakeferry.fleet.catalogs.catalog_check import compare_with_catalog
from lakeferry.fleet.catalogs.target_catalog import target_catalog
from lakeferry.store.open import open_store
from tests.cli.program import called, json_lines
from tests.fleet.lakes import put
from tests.flows.fleets import Fleet, append
from tests.flows.live_cutover import Line, heard, is_watching
from tests.flows.test_recompute_receipt import recomputed
from tests.servers import unity_catalog

Lines = list[dict[str, Any]]
VISITS, LANDING = "a.s.visits", "a.default.landing"


class Files:
    """A lake of a Delta table, a Parquet table and a folder, synced and proven."""

    def __init__(self, folder: Path, *, target: str = "") -> None:
        self.fleet = Fleet(folder, str(folder / "out"))
        self.fleet.write(source=", include: ['s.*', '/landing']", target=target)
        append(self.fleet.lake / "s/orders")
        self.day(1, 0)
        self.day(2, 5)
        self.land("2026/a.json", "1")
        self.run("discover")
        self.prove()

    def prove(self) -> None:
        self.run("sync", "--yes")
        self.run("verify", "--yes", "-s", "a", "--strength", "replayed")

    def day(self, day: int, first: int, part: int = 0) -> None:
        place = self.fleet.lake / f"s/visits/day={day}"
        place.mkdir(parents=True, exist_ok=True)
        rows = pa.table({"id": list(range(first, first + 5))})
        pq.write_table(rows, place / f"part-{part}.parquet")

    def land(self, name: str, text: str, *, at: Path | None = None) -> None:
        put(open_store(str(at or self.fleet.lake / "landing")), name, text)

    def run(self, *words: str, code: int = 0) -> Lines:
        ended = called(*words, "--json", folder=self.fleet.folder)
        assert ended.returncode == code, ended.stdout + ended.stderr
        return json_lines(ended)

    def cutover(self, *words: str, code: int = 0) -> Lines:
        freeze = () if "--freeze-check" in words else ("--freeze-check", "0s")
        return self.run("cutover", "--yes", "--wave", "1", *freeze, *words, code=code)

    def rollback(self, *words: str, code: int = 0) -> Lines:
        return self.run("rollback", "--yes", "--wave", "1", *words, code=code)

    def target(self, name: str) -> Path:
        [found] = [row for row in self.fleet.tables().values() if row.name == name]
        return Path(found.target_url)

    def states(self) -> dict[str, str]:
        return {row.name: row.state for row in self.fleet.tables().values()}

    def ids(self) -> list[int]:
        rows = DeltaTable(str(self.target(VISITS))).to_pyarrow_table()
        return sorted(rows.column("id").to_pylist())

    def write_visits(self, first: int) -> None:
        """At the target, where it is a Delta table."""
        rows = {"id": list(range(first, first + 5)), "day": ["3"] * 5}
        write_deltalake(str(self.target(VISITS)), pa.table(rows), mode="append")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_wave_of_all_three_is_switched_and_each_has_its_receipt(files: Files) -> None:
    files.day(2, 50)  # written over since the proof
    files.land("2026/b.json", "22")

    lines = files.cutover()

    assert set(files.states().values()) == {"cut_over"}
    assert lines[-1]["left"] == []
    assert files.ids() == [*range(5), *range(50, 55)]
    assert (files.target(LANDING) / "2026/b.json").read_text() == "22"
    [of_table] = (files.target(VISITS) / "_delta_log/_lakeferry/receipts").glob("*-cutover.json")
    [of_folder] = (files.target(LANDING) / "_lakeferry/receipts").glob("*-cutover.json")
    table, folder = orjson.loads(of_table.read_bytes()), orjson.loads(of_folder.read_bytes())
    assert (table["mode"], table["strength"], table["state"]["files"]) == ("parquet", "hashed", 2)
    assert (folder["mode"], folder["registered"], folder["state"]["files"]) == ("folder", None, 2)
    assert not (files.target(LANDING) / "_delta_log").exists()
    assert recomputed(of_table)[0] == recomputed(of_folder)[0] == 0
    files.land("2026/c.json", "after")
    files.run("sync", "--yes")
    assert not (files.target(LANDING) / "2026/c.json").exists()


@pytest.mark.parametrize("what", ["a new file", "a file of an old time", "a file that goes"])
def test_who_writes_while_they_are_watched_stops_the_switch(files: Files, what: str) -> None:
    def write() -> None:
        match what:
            case "a new file":
                files.day(2, 50, part=1)
            case "a file of an old time":
                old = files.fleet.lake / "s/visits/day=1/part-0.parquet"
                shutil.copy2(old, old.with_name("part-9.parquet"))
            case _:
                (files.fleet.lake / "landing/2026/a.json").unlink()
                files.land("2026/z.json", "1")

    watched: list[Line] = []

    def write_once(said: Line) -> bool:
        if is_watching(said) and not watched:
            write()
            watched.append(said)
        return True

    code, lines = heard(files.fleet, write_once, "--freeze-check", "120s")

    error = next(line for line in reversed(lines) if line["type"] == "error")
    told = (code, error["code"], "whoever wrote" in error["message"])
    assert told == (1, "LF-8072", True)
    assert "cut_over" not in files.states().values()


def test_a_dry_run_tells_how_they_would_go(files: Files) -> None:
    files.day(2, 50, part=1)

    lines = files.run("cutover", "--dry-run", "--wave", "1", code=0)

    told = {line["step"]: (line["state"], line["message"]) for line in lines
            if line["type"] == "step"}  # fmt: skip
    assert "would be watched for up to" in told[2][1]
    assert told[3] == ("planned", "1 table to bring up to date")


def test_a_stream_that_reads_a_folder_which_is_switched_would_load_it_again(files: Files) -> None:
    job = open_store(str(files.fleet.folder / "job"))
    put(job, "metadata", '{"id": "7a6f"}')
    put(job, "offsets/0", "v1\n{}\n{}")
    landed = files.fleet.lake / "landing/2026/a.json"
    put(job, "sources/0/0", f'v1\n{{"path":"file://{landed}","timestamp":1,"batchId":0}}')
    named = ("--checkpoint", job.url)

    lines = files.cutover(*named, code=2)

    assert (lines[-2]["code"], "reloads 1 files" in lines[-2]["message"]) == ("LF-8076", True)
    files.cutover(*named, "--accept-reload")


def test_they_are_taken_back_and_switched_again(files: Files) -> None:
    files.cutover()

    lines = files.rollback()

    assert len(lines[-1]["rolled_back"]) == 3
    assert set(files.states().values()) == {"verified"}
    files.cutover()
    assert set(files.states().values()) == {"cut_over"}


def test_what_was_written_at_their_targets_is_listed_and_carried_back(files: Files) -> None:
    files.cutover()
    files.write_visits(20)
    files.land("2026/b.json", "22", at=files.target(LANDING))

    written = files.rollback(code=3)[-1]["written"]
    carried = files.rollback("--reverse")[-1]

    assert {one["table"]: (one["commits"], one["rows"]) for one in written} == {
        LANDING: (1, None), VISITS: (1, 5),
    }  # fmt: skip
    assert written[0]["writers"] == ["whoever wrote 2026/b.json"]
    assert carried["carried_back"] == [LANDING, VISITS]
    ids = pq.read_table(files.fleet.lake / "s/visits").column("id").to_pylist()
    assert sorted(ids) == [*range(10), *range(20, 25)] == files.ids()
    assert (files.fleet.lake / "landing/2026/b.json").read_text() == "22"
    assert files.run("sync", "--yes")[-1]["files"] == 0
    files.prove()
    files.cutover()


@pytest.mark.parametrize("what", ["rows deleted", "a column added"])
def test_a_commit_that_no_folder_can_take_is_refused_before_anything(
    files: Files, what: str
) -> None:
    files.cutover()
    if what == "rows deleted":
        DeltaTable(str(files.target(VISITS))).delete("id = 3")
    else:
        rows = pa.table({"id": [90], "day": ["1"], "more": [1]})
        write_deltalake(str(files.target(VISITS)), rows, mode="append", schema_mode="merge")
    before = sorted(files.fleet.lake.rglob("*"))

    lines = files.rollback("--reverse", code=2)

    why = "was removed or rewritten" if what == "rows deleted" else "columns of the table"
    assert (lines[-2]["code"], why in lines[-2]["message"]) == ("LF-8084", True)
    assert sorted(files.fleet.lake.rglob("*")) == before
    assert set(files.states().values()) == {"cut_over"}


def test_a_file_deleted_at_the_target_of_a_folder_is_no_way_back_that_nobody_is_told_of(
    files: Files,
) -> None:
    files.cutover()
    gone = files.target(LANDING) / "2026/a.json"
    gone.unlink()

    [told] = files.rollback(code=3)[-1]["written"]

    assert (told["table"], told["writers"]) == (LANDING, ["whoever deleted 1 file"])
    refused = files.rollback("--reverse", code=2)[-2]
    assert (refused["code"], "1 of its files were deleted" in refused["message"]) == (
        "LF-8084", True,
    )  # fmt: skip
    files.rollback("--accept-loss")
    files.run("sync", "--yes", "-s", LANDING, "--replace")
    assert gone.read_text() == "1"


def test_a_source_that_was_written_too_takes_nothing_back(files: Files) -> None:
    files.cutover()
    files.land("2026/b.json", "22", at=files.target(LANDING))
    files.land("2026/b.json", "33")

    lines = files.rollback("--reverse", code=1)

    assert lines[-2]["code"] == "LF-8079"
    assert (files.fleet.lake / "landing/2026/b.json").read_text() == "33"


def test_what_is_left_behind_is_undone_by_a_sync_that_replaces(files: Files) -> None:
    files.cutover()
    files.land("2026/a.json", "9", at=files.target(LANDING))
    files.write_visits(20)

    files.rollback("--accept-loss")

    assert files.states()[LANDING] == files.states()[VISITS] == "drifted"
    files.run("sync", "--yes", "-s", LANDING, "-s", VISITS, "--replace")
    assert (files.target(LANDING) / "2026/a.json").read_text() == "1"
    assert files.ids() == list(range(10))


@pytest.mark.server
def test_a_catalog_is_told_of_the_table_and_of_no_folder(tmp_path: Path) -> None:
    with unity_catalog.running(tmp_path) as url:
        files = Files(tmp_path, target=f", catalog: {{kind: unity, uri: '{url}', catalog: atlas}}")
        place = target_catalog(files.fleet.wanted.target)
        assert place is not None

        lines = files.cutover()
        told = {one.table: one for one in list_tables(place)}
        agreed = compare_with_catalog(
            files.fleet.wanted, files.fleet.folder / ".lakeferry/ledger.db"
        )
        files.rollback()
        left = list(list_tables(place))
    workspace_client.cache_clear()

    assert [one["message"] for one in lines if one.get("step") == 6] == [
        "2 external tables, comments, properties; 0 existed before"
    ]
    assert sorted(told) == ["orders", "visits"]
    assert told["visits"].location.endswith("/out/a/s/visits")
    assert agreed == ()
    assert left == []


def test_a_lost_ledger_knows_that_they_are_cut_over(files: Files) -> None:
    files.cutover()
    shutil.rmtree(files.fleet.folder / ".lakeferry")

    files.run("config", "rebuild-ledger")

    assert set(files.states().values()) == {"cut_over"}
    files.rollback()
    assert "cut_over" not in files.states().values()


def test_of_a_folder_only_what_we_wrote_is_deleted_and_the_rest_is_told(files: Files) -> None:
    target = files.target(LANDING)
    files.land("2026/b.json", "22")
    files.run("sync", "--yes")
    (files.fleet.lake / "landing/2026/b.json").unlink()
    files.land("2026/a.json", "9", at=target)  # of the size that it had
    files.land("2026/theirs.json", "7", at=target)
    purge = ("rollback", "-s", LANDING, "--purge")

    files.run(*purge, code=2)  # its name was not typed
    assert (target / "2026/b.json").exists()
    ended = called(*purge, "--confirm", LANDING, folder=files.fleet.folder)

    assert ended.returncode == 0, ended.stderr
    left = sorted(str(one.relative_to(target)) for one in target.rglob("*") if one.is_file())
    assert left == ["2026/a.json", "2026/theirs.json"]
    assert f"{LANDING}: 2026/a.json, 2026/theirs.json stay" in ended.stdout
    assert "1 of them is at the source no longer" in ended.stderr
    assert files.states()[LANDING] == "planned"
    assert files.run(*purge, "--confirm", LANDING)[-1]["purged"] == []


def test_a_folder_that_holds_the_copy_of_another_source_is_not_deleted(files: Files) -> None:
    record = files.target(LANDING) / "_lakeferry/folder.json"
    said = orjson.loads(record.read_bytes())
    record.write_bytes(orjson.dumps({**said, "source_id": "another"}))

    lines = files.run("rollback", "-s", LANDING, "--purge", "--confirm", LANDING, code=2)

    assert (lines[-2]["code"], "another source" in lines[-2]["message"]) == ("LF-8082", True)
    assert (files.target(LANDING) / "2026/a.json").exists()


def test_only_what_is_written_at_their_sources_after_a_switch_is_told(files: Files) -> None:
    files.cutover()
    (files.target(LANDING) / "2026/a.json").unlink()  # whoever loads files deletes them
    files.write_visits(100)
    assert late(files) == []

    files.day(2, 50, part=1)
    files.land("2026/b.json", "22")
    (files.fleet.lake / "landing/2026/a.json").unlink()

    assert late(files) == [LANDING, VISITS]
    live = files.run("status", "--live")[-1]
    assert [(one["table"], one["code"]) for one in live["look_at"]] == [
        (LANDING, "LF-8086"), (VISITS, "LF-8086")
    ]  # fmt: skip


def late(files: Files) -> list[str]:
    items = [line for line in files.run("plan") if line["type"] == "plan_item"]
    return [one["table"] for one in items if one["code"] == "LF-8086"]
