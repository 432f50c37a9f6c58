"""Files of a Parquet table -> what its Delta table at the target must hold. Pure.

A Parquet table has no versions. Its state is the listing of its files; each state that the target
took is numbered, and the record of a clone keeps the hash of the listing.

At the target a file's name tells its path, its size and its ETag (or time) at the source:
`part-0.parquet` lands as `part-0-3f2a9c1e77d0.parquet`. So a file that was written over in place
is another file there, the version before keeps its bytes, and no reader that caches a file by its
path, as Spark, Databricks and DuckDB do, is given new bytes under an old name. It also makes a copy
that was cut off safe to find again: what has the name has the bytes.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from lakeferry.clone.hive_path import folder_of, partition_of, stored_value
from lakeferry.delta.paths import canonical
from lakeferry.errors import FerryError
from lakeferry.store.protocol import ObjectMeta

MODE = "parquet"  # of a clone's record
_ENDINGS = (".parquet", ".parq", ".pq")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Place:
    """One partition as a metastore knows it."""

    values: tuple[str | None, ...]  # in the order of the table's partition columns
    url: str  # of its folder, at the table's own place or anywhere


@dataclass(frozen=True, slots=True)
class Declared:
    """What a catalog says of a table beside its files."""

    columns: tuple[str, ...] = ()  # that it is partitioned by
    types: Mapping[str, str] = field(default_factory=dict)  # of these, Delta's names; else string
    places: tuple[Place, ...] | None = None  # None: its own folders tell its partitions


class SourceFile(NamedTuple):
    """One file of the table, and where it lands. Paths are decoded."""

    path: str  # at the source, below the table's folder; or below `url`
    url: str  # decoded URL of the file, where it lies elsewhere; '' below the table's folder
    size: int  # bytes
    e_tag: str | None
    modified_ms: int
    values: tuple[str | None, ...]  # of the partition columns, as Delta states them
    lands: str  # below the target's root


@dataclass(frozen=True, slots=True)
class Listed:
    """One state of a table."""

    columns: tuple[str, ...]  # partition columns
    types: Mapping[str, str]  # of these
    files: tuple[SourceFile, ...]  # sorted by `lands`
    skipped: tuple[str, ...] = ()  # some paths of files that are no part of the table
    skipped_in_all: int = 0

    @property
    def bytes(self) -> int:
        return sum(one.size for one in self.files)

    @property
    def newest(self) -> str:
        """The path of the file that was written last; '' of none."""
        last = max(self.files, key=lambda one: (one.modified_ms, one.path), default=None)
        return "" if last is None else last.url or last.path

    @property
    def sha256(self) -> str:
        """Of the state: all that the target depends on."""
        said = hashlib.sha256(repr((self.columns, sorted(self.types.items()))).encode())
        for one in self.files:
            said.update(repr((one.lands, one.size, one.values)).encode())
        return said.hexdigest()


def id_of(url: str) -> str:
    """Of a Parquet table, which has none of its own: by its place."""
    return str(uuid5(NAMESPACE_URL, canonical(url)))


def listed_by_path(metas: Iterable[ObjectMeta], declared: Declared, *, url: str) -> Listed:
    """A table whose folders tell its partitions.

    Hidden files (`_SUCCESS`, `_temporary/...`, `.crc`) and empty ones are no part of it. Where some
    files lie in `name=value` folders, others are left out, as Hive does.

    Raises:
        FerryError: LF-4111 the folders do not all name the same columns, or a value is not of its
            column's declared type.
    """
    found: list[tuple[ObjectMeta, tuple[tuple[str, str | None], ...]]] = []
    others: list[str] = []
    for meta in metas:
        if meta.size == 0 or is_hidden(meta.path):
            continue
        pairs = partition_of(meta.path)
        if pairs is None:
            others.append(meta.path)
        else:
            found.append((meta, pairs))
    is_partitioned = any(pairs for _, pairs in found)
    kept = [(meta, pairs) for meta, pairs in found if bool(pairs) == is_partitioned]
    others += [meta.path for meta, pairs in found if bool(pairs) != is_partitioned]
    has_ending = any(is_parquet(meta.path) for meta, _ in kept)
    others += [meta.path for meta, _ in kept if has_ending and not is_parquet(meta.path)]
    kept = [(meta, pairs) for meta, pairs in kept if not has_ending or is_parquet(meta.path)]
    columns = _columns([(meta.path, pairs) for meta, pairs in kept], declared.columns, url)
    types = {name: declared.types.get(name, "string") for name in columns}
    files = []
    for meta, pairs in kept:
        values = dict(pairs)
        plain = tuple(values[name] for name in columns)
        files.append(_file(meta, plain, types, url=url))
    return _state(columns, types, files, others)


def listed_by_place(
    found: Iterable[tuple[Place, str, ObjectMeta]], declared: Declared, *, url: str
) -> Listed:
    """A table whose partitions only a metastore knows.

    Args:
        found: partition, decoded URL of the file where it lies outside the table's folder (else
            ''), and the file: its path is below the table's folder, or below the partition's.
    """
    columns = declared.columns
    types = {name: declared.types.get(name, "string") for name in columns}
    files, others = [], []
    seen: list[tuple[Place, str, ObjectMeta]] = []
    for place, outside, meta in found:
        if meta.size and not is_hidden(meta.path):
            seen.append((place, outside, meta))
    has_ending = any(is_parquet(meta.path) for _, _, meta in seen)
    for place, outside, meta in seen:
        if has_ending and not is_parquet(meta.path):
            others.append(outside or meta.path)
            continue
        folder = folder_of(columns, place.values) if outside else ""
        files.append(_file(meta, place.values, types, url=url, outside=outside, folder=folder))
    return _state(columns, types, files, others)


def is_hidden(path: str) -> bool:
    """Whether readers of Hive and Spark leave a file out, by its name or by a folder's."""
    return any(part.startswith((".", "_")) and "=" not in part for part in path.split("/"))


