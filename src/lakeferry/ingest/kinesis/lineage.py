"""Shards and their parents: which may be read now, where each begins, which stream it is. Pure.

A split closes one shard for two, a merge two for one. Records of one key stay in order only if a
shard is read after the end of each of its parents is committed.

Source: Kinesis developer guide, "Resharding, data routing, data persistence, and shard state".
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from lakeferry.ingest.kinesis.aggregate import HIGHEST_HASH
from lakeferry.ingest.kinesis.wire import ListedShard
from lakeferry.ingest.position.state import (
    Ended,
    FromTime,
    FromTrimHorizon,
    Missed,
    Position,
    StreamIdentity,
)


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard as it is listed. Shards whose records have all gone are not."""

    shard_id: str
    parents: tuple[str, ...] = ()  # none, the one that was split, the two that were merged
    hash_range: tuple[int, int] = (0, HIGHEST_HASH)  # first and last, both within
    closed: bool = False


Listing = Mapping[str, Shard]
NONE_MISSED: Mapping[str, Missed] = MappingProxyType({})


def listing(shards: Iterable[ListedShard]) -> dict[str, Shard]:
    """All shards of all pages of an answer, by id."""
    return {shard.shard_id: _shard(shard) for shard in shards}


def _shard(listed: ListedShard) -> Shard:
    named = (listed.parent_shard_id, listed.adjacent_parent_shard_id)
    hashes = listed.hash_key_range
    return Shard(
        listed.shard_id,
        tuple(parent for parent in named if parent),
        (int(hashes.starting_hash_key), int(hashes.ending_hash_key)),
        listed.sequence_number_range.ending_sequence_number is not None,
    )


def first_positions(
    listed: Listing, place: FromTrimHorizon | FromTime, now_ms: int
) -> dict[str, Position]:
    """Where a new ingest stands in every shard of the stream. It is committed before a row is.

    Args:
        place: `FromTime(now)` stands for "latest": a time can be asked for again after a crash,
            the latest record is another one then.
        now_ms: since the epoch. Retention may take of the oldest while they are read; it is not
            missed. What was asked for by its time is.

    Closed shards are among them: what came to them since the time is read, before their children.
    """
    since = place.at_ms if isinstance(place, FromTime) else now_ms
    start: Position = replace(place, read_until_ms=since)
    return dict.fromkeys(listed, start)


def is_whole(listed: Listing) -> bool:
    """Whether a listing shows every parent that it names, and a youngest shard for every key.

    If not, retention took what it lacks, or it left shards out.
    """
    named = {parent for shard in listed.values() for parent in shard.parents}
    tips = [shard.hash_range for shard_id, shard in listed.items() if shard_id not in named]
    reached = -1
    for first, last in sorted(tips):
        if first > reached + 1:
            return False
        reached = max(reached, last)
    return reached >= HIGHEST_HASH and named <= listed.keys()


def first_missed(
    listed: Listing, place: FromTrimHorizon | FromTime, now_ms: int
) -> dict[str, Missed]:
    """The parents of a new ingest's shards that no look shows, by id.

    Retention took them, most likely. If a listing left them out, their records are still to come,
    though behind those of their children; so it is kept where they would be begun.
    """
    named = {parent for shard in listed.values() for parent in shard.parents}
    since = place.at_ms if isinstance(place, FromTime) else now_ms
    start: Position = replace(place, read_until_ms=since)
    return dict.fromkeys(named - listed.keys(), Missed(start, now_ms))


def older_missed(
    listed: Listing,
    known: Collection[str],
    missed: Mapping[str, Missed],
    begun: Iterable[str],
) -> dict[str, Missed]:
    """The parents of shards that are begun late, of which nothing is known either.

    To be missed before a record is read: with a position of its child a parent looks forgotten.

    Args:
        known: shards with a position, or read already. One that is lost is among them, and its
            parents were ended.
        begun: listed shards that are read from now on.
    """
    late = [one for one in begun if one in missed and one not in known]
    return {
        parent: missed[one]
        for one in late
        for parent in listed[one].parents
        if parent not in known and parent not in missed
    }


