"""A look at one table of a migration: its source's newest version, and what its target holds.

Nothing is written. Where nothing lies at the target and the source has not moved on since it was
last seen, two listings tell all; else the clone's own planning counts what would move.
"""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import orjson

from lakeferry.clone.mirror_clone import clone_mirror
from lakeferry.clone.places import open_places, refuse_overlap
from lakeferry.clone.plan import count
from lakeferry.clone.record import MIRROR
from lakeferry.clone.report import CloneRequest
from lakeferry.clone.snapshot_clone import clone_snapshot
from lakeferry.clone.surroundings import Done, Surroundings
from lakeferry.delta.actions import Metadata, Protocol
from lakeferry.delta.checkpoint_write import duration_ms
from lakeferry.delta.log import LogListing, head_version, list_log, told_from_nowhere
from lakeferry.delta.snapshot import Snapshot
from lakeferry.errors import FerryError
from lakeferry.events import silent
from lakeferry.fleet.discovery.found import Remark
from lakeferry.fleet.discovery.head_facts import WEEK_S
from lakeferry.fleet.discovery.read_head import read_head
from lakeferry.fleet.flaw import flaw_of
from lakeferry.fleet.manifest.facts import parts_of
from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.planning.archived import archive_fault, cold_of
from lakeferry.fleet.planning.drift import refuse_drift
from lakeferry.fleet.planning.planned import Counted, Fault, Seen
from lakeferry.fleet.planning.switched import look_at_switched
from lakeferry.fleet.proof.in_use import refuse_in_use
from lakeferry.fleet.sync.beside_delta import beside_of, look_beside
from lakeferry.fleet.sync.outcome import next_step_of
from lakeferry.fleet.sync.published import allowed, refuse_hidden, refuse_unpublished
from lakeferry.ledger.rows import LakeTable
from lakeferry.ledger.write import now_ms
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store

_RETENTION = "delta.deletedFileRetentionDuration"
_HEAD_BYTES = 64 << 10  # of a commit; `commitInfo` stands first in what Spark writes


class _Facts(NamedTuple):
    """What a snapshot says that a plan is held to."""

    source_id: str
    protocol: str
    schema_sha256: str
    retention_s: int


def look(wanted: Migration, table: LakeTable, every: Iterable[LakeTable] = ()) -> Seen:
    """Look at one table. What is wrong with it is a value: it stops no other table.

    `every`: all tables of the ledger, of which some may lie below a folder.
    """
    try:
        if table.state == "cut_over":
            return look_at_switched(wanted, table, every)
        seen = _look(wanted, table, every)
        if seen.is_current:
            return seen
        cold = cold_of(wanted, table)
        fault = archive_fault(cold, table.source_url, wanted.archive_usd_per_gb)
        return replace(seen, cold=cold, fault=seen.fault or fault)
    except FerryError as refused:
        error, step = refused, next_step_of(refused, table.name)
    except Exception as flaw:  # noqa: BLE001 - one table's trouble is no other's
        name = typed(table.name)
        step = f"report it; the others are planned. See it alone: lakeferry plan -s {name}"
        error = flaw_of(flaw, table.source_url, step)
    fault = Fault(error.code, error.what, error.where, step)
    return Seen(table.target_url, fault=fault, held_version=table.held_version)


def _look(wanted: Migration, table: LakeTable, every: Iterable[LakeTable]) -> Seen:
    source = wanted.sources[table.source]
    options = source.options_of(*parts_of(table), table.path)
    request = CloneRequest(
        table.source_url, table.target_url, mode=options.mode, dry_run=True,
        allow_features=allowed(options.mode),
        source_options=source.store_options, target_options=wanted.target.store_options,
    )  # fmt: skip
    refuse_overlap(
        request.source, request.target,
        source_options=request.source_options, target_options=request.target_options,
    )  # fmt: skip
    if (beside := beside_of(wanted, table, every)) is not None:
        refuse_in_use(open_store(request.target, request.target_options), kind=table.kind)
        return look_beside(beside, request)

    def review(now: Snapshot, before: Snapshot | None, held: int | None) -> None:
        refuse_unpublished(request, now)
        if before is not None and held is not None:
            refuse_drift(request, table.name, options.schema_changes, None, now, before, held)

    around = Surroundings(open_places(request), None, silent, review=review)
    store, target = around.places.source, around.places.target
    try:
        listing = list_log(store)
        head = head_version(listing)
        seen = Seen(table.target_url, head, job=_job(store, listing, head))
        # What a mirror's history holds beside the live files only its planning knows.
        is_asked = options.mode == "snapshot" or table.held_version is None
        is_new = is_asked and not list_log(target).is_there
        if is_new and options.mode == "snapshot":
            return _first(table, store, seen)
        if not is_new:
            refuse_in_use(target, kind=table.kind)
        clone = clone_mirror if options.mode == "mirror" else clone_snapshot
        done = clone(request, around)
        if done.source is None:  # that it holds the newest version is known without reading it
            refuse_hidden(request, done.source_version, table.protocol)
        return _compared(done, seen)
    except FerryError as error:
        raise told_from_nowhere(store, error) from None


