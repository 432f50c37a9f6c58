"""The files of a target that we wrote, and nothing else, deleted after its name was typed.

What a clone brought is said by its own records beside the log. A table that anybody else wrote to
is left whole; of a folder only the files are left that others wrote.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import orjson
import pyarrow.parquet as pq

from lakeferry.clone.folder_state import FOLDER as MARKS
from lakeferry.clone.record import FOLDER, MIRROR
from lakeferry.delta.commit import committed_by
from lakeferry.delta.files import TemporaryFile
from lakeferry.delta.log import LAST_CHECKPOINT, LOG, list_log, parse_name
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.typed import typed
from lakeferry.fleet.manifest.wanted import Migration, Target
from lakeferry.fleet.proof.in_use import refuse_in_use
from lakeferry.fleet.rollback.purge_folder import at_source_no_longer, ours_and_others
from lakeferry.fleet.standing.states import State, may_follow
from lakeferry.ledger.rows import LakeTable, Move
from lakeferry.store.open import open_store
from lakeferry.store.protocol import AlreadyThere, ObjectMeta, Store, read_all
from lakeferry.workers import map_threads

_RECORD = re.compile(r"(\d{20})-([A-Za-z0-9-]+)\.(json|parquet)")
_KEPT_LAST = (f"{LOG}/", f"{MARKS}/")
AT_ONCE = 16  # files
_IN_USE = ("cut_over", "frozen", "syncing")


@dataclass(frozen=True)
class Purge:
    """What of one target would be deleted."""

    row: LakeTable
    ours: tuple[ObjectMeta, ...]  # in the order in which they go
    others: tuple[str, ...]  # paths that stay: nothing says that we wrote what lies there now

    @property
    def bytes(self) -> int:
        return sum(meta.size for meta in self.ours)


def plan_purge(target: Target, row: LakeTable) -> Purge:
    """What would be deleted; nothing is.

    Raises:
        FerryError: LF-8082 the table is in use, or others wrote to it; LF-8087 it is in use, and
            the ledger does not know it.
    """
    if row.state in _IN_USE:
        raise FerryError(
            "LF-8082", f"{row.name} is {row.state.replace('_', ' ')}, so its target is in use",
            row.target_url, f"go back to the source first: lakeferry rollback -s {typed(row.name)}",
        )  # fmt: skip
    store = open_store(row.target_url, target.store_options)
    refuse_in_use(store, kind=row.kind)
    if row.kind == "folder":
        return Purge(row, *ours_and_others(store, row))
    landed, extras = _records(store, row)
    ours, others = [], []
    for meta in store.list(""):
        if landed.get(meta.path) == meta.size or _is_log(meta, extras):
            ours.append(meta)
        else:
            others.append(meta.path)
    ours.sort(key=lambda meta: (meta.path.startswith(FOLDER), meta.path.startswith(LOG), meta.path))
    return Purge(row, tuple(ours), tuple(sorted(others)))


def refuse_only_copy(wanted: Migration, row: LakeTable) -> None:
    """Refuse to delete a copy whose source is gone, too: nobody could make it again.

    Raises:
        FerryError: LF-8082. Of a source that the manifest names no longer nobody knows.
    """
    source = wanted.sources.get(row.source)
    if source is None:
        return
    store = open_store(row.source_url, source.store_options)
    if next(iter(store.list(LOG if row.kind == "delta" else "")), None) is None:
        raise FerryError(
            "LF-8082", f"the source of {row.name} is gone, so this is its only copy",
            f"nothing lies at {row.source_url}; {row.target_url} stays as it is",
            "look where its source went; if nobody needs it, delete the target yourself",
        )  # fmt: skip


def only_here(wanted: Migration, planned: Purge) -> int:
    """Files of a folder that its source has no longer, so that their only copy is deleted."""
    source = wanted.sources.get(planned.row.source)
    if source is None or planned.row.kind != "folder":
        return 0
    return at_source_no_longer(
        open_store(planned.row.source_url, source.store_options), planned.ours
    )


def forgetting(planned: Purge, files: int) -> Move:
    """The step of a table whose copy was deleted; one that is left out stays so."""
    before: State = planned.row.state  # type: ignore[assignment]
    after: State = "planned" if "planned" in may_follow(before) else before
    why = f"{files} files of its target were deleted"
    return Move(planned.row.target_url, before, after, why)


def purge(target: Target, planned: Purge, *, turn: Callable[[], None]) -> tuple[str, ...]:
    """Delete it: data first, our records last, so that a run that was cut off can be repeated.

    Args:
        turn: called all the while, so that the lease of the ledger is kept.

    Returns:
        Paths of what somebody wrote over since it was planned, sorted: it stays.

    Raises:
        FerryError: LF-8082 somebody has committed to the table since; nothing of it was deleted.
    """
    store = open_store(planned.row.target_url, target.store_options)
    if planned.row.kind != "folder":
        _refuse_newer(store, planned)

    def remove(meta: ObjectMeta) -> str | None:
        try:
            store.delete(meta.path, if_match=meta.e_tag)
        except AlreadyThere:
            return meta.path
        return None

    data = [meta for meta in planned.ours if not meta.path.startswith(_KEPT_LAST)]
    stay = []
    for stays in map_threads(remove, data, count=AT_ONCE, on_silence=turn):
        stay.append(stays)
        turn()
    for meta in planned.ours:
        if meta.path.startswith(_KEPT_LAST):
            stay.append(remove(meta))
            turn()
    return tuple(sorted(path for path in stay if path is not None))


def _refuse_newer(store: Store, planned: Purge) -> None:
    """The tables before this one took their time."""
    known = {meta.path for meta in planned.ours}
    for file in list_log(store).commits.values():
        if file.meta.path not in known:
            raise FerryError(
                "LF-8082", f"version {file.version} of {planned.row.name} was made a moment ago",
                f"{planned.row.target_url}; nothing of it was deleted",
                "somebody writes to it: ask who, then decide again",
            )  # fmt: skip


def _records(store: Store, row: LakeTable) -> tuple[dict[str, int], frozenset[str]]:
    """Files that clones brought, with their sizes, and what they carried beside the log."""
    names = [meta.path.rpartition("/")[2] for meta in store.list(FOLDER, recursive=False)]
    found = [match for name in sorted(names) if (match := _RECORD.fullmatch(name))]
    extras = set()
    commits: dict[int, str] = {}
    mirrored = -1
    for match in found:
        if match[3] != "json":
            continue
        said = orjson.loads(read_all(store, f"{FOLDER}/{match[0]}"))
        extras |= {one["path"] for one in said.get("extras", ())}
        if match[2] == MIRROR:
            mirrored = max(mirrored, int(match[1]))
        else:
            commits[int(match[1])] = match[2]
    for version in sorted(list_log(store).commits):
        if version > mirrored and commits.get(version) != committed_by(store, version):
            raise FerryError(
                "LF-8082", f"version {version} of {row.name} was not made by a clone",
                f"{row.target_url}; nothing was deleted", "delete the table yourself",
            )  # fmt: skip
    landed = {path: size for match in found if match[3] == "parquet"
              for path, size in _landed(store, match[0])}  # fmt: skip
    return landed, frozenset(extras)


def _landed(store: Store, name: str) -> Iterator[tuple[str, int]]:
    file = TemporaryFile(".parquet")
    with file.path.open("wb") as out:
        for chunk in store.read(f"{FOLDER}/{name}"):
            out.write(chunk)
    with pq.ParquetFile(file.path) as parquet:
        for batch in parquet.iter_batches(columns=["path", "size"]):
            yield from zip(
                batch.column("path").to_pylist(), batch.column("size").to_pylist(), strict=True
            )


def _is_log(meta: ObjectMeta, extras: frozenset[str]) -> bool:
    """A log whose every commit is ours has nothing of others but what was carried into it."""
    path = meta.path
    if not path.startswith(f"{LOG}/"):
        return False
    return (
        path in extras
        or path == LAST_CHECKPOINT
        or parse_name(meta) is not None
        or path.startswith((f"{FOLDER}/", f"{LOG}/_sidecars/"))
    )
