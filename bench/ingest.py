"""How many records a second does an ingest bring into a table on one core, and a naive loop?

    python -m bench.ingest [--records 2000000] [--runs 1] [--minutes 2] [--only rates|shards|live]

The whole table of what an ingest must reach, in some ten minutes. A backlog of made events (588
bytes, 18 columns, all values of a row group different) is read over TLS and committed, `lakeferry
ingest --once`; processes of the product are held to core 0, feed and S3 server to core 1. CPU is
that of all processes of the product, start included. Each run is proven: delta-rs finds each
record once. Medians of the runs, in an order shuffled for each. Before that records come in real
time, as `bench.ingest_live` has them: 57,870 a second for so many minutes, for a quarter of them
with a flush each 5 s; then restarts, and commits at 1,000 shards.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench._ingest_figures import Measured, show_figures
from bench._ingest_ways import (
    AGGREGATE,
    ALL_CORES,
    FEED_CORE,
    PARSED,
    PRODUCT_CORE,
    RAW,
    begin,
    fed,
    lakeferry,
    naive,
    opened,
    proven,
    spark,
    store_flags,
)
from bench._plot import bars, lines, svg
from bench.ingest_live import Live, commit_cost, keep_up, restart, show_live
from tests.servers import Server, versitygw
from tests.servers.kinesis_feed import self_signed

PLOT = Path(__file__).with_name("ingest.svg")
SHARDS = 64
NAIVE, SPARK = "naive loop", "Spark with our source, parsed"
# A shard gives 2 MB a second at most: data and key of a record are 601 bytes.
QUOTA_RECORDS = 2_000_000 / 601
GROWTH_S = 20  # of the shards' quota, for each number of shards
LONG_MINUTES = 5  # of a run that says whether memory grows
RATE = 57_870  # a second: five billion a day
PARSED_WAY, RAW_WAY, BAD_WAY = "lakeferry, parsed", "lakeferry, raw", "lakeferry, 1 % bad"
KPL_WAY, TWO_WAY = "lakeferry, KPL aggregates", "lakeferry, 2 workers, no core its own"


@dataclass(frozen=True)
class Way:
    """One way to read the backlog."""

    name: str
    flags: Sequence[str] = PARSED
    kind: str = "json"
    s3: bool = False
    cores: str = PRODUCT_CORE
    part: int = 1  # it reads so much of the records: one that is slow need not take all day


@dataclass(frozen=True)
class Cost:
    rows: int
    wall_s: float
    cpu_s: float
    worker_mib: float
    coordinator_mib: float


WAYS = (
    Way(PARSED_WAY),
    Way(f"{PARSED_WAY}, to S3", s3=True),
    Way(RAW_WAY, RAW),
    Way(BAD_WAY, kind="bad"),
    Way(KPL_WAY, kind="kpl"),
    Way(TWO_WAY, (*PARSED, "--workers", "2"), cores=ALL_CORES),
    Way(SPARK, part=5),
    Way(NAIVE, part=5),
)


def measure(way: Way, shards: int, records: int, folder: Path, server: Server) -> Cost:
    """One run of a way; it ends the bench where the table is not as it must be."""
    each = records // shards // (AGGREGATE if way.kind == "kpl" else 1) // way.part
    place = folder / f"{random.getrandbits(48):012x}"
    target = server if way.s3 else None
    table = f"{server.place}/{place.name}" if way.s3 else str(place / "table")
    tls = (str(folder / "feed.crt"), str(folder / "feed.key"))
    quota = ["--no-quota"] * (way.name == NAIVE)  # it would be refused, and does not know how
    asked = ("--shards", str(shards), "--records", str(each), "--kind", way.kind, *quota)
    with fed(place, tls, *asked) as feed:
        flags = [*way.flags, *store_flags(target), "--once"]
        if way.name == NAIVE:
            command = naive(feed, table)
        elif way.name == SPARK:
            command = spark(feed, str(place))
        else:
            command = lakeferry(feed, table, *flags)
        done = begin(command, place / "product.log", cores=way.cores).wait()
        if done.code not in (0, 3):  # 3: there were bad records, as there should
            sys.exit(f"{way.name}: {done.code}\n{(place / 'product.log').read_text()[-2000:]}")
        rows = proven(opened(table, target), feed.truth(), kind=way.kind)
    shutil.rmtree(place)
    return Cost(rows, done.wall_s, done.cpu_s, done.worker_peak, done.coordinator_peak)


def median(found: list[Cost], value: str) -> float:
    return float(statistics.median(getattr(one, value) for one in found))


def rate(found: list[Cost]) -> float:
    """Records a CPU second."""
    return statistics.median(one.rows / one.cpu_s for one in found)


def show_rates(costs: dict[str, list[Cost]]) -> None:
    print("| way | records a cpu s | µs a record | × the naive loop | records a wall s "
          "| worker MiB | coordinator MiB |")  # fmt: skip
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in sorted(costs, key=lambda one: -rate(costs[one])):
        found = costs[name]
        wall = statistics.median(one.rows / one.wall_s for one in found)
        times = rate(found) / rate(costs[NAIVE]) if NAIVE in costs else float("nan")
        whose = sorted([median(found, "worker_mib"), median(found, "coordinator_mib")])[::-1]
        print(f"| {name} | {rate(found):,.0f} | {1e6 / rate(found):.2f} | {times:.1f} "
              f"| {wall:,.0f} | {whose[0]:.0f} | {whose[1]:.0f} |")  # fmt: skip


def show_shards(costs: dict[int, list[Cost]]) -> None:
    print("\n| shards | records a wall s | of the shards' quota | µs a record | worker MiB |")
    print("|---:|---:|---:|---:|---:|")
    for shards, found in costs.items():
        wall = statistics.median(one.rows / one.wall_s for one in found)
        part = wall / (shards * QUOTA_RECORDS)
        print(f"| {shards} | {wall:,.0f} | {part:.0%} | {1e6 / rate(found):.2f} "
              f"| {median(found, 'worker_mib'):.0f} |")  # fmt: skip


def drawn(ways: dict[str, list[Cost]], growth: dict[int, list[Cost]]) -> str:
    values = {name: rate(found) / 1000 for name, found in ways.items()}
    parts = bars("Thousand records a CPU second; red: the goal", values,
                 dict.fromkeys(values, 57.87), 0)  # fmt: skip
    below = 60 + 22 * len(values)
    curve = {
        shards: statistics.median(one.rows / one.wall_s / 1000 for one in found)
        for shards, found in growth.items()
    }
    quota = {shards: shards * QUOTA_RECORDS / 1000 for shards in curve if shards <= 16}
    parts += lines("Thousand records a second, as shards grow",
                   {"lakeferry, one core": curve, "quota of the shards": quota},
                   "shards", below)  # fmt: skip
    return svg(parts, below + 210)


@dataclass(frozen=True)
class RealTime:
    """What was measured beside the backlog."""

    minute_flush: Live
    short_flush: Live
    restart_s: float
    commit_ms: float
    commit_bytes: int


def real_time(folder: Path, minutes: float) -> RealTime:
    minute = keep_up(folder, "60s", minutes, RATE)
    print(f"  {minute}", file=sys.stderr, flush=True)
    short = keep_up(folder, "5s", minutes / 4, RATE)
    print(f"  {short}", file=sys.stderr, flush=True)
    restart_s = restart(folder, 3)
    _, ms, size = commit_cost(folder, 20)
    return RealTime(minute, short, restart_s, ms, size)


def measured(
    ways: dict[str, list[Cost]], growth: dict[int, list[Cost]], live: RealTime
) -> Measured:
    def wall(found: list[Cost]) -> float:
        return statistics.median(one.rows / one.wall_s for one in found)

    own: list[Cost | Live] = [live.minute_flush, live.short_flush]
    own += [one for name, found in ways.items() if name.startswith("lakeferry") for one in found]
    real, short = live.minute_flush, live.short_flush
    return Measured(
        parsed=rate(ways[PARSED_WAY]),
        raw=rate(ways[RAW_WAY]),
        bad=rate(ways[BAD_WAY]),
        aggregates=rate(ways[KPL_WAY]),
        naive=rate(ways[NAIVE]),
        one_core=wall(ways[PARSED_WAY]),
        two_cores=wall(ways[TWO_WAY]),
        four_shards=wall(growth[4]) / (4 * QUOTA_RECORDS),
        sustained=RATE * real.rows / (real.rows + real.behind),
        behind_s=real.behind / RATE,
        seen_60_s=real.seen_s[1],
        seen_5_s=short.seen_s[1],
        slope=real.slope if real.minutes >= LONG_MINUTES else None,
        worker_mib=max(one.worker_mib for one in own),
        coordinator_mib=max(one.coordinator_mib for one in own),
        restart_s=live.restart_s,
        commit_ms=live.commit_ms,
        commit_kb=live.commit_bytes / 1000,
    )


def backlogs(
    asked: argparse.Namespace, folder: Path, chosen: list[Way]
) -> tuple[dict[str, list[Cost]], dict[int, list[Cost]]]:
    """Costs by way, and by number of shards."""
    ways: dict[str, list[Cost]] = {way.name: [] for way in chosen}
    growth: dict[int, list[Cost]] = {1: [], 4: [], 16: [], 64: []}
    with versitygw.running(folder) as server:
        for _ in range(asked.runs):
            for way in random.sample(chosen, len(chosen)):
                ways[way.name].append(measure(way, SHARDS, asked.records, folder, server))
                print(f"  {way.name}: {ways[way.name][-1]}", file=sys.stderr, flush=True)
            for shards, found in growth.items() if asked.only in (None, "shards") else ():
                records = min(asked.records, int(shards * QUOTA_RECORDS * GROWTH_S))
                found.append(measure(WAYS[0], shards, records, folder, server))
                print(f"  {shards} shards: {found[-1]}", file=sys.stderr, flush=True)
    return ways, growth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--only", choices=("rates", "shards", "live"))
    parser.add_argument("--way", default="", help="only ways whose name has this")
    asked = parser.parse_args()
    os.sched_setaffinity(0, {FEED_CORE})  # and what it starts, the product apart
    folder = Path(tempfile.mkdtemp(prefix="lakeferry-bench-"))
    os.environ["AWS_CA_BUNDLE"] = self_signed(folder)[0]
    begun = time.monotonic()
    chosen = [one for one in WAYS if asked.way in one.name and asked.only in (None, "rates")]
    ways: dict[str, list[Cost]] = {}
    growth: dict[int, list[Cost]] = {}
    try:
        live = real_time(folder, asked.minutes) if asked.only in (None, "live") else None
        if asked.only != "live":
            ways, growth = backlogs(asked, folder, chosen)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    show(ways, growth, live, asked.records)
    if live is not None and len(ways) == len(WAYS):
        print()
        show_figures(measured(ways, growth, live))
        PLOT.write_text(drawn(ways, growth))
    print(f"\nLoad of the machine at the end: {os.getloadavg()[0]:.0f}; "
          f"all of it took {(time.monotonic() - begun) / 60:.0f} minutes.")  # fmt: skip


def show(
    ways: dict[str, list[Cost]],
    growth: dict[int, list[Cost]],
    live: RealTime | None,
    records: int,
) -> None:
    if ways:
        print(f"**{records:,} records of 588 bytes, {SHARDS} shards**\n")
        show_rates(ways)
    if any(growth.values()):
        show_shards(growth)
    if live is not None:
        print(f"\n**{RATE:,} records a second on {SHARDS} shards**\n")
        show_live([live.minute_flush, live.short_flush])
        print(f"\nRestart to the first commit: {live.restart_s:.2f} s. At 1,000 shards a commit "
              f"takes {live.commit_bytes:,} bytes, {live.commit_ms:.0f} ms of CPU.")  # fmt: skip


if __name__ == "__main__":
    main()
