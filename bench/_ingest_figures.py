"""What was measured of an ingest beside what it must reach and what it aims at, as one table."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table: a bound, an aim, and what was measured."""

    what: str
    must: float
    aim: float
    found: float
    unit: str = ""
    least: bool = False  # the bound is a least one

    @property
    def verdict(self) -> str:
        if self.reaches(self.aim):
            return "aim reached"
        return "reached" if self.reaches(self.must) else "**missed**"

    def reaches(self, bound: float) -> bool:
        return self.found >= bound if self.least else self.found <= bound


@dataclass(frozen=True)
class Measured:
    """All that the table needs; rates in records, times in seconds."""

    # Records a CPU second: of ways to read a backlog.
    parsed: float
    raw: float
    bad: float
    aggregates: float
    naive: float
    # Records a second of wall time, of a backlog.
    one_core: float
    two_cores: float
    four_shards: float  # part of the quota of four shards
    # In real time.
    sustained: float  # records a second
    behind_s: float  # how far it is behind at the end
    seen_60_s: float  # 99th percentile, with `--flush 60s`
    seen_5_s: float
    slope: float | None  # MiB a minute; None: too short a run to tell
    # The most of all runs, aggregates and S3 among them.
    worker_mib: float
    coordinator_mib: float
    restart_s: float
    commit_ms: float
    commit_kb: float


def figures(one: Measured) -> Iterator[Figure]:
    """Bounds and aims are for two quiet cores, of which the product has one."""
    rate = "/s"
    yield Figure("In real time, one core", 0.99 * 57_870, 0.99 * 57_870, one.sustained, rate, True)
    yield Figure("Behind at the end of that", 5, 2, one.behind_s, " s")
    yield Figure("A backlog, one core", 57_870, 100_000, one.one_core, rate, True)
    yield Figure("A backlog, two cores, the feed on them", 57_870, 160_000, one.two_cores, rate,
                 True)  # fmt: skip
    yield Figure("CPU a record, parsed", 8, 6, 1e6 / one.parsed, " µs")
    yield Figure("CPU a record, raw", 4, 3, 1e6 / one.raw, " µs")
    yield Figure("Records a CPU second, times the naive loop", 4.5, 6, one.parsed / one.naive,
                 "", True)  # fmt: skip
    yield Figure("1 % bad records, part of the clean rate", 0.5, 0.8, one.bad / one.parsed, "",
                 True)  # fmt: skip
    yield Figure("KPL aggregates, user records a CPU second", 57_870, 57_870, one.aggregates, rate,
                 True)  # fmt: skip
    yield Figure("Memory of a worker, at most", 384, 192, one.worker_mib, " MiB")
    yield Figure("Memory of the coordinator, at most", 256, 128, one.coordinator_mib, " MiB")
    if one.slope is not None:
        yield Figure("Growth of a worker, a minute", 1, 0.5, one.slope, " MiB")
    yield Figure("Seen after, p99, flush 60 s", 70, 63, one.seen_60_s, " s")
    yield Figure("Seen after, p99, flush 5 s", 15, 8, one.seen_5_s, " s")
    yield Figure("Restart to the first commit, less the flush", 5, 2, one.restart_s, " s")
    yield Figure("CPU of a commit at 1,000 shards", 100, 50, one.commit_ms, " ms")
    yield Figure("Size of a commit at 1,000 shards", 150, 75, one.commit_kb, " kB")
    yield Figure("Catch-up with its start, part of 4 shards' quota", 0.8, 0.9, one.four_shards, "",
                 True)  # fmt: skip


def show_figures(one: Measured) -> None:
    print("| figure | must | aim | measured | |\n|---|---:|---:|---:|---|")
    for figure in figures(one):
        sign, unit = ("≥" if figure.least else "≤"), figure.unit
        must, aim, found = (_told(value) for value in (figure.must, figure.aim, figure.found))
        print(f"| {figure.what} | {sign} {must}{unit} | {sign} {aim}{unit} | {found}{unit} "
              f"| {figure.verdict} |")  # fmt: skip


def _told(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
