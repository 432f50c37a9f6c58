"""What workers read becomes the next positions: of the table, and of the one with bad records.

The two tables cannot commit at once. That of bad records commits first, so after a crash in between
it stands ahead: what it has is offered again, and left out by its own positions. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lakeferry.ingest.crew.gone import forgettable
from lakeferry.ingest.kinesis.lineage import Listing, is_same_stream
from lakeferry.ingest.position.state import (
    After,
    Ended,
    IngestState,
    Position,
    Span,
    StreamIdentity,
    advanced,
)


def next_state(
    state: IngestState, spans: Sequence[Span], listed: Listing, horizon_ms: int = 0
) -> IngestState:
    """The state after a commit of these spans; ended shards that nothing waits for are left out.

    Args:
        horizon_ms: what came before this may be gone, since the epoch. Only what was ended, or
            given up, before then is forgotten.

    Raises:
        FerryError: LF-7003 where a span does not join the state.
    """
    after = advanced(state, tuple(_at_same_time(state, span) for span in spans))
    ended = {span.shard_id for span in spans if isinstance(span.ends, Ended)}
    # If one that is missed comes back, its parents and children must not look unread beside it.
    gone = forgettable(listed, after.shards, horizon_ms, ended)
    gone = frozenset() if after.missed else gone
    kept = {shard: place for shard, place in after.shards.items() if shard not in gone}
    missed = {
        shard: one
        for shard, one in after.missed.items()
        if shard in listed or one.since_ms >= horizon_ms
    }
    return replace(after, shards=kept, missed=missed)


def _at_same_time(state: IngestState, span: Span) -> Span:
    """A span whose place is the table's, but not the time up to which it was looked at.

    A gap that was accepted moves that time in the table while the shard is read on.
    """
    stands = state.shards.get(span.shard_id)
    if stands is None or isinstance(stands, Ended) or not _same_place(stands, span.begins):
        return span
    if stands == span.begins:
        return span
    until = max(stands.read_until_ms, span.ends.read_until_ms)
    return replace(span, begins=stands, ends=replace(span.ends, read_until_ms=until))


def _same_place(one: Position, other: Position) -> bool:
    return replace(one, read_until_ms=0) == replace(other, read_until_ms=0)


# --- the table of bad records ---------------------------------------------------------------


def next_rejected(state: IngestState, spans: Sequence[Span], stream: StreamIdentity) -> IngestState:
    """The state of the quarantine table after a commit: never behind where it stood.

    Args:
        stream: that is read. Positions of another one of the same name mean nothing in it.
    """
    known = rejected_places(state, stream)
    places = dict(known)
    for span in spans:
        stands = known.get(span.shard_id)
        if stands is None or further(span.ends, stands):
            places[span.shard_id] = span.ends
    return replace(state, epoch=state.epoch + 1, stream=stream, shards=places)


def rejected_places(state: IngestState | None, stream: StreamIdentity) -> Mapping[str, Position]:
    """Up to where bad records lie in quarantine already."""
    if state is None or not is_same_stream(state.stream, stream):
        return {}
    return state.shards


def further(one: Position, other: Position) -> bool:
    """Whether a place in a shard lies beyond another one in the same shard."""
    return _order(one) > _order(other)


def _order(place: Position) -> tuple[int, int]:
    match place:
        case Ended():
            return 2, 0
        case After(number):
            return 1, int(number)
        case _:
            return 0, 0


def is_worth_a_commit(state: IngestState, spans: Sequence[Span], idle_s: float) -> bool:
    """Whether spans say more than that little time has passed: a record, an end, a new shard.

    Args:
        idle_s: so far positions may lag behind what was looked at and found empty.
    """
    return any(
        span.records
        or isinstance(span.ends, Ended)
        or is_news(state, span.shard_id, span.ends.read_until_ms, idle_s)
        for span in spans
    )


def is_news(state: IngestState, shard_id: str, read_until_ms: int, idle_s: float) -> bool:
    """Whether a shard from which nothing came is worth a commit: unknown yet, or of long ago."""
    place = state.shards.get(shard_id)
    return place is None or read_until_ms - place.read_until_ms > idle_s * 1000
