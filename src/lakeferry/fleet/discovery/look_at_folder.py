"""One folder of a lake -> what it is, and which folders below it are to be looked into."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate

import orjson

from lakeferry.delta.log import LOG
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.folder_kind import (
    PARQUET,
    PARTITION,
    Content,
    ending_of,
    is_hidden,
    newest_metadata,
    partition_columns,
)
from lakeferry.fleet.discovery.found import DeltaHead, Kind, QueryState, Remark
from lakeferry.fleet.discovery.plain_folders import Plain
from lakeferry.fleet.discovery.read_head import read_head
from lakeferry.store.part import Part
from lakeferry.store.protocol import Folder, Store, read_all

MOST_METADATA = 64 << 20  # bytes of an Iceberg metadata file that is still read
_MAGIC = {b"PAR1": PARQUET, b"ORC": "orc", b"Obj\x01": "avro"}
_NOT_DELTA = {
    "iceberg": "convert it in place (CONVERT TO DELTA iceberg.`PATH` in Databricks) and discover "
    "again, or move it with Iceberg's own rewrite_table_path",
    "hudi": "let Apache XTable write a Delta log beside it and discover again, or rewrite it",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What one folder is. `kind` None: neither a table nor a checkpoint."""

    kind: Kind | None
    files: int | None = None
    bytes: int | None = None
    head: DeltaHead | None = None
    query: QueryState | None = None
    partition_columns: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    folders: tuple[str, ...] = ()  # names of those to look into
    plain: Plain | None = None  # files directly in it that belong to no table
    is_there: bool = True


@dataclass(frozen=True, slots=True)
class Clock:
    """When a discovery looks, so that all of its looks are of one time."""

    now_ms: int
    window_ms: int  # over which commits are counted


def look_at(part: Part, *, is_wanted: Callable[[Kind], bool], clock: Clock) -> Look:
    """Look at the folder that `part` is.

    Args:
        is_wanted: whether a table of a kind is read here, or only told to be there.

    Raises:
        FerryError: the store refuses, or does not answer.
    """
    if not is_wanted("delta"):
        if next(iter(part.list(LOG)), None) is not None:
            return Look("delta")
    else:
        read = read_head(part, now_ms=clock.now_ms, window_ms=clock.window_ms)
        if read is not None:
            return Look("delta", read.files, read.bytes, read.head, remarks=read.remarks)
    content = Content()
    for found in part.entries(""):
        content.take(found)
    return _look(part, content, is_wanted)


def _look(part: Part, content: Content, is_wanted: Callable[[Kind], bool]) -> Look:
    if content.is_hudi:
        return _foreign("hudi")
    if content.is_checkpoint:
        return Look("checkpoint", query=_query(part))
    if content.may_be_iceberg:
        found = _iceberg(part)
        if found is not None:
            return found
    if content.sample and content.formats.keys() <= {""}:
        ending = _ending_by_magic(part, content.sample)
        content.formats = Counter({ending: content.formats[""]})
        content.bytes_of = Counter({ending: content.bytes_of[""]})
    if content.partitions:
        found = _partitioned(part, is_wanted("parquet"))
        if found is None:  # tables lie below the partitions: folders like any other
            names = [entry.path for entry in part.entries("") if isinstance(entry, Folder)]
            content.folders += [name for name in names if PARTITION.fullmatch(name)]
        else:
            return _with_folders(found, content)
    if content.is_parquet:
        found = Look("parquet", content.formats[PARQUET], content.bytes_of[PARQUET])
        return _with_folders(found, content)
    plain = Plain(content.files, content.bytes, content.formats) if content.files else None
    return Look(None, folders=tuple(content.folders), plain=plain, is_there=not content.is_empty)


def _with_folders(found: Look, content: Content) -> Look:
    """Of a folder that is a table by its files other folders may lie in it, too."""
    return Look(
        found.kind, found.files, found.bytes, partition_columns=found.partition_columns,
        folders=tuple(content.folders), plain=found.plain,
    )  # fmt: skip


def _foreign(kind: Kind) -> Look:
    what = f"it is a table of Apache {kind.title()}, which has no Delta log to clone"
    return Look(kind, remarks=(Remark("LF-8052", what, _NOT_DELTA[kind]),))


# ---- Parquet


