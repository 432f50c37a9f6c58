"""Ingests of one name into two tables that share a table of bad records, killed again and again."""

import random
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from time import sleep

import deltalake
import orjson
import pytest

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_load import SCHEMA, Load
from lakeferry.ingest.settings import PayloadSettings, TargetSettings
from lakeferry.verify.offsets import verify_offsets
from tests.flows.ingests import due, event_ids, ingest_of, ingest_once, kill_group, process

pytestmark = pytest.mark.usefixtures("keys", "warm_workers")

ROUNDS = 4


def test_each_bad_record_lies_there_once_for_each_table(tmp_path: Path) -> None:
    tables, shared = [tmp_path / "one", tmp_path / "other"], str(tmp_path / "bad")
    chance = random.Random(5)
    with Feed(shards=2, load=Load("bad", rate=300, most=20_000)) as feed:
        for _ in range(ROUNDS):
            with ExitStack() as both:
                children = [
                    both.enter_context(
                        process(
                            feed.url, table, tmp_path, workers=1, rhythm={"every_s": 0.3},
                            target={"quarantine": shared},
                        )
                    )
                    for table in tables
                ]  # fmt: skip
                sleep(chance.uniform(3, 6))
                for child in children:
                    assert child.poll() is None, (tmp_path / "ingest.log").read_text()[-2000:]
                    kill_group(child)
        before = feed.truth()
        for table in tables:
            target = TargetSettings(str(table), quarantine=shared)
            ingest_once(ingest_of(feed.url, "", target=target, payload=PayloadSettings(SCHEMA)))
        after = feed.truth()

    rejected = deltalake.DeltaTable(shared).to_pyarrow_table()
    bad = Counter(orjson.loads(data)["event_id"] for data in rejected["data"].to_pylist())
    good = [Counter(event_ids(table)) for table in tables]
    for each in good:
        assert set(each.values()) == {1}
        assert set(due(before)) - bad.keys() <= each.keys() <= set(due(after)) - bad.keys()
    common = set(due(before)) & bad.keys()
    assert common
    assert {bad[one] for one in common} == {2}, "of each table one"
    assert all(verify_offsets(str(table)).right for table in (*tables, shared))
