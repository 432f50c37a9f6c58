"""A query reads each record once, whatever ends it between two steps; Spark is driven by hand."""

import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_load import Load
from lakeferry.errors import FerryError
from lakeferry.ingest.position.state import Gap
from lakeferry.spark.epoch import Mark
from lakeferry.spark.read_part import tasks_of
from lakeferry.spark.record import KEPT, Record
from lakeferry.store.local import LocalStore
from lakeferry.store.open import memory_store
from tests.ingest.kpl import aggregate
from tests.spark.driving import Query, Row


def put(feed: Feed, numbers: Iterable[int]) -> None:
    for number in numbers:
        feed.put(f"user-{number % 16}", str(number))


def numbers(rows: Iterable[Row]) -> list[int]:
    return sorted(int(row[3]) for row in rows)


def in_order_of_keys(rows: Iterable[Row]) -> bool:
    last: dict[int, int] = {}
    for row in rows:
        number = int(row[3])
        if number < last.get(number % 16, -1):
            return False
        last[number % 16] = number
    return True


def test_rows_are_those_of_the_stream_with_where_they_came_from(tmp_path: Path) -> None:
    with Feed() as feed:
        number = feed.put("user-1", "a")[0]
        query = Query(feed, tmp_path)
        with query.running() as run:
            run.until_idle()

        assert query.rows == [("shardId-000000000000", int(number), None, b"a")]


def test_shards_are_followed_through_split_and_merge_in_the_order_of_keys(tmp_path: Path) -> None:
    with Feed(shards=2) as feed:
        query = Query(feed, tmp_path)
        with query.running() as run:
            put(feed, range(40))
            run.until_idle()
            left, right = feed.split(feed.shards()[0])
            put(feed, range(40, 80))
            run.batch()
            feed.merge(left, right)
            put(feed, range(80, 120))
            run.until_idle()

        assert numbers(query.rows) == list(range(120))
        assert in_order_of_keys(query.rows)


def test_the_first_batch_has_all_that_is_there_through_every_reshard(tmp_path: Path) -> None:
    """The trigger availableNow runs one batch, and a source is not told that it is this trigger."""
    with Feed(shards=2) as feed:
        put(feed, range(40))
        left, right = feed.split(feed.shards()[0])
        put(feed, range(40, 80))
        feed.merge(left, right)
        put(feed, range(80, 120))
        query = Query(feed, tmp_path, given={"fetchBufferSize": "1kb"})
        with query.running() as run:
            run.batch()

        assert numbers(query.rows) == list(range(120))
        assert in_order_of_keys(query.rows)
        assert len(list(tmp_path.rglob("*-0*-0*.json"))) > 2  # of many parts, each fit for memory


def test_the_first_batch_has_every_page_of_a_backlog(tmp_path: Path) -> None:
    with Feed(shards=2, load=Load("raw", 3_000)) as feed:
        query = Query(feed, tmp_path)
        with query.running() as run:
            run.batch()

        assert len({row[:2] for row in query.rows}) == len(query.rows) == 2 * 3_000


def test_the_first_batch_ends_though_more_comes_than_is_read(tmp_path: Path) -> None:
    with Feed(load=Load("raw", 100, rate=1_000), quota=False) as feed:
        query = Query(feed, tmp_path, given={"maxRecordsPerFetch": "2000"})
        with query.running() as run:
            plan = run.log()
            assert plan is not None
            feed.skew(30)  # so that 30 s of records came since the batch began
            run.finish(plan)

            assert len(query.rows) < 30_000
            assert run.epochs.latest() != plan.mark  # the rest is due at once


def test_a_first_batch_may_be_held_to_the_size_of_others(tmp_path: Path) -> None:
    with Feed() as feed:
        given = {"firstBatch": "budget", "maxRecordsPerFetch": "10", "fetchBufferSize": "1b"}
        put(feed, range(100))
        query = Query(feed, tmp_path, given=given)
        with query.running() as run:
            rows = run.batch()
            assert rows is not None
            assert 0 < len(rows) < 100
            run.until_idle()

        assert numbers(query.rows) == list(range(100))


def test_aggregates_are_taken_apart_and_one_that_is_broken_comes_as_it_is(tmp_path: Path) -> None:
    whole = aggregate([("user-1", b"1"), ("user-1", b"2")])
    with Feed() as feed:
        feed.put("user-1", whole)
        feed.put("user-1", whole[:-1])
        query = Query(feed, tmp_path)
        with query.running() as run:
            run.until_idle()

        found = [(sub, data) for _, _, sub, data in query.rows]
        assert found == [(0, b"1"), (1, b"2"), (None, whole[:-1])]


# --- ended in between -----------------------------------------------------------------------


