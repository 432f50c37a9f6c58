"""Where another consumer stands, read from what it wrote: rows of leases, offsets, a file. Pure.

Sources: awslabs/amazon-kinesis-client, DynamoDBLeaseSerializer and SentinelCheckpoint (rows of
versions 1 to 3, multi-stream ones too); awslabs/spark-sql-kinesis-connector, KinesisV2SourceOffset
and HDFSMetadataCommitter.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from lakeferry.errors import FerryError
from lakeferry.ingest.position.state import IngestState, Position, StreamIdentity
from lakeferry.ingest.position.text import parse_state

Json = Mapping[str, Any]
# `after` and `at` name a record, `time` a moment; `latest` and `unknown time` name nothing that can
# be found again.
Where = Literal["after", "at", "trim horizon", "time", "end", "latest", "unknown time"]
_SENTINELS: Mapping[str, Where] = {
    "TRIM_HORIZON": "trim horizon",
    "LATEST": "latest",
    "AT_TIMESTAMP": "unknown time",  # the table of leases does not keep which
    "SHARD_END": "end",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one shard stands, as its consumer says it."""

    where: Where
    sequence_number: str = ""
    # The last user record of an aggregate that was worked on; None: all of the record was.
    sub_sequence: int | None = None
    at_ms: int = 0  # since the epoch


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a consumer stands, or what comes closest."""

    source: str  # what was read, for messages
    shards: Mapping[str, Place | Position] = field(default_factory=dict)
    # Where its shards are not known: all that arrived before this was read by it, probably.
    since_ms: int | None = None
    stream: StreamIdentity | None = None  # where it says which one it read
    notes: tuple[str, ...] = ()


# --- the Kinesis Client Library -------------------------------------------------------------


def of_leases(rows: Iterable[Json], source: str, stream: str) -> Standing:
    """Where an application of the KCL stands.

    Args:
        rows: items of its table of leases as DynamoDB sends them, with types.
        stream: its name; a table of several streams names it in each row.

    Rows of other kinds, which version 3 keeps beside the leases, are left out.

    Raises:
        FerryError: LF-7082 where there is no row of this stream, or one that cannot be read.
    """
    shards: dict[str, Place | Position] = {}
    others: set[str] = set()
    pending, owners = [], set()
    for row in rows:
        kind = _text(row, "entityType")
        key = _text(row, "leaseKey")
        if (kind and kind != "LEASE") or not key:
            continue
        named = _text(row, "streamName")  # 'account:name:created' in tables of several streams
        if named and _stream_of(named) != stream:
            others.add(_stream_of(named))
            continue
        shard_id = _text(row, "shardId") or key.rpartition(":")[2]
        shards[shard_id] = _lease_place(row, key, source)
        if _text(row, "pendingCheckpoint"):
            pending.append(shard_id)
        if owner := _text(row, "leaseOwner"):
            owners.add(owner)
    if not shards:
        why = f"it has leases of {', '.join(sorted(others))}" if others else "it has no lease"
        raise unreadable(source, f"{why}, none of stream {stream}")
    return Standing(source, shards, notes=_lease_notes(pending, owners))


def lease_counters(rows: Iterable[Json]) -> Mapping[str, str]:
    """What each lease has counted up to; who works on a lease counts on every few seconds."""
    return {
        _text(row, "leaseKey"): f"{_text(row, 'leaseCounter')} {_text(row, 'checkpoint')}"
        for row in rows
    }


def _lease_place(row: Json, key: str, source: str) -> Place:
    told = _text(row, "checkpoint")
    if told in _SENTINELS:
        return Place(_SENTINELS[told])
    if not told.isdecimal():
        raise unreadable(source, f"the checkpoint of lease {key} is `{told}`")
    return Place("after", told, int(_text(row, "checkpointSubSequenceNumber") or 0))


def _lease_notes(pending: list[str], owners: set[str]) -> tuple[str, ...]:
    notes = []
    if pending:
        notes.append(
            f"checkpoints of {', '.join(sorted(pending))} were prepared and not made; what lies "
            "behind them is read again"
        )
    if owners:
        notes.append(
            f"leases are held by {', '.join(sorted(owners))}; nothing was seen of them while this "
            "looked, and they must not be started again"
        )
    return tuple(notes)


def _stream_of(named: str) -> str:
    return named.split(":")[1] if named.count(":") == 2 else named


def _text(row: Json, name: str) -> str:
    """A text or number of an item; '' where it is missing or null."""
    value = row.get(name, {})
    return str(value.get("S", value.get("N", "")))


# --- the connector of awslabs for Spark -----------------------------------------------------


def is_connector_offset(offset: Json) -> bool:
    """Whether a source's offset is of the connector of awslabs."""
    told = offset.get("metadata")
    return isinstance(told, dict) and {"batchId", "streamName"} <= told.keys()


