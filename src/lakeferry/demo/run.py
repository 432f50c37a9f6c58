"""The main jobs, small: clone, mirror, kill, resume, change, clone again, prove; ingest a stream.

Every number is counted or timed in this run. The folder stays, to be looked at.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lakeferry.clone.report import CloneReport
from lakeferry.clone.run import clone
from lakeferry.delta.log import LOG
from lakeferry.demo import folder as kept
from lakeferry.demo import lakes, streaming
from lakeferry.demo.report import DemoReport, DemoStep, Measured, readme, results
from lakeferry.demo.streaming import must
from lakeferry.doctor import BLOCKER, examine
from lakeferry.errors import CODES
from lakeferry.events import Emit, Noted, silent
from lakeferry.ingest import events as ingest_events
from lakeferry.verify.report import VerifyReport
from lakeferry.verify.run import verify

KILL_S = 2  # how long the clone that is killed would take: at its own speed half way is a blink
_CHILD = "import sys; from lakeferry.demo.run import clone_slowly; clone_slowly(*sys.argv[1:])"
OnStep = Callable[[DemoStep], None]


@dataclass
class _Run:
    """The demo as it goes: where, since when, what was seen."""

    folder: Path
    on_step: OnStep
    started: float = field(default_factory=time.monotonic)
    steps: list[DemoStep] = field(default_factory=list)
    numbers: list[Measured] = field(default_factory=list)

    def source(self, name: str) -> str:
        return str(self.folder / kept.LAKE / name)

    def target(self, name: str) -> str:
        return str(self.folder / kept.CLONES / name)

    def step(self, name: str, text: str) -> None:
        done = DemoStep(name, time.monotonic() - self.started, text)
        self.steps.append(done)
        self.on_step(done)

    def measured(self, name: str, value: float, how: str, *, unit: str = "") -> None:
        self.numbers.append(Measured(name, value, unit, how))


def demo(
    folder: Path,
    *,
    emit: Emit = silent,
    fast: bool = False,
    on_step: OnStep | None = None,
    on_event: ingest_events.Emit = ingest_events.silent,
) -> DemoReport:
    """Run all of it; well under 2 minutes on two cores, without a network.

    Args:
        folder: made here; one that an earlier demo made is replaced, any other is refused.
        emit: called with a `Noted` for each step as it ends, unless `on_step` is given.
        fast: a smaller lake, and a shorter stream.
        on_step: called with each step as it ends.
        on_event: called with what the ingest tells: progress once a second, and commits.

    Raises:
        FerryError: LF-2001 the folder is not the demo's; LF-6001 a clone differs.
    """
    kept.prepare(folder)

    def told(step: DemoStep) -> None:
        emit(Noted(str(folder), step.text))

    run = _Run(folder, on_step or told)
    sizes = lakes.FAST if fast else lakes.FULL
    table, live = _make(run, sizes)
    _doctor(run)
    _first_clones(run)
    _kill_and_resume(run)
    _change_and_clone_again(run, table, live, sizes)
    _verify(run)
    _flip_a_byte(run)
    _ingest(run, streaming.FAST if fast else streaming.FULL, on_event)
    seconds = time.monotonic() - run.started
    run.measured("whole demo", seconds, "wall clock from first to last step", unit="s")
    report = DemoReport(folder, tuple(run.steps), tuple(run.numbers), seconds, fast)
    (folder / kept.README).write_text(readme(report))
    (folder / kept.RESULTS).write_text(results(report))
    return report


def _make(run: _Run, sizes: lakes.Sizes) -> tuple[lakes.Table, list[lakes.DataFile]]:
    table, live = lakes.make_orders(Path(run.source("orders")), sizes)
    lakes.make_clicks(Path(run.source("clicks")), sizes)
    lakes.make_readings(Path(run.source("readings")), sizes)
    found = [path for path in (run.folder / kept.LAKE).rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in found)
    how = "counted on disk after the lake was written"
    run.measured("files of the lake", len(found), how)
    run.measured("bytes of the lake", size, how, unit="bytes")
    run.step(
        "lake",
        f"a lake on this machine: 3 Delta tables, {len(found):,} files, {size / 1e6:.1f} MB, with "
        "partitions, deletion vectors, a constraint, tags, a domain, txn, COPY INTO state",
    )
    return table, live


def _doctor(run: _Run) -> None:
    checks = examine(run.source("orders"), run.target("orders"))
    blockers = sum(check.outcome == BLOCKER for check in checks)
    run.measured("trials of doctor", len(checks), "checks that `doctor.examine` returned")
    run.measured("blockers of doctor", blockers, "those of them with outcome `blocker`")
    race = next(check for check in checks if check.name == "put-if-absent")
    run.step(
        "doctor", f"doctor: {len(checks)} trials, {blockers} blockers; two writers: {race.what}"
    )


def _first_clones(run: _Run) -> None:
    orders = clone(run.source("orders"), run.target("orders"))
    _counted(run, "first clone of orders", orders)
    must(lakes.COPY_INTO_STATE in orders.extras, "COPY INTO state was not carried")
    apps = ", ".join(f"{app} = {version}" for app, version in orders.txns.items())
    run.step(
        "clone",
        f"clone orders (snapshot): {_moved(orders)}; kept {orders.vectors} deletion vectors, "
        f"txn {apps}, COPY INTO state",
    )
    clicks = clone(run.source("clicks"), run.target("clicks"), mode="mirror")
    _counted(run, "mirror of clicks", clicks)
    same = _equal_commits(run.source("clicks"), run.target("clicks"))
    run.measured(
        "commits of the mirror equal byte for byte", same, "each `N.json` of both sides compared"
    )
    must(same == clicks.source_version + 1, "a commit of the mirror differs")
    run.step(
        "mirror",
        f"clone clicks (mirror): {_moved(clicks)}; {same} commits equal byte for byte, "
        "so its streams go on",
    )


def _kill_and_resume(run: _Run) -> None:
    source, target = run.source("readings"), Path(run.target("readings"))
    total = len(list(Path(source).glob("*.parquet")))
    _kill_at(source, str(target), total // 2)
    before = _identities(target)
    readable = (target / LOG / f"{0:020d}.json").exists()
    must(not readable, "a killed clone made its commit before its files")
    report = clone(source, str(target))
    after = _identities(target)
    twice = sum(after[key] != mark for key, mark in before.items())
    _counted(run, "resumed clone of readings", report)
    run.measured("files there when killed", len(before), "data files at the target after SIGKILL")
    run.measured(
        "files copied twice", twice, "of those, how many have another inode or time afterwards"
    )
    must(report.files_present == len(before), "a file that was there was not used")
    must(twice == 0 and len(after) == total, "the resumed clone copied a file twice or lost one")
    run.step(
        "kill",
        f"clone readings: killed (SIGKILL) with {len(before)} of {total} files there, then "
        f"resumed: {report.files_copied} copied, {twice} of them twice",
    )


def clone_slowly(source: str, target: str, bytes_a_second: str) -> None:
    """The process that is killed: a clone that takes long enough to be met half way."""
    clone(source, target, limit_bytes_per_s=float(bytes_a_second))


def _kill_at(source: str, target: str, count: int) -> None:
    """Clone in another process; SIGKILL it as soon as `count` files are there."""
    whole = sum(path.stat().st_size for path in Path(source).glob("*.parquet"))
    command = [sys.executable, "-c", _CHILD, source, target, str(whole / KILL_S)]
    # In a group of its own: a Ctrl-C is for this process, which then kills that one.
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0) as child:
        try:
            while child.poll() is None and len(_identities(Path(target))) < count:
                time.sleep(0.002)
        finally:
            child.kill()
    must(child.returncode == -signal.SIGKILL, f"the clone ended by itself: {child.returncode}")


def _identities(table: Path) -> dict[str, tuple[int, int]]:
    """What tells a file from one that was written again under its name."""
    return {
        path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in table.glob("*.parquet")
    }


def _change_and_clone_again(
    run: _Run, table: lakes.Table, live: list[lakes.DataFile], sizes: lakes.Sizes
) -> None:
    expected = lakes.change_orders(table, live, sizes)
    again = clone(run.source("orders"), run.target("orders"))
    _counted(run, "second clone of orders", again)
    must(again.files_copied == expected, "more or less than the change moved")
    share = 100 * again.bytes_copied / again.source_table_size
    run.measured(
        "share of the table that moved again", share,
        "bytes copied / bytes of the table's live files", unit="%",
    )  # fmt: skip
    run.step(
        "change",
        f"orders got {len(lakes.REGIONS)} files, lost rows in one and another whole; cloned again: "
        f"{_moved(again)}, {share:.1f} % of the table",
    )
    idle = clone(run.source("orders"), run.target("orders"))
    must(idle.up_to_date and idle.commits == 0, "nothing was new, yet something was done")
    run.measured("clone with nothing new", idle.seconds, "`CloneReport.seconds`", unit="s")
    run.step("again", f"and once more: up to date in {idle.seconds * 1000:,.1f} ms, no commit made")


def _verify(run: _Run) -> None:
    rows = 0
    for name in ("orders", "clicks", "readings"):
        report = verify(run.source(name), run.target(name), strength="rows").raise_for_difference()
        must(report.rows is not None and report.source_digest == report.target_digest, name)
        rows += report.rows or 0
        run.measured(
            f"rows of {name} verified", report.rows or 0,
            f"verify --strength rows: digest {report.source_digest} of both sides",
        )  # fmt: skip
    run.step("verify", f"verify --strength rows: 3 clones equal their sources, {rows:,} rows")


def _flip_a_byte(run: _Run) -> None:
    path = min(Path(run.target("readings")).glob("*.parquet"))
    at = path.stat().st_size // 2
    _flip(path, at)
    found = _hashed(run)
    _flip(path, at)
    mended = _hashed(run)
    named = sum(
        finding.path is not None and path.name in finding.path for finding in found.findings
    )
    how = "verify --strength hashed after one bit of one byte was turned"
    run.measured("differences found", len(found.findings), how)
    run.measured("of these, naming the file", named, "findings whose path is the file's")
    must(not found.equal and named > 0, "the flipped byte was not found")
    must(mended.equal, "a difference was found after the byte was flipped back")
    run.step(
        "flip",
        f"one byte of {path.stat().st_size:,} flipped in readings: found, its file named "
        f"(exit {CODES['LF-6001'].exit_code}); flipped back: equal again",
    )


def _ingest(run: _Run, flow: streaming.Flow, on_event: ingest_events.Emit) -> None:
    table = run.folder / kept.REQUESTS
    done = streaming.stream_into(table, flow, on_event)
    share = done.records_per_s / streaming.BILLION_A_DAY
    again = done.served - done.committed
    run.measured("requests of the stream", flow.total, "records that its shards were made with")
    how = "rows of the table after the ingest and its workers got SIGKILL"
    run.measured("requests committed when killed", done.committed, how)
    how = "records that the stream had served by then, less these"
    run.measured("requests read and not committed when killed", again, how)
    how = "wall clock from the first start to the end of the second, with the kill between"
    run.measured("ingest: time", done.seconds, how, unit="s")
    run.measured("ingest: rate", done.records_per_s, "requests / this time", unit="a second")
    how = "as it told, of the last seconds; the highest"
    run.measured("ingest: rate while it read", done.most_records_per_s, how, unit="a second")
    how = "the rate / (10^9 / 86,400 s)"
    run.measured("ingest: times a billion a day", share, how)
    run.step(
        "ingest",
        f"ingest: {flow.total:,} requests of {flow.shards} shards, parsed by a schema; one shard "
        f"split amid; killed (SIGKILL) with {done.committed:,} committed and {again:,} more read, "
        f"resumed: {done.records_per_s:,.0f} a second, all in: ×{share:.1f} of a billion a day",
    )
    _count(run, done)


def _count(run: _Run, done: streaming.Streamed) -> None:
    seen, proof, total = done.counted, done.proof, done.flow.total
    how = "each row's `event_id`, read by pyarrow alone, beside those that the stream made"
    run.measured("requests counted", seen.rows, how)
    run.measured("gaps", seen.gaps, f"{how}: those without a row")
    run.measured("doubles", seen.doubles, f"{how}: rows beyond the first")
    how = "`lakeferry verify TABLE --offsets`"
    found = len(proof.findings)
    run.measured("findings of the positions", found, how)
    [ingest] = proof.ingests
    run.measured("requests by positions", ingest.records, f"{how}: what they count")
    must(seen.rows == total and not seen.strangers, "rows are not the stream's records")
    must(seen.gaps == seen.doubles == 0, "a request is missing, or there twice")
    must(proof.right and ingest.records == proof.records == total, "positions do not hold")
    run.step(
        "count",
        f"counted by another reader: {seen.rows:,} rows in {seen.files:,} files, {seen.gaps} gaps, "
        f"{seen.doubles} doubles; verify --offsets: {ingest.shards} shards, {ingest.commits} "
        f"commits, {found} findings",
    )


def _hashed(run: _Run) -> VerifyReport:
    return verify(run.source("readings"), run.target("readings"), strength="hashed")


def _flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def _equal_commits(source: str, target: str) -> int:
    ours = sorted(Path(target, LOG).glob("*.json"))
    return sum(
        commit.read_bytes() == Path(source, LOG, commit.name).read_bytes() for commit in ours
    )


def _counted(run: _Run, name: str, report: CloneReport) -> None:
    how = "`CloneReport` of `lakeferry.clone`"
    run.measured(f"{name}: files copied", report.files_copied, how)
    run.measured(f"{name}: bytes copied", report.bytes_copied, how, unit="bytes")
    run.measured(f"{name}: time", report.seconds, f"{how}, wall clock", unit="s")


def _moved(report: CloneReport) -> str:
    size = report.bytes_copied / 1e6
    return f"{report.files_copied:,} files, {size:.1f} MB in {report.seconds * 1000:,.0f} ms"
