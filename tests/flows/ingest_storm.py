"""Kill ingests again and again while the stream is split, merged and throttled; then count.

Each record must be in the table once, or once in quarantine if it is a bad one, and every version
must be readable, by a reader that knows nothing of us.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import deltalake
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.ingest.settings import TargetSettings
from lakeferry.verify.offsets import verify_offsets
from tests.flows import ingest_runner
from tests.flows.ingest_runner import IngestRunner, Order
from tests.flows.ingests import QUICK, due, ingest_of, ingest_once
from tests.servers.kinesis_feed import FeedAway, away

SHARDS = 4
RATE = 120  # records a second, of each of the first shards; children share
MEASURED_EVERY = 20  # rounds: how long an ingest takes to its second commit; machines are shared
BEYOND = 1.3  # of that time, at which the last kills come
STEPS = 160  # operations of a coordinator's stores up to its first commits
HALVES = ("before", "amid", "after")
FEED = ("--shards", str(SHARDS), "--rate", str(RATE), "--kind", "bad")


@dataclass
class Storm:
    """One table, and all that is done to what writes it."""

    feed: FeedAway
    runner: IngestRunner
    table: str
    options: Mapping[str, str]
    chance: random.Random
    kills: int = 0
    reshards: int = 0
    rounds: int = 0
    longest_s: float = 0.0  # until a kill

    def die_on(self, path: str, when: str) -> None:
        """Begin an ingest that dies when it puts this path, below the folder of the tables."""
        order = self._order(die_at=0)
        child = self.runner.begin(replace(order, die_on=path, die_when=when))
        ending = self.runner.ending(child)
        assert ending.signal == 9, f"an ingest ended by itself: {ending}"
        self.kills += 1

    def round(self) -> str:
        """Begin one ingest or two, kill them; what was done, for a message."""
        if self.rounds % MEASURED_EVERY == 0:
            self.longest_s = self._measured() * BEYOND
        self.rounds += 1
        what = self._disturb()
        count = 2 if self.chance.random() < 0.4 else 1
        if self.chance.random() < 0.3:
            at, when = (
                self.chance.randrange(1, STEPS),
                self.chance.choice(("before", "amid", "after")),
            )
            orders = [self._order(die_at=at, die_when=when), *[self._order()] * (count - 1)]
            what += f", {count} ingests, the first dies {when} operation {at}"
        else:
            orders = [self._order()] * count
            what += f", {count} ingests"
        children = [self.runner.begin(order) for order in orders]
        for child in children:
            delay, group = self.chance.uniform(0, self.longest_s), self.chance.random() < 0.8
            time.sleep(delay)
            self.runner.kill(child, group=group)
            ending = self.runner.ending(child)
            assert ending.signal == 9, f"an ingest ended by itself: {ending}"
            self.kills += 1
            what += f", killed after {delay:.3f} s{'' if group else ' alone'}"
        return what

    def _measured(self) -> float:
        """Seconds from the beginning of an ingest to its second commit."""
        self.feed.mend()
        before, began = self._version(), time.monotonic()
        child = self.runner.begin(self._order())
        while self._version() < before + 2 + (before < 0):
            assert time.monotonic() < began + 60, "nothing was committed for a minute"
            time.sleep(0.05)
        self.runner.kill(child, group=True)
        self.runner.ending(child)
        return time.monotonic() - began

    def _version(self) -> int:
        try:
            return self._opened(self.table).version()
        except deltalake.exceptions.TableNotFoundError:
            return -1

    def _order(self, *, die_at: int = 0, die_when: str = "before") -> Order:
        workers = self.chance.choice((1, 1, 2))
        return Order(self.feed.url, self.table, self.options, 0.3, workers, die_at, die_when)

    def _disturb(self) -> str:
        """Split, merge, or spoil some of the answers."""
        self.feed.mend()
        self.feed.wrong("throttle", share=self.chance.choice((0.0, 0.3, 0.6)))
        spoilt = self.chance.choice(("500", "503", "reset", "cut", "expired iterator", "empty"))
        self.feed.wrong(spoilt, share=0.1)
        if self.chance.random() < 0.6:
            return f"10% {spoilt}"
        self.reshards += 1
        open_ones: list[str] = self.feed.tell("shards")
        at = self.chance.randrange(len(open_ones) - 1)
        if len(open_ones) <= SHARDS:
            self.feed.split(open_ones[at])
            return f"10% {spoilt}, {open_ones[at]} split"
        self.feed.merge(open_ones[at], open_ones[at + 1])
        return f"10% {spoilt}, {open_ones[at]} merged"

    def judge(self) -> int:
        """Read what is left, then count: records, each of which is there once."""
        self.feed.mend()
        before = self.feed.truth()
        asked = ingest_of(self.feed.url, self.table)
        target = TargetSettings(self.table, self.options)
        ingest_once(replace(asked, target=target, rhythm=replace(QUICK, every_s=5.0)))
        found = Counter(self._event_ids())
        wanted, known = set(due(before)), set(due(self.feed.truth()))
        doubled = [one for one, times in found.items() if times > 1]
        missing, foreign = wanted - found.keys(), found.keys() - known
        assert not doubled, f"{len(doubled)} records are there twice, such as {min(doubled)}"
        assert not missing, f"{len(missing)} of {len(wanted)} are missing: {min(missing)}"
        assert not foreign, f"{len(foreign)} were never due, such as {min(foreign)}"
        proof = verify_offsets(self.table, options=self.options)
        assert proof.right, proof.findings
        return len(wanted)

    def _event_ids(self) -> Iterator[str]:
        rows = self._opened(self.table).to_pyarrow_table(columns=["event_id"])
        yield from rows["event_id"].to_pylist()
        bad = self._opened(f"{self.table}_rejected").to_pyarrow_table(columns=["data"])
        for data in bad["data"].to_pylist():
            yield orjson.loads(data)["event_id"]

    def _opened(self, table: str, version: int | None = None) -> deltalake.DeltaTable:
        return deltalake.DeltaTable(table, version=version, storage_options=_options(self.options))

    def read_versions(self, most: int = 100) -> int:
        """Open versions of the table from the first to the last, whose rows only grow; the last."""
        last = self._opened(self.table).version()
        rows = 0
        for version in range(0, last + 1, max(1, last // most)):
            files = pa.table(self._opened(self.table, version).get_add_actions(flatten=True))
            now = pc.sum(files["num_records"]).as_py() or 0
            assert now >= rows, f"version {version} has {now} rows, one before it {rows}"
            rows = now
        return last


_PLAIN = {"AWS_ALLOW_HTTP": "true"}  # of servers on this machine


def _options(options: Mapping[str, str]) -> dict[str, str] | None:
    """As delta-rs wants them."""
    if not options:
        return None
    return {f"AWS_{key.upper()}": value for key, value in options.items()} | _PLAIN


@contextmanager
def storm(
    folder: Path, seed: int, table: str = "", options: Mapping[str, str] | None = None
) -> Iterator[Storm]:
    """A stream and a table; on this disk, or where `table` says."""
    with away(folder, *FEED) as feed, ingest_runner.running(folder / "ingests.log") as runner:
        place = table or str(folder / "table")
        yield Storm(feed, runner, place, options or {}, random.Random(seed))
