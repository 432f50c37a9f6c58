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
from uuid import NAMESPACE_URL, uuid5

import pyarrow as pa

from lakeferry.clone.hive_path import folder_of, partition_of, stored_value
from lakeferry.clone.source_files import (
    HELD_BYTES,
    SourceFile,
    SourceFiles,
    blocks,
    collected,
)
from lakeferry.delta.files import FileSet, FileWriter
from lakeferry.delta.paths import canonical
from lakeferry.errors import FerryError
from lakeferry.store.protocol import ObjectMeta

MODE = "parquet"  # of a clone's record
_ENDINGS = (".parquet", ".parq", ".pq")
_SHOWN = 5
Found = tuple["Place | None", str, ObjectMeta]  # see `listed_by_place`
Typed = tuple[Mapping[str, str], SourceFile]  # the table's partition columns, a file of it


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


@dataclass(frozen=True, slots=True)
class Listed:
    """One state of a table."""

    columns: tuple[str, ...]  # partition columns
    types: Mapping[str, str]  # of these
    files: SourceFiles
    sha256: str  # of the state: all that the target depends on, in whatever order it was listed
    newest: str = ""  # the path of the file that was written last
    skipped: tuple[str, ...] = ()  # some paths of files that are no part of the table
    skipped_in_all: int = 0

    @property
    def bytes(self) -> int:
        return self.files.bytes


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
    writer, others = FileWriter(_FOUND, spill_bytes=HELD_BYTES), _Others()
    is_parted, ends = False, {False: False, True: False}  # of files within partitions, and beside
    for block in blocks(metas):
        rows = []
        for meta in block:
            if meta.size == 0 or is_hidden(meta.path):
                continue
            pairs = partition_of(meta.path)
            if pairs is None:
                others.take(meta.path)
                continue
            is_parted |= bool(pairs)
            ends[bool(pairs)] |= is_parquet(meta.path)
            rows.append((0, "", meta))
        writer.write(_found_rows(rows))
    return _state(
        _of_paths(writer.finish(), others, declared, url, is_parted, has_ending=ends[is_parted]),
        declared, others,
    )  # fmt: skip


def _of_paths(
    found: FileSet, others: "_Others", declared: Declared, url: str, is_parted: bool, *,
    has_ending: bool,
) -> Iterator[Typed]:  # fmt: skip
    """The files that are of the table, each with the columns and types that all must have."""
    first: tuple[str, tuple[str, ...]] | None = None
    types: Mapping[str, str] = {}
    for _, _, meta in _rows_of(found):
        pairs = partition_of(meta.path) or ()
        if bool(pairs) != is_parted or (has_ending and not is_parquet(meta.path)):
            others.take(meta.path)
            continue
        names = tuple(name for name, _ in pairs)
        if first is None:
            first = (meta.path, names)
            types = {name: declared.types.get(name, "string") for name in names}
        elif names != first[1]:
            raise FerryError(
                "LF-4111",
                "folders of the table name different partition columns",
                f"{url}: `{first[0]}` and `{meta.path}`",
                "move the files that are another table's out of the folder, then run again",
            )
        yield types, _file(meta, tuple(value for _, value in pairs), types, url=url)


def listed_by_place(found: Iterable[Found], declared: Declared, *, url: str) -> Listed:
    """A table whose partitions only a metastore knows.

    Args:
        found: partition (None: of none), decoded URL of the file where it lies outside the table's
            folder (else ''), and the file: its path is below the table's folder, or below the
            partition's.
    """
    columns = declared.columns
    types = {name: declared.types.get(name, "string") for name in columns}
    writer, others, values = FileWriter(_FOUND, spill_bytes=HELD_BYTES), _Others(), _Numbered()
    has_ending = False
    for block in blocks(found):
        rows = []
        for place, outside, meta in block:
            if not meta.size or is_hidden(meta.path):
                continue
            if place is None:
                others.take(outside or meta.path)
            else:
                has_ending |= is_parquet(meta.path)
                rows.append((values.number(place.values), outside, meta))
        writer.write(_found_rows(rows))

    listed = writer.finish()

    def files() -> Iterator[Typed]:
        for number, outside, meta in _rows_of(listed):
            if has_ending and not is_parquet(meta.path):
                others.take(outside or meta.path)
                continue
            given = values.of[number]
            folder = folder_of(columns, given) if outside else ""
            yield types, _file(meta, given, types, url=url, outside=outside, folder=folder)

    return _state(files(), declared, others, types)


