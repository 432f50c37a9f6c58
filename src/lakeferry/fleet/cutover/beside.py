"""Parquet tables and plain folders at a switch: which state they are in, and who wrote it.

They have no log that could say who wrote, or when: a file may be moved in with an old time, and one
that is gone leaves nothing. So their listing is held against an earlier one, over the whole time
for which writers have to be quiet.
"""

from typing import NamedTuple

from lakeferry.clone.folder import look_at_files
from lakeferry.clone.parquet_clone import look_at_parquet
from lakeferry.clone.parquet_folder import id_of
from lakeferry.clone.report import CloneRequest
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.fleet.cutover.plan import TxnProof
from lakeferry.fleet.cutover.sides import BothSides, Stores
from lakeferry.fleet.cutover.stream_ways import Switched
from lakeferry.fleet.cutover.writers import Head, Made, Writer
from lakeferry.fleet.sync.beside_delta import apart_of, declared_of
from lakeferry.ledger.rows import LakeTable


class FilesLook(NamedTuple):
    """A source without a log, as its files are now."""

    state: int  # its number, as a sync would record it
    listing: str  # told from any other by it
    newest: str  # the file that was written last
    files: int
    bytes: int


def look_at_source(stores: Stores, row: LakeTable) -> FilesLook:
    """List it. Raises as `look_at_parquet` and `look_at_files` do."""
    request = request_of(stores, row)
    if row.kind == "folder":
        found = look_at_files(request, apart_of(row, stores.every))
        return FilesLook(
            found.state, found.listing, found.newest, found.live_files, found.live_bytes
        )
    seen = look_at_parquet(request, declared_of(stores.wanted.sources[row.source], row))
    return FilesLook(seen.state, seen.listing, seen.newest, seen.live_files, seen.live_bytes)


def head_of_files(stores: Stores, row: LakeTable) -> Head:
    """Its newest state; no time is told of it."""
    found = look_at_source(stores, row)
    return Head(found.state, None, found.listing, found.newest)


def newest_of_files(stores: Stores, row: LakeTable) -> tuple[Made, ...]:
    """Who wrote last: files do not name their writers, so the file is named."""
    head = head_of_files(stores, row)
    return (Made(head.version, Writer("whoever wrote", head.newest), None),)


def sides_of_files(stores: Stores, row: LakeTable) -> BothSides:
    """What catalogs and receipts have to know of it; streams and loads find nothing in it.

    Raises:
        FerryError: a side cannot be read.
    """
    assert row.held_version is not None
    found = look_at_source(stores, row)
    metadata = None
    txns: dict[str, int] = {}
    source_id = id_of(row.source_url)
    if row.kind == "parquet":
        snapshot = read_snapshot(stores.target(row), version=row.target_version)
        metadata = snapshot.metadata
        txns = {app: txn.version for app, txn in snapshot.txns.items()}
    here = row.target_version if row.target_version is not None else row.held_version
    switched = Switched(
        row.name, source_id, row.held_version, here,
        source_id if metadata is None else metadata.id, is_mirror=False, txns=txns,
    )  # fmt: skip
    state: dict[str, str | int] = {
        "listing": found.listing,
        "files": found.files,
        "bytes": found.bytes,
    }
    return BothSides(row.target_url, TxnProof({}), switched, metadata, None, row.kind, state)


def request_of(stores: Stores, row: LakeTable) -> CloneRequest:
    """From its source to its target."""
    source = stores.wanted.sources[row.source]
    return CloneRequest(
        row.source_url, row.target_url, source_options=source.store_options,
        target_options=stores.wanted.target.store_options,
    )  # fmt: skip
