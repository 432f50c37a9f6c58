"""Tables of the ledger and what a look at them found -> what a sync would do with each. Pure.

Nothing is ever deleted or overwritten at a target: to remove a file from a table's state is part of
an increment.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from lakeferry.fleet.manifest.facts import parts_of
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.gone import GONE, gone, is_gone, waits_for_a_person, why_gone
from lakeferry.fleet.planning.planned import Action, Fault, PlannedTable, Seen
from lakeferry.fleet.standing.late import LATE
from lakeferry.fleet.standing.states import OUT_OF_SCOPE, has_no_place
from lakeferry.ledger.rows import LakeTable, Work

REQUEST_BYTES = 8 << 20  # of one ranged read, and of one part: `store.ranges`, `store.objects`
MOVED_KINDS = frozenset({"delta", "parquet", "folder"})
# What a person answers with --replace, or with another layout.
_DECIDE = frozenset({"LF-5002", "LF-5005"})
_DRIFTED = frozenset({"LF-4104", "LF-4105", "LF-4106", "LF-5003", LATE})


def planned(
    wanted: Migration, tables: Iterable[LakeTable], seen: Mapping[str, Seen]
) -> tuple[PlannedTable, ...]:
    """One line for each table that is in scope, by wave and name.

    Args:
        tables: those that are meant.
        seen: what a look found, by the target's address. Of kinds that are not moved there is none.
    """
    lines = [
        _line(wanted, table, seen[table.target_url])
        for table in tables
        if table.state not in OUT_OF_SCOPE and table.target_url in seen
    ]
    return tuple(sorted(lines, key=lambda one: (one.wave, one.name)))


def work_of(lines: Iterable[PlannedTable]) -> tuple[Work, ...]:
    """What the ledger keeps of a plan."""
    return tuple(Work(one.target_url, one.bytes, one.files, one.requests) for one in lines)


def requests_of(size: int, files: int) -> int:
    """GETs, or PUTs, of so many bytes in so many files; of their sizes nothing else is known.

    Exact for one file. The last request of a file carries half of one on average, so of many files
    that much is taken off.
    """
    return files + max(0, size // REQUEST_BYTES - files // 2)


def seen_again(table: LakeTable, seen: Seen, *, now_ms: int) -> LakeTable:
    """The table as the ledger shall know it after the look."""
    if seen.source_version is None:
        return table
    size, files = (table.bytes, table.files) if seen.live is None else seen.live
    is_behind = table.held_version is not None and not seen.is_current
    return table._replace(
        source_version=seen.source_version,
        source_id=seen.source_id or table.source_id,
        bytes=size,
        files=files,
        protocol=seen.protocol or table.protocol,
        schema_sha256=seen.schema_sha256 or table.schema_sha256,
        retention_s=table.retention_s if seen.retention_s is None else seen.retention_s,
        looked_at_ms=now_ms,
        behind_since_ms=(table.behind_since_ms or now_ms) if is_behind else None,
    )


def _line(wanted: Migration, table: LakeTable, seen: Seen) -> PlannedTable:
    source = wanted.sources[table.source]
    options = source.options_of(*parts_of(table), table.path)
    size, files = (table.bytes, table.files) if seen.live is None else seen.live
    action, fault = _action(table, seen)
    line = PlannedTable(
        target_url=table.target_url, name=table.name, source=table.source,
        source_url=table.source_url, kind=table.kind, wave=options.wave, route=source.path,
        mode=options.mode, action=action, state=table.state,
        storage_class=wanted.storage_class(options) or "", cold=seen.cold,
        source_id=seen.source_id or table.source_id,
        source_version=seen.source_version, held_version=seen.held_version,
        target_version=seen.target_version, live_bytes=size, live_files=files,
        protocol=seen.protocol or table.protocol,
        schema_sha256=seen.schema_sha256 or table.schema_sha256,
        retention_s=table.retention_s if seen.retention_s is None else seen.retention_s,
        job=seen.job,
    )  # fmt: skip
    if fault is not None:
        return replace(line, code=fault.code, why=_told(fault), next_step=fault.next_step)
    line = replace(line, why=_why(table, seen, action))
    if is_gone(table, seen):
        line = replace(line, code=GONE, next_step=gone(table).next_step)
    if action == "copy" and seen.work is None:
        requests = requests_of(size, files)
        return replace(line, bytes=size, files=files, requests=requests, added=files)
    if action in ("copy", "increment") and seen.work is not None:
        work = seen.work
        requests = requests_of(work.bytes, work.files)
        return replace(line, **work._asdict(), requests=requests)
    return line


def _why(table: LakeTable, seen: Seen, action: Action) -> str:
    """Why it is done, or left, where nothing is wrong."""
    if table.state == "cut_over":
        return "it is cut over: its source no longer counts"
    held, newest = seen.held_version, seen.source_version
    match action:
        case "copy" if is_gone(table, seen):
            return why_gone(table)
        case "copy":
            return "nothing of it lies at the target"
        case "increment" if held == newest:
            return f"files of version {newest} are still to be brought"
        case "increment":
            return f"the target holds version {held}, the source is at {newest}"
        case _:
            return f"the target holds version {newest}, the newest"


def _action(table: LakeTable, seen: Seen) -> tuple[Action, Fault | None]:
    if table.state == "cut_over" and (seen.fault is None or seen.fault.code != LATE):
        return "keep", None
    if seen.fault is not None:
        return _aside(seen.fault.code), seen.fault
    is_gainsaid = seen.is_judged or seen.is_current
    if has_no_place(table) or (waits_for_a_person(table) and not is_gainsaid):
        # Nothing was read that could gainsay what was found before.
        known = Fault(table.code, table.why, "", table.next_step)
        return ("drifted" if table.state == "drifted" else _aside(table.code)), known
    if seen.is_current:
        return "keep", None
    return ("copy" if seen.held_version is None else "increment"), None


def _aside(code: str) -> Action:
    if code in _DECIDE:
        return "decide"
    return "drifted" if code in _DRIFTED else "blocked"


def _told(fault: Fault) -> str:
    return f"{fault.what}: {fault.where}" if fault.where else fault.what
