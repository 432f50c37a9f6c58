"""What one consumer read and another goes on to read is each record once, together."""

import json
from dataclasses import replace
from pathlib import Path

import deltalake
import orjson
import pyarrow as pa
import pytest

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_load import Load
from lakeferry.ingest.events import Event, GapAccepted
from lakeferry.ingest.payload.rows import RAW_SCHEMA
from lakeferry.ingest.position.adopt import Adopted
from lakeferry.ingest.position.adopt_read import adopt
from lakeferry.ingest.position.way_back import committed_state, way_back
from lakeferry.ingest.run import run
from lakeferry.ingest.settings import Ingest, PayloadSettings
from lakeferry.spark.adopted import own_source
from lakeferry.spark.epoch_text import offset_of
from tests.flows.ingests import due, event_ids, ingest_of, ingest_once, running
from tests.spark.driving import Query

pytestmark = pytest.mark.usefixtures("keys", "warm_workers")


def go_on(asked: Ingest, adopted: Adopted) -> list[Event]:
    """A run to the end of what is there, and what it told."""
    told: list[Event] = []
    run(replace(asked, once=True), adopted=adopted, emit=told.append)
    return told


def positions_of(asked: Ingest, folder: Path) -> str:
    """What `--positions` prints, in a file."""
    version, state = committed_state(asked.target, asked.name)
    file = folder / "positions.json"
    file.write_bytes(orjson.dumps(way_back(state, asked.target.url, version)))
    return f"shards:{file}"


def test_another_table_goes_on_where_one_was_stopped_also_over_a_reshard(tmp_path: Path) -> None:
    with Feed(shards=2, load=Load(backlog=0, rate=600, most=1500)) as feed:
        one = ingest_of(feed.url, tmp_path / "one")
        with running(one) as first:
            first.until_committed(400)
            feed.split(feed.shards()[0], backlog=300)
            first.stop()
        taken = positions_of(one, tmp_path)
        other = ingest_of(feed.url, tmp_path / "other")

        before = feed.truth()
        found = adopt(taken, other)
        go_on(other, found)

        assert found.exact
        rest = event_ids(tmp_path / "other")
        both = [*event_ids(tmp_path / "one"), *rest]
        assert rest
        assert len(both) == len(set(both))
        assert set(due(before)) <= set(both) <= set(due(feed.truth()))


def test_an_ingest_goes_on_where_a_query_of_our_source_stood(tmp_path: Path) -> None:
    """The checkpoint is written as Spark writes it; the source in it is the real one."""
    with Feed(shards=2) as feed:
        for number in range(40):
            feed.put(f"user-{number}", f"first {number}")
        query = Query(feed, tmp_path / "checkpoint" / "lakeferry")
        with query.running() as batches:
            batches.until_idle()
        done = len(query.sink)
        write_checkpoint(tmp_path / "checkpoint", query, done)
        feed.split(feed.shards()[0])
        for number in range(40):
            feed.put(f"user-{number}", f"then {number}")
        raw = replace(ingest_of(feed.url, tmp_path / "table"), payload=PayloadSettings())

        found = adopt(f"checkpoint:{tmp_path / 'checkpoint'}", raw, own=own_source)
        go_on(raw, found)

        assert found.exact
        table = deltalake.DeltaTable(str(tmp_path / "table")).to_pyarrow_table()
        rest = [one.decode() for one in table["data"].to_pylist()]
        assert sorted(rest) == sorted(f"then {number}" for number in range(40))
        assert len(query.rows) == 40


def write_checkpoint(folder: Path, query: Query, done: int) -> None:
    (folder / "metadata").write_text(json.dumps({"id": "q"}))
    for name in ("commits", "offsets"):
        (folder / name).mkdir()
    for batch in range(done):
        mark = query.offsets[batch + 1]
        told = ["v1", json.dumps({"batchTimestampMs": 1}), json.dumps(offset_of(mark))]
        (folder / "offsets" / str(batch)).write_text("\n".join(told))
        (folder / "commits" / str(batch)).write_text("v1\n{}")