def _first(table: LakeTable, store: Store, seen: Seen) -> Seen:
    """Nothing lies at the target: all that is live moves."""
    is_known = table.source_version == seen.source_version and table.source_id is not None
    if is_known:
        return seen
    found = read_head(store, now_ms=now_ms(), window_ms=1)
    if found is None or found.head is None:
        raise _first_of(found.remarks if found else (), store.url)
    wrong = [one for one in found.remarks if one.blocks]
    if wrong:
        raise _first_of(wrong, store.url)
    head = found.head
    return replace(
        seen, source_version=head.version, source_id=head.id, schema_sha256=head.schema_sha256,
        protocol=f"{head.reader_version}/{head.writer_version}", retention_s=head.retention_s,
        live=(found.bytes or 0, found.files or 0), is_judged=True,
    )  # fmt: skip


def _first_of(remarks: Sequence[Remark], url: str) -> FerryError:
    if not remarks:
        return FerryError("LF-2102", "this place holds no Delta table", url, "discover again")
    one = remarks[0]
    return FerryError(one.code, one.what, url, one.next_step)


def _compared(done: Done, seen: Seen) -> Seen:
    """What the clone's own planning found."""
    record, held = done.record, None
    if record is not None:
        held = record.source_version
        if record.mode == MIRROR:  # its record is put before its commits
            held = None if done.target_version is None else min(held, done.target_version)
    seen = replace(
        seen, source_version=done.source_version, held_version=held, is_judged=True,
        target_version=done.target_version,
    )  # fmt: skip
    is_current = not (done.plans or done.mirrored or done.haul.copied_files)
    if done.source is None:
        return replace(seen, is_current=True)
    totals = done.plans[-1].source if done.plans else count(done.source.files)
    seen = replace(
        seen, **_facts(done.source.protocol, done.source.metadata)._asdict(),
        live=(totals.bytes, totals.files), is_current=is_current,
    )  # fmt: skip
    if is_current:
        return seen
    work = Counted(
        bytes=done.haul.copied_bytes,
        files=done.haul.copied_files,
        # A mirror has no plan of its own: what it brings is what its commits add.
        added=done.haul.copied_files
        if done.mirrored
        else sum(plan.copied.files for plan in done.plans),
        removed=sum(plan.removed.files for plan in done.plans),
    )
    return replace(seen, work=work)


def _facts(protocol: Protocol, metadata: Metadata) -> _Facts:
    set_ms = duration_ms(metadata.configuration.get(_RETENTION, ""))
    return _Facts(
        metadata.id,
        f"{protocol.min_reader_version}/{protocol.min_writer_version}",
        _digest(metadata.schema_string),
        WEEK_S if set_ms is None else set_ms // 1000,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _job(store: Store, listing: LogListing, head: int) -> str:
    """Which job made the newest commit, as Databricks notes it; '': nothing says it."""
    file = listing.commits.get(head)
    if file is None:
        return ""
    with suppress(FerryError, FileNotFoundError):
        end = min(_HEAD_BYTES, file.meta.size)
        text = b"".join(store.read(file.meta.path, start=0, end=end))
        for line in text.split(b"\n"):
            if b'"commitInfo"' not in line[:32]:
                continue
            with suppress(orjson.JSONDecodeError):
                return _job_of(orjson.loads(line).get("commitInfo"))
    return ""


def _job_of(info: object) -> str:
    if not isinstance(info, dict):
        return ""
    for part, key in (("job", "jobId"), ("notebook", "notebookId")):
        named = info.get(part)
        if isinstance(named, dict) and named.get(key):
            return f"{part} {named[key]}"
    return ""