def test_ended_before_anything_was_read_a_batch_is_read_by_the_next_run(tmp_path: Path) -> None:
    with Feed(shards=2) as feed:
        put(feed, range(10))
        query = Query(feed, tmp_path)
        with query.running() as run:
            run.log()
        put(feed, range(10, 20))
        with query.running() as run:
            run.finish(run.planned())
            run.until_idle()

        assert numbers(query.rows) == list(range(20))


def test_ended_before_its_parts_were_asked_for_a_batch_is_planned_by_the_next_run(
    tmp_path: Path,
) -> None:
    with Feed() as feed:
        put(feed, range(10))
        query = Query(feed, tmp_path)
        with query.running() as run:
            query.offsets.append(run.epochs.latest())
            query.offsets.insert(0, run.epochs.initial())
        with query.running() as run:
            run.finish(run.planned())
            run.until_idle()

        assert numbers(query.rows) == list(range(10))


def test_a_batch_that_was_read_but_not_kept_is_read_again_and_is_the_same(tmp_path: Path) -> None:
    with Feed(shards=2) as feed:
        put(feed, range(40))
        feed.split(feed.shards()[0])
        put(feed, range(40, 60))
        query = Query(feed, tmp_path, given={"fetchBufferSize": "1kb", "shardsPerTask": "1"})
        with query.running() as run:
            plan = run.log()
            assert plan is not None
            before = run.finish(plan)
        put(feed, range(60, 80))
        with query.running() as run:
            again = run.finish(run.planned())

        assert again == before
        assert numbers(before) == list(range(60))


def test_a_task_that_ended_after_some_parts_is_gone_on_with(tmp_path: Path) -> None:
    with Feed() as feed:
        put(feed, range(100))
        given = {"fetchBufferSize": "1b", "maxRecordsPerFetch": "10"}
        query = Query(feed, tmp_path, given=given)
        with query.running() as run:
            plan = run.log()
            assert plan is not None
            (task,) = tasks_of(plan, query.options)
            some = next(query.read(task))
            assert 0 < some.num_rows < 100
        put(feed, range(100, 110))
        with query.running() as run:
            rows = run.finish(run.planned())
            assert numbers(rows)[: some.num_rows] == list(range(some.num_rows))
            run.until_idle()

        assert numbers(query.rows) == list(range(110))


def test_of_a_beginning_at_latest_nothing_is_lost_when_it_ends_before_the_first_record(
    tmp_path: Path,
) -> None:
    with Feed() as feed:
        query = Query(feed, tmp_path, given={"initialPosition": "latest"})
        with query.running() as run:
            assert run.batch() == []  # so that the beginning gets into the checkpoint
        put(feed, range(5))
        with query.running() as run:
            run.until_idle()

        assert numbers(query.rows) == list(range(5))


def test_a_beginning_at_latest_stays_where_it_was_when_the_query_ends_before_it_is_asked_for(
    tmp_path: Path,
) -> None:
    """Spark logs the end of its first batch, then asks where to begin, and keeps only the end."""
    with Feed() as feed:
        query = Query(feed, tmp_path, given={"initialPosition": "latest"})
        with query.running() as run:
            query.offsets.append(run.epochs.latest())
        put(feed, range(5))
        with query.running() as run:
            query.offsets.insert(0, run.epochs.initial())
            run.finish(run.planned())
            run.until_idle()

        assert numbers(query.rows) == list(range(5))


def test_without_the_record_of_its_beginning_a_first_batch_is_not_begun_anew(
    tmp_path: Path,
) -> None:
    """Its rows may be in the table: then Delta would pass over whatever the batch has now."""
    with Feed() as feed:
        query = Query(feed, tmp_path)
        with query.running() as run:
            query.offsets.append(run.epochs.latest())
        query.record = Record(memory_store())
        with query.running() as run, pytest.raises(FerryError) as caught:
            run.epochs.initial()

        assert caught.value.code == "LF-7072"


def test_an_end_may_be_asked_for_while_a_batch_is_open(tmp_path: Path) -> None:
    with Feed() as feed:
        put(feed, range(10))
        query = Query(feed, tmp_path)
        with query.running() as run:
            run.log()
        put(feed, range(10, 20))
        with query.running() as run:
            latest = run.epochs.latest()
            run.finish(run.planned())
            query.offsets.append(latest)
            run.finish(run.planned())

        assert numbers(query.rows) == list(range(20))


# --- two at once ----------------------------------------------------------------------------


