"""What looks at a stream and its table tell, as they are typed."""

import json
import re
import signal
from datetime import datetime, timedelta
from pathlib import Path

import deltalake
import pyarrow as pa

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_load import Load
from tests.cli.program import called
from tests.cli.test_ingest import KEYS, asked, started, wait_for_version


def test_of_a_backlog_positions_for_another_consumer_begin_where_its_rows_end(
    tmp_path: Path,
) -> None:
    """Ten minutes of it are there, of which a few seconds are read."""
    with Feed(load=Load(backlog=60_000, rate=100.0)) as feed:
        words = asked(feed, "clicks", "t", "--flush", "1s", "--read-share", "40%", "--json")
        process = started(tmp_path, *words)
        wait_for_version(tmp_path / "t", 1)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
        ended = called("ingest", "clicks", "t", "--positions", "--region", feed.region,
                      folder=tmp_path, **KEYS)  # fmt: skip

    arrivals = deltalake.DeltaTable(str(tmp_path / "t")).to_pyarrow_table()[
        "approximateArrivalTimestamp"
    ]
    newest = max(arrivals.to_pylist())
    begins = datetime.fromisoformat(json.loads(ended.stdout)["at_timestamp"])
    assert newest - timedelta(seconds=10) < begins <= newest
    told = [one for one in map(json.loads, out.splitlines()) if one["type"] == "progress"]
    assert all(one["table_behind_ms"] >= (one["behind_ms"] or 0) for one in told)


def test_of_two_looks_none_is_done_in_silence_for_the_other(tmp_path: Path) -> None:
    words = ("ingest", "clicks", "t", "--check", "--infer", "5", "--region", "eu-west-1")
    ended = called(*words, folder=tmp_path, **KEYS)

    assert ended.returncode == 2
    assert "LF-2001 --check and --infer are looks of their own" in ended.stderr


def test_doctor_that_is_not_told_what_rows_are_made_of_blames_no_table_for_it(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    deltalake.write_deltalake(str(tmp_path / "t"), pa.table({"id": [1]}))
    there = ["--endpoint-url", kinesis_feed.url, "--region", kinesis_feed.region]

    ended = called("doctor", "clicks", "t", "--for", "ingest", *there, folder=tmp_path, **KEYS)

    assert ended.returncode == 0, ended.stdout
    assert re.search(r"▲ table +it takes no raw rows", ended.stdout)
    assert "lakeferry ingest STREAM TABLE ... --check" in ended.stdout


def test_settings_of_a_stream_s_store_are_refused_and_not_passed_over(tmp_path: Path) -> None:
    words = ("doctor", "clicks", "t", "--for", "ingest", "--source-option", "endpoint=http://x:1")
    ended = called(*words, folder=tmp_path, **KEYS)

    assert ended.returncode == 2
    assert "--target-option NAME=VALUE" in ended.stderr


def test_a_check_looks_where_the_consumer_stands_that_is_to_be_taken_over(
    tmp_path: Path, kinesis_feed: Feed
) -> None:
    (shard,) = kinesis_feed.shards()
    (tmp_path / "known.json").write_text(json.dumps({shard: "TRIM_HORIZON"}))
    (tmp_path / "other.json").write_text(json.dumps({"shardId-000000000007": "TRIM_HORIZON"}))

    known = called(*asked(kinesis_feed, "clicks", "t", "--adopt", "shards:known.json", "--check"),
                   folder=tmp_path, **KEYS)  # fmt: skip
    other = called(*asked(kinesis_feed, "clicks", "t", "--adopt", "shards:other.json", "--check"),
                   folder=tmp_path, **KEYS)  # fmt: skip

    assert known.returncode == 0
    assert "goes on exactly where shards:known.json stands, 1 shard" in known.stdout
    assert other.returncode == 1
    assert re.search(r"✗ adopt +LF-7083 ", other.stdout)
    assert not (tmp_path / "t").exists()
