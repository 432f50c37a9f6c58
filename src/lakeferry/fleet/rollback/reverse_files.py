"""Files that were written at the target of a Parquet table, or of a folder, carried to its source.

A source without a log cannot take a commit, only files, and each is seen there as it lands. So what
is carried is new files; commits that removed or rewrote some are refused by name before anything.
Source: Delta protocol, "Add File and Remove File".
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from lakeferry.clone.folder import listed_files, sync_files
from lakeferry.clone.folder_state import mark_of, read_marks
from lakeferry.clone.hive_path import partition_of, stored_value
from lakeferry.clone.parquet_clone import clone_parquet
from lakeferry.clone.parquet_folder import Listed, is_hidden
from lakeferry.clone.parquet_look import list_state
from lakeferry.clone.places import Places
from lakeferry.clone.report import CloneReport
from lakeferry.clone.surroundings import Surroundings
from lakeferry.delta.paths import below, canonical
from lakeferry.delta.snapshot import Snapshot, read_snapshot
from lakeferry.errors import FerryError
from lakeferry.events import silent
from lakeferry.fleet.cutover.beside import request_of
from lakeferry.fleet.cutover.folder_switched import changed_since
from lakeferry.fleet.cutover.sides import Stores
from lakeferry.fleet.proof.prove_beside import digest_of
from lakeferry.fleet.rollback.plan import Back, both_written
from lakeferry.fleet.sync.beside_delta import apart_of, declared_of
from lakeferry.store.protocol import Store

_LOOKS = 16  # listings at once


class _New(NamedTuple):
    """A file that the target has and the source lacks. Its path is the same on both sides."""

    path: str
    size: int


def check_files(stores: Stores, back: Back) -> None:
    """Whether all that was written can be carried to the source; nothing is changed.

    Raises:
        FerryError: LF-8079 the source was written, too; LF-8084 what no folder can take.
    """
    _to_carry(stores, back)


def carry_files_back(stores: Stores, back: Back) -> CloneReport:
    """Copy them, and note at the target that both sides are equal again. Twice is once.

    Raises:
        FerryError: as `check_files`; as a sync of the table.
    """
    source, target = stores.source(back.row), stores.target(back.row)
    for new in _to_carry(stores, back):
        _copy(target, source, new)
    source.settle()
    request = request_of(stores, back.row)
    if back.row.kind == "folder":
        return sync_files(request, apart_of(back.row, stores.every))
    declared = declared_of(stores.wanted.sources[back.row.source], back.row)
    is_equal = {one.lands for one in _listed(stores, back).files} == _live(_head(stores, back))
    return clone_parquet(replace(request, replace=not is_equal), declared)


def _to_carry(stores: Stores, back: Back) -> list[_New]:
    if back.row.kind == "folder":
        return list(_of_folder(stores, back))
    return list(_of_table(stores, back))


# ---- a folder


def _of_folder(stores: Stores, back: Back) -> Iterator[_New]:
    source, target = stores.source(back.row), stores.target(back.row)
    found = changed_since(target, int(back.body["cut_over_at_ms"]))
    written = {meta.path: meta.size for meta in found.written}
    held = read_marks(target)
    here, over = set(), 0
    for meta in listed_files(source, apart_of(back.row, stores.every)):
        over += meta.path in written
        if held.has([mark_of(meta)])[0]:
            continue
        # New at the source since the switch: ours, carried by a run before, or somebody's.
        if written.get(meta.path) != meta.size or not _is_same(source, target, meta.path):
            raise both_written(back, f"`{meta.path}` was written there since the switch")
        here.add(meta.path)
    if found.gone > over:
        raise _refused(
            back, f"{found.gone - over:,} of its files were deleted, and nothing is deleted there",
            "delete there by hand what is to go, or bring it back to the target",
        )  # fmt: skip
    yield from (_New(path, size) for path, size in written.items() if path not in here)


# ---- a Parquet table


def _of_table(stores: Stores, back: Back) -> Iterator[_New]:
    then = read_snapshot(stores.target(back.row), version=back.target_version)
    now = _head(stores, back)
    before, state = _live(then), _listed(stores, back)
    after = _live(now)
    new = tuple(_appended(back, then, now, state, before))
    sizes = {one.path: one.size for one in new}
    is_ours = set()
    for file in state.files:
        is_known = file.lands in before or file.lands in after
        is_equal = not is_known and sizes.get(file.path) == file.size and _is_same(
            stores.source(back.row), stores.target(back.row), file.path
        )  # fmt: skip
        if not (is_known or is_equal):
            raise both_written(back, f"`{file.path}` was written there since the switch")
        is_ours.add(file.path)
    # What an earlier run has carried and noted has the name there by which it would land here.
    landed = {one.lands for one in state.files}
    if gone := sorted(before - landed):
        raise both_written(back, f"a file is gone there: it landed as `{gone[0]}`")
    yield from (one for one in new if one.path not in is_ours and one.path not in landed)


def _appended(
    back: Back, then: Snapshot, now: Snapshot, state: Listed, before: set[str]
) -> Iterator[_New]:
    """The files that were appended. Raises LF-8084 where more was done than that."""
    if (now.metadata.schema_string, now.metadata.partition_columns) != (
        then.metadata.schema_string, then.metadata.partition_columns,
    ):  # fmt: skip
        raise _refused(back, "the columns of the table were changed")
    live, rows = set(), []
    columns = ["path", "partitionValues", "size", "deletionVector"]
    for batch in now.files.batches(columns):
        rows += batch.to_pylist()
    root = canonical(now.url)
    for row in rows:
        path = below(row["path"], root)
        if path is None:
            raise _refused(back, f"a file lies outside of the table: {row['path']}")
        live.add(path)
        if row["deletionVector"] is not None:
            raise _refused(back, f"rows of `{path}` were deleted by a deletion vector")
        if path not in before:
            _check_place(back, path, row, state)
            yield _New(path, row["size"])
    if gone := sorted(before - live):
        raise _refused(back, f"`{gone[0]}` was removed or rewritten")


def _check_place(back: Back, path: str, row: dict[str, Any], state: Listed) -> None:
    """Readers of the source find a file by its name, and its partition by its folders."""
    if is_hidden(path):
        raise _refused(back, f"readers of the source would not see `{path}`, by its name")
    pairs = partition_of(path)
    said = dict(row["partitionValues"] or ())
    if pairs is None or tuple(name for name, _ in pairs) != state.columns:
        raise _refused(back, f"`{path}` does not lie in the folders of its partition")
    for name, value in pairs:
        if stored_value(value, state.types[name]) != said.get(name):
            raise _refused(back, f"`{path}` lies in the folder of another partition")


def _listed(stores: Stores, back: Back) -> Listed:
    declared = declared_of(stores.wanted.sources[back.row.source], back.row)
    if declared.places is not None:
        raise _refused(back, "only a metastore knows the partitions of the source")
    places = Places(stores.source(back.row), stores.target(back.row), _nowhere)
    return list_state(declared, Surroundings(places, None, silent), jobs=_LOOKS)


def _nowhere(url: str) -> tuple[Store, str]:
    raise AssertionError(url)  # only of partitions that a metastore knows


def _head(stores: Stores, back: Back) -> Snapshot:
    return read_snapshot(stores.target(back.row))


def _live(snapshot: Snapshot) -> set[str]:
    root = canonical(snapshot.url)
    return {
        below(path, root) or path
        for batch in snapshot.files.batches(["path"])
        for path in batch.column("path").to_pylist()
    }


# ---- files


def _copy(target: Store, source: Store, new: _New) -> None:
    if source.copy_from(target, new.path, new.path) is None:
        source.write(new.path, target.read(new.path), size=new.size)


def _is_same(source: Store, target: Store, path: str) -> bool:
    try:
        return digest_of(source, path) == digest_of(target, path)
    except FileNotFoundError:
        return False


def _refused(
    back: Back, why: str, step: str = "write the rows back yourself from the target"
) -> FerryError:
    """LF-8084."""
    return FerryError(
        "LF-8084", f"what was written to {back.row.name} cannot be carried back: {why}",
        f"{back.row.source_url} has no log, so it can only take new files",
        f"{step}, then --accept-loss; nothing was changed",
    )  # fmt: skip
