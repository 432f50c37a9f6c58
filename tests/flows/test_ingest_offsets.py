"""What whole ingests bring is found right by `verify --offsets`, in both of their tables."""

from pathlib import Path
from time import sleep

import pytest

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_load import SCHEMA, Kind, Load
from lakeferry.ingest.settings import DedupSettings, PayloadSettings
from lakeferry.verify.offsets import OffsetsReport, verify_offsets
from tests.flows.ingests import ingest_of, ingest_once, running

pytestmark = pytest.mark.usefixtures("keys", "warm_workers")


def right(table: Path) -> OffsetsReport:
    report = verify_offsets(str(table))
    assert report.right, report.findings
    return report


def test_rows_and_bad_records_of_a_stream_that_is_split_are_found_right(tmp_path: Path) -> None:
    with Feed(shards=2, load=Load(rate=800, most=1_500, kind="bad")) as feed:
        asked = ingest_of(feed.url, tmp_path / "table")
        with running(asked) as ingest:
            ingest.until_committed(300)
            feed.split("shardId-000000000000")
            ingest.until_committed(900)
            ingest.stop()
        ingest_once(asked)

    found, bad = right(tmp_path / "table"), right(tmp_path / "table_rejected")
    assert (found.rows or 0) > 900
    assert (bad.rows or 0) > 0
    assert not [what for what in found.not_seen if "whether each record" in what]


@pytest.mark.parametrize("kind", ["raw", "kpl"])
def test_raw_rows_and_aggregates_are_found_right(tmp_path: Path, kind: Kind) -> None:
    with Feed(shards=2, load=Load(backlog=400, most=400, kind=kind)) as feed:
        ingest_once(ingest_of(feed.url, tmp_path / "table", payload=PayloadSettings()))

    found = right(tmp_path / "table")
    assert (found.rows or 0) >= (found.records or 0) > 0


def test_records_that_were_left_out_as_doubles_are_not_missed(tmp_path: Path) -> None:
    with Feed(shards=1) as feed:
        asked = ingest_of(
            feed.url,
            tmp_path / "table",
            payload=PayloadSettings(schema=SCHEMA),
            dedup=DedupSettings(("event_id",), 600),
        )
        one = b'{"event_id": "a", "status": 200}'
        feed.put("shardId-000000000000", one, one, b'{"event_id": "b", "status": 200}')
        ingest_once(asked)

    assert right(tmp_path / "table").rows == 2


def test_an_accepted_gap_is_told(tmp_path: Path) -> None:
    with Feed(shards=1) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", on_loss="go on")
        ingest_once(asked)
        feed.put("shardId-000000000000", b'{"event_id": "lost", "status": 200}')
        feed.skew(26 * 3600)
        feed.trim()
        sleep(0.01)
        feed.put("shardId-000000000000", b'{"event_id": "kept", "status": 200}')
        ingest_once(asked)

    [proof] = right(tmp_path / "table").ingests
    assert [gap.shard_id for gap in proof.gaps] == ["shardId-000000000000"]


def test_a_stream_that_was_made_anew_is_no_finding(tmp_path: Path) -> None:
    with Feed(shards=2, load=Load(backlog=200, most=200)) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", on_recreated="restart")
        ingest_once(asked)
        feed.recreate(1)
        ingest_once(asked)

    right(tmp_path / "table")
