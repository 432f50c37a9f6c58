"""What to do when others committed first: ours it was, put it behind theirs, read again, or stop.

Rows and positions are one commit, and a commit is made by whoever creates its file. So a batch that
lost the race is still good if the winners said nothing about its stream, and void if they did.
Pure.

Source: Delta protocol, "Delta Log Entries", "Transaction Identifiers", "Row Tracking", "In-Commit
Timestamps".
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from lakeferry.delta.actions import Metadata, Protocol, parse_metadata, parse_protocol

ROW_TRACKING = "delta.rowTracking"
WRITER = "writer"  # of the operationParameters of our commits
# Lines of a commit that say nothing to an append; there may be millions of them.
_FILES = (b'{"add"', b'{"remove"', b'{"cdc"')
# What a new column may have in its metadata and still be left out of a file.
_MAPPING = frozenset({"delta.columnMapping.id", "delta.columnMapping.physicalName"})


@dataclass(frozen=True, slots=True)
class Winner:
    """One commit that came before ours, as far as it matters to an append."""

    version: int
    txn_id: str = ""  # of its commitInfo; '' if it states none
    app_ids: frozenset[str] = frozenset()  # of its `txn`s
    domains: Mapping[str, str] | None = None  # domain -> configuration, '' where it was removed
    metadata: Metadata | None = None
    protocol: Protocol | None = None
    in_commit_timestamp: int | None = None  # ms since the epoch
    writer: str = ""  # the process that made it, if it is an ingest of ours that says so


@dataclass(frozen=True, slots=True)
class Batch:
    """What we tried to commit, and on what."""

    txn_id: str  # our token: unique to this one commit, the same in all its tries
    app_id: str  # of our `txn`
    domain: str  # of our positions, where the table keeps them so
    metadata: Metadata  # of the table that the rows were written for


@dataclass(frozen=True, slots=True)
class Ours:
    """The commit was made, though the store did not say so."""

    version: int


@dataclass(frozen=True, slots=True)
class Again:
    """Commit the same files and positions at the next version; what changed must be restated."""

    version: int  # to be tried
    metadata: Metadata | None = None  # None: as it was
    protocol: Protocol | None = None
    row_tracking: str | None = None  # configuration of `delta.rowTracking`: new base row ids
    in_commit_timestamp: int | None = None  # ours must be greater


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """Another writer of this ingest committed: the batch is void.

    Delete its files, load the positions of that commit, and read on from there. To commit the rows
    all the same would double them.
    """

    version: int
    writer: str = field(default="", compare=False)  # as `Winner` has it; it decides nothing


@dataclass(frozen=True, slots=True)
class Changed:
    """The table asks of rows what these were not made for: the batch is void.

    Delete its files and make them anew, as the table is now. Whether that can be is what a start
    finds out, too.
    """

    version: int
    why: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The table is another one: whether the stream belongs into it nobody here can know."""

    version: int
    why: str


Verdict = Ours | Again | ReadAgain | Changed | Stop


def judge(batch: Batch, winners: Sequence[Winner], supported: Collection[str]) -> Verdict:
    """What becomes of a batch whose version was taken.

    Args:
        winners: every commit from the version that we tried to the newest one, in order.
        supported: table features that we may write under.

    Our own token goes before all: the first answer of a store may be lost. A commit of our ingest
    goes before a change of the table, which will be met when reading begins again.
    """
    for winner in winners:
        if winner.txn_id == batch.txn_id:
            return Ours(winner.version)
    for winner in winners:
        if batch.app_id in winner.app_ids or batch.domain in (winner.domains or ()):
            return ReadAgain(winner.version, winner.writer)
    for winner in winners:
        if winner.metadata is not None and winner.metadata.id != batch.metadata.id:
            return Stop(winner.version, "the table was replaced by another")
    metadata, protocol, rows, stamp = batch.metadata, None, None, None
    for winner in winners:
        if winner.metadata is not None:
            why = misfit(metadata, winner.metadata)
            if why:
                return Changed(winner.version, why)
            metadata = winner.metadata
        if winner.protocol is not None:
            why = unwritable(winner.protocol, supported)
            if why:
                return Changed(winner.version, why)
            protocol = winner.protocol
        rows = (winner.domains or {}).get(ROW_TRACKING, rows)
        stamp = winner.in_commit_timestamp if stamp is None else _later(stamp, winner)
    changed = metadata if metadata != batch.metadata else None
    return Again(winners[-1].version + 1, changed, protocol, rows, stamp)


def _later(stamp: int, winner: Winner) -> int:
    return max(stamp, winner.in_commit_timestamp or 0)


