"""Which files at a folder's target are ours to delete: those that lie there as we wrote them.

Each file that a sync wrote left a mark of its size and its ETag (or time) at the target. One that
is another by now, or that somebody else wrote, has none. Below a table that was made in the folder
since, all is the table's, whoever wrote it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from lakeferry.clone.fetch import list_target
from lakeferry.clone.folder_state import (
    BROUGHT,
    FOLDER,
    LANDED,
    RECORD,
    HeldMarks,
    is_own,
    mark_of,
    read_marks,
    read_record,
)
from lakeferry.clone.parquet_folder import id_of
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.typed import typed
from lakeferry.ledger.rows import LakeTable
from lakeferry.store.protocol import ObjectMeta, Store

_BLOCK = 4096  # files looked up at once
_OF_TABLE = re.compile(r"(?:(.*)/)?(?:_delta_log/.+|_lakeferry/.+|metadata/[^/]+\.metadata\.json)")


def ours_and_others(store: Store, row: LakeTable) -> tuple[tuple[ObjectMeta, ...], tuple[str, ...]]:
    """What we wrote, in the order in which it may go, and the paths of all else, sorted.

    What says so goes last, so that a run that was cut off can be repeated.

    Raises:
        FerryError: LF-8082 what lies there was brought from another source, or before each file
            that a sync wrote was marked.
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
    found = _told_apart(store, read_marks(store, LANDED))
    if found.others and found.are_not_marked:
        raise FerryError(
            "LF-8082", f"nothing tells which files at the target of {row.name} are ours",
            f"{row.target_url}: an older release brought them; nothing was deleted",
            f"bring them once more, which marks them: lakeferry sync -s {typed(row.name)} "
            "--replace; or delete the folder yourself",
        )  # fmt: skip
    own = sorted(found.own, key=lambda one: (one.path == RECORD, _tells_ours(one), one.path))
    return (*sorted(found.ours, key=lambda one: one.path), *own), tuple(sorted(found.others))


@dataclass(frozen=True)
class _Found:
    """What lies at a target, in no order."""

    ours: tuple[ObjectMeta, ...]
    own: tuple[ObjectMeta, ...]  # beside these: marks, the record, receipts
    others: tuple[str, ...]  # paths

    @property
    def are_not_marked(self) -> bool:
        """Only files at the source are, as older releases left it."""
        return not any(map(_tells_ours, self.own)) and any(
            meta.path.endswith(f".{BROUGHT}") for meta in self.own
        )


def _tells_ours(meta: ObjectMeta) -> bool:
    return meta.path.endswith(f".{LANDED}")


def _told_apart(store: Store, held: HeldMarks) -> _Found:
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
    tables = {found[1] or "" for path in others if (found := _OF_TABLE.fullmatch(path))}
    left = tuple(meta for meta in ours if not _is_below(meta.path, tables))
    others += [meta.path for meta in ours if _is_below(meta.path, tables)]
    return _Found(left, tuple(own), tuple(others))


def _is_below(path: str, folders: set[str]) -> bool:
    """Whether a file lies in one of `folders` ('' is the root), at whatever depth."""
    if not folders:
        return False
    above = path
    while above:
        above = above.rpartition("/")[0]
        if above in folders:
            return True
    return False


def at_source_no_longer(source: Store, ours: Iterable[ObjectMeta]) -> int:
    """How many of our files the source does not have any more."""
    names = list_target(source)
    return sum(
        not names.has_name(meta.path) for meta in ours if not meta.path.startswith(f"{FOLDER}/")
    )
