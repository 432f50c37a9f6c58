"""The table of bad records of an ingest: where it lies, and by what name its positions are known.

One beside the table is of that table alone. One of a person's choice may be shared: by ingests of
other names, and by ingests of one name into several tables, which need positions of their own, or
what one of them put there would count as put there by the other.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import orjson

from lakeferry.delta.commit import prove_put_if_absent
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.ingest.crew.joining import rejected_places
from lakeferry.ingest.payload.rows import QUARANTINE_SCHEMA
from lakeferry.ingest.position.state import IngestState, Position, StreamIdentity
from lakeferry.ingest.settings import Ingest, TargetSettings
from lakeferry.ingest.table.opening import open_target, read_target
from lakeferry.ingest.table.orphans import own_file
from lakeferry.ingest.table.target import Target
from lakeferry.store.open import contains, locate, open_store, same_place
from lakeferry.store.protocol import Store

_DIGITS = 16  # of the hash of a table's id
_MOST = 64 - 1 - _DIGITS  # characters of an ingest's name that are kept beside it


def quarantine_settings(target: TargetSettings) -> TargetSettings:
    """The table of bad records: of one's own choice, or beside the other, `_rejected`."""
    beside = f"{target.url.rstrip('/')}_rejected"
    return replace(target, url=target.quarantine or beside, partition_by=(), quarantine=None)


def refuse_no_room(target: TargetSettings) -> None:
    """Bad records have a place of their own, apart from the table's. Asks no store.

    Raises:
        FerryError: LF-2104 their address is none; LF-2103 one of the two tables lies in the other;
            LF-2001 there is nothing beside the table, and no other place is told.
    """
    place, options = quarantine_settings(target).url, target.options
    if target.quarantine is None:
        if locate(target.url, options).path in ("", "/"):
            raise FerryError(
                "LF-2001",
                "the table is a whole bucket, and beside it is no room for bad records",
                f"{target.url}",
                "say where they are to lie (--rejected, `dead_letter`), or ingest into a folder",
            )
        return
    locate(place, options)
    if same_place(target.url, place, a_options=options, b_options=options):
        raise _overlap("rows and bad records are to lie in one table", target.url, place)
    if contains(target.url, place, outer_options=options, inner_options=options):
        raise _overlap("the table of bad records lies within that of the rows", target.url, place)
    if contains(place, target.url, outer_options=options, inner_options=options):
        raise _overlap("the table lies within that of the bad records", target.url, place)


def _overlap(what: str, rows: str, bad: str) -> FerryError:
    return FerryError(
        "LF-2103",
        what,
        f"{rows} and {bad}; a VACUUM of the outer one would take what the inner one has",
        "give bad records a place beside the table: --rejected, `dead_letter`, or neither",
    )


def quarantine_name(ingest: str, table_id: str) -> str:
    """Of positions in a table that may be shared: of this ingest into this table alone."""
    told = hashlib.sha256(f"{ingest}\n{table_id}".encode()).hexdigest()
    return f"{ingest[:_MOST]}.{told[:_DIGITS]}"


def read_quarantine(ingest: Ingest) -> Target | None:
    """The table of bad records as it is, and checked to take them; None: there is none.

    Raises:
        FerryError: as `read_target`.
    """
    place = quarantine_settings(ingest.target)
    with _told_of_bad_records():
        return read_target(place, QUARANTINE_SCHEMA, quarantine_name(ingest.name, ""))


def try_quarantine(ingest: Ingest) -> None:
    """Refuse a place that bad records cannot be put into, before anything is made.

    Raises:
        FerryError: as `read_quarantine`; LF-5004, and what the store raises of who may not write.
    """
    place = quarantine_settings(ingest.target)
    if read_quarantine(ingest) is None and not place.single_writer:
        prove_put_if_absent(open_store(place.url, place.options), fresh=True)


@contextmanager
def _told_of_bad_records() -> Iterator[None]:
    """Of a table that does not fit, which one it is and what to do about it."""
    try:
        yield
    except FerryError as error:
        if error.code not in ("LF-7041", "LF-7042"):
            raise
        raise FerryError(
            error.code,
            f"bad records cannot be put where they are to lie: {error.what}",
            error.where,
            "name another table for them, or a place where none is: --rejected, `dead_letter`",
        ) from error


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
    with _told_of_bad_records():
        return _opened(ingest, target, state, stream)


def _opened(ingest: Ingest, target: Target, state: IngestState, stream: StreamIdentity) -> Target:
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
