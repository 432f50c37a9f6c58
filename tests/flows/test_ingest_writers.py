"""Others write to the table while a stream comes into it, or change what it is."""

from collections.abc import Sequence
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest
from deltalake.schema import PrimitiveType

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.errors import FerryError
from lakeferry.ingest.events import Event, Warned
from lakeferry.ingest.payload.columns import MOST_FIELDS
from lakeferry.ingest.payload.repair import PROVENANCE
from lakeferry.ingest.settings import PayloadSettings
from tests.flows.ingests import assert_each_once, feed_of, ingest_of, ingest_once, running

pytestmark = pytest.mark.usefixtures("keys", "warm_workers")

SHARD = "shardId-000000000000"
SMALL = pa.schema([("event_id", pa.string()), ("status", pa.int32())])


def of_fields(told: Sequence[Event]) -> list[str]:
    """What was warned of that is about fields."""
    warned = [event.message for event in told if isinstance(event, Warned)]
    return [message for message in warned if "field" in message]


def test_an_optimize_meanwhile_neither_loses_nor_doubles_a_record(tmp_path: Path) -> None:
    with feed_of(2, 100_000, rate=300) as feed:
        asked = ingest_of(feed.url, tmp_path / "table")
        with running(asked) as ingest:
            ingest.until_committed(300)
            for _ in range(3):
                deltalake.DeltaTable(tmp_path / "table").optimize.compact()
            ingest.until_committed(3_000)
            ended = ingest.stop()
        before = feed.truth()
        ingest_once(asked)

        assert ended.restarts == 0
        assert_each_once(tmp_path / "table", before, feed.truth())


def test_a_column_that_another_writer_adds_stops_nothing(tmp_path: Path) -> None:
    with feed_of(2, 100_000, rate=300) as feed:
        asked = ingest_of(feed.url, tmp_path / "table")
        with running(asked) as ingest:
            ingest.until_committed(300)
            noted = deltalake.Field("noted", PrimitiveType("string"), nullable=True)
            deltalake.DeltaTable(tmp_path / "table").alter.add_columns(noted)
            ingest.until_committed(2_000)
            ended = ingest.stop()
        before = feed.truth()
        ingest_once(asked)

        assert ended.restarts == 0
        assert "noted" in deltalake.DeltaTable(tmp_path / "table").to_pyarrow_dataset().schema.names
        assert_each_once(tmp_path / "table", before, feed.truth())


def test_a_constraint_that_another_writer_adds_is_kept_until_it_is_dropped_and_no_record_is_lost(
    tmp_path: Path,
) -> None:
    """What was read before, but not committed, is judged anew; bad ones lie in quarantine by then.

    A record that was good then, and lies before them, may be bad now.
    """
    payload = PayloadSettings(schema=SMALL, most_bad=1.0)
    with Feed(shards=1) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", payload=payload, workers=1)
        with running(asked) as ingest:
            feed.put(SHARD, b'{"event_id": "a", "status": 2000}')
            ingest.until_committed(1)
            table = deltalake.DeltaTable(tmp_path / "table")
            table.delete("status >= 1000")
            table.alter.add_constraint({"known_status": "status < 1000"})
            feed.put(SHARD, b'{"event_id": "b", "status": 3000}', b'{"event_id": "c", "status": 3}')
            feed.put(SHARD, b"no JSON", b'{"event_id": "d", "status": 4}')
            ingest.until_committed(3)
            table = deltalake.DeltaTable(tmp_path / "table")
            table.alter.drop_constraint("known_status")
            feed.put(SHARD, b'{"event_id": "e", "status": 5}')
            ingest.until_committed(4)
            feed.put(SHARD, b'{"event_id": "f", "status": 6000}')
            ingest.until_committed(5)
            ended = ingest.stop()

    rows = deltalake.DeltaTable(tmp_path / "table").to_pyarrow_table()
    bad = deltalake.DeltaTable(tmp_path / "table_rejected").to_pyarrow_table()
    assert ended.restarts == 1
    assert sorted(rows["event_id"].to_pylist()) == ["c", "d", "e", "f"]
    assert sorted(bad["data"].to_pylist()) == [b"no JSON", b'{"event_id": "b", "status": 3000}']