def of_connector(offset: Json, ends: Mapping[str, Json], source: str) -> Standing:
    """Where a query stands after a batch.

    Args:
        offset: of the batch: where each of its shards began.
        ends: what its tasks recorded, by shard; a shard that is not there stands where it began.

    Raises:
        FerryError: LF-7082 where a shard cannot be read.
    """
    try:
        begun = {shard: told for shard, told in offset.items() if shard != "metadata"}
        shards = {shard: _connector_place(ends.get(shard, told)) for shard, told in begun.items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise unreadable(source, f"{type(error).__name__}: {error}") from error
    return Standing(source, dict(shards))


def _connector_place(told: Json) -> Place:
    kind = str(told["iteratorType"]).upper()
    number = str(told["iteratorPosition"])
    match kind:
        case "AFTER_SEQUENCE_NUMBER" if number.isdecimal():
            sub = int(told["subSequenceNumber"])
            whole = sub < 0 or str(told["isLast"]).lower() == "true"
            return Place("after", number, None if whole else sub)
        case "AT_SEQUENCE_NUMBER" if number.isdecimal():
            return Place("at", number)
        case "AT_TIMESTAMP":
            return Place("time", at_ms=int(number))
        case "TRIM_HORIZON" | "LATEST" | "SHARD_END":
            return Place(_SENTINELS[kind])
    raise ValueError(f"`{kind}` at `{number}` is no position")


# --- a file ---------------------------------------------------------------------------------


def of_file(text: str, source: str) -> Standing:
    """Where a file says that shards stand: a map, or positions as lakeferry prints them.

    A map goes from shard id to a sequence number (of the last record that was read), TRIM_HORIZON,
    SHARD_END, or a time of ISO 8601 with its zone.

    Raises:
        FerryError: LF-7082 for anything else.
    """
    try:
        body = orjson.loads(text)
        if not isinstance(body, dict) or not body:
            raise unreadable(source, "it is no map from shards to positions")
        if isinstance(body.get("shards"), dict) and "v" in body:
            return of_state(parse_state(text, source), source)
        told = body.get("shards", body)
        return Standing(source, {shard: _told_place(shard, one) for shard, one in told.items()})
    except (orjson.JSONDecodeError, ValueError, AttributeError) as error:
        raise unreadable(source, str(error)) from error


def of_state(state: IngestState, source: str) -> Standing:
    """Where another lakeferry stands: its positions are ours."""
    gaps = len(state.gaps)
    notes = (f"{gaps} gaps that were accepted before are not carried over",) if gaps else ()
    return Standing(source, dict(state.shards), stream=state.stream, notes=notes)


_SHARD = re.compile(r"[a-zA-Z0-9_.-]+")


def _told_place(shard_id: str, told: object) -> Place:
    if not _SHARD.fullmatch(shard_id) or not isinstance(told, str):
        raise ValueError(f"`{shard_id}`: {told!r} is no position; write it as text")
    word = told.strip()
    if word.upper() in ("TRIM_HORIZON", "SHARD_END"):
        return Place(_SENTINELS[word.upper()])
    if word.isdecimal():
        return Place("after", word)
    try:
        moment = datetime.fromisoformat(word)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(
            f"`{shard_id}`: `{told}` is no sequence number, TRIM_HORIZON, SHARD_END or time "
            "with its zone; for LATEST write the time at which that consumer began"
        )
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return Place("time", at_ms=round(since.total_seconds() * 1000))


def unreadable(source: str, why: str) -> FerryError:
    """LF-7082, of whatever the other consumer keeps its positions in."""
    return FerryError(
        "LF-7082",
        "the positions of the other consumer cannot be read",
        f"{source}: {why}",
        "name what it keeps its positions in: kcl:TABLE, checkpoint:DIR or shards:FILE",
    )
