"""The demo runs, shows only what it computed, and leaves tables that others can read."""

import os
import re
from pathlib import Path
from shutil import copytree

import pytest

from lakeferry.delta.deletion_vector import parse_descriptor, parse_inline, read_rows
from lakeferry.demo import lakes
from lakeferry.demo.folder import MARKER, prepare
from lakeferry.demo.kinesis_feed_load import event_id
from lakeferry.demo.report import DemoReport, DemoStep
from lakeferry.demo.run import demo
from lakeferry.demo.streaming import FAST, FULL
from lakeferry.errors import FerryError
from lakeferry.events import Event, Noted
from lakeferry.explain import explain_table
from lakeferry.ingest.events import BatchCommitted, Progress
from lakeferry.ingest.events import Event as IngestEvent
from lakeferry.store.open import open_store
from lakeferry.verify.digest import digest_batches
from tests.judges.deltalake_reader import deltalake_rows

pytestmark = pytest.mark.xdist_group("demo")  # one demo for all that look at it
TABLES = ("orders", "clicks", "readings")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoReport, float]:
    """What it made, and how long cores worked on it, s."""
    steps: list[DemoStep] = []
    folder = tmp_path_factory.mktemp("place") / "lakeferry-demo"
    before = os.times()
    report = demo(folder, fast=True, on_step=steps.append)
    used = sum(os.times()[:4]) - sum(before[:4])  # of this process, and of those that it began
    assert tuple(steps) == report.steps
    return report, used


@pytest.fixture(scope="module")
def made(ran: tuple[DemoReport, float]) -> DemoReport:
    return ran[0]


def numbers(report: DemoReport) -> dict[str, float]:
    return {one.name: one.value for one in report.numbers}


def test_the_steps_come_in_order_within_a_minute(ran: tuple[DemoReport, float]) -> None:
    made, used_s = ran
    assert [step.name for step in made.steps] == [
        *("lake", "doctor", "clone", "mirror", "kill", "change", "again", "verify", "flip"),
        *("ingest", "count"),
    ]
    assert [step.elapsed_s for step in made.steps] == sorted(step.elapsed_s for step in made.steps)
    # A core of one's own works for 4 s, and some more are waited: shards give 2 MB a second.
    assert used_s < 20


def test_the_killed_clone_was_half_way_and_copied_nothing_twice(made: DemoReport) -> None:
    found = numbers(made)
    half = lakes.FAST.readings_files // 2

    assert half <= found["files there when killed"] < lakes.FAST.readings_files
    assert found["files copied twice"] == 0
    assert (
        found["resumed clone of readings: files copied"]
        == lakes.FAST.readings_files - found["files there when killed"]
    )


def test_only_the_change_moved_the_second_time(made: DemoReport) -> None:
    found = numbers(made)

    assert found["second clone of orders: files copied"] == len(lakes.REGIONS) + 1
    assert 0 < found["share of the table that moved again"] < 50


def test_the_flipped_byte_was_found_and_its_file_named(made: DemoReport) -> None:
    assert numbers(made)["of these, naming the file"] >= 1


@pytest.mark.parametrize("name", TABLES)
def test_deltalake_reads_the_same_rows_on_both_sides(made: DemoReport, name: str) -> None:
    source = deltalake_rows(made.folder / "lake" / name)
    target = deltalake_rows(made.folder / "clones" / name)

    digests = [digest_batches(rows.schema, rows.to_batches()) for rows in (source, target)]

    assert digests[0] == digests[1]
    assert digests[0].rows == numbers(made)[f"rows of {name} verified"]
    assert digests[0].whole in (made.folder / "RESULTS.md").read_text()


def test_the_clone_keeps_what_a_copy_of_rows_would_lose(made: DemoReport) -> None:
    source = explain_table(str(made.folder / "lake" / "orders"))
    target = explain_table(str(made.folder / "clones" / "orders"))

    assert target.totals == source.totals
    assert target.totals is not None
    assert target.totals.vectors == 3
    assert target.constraints == {"amount_is_positive": "amount > 0"}
    assert target.domains == source.domains == {"demo.owner": '{"team":"sales"}'}
    assert [stream.version for stream in target.streams] == [42]
    assert target.log.companions == (lakes.COPY_INTO_STATE,)


def test_the_mirror_has_the_source_s_id_and_versions(made: DemoReport) -> None:
    source = explain_table(str(made.folder / "lake" / "clicks"))
    target = explain_table(str(made.folder / "clones" / "clicks"))

    assert (target.id, target.version) == (source.id, source.version)


