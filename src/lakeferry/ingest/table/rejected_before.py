"""Bad records that lie in quarantine though the table's positions do not have them yet.

The two tables do not commit at once, and that of bad records commits first. Between the two the
process may die, or the table get other rules; then the records are read again, and of those the
quarantine table has just the ones that it has: one that was good by then may break a rule now. They
may lie in files of other programs by then, which joined small ones.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.delta.paths import below, canonical
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.ingest.crew.joining import further, rejected_places
from lakeferry.ingest.dedup.seen_before import may_hold
from lakeferry.ingest.position.state import After, Ended, IngestState, Position, StreamIdentity
from lakeferry.ingest.table.orphans import file_of_any, own_file
from lakeferry.ingest.table.target import Target
from lakeferry.ingest.worker.messages import RowKey
from lakeferry.store.seekable import Seekable

Known = Mapping[str, frozenset[RowKey]] | None  # by shard; None: all up to where it stands
MOST_KEYS = 250_000  # some 50 MB; a table that was set back by far has more
# Before what the table has all of: arrivals rise but for a few. The epochs of rows tell nothing: a
# table may go on by fewer records than were read before a crash, and then stand within those; or it
# is a new one, and the quarantine that of a former one.
APART_MS = 15 * 60_000
_ARRIVAL = "approximateArrivalTimestamp"
_NAMES = ("stream", "shardId", "sequenceNumber", "subSequenceNumber")


def rejected_before(
    name: str,
    rejected: Target,
    state: IngestState,
    stream: StreamIdentity,
    shards: Collection[str] | None = None,
) -> Known:
    """The records of this ingest that lie in quarantine beyond where the table stands.

    Args:
        name: of the ingest. Its files are named by the name that `rejected` has; before it had
            one of its own there, by this one.
        state: of the table.
        stream: that is read.
        shards: that may be read from here on; None: all. Where a shard stands that is read to its
            end stays in quarantine for ever.

    Raises:
        FerryError: LF-4101, LF-4109 a file of the quarantine table is gone or broken.
    """
    places = rejected_places(rejected.state, stream)
    read = places.keys() if shards is None else places.keys() & shards
    ahead = {shard for shard in read if _is_ahead(places[shard], state.shards.get(shard))}
    if not ahead:
        return {}
    names = {rejected.name} | ({name} if rejected.state and not rejected.state.epoch else set())
    found: dict[str, set[RowKey]] = defaultdict(set)
    keys = 0
    for path, size in _files(rejected, names, _read_until(state) - APART_MS):
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


def _read_until(state: IngestState) -> int:
    """What came before it the table has, or its quarantine; since the epoch, in milliseconds."""
    places = state.places
    going_on = [
        one.read_until_ms
        for one in places.values()
        if not isinstance(one, Ended) or any(child not in places for child in one.children)
    ]
    return min(going_on, default=0)


def _files(rejected: Target, names: set[str], since_ms: int) -> Iterator[tuple[str, int]]:
    """Path below the table and bytes of the files that may hold rows that arrived since."""
    root = canonical(rejected.store.url)
    arrival = rejected.form.physical.get(_ARRIVAL, _ARRIVAL)
    for batch in read_snapshot(rejected.store).files.batches(["path", "size", "stats"]):
        for path, size, stats in zip(*(one.to_pylist() for one in batch.columns), strict=True):
            inner = below(path, root)
            is_own = any(own_file(path, one) for one in names) or not file_of_any(path)
            if is_own and inner is not None and may_hold(stats, arrival, since_ms):
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