@dataclass
class _Files:
    """Files below `name=value` folders."""

    plain: Plain = field(default_factory=Plain)
    bytes_of: Counter[str] = field(default_factory=Counter)
    columns: tuple[str, ...] = ()
    sample: str = ""  # a file without an ending


def _partitioned(part: Part, is_wanted: bool) -> Look | None:
    """Of a folder with `name=value` folders; None where these hold Delta tables.

    Only listing tells how much it is: nothing else counts the files of such a table.
    """
    found = _Files()
    for meta in part.list(""):
        if f"/{LOG}/" in meta.path:
            return None
        name = meta.path.rpartition("/")[2]
        columns = partition_columns(meta.path)
        if meta.size == 0 or is_hidden(name) or not columns:
            continue
        ending = ending_of(name)
        found.plain.add(Plain(1, meta.size, Counter({ending: 1})))
        found.bytes_of[ending] += meta.size
        found.columns = found.columns or columns
        found.sample = found.sample or ("" if ending else meta.path)
        if not is_wanted:  # then one file tells what it is, unless it is of a table with a log
            if _has_log_above(part, meta.path):
                return None
            break
    formats = found.plain.formats
    ending = PARQUET if formats[PARQUET] else ""
    if not formats[ending] or (not ending and _ending_by_magic(part, found.sample) != PARQUET):
        return Look(None, plain=found.plain if found.plain.files else None)
    return Look("parquet", formats[ending], found.bytes_of[ending], partition_columns=found.columns)


def _has_log_above(part: Part, path: str) -> bool:
    """Whether a folder between the part and the file is a Delta table."""
    above = accumulate(path.split("/")[:-1], "{}/{}".format)
    return any(next(iter(part.list(f"{one}/{LOG}")), None) is not None for one in above)


def _ending_by_magic(part: Part, path: str) -> str:
    """Of a file without an ending, as Hive writes them, by its first bytes; '' is none known."""
    with suppress(FerryError, FileNotFoundError):
        begin = b"".join(part.read(path, end=4))
        return next((one for magic, one in _MAGIC.items() if begin.startswith(magic)), "")
    return ""


# ---- others


def _iceberg(part: Part) -> Look | None:
    """None where the folder `metadata` is none of Iceberg's."""
    names = {meta.path.rpartition("/")[2]: meta for meta in part.entries("metadata")
             if not isinstance(meta, Folder)}  # fmt: skip
    newest = newest_metadata(names)
    if newest is None:
        return None
    found = _foreign("iceberg")
    if names[newest].size > MOST_METADATA or newest.endswith(".gz.metadata.json"):
        return found
    try:
        body = orjson.loads(read_all(part, f"metadata/{newest}"))
        current = body.get("current-snapshot-id")
        snapshot = next(one for one in body["snapshots"] if one["snapshot-id"] == current)
        told = snapshot["summary"]
        files, size = int(told["total-data-files"]), int(told["total-files-size"])
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration, FileNotFoundError):
        return found  # an empty table, or a writer that counts nothing
    return Look("iceberg", files, size, remarks=found.remarks)


def _query(store: Store) -> QueryState:
    """Of the checkpoint at the store's root; what cannot be read is left out."""
    query_id = ""
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        query_id = str(orjson.loads(read_all(store, "metadata"))["id"])
    offset = newest_batch(store, "offsets")
    sources = store.entries("sources/0")
    return QueryState(
        query_id=query_id,
        last_batch=offset,
        last_commit=newest_batch(store, "commits"),
        reads=() if offset is None else _delta_ids(store, f"offsets/{offset}"),
        is_auto_loader=any(entry.path.endswith("/rocksdb") for entry in sources),
    )


def newest_batch(store: Store, folder: str) -> int | None:
    """The highest batch in `offsets` or `commits` of a checkpoint; None where it has none."""
    names = (meta.path.rpartition("/")[2] for meta in store.list(folder, recursive=False))
    return max((int(name) for name in names if _is_batch(name)), default=None)


def _is_batch(name: str) -> bool:
    return name.isdecimal() and len(name) < 19  # a long


def _delta_ids(store: Store, path: str) -> tuple[str, ...]:
    """The tables that a query reads: each line behind the second is the offset of a source."""
    found = []
    with suppress(FileNotFoundError):
        for line in read_all(store, path).splitlines()[2:]:
            with suppress(ValueError, KeyError, TypeError):
                found.append(str(orjson.loads(line)["reservoirId"]))
    return tuple(dict.fromkeys(found))
