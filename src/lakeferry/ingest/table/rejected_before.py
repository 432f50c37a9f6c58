"""Bad records that lie in quarantine though the table's positions do not have them yet.

The two tables do not commit at once, and that of bad records commits first. Between the two the
process may die, or the table get other rules; then the records are read again, and of those the
quarantine table has just the ones that it has: one that was good by then may break a rule now. They
may lie in files of other programs by then, which joined small ones.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.delta.paths import below, canonical
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.ingest.crew.joining import further, rejected_places
from lakeferry.ingest.position.state import After, Ended, IngestState, Position, StreamIdentity
from lakeferry.ingest.table.orphans import file_of_any, own_file
from lakeferry.ingest.table.target import Target
from lakeferry.ingest.worker.messages import RowKey
from lakeferry.store.seekable import Seekable

Known = Mapping[str, frozenset[RowKey]] | None  # by shard; None: all up to where it stands
MOST_KEYS = 250_000  # some 50 MB; a table that was set back by far has more
# Rows tell the epoch that they were meant for. Each gap that is accepted meanwhile, one an hour at
# most, is an epoch between: then the table may be so many further.
MOST_GAPS = 100
_NAMES = ("stream", "shardId", "sequenceNumber", "subSequenceNumber")


def rejected_before(
    name: str,
    rejected: Target,
    state: IngestState,
    stream: StreamIdentity,
    made_ms: int | None = None,
) -> Known:
    """The records of this ingest that lie in quarantine beyond where the table stands.

    Args:
        name: of the ingest. Its files are named by the name that `rejected` has; before it had
            one of its own there, by this one.
        state: of the table.
        stream: that is read.
        made_ms: when the table was made, since the epoch. What is older in quarantine is of a table
            that was there before it, whose epochs were others. None: it is not known.

    Raises:
        FerryError: LF-4101, LF-4109 a file of the quarantine table is gone or broken.
    """
    places = rejected_places(rejected.state, stream)
    ahead = {shard for shard, place in places.items() if _is_ahead(place, state.shards.get(shard))}
    if not ahead:
        return {}
    names = {rejected.name} | ({name} if rejected.state and not rejected.state.epoch else set())
    since = state.epoch + 1 - (MOST_GAPS if state.gaps else 0)
    found: dict[str, set[RowKey]] = defaultdict(set)
    keys = 0
    for path, size in _files(rejected, names, since, made_ms or 0):
        for whose, shard, sequence, sub in _rows(rejected, path, size):
            is_ours = whose.rpartition("/")[2] == stream.name  # a name or an ARN, as it was given
            if is_ours and shard in ahead and _is_beyond(sequence, state.shards.get(shard)):
                found[shard].add((sequence, sub))
                keys += 1
        if keys > MOST_KEYS:
            return None
    return {shard: frozenset(those) for shard, those in found.items()}


def _is_ahead(place: Position, stands: Position | None) -> bool:
    return isinstance(place, After | Ended) if stands is None else further(place, stands)


def _is_beyond(sequence: str, stands: Position | None) -> bool:
    if isinstance(stands, After):
        return int(sequence) > int(stands.sequence_number)
    return not isinstance(stands, Ended)


_FILE = ["path", "size", "modificationTime", "stats"]


def _files(
    rejected: Target, names: set[str], since: int, made_ms: int
) -> Iterator[tuple[str, int]]:
    """Path below the table and bytes of the files that may hold rows of this epoch or later."""
    root = canonical(rejected.store.url)
    for batch in read_snapshot(rejected.store).files.batches(_FILE):
        columns = (batch.column(one).to_pylist() for one in _FILE)
        for path, size, written_ms, stats in zip(*columns, strict=True):
            newest = orjson.loads(stats or "{}").get("maxValues", {}).get("epoch")
            inner = below(path, root)
            is_own = any(own_file(path, one) for one in names) or not file_of_any(path)
            may_hold = newest is None or newest >= since or (written_ms or 0) < made_ms
            if is_own and inner is not None and may_hold:
                yield inner, size


def _rows(rejected: Target, path: str, size: int) -> Iterator[tuple[str, str, str, int | None]]:
    """Stream, shard, sequence number and sub-sequence number."""
    store, physical = rejected.store, rejected.form.physical
    columns = [physical.get(name, name) for name in _NAMES]
    try:
        body = pa.PythonFile(Seekable(store, path, size), mode="r")
        with pq.ParquetFile(body, pre_buffer=True) as opened:
            for batch in opened.iter_batches(columns=columns):
                yield from zip(*(batch.column(one).to_pylist() for one in columns), strict=True)
    except FileNotFoundError as error:
        raise _unread("LF-4101", f"`{path}` is not there", store.url) from error
    except (pa.ArrowException, OSError) as error:
        raise _unread("LF-4109", f"`{path}` cannot be read: {error}", store.url) from error


def _unread(code: str, what: str, url: str) -> FerryError:
    return FerryError(
        code,
        what,
        f"{url}: it may have bad records that the table's positions do not have yet",
        "restore the file, or remove it from the table with FSCK REPAIR",
    )
