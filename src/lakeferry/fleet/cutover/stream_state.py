"""The checkpoint folder of a streaming query: read where it stands, carried to another place.

Source: Spark, `OffsetSeqLog` and `CommitLog` ("v1", metadata, one line a source); Delta,
`DeltaSourceOffset`; `FileStreamSourceLog` for what a file source has read. Databricks, "Monitoring
Structured Streaming queries": `lastInputPath` in the offset of Auto Loader, whose other state is a
RocksDB that nobody else reads; offsets of older versions have none.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import orjson

from lakeferry.errors import FerryError
from lakeferry.fleet.cutover.stream_ways import ReadPosition, StreamPosition
from lakeferry.fleet.discovery.look_at_folder import newest_batch
from lakeferry.store.protocol import ObjectMeta, Store, read_all
from lakeferry.workers import map_threads

AT_ONCE = 16  # files of a checkpoint: a hundred small ones, or thousands with state, in the pause
MOST_LANDING = 1000  # addresses of files that are kept; all are counted
_MOST_LOG = 64 << 20  # bytes of one file of a file source's log
TRIES = 50  # folders beside each other


def read_position(store: Store) -> StreamPosition | None:
    """Where the query stands; None where no checkpoint is."""
    try:
        query_id = str(orjson.loads(read_all(store, "metadata"))["id"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    offset = newest_batch(store, "offsets")
    lines = () if offset is None else _offsets(store, f"offsets/{offset}")
    landing, files = _landing(store)
    return StreamPosition(
        url=store.url,
        query_id=query_id,
        last_batch=offset,
        last_commit=newest_batch(store, "commits"),
        reads=_reads(lines),
        landing=landing,
        landing_files=files,
        is_auto_loader=any("/rocksdb/" in meta.path for meta in store.list("sources")),
        inputs=tuple(str(one["lastInputPath"]) for one in lines if one.get("lastInputPath")),
    )


def carry(source: Store, target: Store, *, on_silence: Callable[[], None] | None = None) -> int:
    """Copy a stopped query's checkpoint; the files. `metadata`, without which it is none, last.

    Args:
        on_silence: called some times a second meanwhile.

    Raises:
        FerryError: LF-8075 where the query went on meanwhile.
    """
    before = read_position(source)
    metas = list(_files(source))
    last = [meta for meta in metas if meta.path == "metadata"]
    first = (meta for meta in metas if meta.path != "metadata")

    def copy(meta: ObjectMeta) -> None:
        target.write(meta.path, source.read(meta.path), size=meta.size)

    try:
        for _ in map_threads(copy, first, count=AT_ONCE, on_silence=on_silence):
            pass
        for meta in last:
            copy(meta)
    except FileNotFoundError as error:  # a query purges what it needs no longer
        raise running(source.url) from error
    target.settle()
    if read_position(source) != before:
        raise running(source.url)
    return len(metas)


def running(url: str) -> FerryError:
    """LF-8075."""
    return FerryError(
        "LF-8075",
        "a stream went on while its checkpoint was copied",
        url,
        "stop the stream, then run the same command again",
    )


def room_for(source: Store, url: str, open_at: Callable[[str], Store]) -> str:
    """The first of `url`, `url-2`, ... where nothing lies, or a part of this very checkpoint.

    A copy that a stream has gone on with is never written over. Raises LF-8075 where none is free.
    """
    for number in range(1, TRIES + 1):
        place = url if number == 1 else f"{url}-{number}"
        if has_room(source, open_at(place)):
            return place
    raise FerryError(
        "LF-8075", "there is no room for a stream's checkpoint", url,
        "move the older copies of it away",
    )  # fmt: skip


def has_room(source: Store, target: Store) -> bool:
    """Whether what lies at the target is nothing, or a part of this very checkpoint."""
    here = {meta.path: meta.size for meta in _files(source)}
    return all(here.get(meta.path) == meta.size for meta in target.list(""))


def _files(store: Store) -> Iterator[ObjectMeta]:
    """Without the side files of Hadoop's local disk, which would not fit edited or renamed ones."""
    for meta in store.list(""):
        name = meta.path.rpartition("/")[2]
        if not (name.startswith(".") and name.endswith((".crc", ".tmp"))):
            yield meta


def _offsets(store: Store, path: str) -> tuple[dict[str, Any], ...]:
    """Each line behind the second is the offset of a source; of some it is an object."""
    found = []
    with suppress(FileNotFoundError):
        for line in read_all(store, path).splitlines()[2:]:
            with suppress(ValueError):
                said = orjson.loads(line)
                found += [said] if isinstance(said, dict) else []
    return tuple(found)


def _reads(offsets: Iterable[dict[str, Any]]) -> tuple[ReadPosition, ...]:
    """Those of Delta name a table."""
    found = []
    for said in offsets:
        with suppress(ValueError, KeyError, TypeError):
            found.append(ReadPosition(
                str(said["reservoirId"]), int(said["reservoirVersion"]),
                int(said.get("index", -1)), bool(said.get("isStartingVersion", False)),
            ))  # fmt: skip
    return tuple(found)


def _landing(store: Store) -> tuple[tuple[str, ...], int]:
    """What a file source has read: some addresses, and how many."""
    seen: dict[str, None] = {}
    for meta in store.list("sources"):
        name = meta.path.rpartition("/")[2].removesuffix(".compact")
        if not name.isdecimal() or meta.size > _MOST_LOG:
            continue
        with suppress(FileNotFoundError):
            for line in read_all(store, meta.path).splitlines()[1:]:
                with suppress(ValueError, KeyError, TypeError):
                    seen[str(orjson.loads(line)["path"])] = None
    return tuple(seen)[:MOST_LANDING], len(seen)