def winner(version: int, lines: Iterable[bytes]) -> Winner:
    """A commit from its lines; those of files are not parsed.

    Raises:
        ValueError: a line that is no JSON object.
    """
    bodies: dict[str, Any] = {}
    app_ids: set[str] = set()
    domains: dict[str, str] = {}
    for line in lines:
        if line.startswith(_FILES) or not line.strip():
            continue
        for action, body in orjson.loads(line).items():
            if action == "txn":
                app_ids.add(body["appId"])
            elif action == "domainMetadata":
                removed = body.get("removed", False)
                domains[body["domain"]] = "" if removed else body.get("configuration") or ""
            else:
                bodies[action] = body
    info = bodies.get("commitInfo") or {}
    told = info.get("operationParameters")
    return Winner(
        version,
        str(info.get("txnId") or ""),
        frozenset(app_ids),
        domains,
        parse_metadata(bodies["metaData"]) if "metaData" in bodies else None,
        parse_protocol(bodies["protocol"]) if "protocol" in bodies else None,
        info.get("inCommitTimestamp"),
        str(told.get(WRITER) or "") if isinstance(told, dict) else "",
    )


# --- whether rows still fit -----------------------------------------------------------------


def unwritable(protocol: Protocol, supported: Collection[str]) -> str:
    """Why we may not write under a protocol; '' if we may."""
    wanted = (protocol.writer_features or frozenset()) | (protocol.reader_features or frozenset())
    unknown = sorted(wanted - set(supported))
    if unknown:
        return f"the table now needs {', '.join(unknown)}"
    if protocol.min_writer_version > 7 or protocol.min_reader_version > 3:
        return f"the table now needs writers of version {protocol.min_writer_version}"
    return ""


def misfit(before: Metadata, after: Metadata) -> str:
    """Why rows that were written for a table do not fit what it became; '' if they do.

    They fit as long as every column that they have is the same, and every column that they lack may
    be null and is not computed. Anything new that rows must satisfy was not checked on them.
    """
    if before.partition_columns != after.partition_columns:
        return (
            f"the table is now partitioned by {_shown(after.partition_columns)}, "
            f"the rows by {_shown(before.partition_columns)}"
        )
    for key in sorted(before.configuration.keys() | after.configuration.keys()):
        old, new = before.configuration.get(key), after.configuration.get(key)
        if old != new and ((_is_constraint(key) and new) or key == "delta.columnMapping.mode"):
            return f"`{key}` is now {new!r}"
    if before.schema_string == after.schema_string:
        return ""
    return _struct_misfit(orjson.loads(before.schema_string), orjson.loads(after.schema_string), "")


def _is_constraint(key: str) -> bool:
    return key.lower().startswith("delta.constraints.")


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def _struct_misfit(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> str:
    now = {one["name"]: one for one in after["fields"]}
    then = {one["name"]: one for one in before["fields"]}
    for name, column in then.items():
        place = f"{path}{name}"
        if name not in now:
            return f"column `{place}` is gone"
        why = _field_misfit(column, now[name], place)
        if why:
            return why
    for name, column in now.items():
        if name not in then and (not column["nullable"] or _rules(column).keys() - _MAPPING):
            return f"the new column `{path}{name}` must not be left out"
    return ""


def _field_misfit(before: Mapping[str, Any], after: Mapping[str, Any], place: str) -> str:
    if before["nullable"] and not after["nullable"]:
        return f"column `{place}` may no longer be null"
    if _rules(before) != _rules(after):
        return f"column `{place}` now has other rules"
    return _type_misfit(before["type"], after["type"], place)


def _type_misfit(before: Any, after: Any, place: str) -> str:
    if before == after:
        return ""
    if not isinstance(before, dict) or _type_name(before) != _type_name(after):
        return f"column `{place}` is now of type {_type_name(after)}, was {_type_name(before)}"
    if before["type"] == "struct":
        return _struct_misfit(before, after, f"{place}.")
    for key in ("containsNull", "valueContainsNull"):
        if before.get(key) and not after.get(key):
            return f"column `{place}` may no longer hold nulls"
    for key in ("elementType", "keyType", "valueType"):
        why = _type_misfit(before.get(key), after.get(key), place)
        if why:
            return why
    return ""


def _type_name(kind: Any) -> str:
    return str(kind["type"]) if isinstance(kind, dict) else str(kind)


def _rules(field: Mapping[str, Any]) -> dict[str, Any]:
    """What writers must do about a column: names in files, generation, identity, invariants."""
    told = field.get("metadata") or {}
    return {
        key: value
        for key, value in told.items()
        if key.startswith("delta.") or key == "CURRENT_DEFAULT"
    }
