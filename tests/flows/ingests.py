"""Whole ingests for tests: in a thread here, or in a process that can be killed; and their judge.

The judge reads the table with delta-rs, which knows nothing of us, and compares it with what the
feed knows of its own shards: each record once.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar
from urllib.parse import unquote

import deltalake
import pyarrow.parquet as pq

from lakeferry.connect.aws import AwsAccess
from lakeferry.demo.kinesis_feed import Feed
from lakeferry.demo.kinesis_feed_load import SCHEMA, Load
from lakeferry.demo.kinesis_feed_stream import ShardTruth
from lakeferry.ingest.events import BatchCommitted, Ended, Event, Progress
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.run import run
from lakeferry.ingest.settings import (
    Ingest,
    PayloadSettings,
    Rhythm,
    SourceSettings,
    TargetSettings,
)

PATIENCE_S = 120.0
IDLE_S = 0.3  # between calls to a shard that is caught up, which a test need not wait for
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
QUICK = Rhythm(every_s=1.0, list_every_s=0.5, compact_every_s=None)
EventKind = TypeVar("EventKind", bound=Event)


def ingest_of(url: str, table: Path | str, **changes: Any) -> Ingest:
    """Of the stream `clicks` of a feed, from its oldest record, a commit every second."""
    place, access = endpoint_of("eu-west-1", url), AwsAccess("eu-west-1")
    source = SourceSettings("clicks", place, access, idle_s=IDLE_S)
    asked = Ingest(
        "clicks",
        source,
        TargetSettings(str(table)),
        PayloadSettings(schema=SCHEMA),
        rhythm=QUICK,
        start="trim-horizon",
        workers=2,
    )
    return replace(asked, **changes)


@dataclass
class Running:
    """An ingest in a thread of the test."""

    ingest: Ingest
    events: list[Event] = field(default_factory=list)
    flag: threading.Event = field(default_factory=threading.Event)
    ended: Ended | None = None
    error: BaseException | None = None
    on_event: Callable[[Event], None] = lambda _: None

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.ended = run(self.ingest, emit=self._take, stop=self.flag)
        except BaseException as error:  # noqa: BLE001  # the test looks at it
            self.error = error

    def _take(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def wait(self, timeout_s: float = PATIENCE_S) -> "Running":
        """For the end by itself."""
        self._thread.join(timeout_s)
        assert self.is_over, f"still running; last events {self.events[-3:]}"
        return self

    def stop(self) -> Ended:
        self.flag.set()
        self.wait()
        if self.error is not None:
            raise self.error
        assert self.ended is not None
        return self.ended

    def until(
        self, kind: type[EventKind], accept: Callable[[EventKind], bool] = lambda _: True
    ) -> EventKind:
        """The first event of a kind that is accepted, of those that came and will come."""
        seen, end = 0, monotonic() + PATIENCE_S
        while monotonic() < end:
            events = self.events[seen:]
            seen += len(events)
            for event in events:
                if isinstance(event, kind) and accept(event):
                    return event
            if self.is_over:
                raise AssertionError(f"it ended: {self.error or self.ended}")
            sleep(0.02)
        raise AssertionError(f"no {kind.__name__} in {PATIENCE_S} s: {self.events[-3:]}")

    def until_committed(self, rows: int) -> Progress:
        """Until so many rows are in the table by this run."""
        return self.until(Progress, lambda told: told.rows_committed >= rows)

    @property
    def commits(self) -> list[BatchCommitted]:
        return [event for event in self.events if isinstance(event, BatchCommitted)]


@contextmanager
def running(ingest: Ingest) -> Iterator[Running]:
    """An ingest that ends with the block at the latest."""
    found = Running(ingest)
    try:
        yield found
    finally:
        found.flag.set()
        found.wait()


def ingest_once(ingest: Ingest) -> Running:
    """All that is there; raises what the run raised."""
    found = Running(replace(ingest, once=True)).wait()
    if found.error is not None:
        raise found.error
    return found


# --- processes ------------------------------------------------------------------------------


def workers() -> list[int]:
    """Processes of the ingest in this process, in the order in which they began.

    Not of one that was begun warm: those are forked from another.
    """
    return [one for one in begun_by(os.getpid()) if b"spawn_main" in _command(one)]


def begun_by(process_id: int) -> list[int]:
    """The children of a process; those of one thread in the order in which they began."""
    found: list[int] = []
    for thread in os.listdir(f"/proc/{process_id}/task"):
        with suppress(OSError):  # it has ended meanwhile
            text = Path(f"/proc/{process_id}/task/{thread}/children").read_text()
            found += map(int, text.split())
    return found


def _command(process_id: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{process_id}/cmdline").read_bytes()
    return b""


def has_ended(process_id: int) -> bool:
    """Whether it does nothing more, though nobody may have asked for its code."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return True
    return fields[0] in ("Z", "X")