def is_parquet(path: str) -> bool:
    """By its ending. Hive writes none."""
    return path.lower().endswith(_ENDINGS)


def is_older_of(before: Listed, now: Listed) -> bool:
    """Whether all files of `before` are in `now` as they were, so that it is a state of its own."""
    there = {one.lands for one in now.files}
    return all(one.lands in there for one in before.files)


def landing_name(path: str, mark: str) -> str:
    """A file's name with the mark of its bytes before its ending."""
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    if not dot or not stem:
        stem, dot, ending = name, "", ""
    return f"{folder}{slash}{stem}-{mark}{dot}{ending}"


def _file(
    meta: ObjectMeta,
    values: tuple[str | None, ...],
    types: Mapping[str, str],
    *,
    url: str,
    outside: str = "",
    folder: str = "",
) -> SourceFile:
    when = meta.modified_ms or 0
    said = (outside or meta.path, meta.size, meta.e_tag or when)
    mark = hashlib.sha256(repr(said).encode()).hexdigest()[:12]
    name = meta.path.rpartition("/")[2]
    path = f"{folder}/{name}" if folder else (name if outside else meta.path)
    try:
        plain = tuple(stored_value(value, kind)
                      for value, kind in zip(values, types.values(), strict=True))  # fmt: skip
    except ValueError as error:
        raise FerryError(
            "LF-4111",
            f"the value of a partition is not of its column's type: {error}",
            f"{outside or f'{url}/{meta.path}'}; {dict(types)}",
            "mend the partition or the type in the catalog, then run again",
        ) from error
    return SourceFile(
        meta.path, outside, meta.size, meta.e_tag, when, plain, landing_name(path, mark)
    )


def _columns(
    found: Sequence[tuple[str, tuple[tuple[str, str | None], ...]]],
    declared: tuple[str, ...],
    url: str,
) -> tuple[str, ...]:
    if not found:
        return declared
    first_path, first = found[0]
    names = tuple(name for name, _ in first)
    for path, pairs in found:
        if tuple(name for name, _ in pairs) != names:
            raise FerryError(
                "LF-4111",
                "folders of the table name different partition columns",
                f"{url}: `{first_path}` and `{path}`",
                "move the files that are another table's out of the folder, then run again",
            )
    return names


def _state(
    columns: tuple[str, ...], types: Mapping[str, str], files: list[SourceFile], others: list[str]
) -> Listed:
    files.sort(key=lambda one: one.lands)
    return Listed(columns, types, tuple(files), tuple(sorted(others)[:_SHOWN]), len(others))


def fresh(state: Listed, there: frozenset[str]) -> Iterator[SourceFile]:
    """The files that the target's table lacks. `there`: its live files, decoded."""
    return (one for one in state.files if one.lands not in there)
