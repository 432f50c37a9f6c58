"""Shallow clones beside the targets, for a trial run before the switch, and their removal.

Jobs that are pointed at them read the targets' files and write files of their own: neither target
nor source is touched.
"""

from typing import NamedTuple

from lakeferry.clone.job import clone_table
from lakeferry.clone.record import FOLDER as RECORDS
from lakeferry.clone.report import CloneRequest
from lakeferry.clone.target import newest_record
from lakeferry.delta.log import list_log
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.wanted import Target
from lakeferry.ledger.rows import LakeTable
from lakeferry.store.open import open_store, same_place

FOLDER = "_rehearsal"


class Rehearsed(NamedTuple):
    """One clone for a trial run."""

    table: str
    url: str
    version: int | None  # of it; None: it was removed, or was not there
    files: int  # that were deleted


def place_of(target: Target, row: LakeTable) -> str:
    """Where the clone of a table lies: beside all targets, below their common root."""
    rest = row.target_url.removeprefix(target.root)
    if rest == row.target_url:
        return f"{row.target_url}__rehearsal"
    return f"{target.root}/{FOLDER}/{rest.strip('/')}"


def rehearse(target: Target, row: LakeTable) -> Rehearsed:
    """Make the clone of one table, or bring it to the target's newest version.

    Raises:
        FerryError: as `clone`; LF-5003 where a trial has written to it: remove it first.
    """
    url = place_of(target, row)
    options = target.store_options
    report = clone_table(
        CloneRequest(
            row.target_url, url, shallow=True, source_options=options, target_options=options
        )
    )
    return Rehearsed(row.name, url, report.target_version, 0)


def remove(target: Target, row: LakeTable) -> Rehearsed:
    """Take the clone away with all that a trial wrote to it; the table was made by us.

    Raises:
        FerryError: LF-8083 something else lies there.
    """
    url = place_of(target, row)
    store = open_store(url, target.store_options)
    metas = list(store.list(""))
    if not metas:
        return Rehearsed(row.name, url, None, 0)
    record = newest_record(store, list_log(store))
    options = target.store_options
    is_ours = all(meta.path.startswith(RECORDS) for meta in metas) or (
        record is not None
        and record.shallow
        and same_place(record.source, row.target_url, a_options=options, b_options=options)
    )
    if not is_ours:
        raise FerryError(
            "LF-8083", "this is no rehearsal of the table", f"{url}; it stays as it is",
            "look at what lies there, and move it away yourself",
        )  # fmt: skip
    # Our records go last: cut off in the midst, the next run still knows whose it is.
    metas.sort(key=lambda meta: (meta.path.startswith(RECORDS), meta.path.startswith("_delta_log")))
    for meta in metas:
        store.delete(meta.path)
    return Rehearsed(row.name, url, None, len(metas))