def test_what_neither_consumer_has_read_is_written_down_with_the_positions(tmp_path: Path) -> None:
    with Feed() as feed:
        (shard,) = feed.shards()
        first, *_ = feed.put(shard, "1", "2", "3")
        feed.skew(60)
        feed.trim(feed.now_ms() - 1000)
        feed.put(shard, "4")
        file = tmp_path / "positions.json"
        file.write_text(json.dumps({shard: first}))
        raw = replace(ingest_of(feed.url, tmp_path / "table"), payload=PayloadSettings())
        raw = replace(raw, on_loss="go on")

        told = go_on(raw, adopt(f"shards:{file}", raw))

        _, state = committed_state(raw.target, raw.name)
        (gap,) = state.gaps
        assert (gap.shard_id, gap.since_ms) == (shard, state.stream.created_ms)
        assert gap.until_ms > feed.now_ms() - 30_000  # when the oldest record came that is there
        assert [one.gap for one in told if isinstance(one, GapAccepted)] == [gap]
        table = deltalake.DeltaTable(str(tmp_path / "table")).to_pyarrow_table()
        assert table["data"].to_pylist() == [b"4"]


def test_what_was_adopted_once_is_not_adopted_again(tmp_path: Path) -> None:
    with Feed(shards=1, load=Load(backlog=500, most=500)) as feed:
        one, other = (ingest_of(feed.url, tmp_path / name) for name in ("one", "other"))
        ingest_once(one)
        found = adopt(positions_of(one, tmp_path), other)
        go_on(other, found)
        (before,) = committed_state(other.target, other.name)[1].shards.values()

        go_on(other, Adopted({}, exact=True))

        (after,) = committed_state(other.target, other.name)[1].shards.values()
        assert event_ids(tmp_path / "other") == []
        assert replace(after, read_until_ms=0) == replace(before, read_until_ms=0)


def test_the_table_of_a_query_goes_on_with_the_record_after_its_last_batch(tmp_path: Path) -> None:
    """The connector of awslabs wrote two batches; the second is not yet in its checkpoint."""
    query, table = "7d3d8c6a", tmp_path / "table"
    with Feed(shards=1) as feed:
        (shard,) = feed.shards()
        first, second, _ = feed.put(shard, "1", "2", "3")
        for batch, (number, data) in enumerate([(first, b"1"), (second, b"2")]):
            row = {"shardId": shard, "sequenceNumber": number, "data": data}
            deltalake.write_deltalake(
                table,
                pa.Table.from_pylist([row], RAW_SCHEMA),
                mode="append",
                commit_properties=deltalake.CommitProperties(
                    app_transactions=[deltalake.Transaction(query, batch)]
                ),
            )
        checkpoint_of_connector(tmp_path / "checkpoint", query, shard, (first, second))
        raw = replace(ingest_of(feed.url, table), payload=PayloadSettings())

        found = adopt(f"checkpoint:{tmp_path / 'checkpoint'}", raw)
        go_on(raw, found)

        assert found.exact
        rows = deltalake.DeltaTable(str(table)).to_pyarrow_table()["data"].to_pylist()
        assert sorted(rows) == [b"1", b"2", b"3"]


def checkpoint_of_connector(folder: Path, query: str, shard: str, numbers: tuple[str, str]) -> None:
    begin = {"iteratorType": "TRIM_HORIZON", "iteratorPosition": "", "subSequenceNumber": "-1",
             "isLast": "true"}  # fmt: skip
    for name in ("commits", "offsets"):
        (folder / name).mkdir(parents=True)
    (folder / "metadata").write_text(json.dumps({"id": query}))
    (folder / "commits" / "0").write_text("v1\n{}")
    for batch, number in enumerate(numbers):
        metadata = {"batchId": str(batch), "streamName": "clicks"}
        told = ["v1", "{}", json.dumps({"metadata": metadata, shard: begin})]
        (folder / "offsets" / str(batch)).write_text("\n".join(told))
        end = folder / "sources" / "0" / "shard-source" / str(batch) / shard
        end.parent.mkdir(parents=True)
        after = {"iteratorType": "AFTER_SEQUENCE_NUMBER", "iteratorPosition": number}
        end.write_text(json.dumps({"shardId": shard, **begin, **after}))
