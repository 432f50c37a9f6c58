"""First positions of an ingest that goes on where another consumer stands. Pure.

A position is adopted only if it means something in the stream as it is: each listed shard must be
told of, be a child of one that is, or lie behind one that is. The record that a position names is
looked at, for two reasons: it says up to when all was read, and whether it is an aggregate of which
only a part was worked on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.lineage import Listing, is_same_stream
from lakeferry.ingest.position.standing import Place, Standing
from lakeferry.ingest.position.state import (
    After,
    Ended,
    FromTime,
    FromTrimHorizon,
    Gap,
    Position,
    StreamIdentity,
)

_SHOWN = 5  # shards in a message


@dataclass(frozen=True, slots=True)
class Looked:
    """What lies at the record that a position names."""

    found: bool  # False: the record is gone from the stream
    arrival_ms: int = 0  # of the record; of the oldest that is there, where it is gone
    users: int | None = None  # records of the aggregate; None: it is an ordinary one
    empty: bool = False  # nothing at all lies there: what was not read cannot be missing now


@dataclass(frozen=True, slots=True)
class Adopted:
    """Where every shard begins, and how sure that is."""

    shards: Mapping[str, Position]
    exact: bool  # nothing is left out and nothing comes twice
    notes: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()  # that are accepted: records which neither consumer has read
    since: FromTime | None = None  # of a consumer whose shards are not known: all begin here


def adopted_text(found: Adopted, wish: str) -> str:
    """`goes on exactly where kcl:app stands, 4 shards`."""
    exactly = "exactly" if found.exact else "with an overlap"
    shards = f"{len(found.shards):,} shard{'s' * (len(found.shards) != 1)}"
    return f"goes on {exactly} where {wish} stands, {shards}"


@dataclass(slots=True)
class _Found:
    began_ms: int = 0  # nothing came before
    shards: dict[str, Position] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    lost: list[Gap] = field(default_factory=list)


def records_to_look_at(standing: Standing) -> Mapping[str, str]:
    """The sequence number to look at, by shard."""
    return {
        shard_id: place.sequence_number
        for shard_id, place in sorted(standing.shards.items())
        if isinstance(place, Place) and place.where in ("after", "at")
    }


def adopted(
    standing: Standing,
    listed: Listing,
    looked: Mapping[str, Looked],
    *,
    stream: StreamIdentity,
    now_ms: int,
    begin: FromTrimHorizon | FromTime | None = None,
    may_lose: bool = False,
) -> Adopted:
    """The first positions of an ingest.

    Args:
        standing: of the other consumer, which has stopped.
        listed: shards of the stream now.
        looked: at what `records_to_look_at` names.
        stream: that is there now.
        now_ms: by the service's clock, since the epoch.
        begin: for shards that stand at LATEST or at a time that is not kept: where the consumer
            was told to begin; None: such shards are refused.
        may_lose: go on though a record that a position names is gone.

    Raises:
        FerryError: LF-7083 where a shard is not told of or the stream is another one, LF-7084 where
            records may be lost, LF-7085 where a position is no place that can be found again.
    """
    if standing.since_ms is not None:
        since = FromTime(standing.since_ms, standing.since_ms)
        shards = dict.fromkeys(listed, since)
        return Adopted(shards, exact=False, notes=standing.notes, since=since)
    if standing.stream is not None and not is_same_stream(standing.stream, stream):
        why = f"it read {standing.stream}, and there is {stream}"
        raise _stranger(standing, why)
    _refuse_strangers(standing, listed)
    found = _places(standing, listed, looked, stream.created_ms, now_ms, begin)
    if found.lost and not may_lose:
        raise _lost(standing, found.lost)
    notes = (*standing.notes, *_notes(found))
    exact = not (found.twice or found.lost)
    return Adopted(found.shards, exact, notes, tuple(found.lost))


def _places(
    standing: Standing,
    listed: Listing,
    looked: Mapping[str, Looked],
    began_ms: int,
    now_ms: int,
    begin: FromTrimHorizon | FromTime | None,
) -> _Found:
    found = _Found(began_ms)
    for shard_id, place in sorted(standing.shards.items()):
        # One that was read to its end may be listed no more, and have children that wait for it.
        waited_for = any(child not in standing.shards for child in _children(shard_id, listed))
        if shard_id in listed or (waited_for and _is_end(place)):
            found.shards[shard_id] = (
                _taken(shard_id, place, listed, looked.get(shard_id), now_ms, begin, found)
                if isinstance(place, Place)
                else place
            )
    for shard_id in _ancestors(found.shards, listed) - found.shards.keys():
        found.shards[shard_id] = Ended(now_ms, _children(shard_id, listed))
    return found


def _taken(
    shard_id: str,
    place: Place,
    listed: Listing,
    looked: Looked | None,
    now_ms: int,
    begin: FromTrimHorizon | FromTime | None,
    found: _Found,
) -> Position:
    match place.where:
        case "end":
            return Ended(now_ms, _children(shard_id, listed))
        case "trim horizon":
            return FromTrimHorizon(now_ms)
        case "time":
            return FromTime(place.at_ms, place.at_ms)
        case "latest" | "unknown time":
            if begin is None:
                raise _nowhere(shard_id, place)
            until = begin.at_ms if isinstance(begin, FromTime) else now_ms
            return replace(begin, read_until_ms=until)
        case "after" | "at":
            return _at_record(shard_id, place, looked, now_ms, found)


def _at_record(
    shard_id: str, place: Place, looked: Looked | None, now_ms: int, found: _Found
) -> Position:
    if looked is None:
        raise ValueError(f"nobody looked at {place.sequence_number} of {shard_id}")
    if not looked.found:
        if looked.empty:
            return After(place.sequence_number, now_ms)
        # When the record came that is gone is not known, but not before the stream was made.
        oldest_ms = looked.arrival_ms or now_ms
        found.lost.append(Gap(shard_id, min(found.began_ms, oldest_ms), oldest_ms))
        return After(place.sequence_number, oldest_ms)
    if place.where == "after" and _is_whole(place, looked):
        return After(place.sequence_number, looked.arrival_ms)
    # A position is always behind a whole record. By time the reading begins at this one, or at
    # others that arrived in the same millisecond before it.
    found.twice.append(shard_id)
    return FromTime(looked.arrival_ms, looked.arrival_ms)


def _is_whole(place: Place, looked: Looked) -> bool:
    """Whether nothing of the record is left to read: KCL counts user records, from 0."""
    if place.sub_sequence is None or looked.users is None:
        return True
    return place.sub_sequence >= looked.users - 1


# --- the family of shards -------------------------------------------------------------------


def _refuse_strangers(standing: Standing, listed: Listing) -> None:
    told = standing.shards
    gone = [
        one for one, place in told.items() if one not in listed and not _is_end(place)
    ]  # fmt: skip
    if gone:
        raise _stranger(standing, f"{_some(gone)} of its shards are none of this stream now")
    open_ends = [
        one for one, place in told.items()
        if one in listed and _is_end(place) and not listed[one].closed
    ]  # fmt: skip
    if open_ends:
        raise _stranger(standing, f"{_some(open_ends)} was read to its end there, and is open here")
    known = set(told) | _ancestors(told, listed) | _descendants(told, listed)
    unknown = [one for one in listed if one not in known]
    if unknown:
        raise _stranger(standing, f"nothing is told of {_some(unknown)}")


def _is_end(place: Place | Position) -> bool:
    return isinstance(place, Ended) or (isinstance(place, Place) and place.where == "end")


def _ancestors(shards: Mapping[str, object], listed: Listing) -> set[str]:
    """Listed shards that lie behind these: whoever reads a child has read its parents."""
    found: set[str] = set()
    waiting = [one for one in shards if one in listed]
    while waiting:
        for parent in listed[waiting.pop()].parents:
            if parent in listed and parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


def _descendants(shards: Mapping[str, object], listed: Listing) -> set[str]:
    """Listed shards that are read when these are ended."""
    found: set[str] = set()
    for shard_id in sorted(listed):  # parents have lower ids
        if any(one in shards or one in found for one in listed[shard_id].parents):
            found.add(shard_id)
    return found


def _children(shard_id: str, listed: Listing) -> tuple[str, ...]:
    return tuple(sorted(one for one in listed if shard_id in listed[one].parents))


# --- what is said ---------------------------------------------------------------------------


def _notes(found: _Found) -> tuple[str, ...]:
    notes = []
    if found.twice:
        notes.append(
            f"{_some(found.twice)} stands within an aggregate; all of it comes again, and what "
            "arrived in the same millisecond before it"
        )
    if found.lost:
        shards = _some([gap.shard_id for gap in found.lost])
        notes.append(
            f"{shards} goes on at the oldest record there is; what came after its position and is "
            "gone was not read"
        )
    return tuple(notes)


def _some(shards: list[str]) -> str:
    shown = ", ".join(sorted(shards)[:_SHOWN])
    return f"{shown} and {len(shards) - _SHOWN} more" if len(shards) > _SHOWN else shown


def _stranger(standing: Standing, why: str) -> FerryError:
    return FerryError(
        "LF-7083",
        "the positions of the other consumer are not those of this stream",
        f"{standing.source}: {why}",
        "name the right stream; where shards are missing, name all of them in a file: "
        "--adopt shards:FILE",
    )


def _lost(standing: Standing, gaps: list[Gap]) -> FerryError:
    shards = [gap.shard_id for gap in gaps]
    return FerryError(
        "LF-7084",
        "records may be lost: the record at which the other consumer stands is gone",
        f"{standing.source}: {_some(shards)}; retention took it, or the stream was made anew",
        "if that is accepted, go on with --on-data-loss go-on; else begin at a time, with --from",
    )


def _nowhere(shard_id: str, place: Place) -> FerryError:
    told = "LATEST" if place.where == "latest" else "AT_TIMESTAMP"
    return FerryError(
        "LF-7085",
        "the other consumer has not read a record of a shard yet, and where it began is not kept",
        f"{shard_id} stands at {told}",
        "say where it was told to begin: --from at:TIME or --from trim-horizon",
    )
