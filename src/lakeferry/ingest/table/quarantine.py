"""The table of bad records of an ingest: where it lies, and by what name its positions are known.

One beside the table is of that table alone. One of a person's choice may be shared: by ingests of
other names, and by ingests of one name into several tables, which need positions of their own, or
what one of them put there would count as put there by the other.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import orjson

from lakeferry.delta.snapshot import read_snapshot
from lakeferry.ingest.crew.joining import rejected_places
from lakeferry.ingest.payload.rows import QUARANTINE_SCHEMA
from lakeferry.ingest.position.state import IngestState, Position, StreamIdentity
from lakeferry.ingest.settings import Ingest, TargetSettings
from lakeferry.ingest.table.opening import open_target, read_target
from lakeferry.ingest.table.orphans import own_file
from lakeferry.ingest.table.target import Target
from lakeferry.store.protocol import Store

_DIGITS = 16  # of the hash of a table's id
_MOST = 64 - 1 - _DIGITS  # characters of an ingest's name that are kept beside it


def quarantine_settings(target: TargetSettings) -> TargetSettings:
    """The table of bad records: of one's own choice, or beside the other, `_rejected`."""
    beside = f"{target.url.rstrip('/')}_rejected"
    return replace(target, url=target.quarantine or beside, partition_by=(), quarantine=None)


def quarantine_name(ingest: str, table_id: str) -> str:
    """Of positions in a table that may be shared: of this ingest into this table alone."""
    told = hashlib.sha256(f"{ingest}\n{table_id}".encode()).hexdigest()
    return f"{ingest[:_MOST]}.{told[:_DIGITS]}"


def open_quarantine(
    ingest: Ingest, target: Target, state: IngestState, stream: StreamIdentity
) -> Target:
    """The table of bad records, made if there is none.

    Args:
        target: the table of the rows, at `state`.
        stream: that is read.

    Raises:
        FerryError: as `open_target`.
    """
    place = quarantine_settings(ingest.target)
    first = IngestState(0, stream)
    if ingest.target.quarantine is None:
        return open_target(place, QUARANTINE_SCHEMA, ingest.name, first)
    name = quarantine_name(ingest.name, target.metadata.id)
    there = read_target(place, QUARANTINE_SCHEMA, name)
    if there is not None and there.state is None:
        first = replace(first, shards=_of_before(place, ingest.name, state, stream))
    return open_target(place, QUARANTINE_SCHEMA, name, first)


def _of_before(
    place: TargetSettings, name: str, state: IngestState, stream: StreamIdentity
) -> Mapping[str, Position]:
    """Positions that this ingest kept there by its name alone, as it did before tables were told
    apart; where they may be those of another table, none.

    They matter only after a crash between the two commits, when the table of bad records has one
    epoch more than that of the rows; and its rows tell their epoch.
    """
    if state.epoch == 0:
        return {}
    before = read_target(place, QUARANTINE_SCHEMA, name)
    if before is None or before.state is None:
        return {}
    newest = _newest_epoch(before.store, name)
    return rejected_places(before.state, stream) if newest == state.epoch + 1 else {}


def _newest_epoch(store: Store, name: str) -> int:
    """Of the rows that an ingest of this name put there, by the statistics of their files."""
    newest = 0
    for batch in read_snapshot(store).files.batches(["path", "stats"]):
        for path, stats in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if own_file(path, name) and stats:
                most = orjson.loads(stats).get("maxValues", {}).get("epoch")
                newest = max(newest, most or 0)
    return newest
