"""What a worker makes of records that are not as declared: rows, quarantine, or an end.

Rows of the fault table are named in the docstrings of their tests.
"""

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_load import SCHEMA as MADE
from lakeferry.demo.kinesis_feed_load import Load
from lakeferry.ingest.kinesis.aggregate import OutOfRange
from lakeferry.ingest.payload.json_rows import RESCUED
from lakeferry.ingest.payload.rows import RAW_SCHEMA
from lakeferry.ingest.position.state import After, Ended, FromTime, Position
from lakeferry.ingest.settings import DedupSettings, OnBad, PayloadSettings
from lakeferry.ingest.worker.messages import Broken
from tests.ingest.kpl import MAGIC, aggregate, message, record, sealed
from tests.ingest.test_payload import BAD, SCHEMA
from tests.ingest.worker_runs import (
    ONE,
    PAYLOAD,
    START,
    ZERO,
    Coordinator,
    event,
    form_of,
    ingest_of,
    numbers,
    working,
)

HALF = (0, 2**127 - 1)
RESCUED_COLUMN = pa.field(RESCUED, pa.string())


pytestmark = pytest.mark.usefixtures("keys")


def test_of_all_kinds_of_bad_records_each_lies_in_quarantine_with_its_reason(
    feed: Feed, tmp_path: Path
) -> None:
    """Rows 19 and 20."""
    feed.set(max_record_bytes=10 << 20)
    data = [one for bad in BAD.values() for one in (event(1), bad)]
    placed = feed.put(ZERO, *data)
    ingest = ingest_of(feed, tmp_path, PayloadSettings(SCHEMA))
    with working(ingest, tmp_path, form=form_of(tmp_path, SCHEMA)) as worker:
        worker.read(ZERO)
        told = worker.wait_for(len(data))
        batch = worker.drain()
        rows, rejected = worker.rows(batch), worker.rejected(batch)

    assert numbers(rows) == [1] * len(BAD)
    assert numbers(rejected, "data") == list(BAD.values())
    assert numbers(rejected, "sequenceNumber") == placed[1::2]
    assert all(row["error"] for row in rejected)
    assert (told.counts.rows, told.counts.bad) == (len(BAD), len(BAD))


def test_a_row_of_quarantine_has_all_that_is_needed_to_try_again(
    feed: Feed, worker: Coordinator
) -> None:
    arrived_ms = feed.now_ms() - 4_321
    (number,) = feed.put(ZERO, b'{"a":"x"}', key="k", arrived_ms=arrived_ms)
    worker.read(ZERO)
    worker.wait_for(1)
    (row,) = worker.rejected(worker.drain())

    assert row.pop("approximateArrivalTimestamp").timestamp() * 1000 == arrived_ms
    assert row == {
        "stream": "clicks",
        "shardId": ZERO,
        "sequenceNumber": number,
        "subSequenceNumber": None,
        "partitionKey": "k",
        "data": b'{"a":"x"}',
        "error": "Expected `int | null`, got `str`",
        "errorPath": "$.a",
        "epoch": 1,
    }


def test_rows_of_quarantine_tell_the_epoch_of_their_commit(feed: Feed, worker: Coordinator) -> None:
    worker.epoch = 7
    feed.put(ZERO, b"one")
    worker.read(ZERO)
    worker.wait_for(1)
    first = worker.flush()
    feed.put(ZERO, b"two")
    worker.wait_for(2)
    second = worker.drain()

    assert numbers(worker.rejected(first), "epoch") == [8]
    assert numbers(worker.rejected(second), "epoch") == [9]


@pytest.mark.parametrize("place", ["within", "end", "start"])
def test_what_lies_in_quarantine_already_is_not_put_there_again(
    place: str, feed: Feed, worker: Coordinator
) -> None:
    """Row 21."""
    placed = feed.put(ZERO, b"one", event(1), b"two", b"three")
    stands: dict[str, Position] = {
        "within": After(placed[2], 0, 3),
        "end": Ended(0, (), 4),
        "start": START,
    }
    left = {"within": [b"three"], "end": [], "start": [b"one", b"two", b"three"]}
    worker.read(ZERO, rejected=stands[place])
    told = worker.wait_for(4)
    batch = worker.drain()

    assert numbers(worker.rejected(batch), "data") == left[place]
    assert numbers(worker.rows(batch)) == [1]
    assert told.counts.bad == 3  # without a row, which the history of the table tells


