"""A million requests of a Kinesis of our own into Delta, through a split and a kill, counted.

The stream is served by this process, which has nothing else to do meanwhile; the ingest is a
process of its own, with its workers, and the one that is killed.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from lakeferry.connect.aws import AwsAccess
from lakeferry.demo.count_rows import Counted, count_rows
from lakeferry.demo.kinesis_feed import KEYS, Feed
from lakeferry.demo.kinesis_feed_load import SCHEMA, Load
from lakeferry.ingest.events import BatchCommitted, Emit, Event, Progress, ShardSpan
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.run import run
from lakeferry.ingest.settings import (
    Ingest,
    PayloadSettings,
    Rhythm,
    SourceSettings,
    TargetSettings,
)
from lakeferry.verify.offsets import OffsetsReport, verify_offsets

BILLION_A_DAY = 1_000_000_000 / 86_400  # records a second
STREAM, REGION = "requests", "eu-west-1"
SPLIT_AT, KILL_AT = 0.2, 0.5  # of all records, committed
WORKERS = 2
_CHILD = "import sys; from lakeferry.demo.streaming import ingest_told; ingest_told(*sys.argv[1:])"


@dataclass(frozen=True, slots=True)
class Flow:
    """What the stream holds. A shard gives a reader 2 MB a second, here as at AWS."""

    shards: int
    records: int  # a shard
    child_records: int  # of each of the two that one shard is split into
    every_s: float  # between commits

    @property
    def total(self) -> int:
        return self.shards * self.records + 2 * self.child_records


# So many shards that what a core or two can do is seen, not what a shard may give.
FULL = Flow(16, 62_000, 4_000, every_s=1.0)
FAST = Flow(4, 14_500, 1_000, every_s=0.5)


@dataclass(frozen=True, slots=True)
class Streamed:
    """What happened, and what was counted afterwards."""

    flow: Flow
    committed: int  # rows, when it was killed
    served: int  # records that it had been given by then
    seconds: float  # from the first start to the end of the second, all in
    most_records_per_s: float  # that it told
    counted: Counted
    proof: OffsetsReport

    @property
    def records_per_s(self) -> float:
        return self.flow.total / self.seconds


def stream_into(table: Path, flow: Flow, on_event: Emit) -> Streamed:
    """Ingest, split a shard amid, kill amid, go on, count.

    Args:
        table: is made here.
        on_event: called with progress, once a second, and with each commit.
    """
    load = Load(backlog=flow.records)
    load.warm()
    fastest = 0.0

    def show(event: Event) -> None:
        nonlocal fastest
        if isinstance(event, Progress):
            fastest = max(fastest, event.records_per_s)
        on_event(event)

    with Feed(stream=STREAM, region=REGION, shards=flow.shards, load=load) as feed:
        started = time.monotonic()
        committed = _until_killed(feed, table, flow, show)
        served = sum(
            last - first + 1 for shard in feed.truth().values() for first, last in shard.served
        )
        with _ingesting(feed, table, flow, once=True) as child:
            for event in _events(child):
                show(event)
            code = child.wait()
        seconds = time.monotonic() - started
        truth = {number: one.due for number, one in enumerate(feed.truth().values())}
    must(code == 0, f"the ingest that went on ended with code {code}")
    proof = verify_offsets(str(table))
    return Streamed(flow, committed, served, seconds, fastest, count_rows(table, truth), proof)


def _until_killed(feed: Feed, table: Path, flow: Flow, show: Emit) -> int:
    """Split a shard, and kill the ingest between two commits; the rows that it leaves."""
    committed, is_split = 0, False
    with _ingesting(feed, table, flow, once=False) as child:
        for event in _events(child):
            show(event)
            if isinstance(event, BatchCommitted):
                committed += event.rows
            if not is_split and committed >= SPLIT_AT * flow.total:
                feed.split(feed.shards()[0], backlog=flow.child_records)
                is_split = True
            if committed >= KILL_AT * flow.total:
                time.sleep(flow.every_s / 2)
                break
    must(child.returncode == -signal.SIGKILL, f"the ingest ended by itself: {child.returncode}")
    left = count_rows(table, {}).rows  # it may have committed once more, untold
    must(committed <= left < flow.total, "all was committed before it was killed")
    return left


@contextmanager
def _ingesting(
    feed: Feed, table: Path, flow: Flow, *, once: bool
) -> Iterator["subprocess.Popen[bytes]"]:
    """The ingest as a process that is killed, with its workers, when the block ends."""
    asked = [feed.url, str(table), str(flow.every_s), str(int(once))]
    ours = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    keys = {"AWS_ACCESS_KEY_ID": KEYS.access_key, "AWS_SECRET_ACCESS_KEY": KEYS.secret_key}
    # In a group of its own: a Ctrl-C is for this process, which then kills that one.
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD, *asked], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        env={**ours, **keys}, process_group=0,
    ) as child:  # fmt: skip
        try:
            yield child
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)


def _events(child: "subprocess.Popen[bytes]") -> Iterator[Progress | BatchCommitted]:
    """What it tells, until it ends."""
    told: IO[bytes] | None = child.stdout
    if told is None:
        raise ValueError("nobody listens to it")
    for line in told:
        body: dict[str, Any] = orjson.loads(line)
        if "elapsed_s" in body:
            yield Progress(**{**body, "worker_rss": tuple(body["worker_rss"])})
        else:
            spans = tuple(ShardSpan(**one) for one in body["spans"])
            yield BatchCommitted(**{**body, "spans": spans})


# --- in that process ------------------------------------------------------------------------


def ingest_told(url: str, table: str, every_s: str, once: str) -> None:
    """Ingest, and write what happens to stdout, an event a line."""
    source = SourceSettings(STREAM, endpoint_of(REGION, url), AwsAccess(REGION))
    run(
        Ingest(
            STREAM,
            source,
            TargetSettings(table),
            PayloadSettings(SCHEMA),
            rhythm=Rhythm(every_s=float(every_s), list_every_s=1.0, compact_every_s=None),
            workers=WORKERS,
            start="trim-horizon",
            once=bool(int(once)),
        ),
        emit=_tell,
    )


def _tell(event: Event) -> None:
    if isinstance(event, Progress | BatchCommitted):
        sys.stdout.buffer.write(orjson.dumps(asdict(event)) + b"\n")
        sys.stdout.buffer.flush()


def must(holds: bool, broken: str) -> None:
    """What the demo shows is a promise; a broken one is a bug and keeps its traceback."""
    if not holds:
        raise AssertionError(broken)
