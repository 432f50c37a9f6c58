"""Which files at a folder's target are ours to delete: those that lie there as we wrote them.

Each file that a sync wrote left a mark of its size and its ETag (or time) at the target. One that
is another by now, or that somebody else wrote, has none.
"""

from collections.abc import Iterable
from itertools import islice

from lakeferry.clone.fetch import list_target
from lakeferry.clone.folder_state import (
    FOLDER,
    LANDED,
    RECORD,
    is_own,
    mark_of,
    read_marks,
    read_record,
)
from lakeferry.clone.parquet_folder import id_of
from lakeferry.errors import FerryError
from lakeferry.ledger.rows import LakeTable
from lakeferry.store.protocol import ObjectMeta, Store

_BLOCK = 4096  # files looked up at once


def ours_and_others(store: Store, row: LakeTable) -> tuple[tuple[ObjectMeta, ...], tuple[str, ...]]:
    """What we wrote, in the order in which it may go, and the paths of all else, sorted.

    What says so goes last, so that a run that was cut off can be repeated.

    Raises:
        FerryError: LF-8082 what lies there was brought from another source.
    """
    record = read_record(store)
    if record is None:  # no run of ours was there
        return (), tuple(sorted(meta.path for meta in store.list("")))
    if record.source_id != id_of(row.source_url):
        raise FerryError(
            "LF-8082", f"the target of {row.name} holds the copy of another source",
            f"{row.target_url} came from {record.source}; nothing was deleted",
            "name the table whose copy it is",
        )  # fmt: skip
    held = read_marks(store, LANDED)
    ours: list[ObjectMeta] = []
    own: list[ObjectMeta] = []
    others: list[str] = []
    metas = store.list("")
    while block := list(islice(metas, _BLOCK)):
        for meta, is_held in zip(block, held.has([mark_of(meta) for meta in block]), strict=True):
            if is_own(meta.path):
                own.append(meta)
            elif is_held:
                ours.append(meta)
            else:
                others.append(meta.path)
    ours.sort(key=lambda meta: meta.path)
    own.sort(key=lambda meta: (meta.path == RECORD, meta.path.endswith(f".{LANDED}"), meta.path))
    return (*ours, *own), tuple(sorted(others))


def at_source_no_longer(source: Store, ours: Iterable[ObjectMeta]) -> int:
    """How many of our files the source does not have any more."""
    names = list_target(source)
    return sum(
        not names.has_name(meta.path) for meta in ours if not meta.path.startswith(f"{FOLDER}/")
    )