def test_a_rescued_record_is_a_row_with_its_text_and_where_it_came_from(
    feed: Feed, tmp_path: Path
) -> None:
    placed = feed.put(ZERO, b'{"a":"x"}', event(1), b"\xff")
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD, on_bad="rescue"))
    form = form_of(tmp_path, PAYLOAD, RESCUED_COLUMN)
    with working(ingest, tmp_path, form=form) as worker:
        worker.read(ZERO)
        told = worker.wait_for(3)
        rows = {row["_sequenceNumber"]: row for row in worker.rows(worker.drain())}

    first, second, third = (rows[number] for number in placed)
    assert (first["a"], second["a"], third["a"]) == (None, 1, None)
    assert json.loads(first[RESCUED]) == {
        "_corrupt_record": '{"a":"x"}',
        "_error": "Expected `int | null`, got `str`",
        "_path": "$.a",
    }
    assert json.loads(third[RESCUED])["_corrupt_record_base64"] == "/w=="
    assert second[RESCUED] is None
    assert (told.counts.rows, told.counts.bad) == (3, 0)


def test_new_fields_and_bad_records_are_rescued_into_one_column(feed: Feed, tmp_path: Path) -> None:
    feed.put(ZERO, b'{"a":1,"b":2}', b"no")
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD, "rescue", "rescue"))
    form = form_of(tmp_path, PAYLOAD, RESCUED_COLUMN)
    with working(ingest, tmp_path, form=form) as worker:
        worker.read(ZERO)
        worker.wait_for(2)
        rows = worker.rows(worker.drain())

    assert json.loads(rows[0][RESCUED]) == {"b": 2}
    assert json.loads(rows[1][RESCUED])["_corrupt_record"] == "no"


def test_bad_records_cannot_be_rescued_where_a_column_may_not_be_null(
    feed: Feed, tmp_path: Path
) -> None:
    strict = pa.schema([pa.field("a", pa.int64(), nullable=False)])
    ingest = ingest_of(feed, tmp_path, PayloadSettings(strict, on_bad="rescue"))
    with working(ingest, tmp_path) as worker:
        assert worker.hear(Broken).error.code == "LF-7021"


def test_a_stream_that_is_bad_all_over_stops_the_ingest_and_is_told_of_as_many_as_were_read(
    tmp_path: Path,
) -> None:
    with Feed(shards=8, load=Load("raw", backlog=3_000)) as feed:
        ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD, most_bad=0.005))
        with working(ingest, tmp_path) as worker:
            worker.read(*feed.shards())
            broken = worker.hear(Broken)

    assert broken.error.code == "LF-7024"
    bad, read = re.findall(r"[0-9,]+", broken.error.what)
    assert 500 < int(bad.replace(",", "")) == int(read.replace(",", "")) <= 24_000
    assert "at most 0.5% of 100,000 may be" in broken.error.where
    assert "; the last one: it is no JSON object" in broken.error.where


def test_one_bad_record_in_a_hundred_stops_nothing(tmp_path: Path) -> None:
    with Feed(shards=4, load=Load("bad", backlog=3_000)) as feed:
        ingest = ingest_of(feed, tmp_path, PayloadSettings(MADE))
        with working(ingest, tmp_path, form=form_of(tmp_path, MADE)) as worker:
            worker.read(*feed.shards())
            told = worker.wait_for(12_000)
            batch = worker.drain()
            rows, rejected = worker.rows(batch), worker.rejected(batch)

    assert told.counts.bad == len(rejected) == 120
    assert len(set(numbers(rows, "event_id"))) == 12_000 - 120


# --- aggregates -----------------------------------------------------------------------------


def kpl(first: int, count: int) -> bytes:
    return aggregate([(f"user-{number}", event(number)) for number in range(first, first + count)])