# --- in a process ---------------------------------------------------------------------------


@contextmanager
def process(
    url: str, table: Path | str, folder: Path, **changes: Any
) -> Iterator["subprocess.Popen[bytes]"]:
    """An ingest in a process group of its own, killed with the block."""
    given = {"url": url, "table": str(table), **changes}
    log = (folder / "ingest.log").open("ab")
    with (
        log,
        subprocess.Popen(
            [sys.executable, "-m", "tests.flows.ingests", json.dumps(given)],
            stdout=log, stderr=log, start_new_session=True,
            cwd=Path(__file__).parents[2], env={**os.environ, **KEYS},
        ) as child,
    ):  # fmt: skip
        try:
            yield child
        finally:
            kill_group(child)


def kill_group(child: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started, without a word."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def main() -> None:
    """One ingest as told by the one argument; SIGTERM drains it. Its events go to stdout."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    rhythm = replace(QUICK, **given.pop("rhythm", {}))
    source, target = given.pop("source", {}), given.pop("target", {})
    asked = ingest_of(given.pop("url"), given.pop("table"), rhythm=rhythm, **given)
    asked = replace(
        asked,
        source=replace(asked.source, **source),
        target=replace(asked.target, **target),
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run(asked, emit=_print, stop=stop)


def _print(event: Event) -> None:
    sys.stdout.write(f"{event}\n")
    sys.stdout.flush()


def feed_of(shards: int, most: int, rate: float = 0.0) -> Feed:
    """A stream whose shards have `most` records each in the end; at first all, or as many come."""
    return Feed(shards=shards, load=Load(backlog=0 if rate else most, rate=rate, most=most))


# --- the judge ------------------------------------------------------------------------------


def due(truth: Mapping[str, ShardTruth], generation: int = 0) -> list[str]:
    """The event ids of all records that have arrived, retention apart."""
    return [
        f"{generation:02d}{int(shard_id[-12:]):07d}{place:012d}"
        for shard_id, shard in truth.items()
        for place in range(shard.first, shard.due)
    ]


def event_ids(table: Path | str, options: Mapping[str, str] | None = None) -> list[str]:
    """Of each row; `options` of the store as delta-rs wants them."""
    given = dict(options) if options else None
    opened = deltalake.DeltaTable(str(table), storage_options=given)
    found = opened.to_pyarrow_table(columns=["event_id"])
    ids: list[str] = found["event_id"].to_pylist()
    return ids


def assert_each_once(
    table: Path | str,
    truth: Mapping[str, ShardTruth],
    later: Mapping[str, ShardTruth] | None = None,
    *,
    options: Mapping[str, str] | None = None,
) -> None:
    """The table has each record that had arrived, none twice, and none that never came.

    Args:
        later: what the feed has by now, where records went on coming.
    """
    found, wanted = Counter(event_ids(table, options)), set(due(truth))
    known = wanted if later is None else set(due(later))
    doubled = [one for one, times in found.items() if times > 1]
    missing, foreign = wanted - found.keys(), found.keys() - known
    assert not doubled, f"{len(doubled)} records are there twice, such as {min(doubled)}"
    assert not missing, f"{len(missing)} of {len(wanted)} are missing, such as {min(missing)}"
    assert not foreign, f"{len(foreign)} were never due, such as {min(foreign)}"


def versions_of(table: Path) -> dict[str, list[int]]:
    """By shard, the versions of a table on this disk that brought records of it."""
    found: dict[str, list[int]] = {}
    for commit in sorted((table / "_delta_log").glob("*.json")):
        for line in commit.read_text().splitlines():
            added = json.loads(line).get("add")
            if added is None:
                continue
            rows = pq.read_table(table / unquote(added["path"]), columns=["_shardId"])
            for shard_id in rows["_shardId"].unique().to_pylist():
                found.setdefault(shard_id, []).append(int(commit.stem))
    return found


if __name__ == "__main__":
    main()
