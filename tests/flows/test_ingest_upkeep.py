"""A table that is ingested into is kept in order beside it, and nobody who reads it notices."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import deltalake
import pytest

from lakeferry.delta.log import list_log
from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_load import Load
from lakeferry.ingest.events import Compacted, Warned
from lakeferry.ingest.settings import Ingest, Rhythm
from lakeferry.store.open import open_store
from tests.flows.ingests import assert_each_once, ingest_of, ingest_once, running

pytestmark = pytest.mark.usefixtures("keys", "warm_workers")

DAY_S = 24 * 3600
# A commit every quarter of a second; small files are joined at once and all the time.
BUSY = Rhythm(
    every_s=0.25,
    list_every_s=0.5,
    checkpoint_every=4,
    compact_every_s=0.5,
    compact_after_s=0.0,
)


def upkeep(events: list[object], what: str) -> list[Compacted]:
    return [one for one in events if isinstance(one, Compacted) and one.what == what]


def finish(asked: Ingest, feed: Feed) -> None:
    """Take what still lies in the stream, and compare."""
    before = feed.truth()
    ingest_once(asked)
    assert_each_once(Path(asked.target.url), before, feed.truth())


def test_small_files_are_joined_while_more_come(tmp_path: Path) -> None:
    with Feed(shards=2, load=Load(rate=400, most=100_000)) as feed:
        asked = ingest_of(feed.url, tmp_path / "table", rhythm=BUSY, workers=1)
        with running(asked) as ingest:
            ingest.until(Compacted, lambda told: told.what == "compaction")
            ingest.until(Compacted, lambda told: told.what == "checkpoint")
            ingest.until_committed(2_000)
            ingest.stop()

        [first, *_] = upkeep(list(ingest.events), "compaction")
        assert (first.files_after, first.files_before >= 10) == (1, True)
        assert not [one for one in ingest.events if isinstance(one, Warned)]
        finish(asked, feed)


def test_vacuum_and_log_cleanup_beside_an_ingest_take_nothing_that_is_needed(
    tmp_path: Path,
) -> None:
    table = tmp_path / "table"
    with Feed(shards=2, load=Load(rate=400, most=100_000)) as feed:
        asked = replace(ingest_of(feed.url, table), rhythm=BUSY)
        with running(asked) as ingest, _Beside(table):
            ingest.until(Compacted, lambda told: told.what == "log cleanup")
            ingest.until_committed(4_000)
            ingest.stop()

        finish(asked, feed)
        listing = list_log(open_store(str(table)))
        assert min(listing.commits) > 0
        assert deltalake.DeltaTable(str(table)).version() == max(listing.commits)


class _Beside:
    """Age the log of a table by months, and vacuum it, again and again."""

    def __init__(self, table: Path) -> None:
        self._table, self._end = table, Event()
        self._thread = Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(0.3):
            log = sorted((self._table / "_delta_log").glob("0*.*"))
            for file in log[:-6]:
                then = time.time() - 90 * DAY_S + int(file.name[:20])
                os.utime(file, (then, then))
            if len(log) > 3:
                deltalake.DeltaTable(str(self._table)).vacuum(dry_run=False)


GROWTH = """
from bench.ingest_commits import one_commit, opened, rss_mib, settings
import sys

target = opened(settings(sys.argv[1]))
for number in range(400):
    target = one_commit(target, number)
    if number == 100:
        before = rss_mib()
print(rss_mib() - before)
"""


def test_memory_does_not_grow_with_commits(tmp_path: Path) -> None:
    """Ten thousand of them are measured by bench/ingest_commits.py."""
    told = subprocess.run(
        [sys.executable, "-c", GROWTH, str(tmp_path / "t")],
        capture_output=True,
        text=True,
        check=True,
    )

    assert float(told.stdout) < 2.0