def test_the_killed_ingest_was_half_way_and_went_on(made: DemoReport) -> None:
    found = numbers(made)
    committed = found["requests committed when killed"]

    assert FAST.total / 2 <= committed < FAST.total
    assert 0 <= found["requests read and not committed when killed"] <= FAST.total - committed
    assert found["ingest: rate"] == pytest.approx(FAST.total / found["ingest: time"])
    assert found["ingest: times a billion a day"] * 11_574 == pytest.approx(
        found["ingest: rate"], rel=1e-4
    )


def test_deltalake_reads_each_request_of_the_stream_once(made: DemoReport) -> None:
    rows = deltalake_rows(made.folder / "ingested" / "requests")
    shards = {**dict.fromkeys(range(4), FAST.records), **dict.fromkeys((4, 5), FAST.child_records)}

    assert sorted(rows["event_id"].to_pylist()) == sorted(
        event_id(0, shard, index) for shard, count in shards.items() for index in range(count)
    )
    assert len(set(rows["_shardId"].to_pylist())) == FAST.shards + 2  # the split's two among them
    assert rows["status"].null_count == 0  # parsed
    assert numbers(made)["requests counted"] == rows.num_rows == FAST.total == 60_000
    assert numbers(made)["gaps"] == numbers(made)["doubles"] == 0


def test_the_full_demo_ingests_a_million_requests() -> None:
    assert FULL.total == 1_000_000


def test_each_number_in_the_results_is_one_of_the_run(made: DemoReport) -> None:
    text = (made.folder / "RESULTS.md").read_text()

    for step in made.steps:
        assert step.text in text
    for one in made.numbers:
        assert f"| {one.name} | " in text
        assert one.how != ""
    moved = numbers(made)["first clone of orders: files copied"]
    clone = next(step.text for step in made.steps if step.name == "clone")
    assert re.search(r"(\d+) files", clone)
    assert f"{int(moved)} files" in clone


def test_the_readme_says_what_lies_here(made: DemoReport) -> None:
    text = (made.folder / "README.txt").read_text()

    for name in ("lake/", "clones/", "ingested/", "RESULTS.md", "lakeferry explain "):
        assert name in text


def test_a_second_demo_replaces_the_first_and_leaves_what_is_not_its_own(
    made: DemoReport, tmp_path: Path
) -> None:
    folder = tmp_path / "lakeferry-demo"
    copytree(made.folder, folder)
    (folder / "mine.txt").write_text("a note")
    events: list[Event] = []
    told: list[IngestEvent] = []

    report = demo(folder, fast=True, emit=events.append, on_event=told.append)

    # Steps are events where nobody asks for them.
    assert [event.message for event in events if isinstance(event, Noted)] == [
        step.text for step in report.steps
    ]
    assert max(one.records_per_s for one in told if isinstance(one, Progress)) > 0
    assert sum(one.rows for one in told if isinstance(one, BatchCommitted)) <= FAST.total
    assert (folder / "mine.txt").read_text() == "a note"
    assert sorted(path.name for path in folder.iterdir()) == [
        *(MARKER, "README.txt", "RESULTS.md", "clones", "ingested", "lake", "mine.txt"),
    ]


def test_a_folder_that_no_demo_made_is_refused_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "lakeferry-demo"
    (folder / "lake").mkdir(parents=True)
    (folder / "lake" / "precious").write_text("data")

    with pytest.raises(FerryError) as caught:
        prepare(folder)

    assert caught.value.code == "LF-2001"
    assert [path.name for path in folder.rglob("*")] == ["lake", "precious"]


def test_a_file_or_a_link_of_the_folder_s_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    for name in ("file", "link"):
        with pytest.raises(FerryError) as caught:
            prepare(tmp_path / name)
        assert caught.value.code == "LF-2001"


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    prepare(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [MARKER]


def test_the_vectors_that_the_lake_holds_are_whole(tmp_path: Path) -> None:
    rows = [1, 5, 8, 13]
    table = lakes.Table(tmp_path, seed=0)

    inline = parse_descriptor(lakes.inline_vector(rows))
    filed = parse_descriptor(table.vector_file(rows))

    assert parse_inline(inline).tolist() == rows
    assert read_rows(open_store(str(tmp_path)), filed).tolist() == rows
