"""Read where another consumer stands, and look at the records that it names.

`kcl:TABLE` is the lease table of an application of the Kinesis Client Library in DynamoDB.
`checkpoint:DIR` is the checkpoint of a query of Spark: of lakeferry's own source, of the connector
of awslabs, or of another one whose positions are private; then only a time can be taken from it.
`shards:FILE` is a map from shards to positions, or what `lakeferry ingest --positions` prints.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import sleep
from typing import Any, TypeVar

import orjson

from lakeferry.connect.aws import AwsAccess, pages
from lakeferry.connect.aws_keys import keys_of
from lakeferry.delta.actions import Txn
from lakeferry.delta.log import list_log
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.ingest.crew.lookout import Lookout
from lakeferry.ingest.kinesis.aggregate import unpack
from lakeferry.ingest.kinesis.connection import Kinesis, Refused, Unanswered
from lakeferry.ingest.kinesis.lineage import Listing
from lakeferry.ingest.kinesis.pace import wait_after_refusal
from lakeferry.ingest.kinesis.refusal_text import refusal_error, unanswered_error
from lakeferry.ingest.position.adopt import Adopted, Looked, adopted, records_to_look_at
from lakeferry.ingest.position.standing import (
    Standing,
    is_connector_offset,
    lease_counters,
    of_connector,
    of_file,
    of_leases,
    of_state,
    unreadable,
)
from lakeferry.ingest.position.start import is_latest, parse_start
from lakeferry.ingest.position.state import IngestState
from lakeferry.ingest.settings import Ingest, SourceSettings
from lakeferry.store.open import locate, open_store
from lakeferry.store.protocol import Store, read_all

# A worker of the KCL renews its leases each third of its failover time, which is 10 s by default.
RENEWED_S = 4.0
MARGIN_MS = 15 * 60_000  # that a private reader may have been behind the time of its last batch
_CONNECTOR_FOLDER = "shard-source"
_EMPTY_PAGES = 100  # that may come before a record that is there
_BETWEEN_S = 0.2  # a shard may be asked five times a second
_TRIES = 8

Json = Mapping[str, Any]
Answer = TypeVar("Answer")
# Where lakeferry's own source stands after the batch of an offset: given the folder of its records.
OwnSource = Callable[[Store, Json], IngestState]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be adopted."""

    kind: str  # 'kcl', 'checkpoint' or 'shards'
    place: str  # name, URL or path
    metadata: str = ""  # URL of the folder where a query's source keeps its own records


def parse_wish(text: str) -> Wish:
    """The wish of `kcl:TABLE`, `checkpoint:DIR[,metadata=DIR]` or `shards:FILE`.

    Raises:
        FerryError: LF-7082 for anything else.
    """
    kind, _, place = text.partition(":")
    place, _, metadata = place.partition(",metadata=")
    if kind not in ("kcl", "checkpoint", "shards") or not place or (metadata and kind[0] != "c"):
        raise unreadable(text, "it is none of kcl:TABLE, checkpoint:DIR, shards:FILE")
    return Wish(kind, place, metadata)


def adopt(
    text: str, ingest: Ingest, *, own: OwnSource | None = None, renewed_s: float = RENEWED_S
) -> Adopted:
    """Where an ingest that is new begins, so that it goes on where another consumer stands.

    Args:
        text: see `parse_wish`.
        ingest: its `start`, if it is a time or the trim horizon, is where the other consumer was
            told to begin; its `on_loss` whether records may be missing.
        own: reads what lakeferry's source for Spark has recorded.
        renewed_s: how long the KCL's leases are watched for somebody who still works on them.

    Raises:
        FerryError: LF-7082 to LF-7085 of `adopt` and `standing`; LF-7086 where the other consumer
            still runs, or its positions are private and doubles would not be found; LF-1201 to
            LF-1206; those of looking at the stream.
    """
    wish = parse_wish(text)
    with Lookout(ingest.source, ingest.rhythm.list_every_s) as lookout:
        look = lookout.first()
        before = _leases(wish, ingest.source.access)
        standing = _standing(wish, ingest, look.identity.name, before, own)
        looked = _looked(ingest.source, standing, look.listed)
        if wish.kind == "kcl":
            _refuse_running(wish, ingest.source.access, before, renewed_s)
        return adopted(
            standing,
            look.listed,
            looked,
            stream=look.identity,
            now_ms=look.service_ms,
            begin=None if is_latest(ingest.start) else parse_start(ingest.start, look.service_ms),
            may_lose=ingest.on_loss == "go on",
        )


