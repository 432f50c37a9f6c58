"""Read a table's log, as far as the protocol lets us, and say what it is.

Nothing is written and no data file is opened. Where a feature forbids us to read the live files,
the answer still names the feature, for protocol and metadata mean the same under all features.
"""

import difflib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from lakeferry.clone.target import newest_record
from lakeferry.delta.actions import Metadata
from lakeferry.delta.checkpoint_write import duration_ms
from lakeferry.delta.features import (
    FEATURES,
    OF_CATALOGS,
    READER,
    REFUSE,
    WRITER,
    effective_features,
)
from lakeferry.delta.files import OnEntries
from lakeferry.delta.log import (
    Checkpoint,
    LogListing,
    LogSegment,
    list_log,
    segment,
    told_from_nowhere,
)
from lakeferry.delta.reconcile import Reconciliation
from lakeferry.delta.snapshot import Snapshot, read_snapshot, read_unchecked
from lakeferry.errors import CODES, ErrorKind, FerryError
from lakeferry.events import Emit, log_pulse, silent
from lakeferry.explain.modes import (
    TableRead,
    live_domains,
    mirror_verdict,
    snapshot_verdict,
    totals_of,
    vacuum_risk,
)
from lakeferry.explain.values import Column, FeatureFinding, LogShape, Stream, TableExplanation
from lakeferry.store.open import NO_OPTIONS, open_store
from lakeferry.store.protocol import Store

_TXN_RETENTION = "delta.setTransactionRetentionDuration"
_CONSTRAINTS = "delta.constraints."


def explain_table(
    url: str,
    *,
    options: Mapping[str, str] = NO_OPTIONS,
    version: int | None = None,
    emit: Emit = silent,
) -> TableExplanation:
    """Explain the table at `url`.

    Args:
        url, options: of the table's store: docs/reference/stores.md.
        version: of the table; None: the newest.
        emit: called with progress.

    Raises:
        FerryError: there is no table to explain. A feature that forbids cloning is a refusal.
    """
    store = open_store(url, options)
    listing = list_log(store)
    on_entries = log_pulse(emit, store.url)
    read = _read(store, listing, version, on_entries)
    state, metadata = read.state, read.metadata
    constraints, properties = _configuration(metadata)
    return TableExplanation(
        url=store.url,
        version=read.version,
        timestamp_ms=state.timestamp_ms if isinstance(state, Snapshot) else None,
        id=metadata.id,
        name=metadata.name,
        description=metadata.description,
        protocol=read.protocol,
        features=_features(read),
        columns=_columns(metadata),
        partition_columns=metadata.partition_columns,
        constraints=constraints,
        properties=properties,
        streams=_streams(read),
        domains={name: one.configuration for name, one in sorted(live_domains(state).items())},
        totals=read.totals,
        unknown_actions=_unknown_actions(state),
        log=_log_shape(listing, read.segment),
        snapshot=snapshot_verdict(read, store.url),
        mirror=mirror_verdict(read, store, on_entries),
        vacuum=vacuum_risk(metadata.configuration, read.totals),
        record=newest_record(store, listing),
    )


def _unknown_actions(state: Snapshot | Reconciliation) -> tuple[str, ...]:
    unknown = state.unknown_actions if isinstance(state, Snapshot) else state.unknown
    return tuple(sorted({name for _, action in unknown for name in action}))


def _configuration(metadata: Metadata) -> tuple[dict[str, str], dict[str, str]]:
    """The constraints by name, and the other table properties."""
    both = sorted(metadata.configuration.items())
    return (
        {
            key.removeprefix(_CONSTRAINTS): text
            for key, text in both
            if key.startswith(_CONSTRAINTS)
        },
        {key: text for key, text in both if not key.startswith(_CONSTRAINTS)},
    )


def explain_code(code: str) -> ErrorKind:
    """What an error code means: exit code, title, explanation. LF-2001 for one that is unknown."""
    name = code.strip().upper()
    if name in CODES:
        return CODES[name]
    near = difflib.get_close_matches(name, CODES, n=3, cutoff=0)
    raise FerryError(
        "LF-2001",
        f"there is no error code `{code}`",
        f"nearest: {', '.join(near)}",
        "see docs/reference/errors.md for all codes",
    )