class Held(LocalStore):
    """A store whose writer of ends waits until it may."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.came, self.may = threading.Event(), threading.Event()

    def put_if_absent(self, path: str, chunks: Iterable[bytes], *, size_hint: int) -> None:
        self.came.set()
        assert self.may.wait(60)
        super().put_if_absent(path, chunks, size_hint=size_hint)


def test_of_two_tasks_that_read_one_part_both_give_the_rows_of_the_first(tmp_path: Path) -> None:
    with Feed() as feed:
        put(feed, range(10))
        query = Query(feed, tmp_path)
        with query.running() as run:
            plan = run.log()
            assert plan is not None
            (task,) = tasks_of(plan, query.options)
            slow = Held(str(tmp_path))
            late: list[bytes] = []

            def read_late() -> None:
                for batch in query.read(task, Record(slow)):
                    late.extend(batch.column("data").to_pylist())

            zombie = threading.Thread(target=read_late)
            zombie.start()
            assert slow.came.wait(60)  # it has read ten records
            put(feed, range(10, 20))
            rows = run.rows_of(task)  # reads twenty, and is the first to say so
            slow.may.set()
            zombie.join(60)

        assert numbers(rows) == list(range(20))
        assert sorted(map(int, late)) == list(range(20))


def test_two_queries_of_one_place_do_not_meet(tmp_path: Path) -> None:
    with Feed() as feed:
        put(feed, range(10))
        one, other = Query(feed, tmp_path), Query(feed, tmp_path)
        for query in (one, other):
            with query.running() as run:
                run.until_idle()

        assert numbers(one.rows) == numbers(other.rows) == list(range(10))


# --- what is not as it was ------------------------------------------------------------------


def test_a_stream_made_anew_is_refused(tmp_path: Path) -> None:
    with Feed() as feed:
        put(feed, range(10))
        query = Query(feed, tmp_path)
        with query.running() as run:
            run.until_idle()
        feed.recreate()
        with query.running() as run, pytest.raises(FerryError) as caught:
            run.batch()

        assert caught.value.code == "LF-7051"
        assert "metadataPath" in caught.value.next_step


def behind_retention(feed: Feed, folder: Path, **given: str) -> Query:
    """A query that stood still while the stream forgot records that it had not read."""
    put(feed, range(10))
    query = Query(feed, folder, given=given)
    with query.running() as run:
        run.until_idle()
    put(feed, range(10, 20))
    feed.skew(25 * 3600)
    feed.trim(feed.now_ms())
    put(feed, range(20, 30))
    return query


def test_records_that_the_stream_forgot_end_the_query(tmp_path: Path) -> None:
    with Feed() as feed:
        query = behind_retention(feed, tmp_path)
        with query.running() as run, pytest.raises(FerryError) as caught:
            run.batch()

        assert caught.value.code == "LF-7052"
        assert "failOnDataLoss" in caught.value.next_step
        assert numbers(query.rows) == list(range(10))


def test_a_loss_that_is_accepted_is_written_down_with_the_positions(tmp_path: Path) -> None:
    with Feed() as feed:
        query = behind_retention(feed, tmp_path, failOnDataLoss="false")
        with query.running() as run:
            plan = run.log()
            assert plan is not None
            run.finish(plan)

        assert [type(gap) for gap in plan.state.gaps] == [Gap]
        assert numbers(query.rows) == [*range(10), *range(20, 30)]


def planned_and_forgotten(feed: Feed, folder: Path, **given: str) -> Query:
    """A query that ended between the plan of a batch and its first record, and stood still then."""
    put(feed, range(10))
    query = Query(feed, folder, given=given)
    with query.running() as run:
        run.until_idle()
    put(feed, range(10, 20))
    with query.running() as run:
        assert run.log() is not None
    feed.skew(25 * 3600)
    feed.trim(feed.now_ms())
    put(feed, range(20, 30))
    return query


def test_records_of_a_batch_that_was_planned_and_not_read_are_missed_too(tmp_path: Path) -> None:
    with Feed() as feed:
        query = planned_and_forgotten(feed, tmp_path)
        with query.running() as run, pytest.raises(FerryError) as caught:
            run.planned()

        assert caught.value.code == "LF-7052"


def test_a_loss_in_a_batch_that_was_planned_is_written_down_with_the_positions(
    tmp_path: Path,
) -> None:
    with Feed() as feed:
        query = planned_and_forgotten(feed, tmp_path, failOnDataLoss="false")
        with query.running() as run:
            run.finish(run.planned())
            run.finish(run.planned())  # read to its end, it misses nothing more
            put(feed, range(30, 40))
            plan = run.log()
            assert plan is not None
            run.finish(plan)

        assert [type(gap) for gap in plan.state.gaps] == [Gap]
        assert numbers(query.rows) == [*range(10), *range(20, 40)]


def test_a_shard_that_is_gone_whole_holds_up_no_batch_that_was_planned(tmp_path: Path) -> None:
    with Feed() as feed:
        query = Query(feed, tmp_path, given={"failOnDataLoss": "false"})
        put(feed, range(10))
        with query.running() as run:
            run.until_idle()
        put(feed, range(10, 20))
        with query.running() as run:
            assert run.log() is not None
        feed.split(feed.shards()[0])
        feed.skew(50 * 3600)
        put(feed, range(20, 30))
        with query.running() as run:
            run.finish(run.planned())
            run.until_idle()

        assert numbers(query.rows) == [*range(10), *range(20, 30)]


def test_a_batch_that_the_stream_forgot_before_it_was_kept_ends_the_query(tmp_path: Path) -> None:
    with Feed() as feed:
        put(feed, range(10))
        query = Query(feed, tmp_path)
        with query.running() as run:
            plan = run.log()
            assert plan is not None
            run.finish(plan)
        feed.trim()
        put(feed, range(10, 20))
        with query.running() as run, pytest.raises(FerryError) as caught:
            run.finish(run.planned())

        assert caught.value.code == "LF-7073"


def test_without_the_record_of_its_last_batch_a_query_does_not_guess(tmp_path: Path) -> None:
    with Feed() as feed:
        put(feed, range(10))
        query = Query(feed, tmp_path)
        with query.running() as run:
            run.until_idle()
        query.record = Record(memory_store())
        with query.running() as run, pytest.raises(FerryError) as caught:
            run.batch()

        assert caught.value.code == "LF-7072"


def test_an_end_that_is_not_of_the_next_batch_is_refused(tmp_path: Path) -> None:
    """Spark's wrapper of availableNow asks for an end before it says where the query stands."""
    with Feed() as feed:
        query = Query(feed, tmp_path)
        with query.running() as run:
            run.batch()
            run.batch()
            query.offsets.append(Mark(1, "told before"))
            with pytest.raises(FerryError) as caught:
                run.planned()

        assert caught.value.code == "LF-7072"
        assert "triggerAvailableNowWrapper" in caught.value.where


