"""Ingests that are measured: the feed on core 1, all that is the product on core 0, and a proof.

A run counts only if another reader of the table, delta-rs, finds each record of the feed once.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import deltalake
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.demo.kinesis_feed_stream import ShardTruth
from tests.servers import Server
from tests.servers.kinesis_feed import FeedAway, away

DDL = (
    "event_id STRING, ts TIMESTAMP, subscriber_id BIGINT, endpoint STRING, method STRING, "
    "path STRING, status INT, bytes_in BIGINT, bytes_out BIGINT, duration_ms DOUBLE, "
    "client_ip STRING, user_agent STRING, country STRING, cached BOOLEAN, trace_id STRING, "
    "retries INT, geo STRUCT<lat: DOUBLE, lon: DOUBLE, asn: INT>, tags ARRAY<STRING>"
)
PARSED, RAW = ("--schema", DDL), ("--raw",)
PRODUCT_CORE, ALL_CORES, FEED_CORE = "0", "0,1", 1
AGGREGATE = 80  # user records in a KPL record
TEMPLATES = "100000"  # so that the values of a row group are all different
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Watched:
    """A product that runs: its processes, looked at four times a second."""

    process: "subprocess.Popen[bytes]"
    begun: float  # of the monotonic clock
    # MiB of resident memory, at seconds since the beginning
    coordinator: list[tuple[float, float]] = field(default_factory=list)
    workers: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    cpu: dict[int, float] = field(default_factory=dict)  # seconds, by process
    wall_s: float = 0.0
    cpu_s: float = 0.0
    code: int | None = None
    _over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        while not self._over.wait(0.25):
            at = time.monotonic() - self.begun
            for pid, mib, cpu_s in session(self.process.pid):
                self.cpu[pid] = cpu_s
                if pid == self.process.pid:
                    self.coordinator.append((at, mib))
                elif mib > 40:  # multiprocessing's own helper is smaller
                    self.workers.setdefault(pid, []).append((at, mib))

    def wait(self) -> "Watched":
        """For its end; what it and all that it started used."""
        _, status, usage = os.wait4(self.process.pid, 0)
        self.wall_s = time.monotonic() - self.begun
        self._over.set()
        self.code = self.process.returncode = os.waitstatus_to_exitcode(status)
        # Spark does not wait for its workers: what was seen of them is more than the system counts.
        self.cpu_s = max(usage.ru_utime + usage.ru_stime, sum(self.cpu.values()))
        return self

    @property
    def coordinator_cpu_s(self) -> float:
        return self.cpu.get(self.process.pid, 0.0)

    @property
    def worker_peak(self) -> float:
        return max((mib for one in self.workers.values() for _, mib in one), default=0.0)

    @property
    def coordinator_peak(self) -> float:
        return max((mib for _, mib in self.coordinator), default=0.0)


def session(leader: int) -> Iterator[tuple[int, float, float]]:
    """Processes of a session: id, MiB of resident memory, CPU seconds."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            told = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(told[3]) == leader:
            cpu_s = (int(told[11]) + int(told[12])) / TICKS
            yield int(folder.name), int(told[21]) * PAGE / 2**20, cpu_s


def begin(command: Sequence[str], log: Path, *, cores: str = PRODUCT_CORE) -> Watched:
    """Start a product, pinned to its cores."""
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with log.open("ab") as sink:
        begun = time.monotonic()
        process = subprocess.Popen(
            ["taskset", "--cpu-list", cores, *command], stdin=subprocess.DEVNULL,
            stdout=sink, stderr=sink, start_new_session=True, env=environment, cwd=ROOT,
        )  # fmt: skip
    found = Watched(process, begun)
    threading.Thread(target=found.look, daemon=True).start()
    return found


def lakeferry(feed: FeedAway, table: str, *flags: str) -> list[str]:
    """The command, from the oldest record on."""
    return [sys.executable, "-m", "lakeferry.cli.main", "ingest", feed.stream, table,
            "--endpoint-url", feed.url, "--region", feed.region, "--from", "trim-horizon",
            "--json", *flags]  # fmt: skip


def naive(feed: FeedAway, table: str) -> list[str]:
    return [sys.executable, "-m", "bench._naive_ingest", feed.url, feed.stream, feed.region, table]


def spark(feed: FeedAway, folder: str) -> list[str]:
    return [sys.executable, "-m", "bench._spark_ingest", feed.url, feed.stream, feed.region, folder]


@contextmanager
def fed(folder: Path, tls: tuple[str, str], *arguments: str) -> Iterator[FeedAway]:
    """A feed over TLS on its core."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ("--templates", TEMPLATES, "--tls", *tls, *arguments)
    with away(folder, *words, core=FEED_CORE) as feed:
        yield feed


def store_flags(server: Server | None) -> list[str]:
    options = {} if server is None else server.options
    return [word for name, value in options.items() for word in
            ("--store-option", f"{name}={value}")]  # fmt: skip


# --- the proof ------------------------------------------------------------------------------


def opened(table: str, server: Server | None = None) -> deltalake.DeltaTable:
    if server is None:
        return deltalake.DeltaTable(table)
    options = {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": server.options["region"],
        "AWS_ACCESS_KEY_ID": server.options["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": server.options["secret_access_key"],
    }
    return deltalake.DeltaTable(table, storage_options=options)


def proven(
    table: deltalake.DeltaTable,
    truth: Mapping[str, ShardTruth],
    *,
    kind: str = "json",
    whole: bool = True,
) -> int:
    """Rows of the table, if they are each record once, none missing; else it ends the bench.

    Args:
        whole: all that was due is there; else all up to some record of each shard.
    """
    numbers = np.sort(_numbers(table))
    each = AGGREGATE if kind == "kpl" else 1
    begin = 0
    for name, shard in sorted(truth.items()):
        base = int(name[-12:]) * 10**12
        end = int(np.searchsorted(numbers, base + 10**12))
        found, begin = numbers[begin:end] - base, end
        wanted = np.arange(shard.due * each if whole else len(found) + _bad(len(found), kind))
        if kind == "bad":
            wanted = wanted[wanted % 100 != 99]
        if not np.array_equal(found, wanted):
            sys.exit(f"{name}: {len(found):,} rows are not each of {len(wanted):,} records once")
    if begin != len(numbers):
        sys.exit(f"{len(numbers) - begin:,} rows are of no shard")
    return len(numbers)


def _bad(rows: int, kind: str) -> int:
    return rows // 99 if kind == "bad" else 0


def _numbers(table: deltalake.DeltaTable) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Shard and index of all rows: 7 and 12 digits."""
    data = table.to_pyarrow_dataset()
    found = [np.zeros(0, np.int64)]
    if "event_id" in data.schema.names:
        for batch in data.to_batches(columns=["event_id"]):
            texts = pc.utf8_slice_codeunits(batch.column(0), 2, 21)
            found.append(pc.cast(texts, pa.int64()).to_numpy(zero_copy_only=False))
    else:
        for batch in data.to_batches(columns=["data"]):
            texts = pc.binary_slice(batch.column(0), 17, 36).cast(pa.string())
            found.append(pc.cast(texts, pa.int64()).to_numpy(zero_copy_only=False))
    return np.concatenate(found)
