"""Positions of an ingest from commit to commit: each follows the one before, and counts its rows.

What the history can show reaches back to the oldest commit of the log. Where positions lie in
files, those of the first commit and of the newest are kept: all between are judged together, for
they must not have moved by more records than workers read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import orjson
import pyarrow.compute as pc

from lakeferry.delta.commit_read import Commit, read_commits
from lakeferry.delta.snapshot import Snapshot
from lakeferry.delta.txn_files import app_id, domain, file_of
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.lineage import is_same_stream
from lakeferry.ingest.position.history import added, breaks
from lakeferry.ingest.position.state import (
    After,
    Ended,
    IngestState,
    Position,
    epoch_of,
)
from lakeferry.ingest.position.text import parse_state
from lakeferry.store.protocol import Store, read_all
from lakeferry.verify.findings import Findings

_COUNTS = "lakeferry."
MOST_SPANS = 200  # commits whose spans are held against their rows; of a thousand shards, 30 MB

# Of each shard: rows of a commit are of records behind the first number, up to the second one.
Spans = Mapping[str, tuple[int, int | None]]


@dataclass(frozen=True, slots=True)
class Step:
    """One commit of an ingest."""

    version: int
    epoch: int
    state: IngestState | None  # None: its file is not kept any more
    rows: int | None  # of its files, by their statistics; None: one has none
    counts: Mapping[str, int]  # what workers counted: records, rows, bad, doubles, out_of_range
    paths: tuple[str, ...]  # of its files, as logged


@dataclass(slots=True)
class History:
    """What the commits that are still there show together."""

    oldest_version: int | None = None  # of the log
    commits: int = 0  # of this ingest
    with_positions: int = 0
    from_the_start: bool = False  # epoch 0 is among them
    first_known: bool = False  # and its positions are kept
    counted: dict[str, int] = field(default_factory=dict)  # sums over its commits
    uncounted: int = 0  # commits with rows that say no counts
    changed_by_others: bool = False  # some commit removed rows
    made_anew: int = 0  # times that the stream was another from then on
    spans: dict[int, Spans] = field(default_factory=dict)  # version -> what its rows are of
    files: dict[str, int] = field(default_factory=dict)  # path, as logged -> one of these versions
    taken_over: bool = False  # it began where another consumer stood, whose rows may be here

    @property
    def is_whole(self) -> bool:
        """Whether all rows of its shards are of the commits that were seen."""
        return self.first_known and not (self.made_anew or self.taken_over)


@dataclass(slots=True)
class _Leap:
    """Commits since the last one whose positions are kept."""

    known: Step
    commits: int = 0
    records: int = 0  # that their workers read
    counted: bool = True  # all of them say so


def check_history(store: Store, snapshot: Snapshot, name: str, findings: Findings) -> History:
    """Judge each commit of an ingest against its predecessor, and its rows against its positions.

    Raises:
        FerryError: LF-7002 positions that cannot be read; a commit that cannot be read.
    """
    seen = History()
    before: Step | None = None
    leap: _Leap | None = None
    for commit in _commits(store, snapshot):
        seen.oldest_version = commit.version if seen.oldest_version is None else seen.oldest_version
        seen.changed_by_others |= _removes_rows(commit)
        step = _step(store, commit, name)
        if step is None:
            continue
        seen.commits += 1
        seen.with_positions += step.state is not None
        if step.epoch == 0:
            seen.from_the_start = True
            seen.first_known = step.state is not None
            places = step.state.shards.values() if step.state else ()
            seen.taken_over = any(isinstance(place, After | Ended) for place in places)
        seen.uncounted += bool(step.rows) and not step.counts
        for key, value in step.counts.items():
            seen.counted[key] = seen.counted.get(key, 0) + value
        if before is not None:
            _check_pair(before, step, seen, findings)
        if leap is not None:
            _check_leap(leap, step, seen, findings)
        if step.state is not None:
            leap = _Leap(step)
        _check_rows(step, findings)
        before = step
    return seen


def _commits(store: Store, snapshot: Snapshot) -> Iterator[Commit]:
    """Every commit that is left, as far as nothing is missing before the newest one."""
    here = snapshot.listing.commits
    first = snapshot.version
    while first - 1 in here:
        first -= 1
    if first in here:
        yield from read_commits(store, range(first, snapshot.version + 1))


def _removes_rows(commit: Commit) -> bool:
    return any(
        pc.any(pc.fill_null(batch.column("dataChange"), True)).as_py() for batch in commit.removes
    )


def _step(store: Store, commit: Commit, name: str) -> Step | None:
    txn, kept = commit.txns.get(app_id(name)), commit.domains.get(domain(name))
    if txn is None:
        return None
    state: IngestState | None
    if kept is not None and not kept.removed:
        state = parse_state(kept.configuration, f"{store.url}: version {commit.version}")
    else:
        state = _from_file(store, name, txn.version)
    info = commit.commit_info or {}
    told = info.get("operationMetrics") or {}
    counts = {
        key.removeprefix(_COUNTS): int(value)
        for key, value in told.items()
        if key.startswith(_COUNTS)
    }
    paths = [path for batch in commit.adds for path in batch.column("path").to_pylist()]
    epoch = epoch_of(txn.version)
    return Step(commit.version, epoch, state, _rows(commit), counts, tuple(paths))


def _from_file(store: Store, name: str, version: int) -> IngestState | None:
    path = file_of(name, version)
    try:
        return parse_state(read_all(store, path).decode(errors="replace"), f"{store.url}/{path}")
    except FileNotFoundError:
        return None


def _rows(commit: Commit) -> int | None:
    total = 0
    for batch in commit.adds:
        for stats in batch.column("stats").to_pylist():
            count = orjson.loads(stats).get("numRecords") if stats else None
            if count is None:
                return None
            total += count
    return total


def _check_pair(before: Step, step: Step, seen: History, findings: Findings) -> None:
    if step.epoch != before.epoch + 1:
        findings.add(
            "epoch",
            f"version {step.version} has epoch {step.epoch}, version {before.version} before it "
            f"has {before.epoch}",
        )
    if before.state is None or step.state is None:
        return
    if not is_same_stream(before.state.stream, step.state.stream):
        seen.made_anew += 1  # accepted by whoever runs it: other shards, other numbers
        return
    new_gaps = step.state.gaps[len(before.state.gaps) :]
    lost = {gap.shard_id for gap in new_gaps}
    for found in breaks(before.state, step.state):
        if found.shard_id not in lost and not (found.shard_id == "" and "epoch" in found.what):
            where = found.shard_id or "all shards"
            findings.add("positions", f"version {step.version}, {where}: {found.what}")
    _note_spans(before.state, step.state, step, seen)
    records = sum(added(before.state, step.state).values())
    told = step.counts.get("records")
    if told is not None and told != records:
        findings.add(
            "records",
            f"version {step.version} moves the positions by {records} records, its workers read "
            f"{told}",
        )


def _check_leap(leap: _Leap, step: Step, seen: History, findings: Findings) -> None:
    """A commit behind others whose positions are not kept, against the last one whose are."""
    leap.commits += 1
    leap.records += step.counts.get("records", 0)
    leap.counted &= bool(step.counts) or step.rows == 0
    before, after = leap.known.state, step.state
    if leap.commits == 1 or before is None or after is None:
        return
    if not is_same_stream(before.stream, after.stream):
        seen.made_anew += 1
        return
    # Shards that ended meanwhile may be forgotten, and were then read to their end.
    both = {shard: place for shard, place in before.shards.items() if shard in after.shards}
    earlier = replace(before, epoch=after.epoch - 1, shards=both)
    span = f"versions {leap.known.version} to {step.version}"
    lost = {gap.shard_id for gap in after.gaps if gap not in before.gaps}
    for found in breaks(earlier, after):
        if found.shard_id not in lost:
            findings.add("positions", f"{span}, {found.shard_id or 'all shards'}: {found.what}")
    moved = sum(added(before, after).values())
    if leap.counted and moved > leap.records:
        findings.add(
            "records",
            f"{span} move the positions by {moved} records, their workers read {leap.records}",
        )


def _note_spans(before: IngestState, after: IngestState, step: Step, seen: History) -> None:
    """Of the newest commits alone: memory must not grow with the history."""
    then = before.places
    seen.spans[step.version] = {
        shard_id: (_number(then.get(shard_id)), _last(place))
        for shard_id, place in after.shards.items()
    }
    seen.files |= dict.fromkeys(step.paths, step.version)
    if len(seen.spans) > MOST_SPANS:
        oldest = min(seen.spans)
        del seen.spans[oldest]
        seen.files = {path: at for path, at in seen.files.items() if at != oldest}


def _number(place: Position | None) -> int:
    """The record up to which a shard was read; -1: none was."""
    return int(place.sequence_number) if isinstance(place, After) else -1


def _last(place: Position) -> int | None:
    return None if isinstance(place, Ended) else _number(place)


def _check_rows(step: Step, findings: Findings) -> None:
    told = step.counts.get("rows")
    if told is not None and step.rows is not None and told != step.rows:
        findings.add(
            "records",
            f"version {step.version} has files of {step.rows} rows, its workers wrote {told}",
        )


def newest_positions(error: FerryError, findings: Findings) -> None:
    """Positions that are gone or unreadable are what is wrong, not an end of the verification."""
    findings.add("positions", f"{error.what}: {error.where}")