def test_a_constraint_that_cannot_be_kept_ends_a_running_ingest_with_its_name(
    tmp_path: Path,
) -> None:
    with (
        feed_of(2, 100_000, rate=300) as feed,
        running(ingest_of(feed.url, tmp_path / "table")) as ingest,
    ):
        ingest.until_committed(300)
        table = deltalake.DeltaTable(tmp_path / "table")
        table.alter.add_constraint({"known_method": "upper(method) <> ''"})
        ingest.wait()

        assert isinstance(ingest.error, FerryError)
        assert ingest.error.code == "LF-7045"
        assert "known_method" in str(ingest.error)


def test_new_fields_become_columns_and_no_record_waits_for_a_new_run(tmp_path: Path) -> None:
    payload = PayloadSettings(schema=SMALL, on_new="evolve")
    with (
        Feed(shards=2) as feed,
        running(ingest_of(feed.url, tmp_path / "table", payload=payload)) as ingest,
    ):
        feed.put(SHARD, b'{"event_id": "a", "status": 200}')
        ingest.until_committed(1)
        feed.put(SHARD, b'{"event_id": "b", "status": 200, "country": "de", "geo": {"lat": 1.5}}')
        feed.put("shardId-000000000001", b'{"event_id": "c", "country": "fr", "cached": true}')
        ingest.until_committed(3)

        rows = deltalake.DeltaTable(tmp_path / "table").to_pyarrow_table().sort_by("event_id")

    assert rows.select(["event_id", "country", "geo", "cached"]).to_pylist() == [
        {"event_id": "a", "country": None, "geo": None, "cached": None},
        {"event_id": "b", "country": "de", "geo": {"lat": 1.5}, "cached": None},
        {"event_id": "c", "country": "fr", "geo": None, "cached": True},
    ]


def test_a_field_that_became_a_column_keeps_its_type_in_the_next_run(tmp_path: Path) -> None:
    with Feed(shards=1) as feed:
        payload = PayloadSettings(schema=SMALL, on_new="evolve")
        asked = ingest_of(feed.url, tmp_path / "table", payload=payload)
        feed.put(SHARD, b'{"event_id": "a", "size": 1}')
        ingest_once(asked)
        feed.put(SHARD, b'{"event_id": "b", "size": "large"}', b'{"event_id": "c", "size": 5}')
        ingest_once(asked)

    rows = deltalake.DeltaTable(tmp_path / "table").to_pyarrow_table().sort_by("event_id")
    bad = deltalake.DeltaTable(tmp_path / "table_rejected").to_pyarrow_table()
    assert rows.select(["event_id", "size"]).to_pylist() == [
        {"event_id": "a", "size": 1},
        {"event_id": "c", "size": 5},
    ]
    assert bad["data"].to_pylist() == [b'{"event_id": "b", "size": "large"}']


def test_of_a_new_field_that_records_differ_in_no_value_is_lost(tmp_path: Path) -> None:
    data = [
        b'{"event_id": "a", "size": 1, "geo": {"lat": 1.5, "lon": null}}',
        b'{"event_id": "b", "size": "large"}',
        b'{"event_id": "c", "geo": {"lon": 2.5}, "tags": []}',
        b'{"event_id": "d", "size": [1]}',
    ]
    with Feed(shards=1) as feed:
        payload = PayloadSettings(schema=SMALL, on_new="evolve", most_bad=1.0)
        feed.put(SHARD, *data)
        told = ingest_once(ingest_of(feed.url, tmp_path / "table", payload=payload)).events

    rows = deltalake.DeltaTable(tmp_path / "table").to_pyarrow_table().sort_by("event_id")
    bad = deltalake.DeltaTable(tmp_path / "table_rejected").to_pyarrow_table()
    assert rows.select(["event_id", "size", "geo"]).to_pylist() == [
        {"event_id": "a", "size": 1, "geo": {"lat": 1.5, "lon": None}},
        {"event_id": "c", "size": None, "geo": {"lat": None, "lon": 2.5}},
    ]
    assert [(row["data"], row["errorPath"]) for row in bad.to_pylist()] == [
        (data[1], "$.size"),
        (data[3], "$.size"),
    ]
    assert of_fields(told) == [
        "the field `$.tags` is left out: nothing but empty values of it were seen, which tell no "
        "type"
    ]