def test_an_aggregate_is_as_many_rows_as_it_holds(feed: Feed, worker: Coordinator) -> None:
    """Row 22."""
    (number,) = feed.put(ZERO, kpl(0, 80))
    worker.read(ZERO)
    told = worker.wait_for(1)
    rows = worker.rows(worker.drain())

    assert numbers(rows) == list(range(80))
    assert numbers(rows, "_subSequenceNumber") == list(range(80))
    assert set(numbers(rows, "_sequenceNumber")) == {number}
    assert (told.counts.records, told.counts.rows) == (1, 80)


def test_an_aggregate_is_never_split_over_two_batches(tmp_path: Path) -> None:
    """Row 23."""
    with Feed(shards=4, load=Load("kpl", backlog=50, rate=200, aggregate=20)) as feed:
        ingest = ingest_of(feed, tmp_path, PayloadSettings(MADE))
        with working(ingest, tmp_path, form=form_of(tmp_path, MADE)) as worker:
            worker.read(*feed.shards())
            worker.wait_for(200)
            batches = [worker.flush()]
            worker.wait_for(800)
            batches += [worker.flush(), worker.flush(), worker.drain()]
            counted = [Counter(numbers(worker.rows(batch), "_sequenceNumber")) for batch in batches]

    assert sum(1 for batch in batches if batch.files) >= 2
    assert {count for batch in counted for count in batch.values()} == {20}
    assert len(set().union(*counted)) == sum(map(len, counted))


BROKEN = {
    "a wrong MD5": (kpl(0, 2)[:-1] + b"\x00", None),
    "half a message": (sealed(message(["k"], [record(0, event(1))])[:-3]), None),
    "an index beyond its table": (sealed(message(["k"], [record(1, event(1))])), "an aggregate"),
}


@pytest.mark.parametrize(("data", "error"), BROKEN.values(), ids=BROKEN.keys())
def test_an_aggregate_that_cannot_be_taken_apart_lies_in_quarantine_whole(
    data: bytes, error: str | None, feed: Feed, worker: Coordinator
) -> None:
    """Row 22."""
    feed.put(ZERO, data, event(7))
    worker.read(ZERO)
    worker.wait_for(2)
    batch = worker.drain()
    (row,) = worker.rejected(batch)

    assert data.startswith(MAGIC)
    assert row["data"] == data
    assert row["error"].startswith(error or "it is no JSON object")
    assert numbers(worker.rows(batch)) == [7]


def test_an_aggregate_of_nothing_is_no_row_and_read(feed: Feed, worker: Coordinator) -> None:
    """Row 22."""
    feed.put(ZERO, sealed(message(["k"], [])), event(7))
    worker.read(ZERO)
    told = worker.wait_for(2)
    batch = worker.drain()

    assert (told.counts.rows, told.counts.bad) == (1, 0)
    assert numbers(worker.rows(batch)) == [7]
    assert batch.spans[0].records == 2


@pytest.mark.parametrize("on_bad", get_args(OnBad)[:2])
def test_a_raw_row_or_quarantine_keeps_an_aggregate_that_is_broken(
    on_bad: OnBad, feed: Feed, tmp_path: Path
) -> None:
    """Row 22."""
    data, _ = BROKEN["an index beyond its table"]
    feed.put(ZERO, data)
    ingest = ingest_of(feed, tmp_path, PayloadSettings(None, on_bad=on_bad))
    with working(ingest, tmp_path) as worker:
        worker.read(ZERO)
        worker.wait_for(1)
        batch = worker.drain()
        kept = numbers(worker.rows(batch) + worker.rejected(batch), "data")

    assert kept == [data]
    assert bool(batch.rejected) == (on_bad == "quarantine")


@pytest.mark.parametrize(
    ("rule", "kept", "rejected"),
    [("keep", 40, 0), ("drop-record", 22, 0), ("quarantine", 22, 18), ("kcl", 0, 0)],
)
def test_records_that_belong_to_another_shard_are_treated_as_asked(
    rule: OutOfRange, kept: int, rejected: int, feed: Feed, tmp_path: Path
) -> None:
    """Row 22."""
    feed.put(ZERO, kpl(0, 40))
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD), out_of_range=rule)
    with working(ingest, tmp_path) as worker:
        worker.read(ZERO, ONE, hash_range=HALF)
        told = worker.wait_for(1)
        batch = worker.drain()
        rows, bad = worker.rows(batch), worker.rejected(batch)

    assert (len(rows), len(bad)) == (kept, rejected)
    assert told.counts.out_of_range == (1 if rule == "kcl" else 18)