def readable(
    listed: Listing,
    committed: Mapping[str, Position],
    missed: Mapping[str, Missed] = NONE_MISSED,
) -> dict[str, Position]:
    """The shards that may be read now, and from where; what they hold is in the order of its keys.

    Args:
        committed: as the table has it, not as far as was read. Every shard that has a position had
            all its parents ended, or was there when the ingest began.
        missed: as the table has it. Nothing waits for those; one that is listed all the same is
            read from its place, late as it is, and behind those of its parents that are listed.

    A shard that is read begins at its position, or, as a child, at its oldest record. It waits for
    each parent that has a record to give: one whose end is not committed, or that is listed and was
    not begun, or that an ended shard names as its child, or of which nothing is known, which
    `gone.losses` finds. A listed shard without a position that is older than one with a position
    was ended and forgotten: a listing may leave a shard out once and show it again.
    """
    waited = unborn(committed)
    finished = forgotten(listed, committed, missed) - waited
    found: dict[str, Position] = {}
    for shard_id in sorted(listed):
        place = committed.get(shard_id)
        parents = listed[shard_id].parents
        if shard_id in missed:
            there = [one for one in parents if one in listed]
            if all(_is_over(one, listed, committed, missed, finished) for one in there):
                found[shard_id] = missed[shard_id].place
            continue
        if isinstance(place, Ended) or shard_id in finished:
            continue
        if place is None and not all(
            _is_over(one, listed, committed, missed, finished) and one not in waited
            for one in parents
        ):
            continue
        unknown = any(one not in listed and one not in committed for one in parents)
        if place is None and unknown and is_behind(listed[shard_id], listed, committed, waited):
            continue
        if place is not None and any(is_open(committed.get(one)) for one in parents):
            continue
        found[shard_id] = place or FromTrimHorizon(_read_until(parents, committed, missed))
    return found


def is_behind(
    shard: Shard, listed: Listing, committed: Mapping[str, Position], waited: Collection[str]
) -> bool:
    """Whether an older shard that is still to be read may have had keys of this one.

    Asked where nobody knows a parent: retention took it, or the listing leaves it out between this
    shard and one that is read. Ids rise with every reshard.
    """
    unread = [one for one, place in committed.items() if is_open(place)]
    for older in (*unread, *waited):
        if older < shard.shard_id and (
            older not in listed or _overlap(listed[older].hash_range, shard.hash_range)
        ):
            return True
    return False


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def unborn(committed: Mapping[str, Position]) -> set[str]:
    """Children of ended shards that were not begun: a listing may not show them yet, or once not.

    None of them was forgotten, for a shard is kept as long as a parent of it is.
    """
    ended = [place for place in committed.values() if isinstance(place, Ended)]
    return {child for place in ended for child in place.children if child not in committed}


def is_open(place: Position | None) -> bool:
    """Whether a place is known, and there is more to read behind it."""
    return place is not None and not isinstance(place, Ended)


def _is_over(
    shard_id: str,
    listed: Listing,
    committed: Mapping[str, Position],
    missed: Mapping[str, Missed],
    finished: Collection[str],
) -> bool:
    """Whether a parent has nothing left to give: ended, forgotten, or given up."""
    if shard_id in missed:
        return shard_id not in listed
    if shard_id in committed:
        return isinstance(committed[shard_id], Ended)
    return shard_id in finished


def forgotten(
    listed: Listing,
    committed: Mapping[str, Position],
    missed: Mapping[str, Missed] = NONE_MISSED,
) -> set[str]:
    """Listed shards that were ended, as their descendants have positions, and they have none."""
    found: set[str] = set()
    waiting = [one for shard in committed if shard in listed for one in listed[shard].parents]
    while waiting:
        shard_id = waiting.pop()
        known = shard_id in committed or shard_id in missed
        if shard_id in found or known or shard_id not in listed:
            continue
        found.add(shard_id)
        waiting += listed[shard_id].parents
    return found


def _read_until(
    parents: Collection[str], committed: Mapping[str, Position], missed: Mapping[str, Missed]
) -> int:
    """Whatever came to a child came after its parents were read to their ends."""
    known = [committed[one].read_until_ms for one in parents if one in committed]
    given_up = [missed[one].since_ms for one in parents if one in missed and one not in committed]
    return min([*known, *given_up], default=0)


def is_same_stream(known: StreamIdentity, found: StreamIdentity) -> bool:
    """Whether positions of one stream mean anything in the other.

    A stream that is deleted and made again has the name and the ARN of the old one and numbers its
    shards from zero; its id and its time of creation are others.
    """
    if known.stream_id and found.stream_id:
        return known.stream_id == found.stream_id
    if known.created_ms and found.created_ms and known.created_ms != found.created_ms:
        return False
    return not (known.arn and found.arn) or known.arn == found.arn