def _read(
    store: Store, listing: LogListing, version: int | None, on_entries: OnEntries
) -> TableRead:
    try:
        found = read_snapshot(
            store, version=version, listing=listing, allow_features=OF_CATALOGS,
            on_entries=on_entries,
        )  # fmt: skip
    except FerryError as error:
        if error.code not in ("LF-3001", "LF-3002"):
            raise told_from_nowhere(store, error) from None
        chosen = segment(listing, version)
        state, protocol, metadata = read_unchecked(store, chosen, error, on_entries=on_entries)
        return TableRead(listing, chosen, state, protocol, metadata, None, error)
    totals = totals_of(found)
    return TableRead(listing, found.segment, found, found.protocol, found.metadata, totals)


def _features(read: TableRead) -> tuple[FeatureFinding, ...]:
    found = []
    for name in sorted(effective_features(read.protocol)):
        known = FEATURES.get(name)
        if known is not None:
            found.append(FeatureFinding(name, known.kind, known.action, known.note))
        elif name in (read.protocol.reader_features or ()):
            found.append(FeatureFinding(name, READER, REFUSE, "unknown: it may change all meaning"))
        else:
            note = f"unknown; accept it with --allow-feature {name}"
            found.append(FeatureFinding(name, WRITER, REFUSE, note))
    return tuple(found)


def _columns(metadata: Metadata) -> tuple[Column, ...]:
    fields = orjson.loads(metadata.schema_string or "{}").get("fields", ())
    return tuple(
        Column(
            field["name"],
            _type_text(field["type"]),
            bool(field.get("nullable", True)),
            "; ".join(_notes(field.get("metadata") or {}, field["name"])),
        )
        for field in fields
    )


def _type_text(kind: Any) -> str:
    if isinstance(kind, str):
        return kind
    match kind.get("type"):
        case "array":
            return f"array<{_type_text(kind['elementType'])}>"
        case "map":
            return f"map<{_type_text(kind['keyType'])},{_type_text(kind['valueType'])}>"
        case "struct":
            inside = (f"{one['name']}:{_type_text(one['type'])}" for one in kind["fields"])
            return f"struct<{','.join(inside)}>"
        case other:
            return str(other)


def _notes(facts: Mapping[str, Any], name: str) -> Iterator[str]:
    if expression := facts.get("delta.generationExpression"):
        yield f"generated as {expression}"
    if "delta.identity.start" in facts:
        mark = facts.get("delta.identity.highWaterMark")
        yield f"identity, high-water mark {'not set' if mark is None else mark}"
    if default := facts.get("CURRENT_DEFAULT"):
        yield f"default {default}"
    physical = facts.get("delta.columnMapping.physicalName", name)
    if physical != name:
        yield f"in files: {physical}"


def _streams(read: TableRead) -> tuple[Stream, ...]:
    retention = duration_ms(read.metadata.configuration.get(_TXN_RETENTION, ""))
    oldest = None if retention is None else time.time_ns() // 1_000_000 - retention
    return tuple(
        Stream(
            txn.app_id,
            txn.version,
            txn.last_updated,
            oldest is not None and (txn.last_updated or 0) < oldest,
        )
        for _, txn in sorted(read.state.txns.items())
    )


def _log_shape(listing: LogListing, chosen: LogSegment) -> LogShape:
    first_commit = min(listing.commits, default=None)
    starts = [found.version for found in listing.checkpoints]
    if 0 in listing.commits:
        starts.append(0)
    return LogShape(
        first_version=min(starts, default=chosen.end_version),
        commits=len(listing.commits),
        first_commit=first_commit,
        cleaned=first_commit != 0,
        checkpoint=_checkpoint_text(chosen.checkpoint),
        checkpoint_version=chosen.checkpoint.version if chosen.checkpoint else None,
        checkpoints=len(listing.checkpoints),
        incomplete=len(listing.incomplete),
        compactions=len(listing.compactions),
        checksums=len(listing.crcs),
        companions=tuple(meta.path for meta in listing.others),
        companion_bytes=sum(meta.size for meta in listing.others),
    )


def _checkpoint_text(checkpoint: Checkpoint | None) -> str:
    if checkpoint is None:
        return "none"
    match checkpoint.files[0].kind:
        case "checkpoint_part":
            return f"multi-part, {len(checkpoint.files)} parts"
        case "checkpoint_v2":
            return f"V2, {checkpoint.name.rpartition('.')[2]}"
        case _:
            return "classic"
