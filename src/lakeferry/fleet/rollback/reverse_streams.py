"""Streams that went on at a target, and where they stand when their tables go back to the source.

Their checkpoints were carried to the target by the switch, as the receipts say, or are named. Each
is carried back to a new folder beside the one that it had: nothing of a stream is written over.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lakeferry.clone.record import MIRROR
from lakeferry.clone.target import newest_record
from lakeferry.delta.log import head_version, list_log
from lakeferry.delta.snapshot import read_snapshot
from lakeferry.errors import FerryError
from lakeferry.fleet.cutover.look import no_checkpoint, options_of
from lakeferry.fleet.cutover.sides import Stores
from lakeferry.fleet.cutover.stream_state import carry, read_position, room_for
from lakeferry.fleet.cutover.stream_ways import StreamPosition, StreamWay, Switched, stream_ways
from lakeferry.fleet.rollback.plan import Back, StreamBack, next_batch
from lakeferry.store.open import same_place
from lakeferry.store.protocol import Store


@dataclass(frozen=True)
class AtTarget:
    """A checkpoint that lies at the target."""

    position: StreamPosition
    store: Store
    origin: str  # the folder from which the switch carried it; '': it was named


def find_streams(
    stores: Stores, backs: Iterable[Back], named: Sequence[str], *, are_needed: bool
) -> tuple[AtTarget, ...]:
    """Those that the switch carried, as far as they are there, and those that are named.

    Args:
        are_needed: they are to be carried back; else one that cannot be read is left out, since
            the way back itself does not need it.

    Raises:
        FerryError: LF-8074 a named one is none; a store that refuses.
    """
    options = stores.wanted.target.store_options
    origins = {one["to"]: one["from"] for back in backs for one in back.body.get("checkpoints", ())}
    found = []
    for url, origin in sorted(origins.items()):
        try:
            position = read_position(stores.at(url, options))
        except FerryError:
            if are_needed:
                raise
            continue
        if position is not None:
            found.append(AtTarget(position, stores.at(url, options), origin))
    for url in named:
        if any(same_place(url, one) for one in origins):
            continue
        position = read_position(stores.at(url, options))
        if position is None:
            raise no_checkpoint(url)
        found.append(AtTarget(position, stores.at(url, options), ""))
    return tuple(found)


def ways_back(
    stores: Stores, backs: Sequence[Back], found: Sequence[AtTarget]
) -> tuple[StreamBack, ...]:
    """What each does at the source once all commits are carried back; asked again afterwards, too.

    Streams that have to do with none of these tables are left out.
    """
    tables = [_switched_back(stores, back) for back in backs if back.row.kind != "folder"]
    logless = {back.row.name: back.row.kind for back in backs if back.row.kind != "delta"}
    told = []
    for one in found:
        for found_way in stream_ways([one.position], tables):
            stuck = next((name for name in found_way.tables if name in logless), None)
            way = found_way
            if stuck is not None:
                why = f"{stuck} is a {logless[stuck]} table at the source, which has no log"
                way = replace(found_way, does="cannot", why=why, starting_versions={})
            told.append(StreamBack(way, one.origin))
    return tuple(told)


def carry_streams(
    stores: Stores, found: Sequence[AtTarget], ways: Mapping[str, StreamWay],
    *, on_silence: Callable[[], None],
) -> tuple[StreamBack, ...]:  # fmt: skip
    """Carry back what goes on and is not where it was before the switch. Twice is once.

    Args:
        ways: of each, by the address of its checkpoint.
        on_silence: called some times a second meanwhile.

    Raises:
        FerryError: LF-8075 a stream runs, or there is no room.
    """
    done = []
    for one in found:
        way = ways.get(one.position.url)
        if way is None:
            continue
        if way.does != "continues" or not has_gone_on(stores, one):
            done.append(StreamBack(way, one.origin if way.does == "continues" else ""))
            continue
        origin = one.origin or _new_place(stores, one, way)
        open_at = partial(_at_source, stores, options_of(stores.wanted, origin))
        url = room_for(one.store, f"{origin.rstrip('/')}-back", open_at)
        carry(one.store, open_at(url), on_silence=on_silence)
        done.append(StreamBack(way, url))
    return tuple(done)


def _at_source(stores: Stores, options: Mapping[str, str], url: str) -> Store:
    return stores.at(url, options)


def left_streams(stores: Stores, found: Sequence[AtTarget]) -> tuple[StreamBack, ...]:
    """Those that went on at the target, where nothing is carried back.

    Where the source cannot be read nothing is told of them: the way back does not need it.
    """
    left = []
    for one in found:
        try:
            if not one.origin or not has_gone_on(stores, one):
                continue
            before = _origin(stores, one)
        except FerryError:
            continue
        again = 0 if before is None else next_batch(before)
        why = (
            f"it went on at the target to batch {next_batch(one.position) - 1}, and begins again "
            f"with batch {again} at the source; --reverse carries its checkpoint back"
        )
        way = StreamWay(one.position.url, one.position.query_id, "cannot", why, ())
        left.append(StreamBack(way, one.origin, is_left=True))
    return tuple(left)


def has_gone_on(stores: Stores, one: AtTarget) -> bool:
    """Whether its checkpoint at the target says something else than the one it came from."""
    before = _origin(stores, one)
    return before is None or replace(before, url=one.position.url) != one.position


def _origin(stores: Stores, one: AtTarget) -> StreamPosition | None:
    if not one.origin:
        return None
    return read_position(stores.at(one.origin, options_of(stores.wanted, one.origin)))


def _new_place(stores: Stores, one: AtTarget, way: StreamWay) -> str:
    """For one that never was at the source: below the root of its first table's source."""
    source = next(row.source for row in stores.every if row.name == way.tables[0])
    root = stores.wanted.sources[source].root
    if root is None:
        raise FerryError(
            "LF-8085",
            f"stream {way.query_id} has no place at source `{source}`, whose tables lie anywhere",
            way.url, "start it at the source with a new checkpoint",
        )  # fmt: skip
    name = Path(one.position.url.rstrip("/")).name or "checkpoint"
    return f"{root.rstrip('/')}/_checkpoints/{name}-{one.position.query_id[:8]}"


def _switched_back(stores: Stores, back: Back) -> Switched:
    """The sides change places: the target is what streams have read and written until now."""
    target = read_snapshot(stores.target(back.row))
    txns = {app: txn.version for app, txn in target.txns.items()}
    written = max((one.version for one in back.written), default=back.target_version)
    if back.row.kind != "delta":
        return Switched(back.row.name, target.metadata.id, written, 0, "", False, txns)
    source = stores.source(back.row)
    listing = list_log(source)
    head = head_version(listing)
    if back.is_mirror:
        # The same commits, under the same versions.
        return Switched(
            back.row.name, target.metadata.id, written, max(head, target.version),
            target.metadata.id, True, txns,
        )  # fmt: skip
    record = newest_record(source, listing)
    is_carried = record is not None and record.mode != MIRROR and record.target_version == head
    if back.written and not is_carried:
        head += 1  # at least: it is asked again when it is done
    return Switched(
        back.row.name, target.metadata.id, written, head, read_snapshot(source).metadata.id, False,
        txns,
    )  # fmt: skip
