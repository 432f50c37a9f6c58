"""What a stream no longer has: records that may be lost, and shards that may be forgotten. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from lakeferry.ingest.kinesis.lineage import (
    NONE_MISSED,
    Listing,
    forgotten,
    is_behind,
    is_open,
    unborn,
)
from lakeferry.ingest.position.state import Ended, FromTrimHorizon, Gap, Missed, Position

ANY_TIME = 1 << 62


def losses(
    listed: Listing,
    committed: Mapping[str, Position],
    horizon_ms: int,
    missed: Mapping[str, Missed] = NONE_MISSED,
) -> tuple[Gap, ...]:
    """What retention may have taken before it was read, by shard.

    Args:
        horizon_ms: now less the stream's retention, since the epoch.
        missed: is not told again.

    Kinesis does not say it: asked for a record that is gone it gives the oldest that is not. So a
    shard counts that is behind the horizon, or is listed no more though it was not ended; a child
    of either kind that was never begun; and a parent of which nothing is known, for whose end a
    child waits.
    """
    found: dict[str, Gap] = {}
    for shard_id, place in sorted(committed.items()):
        since = place.read_until_ms
        if isinstance(place, Ended):
            unborn = [one for one in place.children if one not in committed]
            at_risk = [one for one in unborn if since < horizon_ms or one not in listed]
        else:
            at_risk = [shard_id] if since < horizon_ms or shard_id not in listed else []
        for one in at_risk:
            found.setdefault(one, Gap(one, since, max(since, horizon_ms)))
    for one, since in _unknown(listed, committed, missed).items():
        found.setdefault(one, Gap(one, since or horizon_ms, max(since, horizon_ms)))
    return tuple(found.values())


def _unknown(
    listed: Listing, committed: Mapping[str, Position], missed: Mapping[str, Missed]
) -> dict[str, int]:
    """Parents that are neither listed nor known, and up to when older shards are read; 0: none is.

    While an older shard with the same keys is to be read it may still name them as its children.
    """
    if not committed:
        return {}  # nothing is begun
    waited = unborn(committed)
    done = forgotten(listed, committed, missed)
    unread = waited | (listed.keys() - committed.keys() - missed.keys() - done)
    found: dict[str, int] = {}
    for shard_id, shard in listed.items():
        lacking = [one for one in shard.parents if one not in listed and one not in committed]
        lacking = [one for one in lacking if one not in missed and one not in waited]
        if not lacking or shard_id in committed or shard_id in done or shard_id in missed:
            continue
        if is_behind(shard, listed, committed, unread):
            continue
        older = [place.read_until_ms for one, place in committed.items() if one < shard_id]
        found |= dict.fromkeys(lacking, max(older, default=0))
    return found


def without(
    committed: Mapping[str, Position], gaps: Iterable[Gap], listed: Listing
) -> dict[str, Position]:
    """The positions after gaps were accepted: each goes on with the oldest record there is.

    A shard that is gone is ended. One that is only behind keeps its place, with the time from which
    on nothing is missing.
    """
    found = dict(committed)
    for gap in gaps:
        place = found.get(gap.shard_id)
        if gap.shard_id not in listed:
            records = getattr(place, "records", 0)
            found[gap.shard_id] = Ended(gap.until_ms, (), records)
        elif place is None:
            found[gap.shard_id] = FromTrimHorizon(gap.until_ms)
        else:
            found[gap.shard_id] = _at_least(place, gap.until_ms)
    return found


def _at_least(place: Position, until_ms: int) -> Position:
    return replace(place, read_until_ms=max(place.read_until_ms, until_ms))


def forgettable(
    listed: Listing,
    committed: Mapping[str, Position],
    horizon_ms: int = ANY_TIME,
    ended_now: Collection[str] = (),
) -> frozenset[str]:
    """Ended shards that need not be kept: listed no more, and nothing that follows waits for them.

    Args:
        horizon_ms: what came before this is gone, since the epoch. One that was read to its end
            later may be left out by a listing alone; when it is back it must still be known.
        ended_now: kept, so that the positions of one commit tell that they were read to their end.

    A shard is forgotten only with its parents gone, so that no child is taken for unborn. A listing
    that lacks a shard which is still read is none to judge by: it may lack others, too.
    """
    if any(is_open(place) and shard_id not in listed for shard_id, place in committed.items()):
        return frozenset()
    following = _children(listed, committed)
    found: set[str] = set()
    gone = {one for one, place in committed.items() if _is_gone(place, one, listed, horizon_ms)}
    kept = committed.keys() - gone
    kept |= set(ended_now)
    # Oldest first: ids rise with every reshard, and whatever keeps a shard keeps its children.
    for shard_id in sorted(committed):
        children = following.get(shard_id, set())
        if shard_id in kept or not children <= committed.keys():
            kept |= {shard_id, *children}
        else:
            found.add(shard_id)
    return frozenset(found - kept)


def _is_gone(place: Position, shard_id: str, listed: Listing, horizon_ms: int) -> bool:
    ended = isinstance(place, Ended) and place.read_until_ms < horizon_ms
    return ended and shard_id not in listed


def _children(listed: Listing, committed: Mapping[str, Position]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for shard_id, place in committed.items():
        if isinstance(place, Ended):
            found.setdefault(shard_id, set()).update(place.children)
    for shard in listed.values():
        for parent in shard.parents:
            found.setdefault(parent, set()).add(shard.shard_id)
    return found
