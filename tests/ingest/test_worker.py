"""A worker over its pipe, on a Kinesis that is there: what it is ordered, and what it reports."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_load import SCHEMA, Load
from lakeferry.ingest.payload.json_rows import OnNew
from lakeferry.ingest.position.state import After, Ended, FromTrimHorizon
from lakeferry.ingest.settings import OnBad, PayloadSettings, Rhythm
from lakeferry.ingest.worker.messages import (
    Batch,
    Broken,
    Drain,
    Filled,
    Flush,
    Ignored,
    NewColumns,
    Reform,
    Told,
)
from tests.ingest.worker_runs import (
    ONE,
    PAYLOAD,
    ZERO,
    Coordinator,
    ends,
    event,
    form_of,
    ingest_of,
    numbers,
    records_of,
    working,
)

pytestmark = pytest.mark.usefixtures("keys")


def test_a_batch_has_the_rows_between_where_it_begins_and_where_it_ends(
    feed: Feed, worker: Coordinator
) -> None:
    first = feed.put(ZERO, *map(event, range(5)))
    other = feed.put(ONE, event(5))

    worker.read(ZERO, ONE)
    worker.wait_for(6)
    batch = worker.flush()

    assert sorted(numbers(worker.rows(batch))) == [0, 1, 2, 3, 4, 5]
    assert [span.shard_id for span in batch.spans] == [ZERO, ONE]
    assert [span.begins for span in batch.spans] == [FromTrimHorizon(), FromTrimHorizon()]
    assert [(span.first, span.records) for span in batch.spans] == [(first[0], 5), (other[0], 1)]
    place = ends(batch, ZERO)
    assert isinstance(place, After)
    assert (place.sequence_number, place.records) == (first[4], 5)
    assert batch.counts.records == batch.counts.rows == 6


def test_the_next_batch_begins_where_the_last_one_ended(feed: Feed, worker: Coordinator) -> None:
    feed.put(ZERO, event(0), event(1))
    worker.read(ZERO)
    worker.wait_for(2)
    first = worker.flush()
    feed.put(ZERO, event(2))
    worker.wait_for(3)
    second = worker.flush()

    assert second.spans[0].begins == first.spans[0].ends
    assert numbers(worker.rows(second)) == [2]
    assert records_of(second.spans[0].ends) == 3
    assert (second.epoch, second.counts.records) == (2, 1)


def test_rows_of_a_shard_lie_in_the_order_of_their_records(feed: Feed, worker: Coordinator) -> None:
    feed.put(ZERO, *map(event, range(3_000)))

    worker.read(ZERO)
    worker.wait_for(3_000)

    assert numbers(worker.rows(worker.drain())) == list(range(3_000))


def test_reading_goes_on_after_a_position(feed: Feed, worker: Coordinator) -> None:
    known = feed.put(ZERO, event(0), event(1), event(2))

    worker.read(ZERO, place=After(known[1], 0, 2))
    worker.wait_for(1)
    batch = worker.flush()

    assert numbers(worker.rows(batch)) == [2]
    assert records_of(ends(batch, ZERO)) == 3


def test_a_shard_without_records_is_in_the_batch_with_the_time_it_was_read_until(
    feed: Feed, worker: Coordinator
) -> None:
    before_ms = feed.now_ms()
    worker.read(ZERO)
    worker.told(lambda told: told.lags[ZERO].behind_ms == 0 if ZERO in told.lags else False)
    batch = worker.flush()

    (span,) = batch.spans
    assert (span.records, span.first, batch.files) == (0, None, ())
    assert isinstance(span.ends, FromTrimHorizon)
    assert before_ms - 3_000 < span.ends.read_until_ms <= feed.now_ms()


def test_a_closed_shard_ends_with_the_names_of_its_children(
    feed: Feed, worker: Coordinator
) -> None:
    feed.put(ZERO, event(0), event(1))
    children = feed.split(ZERO)

    worker.read(ZERO)
    worker.told(lambda told: told.lags[ZERO].ended if ZERO in told.lags else False)
    batch = worker.flush()

    place = ends(batch, ZERO)
    assert isinstance(place, Ended)
    assert (place.children, place.records) == (tuple(sorted(children)), 2)
    assert numbers(worker.rows(batch)) == [0, 1]


def test_a_shard_that_ended_is_in_no_further_batch_and_its_children_are_read_when_told(
    feed: Feed, worker: Coordinator
) -> None:
    feed.put(ZERO, event(0))
    one, other = feed.split(ZERO)
    feed.put(one, event(1))
    feed.put(other, event(2))
    worker.read(ZERO)
    worker.wait_for(1)
    worker.told(lambda told: told.lags[ZERO].ended)
    first = worker.flush()

    worker.read(one, other)
    worker.wait_for(3)
    second = worker.flush()

    assert numbers(worker.rows(first)) == [0]
    assert [span.shard_id for span in second.spans] == [one, other]
    assert sorted(numbers(worker.rows(second))) == [1, 2]


def test_two_batches_may_be_on_their_way_at_once(feed: Feed, worker: Coordinator) -> None:
    feed.put(ZERO, event(0))
    worker.read(ZERO)
    worker.wait_for(1)

    worker.order(Flush(1))
    worker.order(Flush(2))
    first, second = worker.hear(Batch), worker.hear(Batch)

    assert (first.epoch, second.epoch) == (1, 2)
    assert second.spans[0].begins == first.spans[0].ends
    assert (len(first.files), len(second.files)) == (1, 0)


def test_a_drained_worker_writes_all_it_has_asked_for_and_ends(
    feed: Feed, worker: Coordinator
) -> None:
    feed.put(ZERO, *map(event, range(1_000)))
    worker.read(ZERO)
    worker.wait_for(1)
    worker.order(Drain())
    batch = worker.flush()

    assert numbers(worker.rows(batch)) == list(range(records_of(ends(batch, ZERO))))
    assert worker.has_ended()


def test_a_worker_that_has_no_shards_answers_a_flush(worker: Coordinator) -> None:
    batch = worker.drain()

    assert (batch.spans, batch.files) == ((), ())


def test_a_worker_tells_how_it_is_doing_once_a_second(feed: Feed, worker: Coordinator) -> None:
    feed.put(ZERO, event(0))
    worker.read(ZERO)
    told = worker.told(lambda told: told.counts.records == 1 and told.lags[ZERO].behind_ms == 0)

    assert told.counts.calls >= 1
    assert told.counts.bytes_in > 100
    assert told.rss_bytes > 10_000_000


def test_a_worker_that_is_to_end_by_itself_tells_at_once_that_it_has_caught_up(
    feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeferry.ingest.worker.process.TOLD_EVERY_S", 3600.0)
    rhythm = Rhythm(every_s=3600.0)
    ingest = replace(ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD), rhythm), once=True)
    feed.put(ZERO, event(0))
    feed.put(ONE, event(1))
    with working(ingest, tmp_path) as worker:
        worker.read(ZERO, ONE)
        told = worker.wait_for(2)

        assert [lag.behind_ms for lag in told.lags.values()] == [0, 0]
        assert told.counts.empty >= 2  # a page with records does not tell that it is the last


def test_a_file_of_its_full_size_asks_for_a_flush(tmp_path: Path) -> None:
    with Feed(shards=16, load=Load(backlog=4_500)) as feed:
        rhythm = Rhythm(file_bytes=100_000)
        ingest = ingest_of(feed, tmp_path, PayloadSettings(SCHEMA), rhythm)
        with working(ingest, tmp_path) as worker:
            worker.read(*feed.shards())
            worker.hear(Filled)
            batch = worker.flush()

            assert batch.files
            assert sum(file.rows for file in batch.files) == batch.counts.rows


def test_a_stream_is_not_asked_for_more_than_may_wait(tmp_path: Path) -> None:
    with Feed(shards=16, load=Load(backlog=12_000)) as feed:
        rhythm = Rhythm(file_bytes=1_000)  # the first row group fills the file twice
        ingest = ingest_of(feed, tmp_path, PayloadSettings(SCHEMA), rhythm, buffer_bytes=3 << 20)
        with working(ingest, tmp_path) as worker:
            worker.read(*feed.shards())
            worker.hear(Filled)
            worker.told(lambda told: told.waiting_bytes >= 3 << 20)
            calls = [worker.hear(Told).counts.calls for _ in range(3)]
            while calls[-3] != calls[-1]:  # those that were under way
                calls.append(worker.hear(Told).counts.calls)
                assert len(calls) < 20

            assert all(
                one.waiting_bytes < 3 * (3 << 20) for one in worker.heard if isinstance(one, Told)
            )
            read = sum(file.rows for file in worker.flush().files)
            assert read > 60_000
            worker.told(lambda told: told.counts.calls > calls[-1])


def test_a_drained_worker_writes_what_waits_though_its_files_are_full(tmp_path: Path) -> None:
    with Feed(shards=16, load=Load(backlog=12_000)) as feed:
        rhythm = Rhythm(file_bytes=1_000)
        ingest = ingest_of(feed, tmp_path, PayloadSettings(SCHEMA), rhythm, buffer_bytes=3 << 20)
        with working(ingest, tmp_path) as worker:
            worker.read(*feed.shards())
            worker.hear(Filled)
            told = worker.told(lambda told: told.waiting_bytes >= 3 << 20)
            batch = worker.drain()

            assert batch.counts.records > told.counts.records
            assert worker.has_ended()


def test_raw_rows_are_as_the_records_came(feed: Feed, tmp_path: Path) -> None:
    """Row 19, too."""
    number, _ = feed.put(ZERO, b"\x00\xff anything", b"", key="k" * 256)
    ingest = ingest_of(feed, tmp_path, PayloadSettings(None))
    with working(ingest, tmp_path) as worker:
        worker.read(ZERO)
        worker.wait_for(2)
        row, empty = worker.rows(worker.drain())

    assert (row["data"], empty["data"]) == (b"\x00\xff anything", b"")
    assert (row["partitionKey"], row["stream"]) == ("k" * 256, "clicks")
    assert (row["shardId"], row["sequenceNumber"]) == (ZERO, number)


# --- new fields -----------------------------------------------------------------------------


def test_fields_that_are_ignored_are_told_of_a_page_now_and_then(
    feed: Feed, tmp_path: Path
) -> None:
    feed.put(ZERO, b'{"a":1,"b":2}', b'{"a":"bad","c":3}', b'{"a":4,"d":{}}')
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD))
    with working(ingest, tmp_path) as worker:
        worker.read(ZERO)
        told = worker.hear(Ignored)
        feed.put(ZERO, b'{"a":5,"e":6}')
        worker.wait_for(4)
        batch = worker.drain()

        assert told.fields == ("$.b", "$.d")
        assert numbers(worker.rows(batch)) == [1, 4, 5]
        assert batch.counts.bad == 1
        assert [one for one in worker.heard if isinstance(one, Ignored)] == [told]


def test_new_columns_are_asked_for_and_their_page_waits_for_the_answer(
    feed: Feed, tmp_path: Path
) -> None:
    feed.put(ZERO, b'{"a":1}')
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD, on_new="evolve"))
    with working(ingest, tmp_path) as worker:
        worker.read(ZERO)
        worker.wait_for(1)
        feed.put(ZERO, b'{"a":2,"b":true}')
        asked = worker.hear(NewColumns)
        before = worker.flush()
        column = pa.field("b", pa.bool_())
        wider = pa.schema([*PAYLOAD, column])
        worker.order(Reform(form_of(tmp_path, wider), wider))
        worker.wait_for(2)
        after = worker.drain()

        assert asked.types == {"$.b": pa.bool_()}
        assert numbers(worker.rows(before)) == [1]
        assert [(row["a"], row["b"]) for row in worker.rows(after)] == [(2, True)]
        assert after.spans[0].begins == before.spans[0].ends


def test_rows_of_a_form_that_the_table_had_before_stay_in_the_batch(
    feed: Feed, tmp_path: Path
) -> None:
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD, on_new="evolve"))
    with working(ingest, tmp_path) as worker:
        feed.put(ZERO, b'{"a":1}')
        worker.read(ZERO)
        worker.wait_for(1)
        wider = pa.schema([*PAYLOAD, ("b", pa.bool_())])
        worker.order(Reform(form_of(tmp_path, wider), wider))
        feed.put(ZERO, b'{"a":2,"b":false}')
        worker.wait_for(2)
        batch = worker.drain()

        assert [(row["a"], row.get("b")) for row in worker.rows(batch)] == [(1, None), (2, False)]
        assert records_of(ends(batch, ZERO)) == 2


def test_a_field_that_becomes_no_column_holds_nothing_up_for_ever(
    feed: Feed, tmp_path: Path
) -> None:
    feed.put(ZERO, event(0))
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD, on_new="evolve"))
    with working(ingest, tmp_path) as worker:
        worker.read(ZERO)
        worker.wait_for(1)
        feed.put(ZERO, b'{"a":1,"b":{}}', b'{"a":2}')
        for _ in range(8):
            assert worker.hear(NewColumns).types == {"$.b": None}
            worker.order(Reform(form_of(tmp_path, PAYLOAD), PAYLOAD))
        worker.wait_for(3)
        batch = worker.drain()

        assert numbers(worker.rows(batch)) == [0, 1, 2]
        assert len(batch.files) == 1  # the table's form is what it was


def test_a_field_that_was_empty_for_long_is_asked_for_when_it_has_a_type(
    feed: Feed, tmp_path: Path
) -> None:
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD, on_new="evolve"))
    feed.put(ZERO, b'{"a":1,"b":[]}')
    with working(ingest, tmp_path) as worker:
        worker.read(ZERO)
        for _ in range(8):
            worker.hear(NewColumns)
            worker.order(Reform(form_of(tmp_path, PAYLOAD), PAYLOAD))
        worker.wait_for(1)
        feed.put(ZERO, b'{"a":2,"b":[3]}')

        assert worker.hear(NewColumns).types == {"$.b": pa.list_(pa.int64())}


def test_a_field_that_is_null_alone_is_not_asked_for(feed: Feed, tmp_path: Path) -> None:
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD, on_new="evolve"))
    feed.put(ZERO, b'{"a":1,"b":null}')
    with working(ingest, tmp_path) as worker:
        worker.read(ZERO)
        worker.wait_for(1)

        assert numbers(worker.rows(worker.drain())) == [1]


@pytest.mark.parametrize(
    ("on_new", "on_bad", "data", "code"),
    [
        ("fail", "quarantine", b'{"a":1,"b":2}', "LF-7023"),
        ("ignore", "fail", b'{"a":"x"}', "LF-7022"),
    ],
)
def test_what_is_told_to_stop_the_ingest_stops_it(
    on_new: OnNew, on_bad: OnBad, data: bytes, code: str, feed: Feed, tmp_path: Path
) -> None:
    feed.put(ZERO, data)
    ingest = ingest_of(feed, tmp_path, PayloadSettings(PAYLOAD, on_new, on_bad))
    with working(ingest, tmp_path) as worker:
        worker.read(ZERO)
        broken = worker.hear(Broken)

        assert broken.error.code == code
        assert ZERO in broken.error.where
        assert worker.has_ended()
