"""`lakeferry verify TABLE --offsets`: one word, the proof, and an exit code."""

from pathlib import Path

from lakeferry.ingest.position.state import advanced
from lakeferry.ingest.table.commit import commit
from tests.cli.program import called, json_lines
from tests.ingest.batches import moved, opened, put, raw, settings, span, uploaded


def doubled(table: Path) -> None:
    """The record 2 lies in the table twice."""
    target = moved(put(opened(settings(table)), 1, 2))
    assert target.state is not None
    after = advanced(target.state, (span(target, [3]),))
    moved(commit(target, uploaded(target, raw([2, 3])), after))


def test_a_table_that_is_right_ends_with_0(tmp_path: Path) -> None:
    moved(put(opened(settings(tmp_path / "t")), 1, 2))

    ended = called("verify", tmp_path / "t", "--offsets", folder=tmp_path)

    assert ended.returncode == 0
    assert "each record once, as far as the table shows: version 1" in ended.stdout
    assert "`clicks` of stream clicks: epoch 1, 1 shard, 2 records read" in ended.stdout


def test_a_record_that_came_twice_ends_with_3_and_is_named(tmp_path: Path) -> None:
    doubled(tmp_path / "t")

    ended = called("verify", tmp_path / "t", "--offsets", folder=tmp_path)

    assert ended.returncode == 3
    assert "NOT RIGHT" in ended.stdout
    assert "rows: twice: shardId-000000000000 2: 2 times" in ended.stdout


def test_json_says_the_same(tmp_path: Path) -> None:
    doubled(tmp_path / "t")

    ended = called("verify", tmp_path / "t", "--offsets", "--json", folder=tmp_path)

    summary = json_lines(ended)[-1]
    assert (summary["cmd"], summary["exit"], summary["right"]) == ("verify", 3, False)
    assert [(one["name"], one["epoch"], one["records"]) for one in summary["ingests"]] == [
        ("clicks", 2, 3)
    ]
    assert summary["rows"] == 4
    assert [check["what"] for check in json_lines(ended) if check["type"] == "check"] == [
        "epoch",
        "positions",
        "records",
        "rows",
    ]


def test_a_table_without_an_ingest_ends_with_2(tmp_path: Path) -> None:
    moved(put(opened(settings(tmp_path / "t")), 1))

    ended = called("verify", tmp_path / "t", "--offsets", "--name", "views", folder=tmp_path)

    assert ended.returncode == 2
    assert "LF-7049" in ended.stderr


def test_offsets_are_of_one_table_and_a_clone_of_two(tmp_path: Path) -> None:
    both = called("verify", "a", "b", "--offsets", folder=tmp_path)
    neither = called("verify", "a", folder=tmp_path)

    assert both.returncode == neither.returncode == 2
    assert "two were named" in both.stderr
    assert "the clone is not named" in neither.stderr