def is_hidden(path: str) -> bool:
    """Whether readers of Hive and Spark leave a file out, by its name or by a folder's."""
    return any(part.startswith((".", "_")) and "=" not in part for part in path.split("/"))


def is_parquet(path: str) -> bool:
    """By its ending. Hive writes none."""
    return path.lower().endswith(_ENDINGS)


def is_older_of(before: Listed, now: Listed) -> bool:
    """Whether all files of `before` are in `now` as they were, so that it is a state of its own."""
    return not len(before.files.less(now.files.lands))


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


def _state(
    files: Iterable[Typed],
    declared: Declared,
    others: "_Others",
    types: Mapping[str, str] | None = None,
) -> Listed:
    """What they come to; `types` where they are known before the first file."""
    seen = _Seen(dict.fromkeys(declared.columns, "string") if types is None else types)
    kept = collected(seen.passing(files))
    return Listed(
        tuple(seen.types), seen.types, kept, seen.sha256, seen.newest, others.shown, others.count
    )


@dataclass
class _Seen:
    """What is learned of files while they pass."""

    types: Mapping[str, str]
    newest: str = ""
    _newest: tuple[int, str] = (-1, "")
    _sum: int = 0  # of hashes, so that the order does not count

    def passing(self, files: Iterable[Typed]) -> Iterator[SourceFile]:
        for types, one in files:
            self.types = types
            said = hashlib.sha256(repr((one.lands, one.size, one.values)).encode())
            self._sum += int.from_bytes(said.digest())
            if (one.modified_ms, one.path) > self._newest:
                self._newest, self.newest = (one.modified_ms, one.path), one.url or one.path
            yield one

    @property
    def sha256(self) -> str:
        said = (tuple(self.types), sorted(self.types.items()), self._sum % (1 << 256))
        return hashlib.sha256(repr(said).encode()).hexdigest()


@dataclass
class _Others:
    """Files that are no part of the table: how many, and the first of them by name."""

    count: int = 0
    shown: tuple[str, ...] = ()

    def take(self, path: str) -> None:
        self.count += 1
        if len(self.shown) < _SHOWN or path < self.shown[-1]:
            self.shown = tuple(sorted((*self.shown, path))[:_SHOWN])


@dataclass
class _Numbered:
    """The values of partitions, each kept once."""

    of: list[tuple[str | None, ...]] = field(default_factory=list)
    _numbers: dict[tuple[str | None, ...], int] = field(default_factory=dict)

    def number(self, values: tuple[str | None, ...]) -> int:
        known = self._numbers.setdefault(values, len(self.of))
        if known == len(self.of):
            self.of.append(values)
        return known


# ---- listed files before it is known which of them are the table's

_FOUND = pa.schema([
    ("number", pa.int64()), ("outside", pa.string()), ("path", pa.string()), ("size", pa.int64()),
    ("e_tag", pa.string()), ("modified_ms", pa.int64()),
])  # fmt: skip


def _found_rows(rows: Sequence[tuple[int, str, ObjectMeta]]) -> pa.RecordBatch:
    plain = [
        (number, outside, one.path, one.size, one.e_tag, one.modified_ms)
        for number, outside, one in rows
    ]
    columns = list(zip(*plain, strict=True)) or [()] * len(_FOUND)
    arrays = [pa.array(each, one.type) for each, one in zip(columns, _FOUND, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=_FOUND)


def _rows_of(found: FileSet) -> Iterator[tuple[int, str, ObjectMeta]]:
    for batch in found.batches():
        for number, outside, *rest in zip(
            *(column.to_pylist() for column in batch.columns), strict=True
        ):
            yield number, outside, ObjectMeta(*rest)