def _standing(
    wish: Wish, ingest: Ingest, stream: str, leases: Sequence[Json], own: OwnSource | None
) -> Standing:
    if wish.kind == "kcl":
        return of_leases(leases, f"table {wish.place}", stream)
    if wish.kind == "shards":
        return of_file(_file_text(wish.place), wish.place)
    return _checkpoint(wish, ingest, stream, own)


# --- leases ---------------------------------------------------------------------------------


def _leases(wish: Wish, access: AwsAccess) -> Sequence[Json]:
    """All items of the table, read strongly: a checkpoint that was made is seen."""
    if wish.kind != "kcl":
        return ()
    found: list[Json] = list(
        pages(access, "dynamodb", "scan", "Items", on=wish.place, TableName=wish.place,
              ConsistentRead=True)
    )  # fmt: skip
    return found


def _refuse_running(
    wish: Wish, access: AwsAccess, before: Sequence[Json], renewed_s: float
) -> None:
    if not any(row.get("leaseOwner", {}).get("S") for row in before):
        return
    sleep(renewed_s)
    then, now = lease_counters(before), lease_counters(_leases(wish, access))
    moving = sorted(key for key in now if now[key] != then.get(key))
    if moving:
        raise FerryError(
            "LF-7086",
            "the other consumer still runs, so where it stands cannot be taken over",
            f"table {wish.place}: {len(moving)} leases were renewed while this looked, as "
            f"{moving[0]}",
            "stop it, wait until it has made its last checkpoint, and begin again",
        )


# --- checkpoints of Spark -------------------------------------------------------------------


def _checkpoint(wish: Wish, ingest: Ingest, stream: str, own: OwnSource | None) -> Standing:
    store = _opened(wish.place, ingest)
    done = _numbers(store, "commits")
    if not done:
        raise unreadable(store.url, "no batch was committed; there is no `commits/0`")
    batch = _batch_of_table(store, max(done), ingest)
    meta, offsets = _offsets(store, batch)
    for number, offset in enumerate(offsets):
        if is_connector_offset(offset) and offset["metadata"]["streamName"] == stream:
            return _of_connector(store, wish, ingest, number, offset)
        if own is not None and {"epoch", "token"} <= offset.keys():
            folder = wish.metadata or f"{store.url}/lakeferry"
            state = own(_opened(folder, ingest), offset)
            if state.stream.name == stream:
                return of_state(state, f"{store.url}, batch {batch}")
    return _private(store, batch, meta, ingest)


def _opened(url: str, ingest: Ingest) -> Store:
    """By the options of the table's store, where it is of the same kind."""
    is_alike = locate(url).kind == locate(ingest.target.url).kind
    return open_store(url, ingest.target.options if is_alike else {})


def _numbers(store: Store, folder: str) -> list[int]:
    names = (meta.path.rpartition("/")[2] for meta in store.list(folder, recursive=False))
    return [int(name) for name in names if name.isdecimal()]


def _batch_of_table(store: Store, committed: int, ingest: Ingest) -> int:
    """The last batch whose rows are there: the table may be one ahead of the checkpoint.

    Spark's sink commits rows with `txn{appId: query id, version: batch}` and only then the batch is
    marked as done in the checkpoint. A table without such a txn is not the query's, and the
    checkpoint alone counts.
    """
    told = orjson.loads(read_all(store, "metadata"))
    query = str(told.get("id", "")) if isinstance(told, dict) else ""
    txn = _txn(ingest, query)
    if txn is None:
        return committed
    if txn.version < committed:
        raise FerryError(
            "LF-7083",
            "the table lacks batches that the checkpoint counts as done",
            f"{ingest.target.url}: txn {query} is {txn.version}; {store.url}/commits: {committed}",
            "name the table that the query wrote; one that was restored to an older version lost "
            "rows, so begin at a time before its last one: --from at:TIME",
        )
    return int(txn.version)


def _txn(ingest: Ingest, query: str) -> Txn | None:
    target = open_store(ingest.target.url, ingest.target.options)
    listing = list_log(target)
    if not (listing.commits or listing.checkpoints):
        return None
    return read_snapshot(target, listing=listing).txns.get(query)


def _offsets(store: Store, batch: int) -> tuple[Json, list[Json]]:
    """What Spark says of a batch, and the offset of each of its sources."""
    where = f"{store.url}/offsets/{batch}"
    try:
        version, meta, *told = read_all(store, f"offsets/{batch}").decode().splitlines()
        if version != "v1":
            raise unreadable(where, f"its format is {version}, known is v1")
        offsets = [orjson.loads(line) for line in told if line != "-"]
        return orjson.loads(meta), [one for one in offsets if isinstance(one, dict)]
    except FileNotFoundError as error:
        raise unreadable(where, "it is not there") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise unreadable(where, str(error)) from error