# --- doubles --------------------------------------------------------------------------------


def table_with(folder: Path, rows: list[dict[str, object]], schema: pa.Schema) -> None:
    write_deltalake(str(folder / "table"), pa.Table.from_pylist(rows, schema))


def test_a_row_whose_key_came_before_is_left_out_and_counted(feed: Feed, tmp_path: Path) -> None:
    form = form_of(tmp_path, PAYLOAD)
    table_with(tmp_path, [{"a": 7, "_arrival": datetime.now(UTC)}], form.schema)
    feed.put(ZERO, event(1), event(2), event(1), event(7))
    feed.put(ONE, event(2), event(3))
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD))
    unique = replace(ingest, dedup=DedupSettings(("a",), 600))
    with working(unique, tmp_path) as worker:
        worker.read(ZERO, ONE, place=FromTime(feed.now_ms() - 60_000, feed.now_ms() - 60_000))
        told = worker.wait_for(6)
        batch = worker.drain()

        assert sorted(numbers(worker.rows(batch))) == [1, 2, 3]
        assert (told.counts.rows, told.counts.doubles) == (3, 3)
        assert sum(span.records for span in batch.spans) == 6


def test_raw_rows_that_another_reader_wrote_are_left_out_by_shard_and_number(
    feed: Feed, tmp_path: Path
) -> None:
    """So a table of Databricks' source goes on, though its positions are private."""
    first, _ = feed.put(ZERO, event(1), event(2))
    form = replace(form_of(tmp_path, PAYLOAD), schema=RAW_SCHEMA)
    theirs: dict[str, object] = {
        "shardId": ZERO,
        "sequenceNumber": first,
        "data": event(1),
        "approximateArrivalTimestamp": datetime.now(UTC),
    }
    table_with(tmp_path, [theirs], RAW_SCHEMA)
    unique = replace(
        ingest_of(feed, tmp_path, PayloadSettings()),
        dedup=DedupSettings(("shardId", "sequenceNumber"), 600),
    )
    with working(unique, tmp_path, form=form) as worker:
        worker.read(ZERO, place=FromTime(feed.now_ms() - 60_000, feed.now_ms() - 60_000))
        worker.wait_for(2)
        rows = worker.rows(worker.drain())

    assert [row["data"] for row in rows] == [event(2)]


def test_records_of_one_aggregate_are_no_doubles_of_each_other(feed: Feed, tmp_path: Path) -> None:
    feed.put(ZERO, kpl(0, 3), event(3))
    for key in (("shardId", "sequenceNumber"), ("sequenceNumber", "subSequenceNumber")):
        place = tmp_path / key[1]
        form = replace(form_of(place, PAYLOAD), schema=RAW_SCHEMA)
        table_with(place, [], RAW_SCHEMA)
        ingest = ingest_of(feed, place, PayloadSettings())
        unique = replace(ingest, dedup=DedupSettings(key, 600))
        with working(unique, place, form=form) as worker:
            worker.read(ZERO)
            worker.wait_for(2)
            rows = worker.rows(worker.drain())

        assert [row["data"] for row in rows] == [event(number) for number in range(4)]


def test_rows_need_not_say_where_they_come_from_for_doubles_to_be_found(
    feed: Feed, tmp_path: Path
) -> None:
    table_with(tmp_path, [], PAYLOAD)
    feed.put(ZERO, event(1), event(1))
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD, provenance=False))
    form = replace(form_of(tmp_path, PAYLOAD), schema=PAYLOAD)
    unique = replace(ingest, dedup=DedupSettings(("a",), 600))
    with working(unique, tmp_path, form=form) as worker:
        worker.read(ZERO)
        worker.wait_for(2)
        rows = worker.rows(worker.drain())

    assert rows == [{"a": 1, "s": None}]