def test_names_that_are_values_fill_a_table_up_to_its_limit_and_then_quarantine(
    tmp_path: Path,
) -> None:
    with Feed(shards=1) as feed:
        payload = PayloadSettings(schema=SMALL, on_new="evolve", most_bad=1.0)
        feed.put(SHARD, *(b'{"event_id": "e", "user%d": 1}' % at for at in range(1_200)))
        told = ingest_once(ingest_of(feed.url, tmp_path / "table", payload=payload)).events

    table = deltalake.DeltaTable(tmp_path / "table")
    bad = deltalake.DeltaTable(tmp_path / "table_rejected").to_pyarrow_table()
    assert len(table.schema().fields) == MOST_FIELDS + len(PROVENANCE)
    assert table.to_pyarrow_dataset().count_rows() + bad.num_rows == 1_200
    assert set(bad["error"].to_pylist()) == {"a new field, and the table has as many as it may"}
    warned = of_fields(told)
    assert [message[:35] for message in warned] == ["the table has 1,000 fields or more,"]


def test_a_record_with_a_field_that_can_be_no_column_ends_no_ingest(tmp_path: Path) -> None:
    with Feed(shards=1) as feed:
        payload = PayloadSettings(schema=SMALL, on_new="evolve")
        asked = ingest_of(feed.url, tmp_path / "table", payload=payload)
        feed.put(SHARD, b'{"event_id": "a", "Status": 1, "_shardId": "x", "size": 3}')
        told = ingest_once(asked).events

    rows = deltalake.DeltaTable(tmp_path / "table").to_pyarrow_table()
    assert rows.select(["event_id", "size", "_shardId"]).to_pylist() == [
        {"event_id": "a", "size": 3, "_shardId": SHARD}
    ]
    warned = of_fields(told)
    assert [message.partition("` is left out")[0] for message in warned] == [
        "the field `$.Status",
        "the field `$._shardId",
    ]


def test_what_must_not_be_null_in_a_table_is_in_no_row_of_it(tmp_path: Path) -> None:
    columns = [
        deltalake.Field("event_id", PrimitiveType("string"), nullable=False),
        deltalake.Field("status", PrimitiveType("integer")),
    ]
    deltalake.DeltaTable.create(tmp_path / "table", deltalake.Schema(columns))
    sure = pa.schema([SMALL.field("event_id").with_nullable(False), SMALL.field("status")])
    data = [b'{"status": 1}', b'{"event_id": "a"}', b'{"event_id": null, "status": 2}']
    with Feed(shards=1) as feed:
        feed.put(SHARD, *data)
        maybe = PayloadSettings(schema=SMALL, provenance=False)
        with pytest.raises(FerryError, match="LF-7041") as refused:
            ingest_once(ingest_of(feed.url, tmp_path / "table", payload=maybe))
        payload = PayloadSettings(schema=sure, provenance=False, most_bad=1.0)
        ingest_once(ingest_of(feed.url, tmp_path / "table", payload=payload))

    rows = deltalake.DeltaTable(tmp_path / "table").to_pyarrow_table()
    bad = deltalake.DeltaTable(tmp_path / "table_rejected").to_pyarrow_table()
    assert "declare `event_id` as NOT NULL" in refused.value.next_step
    assert rows.to_pylist() == [{"event_id": "a", "status": None}]
    assert bad["data"].to_pylist() == [data[0], data[2]]


def test_bad_records_lie_in_quarantine_beside_the_table_once(tmp_path: Path) -> None:
    with Feed(shards=1) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", payload=PayloadSettings(schema=SMALL))
        feed.put(SHARD, b'{"event_id": "a", "status": 200}', b'{"event_id": "b", "status": "x"}')
        ingest_once(asked)
        feed.put(SHARD, b"no JSON")
        ingest_once(asked)

    rows = deltalake.DeltaTable(tmp_path / "table").to_pyarrow_table()
    bad = deltalake.DeltaTable(tmp_path / "table_rejected").to_pyarrow_table()
    assert rows["event_id"].to_pylist() == ["a"]
    assert set(bad["data"].to_pylist()) == {b'{"event_id": "b", "status": "x"}', b"no JSON"}
    assert bad.num_rows == 2


def test_an_ingest_of_its_own_name_gets_all_records_into_the_same_table(tmp_path: Path) -> None:
    with feed_of(1, 500) as feed:
        ingest_once(ingest_of(feed.url, tmp_path / "table"))
        ingest_once(ingest_of(feed.url, tmp_path / "table", name="another"))

    assert deltalake.DeltaTable(tmp_path / "table").to_pyarrow_dataset().count_rows() == 1_000
