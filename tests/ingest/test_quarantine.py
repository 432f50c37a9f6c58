"""Positions of a table of bad records: of one ingest into one table, wherever that table lies."""

from dataclasses import replace
from pathlib import Path

import pytest

from lakeferry.connect.aws import AwsAccess
from lakeferry.delta.txn_files import NAME as POSSIBLE
from lakeferry.ingest.crew.joining import next_rejected
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.payload.rows import QUARANTINE_SCHEMA, Bad, Fault, Rows, quarantine_table
from lakeferry.ingest.position.state import After, IngestState, StreamIdentity
from lakeferry.ingest.settings import Ingest, SourceSettings, TargetSettings
from lakeferry.ingest.table.commit import commit
from lakeferry.ingest.table.quarantine import open_quarantine, quarantine_name
from lakeferry.ingest.table.rejected_before import rejected_before
from lakeferry.ingest.table.target import Target
from tests.ingest.batches import BEGINNING, NAME, NOON_MS, SHARD, moved, opened, put, span, uploaded

STREAM = StreamIdentity("clicks")


def ingest_into(table: Path, quarantine: Path | None) -> Ingest:
    source = SourceSettings("clicks", endpoint_of("eu-west-1", None), AwsAccess("eu-west-1"))
    shared = None if quarantine is None else str(quarantine)
    return Ingest(NAME, source, TargetSettings(str(table), quarantine=shared))


def quarantine_of(ingest: Ingest, rows: Target) -> Target:
    assert rows.state is not None
    return open_quarantine(ingest, rows, rows.state, STREAM)


def put_bad(quarantine: Target, number: int, epoch: int, stream: str = "clicks") -> Target:
    """A commit of one bad record, made for this epoch of the rows."""
    assert quarantine.state is not None
    texts = [str(number)]
    bad = Bad(Rows(SHARD, [b"x"], texts, texts, [None], [NOON_MS]), (Fault("bad"),))
    files = uploaded(quarantine, quarantine_table(bad, stream, epoch))
    spans = (span(quarantine, range(1, number + 1)),)
    return moved(commit(quarantine, files, next_rejected(quarantine.state, spans, STREAM)))


def put_bad_by_name_alone(where: Path, number: int, epoch: int) -> None:
    """As ingests did before tables were told apart."""
    here = opened(TargetSettings(str(where)), wanted=QUARANTINE_SCHEMA)
    put_bad(here, number, epoch)


def stands(quarantine: Target) -> str | None:
    """The record up to which bad ones lie there."""
    assert quarantine.state is not None
    place = quarantine.state.shards.get(SHARD, BEGINNING)
    return place.sequence_number if isinstance(place, After) else None


def test_ingests_of_one_name_into_two_tables_know_nothing_of_each_others_bad_records(
    tmp_path: Path,
) -> None:
    asked = [ingest_into(tmp_path / table, tmp_path / "bad") for table in ("one", "other")]
    rows = [moved(put(opened(each.target), 1, 2)) for each in asked]
    first, second = (quarantine_of(*each) for each in zip(asked, rows, strict=True))

    put_bad(first, 9, epoch=2)

    assert stands(quarantine_of(asked[0], rows[0])) == "9"
    assert stands(quarantine_of(asked[1], rows[1])) is None
    assert first.form.name != second.form.name  # their files are told apart, too


def test_a_table_of_bad_records_beside_its_table_is_known_by_the_name_alone(tmp_path: Path) -> None:
    asked = ingest_into(tmp_path / "t", None)
    rows = opened(asked.target)

    assert quarantine_of(asked, rows).name == NAME


def test_positions_of_before_count_where_a_crash_left_bad_records_ahead(tmp_path: Path) -> None:
    asked = ingest_into(tmp_path / "t", tmp_path / "bad")
    rows = moved(put(opened(asked.target), 1, 2))
    put_bad_by_name_alone(tmp_path / "bad", 9, epoch=2)

    assert stands(quarantine_of(asked, rows)) == "9"
    assert stands(quarantine_of(asked, rows)) == "9"  # by now under its own name


@pytest.mark.parametrize("epoch", [1, 3])
def test_positions_of_before_that_are_of_another_moment_or_table_do_not_count(
    tmp_path: Path, epoch: int
) -> None:
    asked = ingest_into(tmp_path / "t", tmp_path / "bad")
    rows = moved(put(opened(asked.target), 1, 2))
    put_bad_by_name_alone(tmp_path / "bad", 9, epoch=epoch)

    assert stands(quarantine_of(asked, rows)) is None


def test_positions_of_before_do_not_count_for_a_table_that_is_new(tmp_path: Path) -> None:
    asked = ingest_into(tmp_path / "t", tmp_path / "bad")
    put_bad_by_name_alone(tmp_path / "bad", 9, epoch=1)

    assert stands(quarantine_of(asked, opened(asked.target))) is None


def test_positions_of_before_of_another_stream_do_not_count(tmp_path: Path) -> None:
    asked = ingest_into(tmp_path / "t", tmp_path / "bad")
    rows = moved(put(opened(asked.target), 1, 2))
    put_bad_by_name_alone(tmp_path / "bad", 9, epoch=2)
    this, other = replace(STREAM, created_ms=1), replace(STREAM, created_ms=2)
    before = opened(TargetSettings(str(tmp_path / "bad")), wanted=QUARANTINE_SCHEMA)
    assert before.state is not None
    moved(commit(before, (), replace(before.state, epoch=before.state.epoch + 1, stream=other)))

    assert rows.state is not None
    assert open_quarantine(asked, rows, rows.state, this).state == IngestState(0, this)


@pytest.mark.parametrize("shared", [False, True])
def test_of_bad_records_those_beyond_the_tables_position_are_known_one_by_one(
    tmp_path: Path, shared: bool
) -> None:
    asked = ingest_into(tmp_path / "t", tmp_path / "bad" if shared else None)
    rows = moved(put(opened(asked.target), 1, 2))
    assert rows.state is not None
    bad = put_bad(quarantine_of(asked, rows), 1, epoch=1)
    before = rejected_before(NAME, bad, rows.state, STREAM)
    ahead = put_bad(put_bad(bad, 7, epoch=2), 9, epoch=2)

    known = rejected_before(NAME, ahead, rows.state, STREAM)
    further = moved(put(rows, 3, 4, 5, 6, 7))  # and not as far as was read before a crash

    assert before == {}
    assert known == {SHARD: frozenset({("7", None), ("9", None)})}
    assert further.state is not None
    assert rejected_before(NAME, ahead, further.state, STREAM) == {SHARD: frozenset({("9", None)})}
    assert rejected_before(NAME, ahead, further.state, STREAM, {"another"}) == {}


def test_more_bad_records_than_are_told_one_by_one_are_known_by_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeferry.ingest.table.rejected_before.MOST_KEYS", 1)
    asked = ingest_into(tmp_path / "t", None)
    rows = moved(put(opened(asked.target), 1, 2))
    assert rows.state is not None
    bad = put_bad(put_bad(quarantine_of(asked, rows), 7, epoch=2), 9, epoch=2)

    assert rejected_before(NAME, bad, rows.state, STREAM) is None


@pytest.mark.parametrize("ingest", ["c", "x" * 64])
def test_the_name_of_shared_positions_is_one_that_an_ingest_may_have(ingest: str) -> None:
    name = quarantine_name(ingest, "0b2f9f1a-1c2d-4e3f-8a9b-0c1d2e3f4a5b")

    assert POSSIBLE.fullmatch(name)
    assert name != quarantine_name(ingest, "another")