# --- what befalls a reader ------------------------------------------------------------------


def test_what_kinesis_refuses_or_cuts_costs_time_and_no_record(tmp_path: Path) -> None:
    with Feed(shards=2) as feed:
        put(feed, range(60))
        for what in ("throttle", "500", "expired iterator", "cut", "empty"):
            feed.fail(what, times=1)
        query = Query(feed, tmp_path)
        with query.running() as run:
            run.until_idle()

        assert numbers(query.rows) == list(range(60))


def test_a_shard_that_cannot_be_decrypted_holds_up_no_other(tmp_path: Path) -> None:
    with Feed(shards=2) as feed:
        put(feed, range(40))
        closed, read = feed.shards()
        feed.wrong("kms", shard_id=closed)
        query = Query(feed, tmp_path)
        with query.running() as run:
            run.batch()
            seen = {row[0] for row in query.rows}
            feed.mend()
            run.until_idle()

        assert seen == {read}
        assert numbers(query.rows) == list(range(40))


def test_a_stream_that_is_not_there_ends_the_query_at_once(tmp_path: Path) -> None:
    with Feed() as feed:
        feed.delete()
        query = Query(feed, tmp_path)
        with query.running() as run, pytest.raises(FerryError) as caught:
            run.batch()

        assert caught.value.code == "LF-7062"


def test_of_what_spark_has_forgotten_nothing_is_kept(tmp_path: Path) -> None:
    with Feed() as feed:
        query = Query(feed, tmp_path)
        with query.running() as run:
            run.batch()
            own = query.offsets[0].query
            run.epochs.committed(Mark(KEPT, f"{own}later"))
            assert list(tmp_path.rglob("*.json"))
            run.epochs.committed(Mark(2 * KEPT, f"{own}later still"))

        assert not list(tmp_path.rglob("*.json"))


def test_what_was_not_forgotten_in_time_is_forgotten_later(tmp_path: Path) -> None:
    with Feed() as feed:
        query = Query(feed, tmp_path)
        with query.running() as run:
            run.batch()
            run.epochs.committed(Mark(3 * KEPT, f"{query.offsets[0].query}later"))

        assert not list(tmp_path.rglob("*.json"))


def test_what_another_query_of_the_same_place_has_recorded_stays(tmp_path: Path) -> None:
    with Feed() as feed:
        put(feed, range(10))
        one, other = Query(feed, tmp_path), Query(feed, tmp_path)
        with one.running() as run:
            run.batch()
        with other.running() as run:
            run.batch()
            run.epochs.committed(Mark(2 * KEPT, f"{other.offsets[0].query}later"))
        put(feed, range(10, 20))
        with one.running() as run:
            run.until_idle()

        assert numbers(one.rows) == list(range(20))
