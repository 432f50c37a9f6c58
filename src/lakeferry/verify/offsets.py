"""Prove of a table that an ingest fills that nothing is missing and nothing came twice.

Two proofs that know nothing of each other: the positions of the commits that are still there, each
against its predecessor; and every row of the table, by where it says that it comes from.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import orjson
import pyarrow as pa

from lakeferry.delta.files import WrittenSince
from lakeferry.delta.log import list_log, told_from_nowhere
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.delta.txn_files import folder_of, ingest_of
from lakeferry.errors import FerryError
from lakeferry.events import Checked, Emit, silent
from lakeferry.ingest.payload.rows import QUARANTINE_SCHEMA
from lakeferry.ingest.position.state import After, FromTime, FromTrimHorizon, Gap, IngestState
from lakeferry.ingest.table.state_store import find_state
from lakeferry.store.open import NO_OPTIONS, open_store
from lakeferry.store.protocol import Store
from lakeferry.verify.findings import Findings
from lakeferry.verify.offset_history import History, check_history, newest_positions
from lakeferry.verify.offset_rows import Bounds, Ledger, Origin, RowsSeen, origin_of, unpadded
from lakeferry.verify.read_rows import live_files, logical_schema, row_reader
from lakeferry.verify.report import Finding

# What each check looks at, told where it finds nothing.
CHECKS = {
    "epoch": "each commit of the ingest follows the one before",
    "positions": "no shard goes back or leaves out a record",
    "records": "as many were committed as positions moved by",
    "rows": "no record is there twice, none is missing as far as rows tell",
}
_FOLDER = folder_of("")


@dataclass(frozen=True, slots=True)
class IngestProof:
    """What was seen of one ingest."""

    name: str
    stream: str
    epoch: int
    shards: int  # with a position
    records: int  # of Kinesis, that the positions count
    commits: int  # of it, that are still in the log
    with_positions: int  # of these, whose positions are kept
    gaps: tuple[Gap, ...]  # accepted


@dataclass(frozen=True, slots=True)
class OffsetsReport:
    """What a verification of positions found."""

    table: str
    version: int
    right: bool
    ingests: tuple[IngestProof, ...]
    rows: int | None  # looked at one by one; None: they do not say where they come from
    records: int | None  # different sequence numbers among them
    strangers: int  # rows of other writers
    not_seen: tuple[str, ...]
    findings: tuple[Finding, ...]  # at most 100 of each check
    seconds: float


@dataclass(slots=True)
class _Seen:
    """While it goes on."""

    findings: Findings = field(default_factory=Findings)
    states: dict[str, IngestState] = field(default_factory=dict)
    histories: dict[str, History] = field(default_factory=dict)
    not_seen: list[str] = field(default_factory=list)


def verify_offsets(
    table: str,
    *,
    name: str | None = None,
    since_ms: int | None = None,
    options: Mapping[str, str] = NO_OPTIONS,
    on_event: Emit = silent,
) -> OffsetsReport:
    """Verify the positions and rows of the ingests of a table, one of bad records, too.

    Args:
        table: its address.
        name: of one ingest; None: all that the table has.
        since_ms: look at rows of files that were written from then on, since the epoch; None: at
            all. Positions are judged as ever.
        options: of the table's store.

    Raises:
        FerryError: LF-7049 the table has no positions of an ingest; it cannot be read.
    """
    started = time.monotonic()
    store = open_store(table, options)
    try:
        snapshot = read_snapshot(store, listing=list_log(store))
    except FerryError as error:
        raise told_from_nowhere(store, error) from None
    all_names = _names(store, snapshot)
    names = all_names if name is None else [name]
    if not set(names) & set(all_names):
        raise _none_here(store.url, name)
    seen = _Seen()
    for each in names:
        _check_positions(store, snapshot, each, seen)
    _tell(on_event, store.url, seen.findings, ("epoch", "positions", "records"))
    rows = _check_rows(store, snapshot, seen, since_ms=since_ms, several=len(all_names) > 1)
    if rows is not None:
        _tell(on_event, store.url, seen.findings, ("rows",))
    found = seen.findings.finish()
    return OffsetsReport(
        store.url,
        snapshot.version,
        not found,
        tuple(_proof(each, seen) for each in names if each in seen.states),
        None if rows is None else sum(shard.rows for shard in rows.shards.values()),
        None if rows is None else sum(shard.records for shard in rows.shards.values()),
        rows.strangers if rows else 0,
        tuple(seen.not_seen),
        found,
        time.monotonic() - started,
    )


def _names(store: Store, snapshot: Snapshot) -> list[str]:
    """Ingests by their `txn`s, and by what lies beside the log."""
    by_txn = {ingest_of(app) for app in snapshot.txns}
    by_file = {meta.path[len(_FOLDER) :].partition("/")[0] for meta in store.list(_FOLDER[:-1])}
    return sorted(name for name in by_txn | by_file if name)


def _none_here(url: str, name: str | None) -> FerryError:
    which = "an ingest" if name is None else f"the ingest `{name}`"
    return FerryError(
        "LF-7049",
        f"the table has no positions of {which}",
        url,
        "name a table that `lakeferry ingest` fills; a clone is verified with its source: "
        "`lakeferry verify SOURCE TARGET`",
    )


def _tell(emit: Emit, url: str, findings: Findings, checks: Sequence[str]) -> None:
    for check in checks:
        count = findings.count(check)
        told = f"{count:,} finding{'s' if count > 1 else ''}" if count else CHECKS[check]
        emit(Checked(url, "offsets", check, count == 0, told))


# --- positions ------------------------------------------------------------------------------


def _check_positions(store: Store, snapshot: Snapshot, name: str, seen: _Seen) -> None:
    try:
        found = find_state(store, snapshot.txns, snapshot.domains, name)
    except FerryError as error:
        newest_positions(error, seen.findings)
        return
    if found is None:  # a file of a first commit that was never made
        return
    seen.states[name] = found.state
    history = check_history(store, snapshot, name, seen.findings)
    seen.histories[name] = history
    if not history.from_the_start:
        seen.not_seen.append(
            f"`{name}`: commits before version {history.oldest_version}, which the log has no more"
        )
    if history.with_positions < history.commits:
        seen.not_seen.append(
            f"`{name}`: positions of {history.commits - history.with_positions} older commits one "
            "by one, whose files are not kept"
            + ("; they were judged together" if history.first_known else "")
        )


def _proof(name: str, seen: _Seen) -> IngestProof:
    state, history = seen.states[name], seen.histories[name]
    return IngestProof(
        name,
        state.stream.name,
        state.epoch,
        len(state.shards),
        _counted(state),
        history.commits,
        history.with_positions,
        state.gaps,
    )


def _counted(state: IngestState) -> int:
    places = state.shards.values()
    return sum(0 if isinstance(one, FromTrimHorizon | FromTime) else one.records for one in places)


# --- rows -----------------------------------------------------------------------------------


def _check_rows(
    store: Store, snapshot: Snapshot, seen: _Seen, *, since_ms: int | None, several: bool
) -> RowsSeen | None:
    names = logical_schema(snapshot).names
    origin = origin_of(names, several=several)
    of_bad = set(QUARANTINE_SCHEMA.names) <= set(names)
    streams = [state.stream.name for state in seen.states.values()]
    if of_bad and several and len(set(streams)) < max(2, len(streams)):
        seen.not_seen.append(
            "rows: several ingests of one stream put bad records here, and rows do not say which"
        )
        return None
    if origin is None:
        why = "more than one ingest fills the table, and" if several else "its columns"
        seen.not_seen.append(f"rows: {why} do not say which stream, shard and record each is of")
        return None
    if since_ms is not None:
        snapshot = replace(snapshot, files=WrittenSince(snapshot.files, since_ms))
    ledger = Ledger(origin, _row_count(snapshot))
    for path, batch in _rows_of_files(store, snapshot, origin):
        bounds = ledger.add(batch)
        for name, history in seen.histories.items():
            if path in history.files:
                version = history.files[path]
                _check_span(name, history, version, bounds, seen.findings, of_bad=of_bad)
    rows = ledger.finish(_rows(store, snapshot, origin))
    for place in rows.named:
        seen.findings.add("rows", f"twice: {place}")
    seen.findings.add_more("rows", max(0, rows.doubles - len(rows.named)))
    for name, state in seen.states.items():
        _check_bounds(name, state, rows, seen, several=several)
    if since_ms is not None:
        since = datetime.fromtimestamp(since_ms // 1000, UTC).isoformat().replace("+00:00", "Z")
        seen.not_seen.append(f"rows of files that were written before {since}")
    elif len(seen.states) == 1 and not several:
        [(name, state)] = seen.states.items()
        if of_bad:
            seen.not_seen.append(
                f"`{name}`: whether a bad record is missing; the table of the other records counts "
                "them"
            )
        else:
            _check_count(name, state, rows, seen)
    return rows


def _row_count(snapshot: Snapshot) -> int:
    """By statistics; of a file without any, more than it may have."""
    total = 0
    for batch in snapshot.files.batches(["size", "stats"]):
        for size, stats in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            count = orjson.loads(stats).get("numRecords") if stats else None
            total += (size or 0) // 8 if count is None else count
    return total


def _rows_of_files(
    store: Store, snapshot: Snapshot, origin: Origin
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """All rows, each with the path of its file as logged."""
    reader = row_reader(store, snapshot, columns=origin.columns)
    for file in live_files(snapshot):
        for batch in reader.read(file):
            yield file.path, batch.select(origin.columns)


def _rows(store: Store, snapshot: Snapshot, origin: Origin) -> Iterator[pa.RecordBatch]:
    return (batch for _, batch in _rows_of_files(store, snapshot, origin))


def _check_span(
    name: str, history: History, version: int, bounds: Bounds, findings: Findings, *, of_bad: bool
) -> None:
    """Rows of one commit are of the records that it moved the positions by.

    Args:
        of_bad: bad ones, which are committed before the others. If the table's rules change, or the
            table is made anew, they are read again, and what was good by then may come later.
    """
    spans = history.spans[version]
    for (_, shard_id), (lowest, highest) in sorted(bounds.items()):
        after, last = spans.get(shard_id, (-1, None))
        after = -1 if of_bad else after
        if int(lowest) > after and (last is None or int(highest) <= last):
            continue
        findings.add(
            "rows",
            f"`{name}`, version {version}, {shard_id}: rows of records {unpadded(lowest)} to "
            f"{unpadded(highest)}, though it reads behind {max(after, 0)} "
            f"{'to the end' if last is None else f'up to {last}'}",
        )


def _check_bounds(
    name: str, state: IngestState, rows: RowsSeen, seen: _Seen, *, several: bool
) -> None:
    """No row may be of a record behind the position; it would be read once more."""
    for (stream, shard_id), shard in sorted(rows.shards.items()):
        if several and stream not in (state.stream.name, state.stream.arn):
            continue
        match state.shards.get(shard_id):
            case After(number) if int(shard.highest) > int(number):
                seen.findings.add(
                    "rows",
                    f"`{name}`, {shard_id}: a row of record {unpadded(shard.highest)}, though the "
                    f"table stands at {number}",
                )
            case FromTrimHorizon() | FromTime() if seen.histories[name].is_whole:
                seen.findings.add(
                    "rows", f"`{name}`, {shard_id}: {shard.rows} rows, though none was read of it"
                )


def _check_count(name: str, state: IngestState, rows: RowsSeen, seen: _Seen) -> None:
    """Each record that the positions count has a row, or a reason why not."""
    history = seen.histories[name]
    told = history.counted
    excused = sum(told.get(key, 0) for key in ("bad", "doubles", "out_of_range"))
    for shard_id, place in sorted(state.shards.items()):
        there = rows.shards.get(("", shard_id))
        have = there.records if there else 0
        count = 0 if isinstance(place, FromTrimHorizon | FromTime) else place.records
        if have > count and history.is_whole:
            seen.findings.add(
                "rows", f"`{name}`, {shard_id}: rows of {have} records, {count} were read"
            )
    if not history.is_whole or history.uncounted or history.changed_by_others:
        why = "the history does not reach back to the start"
        if history.is_whole:
            why = "rows were removed since" if history.changed_by_others else "it was not counted"
        seen.not_seen.append(f"`{name}`: whether each record has a row; {why}")
        return
    read, have = told.get("records", 0), sum(shard.records for shard in rows.shards.values())
    if read - have > excused:
        seen.findings.add(
            "rows",
            f"`{name}`: {read} records were read, {have} have rows, and {excused} were bad, "
            "doubles or of another shard: some are missing",
        )