def _of_connector(store: Store, wish: Wish, ingest: Ingest, number: int, offset: Json) -> Standing:
    batch = offset["metadata"]["batchId"]
    records, folder = store, f"sources/{number}/{_CONNECTOR_FOLDER}/{batch}"
    if wish.metadata:
        records = _opened(wish.metadata, ingest)
        folder = f"{_CONNECTOR_FOLDER}/{batch}"
    ends: dict[str, Json] = {}
    for meta in records.list(folder, recursive=False):
        name = meta.path.rpartition("/")[2]
        if not name.startswith("."):  # Hadoop's checksums
            ends[name] = orjson.loads(read_all(records, meta.path))
    where = f"{records.url}/{folder}"
    if not ends:
        raise unreadable(
            where,
            "nothing is recorded of the batch; where the query had `kinesis.metadataPath`, write "
            "`checkpoint:DIR,metadata=PATH`, and of its DynamoDB committer make a file",
        )
    return of_connector(offset, ends, where)


def _private(store: Store, batch: int, meta: Json, ingest: Ingest) -> Standing:
    """Positions of a source that does not say how it writes them, as Databricks' own.

    What arrived in the margin before its last batch comes again, and is left out by its key.
    """
    planned_ms = meta.get("batchTimestampMs")
    if not isinstance(planned_ms, int) or planned_ms <= 0:
        raise unreadable(f"{store.url}/offsets/{batch}", "it does not say when the batch was")
    if ingest.dedup is None:
        raise FerryError(
            "LF-7086",
            "the positions of this query are private to its source, so some records come twice",
            f"{store.url}/offsets/{batch}: they are none of lakeferry's and none of awslabs'",
            "name the columns by which doubles are left out (`dedup`, --dedup): those within "
            f"{MARGIN_MS // 60_000} minutes before its last batch are compared with the table's",
        )
    note = (
        f"{store.url}: the positions are private to their source; reading begins "
        f"{MARGIN_MS // 60_000} minutes before its batch {batch}, and rows whose key the table "
        "has are left out. If the query was further behind than that, what lies between is "
        "missing: then give --from at:TIME in place of --adopt"
    )
    return Standing(store.url, since_ms=planned_ms - MARGIN_MS, notes=(note,))


# --- files and records ----------------------------------------------------------------------


def _file_text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise unreadable(path, str(said)) from error


def _looked(source: SourceSettings, standing: Standing, listed: Listing) -> Mapping[str, Looked]:
    """What lies at each record that a position names, of shards that are there."""
    line = Kinesis(source.endpoint, keys_of(source.access))
    try:
        return {
            shard_id: _look(line, source, shard_id, number, standing.source)
            for shard_id, number in records_to_look_at(standing).items()
            if shard_id in listed
        }
    finally:
        line.close()


def _look(line: Kinesis, source: SourceSettings, shard_id: str, number: str, where: str) -> Looked:
    try:
        iterator: str | None = _patiently(
            source, "GetShardIterator", lambda: line.iterator_at(source.stream, shard_id, number)
        )
    except Refused as error:
        why = f"{shard_id} has no record {number}: {error.refusal.message}"
        raise unreadable(where, why) from error
    for _ in range(_EMPTY_PAGES):
        if iterator is None:
            return Looked(found=False, empty=True)
        page = _patiently(source, "GetRecords", partial(line.records, iterator, limit=1))
        for record in page.records:
            if record.sequence_number != number:
                return Looked(found=False, arrival_ms=record.arrival_ms)
            unpacked = unpack(record.data)
            users = None if unpacked is None else len(unpacked.kept)
            return Looked(found=True, arrival_ms=record.arrival_ms, users=users)
        if page.millis_behind_latest == 0:
            return Looked(found=False, empty=True)
        iterator = page.next_shard_iterator
        sleep(_BETWEEN_S)
    return Looked(found=False)


def _patiently(source: SourceSettings, operation: str, ask: Callable[[], Answer]) -> Answer:
    """The answer, asked for again while the service says so; Refused where it has no such record.

    Raises what `Lookout` raises of a service that does not answer.
    """
    for times in range(1, _TRIES + 1):
        try:
            return ask()
        except Refused as error:
            if error.refusal.kind == "InvalidArgumentException":
                raise
            trouble = refusal_error(error.refusal, source, operation)
            if error.refusal.remedy not in ("wait", "try again"):
                raise trouble from error
        except Unanswered as error:
            trouble = unanswered_error(str(error), source)
        sleep(wait_after_refusal(times, 0.5))
    raise trouble
