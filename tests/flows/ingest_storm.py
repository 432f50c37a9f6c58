"""Kill ingests again and again while the stream is split, merged and throttled; then count.

Each record must be in the table once, or once in quarantine if it is a bad one, and every version
must be readable, by a reader that knows nothing of us.
"""

import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import deltalake
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_faults import Breakage
from lakeferry.demo.kinesis_feed_load import Load
from lakeferry.ingest.settings import TargetSettings
from lakeferry.verify.offsets import verify_offsets
from tests.flows import ingest_runner
from tests.flows.ingest_runner import IngestRunner, Order
from tests.flows.ingests import QUICK, due, ingest_of, ingest_once

SHARDS = 4
RATE = 60  # records a second, of each of the first shards; children share
STEPS = 120  # operations of a coordinator's stores, up to its fifth commit or so
START_S = 1.5  # from the beginning of an ingest to its first commit, about
MOST_COMMITS = 8  # of one ingest, till it is killed
BY_S = 20.0  # killed then, whatever it did: of two at a time one may get nowhere
HALVES = ("before", "amid", "after")
SPOILT: tuple[Breakage, ...] = ("500", "503", "reset", "cut", "expired iterator", "empty")


@dataclass
class Storm:
    """One table, and all that is done to what writes it. For one thread."""

    feed: Feed
    runner: IngestRunner
    table: str
    options: Mapping[str, str]
    chance: random.Random
    kills: int = 0
    reshards: int = 0
    rows: int = 0  # as they were last seen in the table
    _seen: deltalake.DeltaTable | None = None

    def die_on(self, path: str, when: str) -> None:
        """Begin an ingest that dies when it puts this path, below the folder of the tables."""
        child = self.runner.begin(self._order(die_on=path, die_when=when))
        ending = self.runner.ending(child)
        assert ending.signal == 9, f"an ingest ended by itself: {ending}"
        assert not ending.killed, f"{path} was not put in time"
        self.kills += 1

    def round(self) -> str:
        """Begin one ingest or two, let them die; what was done, for a message."""
        what = self._disturb()
        count = 2 if self.chance.random() < 0.3 else 1
        orders = [self._dying() for _ in range(count)]
        children = [self.runner.begin(order) for order in orders]
        if self.chance.random() < 0.3:
            time.sleep(self.chance.uniform(0, START_S + 1))
            what += f", later {self._disturb()}"
        for child, order in zip(children, orders, strict=True):
            ending = self.runner.ending(child)
            assert ending.signal == 9, f"an ingest ended by itself: {ending}"
            self.kills += 1
            what += f", {_death(order)}"
        self._look()
        return what

    def _dying(self) -> Order:
        """An ingest that dies at a step of its coordinator, before its first commit, or later."""
        group, delay_s = self.chance.random() < 0.8, self.chance.uniform(0, 0.4)
        match self.chance.choice(("step", "start", "later", "later", "later")):
            case "step":
                at, when = self.chance.randrange(1, STEPS), self.chance.choice(HALVES)
                return self._order(die_at=at, die_when=when, die_by_s=BY_S)
            case "start":
                delay_s = self.chance.uniform(0, START_S)
                return self._order(die_commits=0, die_delay_s=delay_s, die_group=group)
        commits = self.chance.randint(1, MOST_COMMITS)
        return self._order(die_commits=commits, die_delay_s=delay_s, die_by_s=BY_S, die_group=group)

    def _order(self, **death: Any) -> Order:
        workers = self.chance.choice((1, 1, 1, 2))
        return Order(self.feed.url, self.table, self.options, workers=workers, **death)

    def _disturb(self) -> str:
        """Split, merge, or spoil some of the answers."""
        self.feed.mend()
        self.feed.throttle(self.chance.choice((0.0, 0.3, 0.6)))
        spoilt = self.chance.choice(SPOILT)
        self.feed.wrong(spoilt, share=0.1)
        if self.chance.random() < 0.6:
            return f"10% {spoilt}"
        self.reshards += 1
        open_ones = self.feed.shards()
        at = self.chance.randrange(len(open_ones) - 1)
        if len(open_ones) <= SHARDS:
            self.feed.split(open_ones[at])
            return f"10% {spoilt}, {open_ones[at]} split"
        self.feed.merge(open_ones[at], open_ones[at + 1])
        return f"10% {spoilt}, {open_ones[at]} merged"

    # --- what is there ------------------------------------------------------------------------

    def _look(self) -> None:
        """A glance after each round: the newest version is readable, and its rows only grew."""
        try:
            if self._seen is None:
                self._seen = self._opened(self.table)
            self._seen.update_incremental()
        except deltalake.exceptions.TableNotFoundError:
            return
        rows = _rows(self._seen)
        due = sum(shard.due - shard.first for shard in self.feed.truth().values())
        assert self.rows <= rows <= due, f"{rows} rows after {self.rows}, of {due} records"
        self.rows = rows

    @property
    def version(self) -> int:
        """Of the table, as it was last seen."""
        return -1 if self._seen is None else int(self._seen.version())

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
        assert not missing, f"{len(missing)} of {len(wanted)} are missing: {self._told(missing)}"
        assert not foreign, f"{len(foreign)} were never due, such as {min(foreign)}"
        proof = verify_offsets(self.table, options=self.options)
        assert proof.right, proof.findings
        return len(wanted)

    def _told(self, missing: Iterable[str]) -> str:
        """Which ones, by shard, and whether the positions count them."""
        places: dict[str, list[int]] = {}
        for one in missing:
            places.setdefault(one[2:9], []).append(int(one[9:]))
        shards = [
            f"shard {int(shard)}: {len(found)} from {min(found)} to {max(found)}"
            for shard, found in sorted(places.items())
        ]
        proof = verify_offsets(self.table, options=self.options)
        said = [finding.what for finding in proof.findings] or ["positions and rows agree"]
        return "; ".join([*shards, *said])

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
            now = _rows(self._opened(self.table, version))
            assert now >= rows, f"version {version} has {now} rows, one before it {rows}"
            rows = now
        return last


def _rows(table: deltalake.DeltaTable) -> int:
    """As the log counts them."""
    files = pa.table(table.get_add_actions(flatten=True))
    return int(pc.sum(files["num_records"]).as_py() or 0)


def _death(order: Order) -> str:
    if order.die_at:
        return f"dies {order.die_when} operation {order.die_at}"
    alone = "" if order.die_group else " alone"
    return f"killed{alone} {order.die_delay_s:.3f} s after {order.die_commits} commits"


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
    load = Load(kind="bad", rate=RATE)
    with (
        Feed(shards=SHARDS, load=load) as feed,
        ingest_runner.running(folder / "ingests.log") as runner,
    ):
        place = table or str(folder / "table")
        yield Storm(feed, runner, place, options or {}, random.Random(seed))
